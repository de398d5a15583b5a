/* SPDX-License-Identifier: Apache-2.0
 *
 * Awake time by a clock that is set by hand.
 */
#include "sdk/core/awake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S  1000000u
#define MS 1000u

static uint64_t now_us;

static uint64_t monotonic_us(void *self)
{
    return now_us;
}

static int64_t wall_ms(void *self)
{
    return 0;
}

static const amphi_clock by_hand = {
    .struct_size = sizeof by_hand, .monotonic_us = monotonic_us, .wall_ms = wall_ms};

/* Awake time from one reading to the next, which comes later_us afterwards. */
static uint64_t charged(amphi_awake *awake, uint64_t later_us)
{
    uint64_t before_us = amphi__awake_us(awake, &by_hand);
    now_us += later_us;
    return amphi__awake_us(awake, &by_hand) - before_us;
}

static int set_clock(void **state)
{
    now_us = 5000 * S;
    return 0;
}

static void awake__charges_every_moment_of_a_loop_that_runs(void **state)
{
    amphi_awake awake = {0};
    for (uint64_t us = 1; us <= AMPHI_AWAKE_GAP_US; us = us * 3 + 1)
        assert_int_equal(charged(&awake, us), us);
    assert_int_equal(charged(&awake, AMPHI_AWAKE_GAP_US), AMPHI_AWAKE_GAP_US);
    assert_int_equal(awake.freezes, 0);
}

static void awake__charges_nothing_for_a_freeze_and_the_second_behind_it(void **state)
{
    static const uint64_t freezes_us[] = {AMPHI_AWAKE_GAP_US + 1, 6 * S, 20 * S, 86400ull * S};
    for (size_t i = 0; i < sizeof freezes_us / sizeof freezes_us[0]; i++) {
        amphi_awake awake = {0};
        assert_int_equal(charged(&awake, 100 * MS), 100 * MS);
        assert_int_equal(charged(&awake, freezes_us[i]), 0);
        assert_int_equal(awake.freezes, 1);
        assert_int_equal(charged(&awake, 400 * MS), 0);
        assert_int_equal(charged(&awake, 600 * MS), 0);
        assert_int_equal(charged(&awake, 250 * MS), 250 * MS);
        assert_int_equal(awake.freezes, 1);
    }
}

static void awake__is_charged_from_the_end_of_the_second_on(void **state)
{
    amphi_awake awake = {0};
    (void)charged(&awake, 6 * S);
    assert_int_equal(charged(&awake, 900 * MS), 0);
    assert_int_equal(charged(&awake, 200 * MS), 100 * MS);
}

static void awake__counts_each_of_two_freezes(void **state)
{
    amphi_awake awake = {0};
    assert_int_equal(charged(&awake, 6 * S), 0);
    assert_int_equal(charged(&awake, 10 * MS), 0);
    assert_int_equal(charged(&awake, 7 * S), 0);
    assert_int_equal(charged(&awake, 999 * MS), 0);
    assert_int_equal(charged(&awake, 10 * MS), 9 * MS);
    assert_int_equal(awake.freezes, 2);
}

static void awake__never_waits_longer_than_a_slice_nor_spins(void **state)
{
    amphi_awake awake = {0};
    (void)amphi__awake_us(&awake, &by_hand);
    assert_int_equal(amphi__awake_slice_us(&awake, UINT64_MAX), AMPHI_AWAKE_SLICE_US);
    assert_int_equal(amphi__awake_slice_us(&awake, 7), 7);
    assert_int_equal(amphi__awake_slice_us(&awake, 0), 0);
    (void)charged(&awake, 6 * S);
    assert_int_equal(amphi__awake_slice_us(&awake, 7), AMPHI_AWAKE_SLICE_US);
    (void)charged(&awake, 950 * MS);
    assert_int_equal(amphi__awake_slice_us(&awake, 7), 50 * MS);
    (void)charged(&awake, 60 * MS);
    assert_int_equal(amphi__awake_slice_us(&awake, 7), 7);
}

static void awake__long_work_is_charged_up_to_a_bound(void **state)
{
    amphi_awake awake = {0};
    uint64_t before_us = amphi__awake_us(&awake, &by_hand);
    now_us += 2 * S;
    amphi__awake_charge(&awake, &by_hand, 4 * S);
    assert_int_equal(amphi__awake_us(&awake, &by_hand) - before_us, 2 * S);
    now_us += 60 * S;
    amphi__awake_charge(&awake, &by_hand, 4 * S);
    assert_int_equal(amphi__awake_us(&awake, &by_hand) - before_us, 6 * S);
    assert_int_equal(awake.freezes, 0);
}

static void awake__a_pause_is_no_freeze(void **state)
{
    amphi_awake awake = {0};
    (void)charged(&awake, 6 * S);
    amphi__awake_pause(&awake);
    now_us += 60 * S;
    assert_int_equal(charged(&awake, 250 * MS), 250 * MS);
    assert_int_equal(awake.freezes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(awake__charges_every_moment_of_a_loop_that_runs, set_clock),
        cmocka_unit_test_setup(
            awake__charges_nothing_for_a_freeze_and_the_second_behind_it, set_clock),
        cmocka_unit_test_setup(awake__is_charged_from_the_end_of_the_second_on, set_clock),
        cmocka_unit_test_setup(awake__counts_each_of_two_freezes, set_clock),
        cmocka_unit_test_setup(awake__never_waits_longer_than_a_slice_nor_spins, set_clock),
        cmocka_unit_test_setup(awake__a_pause_is_no_freeze, set_clock),
        cmocka_unit_test_setup(awake__long_work_is_charged_up_to_a_bound, set_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
