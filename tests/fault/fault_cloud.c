/* SPDX-License-Identifier: Apache-2.0
 *
 * The cloud of the fault runs: an engine that follows a script, in one of four states.
 */
#include "tests/fault/fault.h"
#include "tests/support/scripted_engine.h"

static scripted_engine cloud;
static scripted_step scripts[FAULT_CLOUDS][4];

const amphi_engine *fault_cloud_engine(void)
{
    static amphi_engine value;

    scripted_engine_init(&cloud, "cloud", AMPHI_ENGINE_CLOUD, scripts[FAULT_CLOUD_OK]);
    value = scripted_engine_value(&cloud);
    return &value;
}

void fault_cloud_set(fault_cloud state, const char *answer)
{
    const scripted_step say = {SCRIPT_CONTINUE, answer, 0};
    const scripted_step finish = {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP};

    scripts[FAULT_CLOUD_OK][0] = say;
    scripts[FAULT_CLOUD_OK][1] = finish;
    scripts[FAULT_CLOUD_SLOW][0] = (scripted_step){SCRIPT_WAIT, NULL, 30};
    scripts[FAULT_CLOUD_SLOW][1] = say;
    scripts[FAULT_CLOUD_SLOW][2] = (scripted_step){SCRIPT_WAIT, NULL, 30};
    scripts[FAULT_CLOUD_SLOW][3] = finish;
    scripts[FAULT_CLOUD_500][0] = (scripted_step){SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER};
    scripts[FAULT_CLOUD_OFFLINE][0] = (scripted_step){SCRIPT_REFUSE_START, NULL, AMPHI_E_OFFLINE};
    cloud.script = scripts[state];
}
