/* SPDX-License-Identifier: Apache-2.0
 *
 * A model of the operating system is shared: the system decides who may use it, and how much. What
 * it says of itself (amphi_engine_info) and what it answered lately (the route's pause) lead to the
 * same reasons. A used-up quota and the background are refusals, since asking is in vain; a busy
 * model is free in a moment, so it is the last resort.
 */
#include "policy/system_rules.h"

#include <stdio.h>

static const amphi_objection none = {.verdict = AMPHI_VERDICT_KEEP};

static bool is_system(const amphi_policy_route *route)
{
    return route->info.kind == AMPHI_ENGINE_SYSTEM;
}

/* Rounded up. */
static uint32_t seconds(uint32_t ms)
{
    return ms / 1000 + (ms % 1000 > 0);
}

/* `says`: the engine itself gives this reason, with its own time. */
static uint32_t wait_ms(const amphi_policy_route *route, amphi_reason reason, bool says)
{
    uint32_t paused_ms = route->wait_reason == reason ? route->wait_ms : 0;
    uint32_t said_ms = says ? route->info.retry_after_ms : 0;
    return paused_ms > said_ms ? paused_ms : said_ms;
}

bool amphi__policy_is_on_device(const amphi_engine_info *info)
{
    return info->kind == AMPHI_ENGINE_LOCAL ||
           (info->kind == AMPHI_ENGINE_SYSTEM && info->on_device);
}

bool amphi__policy_may_have_private(const amphi_policy *policy, const amphi_engine_info *info)
{
    return amphi__policy_is_on_device(info) ||
           (info->kind == AMPHI_ENGINE_SYSTEM && policy->system_private_cloud_trusted);
}

bool amphi__policy_is_switched_on(const amphi_policy *policy, const amphi_engine_info *info)
{
    if (info->kind == AMPHI_ENGINE_LOCAL)
        return policy->local_enabled;
    if (info->kind == AMPHI_ENGINE_SYSTEM && !policy->system_enabled)
        return false;
    return amphi__policy_is_on_device(info) || policy->cloud_enabled;
}

amphi_objection amphi__system_rule_quota(const amphi_policy_route *route)
{
    amphi_objection out = {.verdict = AMPHI_VERDICT_HARD};
    bool says = is_system(route) && route->info.quota_used_up;
    uint32_t left_ms = wait_ms(route, AMPHI_REASON_QUOTA, says);
    if (!is_system(route) || (!says && left_ms == 0))
        return none;
    if (left_ms > 0)
        snprintf(out.why, sizeof out.why,
            "the system takes no more requests of this app; asked again in %u s", seconds(left_ms));
    else
        snprintf(out.why, sizeof out.why, "the system takes no more requests of this app for now");
    return out;
}

amphi_objection amphi__system_rule_background(
    const amphi_policy_route *route, const amphi_device_facts *device)
{
    amphi_objection out = {.verdict = AMPHI_VERDICT_HARD};
    bool is_known = (device->known & AMPHI_FACT_FOREGROUND) != 0;
    bool is_behind = is_known && device->in_foreground == AMPHI_NO;
    bool is_in_front = is_known && device->in_foreground == AMPHI_YES;
    uint32_t left_ms = wait_ms(route, AMPHI_REASON_BACKGROUND, false);
    if (!is_system(route))
        return none;
    if (is_behind && route->info.needs_foreground) {
        snprintf(out.why, sizeof out.why,
            "the app is in the background, where the system refuses its model");
        return out;
    }
    if (is_in_front || left_ms == 0)
        return none;
    /* The app does not tell where it is, or the engine not that it matters. */
    out.verdict = AMPHI_VERDICT_SOFT;
    snprintf(out.why, sizeof out.why,
        "the system refused its model to an app in the background; tried again in %u s",
        seconds(left_ms));
    return out;
}

amphi_objection amphi__system_rule_busy(const amphi_policy_route *route)
{
    amphi_objection out = {.verdict = AMPHI_VERDICT_SOFT};
    bool says = is_system(route) && route->info.is_busy;
    uint32_t left_ms = wait_ms(route, AMPHI_REASON_BUSY, says);
    if (!is_system(route) || (!says && left_ms == 0))
        return none;
    if (left_ms > 0)
        snprintf(out.why, sizeof out.why, "the system's model works for others; free in about %u s",
            seconds(left_ms));
    else
        snprintf(out.why, sizeof out.why, "the system's model works for others");
    return out;
}
