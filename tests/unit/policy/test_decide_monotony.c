/* SPDX-License-Identifier: Apache-2.0
 *
 * More of something never makes the route less preferred that it is for: battery, memory, a cooler
 * device and less pressure for a local one, a better network for a cloud. Over random worlds, from
 * a seed.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { WORLDS = 120000 };

static uint64_t random_state = 20261201;

static uint32_t roll(uint32_t sides)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % sides);
}

static void roll_world(policy_scene *s)
{
    scene_init(s);
    amphi_device_facts *d = &s->facts.device;
    s->policy.thermal_max = (amphi_thermal)(1 + roll(3));
    s->policy.metered_allowed = roll(3) > 0;
    s->policy.local_threads_max = roll(3);
    if (roll(2) == 0) {
        s->policy.weight_total = (float)roll(3);
        s->policy.weight_battery = (float)roll(3);
        s->policy.weight_heat = (float)roll(9);
        s->policy.weight_metered = (float)roll(9);
    }
    s->facts.mode = (amphi_mode)(1 + roll(5));
    s->facts.is_private = roll(5) == 0;
    s->facts.prompt_tokens = roll(4200);
    s->facts.answer_tokens_max = roll(2) * roll(4000);
    d->battery_percent = (uint8_t)roll(101);
    d->charging = roll(4) == 0;
    d->thermal = (amphi_thermal)(1 + roll(4));
    d->network = (amphi_network)(1 + roll(3));
    d->rtt_ms = roll(2000);
    d->memory_pressure = (uint8_t)roll(3);
    d->memory_total_bytes = (500 + roll(8000)) * MIB;
    d->memory_available_bytes = roll((uint32_t)(d->memory_total_bytes / MIB)) * MIB;
    d->heat_forecast_percent = (uint16_t)roll(130);
    d->power_save = roll(4) == 0 ? AMPHI_YES : AMPHI_NO;
    s->routes[LOCAL].info.ready = roll(2) == 0;
    s->routes[LOCAL].pace.tokens_per_second = (float)(roll(2) * roll(60));
    s->routes[CLOUD].wait_ms = roll(4) == 0 ? 5000 : 0;
    s->routes[CLOUD].wait_reason = AMPHI_REASON_ASKED_TO_WAIT;
}

/* What is improved. Returns the route that it is for. */
static size_t improve(amphi_device_facts *d, uint32_t which)
{
    uint64_t left = d->memory_total_bytes - d->memory_available_bytes;
    switch (which) {
    case 0:
        d->battery_percent = (uint8_t)(d->battery_percent + roll(101u - d->battery_percent));
        return LOCAL;
    case 1:
        d->charging = true;
        return LOCAL;
    case 2:
        d->thermal = (amphi_thermal)(1 + roll((uint32_t)d->thermal));
        return LOCAL;
    case 3:
        d->memory_pressure = (uint8_t)roll(d->memory_pressure + 1u);
        return LOCAL;
    case 4:
        d->memory_available_bytes += roll((uint32_t)(left / MIB) + 1) * MIB;
        return LOCAL;
    case 5:
        d->heat_forecast_percent = (uint16_t)roll(d->heat_forecast_percent + 1u);
        return LOCAL;
    case 6:
        d->power_save = AMPHI_NO;
        return LOCAL;
    case 7:
        d->network = (amphi_network)(d->network + roll(4 - (uint32_t)d->network));
        return CLOUD;
    default:
        d->rtt_ms = roll(d->rtt_ms + 1);
        return CLOUD;
    }
}

/* 0: tried first; 9: refused. */
static unsigned place_of(const policy_scene *s, size_t route)
{
    for (size_t i = 0; i < s->plan.steps_count; i++)
        if (s->plan.steps[i].route == route)
            return (unsigned)i;
    return 9;
}

static void worlds__that_improve_lose_no_route_its_place(void **state)
{
    static policy_scene s;
    unsigned gained = 0;
    for (unsigned i = 0; i < WORLDS; i++) {
        roll_world(&s);
        amphi_device_facts before = s.facts.device;
        uint32_t which = roll(9);
        scene_decide(&s);
        unsigned was_local = place_of(&s, LOCAL);
        unsigned was_cloud = place_of(&s, CLOUD);
        size_t route = improve(&s.facts.device, which);
        scene_decide(&s);
        unsigned was = route == LOCAL ? was_local : was_cloud;
        unsigned now = place_of(&s, route);
        gained += now < was;
        if (now > was)
            fail_msg("world %u, improvement %u: place %u became %u: battery %u to %u, thermal %d "
                     "to %d, mode %d: %s",
                i, which, was, now, before.battery_percent, s.facts.device.battery_percent,
                before.thermal, s.facts.device.thermal, s.facts.mode, scene_order(&s));
    }
    assert_in_range(gained, WORLDS / 50, WORLDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worlds__that_improve_lose_no_route_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
