/* SPDX-License-Identifier: Apache-2.0
 *
 * The app: a client over the world's parts, a user who asks, waits, turns it off and on again.
 */
#include "tests/simulate/app.h"

#include "sdk/core/str.h"
#include "storage/stores.h"
#include "tests/simulate/virtual_system.h"

#include <stdlib.h>

#define ACTS_MIN 6
#define ACTS_MAX 16

sim_told *sim_told_of(sim_app *app, uint32_t number)
{
    return number > 0 && number <= app->told_count ? &app->told[number - 1] : NULL;
}

static void on_outbox(void *user, const amphi_outbox_entry *entry)
{
    sim_app *app = user;
    sim_say(app->world, "outbox: %s", amphi_outbox_state_name(entry->state));
    app->world->counts.sent += entry->state == AMPHI_OUTBOX_SENT;
    app->world->counts.expired += entry->state == AMPHI_OUTBOX_EXPIRED;
}

static void on_log(void *user, int level, amphi_str line)
{
    sim_app *app = user;
    sim_say(app->world, "log %d: %.*s", level, (int)line.size, line.data);
}

static void set_endpoints(amphi_endpoint_options endpoints[SIM_CLOUDS])
{
    static const char *const ways[] = {"auto", "native", "vllm", "prefix", "instruct", "no"};
    static const char *const names[] = {"one", "two"};
    static const char *const urls[] = {"https://one.example/v1", "https://two.example/v1"};
    for (int i = 0; i < SIM_CLOUDS; i++) {
        amphi_endpoint_options_init(&endpoints[i]);
        endpoints[i].name = amphi_str_from(names[i]);
        endpoints[i].url = amphi_str_from(urls[i]);
        endpoints[i].model = AMPHI_STR("m");
        endpoints[i].continues = amphi_str_from(ways[sim_roll(6)]);
        endpoints[i].prices = AMPHI_STR("0.50/1.50");
        endpoints[i].priority = sim_roll(2);
        endpoints[i].context_tokens_max = sim_chance(50) ? 8192 : 0;
    }
}

static const char *some_policy(void)
{
    static const char *const policies[] = {"{}", "{}", "{\"cloud\":{\"hedge_ms\":1500}}",
        "{\"mode\":\"prefer_cloud\"}", "{\"mode\":\"prefer_local\"}",
        "{\"private_history\":\"omit\"}", "{\"cache\":{\"stale_s\":86400}}",
        "{\"network\":{\"metered_allowed\":false}}"};
    return policies[sim_roll(8)];
}

void sim_app_open(sim_app *app)
{
    amphi_endpoint_options endpoints[SIM_CLOUDS];
    amphi_client_options options;
    amphi_parts parts;
    amphi_error error;
    amphi_client_options_init(&options);
    amphi_parts_init(&parts);
    set_endpoints(endpoints);
    parts.store = app->world->store;
    parts.http = sim_cloud_value(app->world);
    parts.device = sim_device_value(app->world);
    parts.local = sim_model_value(app->world);
    options.parts = &parts;
    options.endpoints = endpoints;
    options.endpoints_count = 1 + sim_roll(SIM_CLOUDS);
    const char *drawn = some_policy();
    options.policy_json = amphi_str_from(app->world->policy != NULL ? app->world->policy : drawn);
    app->looks_up = app->world->scenario == SIM_BAD_ROLLOUT || sim_chance(15);
    if (app->looks_up)
        options.rollout_source = AMPHI_STR("https://rollout.example/features");
    options.outbox_event = on_outbox;
    options.outbox_user = app;
    options.log = on_log;
    options.log_user = app;
    sim_launch_begins();
    app->world->model.is_loaded = false;
    if (amphi_client_new(&app->client, &options, &error) != AMPHI_OK) {
        sim_violation(app->world, "no client: %s", error.message);
        app->client = NULL;
    }
}

void sim_app_close(sim_app *app)
{
    amphi_client_free(app->client);
    app->client = NULL;
}

bool sim_app_kill(sim_app *app)
{
    sim_world *w = app->world;
    if (sim_fibers_hold())
        return false;
    sim_say(w, "is killed, and starts again");
    sim_fibers_kill(app->weather); /* the memory is not given back: that is a process's end */
    w->wires = sim_agenda_start("wires");
    w->chips = sim_agenda_start("chips");
    w->model.running = 0;
    w->counts.kills++;
    app->client = NULL;
    sim_app_open(app);
    return true;
}

static void act(sim_app *app)
{
    sim_world *w = app->world;
    uint32_t side = sim_roll(100);
    uint32_t left = 0;
    if (side < 70) {
        sim_app_ask(app);
    } else if (side < 80) {
        sim_app_ask_two(app);
    } else if (side < 86) {
        if (sim_chance(40) && sim_app_kill(app))
            return;
        sim_say(w, "starts again");
        sim_app_close(app);
        sim_app_open(app);
        w->counts.restarts++;
    } else if (side < 91) {
        (void)amphi_outbox_flush(app->client, 30000, &left, NULL);
        w->counts.flushes++;
    } else if (side < 94) {
        (void)amphi_client_prewarm(app->client, NULL);
    } else if (side < 97) {
        (void)amphi_device_push_memory_pressure(app->client, sim_roll(3), NULL);
    } else if (app->looks_up) {
        (void)amphi_rollout_refresh(app->client, NULL);
    }
}

static void use(sim_app *app)
{
    uint32_t acts = ACTS_MIN + sim_roll(ACTS_MAX - ACTS_MIN);
    for (uint32_t i = 0; i < acts && app->client != NULL && app->told_count + 2 < SIM_TOLD_MAX;
         i++) {
        act(app);
        sim_fiber_sleep_us(sim_while_us(20 * SIM_SECOND_US));
    }
    if (app->client == NULL)
        return;
    (void)amphi_device_push_memory_pressure(app->client, 0, NULL);
    sim_weather_clear(app->world);
    sim_fiber_sleep_us(60 * SIM_SECOND_US); /* pauses and breakers pass */
    sim_app_audit(app);
    sim_app_close(app);
}

static void set_out(sim_world *w)
{
    const amphi_storage_options storage = {0};
    w->device_us = sim_time_peek_us();
    w->battery = 20 + sim_roll(80);
    w->ambient = w->temperature = w->scenario == SIM_HOT_PHONE ? 36 : 24;
    w->network = AMPHI_NETWORK_FREE;
    w->memory_available = 4ull << 30;
    if (w->scenario == SIM_FLAT_BATTERY)
        w->battery = 1 + sim_roll(25);
    if (w->scenario == SIM_CRASH_LOOP)
        w->model.crash_percent = 70;
    for (int i = 0; i < SIM_CLOUDS; i++)
        w->clouds[i] = (sim_cloud){.latency_ms = 20 + sim_roll(500), .fault_percent = sim_roll(20)};
    sim_launches_reset();
    w->wires = sim_agenda_start("wires");
    w->chips = sim_agenda_start("chips");
    if (amphi__store_memory_new(&w->store, &storage, NULL) != AMPHI_OK)
        abort();
    sim_sabotage_store(w);
}

void sim_app_run(void *world)
{
    sim_world *w = world;
    sim_app app = {.world = w};
    set_out(w);
    app.weather = sim_fiber_start("weather", sim_weather_run, w);
    if (app.weather == NULL)
        abort();
    sim_app_open(&app);
    use(&app);
    w->is_over = true;
    sim_fiber_wake(&w->is_over);
    sim_fiber_join(app.weather);
    sim_agenda_stop(w->wires);
    sim_agenda_stop(w->chips);
    w->store.ops->free(w->store.self);
    w->counts.virtual_s += (sim_time_peek_us() / SIM_SECOND_US) - 1000;
    sim_say(w, "ends");
}
