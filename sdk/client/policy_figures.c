/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi_policy_measure: what deciding costs. The worlds are like those of the tests: six routes,
 * two on the device and four elsewhere, each world with other things in their way.
 */
#include "sdk/client/client.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"

#include <amphi/bench.h>

#include <stdlib.h>
#include <time.h>

enum { ROUTES = 6, WORLDS = 8, DECISIONS = 40000, REFRESHES = 200, SNAPSHOT_BATCH = 64 };

typedef struct figures_bench {
    amphi_policy policy;
    amphi_policy_facts facts[WORLDS];
    amphi_policy_route routes[WORLDS][ROUTES];
    amphi_plan plan;
    double took_us[DECISIONS];
} figures_bench;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void set_route(amphi_policy_route *route, size_t i)
{
    static const char *const names[ROUTES] = {"local", "small", "work", "spare", "far", "cheap"};
    bool is_local = i < 2;
    amphi_engine_info_init(&route->info);
    amphi__str_copy_to(route->info.name, sizeof route->info.name, amphi_str_from(names[i]));
    route->info.kind = is_local ? AMPHI_ENGINE_LOCAL : AMPHI_ENGINE_CLOUD;
    route->info.available = true;
    route->info.context_tokens_max = is_local ? 8192 : 128000;
    route->info.weights_bytes = is_local ? (uint64_t)700 << 20 : 0;
    route->info.kv_bytes_per_token = is_local ? 64 << 10 : 0;
    route->price = (amphi_price){.is_known = true, .prompt = is_local ? 0 : 150000 * i};
    route->pace = (amphi_policy_pace){.answers = 20,
        .first_token_ms = 300 + 100 * (uint32_t)i,
        .tokens_per_second = 20,
        .answer_tokens = 250};
}

static void set_world(figures_bench *bench, size_t w)
{
    amphi_policy_facts *facts = &bench->facts[w];
    amphi_device_facts *device = &facts->device;
    for (size_t i = 0; i < ROUTES; i++)
        set_route(&bench->routes[w][i], i);
    amphi_device_facts_init(device);
    device->known = AMPHI_FACT_MEMORY | AMPHI_FACT_BATTERY | AMPHI_FACT_THERMAL |
                    AMPHI_FACT_NETWORK | AMPHI_FACT_LATENCY | AMPHI_FACT_PRESSURE;
    device->memory_total_bytes = (uint64_t)8 << 30;
    device->memory_available_bytes = (uint64_t)(w == 5 ? 1 : 5) << 30;
    device->battery_percent = w == 1 ? 12 : 80;
    device->thermal = w == 2 ? AMPHI_THERMAL_SERIOUS : AMPHI_THERMAL_NOMINAL;
    device->network = w == 3 ? AMPHI_NETWORK_METERED : AMPHI_NETWORK_FREE;
    device->rtt_ms = 60;
    device->memory_pressure = w == 4;
    facts->mode = w == 6 ? AMPHI_MODE_PREFER_CLOUD : AMPHI_MODE_AUTO;
    facts->is_private = w == 7;
    facts->prompt_tokens = 600;
    facts->answer_tokens_max = 800;
    facts->now_ms = 1000;
    facts->draw = 0x9e3779b97f4a7c15u * (w + 1);
    facts->routes = bench->routes[w];
    facts->routes_count = ROUTES;
    bench->routes[w][3].breaker.open = w % 2 == 1;
    bench->routes[w][4].wait_ms = w % 3 == 1 ? 5000 : 0;
    bench->routes[w][4].wait_reason = AMPHI_REASON_ASKED_TO_WAIT;
}

typedef void decide_fn(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts);

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Single decisions; the clock's own reading is part of each, some tens of nanoseconds. */
static void measure(figures_bench *bench, decide_fn *decide, double *p50, double *p99)
{
    const uint64_t ns_per_us = 1000;
    for (size_t i = 0; i < DECISIONS; i++) {
        uint64_t began = now_ns();
        decide(&bench->plan, &bench->policy, &bench->facts[i % WORLDS]);
        bench->took_us[i] = (double)(now_ns() - began) / (double)ns_per_us;
    }
    qsort(bench->took_us, DECISIONS, sizeof bench->took_us[0], by_value);
    *p50 = bench->took_us[DECISIONS / 2];
    *p99 = bench->took_us[DECISIONS - DECISIONS / 100];
}

/* What is known of the device: as kept from a moment ago, and probed again. */
static void measure_facts(amphi_client *client, double *snapshot_us, double *refresh_us)
{
    amphi_device_facts facts;
    double took[REFRESHES];
    for (size_t i = 0; i < REFRESHES; i++) {
        amphi__client_facts(client, &facts);
        uint64_t began = now_ns();
        for (size_t k = 0; k < SNAPSHOT_BATCH; k++)
            amphi__client_facts(client, &facts);
        took[i] = (double)(now_ns() - began) / 1000 / SNAPSHOT_BATCH;
    }
    *snapshot_us = amphi_bench_median(took, REFRESHES);
    for (size_t i = 0; i < REFRESHES; i++) {
        amphi_device_facts_init(&facts);
        uint64_t began = now_ns();
        client->device.ops->snapshot(client->device.self, &facts);
        took[i] = (double)(now_ns() - began) / 1000;
    }
    *refresh_us = amphi_bench_median(took, REFRESHES);
}

amphi_status amphi_policy_measure(amphi_client *client, char **out, amphi_error *error)
{
    double figures[6];
    static const char *const names[6] = {"decide_p50_us", "decide_p99_us", "explain_p50_us",
        "explain_p99_us", "snapshot_us", "refresh_us"};
    amphi_buf json;
    amphi_json_writer writer;
    amphi__error_clear(error);
    if (client == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or out is NULL");
    *out = NULL;
    figures_bench *bench = amphi__calloc(1, sizeof *bench);
    if (bench == NULL)
        return amphi__fail_no_memory(error);
    amphi__policy_init(&bench->policy);
    for (size_t w = 0; w < WORLDS; w++)
        set_world(bench, w);
    measure(bench, amphi__policy_decide, &figures[0], &figures[1]);
    measure(bench, amphi__policy_explain, &figures[2], &figures[3]);
    measure_facts(client, &figures[4], &figures[5]);
    amphi__free(bench);
    amphi__buf_init(&json, 0);
    amphi__json_writer_init(&writer, &json);
    amphi__json_open(&writer, NULL, '{');
    for (size_t i = 0; i < 6; i++)
        amphi__json_put_number(&writer, names[i], figures[i]);
    amphi__json_close(&writer, '}');
    *out = amphi__buf_take(&json);
    return *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}
