/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass over the source. Outside of tags, text() searches for the next tag and trims the blanks
 * around it; within a tag, inside() makes one token per turn until the tag's end.
 */
#include "local/jinja/lexer.h"

#include "local/jinja/unicode.h"
#include "local/jinja/value.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <stdlib.h>

#define BRACKETS_MAX 200

typedef struct lexer {
    jinja_arena *arena;
    jinja_tokens *tokens;
    amphi_error *error;
    amphi_status status;
    amphi_str source;
    size_t at;
    uint32_t line;
    bool line_starting; /* nothing but a newline was taken just before `at` */
} lexer;

static bool fail(lexer *lex, amphi_status status, const char *what)
{
    lex->status = status == AMPHI_E_NO_MEMORY
                      ? amphi__fail_no_memory(lex->error)
                      : amphi__fail(lex->error, status, 0, "chat template, line %u: %s",
                            (unsigned)lex->line, what);
    return false;
}

static bool fail_arena(lexer *lex)
{
    return fail(lex, lex->arena->status, "the template needs too much memory");
}

static char peek(const lexer *lex, size_t ahead)
{
    return lex->at + ahead < lex->source.size ? lex->source.data[lex->at + ahead] : '\0';
}

static bool starts_with(const lexer *lex, const char *what)
{
    size_t size = strlen(what);
    return lex->source.size - lex->at >= size &&
           memcmp(lex->source.data + lex->at, what, size) == 0;
}

/* Moves on and counts lines. */
static void advance(lexer *lex, size_t to)
{
    for (; lex->at < to; lex->at++)
        lex->line += lex->source.data[lex->at] == '\n';
}

static size_t skip_blanks(const lexer *lex, size_t at)
{
    size_t size;
    while (at < lex->source.size &&
           amphi__jinja_is_space(amphi__jinja_char_at(lex->source, at, &size)))
        at += size;
    return at;
}

static jinja_token *push(lexer *lex, jinja_token_kind kind)
{
    jinja_tokens *tokens = lex->tokens;
    jinja_token *items = amphi__jinja_grow(
        lex->arena, tokens->items, tokens->count, &tokens->capacity, sizeof *items);
    if (items == NULL) {
        fail_arena(lex);
        return NULL;
    }
    tokens->items = items;
    items += tokens->count++;
    memset(items, 0, sizeof *items);
    items->kind = (uint8_t)kind;
    items->line = lex->line;
    return items;
}

/* Text before a tag whose sign is '-', '+' or 0; lstrip: the tag is no {{ }}. */
static bool push_text(lexer *lex, amphi_str text, char sign, bool lstrip)
{
    size_t size, line_start = text.size;
    if (sign == '-') {
        while (text.size > 0 &&
               amphi__jinja_is_space(amphi__jinja_char_before(text, text.size, &size)))
            text.size -= size;
    } else if (sign != '+' && lstrip) {
        while (line_start > 0 && text.data[line_start - 1] != '\n' &&
               amphi__jinja_is_space(amphi__jinja_char_before(text, line_start, &size)))
            line_start -= size;
        if (line_start > 0 ? text.data[line_start - 1] == '\n' : lex->line_starting)
            text.size = line_start;
    }
    if (text.size > 0) {
        jinja_token *token = push(lex, JINJA_TOKEN_TEXT);
        if (token == NULL)
            return false;
        token->text = text;
    }
    return true;
}

/* After the closing sign of a block tag or a comment: '-' removes blanks, no sign one newline. */
static void close_tag(lexer *lex, char sign, size_t after)
{
    if (sign == '-')
        after = skip_blanks(lex, after);
    else if (sign != '+' && after < lex->source.size && lex->source.data[after] == '\n')
        after++;
    advance(lex, after);
    lex->line_starting = lex->source.data[after - 1] == '\n';
}

/* Length of a closing "%}", "-%}" or "+%}" at the current place, or 0. */
static size_t closing(const lexer *lex, char mark, char *sign)
{
    char first = peek(lex, 0);
    size_t skip = first == '-' || first == '+';
    *sign = skip > 0 ? first : '\0';
    return peek(lex, skip) == mark && peek(lex, skip + 1) == '}' ? skip + 2 : 0;
}

static bool comment(lexer *lex)
{
    advance(lex, lex->at + 2 + (peek(lex, 2) == '-' || peek(lex, 2) == '+'));
    char sign;
    for (; lex->at < lex->source.size; advance(lex, lex->at + 1)) {
        size_t size = closing(lex, '#', &sign);
        if (size > 0) {
            close_tag(lex, sign, lex->at + size);
            return true;
        }
    }
    return fail(lex, AMPHI_E_FORMAT, "a comment is not closed with #}");
}

/* Is there a `{% raw %}` or `{% endraw %}` (`word`) at `at`? *after: behind its "%}". */
static bool is_word_tag(
    const lexer *lex, size_t at, const char *word, char *sign, char *end_sign, size_t *after)
{
    lexer ahead = *lex;
    ahead.at = at;
    if (!starts_with(&ahead, "{%"))
        return false;
    ahead.at += 2;
    *sign = peek(&ahead, 0) == '-' || peek(&ahead, 0) == '+' ? peek(&ahead, 0) : '\0';
    ahead.at = skip_blanks(lex, ahead.at + (*sign != '\0'));
    if (!starts_with(&ahead, word))
        return false;
    ahead.at = skip_blanks(lex, ahead.at + strlen(word));
    *after = ahead.at + closing(&ahead, '%', end_sign);
    return *after > ahead.at;
}

static bool raw(lexer *lex, char end_sign, size_t after)
{
    if (end_sign == '-')
        after = skip_blanks(lex, after);
    advance(lex, after);
    lex->line_starting = lex->source.data[after - 1] == '\n';
    char sign;
    for (size_t start = lex->at; lex->at < lex->source.size; advance(lex, lex->at + 1)) {
        if (peek(lex, 0) == '{' && is_word_tag(lex, lex->at, "endraw", &sign, &end_sign, &after)) {
            amphi_str text = amphi__str_slice(lex->source, start, lex->at);
            if (!push_text(lex, text, sign, true))
                return false;
            close_tag(lex, end_sign, after);
            return true;
        }
    }
    return fail(lex, AMPHI_E_FORMAT, "a raw block is not closed with {% endraw %}");
}

/* Takes text up to and with the next tag's opening, or the whole of a comment or raw block: then
 * *in_tag is false. False at the end and on errors. */
static bool text(lexer *lex, bool *in_tag, bool *in_print)
{
    size_t start = lex->at;
    *in_tag = false;
    char mark = '\0';
    for (; lex->at < lex->source.size; advance(lex, lex->at + 1)) {
        mark = peek(lex, 0) == '{' ? peek(lex, 1) : '\0';
        if (mark == '{' || mark == '%' || mark == '#')
            break;
    }
    if (lex->at >= lex->source.size) {
        push_text(lex, amphi__str_slice(lex->source, start, lex->at), '+', false);
        return false;
    }
    char sign = peek(lex, 2) == '-' || peek(lex, 2) == '+' ? peek(lex, 2) : '\0';
    if (!push_text(lex, amphi__str_slice(lex->source, start, lex->at), sign, mark != '{'))
        return false;
    lex->line_starting = false;
    if (mark == '#')
        return comment(lex);
    size_t after;
    char end_sign;
    if (mark == '%' && is_word_tag(lex, lex->at, "raw", &sign, &end_sign, &after) &&
        end_sign != '+')
        return raw(lex, end_sign, after);
    jinja_token *token = push(lex, mark == '{' ? JINJA_TOKEN_PRINT_BEGIN : JINJA_TOKEN_BLOCK_BEGIN);
    advance(lex, lex->at + 2 + (sign != '\0'));
    *in_tag = true;
    *in_print = mark == '{';
    return token != NULL;
}

static int hex_digits(const char *text, size_t count, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        char c = text[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16u;
        if (digit > 15)
            return 0;
        *value = *value << 4 | digit;
    }
    return 1;
}

/* One escape of Python's; in[0] is the backslash. Returns the bytes taken, 0 when malformed. */
static size_t escape(const char *in, size_t left, char *out, size_t *out_size)
{
    static const char plain[] = "\\'\"abfnrtv";
    static const char meant[] = "\\'\"\a\b\f\n\r\t\v";
    const char *known = strchr(plain, in[1]);
    size_t digits = in[1] == 'x' ? 2 : in[1] == 'u' ? 4 : in[1] == 'U' ? 8 : 0;
    if (known != NULL && in[1] != '\0') {
        out[0] = meant[known - plain];
        *out_size = 1;
        return 2;
    }
    uint32_t code = 0;
    if (digits > 0) {
        if (left < 2 + digits || !hex_digits(in + 2, digits, &code) || code > 0x10FFFF)
            return 0;
        /* Half of a surrogate pair is no character: U+FFFD. */
        *out_size = amphi__utf8_encode(code >= 0xD800 && code <= 0xDFFF ? 0xFFFDu : code, out);
        return 2 + digits;
    }
    if (in[1] >= '0' && in[1] <= '7') {
        for (digits = 0;
             digits < 3 && digits + 1 < left && in[1 + digits] >= '0' && in[1 + digits] <= '7';
             digits++)
            code = code << 3 | (uint32_t)(in[1 + digits] - '0');
        *out_size = amphi__utf8_encode(code, out);
        return 1 + digits;
    }
    out[0] = '\\'; /* unknown ones are kept; a backslash before a newline removes both */
    *out_size = in[1] == '\n' ? 0 : 1;
    return in[1] == '\n' ? 2 : 1;
}

static bool string(lexer *lex)
{
    char quote = peek(lex, 0);
    size_t start = lex->at + 1, end = start;
    jinja_token *token = push(lex, JINJA_TOKEN_STRING);
    while (end < lex->source.size && lex->source.data[end] != quote)
        end += lex->source.data[end] == '\\' ? 2 : 1;
    if (end >= lex->source.size)
        return fail(lex, AMPHI_E_FORMAT, "a string is not closed");
    char *value = amphi__jinja_alloc_text(lex->arena, end - start + 4);
    if (token == NULL || value == NULL)
        return fail_arena(lex);
    size_t size = 0;
    for (size_t i = start; i < end;) {
        value[size] = lex->source.data[i];
        size_t taken = 1;
        size_t made = 1;
        if (lex->source.data[i] == '\\') {
            taken = escape(lex->source.data + i, end - i, value + size, &made);
            if (taken == 0)
                return fail(lex, AMPHI_E_FORMAT, "a string has a malformed \\x or \\u escape");
        }
        i += taken;
        size += made;
    }
    token->text = amphi_str_make(value, size);
    advance(lex, end + 1);
    return true;
}

/* Digits with single underscores between them; returns the end. */
static size_t digits_end(const lexer *lex, size_t at)
{
    while (at < lex->source.size &&
           ((lex->source.data[at] >= '0' && lex->source.data[at] <= '9') ||
               (lex->source.data[at] == '_' && at + 1 < lex->source.size &&
                   lex->source.data[at + 1] >= '0' && lex->source.data[at + 1] <= '9')))
        at++;
    return at;
}

static bool is_digit_at(const lexer *lex, size_t at)
{
    return at < lex->source.size && lex->source.data[at] >= '0' && lex->source.data[at] <= '9';
}

/* The end of a float at the current place, or 0 when the number is an integer. */
static size_t float_end(const lexer *lex, size_t integer_end)
{
    size_t end = integer_end;
    if (lex->at > 0 && lex->source.data[lex->at - 1] == '.')
        return 0; /* a.0.1 is two lookups */
    if (end < lex->source.size && lex->source.data[end] == '.' && is_digit_at(lex, end + 1))
        end = digits_end(lex, end + 1);
    if (end < lex->source.size && (lex->source.data[end] | 0x20) == 'e') {
        size_t exponent = end + 1;
        if (exponent < lex->source.size &&
            (lex->source.data[exponent] == '+' || lex->source.data[exponent] == '-'))
            exponent++;
        if (is_digit_at(lex, exponent))
            end = digits_end(lex, exponent);
    }
    return end > integer_end ? end : 0;
}

static bool number(lexer *lex)
{
    size_t end = digits_end(lex, lex->at), fraction = float_end(lex, end);
    char second = (char)(peek(lex, 1) | 0x20);
    int base = 10;
    if (fraction == 0 && peek(lex, 0) == '0' && (second == 'x' || second == 'o' || second == 'b')) {
        base = second == 'x' ? 16 : second == 'o' ? 8 : 2;
        advance(lex, lex->at + 2);
        for (end = lex->at; end < lex->source.size; end++) {
            char c = lex->source.data[end];
            char letter = (char)(c | 0x20);
            if (!(c == '_' || (c >= '0' && c <= '9') ||
                    (base == 16 && letter >= 'a' && letter <= 'f')))
                break;
        }
    }
    end = fraction > 0 ? fraction : end;
    size_t size = 0;
    char digits[128];
    for (size_t i = lex->at; i < end; i++) {
        if (lex->source.data[i] != '_') {
            if (size + 1 >= sizeof digits)
                return fail(lex, AMPHI_E_LIMIT, "a number has too many digits");
            digits[size++] = lex->source.data[i];
        }
    }
    digits[size] = '\0';
    jinja_token *token = push(lex, fraction > 0 ? JINJA_TOKEN_FLOAT : JINJA_TOKEN_INT);
    if (token == NULL)
        return false;
    advance(lex, end);
    if (fraction > 0) {
        return amphi__jinja_read_float(amphi_str_make(digits, size), &token->number) ||
               fail(lex, AMPHI_E_FORMAT, "a number is malformed");
    }
    errno = 0;
    char *stop = digits;
    token->integer = strtoll(digits, &stop, base);
    if (errno != 0 || stop != digits + size || size == 0)
        return fail(lex, AMPHI_E_FORMAT, "a number is malformed or does not fit 64 bits");
    return true;
}

static bool is_name_byte(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           (unsigned char)c >= 0x80 || (!first && c >= '0' && c <= '9');
}

static bool name(lexer *lex)
{
    size_t end = lex->at;
    jinja_token *token = push(lex, JINJA_TOKEN_NAME);
    if (token == NULL)
        return false;
    while (end < lex->source.size && is_name_byte(lex->source.data[end], false))
        end++;
    token->text = amphi__str_slice(lex->source, lex->at, end);
    advance(lex, end);
    return true;
}

static bool sign(lexer *lex, char *brackets, size_t *open)
{
    static const char *const pairs[] = {"==", "!=", ">=", "<=", "//", "**"};
    char c = peek(lex, 0);
    uint16_t code = (uint16_t)(unsigned char)c;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (starts_with(lex, pairs[i]))
            code = JINJA_SIGN(pairs[i][0], pairs[i][1]);
    if (code < 0x100 && (c == '\0' || strchr("+-/*%~[](){}><=.:|,;", c) == NULL))
        return fail(lex, AMPHI_E_FORMAT, "a character is not part of the language");
    if (c == '(' || c == '[' || c == '{') {
        if (*open >= BRACKETS_MAX)
            return fail(lex, AMPHI_E_LIMIT, "brackets are nested too deeply");
        brackets[(*open)++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
        if (*open == 0 || brackets[--(*open)] != c)
            return fail(lex, AMPHI_E_FORMAT, "a bracket closes that was not opened");
    }
    jinja_token *token = push(lex, JINJA_TOKEN_SIGN);
    if (token == NULL)
        return false;
    token->sign = code;
    advance(lex, lex->at + (code > 0xFF ? 2 : 1));
    return true;
}

/* The end of the current tag, when it is here. *done says so. */
static bool tag_end(lexer *lex, bool in_print, bool *done)
{
    char end_sign;
    size_t size = closing(lex, in_print ? '}' : '%', &end_sign);
    *done = size > 0 && !(in_print && end_sign == '+');
    if (!*done)
        return true;
    if (push(lex, in_print ? JINJA_TOKEN_PRINT_END : JINJA_TOKEN_BLOCK_END) == NULL)
        return false;
    /* A newline after {{ }} is kept, as '+' does. */
    close_tag(lex, in_print && end_sign != '-' ? '+' : end_sign, lex->at + size);
    return true;
}

static bool inside(lexer *lex, bool in_print)
{
    size_t open = 0;
    bool done = false;
    char brackets[BRACKETS_MAX];
    while (lex->at < lex->source.size) {
        char c = peek(lex, 0);
        size_t blanks = skip_blanks(lex, lex->at);
        if (blanks > lex->at) {
            advance(lex, blanks);
            continue;
        }
        if (open == 0 && (!tag_end(lex, in_print, &done) || done))
            return done;
        bool fine;
        if (c >= '0' && c <= '9')
            fine = number(lex);
        else if (is_name_byte(c, true))
            fine = name(lex);
        else if (c == '\'' || c == '"')
            fine = string(lex);
        else
            fine = sign(lex, brackets, &open);
        if (!fine)
            return false;
    }
    return fail(lex, AMPHI_E_FORMAT, "a tag is not closed");
}

/* Every newline becomes '\n'; one at the end is removed, as Jinja2 does. */
static bool normalize(lexer *lex, amphi_str source)
{
    char *copy = amphi__jinja_alloc_text(lex->arena, source.size);
    if (copy == NULL)
        return fail_arena(lex);
    size_t size = 0;
    for (size_t i = 0; i < source.size; i++) {
        copy[size] = source.data[i] == '\r' ? '\n' : source.data[i];
        size++;
        if (source.data[i] == '\r' && i + 1 < source.size && source.data[i + 1] == '\n')
            i++;
    }
    if (size > 0 && copy[size - 1] == '\n')
        size--;
    lex->source = amphi_str_make(copy, size);
    return true;
}

amphi_status amphi__jinja_lex(
    jinja_tokens *out, jinja_arena *arena, amphi_str source, amphi_error *error)
{
    lexer lex = {.arena = arena, .tokens = out, .error = error, .line = 1, .line_starting = true};
    memset(out, 0, sizeof *out);
    if (source.size > JINJA_SOURCE_MAX) {
        fail(&lex, AMPHI_E_LIMIT, "the template is larger than 256 KiB");
        return lex.status;
    }
    if (!amphi__utf8_is_valid(source)) {
        fail(&lex, AMPHI_E_FORMAT, "the template is not valid UTF-8");
        return lex.status;
    }
    if (normalize(&lex, source)) {
        bool in_tag = false;
        bool in_print = false;
        while (text(&lex, &in_tag, &in_print) && (!in_tag || inside(&lex, in_print))) {
        }
        if (lex.status == AMPHI_OK)
            push(&lex, JINJA_TOKEN_END);
    }
    return lex.status;
}
