/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/responses: the request in chat's terms (responses_request.c, responses_input.c), its
 * place in the history (responses_place.c), and the answer's events (responses_answer.c). As with
 * chat, nothing is sent before the first words, because a failure until then is an HTTP status of
 * its own.
 */
#include "follow.h"
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
    gateway_follow follow;
    responses_place *place;
    responses_answer answer;
} run;

static bool take(void *user, const amphi_event *event)
{
    run *r = user;
    bool good = responses_answer_take(&r->answer, event);
    r->follow.has_words = r->answer.items_count > 0;
    return good;
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
        bool sent = gateway_follow_flush(&r->follow);
        if (r->follow.has_begun)
            gateway_reply_end(r->follow.exchange, sent && !r->answer.failed);
        return;
    }
    responses_answer_write(&r->answer, end, &whole);
    gateway_reply_json(r->follow.exchange, strcmp(end->status, "queued") == 0 ? 202 : 200,
        gateway_json_take(&whole));
}

static void reply_failed(run *r, const amphi_chat_result *result)
{
    responses_end end = {.status = "failed"};
    char *json = gateway_follow_failure(&r->follow, result);
    if (!r->follow.has_begun)
        return;
    amphi_str failure = gateway_json_get(amphi_str_from(json), "error");
    end.error_code = gateway_json_get(failure, "code");
    end.error_message = gateway_json_get(failure, "message");
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
    if (amphi_stream_result(r->follow.stream, &result, &error) != AMPHI_OK) {
        gateway_follow_break(&r->follow, &error);
        return;
    }
    gateway_note_answer(r->follow.exchange, event->kind, &result);
    if (event->kind == AMPHI_EVENT_ERROR || r->follow.was_taken_back) {
        reply_failed(r, &result);
        return;
    }
    (void)amphi_stream_completion_json(
        r->follow.stream, &json, &error); /* json stays NULL on failure */
    set_end(&end, event->kind, result.finish);
    end.usage = gateway_json_get(amphi_str_from(json), "usage");
    if (gateway_json_is_null(end.usage))
        end.usage = AMPHI_STR("{}"); /* clients of this API expect counts: zeros */
    end.amphi = gateway_json_get(amphi_str_from(json), "amphi");
    end.service_tier = gateway_json_get(amphi_str_from(json), "service_tier");
    r->answer.failed |= json == NULL;
    reply(r, &end);
    amphi_string_free(json);
}

static void answer_with(run *r)
{
    amphi_event event = {.kind = AMPHI_EVENT_ERROR};
    amphi_error error = {.status = AMPHI_E_INTERNAL};
    r->follow.out = r->answer.emits ? &r->answer.events : NULL;
    responses_answer_begin(&r->answer);
    bool has_ended = gateway_follow_run(&r->follow, &event, &error);
    if (has_ended) /* stored: before the client hears of it, and may go on from it */
        responses_place_leave(r->place, r->follow.exchange);
    if (has_ended) {
        conclude(r, &event);
        return;
    }
    gateway_follow_break(&r->follow, &error);
    gateway_follow_abandon(r->follow.exchange, r->follow.stream);
}

/* ---- the beginning ---- */

static void prepare_answer(
    responses_answer *answer, const responses_request *request, const responses_place *place)
{
    amphi_str model = gateway_json_inner(request->fields[RESPONSES_MODEL]);
    snprintf(answer->id, sizeof answer->id, "%s", place->id);
    snprintf(answer->key, sizeof answer->key, "%s", place->id + strlen("resp_"));
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
    run r = {.follow = {.exchange = exchange, .take = take, .user = &r}, .place = place};
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
    chat->failed |= place->history.failed; /* else it would go without what was said before */
    gateway_json_wipe(&place->history);
    if (request->privacy > place->privacy)
        place->privacy = request->privacy;
    responses_place_settings(place, exchange, unkept_count, &settings);
    prepare_answer(&r.answer, request, place);
    gateway_body_drop(exchange); /* its pieces were written elsewhere */
    if (!chat->failed && !settings.failed && !r.answer.echo.failed)
        status = amphi_chat_start_json_with(&r.follow.stream, gateway_client(exchange),
            gateway_json_text(chat), gateway_json_text(&settings), &error);
    gateway_json_wipe(chat);
    gateway_json_wipe(&settings);
    gateway_turn_end(exchange);
    if (status == AMPHI_OK) {
        answer_with(&r);
    } else {
        gateway_note_refused(exchange, status);
        gateway_reply_error(exchange, &error, NULL);
    }
    amphi_stream_free(r.follow.stream);
    responses_answer_clear(&r.answer);
}

void gateway_path_responses(gateway_exchange *exchange)
{
    responses_request request;
    responses_place place = {.after = 0};
    gateway_json chat = {.data = NULL};
    if (responses_request_read(&request, gateway_body(exchange)) &&
        responses_place_find(&place, exchange, &request)) {
        request.client = gateway_client(exchange);
        start(exchange, &request, &place, &chat);
    } else {
        gateway_note_refused(exchange, AMPHI_E_ARGUMENT);
        gateway_reply_failure(exchange, &request.failure);
    }
    gateway_json_wipe(&chat);
    responses_place_leave(&place, exchange);
    responses_request_clear(&request);
}
