/* SPDX-License-Identifier: Apache-2.0
 *
 * One device of a fleet: its install id, its ordinary crashes, and the client's decisions.
 */
#include "policy/rollout_state.h"
#include "tests/simulate/fleet.h"

#include <stdio.h>
#include <stdlib.h>

/* Splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static double draw(fleet_device *device)
{
    device->random += 0x9e3779b97f4a7c15u;
    return (double)(mix(device->random) >> 11) * 0x1p-53;
}

static double own_rate(const fleet_device *device)
{
    return device->crash_ppm * 1e-5;
}

/* Most devices hardly ever crash, one in a hundred does so every twentieth time; one in ten was
 * installed just now. */
void fleet_device_init(fleet_device *device, uint64_t seed, uint64_t index)
{
    memset(device, 0, sizeof *device);
    device->random = mix(seed * 0x9e3779b97f4a7c15u + index);
    device->crash_ppm = draw(device) < 0.01 ? 5000 : (uint16_t)(draw(device) * 200);
    uint32_t answers =
        draw(device) < 0.1 ? (uint32_t)(draw(device) * 20) : 20 + (uint32_t)(draw(device) * 180);
    for (; answers > 0; answers--)
        amphi__rollback_count(
            &device->control, draw(device) < own_rate(device) ? 1u << AMPHI_ROLLBACK_CRASH : 0);
}

void fleet_device_take(
    fleet_device *device, const amphi_json *payload, uint64_t seed, uint64_t index)
{
    char text[96];
    amphi_json *attributes = NULL;
    amphi_gb_result result;
    uint64_t id = mix(mix(seed) + index);
    int size = snprintf(text, sizeof text, "{\"id\":\"%08x-%04x-4%03x-a%03x-%012llx\"}",
        (unsigned)(id >> 32), (unsigned)(id >> 16 & 0xffff), (unsigned)(id >> 4 & 0xfff),
        (unsigned)(id & 0xfff), (unsigned long long)(mix(id) & 0xffffffffffffu));
    if (amphi__json_parse(&attributes, amphi_str_make(text, (size_t)size), "attributes", NULL) !=
        AMPHI_OK)
        abort();
    amphi__rollout_evaluate(payload, attributes, AMPHI_STR("amphi.model"), NULL, &result);
    device->is_treated = result.source == AMPHI_GB_FORCE;
    amphi__json_free(attributes);
}

static void report(fleet_device *device, bool is_treated, bool crashed, fleet_reports *reports)
{
    device->crashed[is_treated] |= crashed;
    if (device->seen[is_treated] >= FLEET_WINDOW || ++device->seen[is_treated] < FLEET_WINDOW)
        return;
    reports->devices[is_treated]++;
    reports->crashed[is_treated] += device->crashed[is_treated];
}

bool fleet_device_live(
    fleet_device *device, const amphi_policy *policy, double crash_share, fleet_reports *reports)
{
    bool is_treated = device->is_treated && !device->has_given_up;
    /* What neither the device nor the server looks at is not drawn. */
    if ((!is_treated && device->seen[0] >= FLEET_WINDOW) || draw(device) >= 0.5)
        return false;
    double rate = own_rate(device);
    if (is_treated && crash_share > rate)
        rate = crash_share;
    bool crashed = draw(device) < rate;
    if (!device->has_given_up)
        report(device, is_treated, crashed, reports);
    if (!is_treated)
        return true;
    device->crashes = (uint8_t)(device->crashes + (crashed && device->crashes < 2));
    amphi_rollback_verdict verdict;
    amphi__rollback_count(&device->treated, crashed ? 1u << AMPHI_ROLLBACK_CRASH : 0);
    amphi__rollback_judge(&verdict, policy, &device->treated, &device->control);
    device->has_given_up = verdict.is_past;
    reports->given_up += verdict.is_past;
    return true;
}
