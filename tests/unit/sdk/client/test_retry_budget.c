/* SPDX-License-Identifier: Apache-2.0
 *
 * Second tries and hedges: ten saved at the start, then one for every ten requests.
 */
#include "sdk/client/retry_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void retry_budget__a_new_client_has_ten_of_each(void **state)
{
    amphi_retry_budget budget;
    amphi__retry_budget_init(&budget);
    for (int i = 0; i < 10; i++)
        assert_true(amphi__retry_budget_spend_retry(&budget));
    assert_false(amphi__retry_budget_spend_retry(&budget));
    for (int i = 0; i < 10; i++)
        assert_true(amphi__retry_budget_spend_hedge(&budget)); /* the other one's is untouched */
    assert_false(amphi__retry_budget_spend_hedge(&budget));
}

static void retry_budget__ten_requests_earn_one(void **state)
{
    amphi_retry_budget budget = {0};
    for (int i = 0; i < 9; i++)
        amphi__retry_budget_earn(&budget);
    assert_false(amphi__retry_budget_spend_retry(&budget));
    amphi__retry_budget_earn(&budget);
    assert_true(amphi__retry_budget_spend_retry(&budget));
    assert_false(amphi__retry_budget_spend_retry(&budget));
    assert_true(amphi__retry_budget_spend_hedge(&budget));
}

static void retry_budget__no_more_than_ten_are_saved(void **state)
{
    amphi_retry_budget budget;
    amphi__retry_budget_init(&budget);
    for (int i = 0; i < 1000; i++)
        amphi__retry_budget_earn(&budget);
    int retries = 0;
    while (amphi__retry_budget_spend_retry(&budget))
        retries++;
    assert_int_equal(retries, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retry_budget__a_new_client_has_ten_of_each),
        cmocka_unit_test(retry_budget__ten_requests_earn_one),
        cmocka_unit_test(retry_budget__no_more_than_ten_are_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
