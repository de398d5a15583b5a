/* SPDX-License-Identifier: Apache-2.0
 *
 * The confidence handoff's part of a plan. A judge looks at the first tokens of a local answer
 * while they are held back (sdk/client/handoff.c); here it is decided whose answers are judged at
 * all. A step that is judged costs its reader the time of some tokens, so there must be something
 * to gain: a cloud behind it that may have this request. An answer that has to stay on the device
 * is never judged, whatever the plan says.
 */
#include "policy/policy.h"

static bool stays_here(const amphi_policy *policy, const amphi_policy_facts *facts)
{
    amphi_mode mode = facts->mode == AMPHI_MODE_DEFAULT ? policy->mode : facts->mode;
    return facts->is_private || facts->history_turns > 0 || mode == AMPHI_MODE_ONLY_LOCAL;
}

static bool has_judge(const amphi_policy *policy, const amphi_policy_route *route)
{
    return (policy->handoff_judge == AMPHI_HANDOFF_HEAD && route->info.judge == AMPHI_JUDGE_HEAD) ||
           (policy->handoff_judge == AMPHI_HANDOFF_ANY && route->info.judge != AMPHI_JUDGE_NONE);
}

static bool has_cloud_behind(const amphi_plan *plan, size_t step, const amphi_policy_facts *facts)
{
    for (size_t i = step + 1; i < plan->steps_count; i++) {
        const amphi_plan_step *next = &plan->steps[i];
        if (!next->last_resort && !next->past_breaker &&
            !amphi__policy_is_on_device(&facts->routes[next->route].info))
            return true;
    }
    return false;
}

void amphi__policy_set_handoff(
    amphi_plan *plan, const amphi_policy *policy, const amphi_policy_facts *facts)
{
    bool is_possible = !stays_here(policy, facts);
    for (size_t i = 0; i < plan->steps_count; i++) {
        amphi_plan_step *step = &plan->steps[i];
        const amphi_policy_route *route = &facts->routes[step->route];
        bool is_judged = is_possible && amphi__policy_is_on_device(&route->info) &&
                         !route->is_named && has_judge(policy, route) &&
                         has_cloud_behind(plan, i, facts);
        step->judge_tokens = is_judged ? policy->handoff_tokens : 0;
        step->judge_hold_ms = is_judged ? policy->handoff_hold_ms : 0;
        step->right_min_permille = is_judged ? policy->handoff_right_min_percent * 10 : 0;
    }
}
