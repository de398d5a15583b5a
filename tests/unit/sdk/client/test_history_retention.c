/* SPDX-License-Identifier: Apache-2.0
 *
 * Retention by age under clocks that jump.
 */
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define START_MS  INT64_C(1700000000000)

static int64_t wall, boot; /* ms */

static uint64_t monotonic_us(void *self)
{
    (void)self;
    return (uint64_t)boot * 1000;
}

static int64_t wall_ms(void *self)
{
    (void)self;
    return wall;
}

static const amphi_clock test_clock = {.struct_size = sizeof test_clock,
    .name = "test",
    .monotonic_us = monotonic_us,
    .wall_ms = wall_ms,
    .boot_us = monotonic_us};

static void pass(int64_t ms)
{
    wall += ms;
    boot += ms;
}

static void set_up(chat_fixture *f)
{
    wall = START_MS;
    boot = HOUR_MS;
    chat_fixture_init(f, says_hello, says_hello);
    f->parts.clock = &test_clock;
    chat_fixture_start(f, NULL);
}

static void say(chat_fixture *f, const char *id, int64_t age_ms)
{
    amphi_store store = f->parts.store;
    amphi_store_message message = {.role = AMPHI_STR("user"), .content = AMPHI_STR("q")};
    amphi_store_turn turn = {.struct_size = sizeof turn,
        .conversation_id = amphi_str_from(id),
        .now_ms = START_MS - age_ms,
        .messages = &message,
        .messages_count = 1};
    assert_int_equal(store.ops->turn_append(store.self, &turn, NULL), AMPHI_OK);
}

/* How many messages went, or -1: the clock is not believed. */
static int prune(chat_fixture *f, int64_t max_age_ms)
{
    amphi_history_retention keep;
    amphi_history_receipt receipt;
    amphi_error error;
    amphi_history_retention_init(&keep);
    amphi_history_receipt_init(&receipt);
    keep.max_age_ms = (uint64_t)max_age_ms;
    amphi_status status = amphi_history_prune(f->client, &keep, &receipt, &error);
    assert_true(status == AMPHI_OK || status == AMPHI_E_BUSY);
    return status == AMPHI_OK ? (int)receipt.messages_count : -1;
}

static void retention__takes_what_is_old(void **state)
{
    chat_fixture f;
    set_up(&f);
    for (int i = 0; i < 500; i++) /* more than one step */
        say(&f, "old", 31 * DAY_MS);
    say(&f, "new", 29 * DAY_MS);
    assert_int_equal(prune(&f, 30 * DAY_MS), 500);
    assert_int_equal(prune(&f, 30 * DAY_MS), 0);
    pass(2 * DAY_MS);
    assert_int_equal(prune(&f, 30 * DAY_MS), 1);
    chat_fixture_close(&f);
}

static void retention__a_clock_that_jumps_for_a_moment_takes_nothing(void **state)
{
    static const int64_t jumps[] = {8 * DAY_MS, 5000 * DAY_MS, HOUR_MS, -HOUR_MS, -20000 * DAY_MS};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        chat_fixture f;
        set_up(&f);
        say(&f, "c", DAY_MS);
        assert_int_equal(prune(&f, 7 * DAY_MS), 0); /* the first look */
        pass(MINUTE_MS);
        wall += jumps[i];
        assert_int_equal(prune(&f, 7 * DAY_MS), -1);
        pass(MINUTE_MS);
        assert_int_equal(prune(&f, 7 * DAY_MS), -1);
        wall -= jumps[i];
        assert_int_equal(prune(&f, 7 * DAY_MS), -1);
        pass(HOUR_MS + MINUTE_MS); /* the clocks have agreed since */
        assert_int_equal(prune(&f, 7 * DAY_MS), 0);
        assert_int_equal(prune(&f, HOUR_MS), 1);
        chat_fixture_close(&f);
    }
}

static void retention__a_clock_that_drifts_is_believed(void **state)
{
    chat_fixture f;
    set_up(&f);
    say(&f, "c", 0);
    for (int i = 0; i < 48; i++) {
        assert_int_equal(prune(&f, 7 * DAY_MS), 0);
        pass(HOUR_MS);
        wall += 20000; /* set right in small steps */
    }
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retention__takes_what_is_old),
        cmocka_unit_test(retention__a_clock_that_jumps_for_a_moment_takes_nothing),
        cmocka_unit_test(retention__a_clock_that_drifts_is_believed),
    };
    return cmocka_run_group_tests_name("unit.sdk.client.history_retention", tests, NULL, NULL);
}
