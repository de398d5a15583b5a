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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget__ten_are_in_hand_at_first),
        cmocka_unit_test(budget__ten_requests_earn_one),
        cmocka_unit_test(budget__no_more_than_ten_are_saved_up),
        cmocka_unit_test(budget__hedges_are_counted_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
