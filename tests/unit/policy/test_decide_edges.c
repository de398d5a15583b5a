/* SPDX-License-Identifier: Apache-2.0
 *
 * A fact that hovers around an edge, a sample a second for twenty minutes: in no mode does another
 * route go first sooner than a dwell after it changed last.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { SAMPLES = 1200, DWELL_MS = 60000, EDGES = 79 };
/* A reading that comes and goes. */
#define UNKNOWN UINT32_MAX

typedef enum fact {
    BATTERY,
    THERMAL,
    PRESSURE,
    FREE_MIB,
    RTT,
    CLOUD_FIRST_MS,
    LOCAL_FIRST_MS,
    LOCAL_RATE,
    CLOUD_RATE,
    FORECAST,
    CHARGER, /* at 2 % */
    POWER_SAVE,
    NETWORK_WHEN_HOT, /* 2: free, 3: metered */
} fact;

typedef struct edge {
    fact fact;
    uint32_t one, other;
    const char *policy; /* a document on top of the defaults, or NULL */
    bool loaded;
    uint32_t total_mib; /* 0: 8192 */
    uint32_t answer;
} edge;

#define HOT_ALLOWED   "{\"thermal\":{\"max\":\"serious\"}}"
#define COOL_ONLY     "{\"thermal\":{\"max\":\"nominal\"}}"
#define WISH_FIRST    "{\"latency\":{\"first_token_ms\":1000}}"
#define WISH_FIRST_OR "{\"latency\":{\"first_token_ms\":1000,\"over\":\"refuse\"}}"
#define WISH_RATE     "{\"latency\":{\"tokens_per_second_min\":50}}"
#define WISH_RATE_OR  "{\"latency\":{\"tokens_per_second_min\":50,\"over\":\"refuse\"}}"
#define EAGER_BATTERY "{\"battery\":{\"min_percent\":50,\"resume_percent\":50}}"
#define WEIGHED       "{\"weights\":{\"total\":1,\"battery\":1}}"
#define CAREFUL       "{\"battery\":{\"critical_percent\":10}}"

/* Around each number that a rule compares with, from both sides. The reserve of 8 GiB is 1,024 MiB
 * (1,434 to come back), of 2 GiB 409 (512), of 1,000 MiB 200. */
static const edge edges[] = {
    {.fact = BATTERY, .one = 2, .other = 3},
    {.fact = BATTERY, .one = 4, .other = 5},
    {.fact = BATTERY, .one = 19, .other = 20},
    {.fact = BATTERY, .one = 24, .other = 25},
    {.fact = BATTERY, .one = 19, .other = 25},
    {.fact = BATTERY, .one = 39, .other = 40},
    {.fact = BATTERY, .one = 49, .other = 50, .policy = EAGER_BATTERY},
    {.fact = BATTERY, .one = 9, .other = 10, .policy = CAREFUL},
    {.fact = BATTERY, .one = 11, .other = 12, .policy = CAREFUL},
    {.fact = BATTERY, .one = 2, .other = 26},
    {.fact = THERMAL, .one = 1, .other = 2},
    {.fact = THERMAL, .one = 2, .other = 3},
    {.fact = THERMAL, .one = 3, .other = 4},
    {.fact = THERMAL, .one = 1, .other = 3},
    {.fact = THERMAL, .one = 2, .other = 4},
    {.fact = THERMAL, .one = 1, .other = 2, .policy = HOT_ALLOWED},
    {.fact = THERMAL, .one = 2, .other = 3, .policy = HOT_ALLOWED},
    {.fact = THERMAL, .one = 3, .other = 4, .policy = HOT_ALLOWED},
    {.fact = THERMAL, .one = 1, .other = 2, .policy = COOL_ONLY},
    {.fact = THERMAL, .one = 2, .other = 3, .policy = COOL_ONLY},
    {.fact = THERMAL, .one = 3, .other = 4, .policy = COOL_ONLY},
    {.fact = PRESSURE, .one = 0, .other = 1},
    {.fact = PRESSURE, .one = 1, .other = 2},
    {.fact = PRESSURE, .one = 0, .other = 2},
    {.fact = PRESSURE, .one = 0, .other = 1, .loaded = true},
    {.fact = PRESSURE, .one = 1, .other = 2, .loaded = true},
    {.fact = FREE_MIB, .one = 1023, .other = 1024},
    {.fact = FREE_MIB, .one = 1024, .other = 1025},
    {.fact = FREE_MIB, .one = 1433, .other = 1434},
    {.fact = FREE_MIB, .one = 1023, .other = 1024, .loaded = true},
    {.fact = FREE_MIB, .one = 1433, .other = 1434, .loaded = true},
    {.fact = FREE_MIB, .one = 1923, .other = 1924},
    {.fact = FREE_MIB, .one = 1924, .other = 1925, .answer = 3900},
    {.fact = FREE_MIB, .one = 1570, .other = 1580, .answer = 3900},
    {.fact = FREE_MIB, .one = 408, .other = 410, .total_mib = 2048},
    {.fact = FREE_MIB, .one = 511, .other = 513, .total_mib = 2048},
    {.fact = FREE_MIB, .one = 958, .other = 960, .total_mib = 2048},
    {.fact = FREE_MIB, .one = 1308, .other = 1310, .total_mib = 2048, .answer = 3900},
    {.fact = FREE_MIB, .one = 749, .other = 751, .total_mib = 1000},
    {.fact = FREE_MIB, .one = 899, .other = 901, .total_mib = 1000, .answer = 1900},
    {.fact = RTT, .one = 1000, .other = 1001, .policy = HOT_ALLOWED},
    {.fact = RTT, .one = 800, .other = 801, .policy = HOT_ALLOWED},
    {.fact = RTT, .one = 800, .other = 1001, .policy = HOT_ALLOWED},
    {.fact = CLOUD_FIRST_MS, .one = 1000, .other = 1001, .policy = WISH_FIRST},
    {.fact = CLOUD_FIRST_MS, .one = 900, .other = 1001, .policy = WISH_FIRST},
    {.fact = CLOUD_FIRST_MS, .one = 1000, .other = 1001, .policy = WISH_FIRST_OR},
    {.fact = LOCAL_FIRST_MS, .one = 1000, .other = 1001, .policy = WISH_FIRST},
    {.fact = LOCAL_FIRST_MS, .one = 900, .other = 1001, .policy = WISH_FIRST},
    {.fact = LOCAL_FIRST_MS, .one = 900, .other = 1001, .policy = WISH_FIRST_OR},
    {.fact = CLOUD_RATE, .one = 49, .other = 50, .policy = WISH_RATE},
    {.fact = CLOUD_RATE, .one = 49, .other = 55, .policy = WISH_RATE_OR},
    {.fact = LOCAL_RATE, .one = 49, .other = 50, .policy = WISH_RATE},
    {.fact = LOCAL_RATE, .one = 49, .other = 55, .policy = WISH_RATE},
    {.fact = LOCAL_RATE, .one = 49, .other = 55, .policy = WISH_RATE_OR},
    {.fact = FORECAST, .one = 99, .other = 100},
    {.fact = FORECAST, .one = 85, .other = 100},
    {.fact = LOCAL_RATE, .one = 30, .other = 40, .policy = WEIGHED},
    {.fact = LOCAL_RATE, .one = 34, .other = 46, .policy = WEIGHED},
    {.fact = BATTERY, .one = 60, .other = 61, .policy = WEIGHED},
    {.fact = BATTERY, .one = 2, .other = UNKNOWN},
    {.fact = BATTERY, .one = 19, .other = UNKNOWN},
    {.fact = BATTERY, .one = 60, .other = UNKNOWN, .policy = WEIGHED},
    {.fact = THERMAL, .one = 2, .other = UNKNOWN},
    {.fact = THERMAL, .one = 3, .other = UNKNOWN},
    {.fact = THERMAL, .one = 3, .other = UNKNOWN, .policy = HOT_ALLOWED},
    {.fact = THERMAL, .one = 4, .other = UNKNOWN},
    {.fact = PRESSURE, .one = 1, .other = UNKNOWN},
    {.fact = PRESSURE, .one = 2, .other = UNKNOWN},
    {.fact = PRESSURE, .one = 2, .other = UNKNOWN, .loaded = true},
    {.fact = FREE_MIB, .one = 1000, .other = UNKNOWN},
    {.fact = FREE_MIB, .one = 1500, .other = UNKNOWN},
    {.fact = FREE_MIB, .one = 1000, .other = UNKNOWN, .loaded = true},
    {.fact = RTT, .one = 1001, .other = UNKNOWN, .policy = HOT_ALLOWED},
    {.fact = FORECAST, .one = 100, .other = UNKNOWN},
    {.fact = CHARGER, .one = 0, .other = 1},
    {.fact = POWER_SAVE, .one = AMPHI_YES, .other = AMPHI_NO},
    {.fact = POWER_SAVE, .one = AMPHI_YES, .other = UNKNOWN},
    {.fact = NETWORK_WHEN_HOT, .one = 2, .other = 3, .policy = HOT_ALLOWED},
    {.fact = NETWORK_WHEN_HOT, .one = 3, .other = UNKNOWN, .policy = HOT_ALLOWED},
};

static uint32_t bit_of(fact which)
{
    static const uint32_t bits[] = {
        [BATTERY] = AMPHI_FACT_BATTERY,
        [THERMAL] = AMPHI_FACT_THERMAL,
        [PRESSURE] = AMPHI_FACT_PRESSURE,
        [FREE_MIB] = AMPHI_FACT_MEMORY,
        [RTT] = AMPHI_FACT_LATENCY,
        [FORECAST] = AMPHI_FACT_FORECAST,
        [POWER_SAVE] = AMPHI_FACT_POWER_SAVE,
        [NETWORK_WHEN_HOT] = AMPHI_FACT_NETWORK,
    };
    return bits[which];
}

static void set_value(policy_scene *s, fact which, uint32_t value)
{
    amphi_device_facts *device = &s->facts.device;
    switch (which) {
    case BATTERY:
        device->battery_percent = (uint8_t)value;
        break;
    case THERMAL:
        device->thermal = (amphi_thermal)value;
        break;
    case PRESSURE:
        device->memory_pressure = (uint8_t)value;
        break;
    case FREE_MIB:
        device->memory_available_bytes = value * MIB;
        break;
    case RTT:
        device->rtt_ms = value;
        break;
    case CLOUD_FIRST_MS:
    case LOCAL_FIRST_MS:
        s->routes[which == CLOUD_FIRST_MS ? CLOUD : LOCAL].pace.first_token_ms = value;
        break;
    case CLOUD_RATE:
    case LOCAL_RATE:
        s->routes[which == CLOUD_RATE ? CLOUD : LOCAL].pace.tokens_per_second = (float)value;
        break;
    case FORECAST:
        device->heat_forecast_percent = (uint16_t)value;
        break;
    case CHARGER:
        device->battery_percent = 2;
        device->charging = value != 0;
        break;
    case POWER_SAVE:
        device->power_save = (uint8_t)value;
        break;
    case NETWORK_WHEN_HOT:
        device->network = value == 3 ? AMPHI_NETWORK_METERED : AMPHI_NETWORK_FREE;
        break;
    }
}

static void set_fact(policy_scene *s, const edge *e, uint32_t value)
{
    amphi_device_facts *device = &s->facts.device;
    if (e->fact == RTT || e->fact == NETWORK_WHEN_HOT)
        device->thermal = AMPHI_THERMAL_SERIOUS; /* where the network matters */
    device->known |= bit_of(e->fact);
    if (value == UNKNOWN)
        device->known &= ~bit_of(e->fact);
    else
        set_value(s, e->fact, value);
}

static void open_scene(policy_scene *s, const edge *e, amphi_mode mode)
{
    scene_init(s);
    if (e->policy != NULL)
        assert_int_equal(
            amphi__policy_apply_json(&s->policy, amphi_str_from(e->policy), NULL), AMPHI_OK);
    if (e->total_mib != 0)
        s->facts.device.memory_total_bytes = e->total_mib * MIB;
    if (e->total_mib != 0)
        s->facts.device.memory_available_bytes = e->total_mib * MIB;
    s->routes[LOCAL].info.ready = e->loaded;
    s->facts.answer_tokens_max = e->answer;
    s->facts.mode = mode;
}

static int first_of(const policy_scene *s)
{
    return s->plan.steps_count > 0 ? s->plan.steps[0].route : -1;
}

/* Alternating, or as a coin falls. */
static uint32_t sample(const edge *e, unsigned i, bool is_coin, uint32_t *coin)
{
    *coin = *coin * 1664525u + 1013904223u;
    bool is_one = is_coin ? (*coin >> 31) != 0 : i % 2 == 0;
    return is_one ? e->one : e->other;
}

static unsigned check(size_t at, amphi_mode mode, bool is_coin)
{
    static policy_scene s;
    const edge *e = &edges[at];
    uint32_t coin = (uint32_t)at;
    uint64_t changed_ms = 0;
    unsigned changes = 0;
    int was = -1;
    open_scene(&s, e, mode);
    for (unsigned i = 0; i < SAMPLES; i++) {
        set_fact(&s, e, sample(e, i, is_coin, &coin));
        amphi__policy_decide(&s.plan, &s.policy, &s.facts);
        int first = first_of(&s);
        if (i > 0 && first != was) {
            if (changes > 0 && s.facts.now_ms - changed_ms < DWELL_MS)
                fail_msg("edge %zu (fact %d, %u and %u), %s: again after %llu ms", at, e->fact,
                    e->one, e->other, amphi_mode_name(mode),
                    (unsigned long long)(s.facts.now_ms - changed_ms));
            changed_ms = s.facts.now_ms;
            changes++;
        }
        was = first;
        scene_remember(&s, 1000);
    }
    return changes;
}

static void edges__change_the_first_route_once_per_dwell_at_most(void **state)
{
    unsigned changed = 0;
    for (size_t at = 0; at < sizeof edges / sizeof edges[0]; at++)
        for (int mode = AMPHI_MODE_AUTO; mode <= AMPHI_MODE_ONLY_CLOUD; mode++)
            for (int is_coin = 0; is_coin < 2; is_coin++)
                changed += check(at, (amphi_mode)mode, is_coin != 0) > 0;
    assert_int_equal(sizeof edges / sizeof edges[0], EDGES);
    assert_in_range(changed, 45, EDGES * 5 * 2); /* edges that matter */
}

/* The same without a memory: so the test can fail. */
static void edges__would_change_it_with_each_sample_without_a_memory(void **state)
{
    static policy_scene s;
    unsigned flips = 0;
    for (size_t at = 0; at < sizeof edges / sizeof edges[0]; at++) {
        int was = -1;
        open_scene(&s, &edges[at], AMPHI_MODE_AUTO);
        for (unsigned i = 0; i < 20; i++) {
            set_fact(&s, &edges[at], i % 2 == 0 ? edges[at].one : edges[at].other);
            amphi__policy_decide(&s.plan, &s.policy, &s.facts);
            flips += i > 0 && first_of(&s) != was;
            was = first_of(&s);
        }
    }
    assert_in_range(flips, 19 * 30, 19 * EDGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges__change_the_first_route_once_per_dwell_at_most),
        cmocka_unit_test(edges__would_change_it_with_each_sample_without_a_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
