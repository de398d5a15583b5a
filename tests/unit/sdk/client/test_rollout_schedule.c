/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/client/rollout_schedule.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t draw(void)
{
    static uint64_t x = 88172645463325252ull;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

static void schedule__is_due_at_once_and_then_after_a_poll(void **state)
{
    (void)state;
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    for (int i = 0; i < 2000; i++) {
        amphi_rollout_schedule schedule = {0};
        assert_int_equal(amphi__rollout_schedule_left_ms(&schedule, 5), 0);
        amphi__rollout_schedule_next(&schedule, 5, 600, false, 0, draw());
        uint64_t left = amphi__rollout_schedule_left_ms(&schedule, 5);
        assert_in_range(left, 540000, 660000);
        low = left < low ? left : low;
        high = left > high ? left : high;
        assert_int_equal(amphi__rollout_schedule_left_ms(&schedule, 5 + left), 0);
    }
    assert_true(low < 545000 && high > 655000); /* spread, not in step */
}

static void schedule__asks_less_and_less_of_a_server_that_fails(void **state)
{
    (void)state;
    amphi_rollout_schedule schedule = {0};
    uint64_t now = 0;
    unsigned looks = 0;
    for (; now < 24u * 3600 * 1000; looks++) {
        amphi__rollout_schedule_next(&schedule, now, 600, true, 0, draw());
        uint64_t left = amphi__rollout_schedule_left_ms(&schedule, now);
        assert_in_range(left, 15000, 660000);
        now += left;
    }
    assert_in_range(looks, 130, 170); /* 24 h of 10 minutes, and a few at the beginning */
    amphi__rollout_schedule_next(&schedule, now, 600, false, 0, draw());
    assert_in_range(amphi__rollout_schedule_left_ms(&schedule, now), 540000, 660000);
    amphi__rollout_schedule_next(&schedule, now, 600, true, 0, draw());
    assert_in_range(amphi__rollout_schedule_left_ms(&schedule, now), 15000, 30000);
}

static void schedule__obeys_a_server_within_limits(void **state)
{
    (void)state;
    amphi_rollout_schedule schedule = {0};
    amphi__rollout_schedule_next(&schedule, 0, 600, true, 700000, draw());
    assert_int_equal(amphi__rollout_schedule_left_ms(&schedule, 0), 700000);
    amphi__rollout_schedule_next(&schedule, 0, 600, true, UINT32_MAX, draw());
    assert_int_equal(amphi__rollout_schedule_left_ms(&schedule, 0), 2400000);
    amphi__rollout_schedule_next(&schedule, 0, 60, true, 1, draw());
    assert_in_range(amphi__rollout_schedule_left_ms(&schedule, 0), 54000, 66000);
}

static void jitter__is_a_quarter(void **state)
{
    (void)state;
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    for (int i = 0; i < 2000; i++) {
        uint32_t pause = amphi__jitter_ms(8000, draw());
        assert_in_range(pause, 6000, 10000);
        low = pause < low ? pause : low;
        high = pause > high ? pause : high;
    }
    assert_true(low < 6200 && high > 9800);
    assert_int_equal(amphi__jitter_ms(0, draw()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedule__is_due_at_once_and_then_after_a_poll),
        cmocka_unit_test(schedule__asks_less_and_less_of_a_server_that_fails),
        cmocka_unit_test(schedule__obeys_a_server_within_limits),
        cmocka_unit_test(jitter__is_a_quarter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
