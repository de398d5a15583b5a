/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes behind the rules' plan, for a real decision and for one that is made again.
 */
#include "sdk/client/decision_inputs.h"

void amphi__decision_finish(amphi_plan *plan, const amphi_policy *policy,
    const amphi_policy_facts *facts, const amphi_preference *preference)
{
    amphi__preference_apply(plan, preference, facts->routes, policy->hedge_ms);
    if (facts->only_routes != 0)
        amphi__preference_restrict(plan, facts->only_routes, facts->routes, policy->hedge_ms);
    amphi__policy_set_budgets(plan, policy, &facts->budgets, facts->routes);
    amphi__policy_set_handoff(plan, policy, facts);
}

void amphi__decision_inputs_plan(
    amphi_plan *out, const amphi_policy *policy, const amphi_decision_inputs *inputs)
{
    amphi__policy_explain(out, policy, &inputs->facts);
    amphi__decision_finish(out, policy, &inputs->facts, &inputs->preference);
}
