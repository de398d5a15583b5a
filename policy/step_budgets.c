/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a step of a plan may be silent when neither the request nor the document says so. These
 * budgets are for choosing another route. Where there is one, waiting costs: a cloud has what its
 * own answers needed lately, three times over, between 5 and 10 s; a local engine 10 s without a
 * sign of life, which each step of loading and of reading the prompt is. One that is left then goes
 * on loading for the next request; should it hang, its supervisor finds out later, for the crash
 * ledger. The plan's last step has nothing to turn to: its first token may take the whole time of
 * the request, and a pause a minute.
 */
#include "policy/policy.h"

#define CLOUD_FIRST_TOKEN_MIN_MS 5000u
#define CLOUD_FIRST_TOKEN_MAX_MS 10000u
#define CLOUD_IDLE_MS            10000u
#define LOCAL_FIRST_TOKEN_MS     10000u
#define LOCAL_IDLE_MS            5000u
#define LAST_IDLE_MS             60000u

static uint32_t first_token_ms(const amphi_policy_route *route)
{
    uint32_t p95_ms = route->first_token_p95_ms;
    if (route->info.kind == AMPHI_ENGINE_LOCAL)
        return LOCAL_FIRST_TOKEN_MS;
    if (p95_ms == 0 || p95_ms > CLOUD_FIRST_TOKEN_MAX_MS / 3)
        return CLOUD_FIRST_TOKEN_MAX_MS;
    return 3 * p95_ms > CLOUD_FIRST_TOKEN_MIN_MS ? 3 * p95_ms : CLOUD_FIRST_TOKEN_MIN_MS;
}

void amphi__policy_set_budgets(amphi_plan *plan, const amphi_policy *policy,
    const amphi_budgets *wish, const amphi_policy_route *routes)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        const amphi_policy_route *route = &routes[plan->steps[i].route];
        amphi_budgets *budgets = &plan->steps[i].budgets;
        bool is_local = route->info.kind == AMPHI_ENGINE_LOCAL;
        bool is_last = i + 1 == plan->steps_count;
        const amphi_budgets *stated = is_local ? &policy->local_budgets : &policy->cloud_budgets;
        budgets->first_token_ms =
            wish->first_token_ms != 0 ? wish->first_token_ms : stated->first_token_ms;
        budgets->idle_ms = wish->idle_ms != 0 ? wish->idle_ms : stated->idle_ms;
        if (budgets->first_token_ms == 0)
            budgets->first_token_ms = is_last ? budgets->total_ms : first_token_ms(route);
        if (budgets->idle_ms == 0)
            budgets->idle_ms = is_last ? LAST_IDLE_MS : is_local ? LOCAL_IDLE_MS : CLOUD_IDLE_MS;
    }
}
