/* SPDX-License-Identifier: Apache-2.0
 *
 * Decimal numbers between two bounds, digit by digit. Bounds are scaled to whole numbers (so many
 * digits after the point), at most 15 significant digits in all: each text is then a double of its
 * own, and a validator that compares doubles agrees. Without a bound on one side there is one of
 * nine digits (15 of a whole number), or one digit more than the other bound has.
 */
#include "local/constraint/grammar.h"

#include "sdk/core/alloc.h"

#include <math.h>
#include <stdio.h>

enum { SIGNIFICANT = 15, POINT_DIGITS = 9, IMPLIED_DIGITS = 9, LENGTH_MAX = 20 };

/* ---- whole numbers of one length ------------------------------------------------------------ */

typedef struct span {
    amphi_grammar *g;
    char low[LENGTH_MAX + 1];
    char high[LENGTH_MAX + 1];
    unsigned length;
    uint32_t multiple;
    uint32_t *known; /* by position, tightness and remainder; UINT32_MAX: not yet */
    uint32_t next;
} span;

static uint32_t span_from(span *s, unsigned at, bool tight_low, bool tight_high, uint32_t rest)
{
    if (at == s->length)
        return rest == 0 ? s->next : 0;
    size_t slot = ((at * 2u + tight_low) * 2u + tight_high) * s->multiple + rest;
    if (s->known[slot] != UINT32_MAX || s->g->status != AMPHI_OK)
        return s->known[slot];
    char first = tight_low ? s->low[at] : '0';
    char last = tight_high ? s->high[at] : '9';
    uint32_t all = 0;
    for (char c = first; c <= last;) {
        bool is_low = tight_low && c == first;
        bool is_high = tight_high && c == last;
        char end = c;
        if (s->multiple == 1 && !is_low && !is_high)
            end = tight_high ? (char)(last - 1) : last;
        uint32_t below =
            span_from(s, at + 1, is_low, is_high, (rest * 10 + (uint32_t)(c - '0')) % s->multiple);
        all = amphi__grammar_either(
            s->g, all, amphi__grammar_range(s->g, (unsigned)c, (unsigned)end, below));
        c = (char)(end + 1);
    }
    return s->known[slot] = all;
}

static uint32_t one_length(
    amphi_grammar *g, int64_t low, int64_t high, uint32_t multiple, uint32_t next)
{
    span s = {.g = g, .multiple = multiple, .next = next};
    snprintf(s.low, sizeof s.low, "%lld", (long long)low);
    snprintf(s.high, sizeof s.high, "%lld", (long long)high);
    s.length = (unsigned)strlen(s.low);
    size_t slots = (size_t)s.length * 4 * multiple;
    s.known = amphi__calloc(slots, sizeof *s.known);
    if (s.known == NULL) {
        g->status = AMPHI_E_NO_MEMORY;
        return 0;
    }
    memset(s.known, 0xFF, slots * sizeof *s.known);
    uint32_t entry = span_from(&s, 0, true, true, 0);
    amphi__free(s.known);
    return entry;
}

/* From low to high, neither below 0. */
static uint32_t whole(amphi_grammar *g, int64_t low, int64_t high, uint32_t multiple, uint32_t next)
{
    uint32_t all = 0;
    for (int64_t power = 10; low <= high && g->status == AMPHI_OK; power *= 10) {
        int64_t last = power - 1 < high ? power - 1 : high;
        if (low <= last) {
            all = amphi__grammar_either(g, all, one_length(g, low, last, multiple, next));
            low = last + 1;
        }
    }
    return all;
}

/* ---- fractions ------------------------------------------------------------------------------ */

typedef struct fraction {
    amphi_grammar *g;
    char low[LENGTH_MAX + 1];
    char high[LENGTH_MAX + 1];
    unsigned length;
    uint32_t known[LENGTH_MAX][2][2];
    uint32_t next;
} fraction;

static bool zeros_from(const char *digits)
{
    return digits[strspn(digits, "0")] == '\0';
}

/* At least one more digit; what is left out at the end counts as zeros. */
static uint32_t fraction_from(fraction *f, unsigned at, bool tight_low, bool tight_high)
{
    uint32_t *known = &f->known[at][tight_low][tight_high];
    if (*known != UINT32_MAX || f->g->status != AMPHI_OK)
        return *known;
    char first = tight_low ? f->low[at] : '0';
    char last = tight_high ? f->high[at] : '9';
    uint32_t all = 0;
    for (char c = first; c <= last;) {
        bool is_low = tight_low && c == first;
        bool is_high = tight_high && c == last;
        char end = is_low || is_high ? c : tight_high ? (char)(last - 1) : last;
        uint32_t after = !is_low || zeros_from(f->low + at + 1) ? f->next : 0;
        if (at + 1 < f->length)
            after = amphi__grammar_either(f->g, after, fraction_from(f, at + 1, is_low, is_high));
        all = amphi__grammar_either(
            f->g, all, amphi__grammar_range(f->g, (unsigned)c, (unsigned)end, after));
        c = (char)(end + 1);
    }
    return *known = all;
}

/* What follows a whole part: nothing or ".digits", between low and high of `length` digits. */
static uint32_t point(amphi_grammar *g, int64_t low, int64_t high, unsigned length, uint32_t next)
{
    if (length == 0)
        return next;
    fraction f = {.g = g, .length = length, .next = next};
    snprintf(f.low, sizeof f.low, "%0*lld", (int)length, (long long)low);
    snprintf(f.high, sizeof f.high, "%0*lld", (int)length, (long long)high);
    memset(f.known, 0xFF, sizeof f.known);
    uint32_t some = amphi__grammar_any_of(g, ".", fraction_from(&f, 0, true, true));
    return low == 0 ? amphi__grammar_either(g, next, some) : some;
}

/* ---- both ----------------------------------------------------------------------------------- */

static int64_t power_of_ten(unsigned n)
{
    int64_t power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

/* Scaled bounds, neither below 0. */
static uint32_t decimals(
    amphi_grammar *g, int64_t low, int64_t high, unsigned length, uint32_t multiple, uint32_t next)
{
    int64_t scale = power_of_ten(length);
    int64_t first = low / scale;
    int64_t last = high / scale;
    if (low > high)
        return 0;
    if (length == 0)
        return whole(g, low, high, multiple, next);
    if (first == last)
        return whole(g, first, last, 1, point(g, low % scale, high % scale, length, next));
    uint32_t all = whole(g, first, first, 1, point(g, low % scale, scale - 1, length, next));
    all = amphi__grammar_either(
        g, all, whole(g, last, last, 1, point(g, 0, high % scale, length, next)));
    if (first + 1 <= last - 1)
        all = amphi__grammar_either(
            g, all, whole(g, first + 1, last - 1, 1, point(g, 0, scale - 1, length, next)));
    return all;
}

/* The nearest scaled number on the right side of a bound. */
static int64_t scaled(double bound, bool is_low, bool exclusive, unsigned length)
{
    double scale = (double)power_of_ten(length);
    double product = bound * scale;
    if (product >= (double)AMPHI_NUMBER_MAX)
        return is_low ? INT64_MAX : AMPHI_NUMBER_MAX;
    if (product <= -(double)AMPHI_NUMBER_MAX)
        return is_low ? -AMPHI_NUMBER_MAX : INT64_MIN;
    int64_t n = (int64_t)(is_low ? floor(product) - 1 : ceil(product) + 1);
    for (;; n += is_low ? 1 : -1) {
        double value = (double)n / scale; /* both exact: as a reader of the text would have it */
        if (is_low ? value > bound || (value == bound && !exclusive)
                   : value < bound || (value == bound && !exclusive))
            return n;
    }
}

static unsigned digits_of(double value)
{
    unsigned count = 1;
    for (value = fabs(value); value >= 10 && count < 19; value /= 10)
        count++;
    return count;
}

/* Any whole number: one rule for all of them. */
static uint32_t integer(amphi_grammar *g, uint32_t next)
{
    if (g->rule_integer == 0) {
        uint32_t rule = amphi__grammar_rule(g);
        uint32_t at = g->returns;
        for (int i = 1; i < SIGNIFICANT; i++)
            at = amphi__grammar_either(g, g->returns, amphi__grammar_range(g, '0', '9', at));
        at = amphi__grammar_range(g, '1', '9', at);
        uint32_t entry = amphi__grammar_either(
            g, amphi__grammar_any_of(g, "0", g->returns), amphi__grammar_any_of(g, "-", at));
        entry = amphi__grammar_either(g, entry, at);
        if (g->status != AMPHI_OK)
            return 0;
        g->rules[rule] = entry;
        g->rule_integer = rule;
    }
    return amphi__grammar_call(g, g->rule_integer, next);
}

uint32_t amphi__grammar_bounded(amphi_grammar *g, const amphi_number_bounds *bounds, uint32_t next)
{
    if (bounds->whole && bounds->multiple == 1 && isinf(bounds->least) && isinf(bounds->most))
        return integer(g, next);
    bool open = isinf(bounds->least) || isinf(bounds->most);
    unsigned size = isinf(bounds->least) ? 1 : digits_of(bounds->least);
    unsigned other = isinf(bounds->most) ? 1 : digits_of(bounds->most);
    size = other > size ? other : size;
    if (open) {
        unsigned implied = bounds->whole ? SIGNIFICANT : IMPLIED_DIGITS;
        size = size + 1 > implied ? size + 1 : implied;
    }
    unsigned length = bounds->whole || size >= SIGNIFICANT ? 0 : SIGNIFICANT - size;
    if (length > POINT_DIGITS && (open || bounds->most - bounds->least > 1e-4))
        length = POINT_DIGITS;
    double most = size > SIGNIFICANT ? (double)AMPHI_NUMBER_MAX : (double)(power_of_ten(size) - 1);
    int64_t low = scaled(isinf(bounds->least) && bounds->least < 0 ? -most : bounds->least, true,
        bounds->above, length);
    int64_t high = scaled(isinf(bounds->most) && bounds->most > 0 ? most : bounds->most, false,
        bounds->below, length);
    if (low > high || next == 0)
        return 0;
    uint32_t all = 0;
    if (low < 0)
        all = amphi__grammar_any_of(
            g, "-", decimals(g, high < 0 ? -high : 1, -low, length, bounds->multiple, next));
    if (high >= 0)
        all = amphi__grammar_either(
            g, all, decimals(g, low > 0 ? low : 0, high, length, bounds->multiple, next));
    return all;
}
