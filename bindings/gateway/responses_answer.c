/* SPDX-License-Identifier: Apache-2.0
 *
 * Order and members as in OpenAI's API reference ("Streaming events"). A thought is a summary part,
 * since that is what clients show. Calls may grow in turns, so they are done at the end of the
 * answer; thoughts and text as soon as something else begins. Each event has the next
 * sequence_number; in an answer that is not streamed there are none.
 */
#include "responses_answer.h"

#include "json_reader.h"
#include "responses_request.h"

#include <stdio.h>
#include <stdlib.h>

enum { ITEMS_MAX = 1024 };

static void clear_item(responses_item *item)
{
    gateway_json_wipe(&item->text);
    gateway_json_wipe(&item->logprobs);
    gateway_json_wipe(&item->name);
    gateway_json_wipe(&item->call_id);
}

static void clear_items(responses_answer *answer)
{
    for (size_t i = 0; i < answer->items_count; i++)
        clear_item(&answer->items[i]);
    answer->items_count = 0;
}

void responses_answer_clear(responses_answer *answer)
{
    clear_items(answer);
    free(answer->items);
    answer->items = NULL;
    gateway_json_wipe(&answer->echo);
    gateway_json_wipe(&answer->events);
}

/* ---- items as JSON ---- */

static void put_item_id(
    const responses_answer *answer, const responses_item *item, const char *key, gateway_json *out)
{
    static const char *const prefixes[] = {RESPONSES_OWN_REASONING, "msg", "fc"};
    char id[720];
    size_t index = 0; /* of a call: among the calls */
    for (const responses_item *i = answer->items; i < item; i++)
        index += item->kind != RESPONSES_CALL_ITEM || i->kind == RESPONSES_CALL_ITEM;
    snprintf(id, sizeof id, "%s_%s_%zu", item->is_custom ? "ctc" : prefixes[item->kind],
        answer->key, index);
    gateway_json_c(out, key, id);
}

static void put_text(gateway_json *out, const char *key, const gateway_json *text)
{
    gateway_json_raw(out, key, AMPHI_STR("\""));
    gateway_json_append(out, gateway_json_text(text));
    gateway_json_append(out, AMPHI_STR("\""));
    out->failed |= text->failed;
}

static void put_elements(gateway_json *out, const char *key, const gateway_json *elements)
{
    gateway_json_open(out, key, '[');
    gateway_json_members(out, gateway_json_text(elements));
    gateway_json_close(out, ']');
    out->failed |= elements->failed;
}

static const gateway_json nothing;

/* The content part of a message, or the summary part of a thought. */
static void put_part(gateway_json *out, const char *key, const responses_item *item, bool is_empty)
{
    const gateway_json *text = is_empty ? &nothing : &item->text;
    gateway_json_open(out, key, '{');
    if (item->kind == RESPONSES_REASONING_ITEM) {
        gateway_json_c(out, "type", "summary_text");
        put_text(out, "text", text);
    } else if (item->is_refusal) {
        gateway_json_c(out, "type", "refusal");
        put_text(out, "refusal", text);
    } else {
        gateway_json_c(out, "type", "output_text");
        put_text(out, "text", text);
        gateway_json_open(out, "annotations", '[');
        gateway_json_close(out, ']');
        put_elements(out, "logprobs", is_empty ? &nothing : &item->logprobs);
    }
    gateway_json_close(out, '}');
}

typedef struct event_names {
    const char *part_added; /* NULL: a call has no parts */
    const char *delta;
    const char *done;
    const char *text; /* the member of `done` */
    const char *part_done;
} event_names;

static const event_names *names_of(const responses_item *item)
{
    static const event_names names[] = {
        [RESPONSES_REASONING_ITEM] = {"response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "text",
            "response.reasoning_summary_part.done"},
        [RESPONSES_MESSAGE_ITEM] = {"response.content_part.added", "response.output_text.delta",
            "response.output_text.done", "text", "response.content_part.done"},
        [RESPONSES_CALL_ITEM] = {NULL, "response.function_call_arguments.delta",
            "response.function_call_arguments.done", "arguments", NULL},
    };
    static const event_names refusal = {"response.content_part.added", "response.refusal.delta",
        "response.refusal.done", "refusal", "response.content_part.done"};
    static const event_names custom = {NULL, "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done", "input", NULL};
    return item->is_refusal ? &refusal : item->is_custom ? &custom : &names[item->kind];
}

/* status "in_progress": as it begins. */
static void put_item(const responses_answer *answer, const responses_item *item, const char *key,
    const char *status, gateway_json *out)
{
    static const char *const types[] = {"reasoning", "message", "function_call"};
    bool begins = strcmp(status, "in_progress") == 0;
    gateway_json_open(out, key, '{');
    put_item_id(answer, item, "id", out);
    gateway_json_c(out, "type", item->is_custom ? "custom_tool_call" : types[item->kind]);
    if (item->kind != RESPONSES_REASONING_ITEM)
        gateway_json_c(out, "status", status);
    if (item->kind == RESPONSES_CALL_ITEM) {
        put_text(out, names_of(item)->text, begins ? &nothing : &item->text);
        gateway_json_raw(out, "call_id", gateway_json_text(&item->call_id));
        gateway_json_raw(out, "name", gateway_json_text(&item->name));
    } else {
        if (item->kind == RESPONSES_MESSAGE_ITEM)
            gateway_json_c(out, "role", "assistant");
        gateway_json_open(out, item->kind == RESPONSES_MESSAGE_ITEM ? "content" : "summary", '[');
        if (!begins)
            put_part(out, NULL, item, false);
        gateway_json_close(out, ']');
    }
    gateway_json_close(out, '}');
}

/* ---- the response ---- */

static int64_t number_in(amphi_str value)
{
    int64_t number = 0;
    for (size_t i = 0; i < value.size && i < 15; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return number;
        number = 10 * number + (value.data[i] - '0');
    }
    return number;
}

static void put_usage(amphi_str usage, gateway_json *out)
{
    amphi_str in = gateway_json_get(usage, "prompt_tokens_details");
    amphi_str of_out = gateway_json_get(usage, "completion_tokens_details");
    if (usage.size == 0) {
        gateway_json_raw(out, "usage", usage);
        return;
    }
    gateway_json_open(out, "usage", '{');
    gateway_json_int(out, "input_tokens", number_in(gateway_json_get(usage, "prompt_tokens")));
    gateway_json_open(out, "input_tokens_details", '{');
    gateway_json_int(out, "cached_tokens", number_in(gateway_json_get(in, "cached_tokens")));
    gateway_json_close(out, '}');
    gateway_json_int(out, "output_tokens", number_in(gateway_json_get(usage, "completion_tokens")));
    gateway_json_open(out, "output_tokens_details", '{');
    gateway_json_int(
        out, "reasoning_tokens", number_in(gateway_json_get(of_out, "reasoning_tokens")));
    gateway_json_close(out, '}');
    gateway_json_int(out, "total_tokens", number_in(gateway_json_get(usage, "total_tokens")));
    gateway_json_close(out, '}');
}

static void put_ends(const responses_end *end, gateway_json *out)
{
    if (end->error_code.size > 0 || end->error_message.size > 0) {
        gateway_json_open(out, "error", '{');
        gateway_json_raw(out, "code", end->error_code);
        gateway_json_raw(out, "message", end->error_message);
        gateway_json_close(out, '}');
    } else {
        gateway_json_raw(out, "error", amphi_str_make(NULL, 0));
    }
    if (end->reason != NULL) {
        gateway_json_open(out, "incomplete_details", '{');
        gateway_json_c(out, "reason", end->reason);
        gateway_json_close(out, '}');
    } else {
        gateway_json_raw(out, "incomplete_details", amphi_str_make(NULL, 0));
    }
}

static void put_response(
    const responses_answer *answer, const responses_end *end, const char *key, gateway_json *out)
{
    bool ends = strcmp(end->status, "in_progress") != 0;
    gateway_json_open(out, key, '{');
    gateway_json_c(out, "id", answer->id);
    gateway_json_c(out, "object", "response");
    gateway_json_int(out, "created_at", answer->created_s);
    gateway_json_c(out, "status", end->status);
    put_ends(end, out);
    gateway_json_c(out, "model", answer->model[0] != '\0' ? answer->model : "amphi");
    gateway_json_open(out, "output", '[');
    for (size_t i = 0; i < answer->items_count && ends; i++)
        put_item(answer, &answer->items[i], NULL,
            answer->items[i].status != NULL ? answer->items[i].status : "incomplete", out);
    gateway_json_close(out, ']');
    gateway_json_members(out, gateway_json_text(&answer->echo));
    put_usage(end->usage, out);
    if (end->service_tier.size > 0)
        gateway_json_raw(out, "service_tier", end->service_tier);
    if (end->amphi.size > 0)
        gateway_json_raw(out, "amphi", end->amphi);
    gateway_json_close(out, '}');
    out->failed |= answer->echo.failed;
}

void responses_answer_write(
    const responses_answer *answer, const responses_end *end, gateway_json *out)
{
    put_response(answer, end, NULL, out);
    out->failed |= answer->failed;
}

/* ---- events ---- */

/* "event: TYPE", and the members that all have; then the event's own, then end_event. */
static gateway_json *begin_event(responses_answer *answer, const char *type)
{
    gateway_json *out = &answer->events;
    gateway_json_append(out, AMPHI_STR("event: "));
    gateway_json_append(out, amphi_str_from(type));
    gateway_json_append(out, AMPHI_STR("\ndata: "));
    out->follows = false;
    gateway_json_open(out, NULL, '{');
    gateway_json_c(out, "type", type);
    gateway_json_int(out, "sequence_number", answer->sequence++);
    return out;
}

/* The request's own words may have line ends between their values; an event's data may not. */
static void end_event(responses_answer *answer, size_t from)
{
    gateway_json *out = &answer->events;
    gateway_json_close(out, '}');
    for (size_t i = from; i < out->size && !out->failed; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
    gateway_json_append(out, AMPHI_STR("\n\n"));
}

static void end_short_event(responses_answer *answer)
{
    end_event(answer, answer->events.size);
}

static void emit_response(responses_answer *answer, const char *type, const responses_end *end)
{
    if (!answer->emits)
        return;
    gateway_json *out = begin_event(answer, type);
    size_t from = out->size;
    put_response(answer, end, "response", out);
    end_event(answer, from);
}

static void put_place(const responses_answer *answer, const responses_item *item, gateway_json *out)
{
    put_item_id(answer, item, "item_id", out);
    gateway_json_int(out, "output_index", item - answer->items);
    if (item->kind == RESPONSES_MESSAGE_ITEM)
        gateway_json_int(out, "content_index", 0);
    if (item->kind == RESPONSES_REASONING_ITEM)
        gateway_json_int(out, "summary_index", 0);
}

static void emit_item(
    responses_answer *answer, const responses_item *item, const char *type, const char *status)
{
    gateway_json *out = begin_event(answer, type);
    gateway_json_int(out, "output_index", item - answer->items);
    put_item(answer, item, "item", status, out);
    end_short_event(answer);
}

static void emit_part(
    responses_answer *answer, const responses_item *item, const char *type, bool is_empty)
{
    gateway_json *out = begin_event(answer, type);
    put_place(answer, item, out);
    put_part(out, "part", item, is_empty);
    end_short_event(answer);
}

static bool has_logprobs(const responses_item *item)
{
    return item->kind == RESPONSES_MESSAGE_ITEM && !item->is_refusal;
}

static void end_item(responses_answer *answer, responses_item *item, const char *status)
{
    const event_names *names = names_of(item);
    if (item->status != NULL)
        return;
    item->status = status;
    if (!answer->emits)
        return;
    gateway_json *out = begin_event(answer, names->done);
    put_place(answer, item, out);
    put_text(out, names->text, &item->text);
    if (item->kind == RESPONSES_CALL_ITEM && !item->is_custom)
        gateway_json_raw(out, "name", gateway_json_text(&item->name));
    if (has_logprobs(item))
        put_elements(out, "logprobs", &item->logprobs);
    end_short_event(answer);
    if (names->part_done != NULL)
        emit_part(answer, item, names->part_done, false);
    emit_item(answer, item, "response.output_item.done", status);
}

/* NULL: no memory, or too many. */
static responses_item *add_item(responses_answer *answer, responses_item_kind kind)
{
    if (answer->items == NULL || answer->items_count == answer->items_capacity) {
        size_t capacity = answer->items_capacity > 0 ? 2 * answer->items_capacity : 8;
        responses_item *larger =
            capacity <= ITEMS_MAX ? realloc(answer->items, capacity * sizeof *larger) : NULL;
        if (larger == NULL) {
            answer->failed = true;
            return NULL;
        }
        answer->items = larger;
        answer->items_capacity = capacity;
    }
    responses_item *item = &answer->items[answer->items_count++];
    *item = (responses_item){.kind = kind};
    return item;
}

static void emit_begin(responses_answer *answer, const responses_item *item)
{
    if (!answer->emits)
        return;
    emit_item(answer, item, "response.output_item.added", "in_progress");
    if (names_of(item)->part_added != NULL)
        emit_part(answer, item, names_of(item)->part_added, true);
}

/* Thoughts and text that are under way. */
static void end_words(responses_answer *answer)
{
    for (size_t i = 0; answer->items != NULL && i < answer->items_count; i++)
        if (answer->items[i].kind != RESPONSES_CALL_ITEM)
            end_item(answer, &answer->items[i], "completed");
}

/* delta: escaped already. */
static void grow(
    responses_answer *answer, responses_item *item, amphi_str delta, amphi_str logprobs)
{
    gateway_json_append(&item->text, delta);
    if (logprobs.size > 2)
        gateway_json_members(&item->logprobs, amphi_str_make(logprobs.data + 1, logprobs.size - 2));
    answer->has_text |= answer->emits && delta.size > 0;
    if (!answer->emits || (delta.size == 0 && logprobs.size <= 2))
        return;
    gateway_json *out = begin_event(answer, names_of(item)->delta);
    put_place(answer, item, out);
    gateway_json_raw(out, "delta", AMPHI_STR("\""));
    gateway_json_append(out, delta);
    gateway_json_append(out, AMPHI_STR("\""));
    if (has_logprobs(item))
        gateway_json_raw(out, "logprobs", logprobs.size > 0 ? logprobs : AMPHI_STR("[]"));
    end_short_event(answer);
}

static void take_words(responses_answer *answer, responses_item_kind kind, bool is_refusal,
    amphi_str escaped, amphi_str logprobs)
{
    size_t count = answer->items_count;
    responses_item *item = count > 0 ? &answer->items[count - 1] : NULL;
    if (escaped.size == 0 && logprobs.size == 0)
        return;
    if (item == NULL || item->kind != kind || (item->status != NULL) ||
        item->is_refusal != is_refusal) {
        end_words(answer);
        item = add_item(answer, kind);
        if (item == NULL)
            return;
        item->is_refusal = is_refusal;
        emit_begin(answer, item);
    }
    grow(answer, item, escaped, logprobs);
}

static void take_text(
    responses_answer *answer, responses_item_kind kind, amphi_str text, amphi_str logprobs)
{
    gateway_json escaped = {.data = NULL};
    gateway_json_append_escaped(&escaped, text);
    answer->failed |= escaped.failed;
    take_words(answer, kind, false, gateway_json_text(&escaped), logprobs);
    gateway_json_wipe(&escaped);
}

static responses_item *find_call(responses_answer *answer, int64_t index)
{
    for (size_t i = 0; i < answer->items_count; i++)
        if (answer->items[i].kind == RESPONSES_CALL_ITEM && answer->items[i].call_index == index)
            return &answer->items[i];
    return NULL;
}

/* One element of a delta's tool_calls. */
static void take_call(responses_answer *answer, amphi_str delta)
{
    amphi_str custom = gateway_json_get(delta, "custom");
    bool is_custom = gateway_json_is_object(custom);
    amphi_str function = is_custom ? custom : gateway_json_get(delta, "function");
    int64_t index = number_in(gateway_json_get(delta, "index"));
    responses_item *item = find_call(answer, index);
    if (item == NULL) {
        end_words(answer);
        item = add_item(answer, RESPONSES_CALL_ITEM);
        if (item == NULL)
            return;
        item->call_index = index;
        item->is_custom = is_custom;
        gateway_json_append(&item->call_id, gateway_json_get(delta, "id"));
        gateway_json_append(&item->name, gateway_json_get(function, "name"));
        emit_begin(answer, item);
    }
    grow(answer, item,
        gateway_json_inner(gateway_json_get(function, is_custom ? "input" : "arguments")),
        amphi_str_make(NULL, 0));
}

/* The answer starts over. Nothing was shown: without a trace. A client that knows Amphi hears of
 * it, and the message's text is the new one from there. Another one can't take words back. */
static bool take_replacement(responses_answer *answer, const amphi_event *event)
{
    if (answer->has_text && !answer->takes_replace)
        return false;
    if (!answer->has_text) {
        clear_items(answer);
        take_text(answer, RESPONSES_MESSAGE_ITEM, event->text, event->logprobs);
        return true;
    }
    size_t count = answer->items_count;
    responses_item *item = count > 0 ? &answer->items[count - 1] : NULL;
    if (item == NULL || item->kind != RESPONSES_MESSAGE_ITEM || (item->status != NULL))
        return false;
    gateway_json_wipe(&item->text);
    gateway_json_wipe(&item->logprobs);
    gateway_json_append_escaped(&item->text, event->text);
    gateway_json *out = begin_event(answer, "response.amphi.replace");
    put_place(answer, item, out);
    put_text(out, "text", &item->text);
    end_short_event(answer);
    return true;
}

bool responses_answer_take(responses_answer *answer, const amphi_event *event)
{
    amphi_str refusal = gateway_json_get(gateway_json_get(event->extra_json, "delta"), "refusal");
    amphi_str delta;
    gateway_json_walk walk;
    if (event->model.size > 0)
        snprintf(
            answer->model, sizeof answer->model, "%.*s", (int)event->model.size, event->model.data);
    switch (event->kind) {
    case AMPHI_EVENT_DELTA:
        if (gateway_json_is_string(refusal)) /* its text is the refusal */
            take_words(answer, RESPONSES_MESSAGE_ITEM, true, gateway_json_inner(refusal),
                amphi_str_make(NULL, 0));
        else
            take_text(answer, RESPONSES_MESSAGE_ITEM, event->text, event->logprobs);
        return true;
    case AMPHI_EVENT_REASONING:
        take_text(answer, RESPONSES_REASONING_ITEM, event->text, amphi_str_make(NULL, 0));
        return true;
    case AMPHI_EVENT_TOOL_CALL:
        walk = gateway_json_begin(event->text);
        while (gateway_json_next(&walk, NULL, &delta))
            take_call(answer, delta);
        return true;
    case AMPHI_EVENT_REPLACE:
        return take_replacement(answer, event);
    default:
        return true;
    }
}

/* ---- begin and end ---- */

void responses_answer_begin(responses_answer *answer)
{
    const responses_end begins = {.status = "in_progress"};
    emit_response(answer, "response.created", &begins);
    emit_response(answer, "response.in_progress", &begins);
}

static void emit_error(responses_answer *answer, const responses_end *end)
{
    gateway_json *out = begin_event(answer, "error");
    gateway_json_raw(out, "code", end->error_code);
    gateway_json_raw(out, "message", end->error_message);
    gateway_json_raw(out, "param", amphi_str_make(NULL, 0));
    end_short_event(answer);
}

void responses_answer_end(responses_answer *answer, const responses_end *end)
{
    char type[48];
    bool whole = strcmp(end->status, "completed") == 0;
    bool failed = strcmp(end->status, "failed") == 0;
    bool queued = strcmp(end->status, "queued") == 0;
    if (whole && answer->items_count == 0) { /* an empty answer is a message all the same */
        responses_item *item = add_item(answer, RESPONSES_MESSAGE_ITEM);
        if (item != NULL)
            emit_begin(answer, item);
    }
    for (size_t i = 0; i < answer->items_count && !queued && !failed; i++)
        end_item(answer, &answer->items[i], end->status); /* "completed" or "incomplete" */
    if (!answer->emits)
        return;
    if (failed)
        emit_error(answer, end);
    snprintf(type, sizeof type, "response.%s", end->status);
    emit_response(answer, type, end);
}
