/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing JSON: compact, always valid UTF-8, numbers as short as is exact.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void append_escape(amphi_buf *out, unsigned char c)
{
    static const char letters[] = "btn\0fr"; /* for 8, 9, 10, 12, 13 */
    char pair[2] = {'\\', (char)c};
    if (c >= 8 && c <= 13)
        pair[1] = letters[c - 8];
    if (c == '"' || c == '\\' || (c >= 8 && c <= 13 && pair[1] != '\0'))
        amphi__buf_append(out, pair, sizeof pair);
    else
        amphi__buf_printf(out, "\\u%04x", c);
}

amphi_status amphi__json_quote(amphi_buf *out, amphi_str value)
{
    amphi__buf_append_char(out, '"');
    size_t from = 0; /* of the run that needs no escape */
    size_t at = 0;
    while (at < value.size) {
        unsigned char c = (unsigned char)value.data[at];
        uint32_t codepoint = 0;
        size_t length =
            c < 0x80 ? 1 : amphi__utf8_decode(amphi__str_slice(value, at, value.size), &codepoint);
        if (c >= 0x20 && c != '"' && c != '\\' && length > 0) {
            at += length;
            continue;
        }
        amphi__buf_append(out, value.data + from, at - from);
        if (length == 0)
            amphi__buf_append_c(out, "\xEF\xBF\xBD");
        else
            append_escape(out, c);
        from = ++at;
    }
    if (at > from)
        amphi__buf_append(out, value.data + from, at - from);
    return amphi__buf_append_char(out, '"');
}

static void append_int(amphi_buf *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--at] = '-';
    amphi__buf_append(out, digits + at, sizeof digits - at);
}

static void append_number(amphi_buf *out, double value)
{
    if (!isfinite(value)) {
        amphi__buf_append_c(out, "null");
        return;
    }
    if (value == trunc(value) && fabs(value) < 9007199254740992.0) {
        append_int(out, (int64_t)value);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    amphi__buf_append_c(out, text);
}

/* In a canonical form 1.0 is 1. */
static void write_number(amphi_buf *out, const amphi_json *value, bool canonical)
{
    amphi_str digits = amphi__json_digits(value);
    double number = amphi__json_number(value, 0);
    size_t from = out->size;
    if (digits.size > 0) {
        amphi__buf_append_str(out, digits);
        return;
    }
    if (number == 0 && signbit(number) && !canonical)
        amphi__buf_append_char(out, '-');
    append_number(out, number);
    if (amphi__json_is_float(value) && !canonical && out->status == AMPHI_OK &&
        strcspn(out->data + from, ".en") == out->size - from)
        amphi__buf_append_c(out, ".0");
}

static amphi_status write_value(amphi_buf *out, const amphi_json *value, bool sorted);

typedef struct member {
    const amphi_json *value;
    size_t index; /* in the document */
} member;

static int compare_members(const void *a, const void *b)
{
    const member *x = a;
    const member *y = b;
    int order = strcmp(amphi__json_key(x->value).data, amphi__json_key(y->value).data);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Members of an object in the order of their keys; of duplicates only the last stays.
 * `is_left_out` NULL: all of them. */
static amphi_status write_sorted_members(
    amphi_buf *out, const amphi_json *object, bool (*is_left_out)(amphi_str key))
{
    size_t count = 0;
    bool comma = false;
    member *members = amphi__calloc(amphi__json_count(object), sizeof *members);
    if (members == NULL)
        return out->status = AMPHI_E_NO_MEMORY;
    for (const amphi_json *m = amphi__json_first(object); m != NULL; m = amphi__json_next(m)) {
        if (is_left_out != NULL && is_left_out(amphi__json_key(m)))
            continue;
        members[count] = (member){m, count};
        count++;
    }
    qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 0; i < count; i++) {
        amphi_str key = amphi__json_key(members[i].value);
        if (i + 1 < count && strcmp(key.data, amphi__json_key(members[i + 1].value).data) == 0)
            continue;
        if (comma)
            amphi__buf_append_char(out, ',');
        comma = true;
        amphi__json_quote(out, key);
        amphi__buf_append_char(out, ':');
        write_value(out, members[i].value, true);
    }
    amphi__free(members);
    return out->status;
}

static void write_children(amphi_buf *out, const amphi_json *container, bool sorted)
{
    bool object = amphi__json_kind(container) == AMPHI_JSON_OBJECT;
    const amphi_json *first = amphi__json_first(container);
    for (const amphi_json *child = first; child != NULL; child = amphi__json_next(child)) {
        if (child != first)
            amphi__buf_append_char(out, ',');
        if (object) {
            amphi__json_quote(out, amphi__json_key(child));
            amphi__buf_append_char(out, ':');
        }
        write_value(out, child, sorted);
    }
}

/* Recursion is bounded by AMPHI_JSON_DEPTH_MAX: nothing deeper passes the parser. */
static amphi_status write_value(amphi_buf *out, const amphi_json *value, bool sorted)
{
    switch (amphi__json_kind(value)) {
    case AMPHI_JSON_NONE:
    case AMPHI_JSON_NULL:
        return amphi__buf_append_c(out, "null");
    case AMPHI_JSON_BOOL:
        return amphi__buf_append_c(out, amphi__json_bool(value, false) ? "true" : "false");
    case AMPHI_JSON_NUMBER:
        write_number(out, value, sorted);
        return out->status;
    case AMPHI_JSON_STRING:
        return amphi__json_quote(out, amphi__json_string(value));
    case AMPHI_JSON_ARRAY:
        amphi__buf_append_char(out, '[');
        write_children(out, value, sorted);
        return amphi__buf_append_char(out, ']');
    case AMPHI_JSON_OBJECT:
        amphi__buf_append_char(out, '{');
        if (sorted)
            write_sorted_members(out, value, NULL);
        else
            write_children(out, value, sorted);
        return amphi__buf_append_char(out, '}');
    }
    return out->status;
}

amphi_status amphi__json_write(amphi_buf *out, const amphi_json *value)
{
    write_value(out, value, false);
    return out->status;
}

amphi_status amphi__json_write_sorted(amphi_buf *out, const amphi_json *value)
{
    write_value(out, value, true);
    return out->status;
}

amphi_status amphi__json_write_sorted_but(
    amphi_buf *out, const amphi_json *object, bool (*is_left_out)(amphi_str key))
{
    amphi__buf_append_char(out, '{');
    write_sorted_members(out, object, is_left_out);
    return amphi__buf_append_char(out, '}');
}

void amphi__json_writer_init(amphi_json_writer *writer, amphi_buf *out)
{
    writer->out = out;
    writer->comma = false;
}

/* The comma and the key before a value. */
static void begin(amphi_json_writer *writer, const char *key)
{
    if (writer->comma)
        amphi__buf_append_char(writer->out, ',');
    writer->comma = true;
    if (key != NULL) {
        amphi__json_quote(writer->out, amphi_str_from(key));
        amphi__buf_append_char(writer->out, ':');
    }
}

void amphi__json_put_key(amphi_json_writer *writer, amphi_str key)
{
    if (writer->comma)
        amphi__buf_append_char(writer->out, ',');
    amphi__json_quote(writer->out, key);
    amphi__buf_append_char(writer->out, ':');
    writer->comma = false; /* its value follows directly */
}

void amphi__json_open(amphi_json_writer *writer, const char *key, char bracket)
{
    begin(writer, key);
    amphi__buf_append_char(writer->out, bracket);
    writer->comma = false;
}

void amphi__json_close(amphi_json_writer *writer, char bracket)
{
    amphi__buf_append_char(writer->out, bracket);
    writer->comma = true;
}

void amphi__json_put_str(amphi_json_writer *writer, const char *key, amphi_str value)
{
    begin(writer, key);
    amphi__json_quote(writer->out, value);
}

void amphi__json_put_int(amphi_json_writer *writer, const char *key, int64_t value)
{
    begin(writer, key);
    append_int(writer->out, value);
}

void amphi__json_put_number(amphi_json_writer *writer, const char *key, double value)
{
    begin(writer, key);
    append_number(writer->out, value);
}

void amphi__json_put_bool(amphi_json_writer *writer, const char *key, bool value)
{
    begin(writer, key);
    amphi__buf_append_c(writer->out, value ? "true" : "false");
}

void amphi__json_put_null(amphi_json_writer *writer, const char *key)
{
    begin(writer, key);
    amphi__buf_append_c(writer->out, "null");
}

void amphi__json_put_raw(amphi_json_writer *writer, const char *key, amphi_str raw)
{
    begin(writer, key);
    amphi__buf_append_str(writer->out, raw);
}

void amphi__json_put_value(amphi_json_writer *writer, const char *key, const amphi_json *value)
{
    begin(writer, key);
    write_value(writer->out, value, false);
}
