/* SPDX-License-Identifier: Apache-2.0
 *
 * Merging by rewriting: calls are few and short, so each delta parses the whole and writes it anew.
 */
#include "sdk/client/tool_calls.h"

#include "sdk/core/json.h"

#define CALLS_MAX 128

static const amphi_json *at_index(const amphi_json *array, int64_t index)
{
    const amphi_json *item = amphi__json_first(array);
    for (; item != NULL && index > 0; index--)
        item = amphi__json_next(item);
    return item;
}

/* The delta that speaks of call `index` (a missing index is the array's own position). */
static const amphi_json *delta_for(const amphi_json *deltas, int64_t index)
{
    int64_t position = 0;
    for (const amphi_json *d = amphi__json_first(deltas); d != NULL; d = amphi__json_next(d)) {
        if (amphi__json_int(amphi__json_get(d, "index"), position) == index)
            return d;
        position++;
    }
    return NULL;
}

/* What the delta says, or else what stood there. */
static amphi_str newer(const amphi_json *old, const amphi_json *delta, const char *key)
{
    amphi_str value = amphi__json_string(amphi__json_get(delta, key));
    return value.size > 0 ? value : amphi__json_string(amphi__json_get(old, key));
}

static void write_call(amphi_json_writer *writer, const amphi_json *old, const amphi_json *delta)
{
    const amphi_json *old_function = amphi__json_get(old, "function");
    const amphi_json *new_function = amphi__json_get(delta, "function");
    amphi_str type = newer(old, delta, "type");
    amphi_buf arguments;
    amphi__buf_init(&arguments, 0);
    amphi__buf_append_str(
        &arguments, amphi__json_string(amphi__json_get(old_function, "arguments")));
    amphi__buf_append_str(
        &arguments, amphi__json_string(amphi__json_get(new_function, "arguments")));
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_str(writer, "id", newer(old, delta, "id"));
    amphi__json_put_str(writer, "type", type.size > 0 ? type : AMPHI_STR("function"));
    amphi__json_open(writer, "function", '{');
    amphi__json_put_str(writer, "name", newer(old_function, new_function, "name"));
    amphi__json_put_str(writer, "arguments", amphi__buf_str(&arguments));
    amphi__json_close(writer, '}');
    amphi__json_close(writer, '}');
    if (arguments.status != AMPHI_OK)
        writer->out->status = arguments.status;
    amphi__buf_clear(&arguments);
}

static int64_t highest_index(const amphi_json *merged, const amphi_json *deltas)
{
    int64_t highest = (int64_t)amphi__json_count(merged) - 1;
    int64_t position = 0;
    for (const amphi_json *d = amphi__json_first(deltas); d != NULL; d = amphi__json_next(d)) {
        int64_t index = amphi__json_int(amphi__json_get(d, "index"), position++);
        if (index < 0 || index >= CALLS_MAX)
            return CALLS_MAX;
        highest = index > highest ? index : highest;
    }
    return highest;
}

amphi_status amphi__tool_calls_merge(amphi_buf *merged, amphi_str delta)
{
    amphi_json *old = NULL;
    amphi_json *deltas = NULL;
    amphi_buf out;
    amphi__buf_init(&out, merged->limit_bytes);
    amphi_status status = amphi__json_parse(&deltas, delta, "tool calls", NULL);
    if (status == AMPHI_OK && merged->size > 0)
        status = amphi__json_parse(&old, amphi__buf_str(merged), "tool calls", NULL);
    if (status != AMPHI_OK)
        goto cleanup;
    int64_t highest = highest_index(old, deltas);
    if (amphi__json_kind(deltas) != AMPHI_JSON_ARRAY || highest >= CALLS_MAX) {
        status = AMPHI_E_FORMAT;
        goto cleanup;
    }
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '[');
    for (int64_t index = 0; index <= highest; index++)
        write_call(&writer, at_index(old, index), delta_for(deltas, index));
    amphi__json_close(&writer, ']');
    status = out.status;
    if (status == AMPHI_OK) {
        amphi_buf swap = *merged;
        *merged = out;
        out = swap;
    }
cleanup:
    amphi__buf_clear(&out);
    amphi__json_free(old);
    amphi__json_free(deltas);
    return status;
}
