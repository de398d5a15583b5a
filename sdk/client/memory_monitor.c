/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls the engines' unload. No lock is held meanwhile, since an unload may wait for the engine's
 * process.
 */
#include "sdk/client/memory_monitor.h"

#include "sdk/client/route.h"

bool amphi__memory_monitor_release(amphi_client *client)
{
    amphi_device_facts facts;
    amphi_error reason;
    bool idle = true;
    amphi__client_facts(client, &facts);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    if (!amphi__policy_should_unload(&policy, &facts, &reason))
        return false;
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_engine engine = client->routes[i].engine;
        if (engine.ops->unload != NULL)
            engine.ops->unload(engine.self, false);
        amphi__mutex_lock(&client->lock);
        idle = idle && client->routes[i].load == 0;
        amphi__mutex_unlock(&client->lock);
    }
    if (idle)
        amphi__log(
            &client->log, AMPHI_LOG_INFO, "idle local engines hold no memory: %s", reason.message);
    return idle;
}

void amphi__memory_monitor_relieve(amphi_client *client, unsigned level)
{
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_engine engine = client->routes[i].engine;
        if (engine.ops->unload == NULL)
            continue;
        amphi_engine_info info;
        if (!amphi__route_identify(&client->routes[i], &info)) /* describe could start a process */
            amphi__route_describe(&client->routes[i], &info);
        if (info.kind == AMPHI_ENGINE_LOCAL)
            engine.ops->unload(engine.self, level >= 2);
    }
}
