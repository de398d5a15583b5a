/* SPDX-License-Identifier: Apache-2.0
 *
 * Counted in tenths: earned one at a time, spent ten at a time. Plain data; the client's lock
 * guards the client's.
 */
#include "sdk/client/retry_budget.h"

#define TENTHS_MAX 100u

void amphi__retry_budget_init(amphi_retry_budget *budget)
{
    budget->retry_tenths = TENTHS_MAX;
    budget->hedge_tenths = TENTHS_MAX;
}

void amphi__retry_budget_earn(amphi_retry_budget *budget)
{
    budget->retry_tenths += budget->retry_tenths < TENTHS_MAX;
    budget->hedge_tenths += budget->hedge_tenths < TENTHS_MAX;
}

static bool spend(uint32_t *tenths)
{
    if (*tenths < 10)
        return false;
    *tenths -= 10;
    return true;
}

bool amphi__retry_budget_spend_retry(amphi_retry_budget *budget)
{
    return spend(&budget->retry_tenths);
}

bool amphi__retry_budget_spend_hedge(amphi_retry_budget *budget)
{
    return spend(&budget->hedge_tenths);
}
