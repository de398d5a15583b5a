/* SPDX-License-Identifier: Apache-2.0
 *
 * Counted in tenths: earned one at a time, spent ten at a time. Plain data; the client's lock
 * guards the client's.
 */
#include "sdk/client/retry_budget.h"

#define TENTHS_MAX   100u
#define JITTER_MS    200u  /* a second try waits a random part of this (full jitter) */
#define PAUSE_MAX_MS 3000u /* for a provider that asks for a longer one the next route is tried */

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

int64_t amphi__retry_delay_ms(const amphi_retry_case *c)
{
    const amphi_error *error = c->error;
    bool is_limited = error->status == AMPHI_E_RATE_LIMITED ||
                      (error->status == AMPHI_E_BUSY && error->retry_after_ms > 0);
    bool again = is_limited || error->status == AMPHI_E_PROVIDER ||
                 error->status == AMPHI_E_NETWORK || error->status == AMPHI_E_TRUNCATED;
    uint32_t delay_ms = c->random % JITTER_MS;
    if (is_limited || error->retry_after_ms > 0) {
        again = again && !c->has_next && error->retry_after_ms > 0 &&
                error->retry_after_ms <= PAUSE_MAX_MS;
        delay_ms = error->retry_after_ms;
    }
    bool is_in_time = (uint64_t)delay_ms * 1000 < c->left_us;
    again = again && c->tries <= 1 && c->should_retry != AMPHI_NO && is_in_time;
    return again ? (int64_t)delay_ms : -1;
}
