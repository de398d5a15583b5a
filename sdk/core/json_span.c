/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over checked JSON text. The grammar is known to hold, so it is enough to follow strings
 * and brackets; every step is bounded by the text's end all the same.
 */
#include "sdk/core/json_span.h"

#include "sdk/core/str.h"

/* Offset behind a string that begins at `at` (a quote). */
static size_t skip_string(amphi_str text, size_t at)
{
    for (at++; at < text.size && text.data[at] != '"'; at++)
        if (text.data[at] == '\\')
            at++;
    return at < text.size ? at + 1 : text.size;
}

static bool ends_plain_value(char c)
{
    return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Offset behind the value that begins at 0. */
static size_t skip_value(amphi_str text)
{
    size_t depth = 0;
    size_t at = 0;
    while (at < text.size) {
        char c = text.data[at];
        if (c == '"') {
            at = skip_string(text, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
            continue;
        } else if (c == '}' || c == ']') {
            depth--;
            at++;
        } else if (depth == 0) {
            while (at < text.size && !ends_plain_value(text.data[at]))
                at++;
        } else {
            at++;
            continue;
        }
        if (depth == 0)
            break;
    }
    return at;
}

static amphi_str advance(amphi_str text, size_t count)
{
    return amphi__str_trim(amphi__str_slice(text, count, text.size));
}

bool amphi__json_span_init(amphi_json_span *span, amphi_str text)
{
    text = amphi__str_trim(text);
    span->in_object = text.size > 0 && text.data[0] == '{';
    span->rest = advance(text, 1);
    return span->in_object || (text.size > 0 && text.data[0] == '[');
}

bool amphi__json_span_next(amphi_json_span *span, amphi_json_member *out)
{
    amphi_str rest = span->rest;
    if (rest.size > 0 && rest.data[0] == ',')
        rest = advance(rest, 1);
    if (rest.size == 0 || rest.data[0] == '}' || rest.data[0] == ']')
        return false;
    out->key = amphi_str_make(NULL, 0);
    if (span->in_object) {
        size_t end = skip_string(rest, 0);
        out->key = amphi__str_slice(rest, 1, end - 1);
        rest = advance(rest, end);
        rest = advance(rest, 1); /* the colon */
    }
    size_t size = skip_value(rest);
    out->value = amphi__str_slice(rest, 0, size);
    span->rest = advance(rest, size);
    return size > 0;
}

void amphi__json_member_put(amphi_json_writer *writer, const amphi_json_member *member)
{
    if (writer->comma)
        amphi__buf_append_char(writer->out, ',');
    amphi__buf_append_char(writer->out, '"');
    amphi__buf_append_str(writer->out, member->key); /* its escapes are still in it */
    amphi__buf_append_c(writer->out, "\":");
    amphi__buf_append_str(writer->out, member->value);
    writer->comma = true;
}

bool amphi__json_key_is_one_of(amphi_str key, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        if (amphi__str_equal_c(key, *keys))
            return true;
    return false;
}
