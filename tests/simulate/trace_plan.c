/* SPDX-License-Identifier: Apache-2.0
 *
 * By the library's own code, from the inputs that the record holds.
 */
#include "tests/simulate/trace_plan.h"

#include "sdk/client/decision_inputs.h"
#include "sdk/core/str.h"

/* As sdk/client/chat.c has it of failures: may it be gone when the outbox tries again? */
static bool may_pass(const amphi_error *refusal)
{
    return refusal->status == AMPHI_E_OFFLINE || refusal->status == AMPHI_E_BUSY ||
           refusal->status == AMPHI_E_RESOURCE || refusal->status == AMPHI_E_BACKGROUND ||
           (refusal->status == AMPHI_E_QUOTA && refusal->retry_after_ms > 0);
}

bool sim_trace_plan_make(sim_trace_plan *out, amphi_str line, const amphi_policy *policy)
{
    static amphi_decision_inputs inputs;
    static amphi_plan plan;
    amphi_json *root = NULL;
    bool done = amphi__json_parse(&root, line, "record", NULL) == AMPHI_OK &&
                amphi__decision_inputs_read(
                    &inputs, amphi__json_get(root, "inputs"), "version policy", NULL) == AMPHI_OK;
    amphi__json_free(root);
    if (!done)
        return false;
    amphi__decision_inputs_plan(&plan, policy, &inputs);
    out->steps_count = plan.steps_count;
    out->may_pass = may_pass(&plan.refusal);
    for (size_t i = 0; i < plan.steps_count; i++) {
        const amphi_engine_info *info = &inputs.routes[plan.steps[i].route].info;
        amphi__str_copy_to(out->steps[i], sizeof out->steps[i], amphi_str_from(info->name));
        out->is_cloud[i] = !amphi__policy_is_on_device(info);
    }
    return true;
}
