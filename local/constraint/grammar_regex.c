/* SPDX-License-Identifier: Apache-2.0
 *
 * A regular expression (regex.h) as states over the bytes that JSON writes for a string, and how
 * its length is kept between minLength and maxLength.
 */
#include "local/constraint/grammar.h"
#include "local/constraint/regex.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

enum { BOUND_MAX = 8192 }; /* characters of a counted repetition */

typedef struct pattern {
    amphi_regex tree;
    amphi_grammar *g;
} pattern;

/* ---- lengths -------------------------------------------------------------------------------- */

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static uint32_t times(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 ? 0 : a > UINT32_MAX / b ? UINT32_MAX : a * b;
}

/* In characters. Nodes come after their parts, so one pass does; CAT chains are long, not deep. */
static bool measure(const amphi_regex *p, uint32_t root, uint32_t *least, uint32_t *most)
{
    uint32_t *lengths = amphi__calloc((size_t)p->nodes_count * 2, sizeof *lengths);
    if (lengths == NULL)
        return false;
    for (uint32_t i = 0; i < p->nodes_count; i++) {
        const amphi_regex_node *n = &p->nodes[i];
        uint32_t *out = lengths + (size_t)i * 2;
        const uint32_t *a = lengths + (size_t)n->a * 2;
        const uint32_t *b = lengths + (size_t)n->b * 2;
        if (n->kind == AMPHI_REGEX_SET) {
            out[0] = out[1] = 1;
        } else if (n->kind == AMPHI_REGEX_CAT) {
            out[0] = sum(a[0], b[0]);
            out[1] = sum(a[1], b[1]);
        } else if (n->kind == AMPHI_REGEX_ALT) {
            out[0] = a[0] < b[0] ? a[0] : b[0];
            out[1] = a[1] > b[1] ? a[1] : b[1];
        } else if (n->kind == AMPHI_REGEX_REPEAT) {
            out[0] = times(a[0], n->least);
            out[1] = times(a[1], n->most);
        }
    }
    *least = lengths[(size_t)root * 2];
    *most = lengths[(size_t)root * 2 + 1];
    amphi__free(lengths);
    return true;
}

/* Brings the length between two bounds, where one repeated character alone decides about it:
 * ^[a-z]+$ of at most 20. false: it can't be done so. */
static bool bound_length(amphi_regex *p, uint32_t root, uint32_t least, uint32_t most)
{
    amphi_regex_node *free_one = NULL;
    uint32_t fixed[2] = {0, 0};
    for (uint32_t id = root; p->nodes[id].kind != AMPHI_REGEX_EMPTY;) {
        uint32_t part = p->nodes[id].kind == AMPHI_REGEX_CAT ? p->nodes[id].b : id;
        uint32_t length[2];
        if (!measure(p, part, &length[0], &length[1]))
            return false;
        if (length[0] != length[1]) {
            amphi_regex_node *n = &p->nodes[part];
            if (free_one != NULL || n->kind != AMPHI_REGEX_REPEAT ||
                p->nodes[n->a].kind != AMPHI_REGEX_SET)
                return false;
            free_one = n;
        } else {
            fixed[0] = sum(fixed[0], length[0]);
        }
        if (p->nodes[id].kind != AMPHI_REGEX_CAT)
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

static void keep_length(amphi_regex *p, uint32_t root, uint32_t least, uint32_t most)
{
    uint32_t is_least = 0;
    uint32_t is_most = 0;
    if (!measure(p, root, &is_least, &is_most)) {
        p->status = amphi__fail_no_memory(p->error);
        return;
    }
    if ((is_least < least || is_most > most) && !bound_length(p, root, least, most))
        amphi__regex_refuse(p, "minLength and maxLength can't be kept with this pattern");
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
        {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, AMPHI_REGEX_CHAR_LAST}};
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
    amphi_grammar *g, const amphi_char_range *ranges, uint32_t count, uint32_t next)
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

static uint32_t emit_set(pattern *p, amphi_regex_node *n, uint32_t next)
{
    const amphi_char_range *ranges = p->tree.ranges + n->a;
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

static uint32_t emit_repeat(pattern *p, const amphi_regex_node *n, uint32_t next)
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
    amphi_regex_node *n = &p->tree.nodes[id];
    if (p->g->status != AMPHI_OK || next == 0)
        return 0;
    switch (n->kind) {
    case AMPHI_REGEX_EMPTY:
        return next;
    case AMPHI_REGEX_SET:
        return emit_set(p, n, next);
    case AMPHI_REGEX_CAT: /* from the right: a is the long side */
        while (p->tree.nodes[id].kind == AMPHI_REGEX_CAT) {
            next = emit(p, p->tree.nodes[id].b, next);
            id = p->tree.nodes[id].a;
        }
        return emit(p, id, next);
    case AMPHI_REGEX_ALT: {
        uint32_t all = 0;
        while (p->tree.nodes[id].kind == AMPHI_REGEX_ALT) {
            all = amphi__grammar_either(p->g, all, emit(p, p->tree.nodes[id].b, next));
            id = p->tree.nodes[id].a;
        }
        return amphi__grammar_either(p->g, all, emit(p, id, next));
    }
    default:
        return emit_repeat(p, n, next);
    }
}

amphi_status amphi__grammar_regex(amphi_grammar *g, amphi_str text, uint32_t least, uint32_t most,
    uint32_t next, uint32_t *entry, amphi_error *error)
{
    pattern p = {.g = g};
    uint32_t root = 0;
    *entry = 0;
    amphi_status status = amphi__regex_parse(&p.tree, text, &root, error);
    if (status == AMPHI_OK) {
        keep_length(&p.tree, root, least, most);
        status = p.tree.status;
    }
    if (status == AMPHI_OK)
        *entry = emit(&p, root, next);
    amphi__regex_clear(&p.tree);
    return status;
}
