/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a pattern by recursive descent: alternatives, sequences, repeated atoms, classes.
 */
#include "local/constraint/regex.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdlib.h>

enum { PATTERN_MAX = 4096, NODES_MAX = 4096, RANGES_MAX = 4096, DEPTH_MAX = 64, REPEAT_MAX = 1000 };

uint32_t amphi__regex_refuse(amphi_regex *p, const char *what)
{
    if (p->status == AMPHI_OK)
        p->status =
            amphi__fail(p->error, AMPHI_E_UNSUPPORTED, 0, "pattern: %s (at byte %zu)", what, p->at);
    return 0;
}

static uint32_t add_node(amphi_regex *p, amphi_regex_kind kind, uint32_t a, uint32_t b)
{
    if (p->nodes_count == NODES_MAX)
        return amphi__regex_refuse(p, "too long");
    p->nodes[p->nodes_count] = (amphi_regex_node){.kind = kind, .a = a, .b = b};
    return p->nodes_count++;
}

static int peek(const amphi_regex *p)
{
    return p->at < p->text.size ? (unsigned char)p->text.data[p->at] : -1;
}

static bool take(amphi_regex *p, char c)
{
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

/* ---- sets of characters --------------------------------------------------------------------- */

static void add_range(amphi_regex *p, uint32_t first, uint32_t last)
{
    if (p->ranges_count == RANGES_MAX) {
        amphi__regex_refuse(p, "too many classes");
        return;
    }
    p->ranges[p->ranges_count++] = (amphi_char_range){first, last};
}

static int compare_ranges(const void *a, const void *b)
{
    const amphi_char_range *x = a;
    const amphi_char_range *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Everything up to `last` that the ranges from `at` on do not hold takes their place. */
static void invert(amphi_regex *p, uint32_t at, uint32_t first, uint32_t last)
{
    uint32_t count = p->ranges_count - at;
    if (count > RANGES_MAX / 16) {
        amphi__regex_refuse(p, "a class is too long");
        return;
    }
    amphi_char_range kept[RANGES_MAX / 16];
    memcpy(kept, p->ranges + at, count * sizeof kept[0]);
    qsort(kept, count, sizeof kept[0], compare_ranges);
    p->ranges_count = at;
    for (uint32_t i = 0; i < count; i++) {
        if (kept[i].first > first && first <= last)
            add_range(p, first, kept[i].first - 1 < last ? kept[i].first - 1 : last);
        if (kept[i].last + 1 > first)
            first = kept[i].last + 1;
    }
    if (first <= last)
        add_range(p, first, last);
}

/* Adds the ranges of \d, \w, \s or an opposite; false: `c` names none of them. */
static bool add_class(amphi_regex *p, char c)
{
    uint32_t at = p->ranges_count;
    switch (c) {
    case 'd':
    case 'D':
        add_range(p, '0', '9');
        break;
    case 'w':
    case 'W':
        add_range(p, '0', '9');
        add_range(p, 'A', 'Z');
        add_range(p, '_', '_');
        add_range(p, 'a', 'z');
        break;
    case 's':
    case 'S':
        add_range(p, ' ', ' ');
        add_range(p, '\t', '\n');
        add_range(p, '\f', '\r');
        break;
    default:
        return false;
    }
    if (c == 'D' || c == 'W' || c == 'S')
        invert(p, at, ' ', '~');
    return true;
}

static bool read_hex(amphi_regex *p, unsigned digits, uint32_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < digits; i++, p->at++) {
        int c = peek(p);
        int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (value < 0)
            return false;
        *out = *out * 16 + (uint32_t)value;
    }
    return true;
}

/* After a backslash: one character. */
static bool read_escape(amphi_regex *p, uint32_t *out)
{
    static const char from[] = "nrtfv0";
    static const char to[] = "\n\r\t\f\v\0";
    int c = peek(p);
    const char *known = c > 0 ? strchr(from, c) : NULL;
    if (c < 0)
        return false;
    p->at++;
    if (c == 'u' || c == 'x')
        return read_hex(p, c == 'u' ? 4 : 2, out) && !(*out >= 0xD800 && *out < 0xE000);
    if (known != NULL) {
        *out = (unsigned char)to[known - from];
        return true;
    }
    *out = (uint32_t)c;
    bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return !is_word && c < 0x80;
}

static bool read_char(amphi_regex *p, uint32_t *out)
{
    size_t size = amphi__utf8_decode(amphi__str_slice(p->text, p->at, p->text.size), out);
    p->at += size;
    return size > 0;
}

/* One member of a class; false: it was a class itself (\d) or a refusal. */
static bool class_char(amphi_regex *p, uint32_t *out, bool *has_class)
{
    if (!take(p, '\\')) {
        if (!read_char(p, out))
            amphi__regex_refuse(p, "no valid UTF-8");
        return p->status == AMPHI_OK;
    }
    if (peek(p) >= 0 && add_class(p, (char)peek(p))) {
        p->at++;
        *has_class = true;
        return false;
    }
    if (peek(p) == 'b') {
        p->at++;
        *out = '\b';
        return true;
    }
    if (!read_escape(p, out))
        amphi__regex_refuse(p, "an escape is not supported");
    return p->status == AMPHI_OK;
}

/* After '['. */
static uint32_t read_class(amphi_regex *p)
{
    uint32_t at = p->ranges_count;
    bool negated = take(p, '^');
    bool has_class = false;
    while (p->status == AMPHI_OK && peek(p) != ']') {
        uint32_t first = 0;
        uint32_t last = 0;
        if (peek(p) < 0)
            return amphi__regex_refuse(p, "a class has no end");
        if (!class_char(p, &first, &has_class))
            continue;
        last = first;
        if (peek(p) == '-' && p->at + 1 < p->text.size && p->text.data[p->at + 1] != ']') {
            p->at++;
            if (!class_char(p, &last, &has_class) || last < first)
                return amphi__regex_refuse(p, "a range is not supported");
        }
        add_range(p, first, last);
    }
    take(p, ']');
    if (negated)
        invert(p, at, has_class ? ' ' : 1, has_class ? '~' : AMPHI_REGEX_CHAR_LAST);
    return add_node(p, AMPHI_REGEX_SET, at, p->ranges_count - at);
}

static uint32_t any_but_newline(amphi_regex *p)
{
    uint32_t at = p->ranges_count;
    add_range(p, ' ', 0x2027);
    add_range(p, 0x202A, AMPHI_REGEX_CHAR_LAST);
    return add_node(p, AMPHI_REGEX_SET, at, p->ranges_count - at);
}

/* ---- the grammar of patterns ---------------------------------------------------------------- */

static uint32_t read_alternatives(amphi_regex *p);

/* After '('. */
static uint32_t read_group(amphi_regex *p)
{
    if (take(p, '?')) {
        if (take(p, '<')) {
            if (peek(p) == '=' || peek(p) == '!')
                return amphi__regex_refuse(p, "look-around is not supported");
            while (peek(p) >= 0 && !take(p, '>'))
                p->at++;
        } else if (peek(p) == '=' || peek(p) == '!') {
            return amphi__regex_refuse(p, "look-around is not supported");
        } else if (!take(p, ':')) {
            return amphi__regex_refuse(
                p, "of the groups that begin with '?', (?:...) and (?<name>...) are supported");
        }
    }
    if (++p->depth > DEPTH_MAX)
        return amphi__regex_refuse(p, "groups are nested too deeply");
    uint32_t inside = read_alternatives(p);
    p->depth--;
    return take(p, ')') ? inside : amphi__regex_refuse(p, "a group has no end");
}

static uint32_t read_atom(amphi_regex *p)
{
    uint32_t c = 0;
    uint32_t at = p->ranges_count;
    if (take(p, '('))
        return read_group(p);
    if (take(p, '['))
        return read_class(p);
    if (take(p, '.'))
        return any_but_newline(p);
    if (peek(p) == '^' || peek(p) == '$')
        return amphi__regex_refuse(p, "^ and $ are supported at the ends only");
    if (peek(p) == '*' || peek(p) == '+' || peek(p) == '?' || peek(p) == '{')
        return amphi__regex_refuse(p, "nothing to repeat");
    if (take(p, '\\')) {
        if (peek(p) >= 0 && add_class(p, (char)peek(p))) {
            p->at++;
            return add_node(p, AMPHI_REGEX_SET, at, p->ranges_count - at);
        }
        if (!read_escape(p, &c))
            return amphi__regex_refuse(p, "an escape is not supported");
    } else if (!read_char(p, &c)) {
        return amphi__regex_refuse(p, "no valid UTF-8");
    }
    add_range(p, c, c);
    return add_node(p, AMPHI_REGEX_SET, at, p->ranges_count - at);
}

static bool read_count(amphi_regex *p, uint32_t *out)
{
    size_t from = p->at;
    for (*out = 0; peek(p) >= '0' && peek(p) <= '9' && *out <= REPEAT_MAX; p->at++)
        *out = *out * 10 + (uint32_t)(peek(p) - '0');
    return p->at > from && *out <= REPEAT_MAX;
}

/* After '{'. */
static bool read_counts(amphi_regex *p, uint32_t *least, uint32_t *most)
{
    if (!read_count(p, least))
        return false;
    *most = *least;
    if (take(p, ',')) {
        *most = UINT32_MAX;
        if (peek(p) != '}' && !read_count(p, most))
            return false;
    }
    return take(p, '}') && *least <= *most;
}

static uint32_t read_repeated(amphi_regex *p)
{
    uint32_t atom = read_atom(p);
    uint32_t least = 0;
    uint32_t most = UINT32_MAX;
    if (p->status != AMPHI_OK)
        return 0;
    if (take(p, '?'))
        most = 1;
    else if (take(p, '+'))
        least = 1;
    else if (take(p, '{')) {
        if (!read_counts(p, &least, &most))
            return amphi__regex_refuse(p, "a repetition is malformed or too long");
    } else if (!take(p, '*'))
        return atom;
    take(p, '?'); /* lazy or not: the same strings */
    uint32_t repeat = add_node(p, AMPHI_REGEX_REPEAT, atom, 0);
    if (p->status == AMPHI_OK) {
        p->nodes[repeat].least = least;
        p->nodes[repeat].most = most;
    }
    return repeat;
}

static bool at_end_mark(const amphi_regex *p)
{
    return peek(p) == '$' && p->depth == 0 &&
           (p->at + 1 == p->text.size || p->text.data[p->at + 1] == '|');
}

static uint32_t read_sequence(amphi_regex *p)
{
    uint32_t all = add_node(p, AMPHI_REGEX_EMPTY, 0, 0);
    while (p->status == AMPHI_OK && peek(p) >= 0 && peek(p) != '|' && peek(p) != ')' &&
           !at_end_mark(p))
        all = add_node(p, AMPHI_REGEX_CAT, all, read_repeated(p));
    return all;
}

/* At the top, what has no ^ or $ may have anything before or behind it. */
static uint32_t read_alternative(amphi_regex *p)
{
    if (p->depth > 0)
        return read_sequence(p);
    bool from_start = take(p, '^');
    uint32_t all = read_sequence(p);
    bool to_end = p->status == AMPHI_OK && at_end_mark(p) && take(p, '$');
    for (int side = 0; side < 2; side++) {
        if (side == 0 ? from_start : to_end)
            continue;
        uint32_t anything = add_node(p, AMPHI_REGEX_REPEAT, any_but_newline(p), 0);
        if (p->status != AMPHI_OK)
            return 0;
        p->nodes[anything].most = UINT32_MAX;
        all = side == 0 ? add_node(p, AMPHI_REGEX_CAT, anything, all)
                        : add_node(p, AMPHI_REGEX_CAT, all, anything);
    }
    return all;
}

static uint32_t read_alternatives(amphi_regex *p)
{
    uint32_t all = read_alternative(p);
    while (p->status == AMPHI_OK && take(p, '|'))
        all = add_node(p, AMPHI_REGEX_ALT, all, read_alternative(p));
    return all;
}

amphi_status amphi__regex_parse(
    amphi_regex *out, amphi_str text, uint32_t *root, amphi_error *error)
{
    *out = (amphi_regex){.text = text, .error = error};
    *root = 0;
    if (text.size > PATTERN_MAX) {
        out->status =
            amphi__fail(error, AMPHI_E_LIMIT, 0, "pattern: longer than %d bytes", PATTERN_MAX);
        return out->status;
    }
    out->nodes = amphi__calloc(NODES_MAX, sizeof *out->nodes);
    out->ranges = amphi__calloc(RANGES_MAX, sizeof *out->ranges);
    if (out->nodes == NULL || out->ranges == NULL) {
        out->status = amphi__fail_no_memory(error);
        return out->status;
    }
    *root = read_alternatives(out);
    if (out->status == AMPHI_OK && out->at < text.size)
        amphi__regex_refuse(out, "a ) too many");
    return out->status;
}

void amphi__regex_clear(amphi_regex *regex)
{
    amphi__free(regex->nodes);
    amphi__free(regex->ranges);
    *regex = (amphi_regex){.status = AMPHI_OK};
}
