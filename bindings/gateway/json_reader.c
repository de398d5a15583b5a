/* SPDX-License-Identifier: Apache-2.0
 *
 * Two passes: the check, which is strict, and walks that rely on it.
 */
#include "json_reader.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

typedef struct scan {
    const char *at;
    const char *end;
    unsigned depth;
} scan;

static bool check_value(scan *s);

static void skip_blanks(const char **at, const char *end)
{
    while (*at < end && (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r'))
        (*at)++;
}

static bool take(scan *s, char c)
{
    skip_blanks(&s->at, s->end);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* Four hexadecimal digits: a UTF-16 unit. */
static bool take_unit(scan *s, unsigned *unit)
{
    *unit = 0;
    for (unsigned i = 0; i < 4; i++, s->at++) {
        char c = s->at < s->end ? *s->at : '\0';
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return false;
        *unit = *unit << 4 | (unsigned)digit;
    }
    return true;
}

/* Behind the backslash. Half of a pair is no character. */
static bool check_escape(scan *s)
{
    unsigned unit, low;
    if (s->at == s->end)
        return false;
    char c = *s->at++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    if (!take_unit(s, &unit) || (unit & 0xFC00) == 0xDC00)
        return false;
    if ((unit & 0xFC00) != 0xD800)
        return true;
    if (s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u')
        return false;
    s->at += 2;
    return take_unit(s, &low) && (low & 0xFC00) == 0xDC00;
}

/* Behind the opening quote. */
static bool check_string(scan *s)
{
    while (s->at < s->end) {
        char c = *s->at++;
        if (c == '"')
            return true;
        if ((unsigned char)c < 0x20 || (c == '\\' && !check_escape(s)))
            return false;
    }
    return false;
}

static bool check_digits(scan *s)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > from;
}

static bool check_number(scan *s)
{
    if (s->at < s->end && *s->at == '-')
        s->at++;
    const char *from = s->at;
    if (!check_digits(s) || (*from == '0' && s->at - from > 1))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!check_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return check_digits(s);
    }
    return true;
}

/* Behind the opening bracket. */
static bool check_members(scan *s, bool is_object)
{
    char close = is_object ? '}' : ']';
    if (++s->depth > DEPTH_MAX)
        return false;
    if (!take(s, close)) {
        do {
            if (is_object && (!take(s, '"') || !check_string(s) || !take(s, ':')))
                return false;
            if (!check_value(s))
                return false;
        } while (take(s, ','));
        if (!take(s, close))
            return false;
    }
    s->depth--;
    return true;
}

static bool check_value(scan *s)
{
    static const char *const literals[] = {"true", "false", "null"};
    if (take(s, '{'))
        return check_members(s, true);
    if (take(s, '['))
        return check_members(s, false);
    if (take(s, '"'))
        return check_string(s);
    for (unsigned i = 0; i < 3; i++) {
        size_t size = strlen(literals[i]);
        if ((size_t)(s->end - s->at) >= size && memcmp(s->at, literals[i], size) == 0) {
            s->at += size;
            return true;
        }
    }
    return check_number(s);
}

/* The bytes of the character at `at`; 0: it is none (overlong, a surrogate, above U+10FFFF). */
static size_t utf8_size(const unsigned char *at, size_t size)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char c = at[0];
    size_t count = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    unsigned point = c & (0xFFu >> (count + 1));
    if (count == 1)
        return 1;
    if (c < 0xC2 || c > 0xF4 || count > size)
        return 0;
    for (size_t i = 1; i < count; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (at[i] & 0x3Fu);
    }
    bool good = point >= least[count] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    return good ? count : 0;
}

static bool is_utf8(amphi_str text)
{
    for (size_t at = 0, size = 0; at < text.size; at += size) {
        size = utf8_size((const unsigned char *)text.data + at, text.size - at);
        if (size == 0)
            return false;
    }
    return true;
}

bool gateway_json_is_valid(amphi_str text)
{
    scan s = {text.data, text.data + text.size, 0};
    if (text.size == 0 || !is_utf8(text) || !check_value(&s))
        return false;
    skip_blanks(&s.at, s.end);
    return s.at == s.end;
}

/* ---- walks ---- */

static const char *end_of_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

static const char *end_of_value(const char *at, const char *end)
{
    unsigned depth = 0;
    if (at < end && *at == '"')
        return end_of_string(at, end);
    if (at < end && *at != '{' && *at != '[') {
        while (at < end && strchr(",]} \t\n\r", *at) == NULL)
            at++;
        return at;
    }
    while (at < end) {
        char c = *at;
        at = c == '"' ? end_of_string(at, end) : at + 1;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        if (depth == 0)
            break;
    }
    return at;
}

static amphi_str trim(amphi_str value)
{
    const char *at = value.data, *end = value.data + value.size;
    if (value.size == 0)
        return value;
    skip_blanks(&at, end);
    return amphi_str_make(at, (size_t)(end - at));
}

gateway_json_walk gateway_json_begin(amphi_str container)
{
    amphi_str value = trim(container);
    bool is_object = gateway_json_is_object(value);
    if (!is_object && !gateway_json_is_array(value))
        return (gateway_json_walk){NULL, NULL, false};
    return (gateway_json_walk){value.data + 1, value.data + value.size, is_object};
}

static const char *pass(const char *at, const char *end, char c)
{
    skip_blanks(&at, end);
    if (at < end && *at == c)
        at++;
    skip_blanks(&at, end);
    return at;
}

bool gateway_json_next(gateway_json_walk *walk, amphi_str *key, amphi_str *value)
{
    const char *at = pass(walk->at, walk->end, ',');
    if (at == NULL || at >= walk->end || *at == '}' || *at == ']')
        return false;
    if (key != NULL)
        *key = amphi_str_make(NULL, 0);
    if (walk->is_object) {
        const char *end = end_of_string(at, walk->end);
        if (key != NULL)
            *key = amphi_str_make(at + 1, (size_t)(end - at) - 2);
        at = pass(end, walk->end, ':');
    }
    const char *end = end_of_value(at, walk->end);
    *value = amphi_str_make(at, (size_t)(end - at));
    walk->at = end;
    return true;
}

amphi_str gateway_json_get(amphi_str object, const char *key)
{
    amphi_str found = amphi_str_make(NULL, 0), name, value;
    gateway_json_walk walk = gateway_json_begin(object);
    while (walk.is_object && gateway_json_next(&walk, &name, &value))
        if (name.size == strlen(key) && memcmp(name.data, key, name.size) == 0)
            found = value;
    return found;
}

static bool begins(amphi_str value, char c)
{
    return value.size > 0 && value.data[0] == c;
}

bool gateway_json_is_object(amphi_str value)
{
    return begins(value, '{');
}

bool gateway_json_is_array(amphi_str value)
{
    return begins(value, '[');
}

bool gateway_json_is_string(amphi_str value)
{
    return begins(value, '"');
}

bool gateway_json_is_null(amphi_str value)
{
    return value.size == 0 || gateway_json_is(value, "null");
}

bool gateway_json_is(amphi_str value, const char *literal)
{
    size_t size = strlen(literal);
    return value.size == size && (size == 0 || memcmp(value.data, literal, size) == 0);
}

amphi_str gateway_json_inner(amphi_str value)
{
    return gateway_json_is_string(value) ? amphi_str_make(value.data + 1, value.size - 2)
                                         : amphi_str_make(NULL, 0);
}

bool gateway_json_says(amphi_str value, const char *text)
{
    return gateway_json_is_string(value) && gateway_json_is(gateway_json_inner(value), text);
}
