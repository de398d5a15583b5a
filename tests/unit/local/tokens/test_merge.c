/* SPDX-License-Identifier: Apache-2.0
 *
 * The merge loop by itself: which pair goes first, which one of equals, and that a heap with stale
 * pairs in it gives what a plain search for the best pair gives.
 */
#include "local/tokens/merge.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Two neighbours join when their letters together are in the list; id is the place in it. */
typedef struct rule {
    const char *letters;
    uint32_t order;
} rule;

typedef struct rules {
    const char *text;
    const rule *items;
    size_t count;
} rules;

static bool joins(const void *user, const amphi_merge_symbol *left, const amphi_merge_symbol *right,
    uint32_t *order, int32_t *id)
{
    const rules *r = user;
    size_t size = left->size + right->size;
    for (size_t i = 0; i < r->count; i++) {
        if (strlen(r->items[i].letters) == size &&
            memcmp(r->items[i].letters, r->text + left->at, size) == 0) {
            *order = r->items[i].order;
            *id = (int32_t)i;
            return true;
        }
    }
    return false;
}

/* The row after merging, its symbols separated by bars. */
static void merged(
    amphi_merge *merge, const char *text, const rule *items, size_t count, char *out, size_t room)
{
    size_t size = strlen(text);
    assert_int_equal(amphi__merge_begin(merge, size), AMPHI_OK);
    for (uint32_t i = 0; i < size; i++)
        amphi__merge_push(merge, i, 1, -1);
    rules user = {text, items, count};
    assert_int_equal(amphi__merge_run(merge, joins, &user), AMPHI_OK);
    size_t used = 0;
    out[0] = '\0';
    for (int32_t i = 0; i >= 0 && size > 0; i = merge->symbols[i].next) {
        const amphi_merge_symbol *symbol = &merge->symbols[i];
        if (symbol->size > 1) /* the id is the one of the joined text */
            assert_true(memcmp(items[symbol->id].letters, text + symbol->at, symbol->size) == 0);
        used += (size_t)snprintf(out + used, room - used, used > 0 ? "|%.*s" : "%.*s",
            (int)symbol->size, text + symbol->at);
        assert_true(used < room);
    }
}

static void expect_merged(const char *text, const rule *items, size_t count, const char *expected)
{
    amphi_merge merge = {0};
    char out[256];
    merged(&merge, text, items, count, out, sizeof out);
    assert_string_equal(out, expected);
    amphi__merge_clear(&merge);
}

static void merge__the_smallest_order_goes_first(void **state)
{
    static const rule first_ab[] = {{"ab", 1}, {"bc", 2}};
    static const rule first_bc[] = {{"ab", 2}, {"bc", 1}};
    static const rule all[] = {{"ab", 9}, {"bc", 1}, {"abc", 5}, {"abcd", 7}};
    expect_merged("abc", first_ab, 2, "ab|c");
    expect_merged("abc", first_bc, 2, "a|bc");
    expect_merged("abcd", all, 4, "abcd");
    expect_merged("xabcx", all, 3, "x|abc|x");
    expect_merged("x", all, 3, "x");
}

static void merge__of_equal_pairs_the_leftmost_is_taken(void **state)
{
    static const rule twos[] = {{"aa", 3}, {"ab", 3}, {"ba", 3}};
    expect_merged("aaa", twos, 3, "aa|a");
    expect_merged("aba", twos, 3, "ab|a");
    expect_merged("bab", twos, 3, "ba|b");
}

static void merge__the_row_is_forgotten_between_words(void **state)
{
    static const rule items[] = {{"ab", 1}};
    amphi_merge merge = {0};
    char out[64];
    merged(&merge, "abab", items, 1, out, sizeof out);
    assert_string_equal(out, "ab|ab");
    merged(&merge, "ba", items, 1, out, sizeof out);
    assert_string_equal(out, "b|a");
    amphi__merge_clear(&merge);
}

/* The definition: again and again the pair with the smallest order, the leftmost of equals. */
static void merged_plainly(
    const char *text, const rule *items, size_t count, char *out, size_t room)
{
    uint32_t at[64];
    size_t left = strlen(text);
    rules user = {text, items, count};
    for (uint32_t i = 0; i <= left; i++)
        at[i] = i;
    for (;;) {
        size_t best = left;
        uint32_t best_order = UINT32_MAX;
        for (size_t i = 0; i + 1 < left; i++) {
            amphi_merge_symbol a = {.at = at[i], .size = at[i + 1] - at[i]};
            amphi_merge_symbol b = {.at = at[i + 1], .size = at[i + 2] - at[i + 1]};
            uint32_t order = 0;
            int32_t id = 0;
            if (joins(&user, &a, &b, &order, &id) && order < best_order) {
                best = i;
                best_order = order;
            }
        }
        if (best == left)
            break;
        memmove(at + best + 1, at + best + 2, (left - best - 1) * sizeof at[0]);
        left--;
    }
    size_t used = 0;
    for (size_t i = 0; i < left; i++)
        used += (size_t)snprintf(out + used, room - used, i > 0 ? "|%.*s" : "%.*s",
            (int)(at[i + 1] - at[i]), text + at[i]);
}

static void merge__random_rules_agree_with_the_plain_definition(void **state)
{
    uint32_t random = 7;
    amphi_merge merge = {0};
    for (int round = 0; round < 3000; round++) {
        char letters[24][8];
        rule items[24];
        for (size_t i = 0; i < 24; i++) {
            random = random * 1664525u + 1013904223u;
            size_t size = 2 + (random >> 10) % 5;
            for (size_t n = 0; n < size; n++)
                letters[i][n] = (char)('a' + (random >> (12 + n * 3)) % 2);
            letters[i][size] = '\0';
            items[i] = (rule){letters[i], (random >> 8) % 6};
        }
        char text[41];
        size_t size = 1 + (random >> 9) % 40;
        for (size_t n = 0; n < size; n++) {
            random = random * 1664525u + 1013904223u;
            text[n] = (char)('a' + (random >> 20) % 2);
        }
        text[size] = '\0';
        char fast[128];
        merged(&merge, text, items, 24, fast, sizeof fast);
        char plain[128];
        merged_plainly(text, items, 24, plain, sizeof plain);
        assert_string_equal(fast, plain);
    }
    amphi__merge_clear(&merge);
}

static void merge__too_long_rows_and_failing_allocations_are_reported(void **state)
{
    static const rule items[] = {{"ab", 1}};
    amphi_merge merge = {0};
    assert_int_equal(amphi__merge_begin(&merge, (size_t)INT32_MAX + 1), AMPHI_E_LIMIT);
    failing_alloc_install();
    failing_alloc_at(1);
    assert_int_equal(amphi__merge_begin(&merge, 2), AMPHI_E_NO_MEMORY);
    failing_alloc_at(0);
    assert_int_equal(amphi__merge_begin(&merge, 2), AMPHI_OK);
    amphi__merge_push(&merge, 0, 1, -1);
    amphi__merge_push(&merge, 1, 1, -1);
    rules user = {"ab", items, 1};
    failing_alloc_at(1); /* the heap */
    assert_int_equal(amphi__merge_run(&merge, joins, &user), AMPHI_E_NO_MEMORY);
    failing_alloc_at(0);
    /* The heap of a run that failed half way is not used by the next one. */
    char text[201];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    static const rule twos[] = {{"aa", 1}};
    assert_int_equal(amphi__merge_begin(&merge, sizeof text - 1), AMPHI_OK);
    for (uint32_t i = 0; i < sizeof text - 1; i++)
        amphi__merge_push(&merge, i, 1, -1);
    rules long_row = {text, twos, 1};
    failing_alloc_at(2); /* the heap again, when it has 64 pairs */
    assert_int_equal(amphi__merge_run(&merge, joins, &long_row), AMPHI_E_NO_MEMORY);
    failing_alloc_at(0);
    char out[64];
    merged(&merge, "bb", items, 1, out, sizeof out);
    assert_string_equal(out, "b|b");
    amphi__merge_clear(&merge);
    assert_int_equal(failing_alloc_live(), 0);
    failing_alloc_remove();
}

typedef struct cancelled_row {
    _Atomic uint32_t word;
    unsigned calls;
    unsigned cancel_at; /* calls */
} cancelled_row;

/* Any neighbours join, the leftmost first. */
static bool joins_and_cancels(const void *user, const amphi_merge_symbol *left,
    const amphi_merge_symbol *right, uint32_t *order, int32_t *id)
{
    cancelled_row *row = (cancelled_row *)(uintptr_t)user;
    row->word = ++row->calls >= row->cancel_at;
    *order = 0;
    *id = 0;
    return true;
}

/* In the pass over the neighbours (20,000 calls), and in the merging that follows. */
static void merge__a_cancel_ends_a_long_row_soon(void **state)
{
    static const unsigned cancel_at[] = {1, 5000, 25000, 38000};
    enum { ROW = 20000, SOON = 2100 };
    for (size_t i = 0; i < sizeof cancel_at / sizeof cancel_at[0]; i++) {
        cancelled_row row = {.cancel_at = cancel_at[i]};
        const amphi_cancel cancel = {&row.word, 1};
        amphi_merge merge = {.cancel = &cancel};
        assert_int_equal(amphi__merge_begin(&merge, ROW), AMPHI_OK);
        for (uint32_t at = 0; at < ROW; at++)
            amphi__merge_push(&merge, at, 1, -1);
        assert_int_equal(amphi__merge_run(&merge, joins_and_cancels, &row), AMPHI_E_CANCELLED);
        assert_in_range(row.calls, cancel_at[i], cancel_at[i] + SOON);
        amphi__merge_clear(&merge);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge__the_smallest_order_goes_first),
        cmocka_unit_test(merge__of_equal_pairs_the_leftmost_is_taken),
        cmocka_unit_test(merge__the_row_is_forgotten_between_words),
        cmocka_unit_test(merge__random_rules_agree_with_the_plain_definition),
        cmocka_unit_test(merge__too_long_rows_and_failing_allocations_are_reported),
        cmocka_unit_test(merge__a_cancel_ends_a_long_row_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
