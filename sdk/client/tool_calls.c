/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments may be a file in ten thousand pieces, so a piece costs only its own size: it is
 * appended to its call, and JSON is written once at the end.
 */
#include "sdk/client/tool_calls.h"

#include "sdk/core/alloc.h"
#include "sdk/core/json_span.h"
#include "sdk/core/str.h"

#include <amphi/ext/engine.h>

static void clear_call(amphi_tool_call *call)
{
    amphi__buf_clear(&call->id);
    amphi__buf_clear(&call->type);
    amphi__buf_clear(&call->name);
    amphi__buf_clear(&call->arguments);
    for (size_t i = 0; i < call->others_count; i++) {
        amphi__buf_clear(&call->others[i].key);
        amphi__buf_clear(&call->others[i].json);
    }
}

void amphi__tool_calls_clear(amphi_tool_calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        clear_call(&calls->calls[i]);
    amphi__free(calls->calls);
    memset(calls, 0, sizeof *calls);
}

/* The call with this index; missing ones before it are made too. */
static amphi_status find_call(amphi_tool_calls *calls, int64_t index, amphi_tool_call **out)
{
    if (index < 0 || index >= AMPHI_TOOL_CALLS_MAX)
        return index < 0 ? AMPHI_E_FORMAT : AMPHI_E_LIMIT;
    if (calls->calls == NULL)
        calls->calls = amphi__calloc(AMPHI_TOOL_CALLS_MAX, sizeof *calls->calls);
    if (calls->calls == NULL)
        return AMPHI_E_NO_MEMORY;
    for (; calls->count <= (size_t)index; calls->count++) {
        amphi_tool_call *call = &calls->calls[calls->count];
        amphi__buf_init(&call->id, 0);
        amphi__buf_init(&call->type, 0);
        amphi__buf_init(&call->name, 0);
        amphi__buf_init(&call->arguments, 0);
    }
    *out = &calls->calls[index];
    return AMPHI_OK;
}

/* The delta's value replaces the old one. */
static void replace(amphi_buf *buf, const amphi_json *value)
{
    amphi_str text = amphi__json_string(value);
    if (text.size == 0)
        return;
    amphi__buf_reset(buf);
    amphi__buf_append_str(buf, text);
}

static amphi_status keep_other(amphi_tool_call *call, const amphi_json *member)
{
    size_t i = 0;
    amphi_str key = amphi__json_key(member);
    while (i < call->others_count && !amphi__str_equal(amphi__buf_str(&call->others[i].key), key))
        i++;
    if (i == AMPHI_TOOL_OTHERS_MAX || amphi__json_kind(member) == AMPHI_JSON_NULL)
        return AMPHI_OK;
    amphi_tool_other *other = &call->others[i];
    if (i == call->others_count) {
        amphi__buf_init(&other->key, 0);
        amphi__buf_init(&other->json, 0);
        call->others_count++;
        amphi__buf_append_str(&other->key, key);
    }
    amphi__buf_reset(&other->json);
    amphi__json_write(&other->json, member);
    return other->key.status != AMPHI_OK ? other->key.status : other->json.status;
}

static amphi_status keep_others(amphi_tool_call *call, const amphi_json *delta)
{
    static const char *const ours[] = {"index", "id", "type", "function", "custom", NULL};
    amphi_status status = AMPHI_OK;
    for (const amphi_json *m = amphi__json_first(delta); m != NULL && status == AMPHI_OK;
         m = amphi__json_next(m))
        if (!amphi__json_key_is_one_of(amphi__json_key(m), ours))
            status = keep_other(call, m);
    return status;
}

/* Of a tool, or of a call: a custom one has its name elsewhere, and Responses' have it outside. */
static amphi_str name_of(const amphi_json *tool)
{
    static const char *const kinds[] = {"function", "custom"};
    for (size_t i = 0; i < 2; i++) {
        amphi_str name =
            amphi__json_string(amphi__json_get(amphi__json_get(tool, kinds[i]), "name"));
        if (name.size > 0)
            return name;
    }
    return amphi__json_string(amphi__json_get(tool, "name"));
}

bool amphi__tool_calls_is_offered(const amphi_json *body, amphi_str delta)
{
    amphi_json *deltas = NULL;
    bool is_offered = false;
    const amphi_json *tools = amphi__json_get(body, "tools");
    const char *choice = "tool_choice";
    if (amphi__json_first(tools) == NULL) { /* their older form */
        tools = amphi__json_get(body, "functions");
        choice = "function_call";
    }
    if (amphi__str_equal_c(amphi__json_string(amphi__json_get(body, choice)), "none") ||
        amphi__json_parse(&deltas, delta, "tool calls", NULL) != AMPHI_OK)
        return false;
    amphi_str called = name_of(amphi__json_first(deltas));
    for (const amphi_json *tool = amphi__json_first(tools); tool != NULL && !is_offered;
         tool = amphi__json_next(tool)) {
        amphi_str name = name_of(tool);
        is_offered = name.size == 0 || called.size == 0 || amphi__str_equal(name, called);
    }
    amphi__json_free(deltas);
    return is_offered;
}

static amphi_status add_one(amphi_tool_calls *calls, const amphi_json *delta, int64_t position)
{
    amphi_tool_call *call = NULL;
    const amphi_json *function = amphi__json_get(delta, "function");
    const amphi_json *custom = amphi__json_get(delta, "custom");
    amphi_status status =
        find_call(calls, amphi__json_int(amphi__json_get(delta, "index"), position), &call);
    if (status != AMPHI_OK)
        return status;
    replace(&call->id, amphi__json_get(delta, "id"));
    replace(&call->type, amphi__json_get(delta, "type"));
    replace(&call->name, amphi__json_get(function, "name"));
    amphi__buf_append_str(
        &call->arguments, amphi__json_string(amphi__json_get(function, "arguments")));
    if (amphi__json_kind(custom) == AMPHI_JSON_OBJECT) {
        call->is_custom = true;
        replace(&call->name, amphi__json_get(custom, "name"));
        amphi__buf_append_str(
            &call->arguments, amphi__json_string(amphi__json_get(custom, "input")));
    }
    status = keep_others(call, delta);
    bool starved = call->id.status != AMPHI_OK || call->type.status != AMPHI_OK ||
                   call->name.status != AMPHI_OK || call->arguments.status != AMPHI_OK;
    return starved ? AMPHI_E_NO_MEMORY : status;
}

amphi_status amphi__tool_calls_add(amphi_tool_calls *calls, amphi_str delta)
{
    amphi_json *deltas = NULL;
    calls->bytes += delta.size;
    if (calls->bytes > AMPHI_TOOL_CALLS_BYTES_MAX)
        return AMPHI_E_LIMIT;
    amphi_status status = amphi__json_parse(&deltas, delta, "tool calls", NULL);
    if (status == AMPHI_OK && amphi__json_kind(deltas) != AMPHI_JSON_ARRAY)
        status = AMPHI_E_FORMAT;
    int64_t position = 0;
    for (const amphi_json *d = amphi__json_first(deltas); d != NULL && status == AMPHI_OK;
         d = amphi__json_next(d))
        status = add_one(calls, d, position++);
    amphi__json_free(deltas);
    return status;
}

static void write_call(amphi_json_writer *writer, const amphi_tool_call *call)
{
    amphi_str type = amphi__buf_str(&call->type);
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "id", amphi__buf_str(&call->id));
    amphi__json_put_str(writer, "type",
        type.size > 0 ? type : amphi_str_from(call->is_custom ? "custom" : "function"));
    amphi__json_open(writer, call->is_custom ? "custom" : "function", '{');
    amphi__json_put_str(writer, "name", amphi__buf_str(&call->name));
    amphi__json_put_str(
        writer, call->is_custom ? "input" : "arguments", amphi__buf_str(&call->arguments));
    amphi__json_close(writer, '}');
    for (size_t i = 0; i < call->others_count; i++) {
        amphi__json_put_key(writer, amphi__buf_str(&call->others[i].key));
        amphi__json_put_raw(writer, NULL, amphi__buf_str(&call->others[i].json));
    }
    amphi__json_close(writer, '}');
}

amphi_status amphi__tool_calls_write(const amphi_tool_calls *calls, amphi_buf *out)
{
    amphi_json_writer writer;
    if (calls->count == 0)
        return AMPHI_OK;
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '[');
    for (size_t i = 0; i < calls->count; i++)
        write_call(&writer, &calls->calls[i]);
    amphi__json_close(&writer, ']');
    return out->status;
}
