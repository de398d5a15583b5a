/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms, limits and reports of a response, the same in every dialect.
 */
#include "remote/dialect_response.h"

#include "remote/provider_error.h"
#include "remote/provider_words.h"
#include "remote/retry_after.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

enum { ERROR_BODY_BYTES_MAX = 64 << 10 };

void amphi__dialect_response_init(amphi_dialect_response *response,
    const amphi_answer_options *options, amphi_sse_fn *visit, void *user)
{
    memset(response, 0, sizeof *response);
    response->options = *options;
    static const amphi_sse_limits limits = {
        .line_bytes_max = AMPHI_RESPONSE_BYTES_MAX, .event_bytes_max = AMPHI_RESPONSE_BYTES_MAX};
    amphi__sse_init(&response->sse, &limits, visit, user);
    amphi__buf_init(&response->whole, AMPHI_RESPONSE_BYTES_MAX);
    amphi__buf_init(&response->repaired, 2 * (size_t)AMPHI_RESPONSE_BYTES_MAX);
}

void amphi__dialect_response_clear(amphi_dialect_response *response)
{
    amphi__sse_clear(&response->sse);
    amphi__buf_clear(&response->repaired);
    amphi__buf_wipe(&response->whole); /* some refusals repeat the key */
}

/* ---- Reporting ------------------------------------------------------------------------------- */

void amphi__dialect_response_report(
    const amphi_dialect_response *response, const amphi_engine_event *event)
{
    response->options.sink.event(response->options.sink.self, event);
}

/* Texts with halves of pairs, of a repaired event or the thought behind it; TEXT had its turn. */
static bool may_have_halves(const amphi_dialect_response *response, amphi_engine_event_kind kind)
{
    return kind != AMPHI_ENGINE_TEXT &&
           (response->is_repaired ||
               (kind == AMPHI_ENGINE_REASONING && response->thought_pair.high != 0));
}

void amphi__dialect_response_text(
    amphi_dialect_response *response, amphi_engine_event_kind kind, amphi_str text)
{
    amphi_engine_event event = {.kind = kind, .text = text};
    amphi_surrogates alone = {0};
    amphi_buf joined;
    if (text.size == 0)
        return;
    amphi__buf_init(&joined, 0);
    if (may_have_halves(response, kind)) {
        bool is_thought = kind == AMPHI_ENGINE_REASONING;
        amphi__surrogates_join(is_thought ? &response->thought_pair : &alone, &joined, text);
        amphi__surrogates_end(&alone, &joined);
        event.text = amphi__buf_str(&joined);
    }
    if (joined.status != AMPHI_OK)
        amphi__dialect_response_fail(response, joined.status, "out of memory");
    else if (event.text.size > 0)
        amphi__dialect_response_report(response, &event);
    amphi__buf_clear(&joined);
}

void amphi__dialect_response_model(amphi_dialect_response *response, amphi_str model)
{
    if (!response->model_reported && model.size > 0) {
        response->model_reported = true;
        amphi__dialect_response_text(response, AMPHI_ENGINE_MODEL, model);
    }
}

amphi_status amphi__dialect_response_check(
    amphi_dialect_response *response, amphi_str *text, bool *has_special)
{
    response->is_repaired = false;
    amphi_status status = amphi__json_check_numbers(*text, "event", has_special, NULL);
    if (status != AMPHI_E_FORMAT)
        return status;
    amphi__buf_reset(&response->repaired);
    if (amphi__json_repair(&response->repaired, *text) != AMPHI_OK)
        return response->repaired.status == AMPHI_E_NO_MEMORY ? AMPHI_E_NO_MEMORY : AMPHI_E_FORMAT;
    *text = amphi__buf_str(&response->repaired);
    response->is_repaired = true;
    return amphi__json_check_numbers(*text, "event", has_special, NULL);
}

void amphi__dialect_response_alive(const amphi_dialect_response *response)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_ALIVE};
    amphi__dialect_response_report(response, &event);
}

uint32_t amphi__dialect_response_tokens(const amphi_json *value)
{
    int64_t count = amphi__json_int(value, 0);
    return count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

void amphi__dialect_response_finish(
    amphi_dialect_response *response, const amphi_usage *usage, amphi_finish finish)
{
    amphi_engine_event event = {.kind = AMPHI_ENGINE_USAGE};
    if (usage != NULL) {
        event.usage = *usage;
        amphi__dialect_response_report(response, &event);
    }
    response->phase = AMPHI_ANSWER_ENDED;
    event.kind = AMPHI_ENGINE_FINISH;
    event.finish = finish;
    amphi__dialect_response_report(response, &event);
}

static void fail_with(
    amphi_dialect_response *response, const amphi_error *error, bool prefix_refused)
{
    if (response->phase == AMPHI_ANSWER_ENDED)
        return;
    response->phase = AMPHI_ANSWER_ENDED;
    amphi_engine_event event = {
        .kind = AMPHI_ENGINE_FAIL, .error = error, .prefix_refused = prefix_refused};
    amphi__dialect_response_report(response, &event);
}

void amphi__dialect_response_fail_with(amphi_dialect_response *response, const amphi_error *error)
{
    fail_with(response, error, false);
}

void amphi__dialect_response_fail(
    amphi_dialect_response *response, amphi_status status, const char *message)
{
    amphi_error error;
    if (status == AMPHI_E_NO_MEMORY)
        message = "out of memory"; /* what it was wanted for was not too large */
    amphi__fail(&error, status, response->http_status, "%s", message);
    fail_with(response, &error, false);
}

void amphi__dialect_response_fail_event(amphi_dialect_response *response, amphi_status status)
{
    if (status == AMPHI_E_NO_MEMORY) {
        amphi__dialect_response_fail(response, status, "out of memory");
    } else if (!response->at_end) {
        amphi__dialect_response_fail(
            response, AMPHI_E_PROTOCOL, "the answer holds something that is not JSON");
    } else if (response->phase == AMPHI_ANSWER_OPEN) {
        amphi__dialect_response_fail(
            response, AMPHI_E_TRUNCATED, "the answer ended in the middle of an event");
    }
}

void amphi__dialect_response_fail_from_body(amphi_dialect_response *response, amphi_str body)
{
    amphi_provider_verdict reason;
    amphi_provider_error words;
    if (response->phase == AMPHI_ANSWER_ENDED)
        return;
    amphi__provider_error_explain(&reason, response->http_status, body, response->retry_ms,
        response->options.prefix.size > 0);
    const amphi_provider_answer answer = {response->http_status, body,
        amphi_str_from(response->request_id), response->options.secrets};
    (void)amphi__provider_words_read(&words, &answer);
    response->phase = AMPHI_ANSWER_ENDED;
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_FAIL,
        .error = &reason.error,
        .prefix_refused = reason.prefix_refused,
        .provider = &words,
        .should_retry = response->should_retry};
    amphi__dialect_response_report(response, &event);
    amphi__wipe(&words, sizeof words); /* it may quote the question */
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool is_event_stream(amphi_str content_type)
{
    amphi_str parameters;
    amphi_str type = amphi__str_trim(amphi__str_cut(content_type, ';', &parameters));
    return amphi__str_equal_ignore_case(type, AMPHI_STR("text/event-stream"));
}

static void take_header(amphi_dialect_response *response, const amphi_http_header *header)
{
    static const char *const ids[] = {"x-request-id", "request-id", "apim-request-id"};
    if (amphi__str_equal_ignore_case(header->name, AMPHI_STR("content-type")))
        response->promised_events = is_event_stream(header->value);
    if (amphi__str_equal_ignore_case(header->name, AMPHI_STR("x-should-retry"))) {
        response->should_retry = amphi__str_equal_c(header->value, "true")    ? AMPHI_YES
                                 : amphi__str_equal_c(header->value, "false") ? AMPHI_NO
                                                                              : AMPHI_UNKNOWN;
    }
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (amphi__str_equal_ignore_case(header->name, amphi_str_from(ids[i])))
            amphi__str_copy_to(response->request_id, sizeof response->request_id, header->value);
}

amphi_answer_phase amphi__dialect_response_headers(amphi_dialect_response *response,
    int http_status, const amphi_http_header *headers, size_t count)
{
    response->http_status = http_status;
    response->retry_ms = amphi__retry_after_ms(headers, count, response->options.clock);
    for (size_t i = 0; i < count; i++)
        take_header(response, &headers[i]);
    if (http_status < 200 || http_status > 299) {
        response->form = AMPHI_RESPONSE_ERROR;
        response->whole.limit_bytes = ERROR_BODY_BYTES_MAX;
        response->phase = AMPHI_ANSWER_ENDING;
    }
    return response->phase;
}

/* Content types are often wrong; the first byte that is no blank is not: no event begins with a
 * brace. */
static void recognize(amphi_dialect_response *response, amphi_str piece)
{
    amphi_str text = amphi__str_trim(piece);
    if (amphi__str_starts_with(text, AMPHI_STR("\xEF\xBB\xBF")))
        text = amphi__str_slice(text, 3, text.size); /* a byte order mark */
    if (text.size == 0)
        return;
    if (response->promised_events && text.data[0] != '{') {
        response->form = AMPHI_RESPONSE_EVENTS;
        return;
    }
    if (text.data[0] == '<') {
        amphi__dialect_response_fail(response, AMPHI_E_PROTOCOL,
            "the answer is a web page: a wrong URL, or a network that wants a sign-in first");
        return;
    }
    response->form =
        text.data[0] == '{' || text.data[0] == '[' ? AMPHI_RESPONSE_WHOLE : AMPHI_RESPONSE_EVENTS;
}

amphi_answer_phase amphi__dialect_response_body(amphi_dialect_response *response, amphi_str piece)
{
    if (response->phase != AMPHI_ANSWER_ENDED && response->form == AMPHI_RESPONSE_UNKNOWN)
        recognize(response, piece);
    if (response->phase == AMPHI_ANSWER_ENDED)
        return response->phase;
    if (response->form == AMPHI_RESPONSE_EVENTS) {
        amphi_status status = amphi__sse_feed(&response->sse, piece);
        if (response->sse.is_alive && response->phase == AMPHI_ANSWER_OPEN)
            amphi__dialect_response_alive(response); /* once for all comments of a piece */
        response->sse.is_alive = false;
        if (status != AMPHI_OK)
            amphi__dialect_response_fail(
                response, status, "the answer's events are too long or too many");
    } else if (response->form == AMPHI_RESPONSE_ERROR) {
        size_t room =
            ERROR_BODY_BYTES_MAX - response->whole.size; /* the rest is not worth reading */
        amphi__buf_append_str(&response->whole, amphi__str_slice(piece, 0, room));
    } else if (response->form == AMPHI_RESPONSE_WHOLE) {
        amphi_status status = amphi__buf_append_str(&response->whole, piece);
        if (status != AMPHI_OK)
            amphi__dialect_response_fail(response, status, "the answer is too long");
    }
    return response->phase;
}
