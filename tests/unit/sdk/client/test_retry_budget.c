/* SPDX-License-Identifier: Apache-2.0
 *
 * Second tries and hedges across requests: ten in hand, one more per ten requests.
 */
#include "sdk/client/retry_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int spend_all(amphi_retry_budget *budget)
{
    int count = 0;
    while (amphi__retry_budget_spend_retry(budget))
        count++;
    return count;
}

static void budget__ten_are_in_hand_at_first(void **state)
{
    amphi_retry_budget budget;
    amphi__retry_budget_init(&budget);
    assert_int_equal(spend_all(&budget), 10);
    assert_false(amphi__retry_budget_spend_retry(&budget));
}

static void budget__ten_requests_earn_one(void **state)
{
    amphi_retry_budget budget;
    amphi__retry_budget_init(&budget);
    (void)spend_all(&budget);
    for (int i = 0; i < 9; i++)
        amphi__retry_budget_earn(&budget);
    assert_false(amphi__retry_budget_spend_retry(&budget));
    amphi__retry_budget_earn(&budget);
    assert_int_equal(spend_all(&budget), 1);
}

static void budget__no_more_than_ten_are_saved_up(void **state)
{
    amphi_retry_budget budget;
    amphi__retry_budget_init(&budget);
    for (int i = 0; i < 1000; i++)
        amphi__retry_budget_earn(&budget);
    assert_int_equal(spend_all(&budget), 10);
}

static void budget__hedges_are_counted_apart(void **state)
{
    amphi_retry_budget budget;
    amphi__retry_budget_init(&budget);
    (void)spend_all(&budget);
    for (int i = 0; i < 10; i++)
        assert_true(amphi__retry_budget_spend_hedge(&budget));
    assert_false(amphi__retry_budget_spend_hedge(&budget));
    for (int i = 0; i < 10; i++)
        amphi__retry_budget_earn(&budget);
    assert_true(amphi__retry_budget_spend_hedge(&budget));
    assert_true(amphi__retry_budget_spend_retry(&budget));
}

static int64_t delay(amphi_status status, uint32_t retry_after_ms, bool has_next)
{
    const amphi_error error = {.status = status, .retry_after_ms = retry_after_ms};
    const amphi_retry_case c = {
        .error = &error, .has_next = has_next, .tries = 1, .left_us = 3000000, .random = 417};
    return amphi__retry_delay_ms(&c);
}

static void retry__of_what_may_pass_in_a_moment(void **state)
{
    assert_int_equal(delay(AMPHI_E_PROVIDER, 0, true), 17);
    assert_int_equal(delay(AMPHI_E_NETWORK, 0, true), 17);
    assert_int_equal(delay(AMPHI_E_TRUNCATED, 0, false), 17);
    assert_int_equal(delay(AMPHI_E_TIMEOUT, 0, false), -1);
    assert_int_equal(delay(AMPHI_E_AUTH, 0, false), -1);
    assert_int_equal(delay(AMPHI_E_BUSY, 0, false), -1);
}

static void retry__keeps_the_providers_pause_or_leaves_it(void **state)
{
    assert_int_equal(delay(AMPHI_E_RATE_LIMITED, 2999, false), 2999);
    assert_int_equal(delay(AMPHI_E_BUSY, 50, false), 50);
    assert_int_equal(delay(AMPHI_E_PROVIDER, 50, false), 50);
    assert_int_equal(delay(AMPHI_E_BUSY, 50, true), -1);
    assert_int_equal(delay(AMPHI_E_RATE_LIMITED, 0, false), -1);
    assert_int_equal(delay(AMPHI_E_RATE_LIMITED, 3000, false), -1); /* the time is up by then */
    assert_int_equal(delay(AMPHI_E_RATE_LIMITED, 3001, false), -1);
}

static void retry__is_one_and_not_against_the_providers_word(void **state)
{
    const amphi_error error = {.status = AMPHI_E_PROVIDER};
    amphi_retry_case c = {.error = &error, .tries = 1, .left_us = UINT64_MAX};
    assert_int_equal(amphi__retry_delay_ms(&c), 0);
    c.tries = 2;
    assert_int_equal(amphi__retry_delay_ms(&c), -1);
    c.tries = 1;
    c.should_retry = AMPHI_NO;
    assert_int_equal(amphi__retry_delay_ms(&c), -1);
    c.should_retry = AMPHI_UNKNOWN;
    c.left_us = 0;
    assert_int_equal(amphi__retry_delay_ms(&c), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget__ten_are_in_hand_at_first),
        cmocka_unit_test(budget__ten_requests_earn_one),
        cmocka_unit_test(budget__no_more_than_ten_are_saved_up),
        cmocka_unit_test(budget__hedges_are_counted_apart),
        cmocka_unit_test(retry__of_what_may_pass_in_a_moment),
        cmocka_unit_test(retry__keeps_the_providers_pause_or_leaves_it),
        cmocka_unit_test(retry__is_one_and_not_against_the_providers_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
