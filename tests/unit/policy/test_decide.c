/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision: facts in, plan out. Tables of situations, then promises held over 100,000 random
 * ones.
 */
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

#define MIB (1ull << 20)

/* One local engine (route 0) and one endpoint (route 1) on a healthy device. */
typedef struct amphi_scene {
    amphi_policy policy;
    amphi_policy_route routes[AMPHI_ROUTES_MAX];
    amphi_policy_facts facts;
    amphi_plan plan;
} amphi_scene;

static void set_route(amphi_policy_route *route, amphi_engine_kind kind, const char *name)
{
    memset(route, 0, sizeof *route);
    route->info.struct_size = sizeof route->info;
    route->info.kind = kind;
    snprintf(route->info.name, sizeof route->info.name, "%s", name);
    route->info.available = true;
    if (kind == AMPHI_ENGINE_LOCAL) {
        route->info.weights_bytes = 400 * MIB;
        route->info.kv_bytes_per_token = 100 << 10; /* 4096 tokens: 400 MiB */
        route->info.scratch_bytes = 100 * MIB;
        route->info.context_tokens_max = 32768;
    }
}

static void set_scene(amphi_scene *s)
{
    memset(s, 0, sizeof *s);
    amphi__policy_init(&s->policy);
    set_route(&s->routes[0], AMPHI_ENGINE_LOCAL, "local");
    set_route(&s->routes[1], AMPHI_ENGINE_CLOUD, "cloud");
    amphi_device_facts *d = &s->facts.device;
    amphi_device_facts_init(d);
    d->known = AMPHI_FACT_ALL;
    d->memory_total_bytes = 8192 * MIB;
    d->memory_available_bytes = 6000 * MIB;
    d->battery_percent = 90;
    d->thermal = AMPHI_THERMAL_NOMINAL;
    d->network = AMPHI_NETWORK_FREE;
    d->rtt_ms = 50;
    s->facts.prompt_tokens = 200;
    s->facts.routes = s->routes;
    s->facts.routes_count = 2;
}

static void decide(amphi_scene *s)
{
    amphi__policy_decide(&s->plan, &s->policy, &s->facts);
}

/* The plan as text: "local cloud", a last resort with a "?". */
static const char *order(const amphi_scene *s)
{
    static char text[AMPHI_ROUTES_MAX * (AMPHI_NAME_MAX + 2)];
    text[0] = '\0';
    for (size_t i = 0; i < s->plan.steps_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s%s", i > 0 ? " " : "",
            s->plan.decision.routes[i].route, s->plan.steps[i].last_resort ? "?" : "");
    }
    return text;
}

static const amphi_decision_route *entry(const amphi_scene *s, const char *name)
{
    for (size_t i = 0; i < s->plan.decision.routes_count; i++)
        if (strcmp(s->plan.decision.routes[i].route, name) == 0)
            return &s->plan.decision.routes[i];
    fail_msg("no entry for %s", name);
    return NULL;
}

static const amphi_plan_step *step(const amphi_scene *s, const char *name)
{
    for (size_t i = 0; i < s->plan.steps_count; i++)
        if (strcmp(s->plan.decision.routes[i].route, name) == 0)
            return &s->plan.steps[i];
    fail_msg("%s is not in the plan: %s", name, entry(s, name)->why);
    return NULL;
}

static void assert_says(const char *sentence, const char *part)
{
    if (strstr(sentence, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", sentence, part);
}

/* ---- tables ---- */

static void mode__orders_and_excludes(void **state)
{
    (void)state;
    static const struct {
        amphi_mode request, document;
        const char *order;
    } table[] = {
        {AMPHI_MODE_DEFAULT, AMPHI_MODE_AUTO, "local cloud"},
        {AMPHI_MODE_DEFAULT, AMPHI_MODE_PREFER_CLOUD, "cloud local"},
        {AMPHI_MODE_PREFER_LOCAL, AMPHI_MODE_PREFER_CLOUD, "local cloud"},
        {AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_AUTO, "cloud local"},
        {AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_AUTO, "local"},
        {AMPHI_MODE_ONLY_CLOUD, AMPHI_MODE_AUTO, "cloud"},
        {AMPHI_MODE_DEFAULT, AMPHI_MODE_DEFAULT, "local cloud"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        amphi_scene s;
        set_scene(&s);
        s.facts.mode = table[i].request;
        s.policy.mode = table[i].document;
        decide(&s);
        assert_string_equal(order(&s), table[i].order);
        assert_int_equal(s.plan.decision.routes_count, 2);
    }
}

static void device__moves_the_order(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int battery, charging, thermal, network, rtt_ms, mode;
        const char *order;
        amphi_reason local_reason;
        const char *why;
    } table[] = {
        {"healthy", 90, 0, 1, 3, 50, 1, "local cloud", AMPHI_REASON_OK, "local first"},
        {"low battery", 8, 0, 1, 3, 50, 1, "cloud local?", AMPHI_REASON_BATTERY_LOW,
            "kept as last resort: battery 8 % is below 20 %, not charging"},
        {"low battery, charging", 8, 1, 1, 3, 50, 1, "local cloud", AMPHI_REASON_OK, "local first"},
        {"low battery, metered", 8, 0, 1, 2, 50, 1, "cloud local?", AMPHI_REASON_BATTERY_LOW, ""},
        {"low battery, prefer_local", 8, 0, 1, 3, 50, 2, "cloud local?", AMPHI_REASON_BATTERY_LOW,
            "last resort"},
        {"low battery, only_local", 8, 0, 1, 3, 50, 4, "local?", AMPHI_REASON_BATTERY_LOW, ""},
        {"low battery, no network", 8, 0, 1, 1, 50, 1, "local?", AMPHI_REASON_BATTERY_LOW, ""},
        {"critical battery", 2, 0, 1, 3, 50, 1, "cloud", AMPHI_REASON_BATTERY_LOW, "critical"},
        {"at the minimum", 20, 0, 1, 3, 50, 1, "local cloud", AMPHI_REASON_OK, "2 threads"},
        {"below twice the minimum", 39, 0, 1, 3, 50, 1, "local cloud", AMPHI_REASON_OK,
            "2 threads at most: to spare the battery"},
        {"twice the minimum", 40, 0, 1, 3, 50, 1, "local cloud", AMPHI_REASON_OK, ""},
        {"warm", 90, 0, 2, 3, 50, 1, "cloud local", AMPHI_REASON_THERMAL, "2 threads"},
        {"warm, metered", 90, 0, 2, 2, 50, 1, "local cloud", AMPHI_REASON_OK, "2 threads"},
        {"warm, slow", 90, 0, 2, 3, 5000, 1, "local cloud", AMPHI_REASON_OK, "2 threads"},
        {"warm, prefer_local", 90, 0, 2, 3, 50, 2, "local cloud", AMPHI_REASON_MODE, "2 threads"},
        {"hot", 90, 0, 3, 3, 50, 1, "cloud local?", AMPHI_REASON_THERMAL,
            "kept as last resort: thermal state serious is above fair"},
        {"critical heat", 90, 0, 4, 3, 50, 1, "cloud", AMPHI_REASON_THERMAL, "critical"},
        {"critical heat, no network", 90, 0, 4, 1, 50, 1, "", AMPHI_REASON_THERMAL, "critical"},
        {"no network", 90, 0, 1, 1, 50, 3, "local", AMPHI_REASON_MODE, ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        amphi_scene s;
        set_scene(&s);
        s.facts.device.battery_percent = (uint8_t)table[i].battery;
        s.facts.device.charging = table[i].charging != 0;
        s.facts.device.thermal = (amphi_thermal)table[i].thermal;
        s.facts.device.network = (amphi_network)table[i].network;
        s.facts.device.rtt_ms = (uint32_t)table[i].rtt_ms;
        s.facts.mode = (amphi_mode)table[i].mode;
        decide(&s);
        const amphi_decision_route *local = entry(&s, "local");
        if (strcmp(order(&s), table[i].order) != 0 || local->reason != table[i].local_reason) {
            fail_msg("%s: %s, %s: %s", table[i].what, order(&s), amphi_reason_name(local->reason),
                local->why);
        }
        assert_says(local->why, table[i].why);
    }
}

static void cloud__behind_a_bad_network_says_so(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.device.thermal = AMPHI_THERMAL_FAIR;
    s.facts.device.network = AMPHI_NETWORK_METERED;
    decide(&s);
    assert_int_equal(entry(&s, "cloud")->reason, AMPHI_REASON_NETWORK_METERED);
    assert_says(entry(&s, "cloud")->why, "network metered");
    s.policy.metered_allowed = false;
    decide(&s);
    assert_string_equal(order(&s), "local");
    assert_says(entry(&s, "cloud")->why, "network.metered_allowed is false");
}

static void private__never_keeps_a_cloud_route(void **state)
{
    (void)state;
    for (int mode = AMPHI_MODE_DEFAULT; mode <= AMPHI_MODE_ONLY_CLOUD; mode++) {
        amphi_scene s;
        set_scene(&s);
        s.facts.mode = (amphi_mode)mode;
        s.facts.is_private = true;
        s.policy.hedge_ms = 100;
        decide(&s);
        assert_int_equal(entry(&s, "cloud")->reason, AMPHI_REASON_PRIVATE);
        assert_string_equal(order(&s), mode == AMPHI_MODE_ONLY_CLOUD ? "" : "local");
        if (mode == AMPHI_MODE_ONLY_CLOUD) {
            assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
            assert_says(s.plan.refusal.message, "private and only_cloud exclude each other");
        }
    }
}

static void private__with_the_engine_gone_is_refused_with_the_reason(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.is_private = true;
    s.routes[0].info.available = false;
    snprintf(s.routes[0].info.why, sizeof s.routes[0].info.why, "the worker is not installed");
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_string_equal(s.plan.refusal.message,
        "private, so only this device may answer; local: the worker is not installed");
}

static void private__an_engine_of_an_unknown_kind_counts_as_the_cloud(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.is_private = true;
    memset(&s.routes[0].info.kind, 0, sizeof s.routes[0].info.kind);
    decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
}

static void refusal__names_its_kind(void **state)
{
    (void)state;
    amphi_scene s;

    set_scene(&s); /* no engine at all */
    s.facts.routes_count = 0;
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_says(s.plan.refusal.message, "no local engine and no endpoint");

    set_scene(&s); /* offline: only the network is missing */
    s.routes[0].info.available = false;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_OFFLINE);
    assert_says(s.plan.refusal.message, "cloud: no network");

    set_scene(&s); /* kill switch and only_local */
    s.policy.local_enabled = false;
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_says(s.plan.refusal.message, "local.enabled is false");

    set_scene(&s); /* too long for both */
    s.facts.prompt_tokens = 50000;
    s.routes[1].info.context_tokens_max = 8192;
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_CONTEXT_LENGTH);

    set_scene(&s);
    s.facts.needs_images = true;
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_UNSUPPORTED);
    assert_says(s.plan.refusal.message, "images");

    set_scene(&s);
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    s.facts.device.memory_pressure = 2;
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_RESOURCE);

    set_scene(&s);
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    s.routes[1].breaker = (amphi_breaker_facts){.open = true, .failed = 5, .of = 8};
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_BUSY);
    assert_int_equal(s.plan.refusal.retry_after_ms, s.policy.breaker_open_ms);
    assert_says(s.plan.refusal.message, "5 of the last 8 requests failed");
    s.routes[1].breaker = (amphi_breaker_facts){.open = true, .failed = 3, .of = 3, .left_ms = 900};
    decide(&s);
    assert_int_equal(s.plan.refusal.retry_after_ms, 900);
    assert_says(s.plan.refusal.message, "failed 3 times in a row");
    s.routes[1].breaker = (amphi_breaker_facts){.probe = true}; /* half open */
    decide(&s);
    assert_string_equal(order(&s), "cloud");

    set_scene(&s); /* who was asked to wait lets somebody else go first */
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    s.routes[1].wait_ms = 6001;
    decide(&s);
    assert_string_equal(order(&s), "local cloud?");
    assert_int_equal(entry(&s, "cloud")->reason, AMPHI_REASON_ASKED_TO_WAIT);
    assert_says(entry(&s, "cloud")->why, "asked for a pause, 7 s of it are left");
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    decide(&s);
    assert_string_equal(order(&s), "cloud?");

    set_scene(&s);
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    s.facts.routes_count = 1;
    decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_says(s.plan.refusal.message, "no endpoint is configured");
}

static void network__loopback_needs_none_until_the_app_says_so(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.device.network = AMPHI_NETWORK_NONE;
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    s.routes[1].needs_no_network = true;
    decide(&s);
    assert_string_equal(order(&s), "cloud");
    s.facts.is_private = true; /* still the cloud */
    decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
}

static void quarantine__three_crashes_step_down_to_plain_kernels_and_one_thread(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    s.routes[0].crash.crashes = 2;
    decide(&s);
    assert_string_equal(order(&s), "local cloud");
    assert_false(s.plan.steps[0].plain_kernels);
    s.routes[0].crash.crashes = 3;
    decide(&s);
    assert_string_equal(order(&s), "local cloud");
    assert_true(s.plan.steps[0].plain_kernels);
    assert_int_equal(s.plan.steps[0].threads_max, 1);
    assert_non_null(strstr(entry(&s, "local")->why, "crash"));
    assert_non_null(strstr(entry(&s, "local")->why, "plain kernels"));
    s.facts.mode = AMPHI_MODE_AUTO; /* where the cloud is to be had, it goes first now */
    decide(&s);
    assert_string_equal(order(&s), "cloud local");
}

static void quarantine__holds_when_plain_kernels_crash_or_none_was_reached(void **state)
{
    (void)state;
    amphi_scene s;
    for (int early = 0; early < 2; early++) {
        set_scene(&s);
        uint32_t *crashes =
            early ? &s.routes[0].crash.crashes_early : &s.routes[0].crash.crashes_plain;
        *crashes = 2;
        assert_false(amphi__policy_is_quarantined(&s.policy, &s.routes[0].crash));
        decide(&s);
        assert_string_equal(order(&s), "local cloud");
        *crashes = 3;
        s.routes[0].crash.quiet_left_s = 140;
        assert_true(amphi__policy_is_quarantined(&s.policy, &s.routes[0].crash));
        decide(&s);
        assert_string_equal(order(&s), "cloud");
        assert_int_equal(entry(&s, "local")->reason, AMPHI_REASON_QUARANTINE);
        assert_non_null(strstr(entry(&s, "local")->why, early ? "loading" : "plain kernels"));
        assert_non_null(strstr(entry(&s, "local")->why, "crashed 3 times within 600 s"));
        assert_non_null(strstr(entry(&s, "local")->why, "140 s"));
    }
}

static void quarantine__kills_for_memory_shrink_the_context_first(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    decide(&s);
    uint32_t context = s.plan.steps[0].context_tokens_max;
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    s.routes[0].crash.kills_memory = 1;
    decide(&s);
    assert_int_equal(s.plan.steps[0].context_tokens_max, context / 2);
    assert_false(s.plan.steps[0].plain_kernels);
    s.routes[0].crash.kills_memory = 2;
    decide(&s);
    assert_int_equal(s.plan.steps[0].context_tokens_max, context / 4);
    assert_non_null(strstr(entry(&s, "local")->why, "ran out of memory"));
    s.routes[0].crash.kills_memory = 3;
    decide(&s);
    assert_string_equal(order(&s), "cloud");
    assert_non_null(strstr(entry(&s, "local")->why, "ran out of memory 3 times"));
}

static void quarantine__kills_from_outside_have_a_limit_and_words_of_their_own(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    s.routes[0].crash.kills_outside = 199;
    decide(&s);
    assert_string_equal(order(&s), "local cloud");
    assert_false(s.plan.steps[0].plain_kernels);
    s.routes[0].crash.kills_outside = 200;
    s.routes[0].crash.outside_left_s = 77;
    decide(&s);
    assert_string_equal(order(&s), "cloud");
    assert_int_equal(entry(&s, "local")->reason, AMPHI_REASON_QUARANTINE);
    assert_non_null(strstr(entry(&s, "local")->why, "killed from outside 200 times within 600 s"));
    assert_non_null(strstr(entry(&s, "local")->why, "77 s"));
}

static void quarantine__another_local_route_is_judged_by_its_own_crashes(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.routes[2] = s.routes[0];
    snprintf(s.routes[2].info.name, sizeof s.routes[2].info.name, "small");
    s.facts.routes_count = 3;
    s.routes[0].crash.crashes_plain = 3;
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    decide(&s);
    assert_string_equal(order(&s), "small cloud");
}

/* ---- memory: the admission rule ---- */

static void memory__shortens_the_context_before_it_refuses(void **state)
{
    (void)state;
    /* Fixed 500 MiB and 0.1 MiB a token; use may reach 80 % of 2000 MiB. */
    static const struct {
        unsigned available_mib;
        bool ready;
        unsigned context; /* 0: refused */
    } table[] = {
        {1900, false, 4096}, /* 900 MiB fit */
        {1301, false, 4096}, /* 699 + 900 < 1600 */
        {1200, false, 2944}, /* 800 left: 300 MiB of cache, 3072 tokens less rounding of KiB */
        {951, false, 512},   /* 551 left: 522 tokens, an even 512 */
        {940, false, 0},     /* 540 left: fewer than 512 */
        {850, false, 0}, {600, true, 4096}, /* loaded already: only its share counts, 900 < 1400 */
        {390, true, 0},                     /* 80.5 % in use: being unloaded */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        amphi_scene s;
        set_scene(&s);
        s.facts.device.memory_total_bytes = 2000 * MIB;
        s.facts.device.memory_available_bytes = table[i].available_mib * MIB;
        s.routes[0].info.ready = table[i].ready;
        decide(&s);
        const amphi_decision_route *local = entry(&s, "local");
        if (local->kept != (table[i].context > 0))
            fail_msg("%u MiB: %s", table[i].available_mib, local->why);
        if (!local->kept) {
            assert_int_equal(local->reason, AMPHI_REASON_MEMORY);
            continue;
        }
        uint32_t context = step(&s, "local")->context_tokens_max;
        if (context > table[i].context + 128 || context + 128 < table[i].context)
            fail_msg("%u MiB: context %u", table[i].available_mib, context);
        uint64_t need = 500 * MIB + ((uint64_t)context * 100 << 10);
        assert_true(need <= 1400 * MIB);
        assert_true(table[i].ready || need <= table[i].available_mib * MIB);
    }
}

static void memory__need_stays_under_its_share(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.device.memory_total_bytes = 1000 * MIB;
    s.facts.device.memory_available_bytes = 1000 * MIB;
    decide(&s); /* 700 MiB: 200 MiB of cache */
    assert_in_range(step(&s, "local")->context_tokens_max, 1900, 2048);
    assert_says(entry(&s, "local")->why, "memory is tight");
    assert_string_equal(order(&s), "cloud local"); /* auto: local is held back */
    s.facts.prompt_tokens = 2500;                  /* does not fit into what is left */
    decide(&s);
    assert_int_equal(entry(&s, "local")->reason, AMPHI_REASON_MEMORY);
    s.routes[0].info.weights_bytes = UINT64_MAX; /* sums must not wrap */
    s.routes[0].info.kv_bytes_per_token = UINT64_MAX;
    decide(&s);
    assert_int_equal(entry(&s, "local")->reason, AMPHI_REASON_MEMORY);
}

static void memory__a_tiny_model_keeps_its_whole_context(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.routes[0].info.context_tokens_max = 256;
    s.facts.prompt_tokens = 100;
    decide(&s);
    assert_int_equal(step(&s, "local")->context_tokens_max, 256);
    assert_int_equal(step(&s, "local")->answer_tokens_max, 156); /* shorter, not refused */
}

static void memory__unknown_speaks_against_nobody(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.device.known = 0;
    s.facts.device.memory_total_bytes = 1; /* nonsense that nobody claims to know */
    s.facts.device.memory_available_bytes = 0;
    s.facts.device.battery_percent = 0;
    s.facts.device.thermal = AMPHI_THERMAL_CRITICAL;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    s.facts.device.memory_pressure = 2;
    decide(&s);
    assert_string_equal(order(&s), "local cloud");
}

/* ---- hysteresis ---- */

static void hysteresis__battery_comes_back_at_resume(void **state)
{
    (void)state;
    static const struct {
        int percent;
        const char *order;
    } walk[] = {{21, "local cloud"}, {19, "cloud local?"}, {21, "cloud local?"},
        {24, "cloud local?"}, {25, "local cloud"}, {21, "local cloud"}};
    amphi_scene s;
    set_scene(&s);
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        s.facts.device.battery_percent = (uint8_t)walk[i].percent;
        decide(&s);
        assert_string_equal(order(&s), walk[i].order);
        amphi__policy_apply_hysteresis(s.routes, 2, &s.plan);
    }
}

static void hysteresis__heat_must_fall_below_the_limit(void **state)
{
    (void)state;
    static const struct {
        amphi_thermal thermal;
        const char *order;
    } walk[] = {{AMPHI_THERMAL_FAIR, "cloud local"}, {AMPHI_THERMAL_FAIR, "cloud local"},
        {AMPHI_THERMAL_SERIOUS, "cloud local?"}, {AMPHI_THERMAL_FAIR, "cloud local?"},
        {AMPHI_THERMAL_NOMINAL, "local cloud"}, {AMPHI_THERMAL_FAIR, "cloud local"}};
    amphi_scene s;
    set_scene(&s);
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        s.facts.device.thermal = walk[i].thermal;
        decide(&s);
        assert_string_equal(order(&s), walk[i].order);
        amphi__policy_apply_hysteresis(s.routes, 2, &s.plan);
    }
}

static void hysteresis__memory_needs_a_margin_to_come_back(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.device.memory_total_bytes = 2000 * MIB;
    s.facts.device.memory_available_bytes = 940 * MIB;
    decide(&s);
    assert_string_equal(order(&s), "cloud");
    amphi__policy_apply_hysteresis(s.routes, 2, &s.plan);
    s.facts.device.memory_available_bytes = 960 * MIB;
    decide(&s);
    assert_string_equal(order(&s), "cloud");
    s.facts.device.memory_available_bytes = 1100 * MIB;
    decide(&s);
    assert_string_equal(order(&s), "cloud local");
}

/* ---- steps ---- */

static void step__budgets_come_from_the_request_then_the_document(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    s.facts.budgets.first_token_ms = 777;
    s.policy.hedge_ms = 900;
    s.policy.local_threads_max = 3;
    s.policy.local_tokens_per_second_max = 4;
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    decide(&s);
    const amphi_plan_step *cloud = step(&s, "cloud");
    const amphi_plan_step *local = step(&s, "local");
    assert_int_equal(cloud->budgets.first_token_ms, 777);
    assert_int_equal(local->budgets.first_token_ms, 777);
    assert_int_equal(cloud->budgets.idle_ms, 10000);
    assert_int_equal(local->budgets.idle_ms, 5000);
    assert_int_equal(cloud->budgets.connect_ms, 5000);
    assert_int_equal(cloud->budgets.total_ms, 120000);
    assert_int_equal(cloud->answer_tokens_max, 1024);
    assert_int_equal(cloud->threads_max, 0);
    assert_int_equal(local->threads_max, 3);
    assert_true(local->tokens_per_second_max == 4);
    assert_int_equal(local->route, 0);
    assert_int_equal(cloud->route, 1);
    assert_int_equal(cloud->hedge_ms, 900);
    assert_int_equal(local->hedge_ms, 0);
    s.facts.device.battery_percent = 10; /* never hedge to a last resort */
    decide(&s);
    assert_int_equal(step(&s, "cloud")->hedge_ms, 0);
}

static void order__priority_then_weight(void **state)
{
    (void)state;
    amphi_scene s;
    set_scene(&s);
    set_route(&s.routes[2], AMPHI_ENGINE_CLOUD, "heavy");
    set_route(&s.routes[3], AMPHI_ENGINE_CLOUD, "spare");
    s.facts.routes_count = 4;
    s.routes[2].info.weight = 3;
    s.routes[3].info.priority = 1;
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    decide(&s);
    assert_string_equal(order(&s), "heavy cloud spare");
    unsigned heavy_first = 0;
    for (uint64_t i = 1; i <= 4000; i++) {
        s.facts.draw = i * 0x9e3779b97f4a7c15u;
        decide(&s);
        assert_string_equal(s.plan.decision.routes[2].route, "spare");
        heavy_first += strcmp(s.plan.decision.routes[0].route, "heavy") == 0;
    }
    assert_in_range(heavy_first, 2850, 3150); /* three of four */
}

/* ---- running answers ---- */

static void running__stops_only_when_critical(void **state)
{
    (void)state;
    amphi_scene s;
    amphi_error reason;
    set_scene(&s);
    amphi_device_facts *d = &s.facts.device;
    assert_int_equal(amphi__policy_check_running(&s.policy, d, &reason), AMPHI_OK);
    d->thermal = AMPHI_THERMAL_SERIOUS;
    d->battery_percent = 8; /* what decide keeps as a last resort may go on */
    assert_int_equal(amphi__policy_check_running(&s.policy, d, &reason), AMPHI_OK);
    d->thermal = AMPHI_THERMAL_CRITICAL;
    assert_int_equal(amphi__policy_check_running(&s.policy, d, &reason), AMPHI_E_RESOURCE);
    assert_says(reason.message, "thermal");
    d->thermal = AMPHI_THERMAL_NOMINAL;
    d->battery_percent = 2;
    assert_int_equal(amphi__policy_check_running(&s.policy, d, NULL), AMPHI_E_RESOURCE);
    d->charging = true;
    assert_int_equal(amphi__policy_check_running(&s.policy, d, NULL), AMPHI_OK);
    d->memory_available_bytes = d->memory_total_bytes / 100 * 19;
    assert_int_equal(amphi__policy_check_running(&s.policy, d, NULL), AMPHI_OK);
    assert_true(amphi__policy_should_unload(&s.policy, d, &reason));
    assert_says(reason.message, "81 % of memory is in use, above 80 %");
    d->memory_available_bytes = d->memory_total_bytes / 100 * 21;
    assert_false(amphi__policy_should_unload(&s.policy, d, NULL));
    d->memory_pressure = 1; /* moderate: what is idle goes, what speaks may end */
    assert_true(amphi__policy_should_unload(&s.policy, d, &reason));
    assert_says(reason.message, "moderate");
    assert_int_equal(amphi__policy_check_running(&s.policy, d, NULL), AMPHI_OK);
    d->memory_pressure = 2;
    assert_true(amphi__policy_should_unload(&s.policy, d, NULL));
    assert_int_equal(amphi__policy_check_running(&s.policy, d, &reason), AMPHI_E_RESOURCE);
    assert_says(reason.message, "pressure");
    d->known = 0;
    assert_int_equal(amphi__policy_check_running(&s.policy, d, NULL), AMPHI_OK);
}

/* ---- promises over random facts ---- */

static uint64_t random_state;

static uint32_t roll(uint32_t sides)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % sides);
}

static uint64_t roll_bytes(void)
{
    static const uint64_t sizes[] = {0, 1, 4096, 100 * MIB, 2048 * MIB, 16384 * MIB, UINT64_MAX};
    return roll(4) == 0 ? sizes[roll(7)] : (uint64_t)roll(1 << 30) * (1 + roll(16));
}

static void roll_name(char *out, size_t size)
{
    size_t length = roll(10) == 0 ? size : roll((uint32_t)size); /* some without a NUL */
    for (size_t i = 0; i < size; i++)
        out[i] = i < length ? (char)(roll(20) == 0 ? roll(256) : 'a' + roll(26)) : '\0';
}

static void roll_route(amphi_policy_route *r)
{
    memset(r, 0, sizeof *r);
    r->info.kind = (amphi_engine_kind)(1 + roll(2));
    roll_name(r->info.name, sizeof r->info.name);
    roll_name(r->info.why, sizeof r->info.why);
    r->info.available = roll(5) != 0;
    r->info.ready = roll(2) != 0;
    r->info.weights_bytes = roll_bytes();
    r->info.kv_bytes_per_token = roll(3) == 0 ? roll_bytes() : roll(1 << 18);
    r->info.scratch_bytes = roll_bytes();
    r->info.context_tokens_max = roll(3) == 0 ? 0 : roll(200000);
    r->info.tools = roll(2) != 0;
    r->info.images = roll(2) != 0;
    r->info.audio = roll(2) != 0;
    r->info.priority = roll(3);
    r->info.weight = roll(5);
    r->breaker.open = roll(4) == 0;
    r->breaker.probe = roll(4) == 0;
    r->breaker.of = roll(64);
    r->breaker.failed = roll(64);
    r->breaker.left_ms = roll(20000);
    r->crash.crashes = roll(5);
    r->crash.crashes_early = roll(4);
    r->crash.crashes_plain = roll(4);
    r->crash.kills_memory = roll(4);
    r->crash.forgiven = roll(3);
    r->crash.kills_outside = roll(210);
    r->was_refused_battery = roll(2) != 0;
    r->was_refused_thermal = roll(2) != 0;
    r->was_refused_memory = roll(2) != 0;
    r->needs_no_network = roll(4) == 0;
}

static void roll_scene(amphi_scene *s)
{
    memset(s, 0, sizeof *s);
    amphi__policy_init(&s->policy);
    s->policy.mode = (amphi_mode)roll(6);
    s->policy.local_enabled = roll(8) != 0;
    s->policy.cloud_enabled = roll(8) != 0;
    s->policy.battery_min_percent = (uint8_t)roll(101);
    s->policy.battery_resume_percent = (uint8_t)roll(101);
    s->policy.thermal_max = (amphi_thermal)(1 + roll(4));
    s->policy.memory_max_percent = (uint8_t)(1 + roll(100));
    s->policy.memory_unload_percent = (uint8_t)(1 + roll(100));
    s->policy.metered_allowed = roll(2) != 0;
    s->policy.local_context_tokens_max = 64 + roll(1 << 20);
    s->policy.hedge_ms = roll(2) * 100;
    amphi_device_facts *d = &s->facts.device;
    d->known = roll(AMPHI_FACT_ALL + 1);
    d->memory_total_bytes = roll_bytes();
    d->memory_available_bytes = roll_bytes();
    d->battery_percent = (uint8_t)roll(256);
    d->charging = roll(2) != 0;
    d->thermal = (amphi_thermal)roll(5);
    d->network = (amphi_network)roll(4);
    d->rtt_ms = roll(5000);
    d->memory_pressure = (uint8_t)roll(4);
    s->facts.mode = (amphi_mode)roll(6);
    s->facts.is_private = roll(3) == 0;
    s->facts.needs_tools = roll(4) == 0;
    s->facts.needs_images = roll(4) == 0;
    s->facts.needs_audio = roll(4) == 0;
    s->facts.prompt_tokens = roll(10) == 0 ? UINT32_MAX : roll(20000);
    s->facts.answer_tokens_max = roll(3) == 0 ? 0 : roll(5000);
    s->facts.draw = roll(2) == 0 ? 0 : random_state;
    s->facts.routes = s->routes;
    s->facts.routes_count = roll(AMPHI_ROUTES_MAX + 3); /* too many as well */
    for (size_t i = 0; i < AMPHI_ROUTES_MAX; i++)
        roll_route(&s->routes[i]);
}

static void check_step(const amphi_scene *s, size_t i, amphi_mode mode)
{
    const amphi_plan_step *one = &s->plan.steps[i];
    assert_in_range(one->route, 0, AMPHI_ROUTES_MAX - 1);
    const amphi_policy_route *route = &s->routes[one->route];
    bool local = route->info.kind == AMPHI_ENGINE_LOCAL;
    assert_true(s->plan.decision.routes[i].kept);
    assert_true(route->info.available);
    assert_true(local || !s->facts.is_private);
    assert_true(local ? mode != AMPHI_MODE_ONLY_CLOUD : mode != AMPHI_MODE_ONLY_LOCAL);
    assert_true(local ? s->policy.local_enabled : s->policy.cloud_enabled);
    assert_true(one->hedge_ms == 0 || (!local && !s->facts.is_private));
    assert_true(one->budgets.total_ms > 0 && one->budgets.idle_ms > 0);
    assert_true(one->answer_tokens_max > 0);
    assert_true(i == 0 || one->last_resort || !s->plan.steps[i - 1].last_resort);
    uint32_t known = s->facts.device.known;
    if (local && (known & AMPHI_FACT_THERMAL) != 0)
        assert_true(s->facts.device.thermal != AMPHI_THERMAL_CRITICAL);
    if (local)
        assert_true(one->context_tokens_max > s->facts.prompt_tokens);
    if (!local && (known & AMPHI_FACT_NETWORK) != 0 && !route->needs_no_network)
        assert_true(s->facts.device.network != AMPHI_NETWORK_NONE);
}

static void check_promises(const amphi_scene *s)
{
    size_t count =
        s->facts.routes_count < AMPHI_ROUTES_MAX ? s->facts.routes_count : AMPHI_ROUTES_MAX;
    const amphi_decision *d = &s->plan.decision;
    amphi_mode mode = s->facts.mode != AMPHI_MODE_DEFAULT    ? s->facts.mode
                      : s->policy.mode != AMPHI_MODE_DEFAULT ? s->policy.mode
                                                             : AMPHI_MODE_AUTO;
    assert_int_equal(d->routes_count, count);
    uint32_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(d->routes[i].why[0] != '\0');
        assert_true(memchr(d->routes[i].why, '\0', sizeof d->routes[i].why) != NULL);
        assert_true(memchr(d->routes[i].route, '\0', sizeof d->routes[i].route) != NULL);
        assert_true(d->routes[i].reason < AMPHI_REASON_COUNT);
        assert_int_equal(d->routes[i].kept, i < s->plan.steps_count);
        assert_true(d->routes[i].kept || d->routes[i].reason != AMPHI_REASON_OK);
    }
    for (size_t i = 0; i < s->plan.steps_count; i++) {
        check_step(s, i, mode);
        assert_int_equal(seen & (1u << s->plan.steps[i].route), 0); /* each route once */
        seen |= 1u << s->plan.steps[i].route;
    }
    assert_int_equal(s->plan.refusal.status == AMPHI_OK, s->plan.steps_count > 0);
    assert_true(s->plan.steps_count > 0 || s->plan.refusal.message[0] != '\0');
    if (s->facts.is_private)
        assert_true(s->plan.refusal.status != AMPHI_E_OFFLINE);
}

static void promises__hold_over_random_facts(void **state)
{
    (void)state;
    static amphi_scene s;
    static amphi_plan again;
    unsigned with_steps = 0;
    random_state = 20240601;
    for (unsigned i = 0; i < 100000; i++) {
        roll_scene(&s);
        decide(&s);
        check_promises(&s);
        with_steps += s.plan.steps_count > 0;
        memset(&again, 0xa5, sizeof again);
        amphi__policy_decide(&again, &s.policy, &s.facts);
        assert_memory_equal(&again, &s.plan, sizeof again); /* pure: bit for bit */
    }
    assert_in_range(with_steps, 20000, 95000); /* the dice are fair enough to test both ends */
}

static void decide__takes_microseconds(void **state)
{
    (void)state;
    amphi_scene s;
    struct timespec from;
    struct timespec to;
    set_scene(&s);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 20000; i++) {
        s.facts.draw = (uint64_t)i;
        decide(&s);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double us = (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
    printf("decide: %.2f us a call, two routes\n", us / 20000);
    assert_true(us / 20000 < 1000); /* generous: sanitizers, a busy machine */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mode__orders_and_excludes),
        cmocka_unit_test(device__moves_the_order),
        cmocka_unit_test(cloud__behind_a_bad_network_says_so),
        cmocka_unit_test(private__never_keeps_a_cloud_route),
        cmocka_unit_test(private__with_the_engine_gone_is_refused_with_the_reason),
        cmocka_unit_test(private__an_engine_of_an_unknown_kind_counts_as_the_cloud),
        cmocka_unit_test(refusal__names_its_kind),
        cmocka_unit_test(network__loopback_needs_none_until_the_app_says_so),
        cmocka_unit_test(quarantine__three_crashes_step_down_to_plain_kernels_and_one_thread),
        cmocka_unit_test(quarantine__holds_when_plain_kernels_crash_or_none_was_reached),
        cmocka_unit_test(quarantine__kills_for_memory_shrink_the_context_first),
        cmocka_unit_test(quarantine__kills_from_outside_have_a_limit_and_words_of_their_own),
        cmocka_unit_test(quarantine__another_local_route_is_judged_by_its_own_crashes),
        cmocka_unit_test(memory__shortens_the_context_before_it_refuses),
        cmocka_unit_test(memory__need_stays_under_its_share),
        cmocka_unit_test(memory__a_tiny_model_keeps_its_whole_context),
        cmocka_unit_test(memory__unknown_speaks_against_nobody),
        cmocka_unit_test(hysteresis__battery_comes_back_at_resume),
        cmocka_unit_test(hysteresis__heat_must_fall_below_the_limit),
        cmocka_unit_test(hysteresis__memory_needs_a_margin_to_come_back),
        cmocka_unit_test(step__budgets_come_from_the_request_then_the_document),
        cmocka_unit_test(order__priority_then_weight),
        cmocka_unit_test(running__stops_only_when_critical),
        cmocka_unit_test(promises__hold_over_random_facts),
        cmocka_unit_test(decide__takes_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
