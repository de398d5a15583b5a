/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms, limits and reports that no dialect has of its own.
 */
#include "remote/dialect_response.h"

#include "remote/provider_error.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { REFUSAL_BYTES_MAX = 64 << 10 };

void amphi__reply_init(
    amphi_reply *reply, const amphi_answer_options *options, amphi_sse_fn *visit, void *user)
{
    memset(reply, 0, sizeof *reply);
    reply->options = *options;
    amphi__sse_init(&reply->sse, NULL, visit, user);
    amphi__buf_init(&reply->whole, AMPHI_REPLY_BYTES_MAX);
}

void amphi__reply_clear(amphi_reply *reply)
{
    amphi__sse_clear(&reply->sse);
    amphi__buf_wipe(&reply->whole); /* some refusals repeat the key */
}

/* ---- Reporting ------------------------------------------------------------------------------- */

void amphi__reply_report(const amphi_reply *reply, const amphi_engine_event *event)
{
    reply->options.sink.event(reply->options.sink.self, event);
}

void amphi__reply_text(const amphi_reply *reply, amphi_engine_event_kind kind, amphi_str text)
{
    if (text.size > 0) {
        amphi_engine_event event = {.kind = kind, .text = text};
        amphi__reply_report(reply, &event);
    }
}

void amphi__reply_model(amphi_reply *reply, amphi_str model)
{
    if (!reply->model_told && model.size > 0) {
        reply->model_told = true;
        amphi__reply_text(reply, AMPHI_ENGINE_MODEL, model);
    }
}

uint32_t amphi__reply_tokens(const amphi_json *value)
{
    int64_t count = amphi__json_int(value, 0);
    return count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

void amphi__reply_finish(amphi_reply *reply, const amphi_usage *usage, amphi_finish finish)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_USAGE};
    if (usage != NULL) {
        event.usage = *usage;
        amphi__reply_report(reply, &event);
    }
    reply->phase = AMPHI_ANSWER_ENDED;
    event.kind = AMPHI_ENGINE_FINISH;
    event.finish = finish;
    amphi__reply_report(reply, &event);
}

static void fail_with(amphi_reply *reply, const amphi_error *error, bool prefix_refused)
{
    if (reply->phase == AMPHI_ANSWER_ENDED)
        return;
    reply->phase = AMPHI_ANSWER_ENDED;
    amphi_engine_event event = {
        .kind = AMPHI_ENGINE_FAIL, .error = error, .prefix_refused = prefix_refused};
    amphi__reply_report(reply, &event);
}

void amphi__reply_fail_with(amphi_reply *reply, const amphi_error *error)
{
    fail_with(reply, error, false);
}

void amphi__reply_fail(amphi_reply *reply, amphi_status status, const char *message)
{
    amphi_error error;
    amphi__fail(&error, status, reply->http_status, "%s", message);
    fail_with(reply, &error, false);
}

void amphi__reply_refused(amphi_reply *reply, amphi_str body)
{
    amphi_refusal refusal;
    amphi__refusal_explain(
        &refusal, reply->http_status, body, reply->retry_ms, reply->options.prefix.size > 0);
    fail_with(reply, &refusal.error, refusal.prefix_refused);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool is_event_stream(amphi_str content_type)
{
    amphi_str parameters;
    amphi_str type = amphi__str_trim(amphi__str_cut(content_type, ';', &parameters));
    return amphi__str_equal_ignore_case(type, AMPHI_STR("text/event-stream"));
}

amphi_answer_phase amphi__reply_headers(
    amphi_reply *reply, int http_status, const amphi_http_header *headers, size_t count)
{
    reply->http_status = http_status;
    reply->retry_ms = amphi__retry_after_ms(headers, count, reply->options.clock);
    for (size_t i = 0; i < count; i++)
        if (amphi__str_equal_ignore_case(headers[i].name, AMPHI_STR("content-type")))
            reply->promised_events = is_event_stream(headers[i].value);
    if (http_status < 200 || http_status > 299) {
        reply->form = AMPHI_REPLY_REFUSAL;
        reply->whole.limit_bytes = REFUSAL_BYTES_MAX;
        reply->phase = AMPHI_ANSWER_ENDING;
    }
    return reply->phase;
}

/* Content types are often wrong; the first byte that is no blank is not: no event begins with a
 * brace. */
static void recognize(amphi_reply *reply, amphi_str piece)
{
    amphi_str text = amphi__str_trim(piece);
    if (text.size == 0)
        return;
    if (reply->promised_events && text.data[0] != '{') {
        reply->form = AMPHI_REPLY_EVENTS;
        return;
    }
    if (text.data[0] == '<') {
        amphi__reply_fail(reply, AMPHI_E_PROTOCOL,
            "the answer is a web page: a wrong URL, or a network that wants a sign-in first");
        return;
    }
    reply->form =
        text.data[0] == '{' || text.data[0] == '[' ? AMPHI_REPLY_WHOLE : AMPHI_REPLY_EVENTS;
}

amphi_answer_phase amphi__reply_body(amphi_reply *reply, amphi_str piece)
{
    if (reply->phase != AMPHI_ANSWER_ENDED && reply->form == AMPHI_REPLY_UNKNOWN)
        recognize(reply, piece);
    if (reply->phase == AMPHI_ANSWER_ENDED)
        return reply->phase;
    if (reply->form == AMPHI_REPLY_EVENTS) {
        amphi_status status = amphi__sse_feed(&reply->sse, piece);
        if (status != AMPHI_OK)
            amphi__reply_fail(reply, status, "the answer's events are too long or too many");
    } else if (reply->form == AMPHI_REPLY_REFUSAL) {
        size_t room = REFUSAL_BYTES_MAX - reply->whole.size; /* the rest is not worth reading */
        amphi__buf_append_str(&reply->whole, amphi__str_slice(piece, 0, room));
    } else if (reply->form == AMPHI_REPLY_WHOLE) {
        amphi_status status = amphi__buf_append_str(&reply->whole, piece);
        if (status != AMPHI_OK)
            amphi__reply_fail(reply, status, "the answer is too long");
    }
    return reply->phase;
}
