/* SPDX-License-Identifier: Apache-2.0
 *
 * GET and DELETE /v1/responses/ID, GET /v1/responses/ID/input_items: a response that was kept, out
 * of the history. What its request said besides the input is not kept: those members have their
 * defaults. Thoughts are not kept either. A response that a later one goes on from stays.
 */
#include "json_reader.h"
#include "paths.h"
#include "responses_answer.h"
#include "responses_place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURN_MAX = 512, ITEMS_DEFAULT = 20, ITEMS_MAX = 100 };

typedef struct stored {
    gateway_exchange *exchange;
    responses_place place;
    responses_answer answer;
    gateway_json record; /* of the answer's decision; JSON */
    gateway_json items[TURN_MAX];
    int64_t ids[TURN_MAX]; /* of the messages of the turn, the answer's last */
    size_t count;
} stored;

static void reply_refused(
    gateway_exchange *exchange, unsigned http_status, const char *code, const char *message)
{
    const gateway_failure failure = {.http_status = http_status,
        .type = "invalid_request_error",
        .code = code,
        .param = "id",
        .message = message};
    gateway_note_refused(exchange, AMPHI_E_ARGUMENT);
    gateway_reply_failure(exchange, &failure);
}

/* ---- the answer ---- */

static void take_calls(responses_answer *answer, amphi_str calls)
{
    amphi_str call;
    amphi_str key;
    amphi_str value;
    gateway_json_walk walk = gateway_json_begin(calls);
    for (int64_t i = 0; gateway_json_next(&walk, NULL, &call); i++) {
        gateway_json delta = {.data = NULL};
        gateway_json_walk members = gateway_json_begin(call);
        gateway_json_open(&delta, NULL, '[');
        gateway_json_open(&delta, NULL, '{');
        gateway_json_int(&delta, "index", i);
        while (gateway_json_next(&members, &key, &value))
            gateway_json_member(&delta, key, value);
        gateway_json_close(&delta, '}');
        gateway_json_close(&delta, ']');
        const amphi_event event = {
            .kind = AMPHI_EVENT_TOOL_CALL, .text = gateway_json_text(&delta)};
        (void)responses_answer_take(answer, &event);
        answer->failed |= delta.failed;
        gateway_json_wipe(&delta);
    }
}

static void take_answer(stored *s, const amphi_history_message *m)
{
    amphi_event event = {.kind = AMPHI_EVENT_DELTA, .text = m->content, .model = m->model};
    if (m->content.size > 0)
        (void)responses_answer_take(&s->answer, &event);
    take_calls(&s->answer, gateway_json_get(m->extra_json, "tool_calls"));
    s->answer.created_s = m->created_ms / 1000;
    gateway_json_append(&s->record, m->decision_json);
}

/* ---- its input ---- */

static void put_content(gateway_json *out, const amphi_history_message *m)
{
    bool is_answer = m->role.size > 0 && m->role.data[0] == 'a';
    gateway_json_open(out, "content", '[');
    if (m->content_is_json) { /* parts in chat's terms, as they were kept */
        amphi_str part;
        gateway_json_walk parts = gateway_json_begin(m->content);
        while (gateway_json_next(&parts, NULL, &part))
            gateway_json_raw(out, NULL, part);
    } else {
        gateway_json_open(out, NULL, '{');
        gateway_json_c(out, "type", is_answer ? "output_text" : "input_text");
        gateway_json_str(out, "text", m->content);
        gateway_json_close(out, '}');
    }
    gateway_json_close(out, ']');
}

static void put_input(stored *s, const amphi_history_message *m)
{
    gateway_json *out = &s->items[s->count];
    bool is_output = m->role.size == 4 && memcmp(m->role.data, "tool", 4) == 0;
    char id[720];
    snprintf(id, sizeof id, "in_%s_%zu", s->answer.key, s->count);
    gateway_json_open(out, NULL, '{');
    gateway_json_c(out, "id", id);
    gateway_json_c(out, "type", is_output ? "function_call_output" : "message");
    gateway_json_c(out, "status", "completed");
    if (is_output) {
        gateway_json_raw(out, "call_id", gateway_json_get(m->extra_json, "tool_call_id"));
        gateway_json_str(out, "output", m->content);
    } else {
        gateway_json_str(out, "role", m->role);
        put_content(out, m);
    }
    gateway_json_close(out, '}');
    s->answer.failed |= out->failed;
}

static bool take_message(void *user, const amphi_history_message *m)
{
    stored *s = user;
    if (s->count == TURN_MAX)
        return false;
    if (m->decision_json.size > 0 && m->state == AMPHI_MESSAGE_COMPLETE)
        take_answer(s, m);
    else
        put_input(s, m);
    s->ids[s->count++] = m->id;
    return true;
}

/* ---- the replies ---- */

static int64_t number_in(amphi_str object, const char *key)
{
    amphi_str value = gateway_json_get(object, key); /* a mark of the object stands behind it */
    return value.size > 0 ? strtoll(value.data, NULL, 10) : 0;
}

/* In chat completions' terms; what was not counted are zeros, as in the answer itself. */
static void put_usage(amphi_str counted, gateway_json *out)
{
    int64_t prompt = number_in(counted, "prompt_tokens");
    int64_t answer = number_in(counted, "completion_tokens");
    gateway_json_open(out, NULL, '{');
    gateway_json_int(out, "prompt_tokens", prompt);
    gateway_json_int(out, "completion_tokens", answer);
    gateway_json_int(out, "total_tokens", prompt + answer);
    gateway_json_open(out, "prompt_tokens_details", '{');
    gateway_json_int(out, "cached_tokens", number_in(counted, "cached_tokens"));
    gateway_json_close(out, '}');
    gateway_json_close(out, '}');
}

static void reply_response(stored *s)
{
    amphi_str record = gateway_json_text(&s->record);
    amphi_str finish = gateway_json_get(record, "finish_reason");
    responses_end end = {.status = "completed"};
    responses_request request = {.stores = true};
    gateway_json usage = {.data = NULL};
    gateway_json whole = {.data = NULL};
    if (gateway_json_says(finish, "length") || gateway_json_says(finish, "content_filter")) {
        end.status = "incomplete";
        end.reason = gateway_json_says(finish, "length") ? "max_output_tokens" : "content_filter";
    }
    responses_request_echo(&request, &s->answer.echo);
    put_usage(gateway_json_get(record, "usage"), &usage);
    end.usage = gateway_json_text(&usage);
    responses_answer_end(&s->answer, &end);
    responses_answer_write(&s->answer, &end, &whole);
    gateway_reply_json(s->exchange, 200, gateway_json_take(&whole));
    gateway_json_wipe(&usage);
}

/* Behind the item `after`; the newest first, unless asked otherwise. */
static void reply_items(stored *s)
{
    const char *order = gateway_argument(s->exchange, "order");
    const char *after = gateway_argument(s->exchange, "after");
    const char *most = gateway_argument(s->exchange, "limit");
    bool is_ascending = order != NULL && strcmp(order, "asc") == 0;
    long limit = most != NULL ? strtol(most, NULL, 10) : ITEMS_DEFAULT;
    size_t total = s->count - 1; /* the last is the answer */
    size_t shown = 0;
    bool is_behind = after == NULL;
    amphi_str last = {NULL, 0};
    gateway_json out = {.data = NULL};
    limit = limit < 1 ? 1 : limit > ITEMS_MAX ? ITEMS_MAX : limit;
    gateway_json_open(&out, NULL, '{');
    gateway_json_c(&out, "object", "list");
    gateway_json_open(&out, "data", '[');
    amphi_str first = {NULL, 0};
    size_t i = 0;
    for (; i < total && shown < (size_t)limit; i++) {
        amphi_str item = gateway_json_text(&s->items[is_ascending ? i : total - 1 - i]);
        amphi_str id = gateway_json_get(item, "id");
        if (is_behind) {
            gateway_json_raw(&out, NULL, item);
            first = shown++ == 0 ? id : first;
            last = id;
        }
        is_behind = is_behind || gateway_json_says(id, after);
    }
    gateway_json_close(&out, ']');
    gateway_json_raw(&out, "first_id", first);
    gateway_json_raw(&out, "last_id", last);
    gateway_json_bool(&out, "has_more", i < total);
    gateway_json_close(&out, '}');
    gateway_reply_json(s->exchange, 200, gateway_json_take(&out));
}

/* The newest message first: what is left of a deletion that broke off is no response. */
static void erase(stored *s)
{
    amphi_error error;
    amphi_status status = AMPHI_OK;
    gateway_json out = {.data = NULL};
    amphi_client *client = gateway_client(s->exchange);
    amphi_str conversation = amphi_str_from(s->place.conversation);
    if (s->place.after == 0)
        status = amphi_history_erase(client, conversation, NULL, &error);
    for (size_t i = s->count; s->place.after != 0 && i > 0 && status == AMPHI_OK; i--)
        status = amphi_history_erase_message(client, conversation, s->ids[i - 1], NULL, &error);
    if (status != AMPHI_OK) {
        gateway_reply_error(s->exchange, &error, NULL);
        return;
    }
    gateway_json_open(&out, NULL, '{');
    gateway_json_c(&out, "id", s->place.id);
    gateway_json_c(&out, "object", "response");
    gateway_json_bool(&out, "deleted", true);
    gateway_json_close(&out, '}');
    gateway_reply_json(s->exchange, 200, gateway_json_take(&out));
}

static void answer(stored *s, amphi_str id, bool wants_items)
{
    amphi_error error;
    bool is_last = false;
    bool is_delete = strcmp(gateway_method(s->exchange), "DELETE") == 0;
    amphi_status status = AMPHI_E_NOT_FOUND;
    if (responses_place_read(&s->place, id) && responses_place_is_secret(&s->place)) {
        snprintf(s->place.id, sizeof s->place.id, "%.*s", (int)id.size, id.data);
        snprintf(s->answer.id, sizeof s->answer.id, "%s", s->place.id);
        snprintf(s->answer.key, sizeof s->answer.key, "%s", s->place.id + strlen("resp_"));
        if (is_delete && !responses_place_hold(&s->place, s->exchange)) {
            reply_refused(s->exchange, 409, "response_in_use",
                "a request is going on in this response's conversation");
            return;
        }
        status = responses_place_turn(
            &s->place, gateway_client(s->exchange), take_message, s, &is_last, &error);
    }
    if (status == AMPHI_E_NOT_FOUND)
        reply_refused(s->exchange, 404, "response_not_found", "no response of this id is kept");
    else if (status != AMPHI_OK)
        gateway_reply_error(s->exchange, &error, NULL);
    else if (is_delete && !is_last)
        reply_refused(s->exchange, 409, "response_in_use",
            "a later response goes on from this one: that has to be deleted first");
    else if (is_delete)
        erase(s);
    else if (wants_items)
        reply_items(s);
    else
        reply_response(s);
}

void gateway_path_response(gateway_exchange *exchange)
{
    static const char items[] = "/input_items";
    amphi_str id = amphi_str_from(gateway_url_rest(exchange) + 1);
    size_t size = sizeof items - 1;
    bool wants_items = id.size > size && memcmp(id.data + id.size - size, items, size) == 0;
    stored *s = calloc(1, sizeof *s);
    id.size -= wants_items ? size : 0;
    if (s == NULL) {
        gateway_reply_json(exchange, 200, NULL);
        return;
    }
    s->exchange = exchange;
    if (wants_items && strcmp(gateway_method(exchange), "DELETE") == 0)
        reply_refused(exchange, 405, "method_not_allowed", "the input is not deleted by itself");
    else
        answer(s, id, wants_items);
    responses_place_leave(&s->place, exchange);
    responses_answer_clear(&s->answer);
    gateway_json_wipe(&s->record);
    for (size_t i = 0; i < s->count; i++)
        gateway_json_wipe(&s->items[i]);
    free(s);
}
