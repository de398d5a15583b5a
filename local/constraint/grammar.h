/* SPDX-License-Identifier: Apache-2.0
 *
 * A language of bytes as a net of states: what an answer may look like. Rules call each other, so
 * nesting needs no bound in the net itself; matcher.h walks it. It is built backwards: every
 * builder takes the state that comes after and returns the state to enter, so a net is one
 * expression. Failures are remembered in `status`; state 0 matches nothing, so building may go on.
 *
 * When it is sealed, each state knows the least that is still to be written (cost, in 1/16 tokens)
 * and how many calls deep that must go (height): so an answer can be brought to its end in time.
 */
#ifndef AMPHI_CONSTRAINT_GRAMMAR_H
#define AMPHI_CONSTRAINT_GRAMMAR_H

#include <amphi/error.h>

#define AMPHI_GRAMMAR_STATES_MAX (1u << 18)
#define AMPHI_GRAMMAR_RULES_MAX  4096u
#define AMPHI_GRAMMAR_SETS_MAX   4096u
#define AMPHI_GRAMMAR_DEPTH_MAX  100u /* open calls; below what the JSON reader accepts */
#define AMPHI_COST_TOKEN         16u
#define AMPHI_COST_NEVER         UINT32_MAX

typedef enum amphi_state_kind {
    AMPHI_STATE_FAIL = 0,
    AMPHI_STATE_RETURN,
    AMPHI_STATE_BYTES,   /* a: set, b: next */
    AMPHI_STATE_LENIENT, /* likewise, but only in text that this engine did not write (blanks) */
    AMPHI_STATE_SPLIT,   /* a or b */
    AMPHI_STATE_SKIP,    /* a: next, only in text that this engine did not write */
    AMPHI_STATE_CALL     /* a: rule, b: next */
} amphi_state_kind;

typedef struct amphi_grammar_state {
    uint32_t kind; /* amphi_state_kind */
    uint32_t a;
    uint32_t b;
    uint32_t cost;   /* sealed: the least that is left in this rule */
    uint32_t height; /* sealed: calls that it needs */
} amphi_grammar_state;

typedef struct amphi_byte_set {
    uint64_t bits[4];
} amphi_byte_set;

typedef struct amphi_grammar {
    amphi_grammar_state *states;
    uint32_t states_count, states_capacity;
    amphi_byte_set *sets;
    uint32_t sets_count, sets_capacity;
    uint32_t *rules; /* entry states; rule 0 is the whole */
    uint32_t rules_count, rules_capacity;
    uint32_t returns; /* the one RETURN state */
    /* rules that many use; 0: not made yet */
    uint32_t rule_char, rule_string, rule_number, rule_integer, rule_value, rule_object, rule_array;
    uint8_t classes[256]; /* sealed: bytes that are in the same sets have one class */
    uint32_t classes_count;
    amphi_status status;
} amphi_grammar;

static inline void amphi__byte_set_add(amphi_byte_set *set, unsigned first, unsigned last)
{
    for (unsigned byte = first; byte <= last && byte < 256; byte++)
        set->bits[byte >> 6] |= UINT64_C(1) << (byte & 63);
}

static inline bool amphi__byte_set_has(const amphi_byte_set *set, unsigned byte)
{
    return set->bits[byte >> 6] >> (byte & 63) & 1;
}

/* ---- grammar.c ---- */
amphi_status amphi__grammar_init(amphi_grammar *grammar);
void amphi__grammar_clear(amphi_grammar *grammar);
uint32_t amphi__grammar_add(amphi_grammar *g, amphi_state_kind kind, uint32_t a, uint32_t b);
uint32_t amphi__grammar_set(amphi_grammar *g, const amphi_byte_set *set, uint32_t next);
uint32_t amphi__grammar_range(amphi_grammar *g, unsigned first, unsigned last, uint32_t next);
/* Any byte of the C string. */
uint32_t amphi__grammar_any_of(amphi_grammar *g, const char *bytes, uint32_t next);
uint32_t amphi__grammar_literal(amphi_grammar *g, amphi_str bytes, uint32_t next);
uint32_t amphi__grammar_either(amphi_grammar *g, uint32_t a, uint32_t b);
/* A state to be aimed at later, for loops. */
uint32_t amphi__grammar_forward(amphi_grammar *g);
void amphi__grammar_aim(amphi_grammar *g, uint32_t forward, uint32_t a, uint32_t b);
/* A rule without content yet; 0 when there are too many (rule 0 exists from the start). */
uint32_t amphi__grammar_rule(amphi_grammar *g);
uint32_t amphi__grammar_call(amphi_grammar *g, uint32_t rule, uint32_t next);
/* Computes costs, heights and byte classes. `literal_cost`: of a byte without a choice, in 1/16
 * tokens. AMPHI_E_REQUEST: nothing finite is in the language. */
amphi_status amphi__grammar_seal(amphi_grammar *g, uint32_t literal_cost, amphi_error *error);

/* ---- grammar_json.c: JSON's parts, written as Python's json.dumps does (", " and ": ") ---- */
uint32_t amphi__grammar_space(amphi_grammar *g, uint32_t next); /* white space of others */
uint32_t amphi__grammar_comma(amphi_grammar *g, uint32_t next);
uint32_t amphi__grammar_colon(amphi_grammar *g, uint32_t next);
/* A string's characters, without the quotes: from least to most of them; UINT32_MAX: no bound. */
uint32_t amphi__grammar_chars(amphi_grammar *g, uint32_t least, uint32_t most, uint32_t next);
/* A key and its colon that is none of these; without escapes. */
uint32_t amphi__grammar_other_key(
    amphi_grammar *g, const amphi_str *names, size_t count, uint32_t next);
uint32_t amphi__grammar_number(amphi_grammar *g, uint32_t next);
uint32_t amphi__grammar_any_object(amphi_grammar *g, uint32_t next);
uint32_t amphi__grammar_any_value(amphi_grammar *g, uint32_t next);
/* Items of `rule`, from least to most; after those of `first`. */
uint32_t amphi__grammar_array(amphi_grammar *g, const uint32_t *first, uint32_t first_count,
    uint32_t rule, bool has_rest, uint32_t least, uint32_t most, uint32_t next);

/* ---- grammar_number.c ---- */

/* No number of an answer is further from 0: below 2^53. */
#define AMPHI_NUMBER_MAX INT64_C(9000000000000000)

typedef struct amphi_number_bounds {
    double least, most; /* -INFINITY, INFINITY: none */
    bool above, below;  /* exclusive */
    bool whole;         /* no fraction */
    uint32_t multiple;  /* 1: any */
} amphi_number_bounds;

/* Decimal numbers within bounds. AMPHI_STATE_FAIL's id 0 when there is none. */
uint32_t amphi__grammar_bounded(amphi_grammar *g, const amphi_number_bounds *bounds, uint32_t next);

/* ---- grammar_regex.c ---- */
/* Strings (without quotes) in which the regular expression is found, as JSON writes them, of
 * least to most characters. AMPHI_E_UNSUPPORTED with what. */
amphi_status amphi__grammar_regex(amphi_grammar *g, amphi_str pattern, uint32_t least,
    uint32_t most, uint32_t next, uint32_t *entry, amphi_error *error);

#endif
