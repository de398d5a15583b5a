/* SPDX-License-Identifier: Apache-2.0
 *
 * What the store keeps for auto-rollback.
 */
#include "sdk/client/rollout_record.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void record__reads_back_what_it_wrote(void **state)
{
    amphi_rollout_record r = {.control = {200, {0, 1, 2, 3, 4}},
        .treated = {9, {0, 4, 1, 0, 2}},
        .payload = "0123456789abcdef",
        .is_treated = true,
        .since_ms = 1700000000000};
    amphi_rollout_record again;
    const amphi_rollback_verdict why = {true, false, AMPHI_ROLLBACK_SLOW, 4, 9, 1, 200, 0};
    amphi_buf text;
    (void)state;
    assert_true(amphi__rollout_record_add_death(&r, 77));
    assert_false(amphi__rollout_record_add_death(&r, 77));
    amphi__rollout_record_give_up(&r, "0123456789abcdef", &why, 1700000000001);
    amphi__buf_init(&text, 0);
    amphi__rollout_record_write(&r, &text);
    memset(&again, 0xa5, sizeof again);
    amphi__rollout_record_read(&again, amphi__buf_str(&text));
    assert_memory_equal(&again.control, &r.control, sizeof r.control);
    assert_memory_equal(&again.treated, &r.treated, sizeof r.treated);
    assert_string_equal(again.payload, r.payload);
    assert_true(again.is_treated);
    assert_int_equal(again.since_ms, r.since_ms);
    assert_int_equal(again.deaths_count, 1);
    assert_false(amphi__rollout_record_add_death(&again, 77));
    const amphi_rollout_given_up *found = amphi__rollout_record_find(&again, "0123456789abcdef");
    assert_non_null(found);
    assert_int_equal(found->why.kind, AMPHI_ROLLBACK_SLOW);
    assert_int_equal(found->why.failed, 4);
    assert_int_equal(found->why.of, 9);
    assert_int_equal(found->why.control_failed, 1);
    assert_int_equal(found->why.control_of, 200);
    assert_null(amphi__rollout_record_find(&again, "0123456789abcdee"));
    amphi__buf_clear(&text);
}

static void record__of_anything_else_is_empty(void **state)
{
    static const char *const texts[] = {"", "5", "{", "[]", "{\"control\":5,\"deaths\":{}}",
        "{\"control\":[-1,2],\"treated\":[1e9],\"given_up\":[5,{}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        amphi_rollout_record r;
        memset(&r, 0xa5, sizeof r);
        amphi__rollout_record_read(&r, amphi_str_from(texts[i]));
        assert_int_equal(r.control.answers, 0);
        assert_int_equal(r.treated.answers, 0);
        assert_int_equal(r.given_up_count, 0);
        assert_int_equal(r.deaths_count, 0);
    }
}

static void record__keeps_the_newest(void **state)
{
    amphi_rollout_record r = {.is_treated = false};
    const amphi_rollback_verdict why = {true, false, AMPHI_ROLLBACK_CRASH, 1, 2, 3, 4, 0};
    char name[17];
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "%016x", i);
        amphi__rollout_record_give_up(&r, name, &why, i);
        assert_true(amphi__rollout_record_add_death(&r, i));
    }
    assert_int_equal(r.given_up_count, AMPHI_ROLLOUT_GIVEN_UP_MAX);
    assert_non_null(amphi__rollout_record_find(&r, name));
    assert_null(amphi__rollout_record_find(&r, "0000000000000000"));
    assert_false(amphi__rollout_record_add_death(&r, 39));
    assert_true(amphi__rollout_record_add_death(&r, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record__reads_back_what_it_wrote),
        cmocka_unit_test(record__of_anything_else_is_empty),
        cmocka_unit_test(record__keeps_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
