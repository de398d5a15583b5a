/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/responses: the request in chat's terms (responses_request.c, responses_input.c), its
 * place in the history (responses_place.c), and the answer's events (responses_answer.c). As with
 * chat, nothing is sent before the first words, because a failure until then is an HTTP status of
 * its own.
 */
#include "json_reader.h"
#include "paths.h"
#include "responses_answer.h"
#include "responses_place.h"
#include "responses_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct run {
    gateway_exchange *exchange;
    responses_place *place;
    amphi_stream *stream;
    responses_answer answer;
    bool has_begun;      /* the reply */
    bool was_taken_back; /* words that this client can't forget */
    unsigned silent_ms;
    uint64_t checked_ms;
} run;

/* All events so far. */
static bool flush(run *r)
{
    gateway_json *events = &r->answer.events;
    if (events->failed)
        return false;
    if (!r->has_begun && !gateway_reply_begin(r->exchange, "text/event-stream"))
        return false;
    r->has_begun = true;
    bool good = events->size == 0 || gateway_reply_write(r->exchange, events->data, events->size);
    events->size = 0;
    return good;
}

static bool wait_on(run *r)
{
    r->silent_ms += GATEWAY_SLICE_MS;
    if (!r->has_begun || r->silent_ms < gateway_patience_ms(r->exchange))
        return true;
    r->silent_ms = 0;
    gateway_json_append(&r->answer.events, AMPHI_STR(": keepalive\n\n"));
    return flush(r);
}

static void look_at_client(run *r)
{
    if (gateway_now_ms() - r->checked_ms < GATEWAY_SLICE_MS)
        return;
    r->checked_ms = gateway_now_ms();
    if (gateway_is_unwanted(r->exchange))
        amphi_stream_cancel(r->stream); /* the terminal event then comes at once */
}

/* To the terminal event. false: there is none, or nothing more can be sent. */
static bool follow(run *r, amphi_event *event, amphi_error *error)
{
    for (;;) {
        amphi_status status = amphi_stream_next(r->stream, GATEWAY_SLICE_MS, event, error);
        look_at_client(r);
        if (status == AMPHI_E_TIMEOUT) {
            if (!wait_on(r))
                return false;
            continue;
        }
        if (status != AMPHI_OK)
            return false;
        if (amphi_event_is_terminal(event))
            return true;
        r->silent_ms = 0;
        if (!r->was_taken_back && !responses_answer_take(&r->answer, event)) {
            r->was_taken_back = true;
            amphi_stream_cancel(r->stream);
        }
        if (r->answer.emits && r->answer.items_count > 0 && !flush(r))
            return false;
    }
}

/* ---- the end ---- */

static void set_end(responses_end *end, amphi_event_kind kind, amphi_finish finish)
{
    end->status = kind == AMPHI_EVENT_QUEUED              ? "queued"
                  : kind == AMPHI_EVENT_ERROR             ? "failed"
                  : finish == AMPHI_FINISH_LENGTH         ? "incomplete"
                  : finish == AMPHI_FINISH_CONTENT_FILTER ? "incomplete"
                                                          : "completed";
    if (strcmp(end->status, "incomplete") == 0)
        end->reason = finish == AMPHI_FINISH_LENGTH ? "max_output_tokens" : "content_filter";
}

static void reply(run *r, const responses_end *end)
{
    gateway_json whole = {.data = NULL};
    responses_answer_end(&r->answer, end);
    if (r->answer.emits) {
        bool sent = flush(r);
        if (r->has_begun)
            gateway_reply_end(r->exchange, sent && !r->answer.failed);
        return;
    }
    responses_answer_write(&r->answer, end, &whole);
    gateway_reply_json(
        r->exchange, strcmp(end->status, "queued") == 0 ? 202 : 200, gateway_json_take(&whole));
}

static void reply_failed(run *r, const amphi_chat_result *result)
{
    const amphi_error taken_back = {.status = AMPHI_E_TRUNCATED,
        .message = "the answer would start over, and what was shown can't be taken back"};
    const amphi_error *error = r->was_taken_back ? &taken_back : result->error;
    responses_end end = {.status = "failed"};
    char *json = NULL;
    if (!r->has_begun) {
        gateway_reply_error(r->exchange, error, result->provider);
        return;
    }
    if (amphi_error_json(&json, NULL, NULL, error, r->was_taken_back ? NULL : result->provider,
            NULL) == AMPHI_OK) {
        amphi_str told = gateway_json_get(amphi_str_from(json), "error");
        end.error_code = gateway_json_get(told, "code");
        end.error_message = gateway_json_get(told, "message");
    }
    if (gateway_json_is_null(end.error_code))
        end.error_code = AMPHI_STR("\"server_error\"");
    reply(r, &end);
    amphi_string_free(json);
}

static void conclude(run *r, const amphi_event *event)
{
    amphi_chat_result result;
    amphi_error error;
    responses_end end = {.status = NULL};
    char *json = NULL;
    amphi_chat_result_init(&result);
    if (amphi_stream_result(r->stream, &result, &error) != AMPHI_OK) {
        if (!r->has_begun)
            gateway_reply_error(r->exchange, &error, NULL);
        return;
    }
    gateway_note_answer(r->exchange, event->kind, &result);
    if (event->kind == AMPHI_EVENT_ERROR || r->was_taken_back) {
        reply_failed(r, &result);
        return;
    }
    (void)amphi_stream_completion_json(r->stream, &json, &error); /* json stays NULL on failure */
    set_end(&end, event->kind, result.finish);
    end.usage = gateway_json_get(amphi_str_from(json), "usage");
    end.amphi = gateway_json_get(amphi_str_from(json), "amphi");
    r->answer.failed |= json == NULL;
    reply(r, &end);
    amphi_string_free(json);
}

static void answer_with(run *r)
{
    amphi_event event = {.kind = AMPHI_EVENT_ERROR};
    amphi_error error = {.status = AMPHI_E_INTERNAL};
    responses_answer_begin(&r->answer);
    bool has_ended = follow(r, &event, &error);
    if (has_ended) /* stored: before the client hears of it, and may go on from it */
        responses_place_leave(r->place, r->exchange);
    if (has_ended)
        conclude(r, &event);
    else if (!r->has_begun)
        gateway_reply_error(r->exchange, &error, NULL);
    else
        gateway_reply_end(r->exchange, false);
}

/* ---- the beginning ---- */

static void prepare_answer(
    responses_answer *answer, const responses_request *request, const responses_place *place)
{
    amphi_str model = gateway_json_inner(request->fields[RESPONSES_MODEL]);
    snprintf(answer->id, sizeof answer->id, "%s", place->id);
    const char *token = place->id + strlen("resp_");
    snprintf(answer->key, sizeof answer->key, "%.12s%llx", token, (unsigned long long)place->after);
    if (model.size < sizeof answer->model && model.size > 0 &&
        memchr(model.data, '\\', model.size) == NULL)
        memcpy(answer->model, model.data, model.size);
    answer->created_s = (int64_t)time(NULL);
    answer->emits = request->streams;
    answer->takes_replace = !gateway_json_is_null(request->fields[RESPONSES_AMPHI]);
    responses_request_echo(request, &answer->echo);
}

static void start(gateway_exchange *exchange, responses_request *request, responses_place *place,
    gateway_json *chat)
{
    run r = {.exchange = exchange, .place = place};
    gateway_json settings = {.data = NULL};
    unsigned unkept_count = 0;
    amphi_error error = {.status = AMPHI_E_NO_MEMORY, .message = "out of memory"};
    amphi_status status = AMPHI_E_NO_MEMORY;
    if (!responses_request_write(
            request, gateway_json_text(&place->history), chat, &unkept_count)) {
        gateway_note_refused(exchange, AMPHI_E_ARGUMENT);
        gateway_reply_failure(exchange, &request->failure);
        return;
    }
    gateway_json_wipe(&place->history);
    responses_place_settings(place, exchange, unkept_count, &settings);
    prepare_answer(&r.answer, request, place);
    gateway_body_drop(exchange); /* its pieces were written elsewhere */
    if (!chat->failed && !settings.failed && !r.answer.echo.failed)
        status = amphi_chat_start_json_with(&r.stream, gateway_client(exchange),
            gateway_json_text(chat), gateway_json_text(&settings), &error);
    gateway_json_wipe(chat);
    gateway_json_wipe(&settings);
    if (status == AMPHI_OK) {
        answer_with(&r);
    } else {
        gateway_note_refused(exchange, status);
        gateway_reply_error(exchange, &error, NULL);
    }
    amphi_stream_free(r.stream);
    responses_answer_clear(&r.answer);
}

void gateway_path_responses(gateway_exchange *exchange)
{
    responses_request request;
    responses_place place = {.after = 0};
    gateway_json chat = {.data = NULL};
    if (responses_request_read(&request, gateway_body(exchange)) &&
        responses_place_find(&place, exchange, &request)) {
        start(exchange, &request, &place, &chat);
    } else {
        gateway_note_refused(exchange, AMPHI_E_ARGUMENT);
        gateway_reply_failure(exchange, &request.failure);
    }
    gateway_json_wipe(&chat);
    responses_place_leave(&place, exchange);
    responses_request_clear(&request);
}
