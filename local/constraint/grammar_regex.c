/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions of JSON Schema's `pattern`, as states over the bytes that JSON writes for a
 * string. Understood: characters, classes, . \d \w \s and their opposites, groups, alternatives,
 * * + ? {m,n}, ^ and $ at the ends of the whole pattern or of its alternatives. Everything else
 * (look-around, back references, \b, \p{}) is refused. Where dialects differ (does \w mean é?) we
 * write only what all of them accept.
 */
#include "local/constraint/grammar.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PATTERN_MAX = 4096,
    NODES_MAX = 4096,
    RANGES_MAX = 4096,
    DEPTH_MAX = 64,
    REPEAT_MAX = 1000,
    BOUND_MAX = 8192
};

#define LAST_CHAR 0x10FFFFu

typedef struct char_range {
    uint32_t first, last;
} char_range;

typedef enum node_kind { NODE_EMPTY, NODE_SET, NODE_CAT, NODE_ALT, NODE_REPEAT } node_kind;

typedef struct node {
    node_kind kind;
    uint32_t a, b;        /* CAT, ALT: parts; REPEAT: a; SET: ranges from a, b of them */
    uint32_t least, most; /* REPEAT */
    uint32_t rule;        /* SET: made once, 0: not yet */
} node;

typedef struct pattern {
    amphi_grammar *g;
    amphi_str text;
    size_t at;
    unsigned depth;
    node *nodes;
    uint32_t nodes_count;
    char_range *ranges;
    uint32_t ranges_count;
    amphi_error *error;
    amphi_status status;
} pattern;

static uint32_t refuse(pattern *p, const char *what)
{
    if (p->status == AMPHI_OK)
        p->status =
            amphi__fail(p->error, AMPHI_E_UNSUPPORTED, 0, "pattern: %s (at byte %zu)", what, p->at);
    return 0;
}

static uint32_t add_node(pattern *p, node_kind kind, uint32_t a, uint32_t b)
{
    if (p->nodes_count == NODES_MAX)
        return refuse(p, "too long");
    p->nodes[p->nodes_count] = (node){.kind = kind, .a = a, .b = b};
    return p->nodes_count++;
}

static int peek(const pattern *p)
{
    return p->at < p->text.size ? (unsigned char)p->text.data[p->at] : -1;
}

static bool take(pattern *p, char c)
{
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

/* ---- sets of characters --------------------------------------------------------------------- */

static void add_range(pattern *p, uint32_t first, uint32_t last)
{
    if (p->ranges_count == RANGES_MAX) {
        refuse(p, "too many classes");
        return;
    }
    p->ranges[p->ranges_count++] = (char_range){first, last};
}

static int compare_ranges(const void *a, const void *b)
{
    const char_range *x = a;
    const char_range *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Everything up to `last` that the ranges from `at` on do not hold takes their place. */
static void invert(pattern *p, uint32_t at, uint32_t first, uint32_t last)
{
    uint32_t count = p->ranges_count - at;
    if (count > RANGES_MAX / 16) {
        refuse(p, "a class is too long");
        return;
    }
    char_range kept[RANGES_MAX / 16];
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

/* \d and the like; *narrow: others may read more into it than ASCII. false: not one of them. */
static bool add_class(pattern *p, char c)
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

static bool read_hex(pattern *p, unsigned digits, uint32_t *out)
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
static bool read_escape(pattern *p, uint32_t *out)
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

static bool read_char(pattern *p, uint32_t *out)
{
    size_t size = amphi__utf8_decode(amphi__str_slice(p->text, p->at, p->text.size), out);
    p->at += size;
    return size > 0;
}

/* One member of a class; false: it was a class itself (\d) or a refusal. */
static bool class_char(pattern *p, uint32_t *out, bool *has_class)
{
    if (!take(p, '\\')) {
        if (!read_char(p, out))
            refuse(p, "no valid UTF-8");
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
        refuse(p, "an escape is not supported");
    return p->status == AMPHI_OK;
}

/* After '['. */
static uint32_t read_class(pattern *p)
{
    uint32_t at = p->ranges_count;
    bool negated = take(p, '^');
    bool has_class = false;
    while (p->status == AMPHI_OK && peek(p) != ']') {
        uint32_t first = 0;
        uint32_t last = 0;
        if (peek(p) < 0)
            return refuse(p, "a class has no end");
        if (!class_char(p, &first, &has_class))
            continue;
        last = first;
        if (peek(p) == '-' && p->at + 1 < p->text.size && p->text.data[p->at + 1] != ']') {
            p->at++;
            if (!class_char(p, &last, &has_class) || last < first)
                return refuse(p, "a range is not supported");
        }
        add_range(p, first, last);
    }
    take(p, ']');
    if (negated)
        invert(p, at, has_class ? ' ' : 1, has_class ? '~' : LAST_CHAR);
    return add_node(p, NODE_SET, at, p->ranges_count - at);
}

static uint32_t any_but_newline(pattern *p)
{
    uint32_t at = p->ranges_count;
    add_range(p, ' ', 0x2027);
    add_range(p, 0x202A, LAST_CHAR);
    return add_node(p, NODE_SET, at, p->ranges_count - at);
}

/* ---- the grammar of patterns ---------------------------------------------------------------- */

static uint32_t read_alternatives(pattern *p);

/* After '('. */
static uint32_t read_group(pattern *p)
{
    if (take(p, '?')) {
        if (take(p, '<')) {
            if (peek(p) == '=' || peek(p) == '!')
                return refuse(p, "look-around is not supported");
            while (peek(p) >= 0 && !take(p, '>'))
                p->at++;
        } else if (peek(p) == '=' || peek(p) == '!') {
            return refuse(p, "look-around is not supported");
        } else if (!take(p, ':')) {
            return refuse(
                p, "of the groups that begin with '?', (?:...) and (?<name>...) are supported");
        }
    }
    if (++p->depth > DEPTH_MAX)
        return refuse(p, "groups are nested too deeply");
    uint32_t inside = read_alternatives(p);
    p->depth--;
    return take(p, ')') ? inside : refuse(p, "a group has no end");
}

static uint32_t read_atom(pattern *p)
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
        return refuse(p, "^ and $ are supported at the ends only");
    if (peek(p) == '*' || peek(p) == '+' || peek(p) == '?' || peek(p) == '{')
        return refuse(p, "nothing to repeat");
    if (take(p, '\\')) {
        if (peek(p) >= 0 && add_class(p, (char)peek(p))) {
            p->at++;
            return add_node(p, NODE_SET, at, p->ranges_count - at);
        }
        if (!read_escape(p, &c))
            return refuse(p, "an escape is not supported");
    } else if (!read_char(p, &c)) {
        return refuse(p, "no valid UTF-8");
    }
    add_range(p, c, c);
    return add_node(p, NODE_SET, at, p->ranges_count - at);
}

static bool read_count(pattern *p, uint32_t *out)
{
    size_t from = p->at;
    for (*out = 0; peek(p) >= '0' && peek(p) <= '9' && *out <= REPEAT_MAX; p->at++)
        *out = *out * 10 + (uint32_t)(peek(p) - '0');
    return p->at > from && *out <= REPEAT_MAX;
}

/* After '{'. */
static bool read_counts(pattern *p, uint32_t *least, uint32_t *most)
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

static uint32_t read_repeated(pattern *p)
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
            return refuse(p, "a repetition is malformed or too long");
    } else if (!take(p, '*'))
        return atom;
    take(p, '?'); /* lazy or not: the same strings */
    uint32_t repeat = add_node(p, NODE_REPEAT, atom, 0);
    if (p->status == AMPHI_OK) {
        p->nodes[repeat].least = least;
        p->nodes[repeat].most = most;
    }
    return repeat;
}

static bool at_end_mark(const pattern *p)
{
    return peek(p) == '$' && p->depth == 0 &&
           (p->at + 1 == p->text.size || p->text.data[p->at + 1] == '|');
}

static uint32_t read_sequence(pattern *p)
{
    uint32_t all = add_node(p, NODE_EMPTY, 0, 0);
    while (p->status == AMPHI_OK && peek(p) >= 0 && peek(p) != '|' && peek(p) != ')' &&
           !at_end_mark(p))
        all = add_node(p, NODE_CAT, all, read_repeated(p));
    return all;
}

/* At the top, what has no ^ or $ may have anything before or behind it. */
static uint32_t read_alternative(pattern *p)
{
    if (p->depth > 0)
        return read_sequence(p);
    bool from_start = take(p, '^');
    uint32_t all = read_sequence(p);
    bool to_end = p->status == AMPHI_OK && at_end_mark(p) && take(p, '$');
    for (int side = 0; side < 2; side++) {
        if (side == 0 ? from_start : to_end)
            continue;
        uint32_t anything = add_node(p, NODE_REPEAT, any_but_newline(p), 0);
        if (p->status != AMPHI_OK)
            return 0;
        p->nodes[anything].most = UINT32_MAX;
        all =
            side == 0 ? add_node(p, NODE_CAT, anything, all) : add_node(p, NODE_CAT, all, anything);
    }
    return all;
}

static uint32_t read_alternatives(pattern *p)
{
    uint32_t all = read_alternative(p);
    while (p->status == AMPHI_OK && take(p, '|'))
        all = add_node(p, NODE_ALT, all, read_alternative(p));
    return all;
}

/* ---- how long ------------------------------------------------------------------------------- */

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static uint32_t times(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 ? 0 : a > UINT32_MAX / b ? UINT32_MAX : a * b;
}

/* In characters. Nodes come after their parts, so one pass does; CAT chains are long, not deep. */
static bool measure(const pattern *p, uint32_t root, uint32_t *least, uint32_t *most)
{
    uint32_t *lengths = amphi__calloc((size_t)p->nodes_count * 2, sizeof *lengths);
    if (lengths == NULL)
        return false;
    for (uint32_t i = 0; i < p->nodes_count; i++) {
        const node *n = &p->nodes[i];
        uint32_t *out = lengths + (size_t)i * 2;
        const uint32_t *a = lengths + (size_t)n->a * 2;
        const uint32_t *b = lengths + (size_t)n->b * 2;
        if (n->kind == NODE_SET) {
            out[0] = out[1] = 1;
        } else if (n->kind == NODE_CAT) {
            out[0] = sum(a[0], b[0]);
            out[1] = sum(a[1], b[1]);
        } else if (n->kind == NODE_ALT) {
            out[0] = a[0] < b[0] ? a[0] : b[0];
            out[1] = a[1] > b[1] ? a[1] : b[1];
        } else if (n->kind == NODE_REPEAT) {
            out[0] = times(a[0], n->least);
            out[1] = times(a[1], n->most);
        }
    }
    *least = lengths[(size_t)root * 2];
    *most = lengths[(size_t)root * 2 + 1];
    amphi__free(lengths);
    return true;
}

/* ---- states --------------------------------------------------------------------------------- */

/* UTF-8 sequences of n bytes between two of them. n is what is left of all four arrays, which the
 * analyzer does not follow through the recursion. */
static uint32_t between(amphi_grammar *g, const unsigned char *low, const unsigned char *high,
    unsigned n, uint32_t next)
{
    static const unsigned char lowest[] = {0x80, 0x80, 0x80};
    static const unsigned char highest[] = {0xBF, 0xBF, 0xBF};
    if (n == 1)
        return amphi__grammar_range(g, low[0], high[0], next); /* NOLINT(*CallAndMessage) */
    if (low[0] == high[0])                                     /* NOLINT(*UndefinedBinary*) */
        return amphi__grammar_range(g, low[0], low[0], between(g, low + 1, high + 1, n - 1, next));
    uint32_t all =
        amphi__grammar_range(g, low[0], low[0], between(g, low + 1, highest, n - 1, next));
    all = amphi__grammar_either(g, all,
        amphi__grammar_range(g, high[0], high[0], between(g, lowest, high + 1, n - 1, next)));
    if (low[0] + 1 <= high[0] - 1)
        all = amphi__grammar_either(g, all,
            amphi__grammar_range(
                g, low[0] + 1u, high[0] - 1u, between(g, lowest, highest, n - 1, next)));
    return all;
}

/* Characters that need more than one byte. */
static uint32_t wide_range(amphi_grammar *g, uint32_t first, uint32_t last, uint32_t next)
{
    static const uint32_t borders[][2] = {
        {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, LAST_CHAR}};
    uint32_t all = 0;
    for (size_t i = 0; i < sizeof borders / sizeof borders[0]; i++) {
        uint32_t from = first > borders[i][0] ? first : borders[i][0];
        uint32_t to = last < borders[i][1] ? last : borders[i][1];
        if (from > to)
            continue;
        char low[4];
        unsigned size = (unsigned)amphi__utf8_encode(from, low);
        char high[4];
        amphi__utf8_encode(to, high);
        all = amphi__grammar_either(g, all,
            between(g, (const unsigned char *)low, (const unsigned char *)high, size, next));
    }
    return all;
}

/* How JSON writes a control character, a quote or a backslash. */
static uint32_t escaped(amphi_grammar *g, uint32_t c, uint32_t next)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *known = strchr(from, (int)c);
    char text[8];
    if (known != NULL)
        snprintf(text, sizeof text, "\\%c", to[known - from]);
    else
        snprintf(text, sizeof text, "\\u%04x", (unsigned)c);
    return amphi__grammar_literal(g, amphi_str_from(text), next);
}

static uint32_t emit_ranges(
    amphi_grammar *g, const char_range *ranges, uint32_t count, uint32_t next)
{
    amphi_byte_set plain = {{0}};
    bool special[128] = {false};
    bool any_plain = false;
    uint32_t all = 0;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t c = ranges[i].first; c <= ranges[i].last && c < 128; c++) {
            bool is_special = c < ' ' || c == '"' || c == '\\';
            special[c] |= is_special && c != 0;
            any_plain |= !is_special;
            if (!is_special)
                amphi__byte_set_add(&plain, c, c);
        }
        all = amphi__grammar_either(g, all, wide_range(g, ranges[i].first, ranges[i].last, next));
    }
    if (any_plain)
        all = amphi__grammar_either(g, all, amphi__grammar_set(g, &plain, next));
    for (uint32_t c = 0; c < 128; c++)
        if (special[c])
            all = amphi__grammar_either(g, all, escaped(g, c, next));
    return all;
}

static uint32_t emit_set(pattern *p, node *n, uint32_t next)
{
    const char_range *ranges = p->ranges + n->a;
    bool simple = true;
    for (uint32_t i = 0; i < n->b; i++)
        simple = simple && ranges[i].first > '\\' && ranges[i].last < 128;
    if (simple || (n->b == 1 && ranges[0].first == ranges[0].last))
        return emit_ranges(p->g, ranges, n->b, next);
    if (n->rule == 0) {
        uint32_t entry = emit_ranges(p->g, ranges, n->b, p->g->returns);
        n->rule = amphi__grammar_rule(p->g);
        if (p->g->status != AMPHI_OK || entry == 0)
            return 0;
        p->g->rules[n->rule] = entry;
    }
    return amphi__grammar_call(p->g, n->rule, next);
}

static uint32_t emit(pattern *p, uint32_t id, uint32_t next);

static uint32_t emit_repeat(pattern *p, const node *n, uint32_t next)
{
    uint32_t at = next;
    if (n->most == UINT32_MAX) {
        uint32_t loop = amphi__grammar_forward(p->g);
        amphi__grammar_aim(p->g, loop, next, emit(p, n->a, loop));
        at = loop;
    } else {
        for (uint32_t i = n->most; i > n->least && p->g->status == AMPHI_OK; i--)
            at = amphi__grammar_either(p->g, next, emit(p, n->a, at));
    }
    for (uint32_t i = 0; i < n->least && p->g->status == AMPHI_OK; i++)
        at = emit(p, n->a, at);
    return at;
}

static uint32_t emit(pattern *p, uint32_t id, uint32_t next)
{
    node *n = &p->nodes[id];
    if (p->g->status != AMPHI_OK || next == 0)
        return 0;
    switch (n->kind) {
    case NODE_EMPTY:
        return next;
    case NODE_SET:
        return emit_set(p, n, next);
    case NODE_CAT: /* from the right: a is the long side */
        while (p->nodes[id].kind == NODE_CAT) {
            next = emit(p, p->nodes[id].b, next);
            id = p->nodes[id].a;
        }
        return emit(p, id, next);
    case NODE_ALT: {
        uint32_t all = 0;
        while (p->nodes[id].kind == NODE_ALT) {
            all = amphi__grammar_either(p->g, all, emit(p, p->nodes[id].b, next));
            id = p->nodes[id].a;
        }
        return amphi__grammar_either(p->g, all, emit(p, id, next));
    }
    default:
        return emit_repeat(p, n, next);
    }
}

/* Brings the length between two bounds, where one repeated character alone decides about it:
 * ^[a-z]+$ of at most 20. false: it can't be done so. */
static bool bound_length(pattern *p, uint32_t root, uint32_t least, uint32_t most)
{
    node *free_one = NULL;
    uint32_t fixed[2] = {0, 0};
    for (uint32_t id = root; p->nodes[id].kind != NODE_EMPTY;) {
        uint32_t part = p->nodes[id].kind == NODE_CAT ? p->nodes[id].b : id;
        uint32_t length[2];
        if (!measure(p, part, &length[0], &length[1]))
            return false;
        if (length[0] != length[1]) {
            node *n = &p->nodes[part];
            if (free_one != NULL || n->kind != NODE_REPEAT || p->nodes[n->a].kind != NODE_SET)
                return false;
            free_one = n;
        } else {
            fixed[0] = sum(fixed[0], length[0]);
        }
        if (p->nodes[id].kind != NODE_CAT)
            break;
        id = p->nodes[id].a;
    }
    if (free_one == NULL || fixed[0] > most)
        return false;
    most = most == UINT32_MAX ? most : most - fixed[0];
    least = least > fixed[0] ? least - fixed[0] : 0;
    free_one->least = least > free_one->least ? least : free_one->least;
    free_one->most = most < free_one->most ? most : free_one->most;
    return free_one->least <= free_one->most && free_one->least <= BOUND_MAX &&
           (free_one->most == UINT32_MAX || free_one->most <= BOUND_MAX);
}

static void keep_length(pattern *p, uint32_t root, uint32_t least, uint32_t most)
{
    uint32_t is_least = 0;
    uint32_t is_most = 0;
    if (!measure(p, root, &is_least, &is_most)) {
        p->status = amphi__fail_no_memory(p->error);
        return;
    }
    if ((is_least < least || is_most > most) && !bound_length(p, root, least, most))
        refuse(p, "minLength and maxLength can't be kept with this pattern");
}

amphi_status amphi__grammar_regex(amphi_grammar *g, amphi_str text, uint32_t least, uint32_t most,
    uint32_t next, uint32_t *entry, amphi_error *error)
{
    pattern p = {.g = g, .text = text, .error = error};
    *entry = 0;
    if (text.size > PATTERN_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "pattern: longer than %d bytes", PATTERN_MAX);
    p.nodes = amphi__calloc(NODES_MAX, sizeof *p.nodes);
    p.ranges = amphi__calloc(RANGES_MAX, sizeof *p.ranges);
    if (p.nodes == NULL || p.ranges == NULL) {
        p.status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    uint32_t root = read_alternatives(&p);
    if (p.status == AMPHI_OK && p.at < text.size)
        refuse(&p, "a ) too many");
    if (p.status == AMPHI_OK)
        keep_length(&p, root, least, most);
    if (p.status == AMPHI_OK)
        *entry = emit(&p, root, next);
cleanup:
    amphi__free(p.nodes);
    amphi__free(p.ranges);
    return p.status;
}
