/* SPDX-License-Identifier: Apache-2.0
 *
 * What the world does by itself. Each scenario has one thing that goes wrong much, and a little of
 * all the others.
 */
#include "sdk/core/str.h"
#include "tests/simulate/world.h"

#include <stdlib.h>

static const amphi_network networks[] = {
    AMPHI_NETWORK_NONE, AMPHI_NETWORK_METERED, AMPHI_NETWORK_FREE, AMPHI_NETWORK_FREE};

/* Another network, or none: a tunnel. */
static void change_network(sim_world *w)
{
    amphi_network network = networks[sim_roll(4)];
    if (network != w->network)
        sim_say(w, "network %d", (int)network);
    w->counts.tunnels += network == AMPHI_NETWORK_NONE && w->network != network;
    w->network = network;
}

static void change_battery(sim_world *w)
{
    w->is_charging = sim_chance(30);
    if (!w->is_charging && sim_chance(30))
        w->battery = 1 + sim_roll(30);
    sim_say(w, "battery %d %d", (int)w->battery, w->is_charging);
}

static void change_heat(sim_world *w)
{
    w->ambient = 24 + sim_roll(26);
    if (sim_chance(20))
        w->temperature = w->ambient;
    sim_say(w, "ambient %d", (int)w->ambient);
}

static void change_memory(sim_world *w)
{
    w->memory_available = (uint64_t)(200 + sim_roll(6000)) << 20;
    w->pressure = sim_chance(70) ? 0 : (uint8_t)(1 + sim_roll(2));
    sim_say(w, "memory %u MiB, pressure %u", (unsigned)(w->memory_available >> 20), w->pressure);
}

static void change_clouds(sim_world *w)
{
    static const uint32_t shares[] = {0, 5, 30, 80, 100};
    sim_cloud *cloud = &w->clouds[sim_roll(SIM_CLOUDS)];
    cloud->fault_percent = shares[sim_roll(5)];
    cloud->latency_ms = 20 + sim_roll(800);
    sim_say(w, "cloud %d fails in %u of 100", (int)(cloud - w->clouds), cloud->fault_percent);
}

static void change_model(sim_world *w)
{
    static const uint32_t shares[] = {0, 10, 60, 100};
    w->model.crash_percent = shares[sim_roll(4)];
    w->model.stall_percent = sim_chance(70) ? 0 : sim_roll(30);
    sim_say(
        w, "model dies in %u, stalls in %u of 100", w->model.crash_percent, w->model.stall_percent);
}

/* Good ones, harmful ones, and what no one can read. */
static void change_payload(sim_world *w)
{
    static const char *const values[] = {"{\"mode\":\"prefer_local\"}",
        "{\"mode\":\"prefer_cloud\"}", "{\"local\":{\"enabled\":false}}",
        "{\"cloud\":{\"enabled\":false}}", "{\"network\":{\"metered_allowed\":false}}",
        "{\"cloud\":{\"hedge_ms\":200}}", "{\"no_such_field\":1}", "{\"mode\":7}", "[]"};
    uint32_t side = sim_roll(12);
    amphi__buf_reset(&w->payload);
    w->payload_version++;
    if (side < 9)
        amphi__buf_printf(&w->payload,
            "{\"features\":{\"amphi.policy\":{\"defaultValue\":{},\"rules\":[{\"force\":%s,"
            "\"coverage\":0.%u,\"hashAttribute\":\"id\"}]}}}",
            values[side], 1 + sim_roll(9));
    else if (side == 9)
        amphi__buf_append_c(&w->payload, "{\"features\":{\"amphi.po");
    else if (side == 10)
        amphi__buf_append_c(&w->payload, "<html>504</html>");
    sim_say(w, "payload %u: %.*s", w->payload_version, (int)w->payload.size, w->payload.data);
}

static void freeze(sim_world *w)
{
    uint64_t us = sim_while_us((uint64_t)(sim_chance(80) ? 20 : 2000) * SIM_SECOND_US);
    bool is_suspended = sim_chance(50);
    sim_say(w, "%s for %llu s", is_suspended ? "suspended" : "frozen",
        (unsigned long long)(us / SIM_SECOND_US));
    uint32_t running = w->model.running;
    sim_device_update(w);
    sim_time_freeze_us(us, is_suspended);
    w->model.running = 0; /* nor did it compute */
    sim_device_update(w);
    w->model.running = running;
    w->counts.freezes++;
}

static void jump_clock(sim_world *w)
{
    int64_t ms = (int64_t)sim_while_us(30ull * 24 * 3600 * 1000);
    ms = sim_chance(50) ? ms : -ms;
    sim_say(w, "the wall clock jumps by %lld s", (long long)(ms / 1000));
    sim_time_jump_wall_ms(ms);
    w->counts.jumps++;
}

typedef void change(sim_world *w);

/* In the order of sim_scenario. */
static change *const changes[SIM_SCENARIOS] = {change_network, change_heat, change_battery,
    change_clouds, change_model, change_payload, freeze, jump_clock};

void sim_weather_run(void *world)
{
    sim_world *w = world;
    while (!w->is_over) {
        (void)sim_fiber_wait(&w->is_over,
            sim_while_us(
                w->seed / SIM_SCENARIOS % 2 != 0 ? 3 * SIM_SECOND_US : 15 * SIM_SECOND_US));
        if (w->is_over || w->is_fair)
            continue;
        sim_device_update(w);
        uint32_t side = sim_roll(100);
        if (side < 65)
            changes[w->scenario](w);
        else if (side < 90)
            changes[sim_roll(SIM_SCENARIOS - 2)](w); /* time itself stays as it is */
        else
            change_memory(w);
    }
}

void sim_weather_clear(sim_world *w)
{
    sim_say(w, "fair weather");
    sim_device_update(w);
    w->is_fair = true;
    w->network = AMPHI_NETWORK_FREE;
    w->is_charging = true;
    w->battery = 90;
    w->ambient = w->temperature = 25;
    w->memory_available = 5ull << 30;
    w->pressure = 0;
    for (int i = 0; i < SIM_CLOUDS; i++)
        w->clouds[i] = (sim_cloud){.latency_ms = 50};
    w->model.crash_percent = w->model.stall_percent = 0;
    amphi__buf_reset(&w->payload);
    amphi__buf_append_c(&w->payload, "{\"features\":{}}");
    w->payload_version++;
}
