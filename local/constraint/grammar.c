/* SPDX-License-Identifier: Apache-2.0
 *
 * The net's memory, its builders, and what is computed when it is sealed.
 */
#include "local/constraint/grammar.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"

enum { CLASSES_MAX = 256 };

/* Makes room for one more; false: remembered in status. */
static bool grow(
    amphi_grammar *g, void **data, size_t size, uint32_t count, uint32_t *capacity, uint32_t most)
{
    if (g->status != AMPHI_OK)
        return false;
    if (count < *capacity)
        return true;
    if (count >= most) {
        g->status = AMPHI_E_LIMIT;
        return false;
    }
    uint32_t larger = *capacity == 0 ? 64 : *capacity * 2;
    void *moved = amphi__realloc_array(*data, larger, size);
    if (moved == NULL) {
        g->status = AMPHI_E_NO_MEMORY;
        return false;
    }
    *data = moved;
    *capacity = larger;
    return true;
}

amphi_status amphi__grammar_init(amphi_grammar *g)
{
    memset(g, 0, sizeof *g);
    amphi__grammar_add(g, AMPHI_STATE_FAIL, 0, 0);
    g->returns = amphi__grammar_add(g, AMPHI_STATE_RETURN, 0, 0);
    amphi__grammar_rule(g);
    return g->status;
}

void amphi__grammar_clear(amphi_grammar *g)
{
    amphi__free(g->states);
    amphi__free(g->sets);
    amphi__free(g->rules);
    memset(g, 0, sizeof *g);
}

uint32_t amphi__grammar_add(amphi_grammar *g, amphi_state_kind kind, uint32_t a, uint32_t b)
{
    void *data = g->states;
    if (!grow(g, &data, sizeof *g->states, g->states_count, &g->states_capacity,
            AMPHI_GRAMMAR_STATES_MAX))
        return 0;
    g->states = data;
    g->states[g->states_count] = (amphi_grammar_state){.kind = kind, .a = a, .b = b};
    return g->states_count++;
}

static bool same_set(const amphi_byte_set *a, const amphi_byte_set *b)
{
    return ((a->bits[0] ^ b->bits[0]) | (a->bits[1] ^ b->bits[1]) | (a->bits[2] ^ b->bits[2]) |
               (a->bits[3] ^ b->bits[3])) == 0;
}

/* Few sets differ, so they are searched for one by one. */
static uint32_t intern(amphi_grammar *g, const amphi_byte_set *set)
{
    for (uint32_t i = g->sets_count; i-- > 0;)
        if (same_set(&g->sets[i], set))
            return i;
    void *data = g->sets;
    if (!grow(g, &data, sizeof *g->sets, g->sets_count, &g->sets_capacity, AMPHI_GRAMMAR_SETS_MAX))
        return 0;
    g->sets = data;
    g->sets[g->sets_count] = *set;
    return g->sets_count++;
}

uint32_t amphi__grammar_set(amphi_grammar *g, const amphi_byte_set *set, uint32_t next)
{
    return next == 0 ? 0 : amphi__grammar_add(g, AMPHI_STATE_BYTES, intern(g, set), next);
}

uint32_t amphi__grammar_range(amphi_grammar *g, unsigned first, unsigned last, uint32_t next)
{
    amphi_byte_set set = {{0}};
    amphi__byte_set_add(&set, first, last);
    return amphi__grammar_set(g, &set, next);
}

uint32_t amphi__grammar_any_of(amphi_grammar *g, const char *bytes, uint32_t next)
{
    amphi_byte_set set = {{0}};
    for (; *bytes != '\0'; bytes++)
        amphi__byte_set_add(&set, (unsigned char)*bytes, (unsigned char)*bytes);
    return amphi__grammar_set(g, &set, next);
}

uint32_t amphi__grammar_literal(amphi_grammar *g, amphi_str bytes, uint32_t next)
{
    for (size_t i = bytes.size; i-- > 0 && g->status == AMPHI_OK;) {
        unsigned char byte = (unsigned char)bytes.data[i];
        next = amphi__grammar_range(g, byte, byte, next);
    }
    return next;
}

uint32_t amphi__grammar_either(amphi_grammar *g, uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0 || a == b)
        return a == 0 ? b : a;
    return amphi__grammar_add(g, AMPHI_STATE_SPLIT, a, b);
}

uint32_t amphi__grammar_forward(amphi_grammar *g)
{
    return amphi__grammar_add(g, AMPHI_STATE_SPLIT, 0, 0);
}

void amphi__grammar_aim(amphi_grammar *g, uint32_t forward, uint32_t a, uint32_t b)
{
    if (g->status != AMPHI_OK)
        return;
    g->states[forward].a = a;
    g->states[forward].b = b;
}

uint32_t amphi__grammar_rule(amphi_grammar *g)
{
    void *data = g->rules;
    if (!grow(g, &data, sizeof *g->rules, g->rules_count, &g->rules_capacity,
            AMPHI_GRAMMAR_RULES_MAX))
        return 0;
    g->rules = data;
    g->rules[g->rules_count] = 0;
    return g->rules_count++;
}

uint32_t amphi__grammar_call(amphi_grammar *g, uint32_t rule, uint32_t next)
{
    return next == 0 ? 0 : amphi__grammar_add(g, AMPHI_STATE_CALL, rule, next);
}

/* ---- sealing -------------------------------------------------------------------------------- */

static uint32_t plus(uint32_t a, uint32_t b)
{
    return a == AMPHI_COST_NEVER || b == AMPHI_COST_NEVER || a > AMPHI_COST_NEVER - 1 - b
               ? AMPHI_COST_NEVER
               : a + b;
}

static bool is_single(const amphi_byte_set *set)
{
    int count = 0;
    for (int i = 0; i < 4; i++)
        count += __builtin_popcountll(set->bits[i]);
    return count == 1;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* One state from its successors; true: it got better. */
static bool improve(amphi_grammar *g, uint32_t id, const uint8_t *single, uint32_t literal_cost)
{
    amphi_grammar_state *s = &g->states[id];
    const amphi_grammar_state *a;
    const amphi_grammar_state *b;
    uint32_t cost;
    uint32_t height;
    switch (s->kind) {
    case AMPHI_STATE_BYTES:
        b = &g->states[s->b];
        cost = plus(b->cost, single[s->a] ? literal_cost : AMPHI_COST_TOKEN);
        height = b->height;
        break;
    case AMPHI_STATE_SPLIT:
        a = &g->states[s->a];
        b = &g->states[s->b];
        cost = least(a->cost, b->cost);
        height = least(a->height, b->height);
        break;
    case AMPHI_STATE_LENIENT:
        b = &g->states[s->b];
        cost = plus(b->cost, AMPHI_COST_TOKEN);
        height = b->height;
        break;
    case AMPHI_STATE_SKIP: /* never cheaper than what we would write ourselves */
        a = &g->states[s->a];
        cost = plus(a->cost, literal_cost);
        height = a->height;
        break;
    case AMPHI_STATE_CALL:
        a = &g->states[g->rules[s->a]];
        b = &g->states[s->b];
        cost = plus(a->cost, b->cost);
        /* A call at a rule's end leaves nothing to come back to. */
        height = b->kind == AMPHI_STATE_RETURN ? a->height : most(plus(a->height, 1), b->height);
        break;
    default:
        return false;
    }
    if (cost >= s->cost && height >= s->height)
        return false;
    s->cost = least(cost, s->cost);
    s->height = least(height, s->height);
    return true;
}

/* Knuth's generalization of shortest paths, by plain iteration: nets are built backwards, so one
 * pass settles nearly everything and each further one settles a level of recursion. */
static void settle(amphi_grammar *g, const uint8_t *single, uint32_t literal_cost)
{
    for (uint32_t i = 0; i < g->states_count; i++) {
        bool ends = g->states[i].kind == AMPHI_STATE_RETURN;
        g->states[i].cost = ends ? 0 : AMPHI_COST_NEVER;
        g->states[i].height = ends ? 0 : AMPHI_COST_NEVER;
    }
    for (bool better = true; better;) {
        better = false;
        for (uint32_t i = 0; i < g->states_count; i++)
            better |= improve(g, i, single, literal_cost);
        for (uint32_t i = g->states_count; better && i-- > 0;)
            improve(g, i, single, literal_cost);
    }
}

/* Splits the classes of bytes by one set after the other. */
static void classify(amphi_grammar *g)
{
    memset(g->classes, 0, sizeof g->classes);
    g->classes_count = 1;
    for (uint32_t i = 0; i < g->sets_count && g->classes_count < CLASSES_MAX; i++) {
        uint32_t count = 0;
        int inside[CLASSES_MAX];
        memset(inside, -1, sizeof inside);
        int outside[CLASSES_MAX];
        memset(outside, -1, sizeof outside);
        for (unsigned byte = 0; byte < 256; byte++) {
            int *slot = amphi__byte_set_has(&g->sets[i], byte) ? &inside[g->classes[byte]]
                                                               : &outside[g->classes[byte]];
            if (*slot < 0)
                *slot = (int)count++;
            g->classes[byte] = (uint8_t)*slot;
        }
        g->classes_count = count;
    }
}

amphi_status amphi__grammar_seal(amphi_grammar *g, uint32_t literal_cost, amphi_error *error)
{
    if (g->status != AMPHI_OK)
        return amphi__fail_grown(error, g->status, "the schema is too large");
    uint8_t *single = amphi__calloc(g->sets_count + 1, 1);
    if (single == NULL)
        return amphi__fail_no_memory(error);
    for (uint32_t i = 0; i < g->sets_count; i++)
        single[i] = is_single(&g->sets[i]);
    classify(g);
    settle(g, single, literal_cost == 0 ? 1 : literal_cost);
    amphi__free(single);
    const amphi_grammar_state *root = &g->states[g->rules[0]];
    if (root->cost == AMPHI_COST_NEVER)
        return amphi__fail(error, AMPHI_E_REQUEST, 0, "the schema allows no answer at all");
    if (root->height > AMPHI_GRAMMAR_DEPTH_MAX)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "the schema's answers are nested too deeply");
    return AMPHI_OK;
}
