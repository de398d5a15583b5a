/* SPDX-License-Identifier: Apache-2.0
 *
 * POST /v1/completions, the API of before chat: the prompt is a user's message, the answer its
 * text. What only a bare language model can do (echo, suffix, its log-probabilities) is refused by
 * name.
 */
#include "follow.h"
#include "json_reader.h"
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct completions_request {
    gateway_json chat;
    bool streams;
    char words[192];
    const char *param;
} completions_request;

typedef struct run {
    gateway_follow follow;
    gateway_json out; /* of a streamed answer */
    char id[48];
    int64_t created_s;
    char model[128];
    char fingerprint[160]; /* the provider's, JSON; or empty */
} run;

/* ---- the request ---- */

static bool refuse(completions_request *r, const char *param, const char *why)
{
    snprintf(r->words, sizeof r->words, "%s: %s", param, why);
    r->param = param;
    return false;
}

/* The prompt, or the only one of an array. */
static amphi_str only_prompt(amphi_str value)
{
    amphi_str prompt, more;
    gateway_json_walk walk = gateway_json_begin(value);
    if (gateway_json_is_string(value))
        return value;
    bool is_only = gateway_json_is_array(value) && gateway_json_next(&walk, NULL, &prompt) &&
                   !gateway_json_next(&walk, NULL, &more) && gateway_json_is_string(prompt);
    return is_only ? prompt : amphi_str_make(NULL, 0);
}

static bool put_member(completions_request *r, amphi_str key, amphi_str value)
{
    if (gateway_json_is(key, "prompt")) {
        amphi_str prompt = only_prompt(value);
        if (prompt.size == 0)
            return refuse(r, "prompt", "a string, or an array of one, is expected here");
        gateway_json_open(&r->chat, "messages", '[');
        gateway_json_open(&r->chat, NULL, '{');
        gateway_json_c(&r->chat, "role", "user");
        gateway_json_raw(&r->chat, "content", prompt);
        gateway_json_close(&r->chat, '}');
        gateway_json_close(&r->chat, ']');
    } else if (gateway_json_is(key, "messages") || memchr(key.data, '\\', key.size) != NULL) {
        return refuse(r, "messages", "this is POST /v1/completions: a prompt is expected");
    } else if (gateway_json_is(key, "echo") && !gateway_json_is(value, "false") &&
               !gateway_json_is_null(value)) {
        return refuse(r, "echo", "not possible here");
    } else if (gateway_json_is(key, "suffix") && !gateway_json_is_null(value) &&
               !gateway_json_is(value, "\"\"")) {
        return refuse(r, "suffix", "not possible here");
    } else if (gateway_json_is(key, "logprobs") && !gateway_json_is_null(value)) {
        return refuse(r, "logprobs", "not possible here; POST /v1/chat/completions has them");
    } else if (gateway_json_is(key, "best_of") && !gateway_json_is(value, "1") &&
               !gateway_json_is_null(value)) {
        return refuse(r, "best_of", "only 1 is possible");
    } else if (!gateway_json_is(key, "echo") && !gateway_json_is(key, "suffix") &&
               !gateway_json_is(key, "logprobs") && !gateway_json_is(key, "best_of")) {
        gateway_json_member(&r->chat, key, value);
        r->streams |= gateway_json_is(key, "stream") && gateway_json_is(value, "true");
    }
    return true;
}

static bool read_request(completions_request *r, amphi_str body)
{
    amphi_str key, value;
    bool has_prompt = false;
    gateway_json_walk walk = {NULL, NULL, false};
    if (gateway_json_is_valid(body))
        walk = gateway_json_begin(body);
    if (!walk.is_object)
        return refuse(r, "request", "a JSON object is expected");
    gateway_json_open(&r->chat, NULL, '{');
    while (gateway_json_next(&walk, &key, &value)) {
        if (!put_member(r, key, value))
            return false;
        has_prompt |= gateway_json_is(key, "prompt");
    }
    gateway_json_close(&r->chat, '}');
    return has_prompt || refuse(r, "prompt", "a string is expected");
}

/* ---- the answer ---- */

static void open_object(const run *r, gateway_json *out)
{
    gateway_json_open(out, NULL, '{');
    gateway_json_c(out, "id", r->id);
    gateway_json_c(out, "object", "text_completion");
    gateway_json_int(out, "created", r->created_s);
    gateway_json_c(out, "model", r->model[0] != '\0' ? r->model : "amphi");
    if (r->fingerprint[0] != '\0')
        gateway_json_raw(out, "system_fingerprint", amphi_str_from(r->fingerprint));
}

/* The members that a chunk and a whole answer share. finish NULL: not yet. */
static void open_completion(const run *r, amphi_str text, const char *finish, gateway_json *out)
{
    open_object(r, out);
    gateway_json_open(out, "choices", '[');
    gateway_json_open(out, NULL, '{');
    gateway_json_str(out, "text", text);
    gateway_json_int(out, "index", 0);
    gateway_json_raw(out, "logprobs", amphi_str_make(NULL, 0));
    if (finish != NULL)
        gateway_json_c(out, "finish_reason", finish);
    else
        gateway_json_raw(out, "finish_reason", amphi_str_make(NULL, 0));
    gateway_json_close(out, '}');
    gateway_json_close(out, ']');
}

static void put_chunk(run *r, amphi_str text, const char *finish)
{
    gateway_json_append(&r->out, AMPHI_STR("data: "));
    r->out.follows = false;
    open_completion(r, text, finish, &r->out);
    gateway_json_close(&r->out, '}');
    gateway_json_append(&r->out, AMPHI_STR("\n\n"));
}

/* Each route has its own. */
static void note_fingerprint(run *r, const amphi_event *event)
{
    amphi_str found =
        gateway_json_get(gateway_json_get(event->extra_json, "chunk"), "system_fingerprint");
    if (event->kind == AMPHI_EVENT_TAKEOVER)
        r->fingerprint[0] = '\0';
    if (gateway_json_is_string(found) && found.size < sizeof r->fingerprint)
        snprintf(r->fingerprint, sizeof r->fingerprint, "%.*s", (int)found.size, found.data);
}

static bool take(void *user, const amphi_event *event)
{
    run *r = user;
    if (event->model.size > 0)
        snprintf(r->model, sizeof r->model, "%.*s", (int)event->model.size, event->model.data);
    note_fingerprint(r, event);
    if (event->kind == AMPHI_EVENT_REPLACE && r->follow.has_words)
        return false;
    if (r->follow.out == NULL || event->text.size == 0 ||
        (event->kind != AMPHI_EVENT_DELTA && event->kind != AMPHI_EVENT_REPLACE))
        return true;
    put_chunk(r, event->text, NULL);
    r->follow.has_words = true;
    return true;
}

static void put_data(gateway_json *out, amphi_str data)
{
    gateway_json_append(out, AMPHI_STR("data: "));
    gateway_json_append(out, data);
    gateway_json_append(out, AMPHI_STR("\n\n"));
}

static void reply_failed(run *r, const amphi_chat_result *result)
{
    char *json = gateway_follow_failure(&r->follow, result);
    if (r->follow.has_begun) {
        put_data(&r->out, amphi_str_from(json));
        gateway_reply_end(r->follow.exchange, gateway_follow_flush(&r->follow) && json != NULL);
    }
    amphi_string_free(json);
}

/* completion: chat's whole answer, which has the usage and the record. */
static void reply_done(
    run *r, amphi_event_kind kind, const amphi_chat_result *result, amphi_str completion)
{
    const char *finish = kind == AMPHI_EVENT_QUEUED ? "queued" : amphi_finish_name(result->finish);
    amphi_str usage = gateway_json_get(completion, "usage");
    gateway_json whole = {.data = NULL};
    if (r->follow.out != NULL) {
        put_chunk(r, amphi_str_make(NULL, 0), finish);
        if (amphi_stream_wants_usage(r->follow.stream)) {
            gateway_json_append(&r->out, AMPHI_STR("data: "));
            r->out.follows = false;
            open_object(r, &r->out);
            gateway_json_raw(&r->out, "choices", AMPHI_STR("[]"));
            gateway_json_raw(&r->out, "usage", usage);
            gateway_json_close(&r->out, '}');
            gateway_json_append(&r->out, AMPHI_STR("\n\n"));
        }
        put_data(&r->out, AMPHI_STR("[DONE]"));
        bool sent = gateway_follow_flush(&r->follow);
        if (r->follow.has_begun)
            gateway_reply_end(r->follow.exchange, sent);
        return;
    }
    open_completion(r, result->text, finish, &whole);
    gateway_json_raw(&whole, "usage", usage);
    gateway_json_raw(&whole, "amphi", gateway_json_get(completion, "amphi"));
    gateway_json_close(&whole, '}');
    gateway_reply_json(
        r->follow.exchange, kind == AMPHI_EVENT_QUEUED ? 202 : 200, gateway_json_take(&whole));
}

static void conclude(run *r, const amphi_event *event)
{
    amphi_chat_result result;
    amphi_error error;
    char *json = NULL;
    amphi_chat_result_init(&result);
    amphi_status status = amphi_stream_result(r->follow.stream, &result, &error);
    if (status == AMPHI_OK)
        gateway_note_answer(r->follow.exchange, event->kind, &result);
    if (status == AMPHI_OK && (event->kind == AMPHI_EVENT_ERROR || r->follow.was_taken_back)) {
        reply_failed(r, &result);
        return;
    }
    if (status == AMPHI_OK)
        status = amphi_stream_completion_json(r->follow.stream, &json, &error);
    if (status == AMPHI_OK)
        reply_done(r, event->kind, &result, amphi_str_from(json));
    else
        gateway_follow_break(&r->follow, &error);
    amphi_string_free(json);
}

static void answer_with(run *r, bool streams)
{
    amphi_event event = {.kind = AMPHI_EVENT_ERROR};
    amphi_error error = {.status = AMPHI_E_INTERNAL};
    r->created_s = (int64_t)time(NULL);
    r->follow.out = streams ? &r->out : NULL;
    snprintf(r->id, sizeof r->id, "cmpl-%s", gateway_request_id(r->follow.exchange));
    if (gateway_follow_run(&r->follow, &event, &error)) {
        conclude(r, &event);
        return;
    }
    gateway_follow_break(&r->follow, &error);
    gateway_follow_abandon(r->follow.exchange, r->follow.stream);
}

static void start(gateway_exchange *exchange, completions_request *request)
{
    run r = {.follow = {.exchange = exchange, .take = take, .user = &r}};
    amphi_error error = {.status = AMPHI_E_NO_MEMORY, .message = "out of memory"};
    amphi_status status = AMPHI_E_NO_MEMORY;
    if (!request->chat.failed)
        status = amphi_chat_start_json_with(&r.follow.stream, gateway_client(exchange),
            gateway_json_text(&request->chat), gateway_settings(exchange), &error);
    gateway_json_wipe(&request->chat);
    gateway_turn_end(exchange);
    if (status == AMPHI_OK) {
        answer_with(&r, request->streams);
    } else {
        gateway_note_refused(exchange, status);
        gateway_reply_error(exchange, &error, NULL);
    }
    amphi_stream_free(r.follow.stream);
    gateway_json_wipe(&r.out);
}

void gateway_path_completions(gateway_exchange *exchange)
{
    completions_request request = {.streams = false};
    if (read_request(&request, gateway_body(exchange))) {
        gateway_body_drop(exchange);
        start(exchange, &request);
    } else {
        const gateway_failure failure = {.http_status = 400,
            .type = "invalid_request_error",
            .param = request.param,
            .message = request.words};
        gateway_note_refused(exchange, AMPHI_E_ARGUMENT);
        gateway_reply_failure(exchange, &failure);
    }
    gateway_json_wipe(&request.chat);
}
