/* SPDX-License-Identifier: Apache-2.0
 *
 * Python's str methods that work on single characters: case, stripping, padding, isalpha() and the
 * like. Searching and splitting are in methods_str.c.
 */
#include "local/jinja/render.h"
#include "local/jinja/unicode.h"

#include "sdk/core/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool amphi__jinja_recase(jinja_render *r, amphi_str text, jinja_case how, jinja_value *out)
{
    if (!amphi__jinja_charge_chars(r, text.size))
        return false;
    amphi_buf buf;
    amphi__jinja_buf_init(&buf);
    bool in_word = false;
    size_t size;
    for (size_t i = 0; i < text.size && buf.status == AMPHI_OK; i += size) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        bool cased = amphi__jinja_is_upper(c) || amphi__jinja_is_lower(c);
        bool upper = how == JINJA_UPPER || (how == JINJA_CAPITAL && i == 0) ||
                     (how == JINJA_TITLE && !in_word) ||
                     (how == JINJA_SWAP && amphi__jinja_is_lower(c));
        in_word = cased;
        if (upper)
            amphi__jinja_put_upper(&buf, c);
        else
            amphi__jinja_put_lower(&buf, c);
    }
    return amphi__jinja_take_text(r, &buf, out);
}

static bool is_among(uint32_t c, amphi_str chars)
{
    size_t size;
    for (size_t i = 0; i < chars.size; i += size)
        if (amphi__jinja_char_at(chars, i, &size) == c)
            return true;
    return false;
}

bool amphi__jinja_strip(
    jinja_render *r, amphi_str text, jinja_value chars, unsigned sides, jinja_value *out)
{
    bool blanks = chars.kind == JINJA_MISSING || chars.kind == JINJA_NONE;
    size_t end = text.size;
    if (!blanks && chars.kind != JINJA_STRING)
        return amphi__jinja_fail(r, AMPHI_E_FORMAT, "strip needs a string of characters");
    size_t start = 0;
    size_t size;
    while ((sides & 1) != 0 && start < end) {
        uint32_t c = amphi__jinja_char_at(text, start, &size);
        if (!blanks && !amphi__jinja_charge(r, chars.as.text.size))
            return false;
        if (!(blanks ? amphi__jinja_is_space(c) : is_among(c, chars.as.text)))
            break;
        start += size;
    }
    while ((sides & 2) != 0 && end > start) {
        uint32_t c = amphi__jinja_char_before(text, end, &size);
        if (!blanks && !amphi__jinja_charge(r, chars.as.text.size))
            return false;
        if (!(blanks ? amphi__jinja_is_space(c) : is_among(c, chars.as.text)))
            break;
        end -= size;
    }
    *out = amphi__jinja_str(amphi__str_slice(text, start, end));
    return amphi__jinja_charge(r, text.size - (end - start));
}

/* The end of what was written. */
static char *put_repeated(char *at, amphi_str fill, int64_t times)
{
    if (fill.size == 1)
        return (char *)memset(at, fill.data[0], (size_t)times) + times;
    for (int64_t i = 0; i < times; i++, at += fill.size)
        memcpy(at, fill.data, fill.size);
    return at;
}

bool amphi__jinja_pad(
    jinja_render *r, amphi_str text, int64_t width, amphi_str fill, char side, jinja_value *out)
{
    int64_t count = (int64_t)amphi__jinja_char_count(text);
    if (width <= count) {
        *out = amphi__jinja_str(text);
        return true;
    }
    int64_t pad = width - count;
    if (text.size > JINJA_MEMORY_MAX || (uint64_t)pad > (JINJA_MEMORY_MAX - text.size) / fill.size)
        return amphi__jinja_fail(r, AMPHI_E_LIMIT, "a padding is too long");
    if (!amphi__jinja_charge(r, (size_t)pad))
        return false;
    int64_t left = side == '<' ? 0 : side == '>' ? pad : pad / 2 + (pad & width & 1);
    size_t size = text.size + (size_t)pad * fill.size;
    char *padded = amphi__jinja_alloc_text(&r->arena, size);
    if (padded == NULL)
        return amphi__jinja_fail_bounds(r, NULL);
    char *end = put_repeated(padded, fill, left);
    if (text.size > 0)
        memcpy(end, text.data, text.size);
    put_repeated(end + text.size, fill, pad - left);
    *out = amphi__jinja_str(amphi_str_make(padded, size));
    return true;
}

#define CASE_METHOD(name, how)                                                                     \
    static bool name(jinja_call *call, jinja_value *out)                                           \
    {                                                                                              \
        return amphi__jinja_recase(call->r, call->self.as.text, how, out);                         \
    }

CASE_METHOD(method_upper, JINJA_UPPER)
CASE_METHOD(method_lower, JINJA_LOWER)
CASE_METHOD(method_capitalize, JINJA_CAPITAL)
CASE_METHOD(method_title, JINJA_TITLE)
CASE_METHOD(method_swapcase, JINJA_SWAP)

#define STRIP_METHOD(name, sides)                                                                  \
    static bool name(jinja_call *call, jinja_value *out)                                           \
    {                                                                                              \
        return amphi__jinja_strip(call->r, call->self.as.text, call->args[0], sides, out);         \
    }

STRIP_METHOD(method_strip, 3u)
STRIP_METHOD(method_lstrip, 1u)
STRIP_METHOD(method_rstrip, 2u)

static bool pad_method(jinja_call *call, char side, jinja_value *out)
{
    amphi_str fill = AMPHI_STR(" ");
    int64_t width;
    if (!amphi__jinja_int_arg(call, 0, 0, &width) ||
        (call->args[1].kind != JINJA_MISSING && !amphi__jinja_str_arg(call, 1, &fill)))
        return false;
    if (amphi__jinja_char_count(fill) != 1)
        return amphi__jinja_fail(call->r, AMPHI_E_FORMAT, "padding needs one character");
    return amphi__jinja_pad(call->r, call->self.as.text, width, fill, side, out);
}

static bool method_ljust(jinja_call *call, jinja_value *out)
{
    return pad_method(call, '<', out);
}

static bool method_rjust(jinja_call *call, jinja_value *out)
{
    return pad_method(call, '>', out);
}

static bool method_center(jinja_call *call, jinja_value *out)
{
    return pad_method(call, '^', out);
}

static bool method_zfill(jinja_call *call, jinja_value *out)
{
    amphi_str text = call->self.as.text;
    size_t signs = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    int64_t width;
    if (!amphi__jinja_int_arg(call, 0, 0, &width))
        return false;
    width = width > INT64_MIN ? width - (int64_t)signs : width;
    amphi_str sign = amphi__str_slice(text, 0, signs);
    if (!amphi__jinja_pad(
            call->r, amphi__str_slice(text, signs, text.size), width, AMPHI_STR("0"), '>', out))
        return false;
    return amphi__jinja_concat(&call->r->arena, sign, out->as.text, &out->as.text) ||
           amphi__jinja_fail_bounds(call->r, NULL);
}

/* isalpha() and its like: not empty, and every character passes. */
static bool all_chars(jinja_call *call, bool (*passes)(uint32_t c), jinja_value *out)
{
    amphi_str text = call->self.as.text;
    bool all = text.size > 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size && all; i += size)
        all = passes(amphi__jinja_char_at(text, i, &size));
    *out = amphi__jinja_bool(all);
    return amphi__jinja_charge_chars(call->r, text.size);
}

static bool is_alnum(uint32_t c)
{
    return amphi__jinja_is_alpha(c) || amphi__jinja_is_digit(c);
}

static bool is_word(uint32_t c)
{
    return is_alnum(c) || c == '_';
}

static bool is_ascii(uint32_t c)
{
    return c < 0x80;
}

#define CHARS_METHOD(name, passes)                                                                 \
    static bool name(jinja_call *call, jinja_value *out)                                           \
    {                                                                                              \
        return all_chars(call, passes, out);                                                       \
    }

CHARS_METHOD(method_isalpha, amphi__jinja_is_alpha)
CHARS_METHOD(method_isdigit, amphi__jinja_is_digit)
CHARS_METHOD(method_isalnum, is_alnum)
CHARS_METHOD(method_isspace, amphi__jinja_is_space)

static bool method_isascii(jinja_call *call, jinja_value *out)
{
    if (call->self.as.text.size == 0) {
        *out = amphi__jinja_bool(true);
        return true;
    }
    return all_chars(call, is_ascii, out);
}

static bool method_isprintable(jinja_call *call, jinja_value *out)
{
    if (call->self.as.text.size == 0) {
        *out = amphi__jinja_bool(true);
        return true;
    }
    return all_chars(call, amphi__jinja_is_printable, out);
}

static bool method_isidentifier(jinja_call *call, jinja_value *out)
{
    amphi_str text = call->self.as.text;
    size_t size;
    if (text.size > 0 && amphi__jinja_is_digit(amphi__jinja_char_at(text, 0, &size))) {
        *out = amphi__jinja_bool(false);
        return true;
    }
    return all_chars(call, is_word, out);
}

static bool method_islower(jinja_call *call, jinja_value *out)
{
    return amphi__jinja_invoke(amphi__jinja_test_find(AMPHI_STR("lower")), call, out);
}

static bool method_isupper(jinja_call *call, jinja_value *out)
{
    return amphi__jinja_invoke(amphi__jinja_test_find(AMPHI_STR("upper")), call, out);
}

static bool method_istitle(jinja_call *call, jinja_value *out)
{
    amphi_str text = call->self.as.text;
    bool in_word = false;
    bool some = false;
    bool titled = true;
    size_t size;
    for (size_t i = 0; i < text.size && titled; i += size) {
        uint32_t c = amphi__jinja_char_at(text, i, &size);
        bool upper = amphi__jinja_is_upper(c), lower = amphi__jinja_is_lower(c);
        titled = upper ? !in_word : !lower || in_word;
        in_word = upper || lower;
        some |= in_word;
    }
    *out = amphi__jinja_bool(some && titled);
    return amphi__jinja_charge_chars(call->r, text.size);
}

static const jinja_builtin methods[] = {{"strip", method_strip, "chars", 0},
    {"lstrip", method_lstrip, "chars", 0}, {"rstrip", method_rstrip, "chars", 0},
    {"upper", method_upper, "", 0}, {"lower", method_lower, "", 0},
    {"casefold", method_lower, "", 0}, {"capitalize", method_capitalize, "", 0},
    {"title", method_title, "", 0}, {"swapcase", method_swapcase, "", 0},
    {"ljust", method_ljust, "width,fillchar", 1}, {"rjust", method_rjust, "width,fillchar", 1},
    {"center", method_center, "width,fillchar", 1}, {"zfill", method_zfill, "width", 1},
    {"isalpha", method_isalpha, "", 0}, {"isdigit", method_isdigit, "", 0},
    {"isdecimal", method_isdigit, "", 0}, {"isnumeric", method_isdigit, "", 0},
    {"isalnum", method_isalnum, "", 0}, {"isspace", method_isspace, "", 0},
    {"isascii", method_isascii, "", 0}, {"isprintable", method_isprintable, "", 0},
    {"isidentifier", method_isidentifier, "", 0}, {"islower", method_islower, "", 0},
    {"isupper", method_isupper, "", 0}, {"istitle", method_istitle, "", 0}};
const jinja_table amphi__jinja_char_methods = {methods, COUNT_OF(methods)};
