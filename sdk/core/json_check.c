/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammar of RFC 8259, and nothing else: one pass without recursion and without allocation
 * over untrusted bytes. What passes here is safe for cJSON.
 */
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

typedef struct checker {
    const char *text;
    size_t size;
    size_t at;
    const char *wrong; /* NULL: no error so far */
    bool has_special_number;
    size_t values;
    size_t values_max;
} checker;

static bool fail(checker *c, const char *wrong)
{
    if (c->wrong == NULL)
        c->wrong = wrong;
    return false;
}

static int peek(const checker *c)
{
    return c->at < c->size ? (unsigned char)c->text[c->at] : -1;
}

static void skip_blanks(checker *c)
{
    while (c->at < c->size && (c->text[c->at] == ' ' || c->text[c->at] == '\t' ||
                                  c->text[c->at] == '\n' || c->text[c->at] == '\r'))
        c->at++;
}

static bool check_digits(checker *c)
{
    size_t from = c->at;
    while (peek(c) >= '0' && peek(c) <= '9')
        c->at++;
    return c->at > from ? true : fail(c, "a digit is missing in a number");
}

static bool check_number(checker *c)
{
    size_t from = c->at;
    bool is_whole = true;
    if (peek(c) == '-')
        c->at++;
    if (peek(c) == '0')
        c->at++; /* no leading zeros: a digit after this one is a syntax error */
    else if (!check_digits(c))
        return false;
    if (peek(c) == '.') {
        is_whole = false;
        c->at++;
        if (!check_digits(c))
            return false;
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        is_whole = false;
        c->at++;
        if (peek(c) == '+' || peek(c) == '-')
            c->at++;
        if (!check_digits(c))
            return false;
    }
    if (!is_whole || c->at - from > AMPHI_JSON_DIGITS_EXACT)
        c->has_special_number = true;
    return true;
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The four digits after \u; -1 when they are not there. */
static int32_t check_unicode_escape(checker *c)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(c));
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
        c->at++;
    }
    return unit;
}

static bool check_escape(checker *c)
{
    c->at++; /* the backslash */
    int letter = peek(c);
    if (letter >= 0 && strchr("\"\\/bfnrt", letter) != NULL && letter != 0) {
        c->at++;
        return true;
    }
    if (letter != 'u')
        return fail(c, "unknown escape in a string");
    c->at++;
    int32_t unit = check_unicode_escape(c);
    if (unit < 0)
        return fail(c, "\\u needs four hex digits");
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return fail(c, "lone low surrogate in a string");
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        if (peek(c) != '\\')
            return fail(c, "lone high surrogate in a string");
        c->at++;
        if (peek(c) != 'u')
            return fail(c, "lone high surrogate in a string");
        c->at++;
        unit = check_unicode_escape(c);
        if (unit < 0xDC00 || unit > 0xDFFF)
            return fail(c, "lone high surrogate in a string");
    }
    return true;
}

/* The common case: ASCII, which is checked byte by byte. */
static void skip_plain(checker *c)
{
    const char *at = c->text + c->at;
    const char *end = c->text + c->size;
    while (at < end && *at >= 0x20 && *at < 0x7F && *at != '"' && *at != '\\')
        at++;
    c->at = (size_t)(at - c->text);
}

static bool check_string(checker *c)
{
    if (peek(c) != '"')
        return fail(c, "a string is expected");
    c->at++;
    for (;;) {
        skip_plain(c);
        int byte = peek(c);
        if (byte < 0)
            return fail(c, "a string has no end");
        if (byte == '"') {
            c->at++;
            return true;
        }
        if (byte < 0x20)
            return fail(c, "a control character in a string");
        if (byte == '\\') {
            if (!check_escape(c))
                return false;
        } else if (byte < 0x80) {
            c->at++;
        } else {
            uint32_t codepoint = 0;
            size_t length =
                amphi__utf8_decode(amphi_str_make(c->text + c->at, c->size - c->at), &codepoint);
            if (length == 0)
                return fail(c, "invalid UTF-8");
            c->at += length;
        }
    }
}

static bool check_word(checker *c, const char *word)
{
    size_t size = strlen(word);
    if (c->size - c->at < size || memcmp(c->text + c->at, word, size) != 0)
        return fail(c, "a value is expected");
    c->at += size;
    return true;
}

static bool check_scalar(checker *c)
{
    switch (peek(c)) {
    case '"':
        return check_string(c);
    case 't':
        return check_word(c, "true");
    case 'f':
        return check_word(c, "false");
    case 'n':
        return check_word(c, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return check_number(c);
    default:
        return fail(c, "a value is expected");
    }
}

static bool check_key(checker *c)
{
    skip_blanks(c);
    if (!check_string(c))
        return false;
    skip_blanks(c);
    if (peek(c) != ':')
        return fail(c, "':' is expected after a key");
    c->at++;
    return true;
}

static const char too_many[] = "too many values";

/* `open` is the stack of open brackets. */
static bool check_document(checker *c)
{
    char open[AMPHI_JSON_DEPTH_MAX];
    size_t depth = 0;
    for (;;) {
        /* A value is expected here. */
        skip_blanks(c);
        if (++c->values > c->values_max)
            return fail(c, too_many);
        int byte = peek(c);
        if (byte == '{' || byte == '[') {
            if (depth == AMPHI_JSON_DEPTH_MAX)
                return fail(c, "nested too deep");
            open[depth++] = (char)byte;
            c->at++;
            skip_blanks(c);
            if (peek(c) != (byte == '{' ? '}' : ']')) {
                if (byte == '{' && !check_key(c))
                    return false;
                continue;
            }
        } else if (!check_scalar(c)) {
            return false;
        }
        /* After a value, or after an opening bracket that is closed at once. */
        for (;;) {
            skip_blanks(c);
            if (depth == 0)
                return c->at == c->size ? true : fail(c, "something follows the value");
            byte = peek(c);
            if (byte == (open[depth - 1] == '{' ? '}' : ']')) {
                depth--;
                c->at++;
                continue;
            }
            break;
        }
        if (byte != ',')
            return fail(c, "',' or a closing bracket is expected");
        c->at++;
        if (open[depth - 1] == '{' && !check_key(c))
            return false;
    }
}

static amphi_status check(checker *c, const char *what, amphi_error *error)
{
    if (c->size > AMPHI_JSON_SIZE_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0,
            "%s: JSON of %zu bytes is above the limit of %u", what, c->size, AMPHI_JSON_SIZE_MAX);
    if (check_document(c))
        return AMPHI_OK;
    if (c->wrong == too_many)
        return amphi__fail(error, AMPHI_E_LIMIT, 0,
            "%s: JSON with more than %zu values in %zu bytes", what, c->values_max, c->size);
    return amphi__fail(
        error, AMPHI_E_FORMAT, 0, "%s: not valid JSON at byte %zu: %s", what, c->at, c->wrong);
}

amphi_status amphi__json_check_numbers(
    amphi_str text, const char *what, bool *has_special, amphi_error *error)
{
    checker c = {.text = text.data,
        .size = text.size,
        .values_max = AMPHI_JSON_TREE_VALUES_MIN + text.size / AMPHI_JSON_TREE_BYTES_PER_VALUE};
    amphi_status status = check(&c, what, error);
    *has_special = c.has_special_number;
    return status;
}

amphi_status amphi__json_check(amphi_str text, const char *what, amphi_error *error)
{
    checker c = {.text = text.data, .size = text.size, .values_max = SIZE_MAX};
    return check(&c, what, error);
}
