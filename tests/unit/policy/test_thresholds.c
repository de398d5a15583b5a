/* SPDX-License-Identifier: Apache-2.0
 *
 * A side of a threshold, alone: what changes it, and how often.
 */
#include "policy/thresholds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WHICH AMPHI_THRESHOLD_BATTERY_LOW
enum { DWELL_MS = 60000 };

static bool judge(amphi_thresholds *memory, bool enters, bool leaves, bool urgent, uint64_t at_ms)
{
    const amphi_crossing crossing = {.enters = enters, .leaves = leaves, .urgent = urgent};
    const amphi_dwell dwell = {.now_ms = at_ms, .dwell_ms = DWELL_MS};
    return amphi__threshold_judge(memory, WHICH, &crossing, &dwell);
}

static void side__is_the_first_samples(void **state)
{
    amphi_thresholds memory = {0};
    assert_true(judge(&memory, true, false, false, 5));
    memory = (amphi_thresholds){0};
    assert_false(judge(&memory, false, true, false, 5));
    assert_false(judge(&memory, false, false, false, 6)); /* in the margin: as it was */
    assert_true(judge(&memory, true, false, false, 7));   /* never changed: nothing to wait for */
}

static void side__stays_in_the_margin_and_for_its_dwell(void **state)
{
    amphi_thresholds memory = {0};
    assert_true(judge(&memory, true, false, false, 1000));
    assert_true(judge(&memory, false, false, false, 1000 + 2 * DWELL_MS)); /* the margin */
    assert_false(judge(&memory, false, true, false, 1000 + 2 * DWELL_MS));
    assert_false(judge(&memory, true, false, false, 1001 + 2 * DWELL_MS)); /* too soon */
    assert_true(judge(&memory, true, false, false, 1000 + 3 * DWELL_MS));
    assert_true(judge(&memory, false, true, false, 1001 + 3 * DWELL_MS));
}

static void side__urgent_ones_take_hold_at_once_and_let_go_slowly(void **state)
{
    amphi_thresholds memory = {0};
    assert_false(judge(&memory, false, true, true, 1000));
    assert_true(judge(&memory, true, false, true, 1001));
    assert_true(judge(&memory, false, true, true, 1001 + DWELL_MS - 1));
    assert_false(judge(&memory, false, true, true, 1001 + DWELL_MS));
    assert_true(judge(&memory, true, false, true, 1002 + DWELL_MS));
}

/* A sample a second, now beyond, now not. */
static unsigned count_changes(bool urgent, unsigned samples)
{
    amphi_thresholds memory = {0};
    unsigned changes = 0;
    bool was = false;
    for (unsigned i = 0; i < samples; i++) {
        bool over = judge(&memory, i % 2 == 1, i % 2 == 0, urgent, 1000 + i * 1000ull);
        changes += i > 0 && over != was;
        was = over;
    }
    return changes;
}

static void noise__changes_a_side_once_per_dwell_at_most(void **state)
{
    assert_in_range(count_changes(false, 3600), 1, 60);
    assert_int_equal(count_changes(true, 3600), 1); /* it never was clear for long enough */
}

static void clock__that_went_back_holds_nothing_for_ever(void **state)
{
    amphi_thresholds memory = {0};
    assert_false(judge(&memory, false, true, true, 900000000));
    assert_true(judge(&memory, true, false, true, 900000001));
    assert_false(judge(&memory, false, true, true, 1000)); /* another boot */
}

static void room__follows_large_changes_at_once_and_small_ones_slowly(void **state)
{
    amphi_thresholds memory = {0};
    amphi_dwell dwell = {.now_ms = 1000, .dwell_ms = DWELL_MS};
    assert_int_equal(amphi__threshold_room(&memory, 500, 10, &dwell), 500);
    dwell.now_ms++;
    assert_int_equal(amphi__threshold_room(&memory, 490, 10, &dwell), 500);
    assert_int_equal(amphi__threshold_room(&memory, 510, 10, &dwell), 500);
    assert_int_equal(amphi__threshold_room(&memory, 489, 10, &dwell), 489);
    dwell.now_ms += DWELL_MS;
    assert_int_equal(amphi__threshold_room(&memory, 490, 10, &dwell), 490);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(side__is_the_first_samples),
        cmocka_unit_test(side__stays_in_the_margin_and_for_its_dwell),
        cmocka_unit_test(side__urgent_ones_take_hold_at_once_and_let_go_slowly),
        cmocka_unit_test(noise__changes_a_side_once_per_dwell_at_most),
        cmocka_unit_test(clock__that_went_back_holds_nothing_for_ever),
        cmocka_unit_test(room__follows_large_changes_at_once_and_small_ones_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
