/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass over the text. A half of a surrogate pair, which no UTF-8 can hold, becomes one of the
 * last 2048 code points of the second private plane: U+D800 is U+10F800, and so on. They are looked
 * for in texts from repaired events only.
 */
#include "remote/json_repair.h"

#include "sdk/core/str.h"

#include <stdio.h>

enum { MARKS = 0x10F800, MARKS_END = 0x110000, HALVES = 0xD800 };

static const char replacement[] = "\xEF\xBF\xBD";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The unit of "\uXXXX" at the front; -1: there is none. */
static int32_t read_unit(amphi_str text)
{
    int32_t unit = 0;
    if (text.size < 6 || text.data[0] != '\\' || text.data[1] != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* An escape in a string; how many bytes it has. */
static size_t put_escape(amphi_buf *out, amphi_str text)
{
    char utf8[4];
    int32_t unit = read_unit(text);
    bool is_pair = is_high(unit) && is_low(read_unit(amphi__str_slice(text, 6, text.size)));
    size_t size = is_pair ? 12 : unit >= 0 ? 6 : text.size < 2 ? text.size : 2;
    if (!is_pair && (is_high(unit) || is_low(unit)))
        amphi__buf_append(out, utf8, amphi__utf8_encode((uint32_t)(MARKS + (unit - HALVES)), utf8));
    else
        amphi__buf_append_str(out, amphi__str_slice(text, 0, size));
    return size;
}

static size_t put_in_string(amphi_buf *out, amphi_str text)
{
    uint32_t codepoint;
    unsigned char c = (unsigned char)text.data[0];
    if (c == '\\')
        return put_escape(out, text);
    if (c < 0x20) {
        amphi__buf_printf(out, "\\u%04x", c);
        return 1;
    }
    size_t size = c < 0x80 ? 1 : amphi__utf8_decode(text, &codepoint);
    if (size == 0)
        amphi__buf_append_c(out, replacement);
    else
        amphi__buf_append_str(out, amphi__str_slice(text, 0, size));
    return size > 0 ? size : 1;
}

/* A word that is no JSON, but a number to Python and JavaScript; 0: there is none. */
static size_t put_number_word(amphi_buf *out, amphi_str text)
{
    static const char *const words[] = {"NaN", "-NaN", "Infinity", "-Infinity", "+Infinity"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (amphi__str_starts_with(text, amphi_str_from(words[i]))) {
            amphi__buf_append_c(out, "null");
            return strlen(words[i]);
        }
    }
    return 0;
}

amphi_status amphi__json_repair(amphi_buf *out, amphi_str text)
{
    bool in_string = false;
    amphi__buf_reserve(out, text.size + 64);
    while (text.size > 0 && out->status == AMPHI_OK) {
        size_t size = 0;
        if (text.data[0] == '"')
            in_string = !in_string;
        else if (in_string)
            size = put_in_string(out, text);
        else
            size = put_number_word(out, text);
        if (size == 0) {
            amphi__buf_append_char(out, text.data[0]);
            size = 1;
        }
        text = amphi__str_slice(text, size, text.size);
    }
    return out->status;
}

/* ---- Pairs ----------------------------------------------------------------------------------- */

void amphi__surrogates_end(amphi_surrogates *surrogates, amphi_buf *out)
{
    if (surrogates->high != 0)
        amphi__buf_append_c(out, replacement);
    surrogates->high = 0;
}

static void put_half(amphi_surrogates *surrogates, amphi_buf *out, uint32_t half)
{
    char utf8[4];
    if (half < 0xDC00) {
        amphi__surrogates_end(surrogates, out);
        surrogates->high = half;
    } else if (surrogates->high != 0) {
        uint32_t codepoint = 0x10000 + ((surrogates->high - 0xD800) << 10) + (half - 0xDC00);
        surrogates->high = 0;
        amphi__buf_append(out, utf8, amphi__utf8_encode(codepoint, utf8));
    } else {
        amphi__buf_append_c(out, replacement);
    }
}

void amphi__surrogates_join(amphi_surrogates *surrogates, amphi_buf *out, amphi_str piece)
{
    while (piece.size > 0) {
        uint32_t codepoint = 0;
        size_t size = amphi__utf8_decode(piece, &codepoint);
        if (size == 4 && codepoint >= MARKS && codepoint < MARKS_END) {
            put_half(surrogates, out, HALVES + (codepoint - MARKS));
        } else {
            size = size > 0 ? size : 1;
            amphi__surrogates_end(surrogates, out);
            amphi__buf_append_str(out, amphi__str_slice(piece, 0, size));
        }
        piece = amphi__str_slice(piece, size, piece.size);
    }
}
