/* SPDX-License-Identifier: Apache-2.0
 *
 * What the device's state means for a model that is loaded, or answers already.
 */
#include "policy/memory_reserve.h"
#include "policy/policy.h"
#include "sdk/core/error.h"

uint32_t amphi__policy_background_left_ms(const amphi_device_facts *device)
{
    const uint32_t both = AMPHI_FACT_FOREGROUND | AMPHI_FACT_BACKGROUND;
    bool is_behind = (device->known & both) == both && device->in_foreground == AMPHI_NO;
    return is_behind ? device->background_left_ms : UINT32_MAX;
}

static uint64_t used_bytes(const amphi_device_facts *device)
{
    return device->memory_available_bytes < device->memory_total_bytes
               ? device->memory_total_bytes - device->memory_available_bytes
               : 0;
}

static bool is_short(const amphi_policy *policy, const amphi_device_facts *device)
{
    uint64_t total = device->memory_total_bytes;
    return (device->known & AMPHI_FACT_MEMORY) != 0 && total != 0 &&
           device->memory_available_bytes < amphi__memory_reserve(policy, total, false);
}

static unsigned used_percent(const amphi_device_facts *device)
{
    return (unsigned)((double)used_bytes(device) * 100 / (double)device->memory_total_bytes);
}

bool amphi__policy_should_unload(
    const amphi_policy *policy, const amphi_device_facts *device, amphi_error *reason)
{
    if ((device->known & AMPHI_FACT_PRESSURE) != 0 && device->memory_pressure >= 1) {
        amphi__fail(reason, AMPHI_E_RESOURCE, 0, "memory pressure is %s",
            device->memory_pressure >= 2 ? "critical" : "moderate");
        return true;
    }
    if (is_short(policy, device)) {
        amphi__fail(reason, AMPHI_E_RESOURCE, 0,
            "%u %% of memory is in use, and %llu MiB are left, less than %llu MiB",
            used_percent(device), (unsigned long long)device->memory_available_bytes >> 20,
            (unsigned long long)amphi__memory_reserve(policy, device->memory_total_bytes, false) >>
                20);
        return true;
    }
    return false;
}

bool amphi__policy_is_short_of_memory(const amphi_policy *policy, const amphi_device_facts *device)
{
    return amphi__policy_should_unload(policy, device, NULL);
}

amphi_status amphi__policy_check_running(
    const amphi_policy *policy, const amphi_device_facts *device, amphi_error *reason)
{
    if ((device->known & AMPHI_FACT_THERMAL) != 0 && device->thermal >= AMPHI_THERMAL_CRITICAL)
        return amphi__fail(reason, AMPHI_E_RESOURCE, 0, "thermal state is critical");
    if ((device->known & AMPHI_FACT_BATTERY) != 0 && !device->charging &&
        device->battery_percent < policy->battery_critical_percent) {
        return amphi__fail(reason, AMPHI_E_RESOURCE, 0, "battery %u %% is critical, not charging",
            device->battery_percent);
    }
    if ((device->known & AMPHI_FACT_PRESSURE) != 0 && device->memory_pressure >= 2)
        return amphi__fail(reason, AMPHI_E_RESOURCE, 0, "memory pressure is critical");
    if (amphi__policy_background_left_ms(device) <= AMPHI_BACKGROUND_MARGIN_MS) {
        return amphi__fail(reason, AMPHI_E_RESOURCE, 0,
            "the app is in the background, and the system lets it run for %u ms more",
            device->background_left_ms);
    }
    return AMPHI_OK;
}
