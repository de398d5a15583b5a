/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields are parsed where they are used: they are rare, and mostly small.
 */
#include "sdk/client/extra_fields.h"

#include "sdk/core/json_span.h"
#include "sdk/core/str.h"

/* ---- Merging --------------------------------------------------------------------------------- */

/* How a newer object's members go into an older one. */
typedef enum merge_rule {
    MERGE_REPLACE, /* the newer value counts */
    MERGE_GROW,    /* strings and arrays grow; of everything else the newer value counts */
    MERGE_ENVELOPE /* the newer value counts where it belongs to the envelope */
} merge_rule;

static const char *const ours_of_chunk[] = {
    "id", "object", "created", "model", "choices", "usage", "error", "amphi", NULL};

static bool is_of_envelope(const amphi_json *member)
{
    return amphi__json_is_string(member) &&
           amphi__json_string(member).size <= AMPHI_ENVELOPE_STRING_MAX &&
           !amphi__json_key_is_one_of(amphi__json_key(member), ours_of_chunk);
}

static bool is_taken(const amphi_json *member, merge_rule rule)
{
    return member != NULL && (rule != MERGE_ENVELOPE || is_of_envelope(member));
}

static void put_joined(amphi_json_writer *writer, const amphi_json *before, const amphi_json *more)
{
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi__buf_append_str(&text, amphi__json_string(before));
    amphi__buf_append_str(&text, amphi__json_string(more));
    amphi__json_put_str(writer, NULL, amphi__buf_str(&text));
    if (text.status != AMPHI_OK)
        writer->out->status = text.status;
    amphi__buf_clear(&text);
}

static void put_elements(amphi_json_writer *writer, const amphi_json *array)
{
    for (const amphi_json *element = amphi__json_first(array); element != NULL;
         element = amphi__json_next(element))
        amphi__json_put_value(writer, NULL, element);
}

/* Of a delta; both are there. */
static void put_grown(amphi_json_writer *writer, const amphi_json *before, const amphi_json *more)
{
    amphi_json_kind kind = amphi__json_kind(before);
    if (kind == AMPHI_JSON_STRING && amphi__json_is_string(more)) {
        put_joined(writer, before, more);
    } else if (kind == AMPHI_JSON_ARRAY && amphi__json_kind(more) == AMPHI_JSON_ARRAY) {
        amphi__json_open(writer, NULL, '[');
        put_elements(writer, before);
        put_elements(writer, more);
        amphi__json_close(writer, ']');
    } else {
        amphi__json_put_value(writer, NULL, more);
    }
}

/* Nothing where neither is there. */
static void put_merged(amphi_json_writer *writer, const char *name, const amphi_json *before,
    const amphi_json *more, merge_rule rule)
{
    if (before == NULL && more == NULL)
        return;
    amphi__json_open(writer, name, '{');
    for (const amphi_json *m = amphi__json_first(before); m != NULL; m = amphi__json_next(m)) {
        const amphi_json *newer = amphi__json_get(more, amphi__json_key(m).data);
        amphi__json_put_key(writer, amphi__json_key(m));
        if (!is_taken(newer, rule))
            amphi__json_put_value(writer, NULL, m);
        else if (rule == MERGE_GROW)
            put_grown(writer, m, newer);
        else
            amphi__json_put_value(writer, NULL, newer);
    }
    for (const amphi_json *m = amphi__json_first(more); m != NULL; m = amphi__json_next(m)) {
        if (is_taken(m, rule) && amphi__json_get(before, amphi__json_key(m).data) == NULL) {
            amphi__json_put_key(writer, amphi__json_key(m));
            amphi__json_put_value(writer, NULL, m);
        }
    }
    amphi__json_close(writer, '}');
}

/* Once `merged` is whole; it is cleared in any case. */
static amphi_status replace(amphi_buf *fields, amphi_buf *merged)
{
    amphi_status status = merged->status;
    if (status == AMPHI_OK) {
        amphi__buf_clear(fields);
        *fields = *merged;
        amphi__buf_init(merged, 0);
    }
    amphi__buf_clear(merged);
    return status;
}

amphi_status amphi__extra_fields_merge(amphi_buf *fields, amphi_str more)
{
    amphi_json *before = NULL;
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, more, "extra", NULL);
    if (status == AMPHI_OK && fields->size > 0)
        status = amphi__json_parse(&before, amphi__buf_str(fields), "extra", NULL);
    if (status == AMPHI_OK) {
        amphi_json_writer writer;
        amphi_buf merged;
        amphi__buf_init(&merged, fields->limit_bytes);
        amphi__json_writer_init(&writer, &merged);
        amphi__json_open(&writer, NULL, '{');
        put_merged(&writer, "delta", amphi__json_get(before, "delta"),
            amphi__json_get(root, "delta"), MERGE_GROW);
        put_merged(&writer, "chunk", amphi__json_get(before, "chunk"),
            amphi__json_get(root, "chunk"), MERGE_REPLACE);
        amphi__json_close(&writer, '}');
        status = replace(fields, &merged);
    }
    amphi__json_free(before);
    amphi__json_free(root);
    return status;
}

amphi_status amphi__extra_fields_keep(amphi_buf *envelope, amphi_str fields)
{
    amphi_json *root = NULL;
    amphi_json *before = NULL;
    amphi_status status = amphi__json_parse(&root, fields, "extra", NULL);
    const amphi_json *chunk = amphi__json_get(root, "chunk");
    const amphi_json *any = amphi__json_first(chunk);
    while (any != NULL && !is_of_envelope(any))
        any = amphi__json_next(any);
    if (any != NULL && envelope->size > 0)
        status = amphi__json_parse(&before, amphi__buf_str(envelope), "envelope", NULL);
    if (any != NULL && status == AMPHI_OK) {
        amphi_json_writer writer;
        amphi_buf merged;
        amphi__buf_init(&merged, AMPHI_ENVELOPE_BYTES_MAX);
        amphi__json_writer_init(&writer, &merged);
        put_merged(&writer, NULL, before, chunk, MERGE_ENVELOPE);
        status = replace(envelope, &merged);
    }
    amphi__json_free(before);
    amphi__json_free(root);
    return status;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The members of what lies at `path`, but for those named and those that `besides` has. */
static void put_members(amphi_json_writer *writer, amphi_str fields, const char *const path[3],
    const char *const *but, const amphi_json *besides)
{
    amphi_json *root = NULL;
    if (fields.size == 0)
        return;
    amphi_status status = amphi__json_parse(&root, fields, "extra", NULL);
    if (status == AMPHI_E_NO_MEMORY)
        writer->out->status = status;
    const amphi_json *at = root;
    for (size_t i = 0; i < 3 && path[i] != NULL; i++)
        at = amphi__json_get(at, path[i]);
    for (const amphi_json *m = amphi__json_first(at); m != NULL; m = amphi__json_next(m)) {
        if (amphi__json_kind(at) != AMPHI_JSON_OBJECT ||
            amphi__json_key_is_one_of(amphi__json_key(m), but) ||
            amphi__json_get(besides, amphi__json_key(m).data) != NULL)
            continue;
        amphi__json_put_key(writer, amphi__json_key(m));
        amphi__json_put_value(writer, NULL, m);
    }
    amphi__json_free(root);
}

void amphi__extra_fields_put_delta(amphi_json_writer *writer, amphi_str fields)
{
    static const char *const path[3] = {"delta", NULL, NULL};
    static const char *const ours[] = {
        "role", "content", "reasoning_content", "tool_calls", "function_call", NULL};
    put_members(writer, fields, path, ours, NULL);
}

void amphi__extra_fields_put_chunk(amphi_json_writer *writer, amphi_str fields, amphi_str envelope)
{
    static const char *const path[3] = {"chunk", NULL, NULL};
    amphi_json *besides = NULL;
    amphi_status status = AMPHI_OK;
    if (envelope.size > 0) {
        amphi__json_put_raw(writer, NULL, amphi__str_slice(envelope, 1, envelope.size - 1));
        if (fields.size > 0)
            status = amphi__json_parse(&besides, envelope, "envelope", NULL);
    }
    if (status == AMPHI_OK)
        put_members(writer, fields, path, ours_of_chunk, besides);
    else
        writer->out->status = status;
    amphi__json_free(besides);
}

void amphi__extra_fields_put_usage(amphi_json_writer *writer, amphi_str fields, bool details)
{
    static const char *const path[3] = {"chunk", "usage", NULL};
    static const char *const inner[3] = {"chunk", "usage", "prompt_tokens_details"};
    static const char *const ours[] = {"prompt_tokens", "completion_tokens", "total_tokens",
        "prompt_tokens_details", "cached_tokens", NULL};
    put_members(writer, fields, details ? inner : path, ours, NULL);
}

bool amphi__extra_fields_has(amphi_str fields, const char *part, const char *member)
{
    amphi_json *root = NULL;
    if (fields.size == 0 || amphi__json_parse(&root, fields, "extra", NULL) != AMPHI_OK)
        return false;
    const amphi_json *found = amphi__json_get(root, part);
    bool has =
        member == NULL ? amphi__json_first(found) != NULL : amphi__json_get(found, member) != NULL;
    amphi__json_free(root);
    return has;
}

amphi_status amphi__extra_fields_refusal(amphi_str fields, amphi_buf *out)
{
    amphi_json *root = NULL;
    amphi_status status = amphi__json_parse(&root, fields, "extra", NULL);
    amphi__buf_append_str(
        out, amphi__json_string(amphi__json_get(amphi__json_get(root, "delta"), "refusal")));
    amphi__json_free(root);
    return status == AMPHI_E_NO_MEMORY ? status : out->status;
}
