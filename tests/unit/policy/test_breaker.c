/* SPDX-License-Identifier: Apache-2.0
 *
 * The breaker's three states, with time brought by the test.
 */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static amphi_policy policy; /* breaker.failures 3, breaker.open_ms 10000 */

static amphi_breaker opened_at(uint64_t now_ms)
{
    amphi_breaker breaker = {0};
    for (uint32_t i = 0; i < policy.breaker_failures; i++) {
        amphi__breaker_failed(&breaker, &policy, now_ms);
    }
    return breaker;
}

static void breaker__opens_after_failures_in_a_row(void **state)
{
    (void)state;
    amphi_breaker breaker = {0};
    assert_false(amphi__breaker_is_open(&breaker, &policy, 0));
    amphi__breaker_failed(&breaker, &policy, 100);
    amphi__breaker_failed(&breaker, &policy, 101);
    amphi__breaker_succeeded(&breaker); /* the row ends */
    amphi__breaker_failed(&breaker, &policy, 102);
    amphi__breaker_failed(&breaker, &policy, 103);
    assert_false(amphi__breaker_is_open(&breaker, &policy, 103));
    amphi__breaker_failed(&breaker, &policy, 104);
    assert_true(amphi__breaker_is_open(&breaker, &policy, 104));
    assert_false(amphi__breaker_may_probe(&breaker, &policy, 104));
}

static void breaker__lets_one_probe_through_after_its_time(void **state)
{
    (void)state;
    amphi_breaker breaker = opened_at(1000);
    assert_true(amphi__breaker_is_open(&breaker, &policy, 10999));
    assert_true(amphi__breaker_may_probe(&breaker, &policy, 11000));
    assert_false(amphi__breaker_is_open(&breaker, &policy, 11000));
    amphi__breaker_began(&breaker, &policy, 11000);
    assert_false(amphi__breaker_may_probe(&breaker, &policy, 11001));
    assert_true(amphi__breaker_is_open(&breaker, &policy, 21500)); /* the probe still runs */
}

static void breaker__probe_success_closes_it(void **state)
{
    (void)state;
    amphi_breaker breaker = opened_at(1000);
    amphi__breaker_began(&breaker, &policy, 11000);
    amphi__breaker_succeeded(&breaker);
    assert_false(amphi__breaker_is_open(&breaker, &policy, 11001));
    amphi__breaker_failed(&breaker, &policy, 11002); /* counts from nothing again */
    assert_false(amphi__breaker_is_open(&breaker, &policy, 11003));
}

static void breaker__probe_failure_opens_it_again(void **state)
{
    (void)state;
    amphi_breaker breaker = opened_at(1000);
    amphi__breaker_began(&breaker, &policy, 11000);
    amphi__breaker_failed(&breaker, &policy, 12000);
    assert_true(amphi__breaker_is_open(&breaker, &policy, 21999));
    assert_true(amphi__breaker_may_probe(&breaker, &policy, 22000));
}

static void breaker__late_failures_do_not_keep_it_open(void **state)
{
    (void)state;
    amphi_breaker breaker = opened_at(1000);
    amphi__breaker_failed(&breaker, &policy, 9000); /* started before it opened */
    assert_true(amphi__breaker_may_probe(&breaker, &policy, 11000));
}

static void breaker__forgotten_probe_does_not_hold_it_shut_for_ever(void **state)
{
    (void)state;
    amphi_breaker breaker = opened_at(1000);
    amphi__breaker_began(&breaker, &policy, 11000);
    assert_false(amphi__breaker_may_probe(&breaker, &policy, 60000));
    assert_true(amphi__breaker_may_probe(&breaker, &policy, 11000 + 12 * 10000));
}

static void breaker__began_while_closed_changes_nothing(void **state)
{
    (void)state;
    amphi_breaker breaker = {0};
    amphi__breaker_began(&breaker, &policy, 5);
    assert_false(breaker.probing);
    assert_int_equal(breaker.opened_ms, 0);
}

static void breaker__time_zero_and_going_back_are_survived(void **state)
{
    (void)state;
    amphi_breaker breaker = opened_at(0);
    assert_true(amphi__breaker_is_open(&breaker, &policy, 0));
    breaker = opened_at(5000);
    assert_true(amphi__breaker_is_open(&breaker, &policy, 10));
}

int main(void)
{
    amphi__policy_init(&policy);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker__opens_after_failures_in_a_row),
        cmocka_unit_test(breaker__lets_one_probe_through_after_its_time),
        cmocka_unit_test(breaker__probe_success_closes_it),
        cmocka_unit_test(breaker__probe_failure_opens_it_again),
        cmocka_unit_test(breaker__late_failures_do_not_keep_it_open),
        cmocka_unit_test(breaker__forgotten_probe_does_not_hold_it_shut_for_ever),
        cmocka_unit_test(breaker__began_while_closed_changes_nothing),
        cmocka_unit_test(breaker__time_zero_and_going_back_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
