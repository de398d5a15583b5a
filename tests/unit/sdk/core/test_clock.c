/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks of an app's own, with and without the entry that counts suspension, and the system's.
 */
#include "sdk/core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static uint64_t seven_us(void *self)
{
    return 7000;
}

static int64_t nine_ms(void *self)
{
    return 9;
}

static uint64_t eight_us(void *self)
{
    return 8000;
}

static void clock__without_boot_time_gives_monotonic_time(void **state)
{
    const amphi_clock clock = {
        .struct_size = sizeof clock, .monotonic_us = seven_us, .wall_ms = nine_ms};
    assert_int_equal(amphi__clock_boot_us(&clock), 7000);
    assert_int_equal(amphi__clock_ms(&clock), 7);
    assert_int_equal(amphi__clock_boot_ms(&clock), 7);
    assert_int_equal(amphi__clock_wall_ms(&clock), 9);
}

static void clock__of_the_app_counts_suspension_where_it_can(void **state)
{
    const amphi_clock clock = {.struct_size = sizeof clock,
        .monotonic_us = seven_us,
        .wall_ms = nine_ms,
        .boot_us = eight_us};
    assert_int_equal(amphi__clock_boot_us(&clock), 8000);
    assert_int_equal(amphi__clock_us(&clock), 7000);
}

#ifndef __APPLE__
static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    assert_int_equal(clock_gettime(id, &now), 0);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* Both may be equal on a machine that was never suspended, so each is held between two readings. */
static void clock__of_the_system_is_boot_time_and_monotonic_time(void **state)
{
    uint64_t boot_us = read_us(CLOCK_BOOTTIME);
    assert_in_range(amphi__clock_boot_us(NULL), boot_us, boot_us + 3600u * 1000000u);
    assert_true(amphi__clock_boot_us(NULL) <= read_us(CLOCK_BOOTTIME));
    uint64_t monotonic_us = read_us(CLOCK_MONOTONIC);
    assert_in_range(amphi__clock_us(NULL), monotonic_us, monotonic_us + 3600u * 1000000u);
    assert_true(amphi__clock_us(NULL) <= read_us(CLOCK_MONOTONIC));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock__without_boot_time_gives_monotonic_time),
        cmocka_unit_test(clock__of_the_app_counts_suspension_where_it_can),
#ifndef __APPLE__
        cmocka_unit_test(clock__of_the_system_is_boot_time_and_monotonic_time),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
