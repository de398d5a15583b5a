/* SPDX-License-Identifier: Apache-2.0
 *
 * The log's digest is FNV-1a over its lines, kept or not.
 */
#include "tests/simulate/world.h"

#include "storage/stores.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[SIM_SCENARIOS] = {"commuter", "hot_phone", "flat_battery",
    "flapping_cloud", "crash_loop", "bad_rollout", "frozen_app", "jumping_clock"};

const char *sim_scenario_name(sim_scenario scenario)
{
    return scenario < SIM_SCENARIOS ? names[scenario] : "";
}

sim_scenario sim_scenario_parse(const char *name)
{
    int i = 0;
    while (i < SIM_SCENARIOS && strcmp(name, names[i]) != 0)
        i++;
    return (sim_scenario)i;
}

/* The weather and the user go their ways whatever the client does, so that the same seed under two
 * policies is the same day. */
static sim_dice own_dice(void)
{
    const char *name = sim_fiber_name(sim_fiber_self());
    return strcmp(name, "weather") == 0 ? SIM_DICE_WEATHER
           : strcmp(name, "world") == 0 ? SIM_DICE_APP
                                        : SIM_DICE_WORLD;
}

uint32_t sim_roll(uint32_t sides)
{
    return (uint32_t)(sim_dice_next(own_dice()) % sides);
}

bool sim_chance(uint32_t percent)
{
    return sim_roll(100) < percent;
}

uint64_t sim_while_us(uint64_t mean_us)
{
    uint64_t a = 1 + sim_roll(20);
    uint64_t b = 1 + sim_roll(20);
    return mean_us * a * b / 100;
}

static void digest(sim_world *w, const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        w->digest = (w->digest ^ (uint8_t)line[i]) * 0x100000001b3u;
}

static void say(sim_world *w, const char *format, va_list args)
{
    char line[512];
    uint64_t now_us = sim_time_peek_us();
    int size = snprintf(line, sizeof line, "%9llu.%06llu %-14s ",
        (unsigned long long)(now_us / SIM_SECOND_US), (unsigned long long)(now_us % SIM_SECOND_US),
        sim_fiber_name(sim_fiber_self()));
    size += vsnprintf(line + size, sizeof line - (size_t)size - 1, format, args);
    if ((size_t)size > sizeof line - 2)
        size = (int)sizeof line - 2;
    line[size++] = '\n';
    digest(w, line, (size_t)size);
    if (w->keeps_log)
        amphi__buf_append(&w->log, line, (size_t)size);
}

void sim_say(sim_world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(w, format, args);
    va_end(args);
}

void sim_violation(sim_world *w, const char *format, ...)
{
    va_list args;
    char text[sizeof w->first_violation];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_say(w, "VIOLATION %s", text);
    if (w->violations++ == 0)
        memcpy(w->first_violation, text, sizeof text);
}

void sim_world_init(sim_world *w, sim_scenario scenario, uint64_t seed, bool keeps_log)
{
    memset(w, 0, sizeof *w);
    w->scenario = scenario;
    w->seed = seed;
    w->keeps_log = keeps_log;
    w->digest = 0xcbf29ce484222325u;
    amphi__buf_init(&w->log, 0);
    amphi__buf_init(&w->payload, 0);
}

void sim_world_clear(sim_world *w)
{
    amphi__buf_clear(&w->log);
    amphi__buf_clear(&w->payload);
}
