/* SPDX-License-Identifier: Apache-2.0
 *
 * Situations of real life, each with the route that should be tried first in each mode. What is
 * expected was written down before any of it was tried.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { SECOND = 2, SYSTEM = 3, MODES = 5 };

static const amphi_mode modes[MODES] = {AMPHI_MODE_AUTO, AMPHI_MODE_PREFER_LOCAL,
    AMPHI_MODE_PREFER_CLOUD, AMPHI_MODE_ONLY_LOCAL, AMPHI_MODE_ONLY_CLOUD};

/* What differs from a healthy phone on Wi-Fi with a model that is not loaded and one cloud; 0: as
 * there. */
typedef struct situation {
    const char *words;
    /* auto, prefer_local, prefer_cloud, only_local, only_cloud. L: the app's model, S: the
     * system's, C, D: the clouds, -: refused */
    const char *expected;
    const char *policy; /* a document on top of the defaults */
    uint8_t battery;
    bool charging;
    amphi_thermal thermal;
    amphi_network network;
    uint32_t rtt_ms;
    uint8_t pressure;
    amphi_tristate in_foreground;
    uint32_t total_mib, available_mib, weights_mib;
    uint32_t unknown; /* AMPHI_FACT_... */
    bool is_private, needs_tools, needs_images, has_history;
    uint32_t prompt, answer;
    bool is_loaded, local_has_tools, is_help_model;
    bool local_is_missing, cloud_is_missing; /* not configured */
    bool local_is_broken;                    /* no model file */
    uint32_t crashes, crashes_early, kills_memory;
    bool has_second, has_system; /* a second cloud, a system's model */
    bool system_is_busy, system_needs_foreground;
    bool cloud_is_open, second_is_open; /* breakers */
    amphi_reason cloud_waits, second_waits;
    uint32_t cloud_priority;
    bool cloud_is_loopback, cloud_costs;
    double spent_usd;
    uint32_t local_first_ms, cloud_first_ms;
} situation;

static const situation situations[] = {
    {.words = "at home", .expected = "LLCLC"},
    {"at home, model loaded", "LLCLC", .is_loaded = true},
    {"an old phone that tells nothing of itself", "LLCLC", .unknown = AMPHI_FACT_ALL},
    /* networks */
    {"in a tunnel", "LLLL-", .network = AMPHI_NETWORK_NONE},
    {"on mobile data", "LLCLC", .network = AMPHI_NETWORK_METERED},
    {"roaming, and the app forbids metered networks", "LLLL-", .network = AMPHI_NETWORK_METERED,
        .policy = "{\"network\":{\"metered_allowed\":false}}"},
    {"nothing is known of the network", "LLCLC", .unknown = AMPHI_FACT_NETWORK},
    {"a hotel's slow Wi-Fi", "LLCLC", .rtt_ms = 3000},
    {"in flight, with a server on this machine", "LLCLC", .network = AMPHI_NETWORK_NONE,
        .cloud_is_loopback = true},
    {"in flight, a server on this machine, battery 15 %", "CCCLC", .network = AMPHI_NETWORK_NONE,
        .cloud_is_loopback = true, .battery = 15},
    /* battery */
    {"battery 35 %", "LLCLC", .battery = 35},
    {"battery 20 %", "LLCLC", .battery = 20},
    {"battery 19 %", "CCCLC", .battery = 19},
    {"battery 15 %, on the charger", "LLCLC", .battery = 15, .charging = true},
    {"battery 3 %", "CCCLC", .battery = 3},
    {"battery 2 %", "CCC-C", .battery = 2},
    {"battery 2 %, on the charger", "LLCLC", .battery = 2, .charging = true},
    {"battery 2 % in a tunnel", "-----", .battery = 2, .network = AMPHI_NETWORK_NONE},
    {"battery 8 % in a tunnel", "LLLL-", .battery = 8, .network = AMPHI_NETWORK_NONE},
    {"battery 19 % on mobile data", "CCCLC", .battery = 19, .network = AMPHI_NETWORK_METERED},
    {"battery 19 %, metered networks forbidden", "LLLL-", .battery = 19,
        .network = AMPHI_NETWORK_METERED, .policy = "{\"network\":{\"metered_allowed\":false}}"},
    {"battery 40 %, an app that spares it", "CCCLC", .battery = 40,
        .policy = "{\"battery\":{\"min_percent\":50,\"resume_percent\":60}}"},
    {"battery 8 %, an app that does not", "LLCLC", .battery = 8,
        .policy = "{\"battery\":{\"min_percent\":0,\"critical_percent\":0}}"},
    {"a desktop: no battery to be seen", "LLCLC", .unknown = AMPHI_FACT_BATTERY},
    /* heat */
    {"warm in the hand", "LLCLC", .thermal = AMPHI_THERMAL_FAIR},
    {"hot on the dashboard", "CCCLC", .thermal = AMPHI_THERMAL_SERIOUS},
    {"hot in a tunnel", "LLLL-", .thermal = AMPHI_THERMAL_SERIOUS, .network = AMPHI_NETWORK_NONE},
    {"too hot", "CCC-C", .thermal = AMPHI_THERMAL_CRITICAL},
    {"too hot in a tunnel", "-----", .thermal = AMPHI_THERMAL_CRITICAL,
        .network = AMPHI_NETWORK_NONE},
    {"hot on the charger", "CCCLC", .thermal = AMPHI_THERMAL_SERIOUS, .charging = true},
    {"warm, an app that wants it cool", "CCCLC", .thermal = AMPHI_THERMAL_FAIR,
        .policy = "{\"thermal\":{\"max\":\"nominal\"}}"},
    {"hot, an app that puts up with it", "CLCLC", .thermal = AMPHI_THERMAL_SERIOUS,
        .policy = "{\"thermal\":{\"max\":\"serious\"}}"},
    {"the same on mobile data", "LLCLC", .thermal = AMPHI_THERMAL_SERIOUS,
        .network = AMPHI_NETWORK_METERED, .policy = "{\"thermal\":{\"max\":\"serious\"}}"},
    {"the same with one thread at all times", "LLCLC", .thermal = AMPHI_THERMAL_SERIOUS,
        .policy = "{\"thermal\":{\"max\":\"serious\"},\"local\":{\"threads_max\":1}}"},
    {"hot, slow network", "CCCLC", .thermal = AMPHI_THERMAL_SERIOUS, .rtt_ms = 3000},
    {"hot and battery 8 %", "CCCLC", .thermal = AMPHI_THERMAL_SERIOUS, .battery = 8},
    /* memory */
    {"other apps are pushed out", "CCCLC", .pressure = 1},
    {"the same, with the model loaded", "LLCLC", .pressure = 1, .is_loaded = true},
    {"the same in a tunnel", "LLLL-", .pressure = 1, .network = AMPHI_NETWORK_NONE},
    {"the system is about to kill", "CCC-C", .pressure = 2, .is_loaded = true},
    {"4 GiB, 600 MiB free", "CCC-C", .total_mib = 4096, .available_mib = 600},
    {"4 GiB, 1,400 MiB free: a shorter context", "CLCLC", .total_mib = 4096, .available_mib = 1400},
    {"the same on mobile data", "LLCLC", .total_mib = 4096, .available_mib = 1400,
        .network = AMPHI_NETWORK_METERED},
    {"the same, and the answer is short", "LLCLC", .total_mib = 4096, .available_mib = 1400,
        .answer = 100},
    {"64 GiB, 12 GiB free", "LLCLC", .total_mib = 65536, .available_mib = 12288},
    {"a model that is too large", "CCC-C", .weights_mib = 6000},
    {"memory is not known", "LLCLC", .unknown = AMPHI_FACT_MEMORY | AMPHI_FACT_PRESSURE},
    /* the request */
    {"a whole report, longer than the local context", "CCC-C", .prompt = 5000},
    {"the same in a tunnel", "-----", .prompt = 5000, .network = AMPHI_NETWORK_NONE},
    {"the same, in an app with a longer context", "LLCLC", .prompt = 5000,
        .policy = "{\"local\":{\"context_tokens_max\":16384}}"},
    {"a long answer that fits", "LLCLC", .answer = 3000},
    {"a long prompt that leaves little room for the answer", "LLCLC", .prompt = 3500,
        .answer = 3000},
    {"tools, and the local model knows none", "CCC-C", .needs_tools = true},
    {"tools, and it knows them", "LLCLC", .needs_tools = true, .local_has_tools = true},
    {"a photo", "CCC-C", .needs_images = true},
    {"a photo in a tunnel", "-----", .needs_images = true, .network = AMPHI_NETWORK_NONE},
    {"a diary entry", "LLLL-", .is_private = true},
    {"a diary entry at battery 15 %", "LLLL-", .is_private = true, .battery = 15},
    {"a diary entry at battery 2 %", "-----", .is_private = true, .battery = 2},
    {"a diary entry, too hot", "-----", .is_private = true, .thermal = AMPHI_THERMAL_CRITICAL},
    {"a diary entry without a model", "-----", .is_private = true, .local_is_missing = true},
    {"a diary entry while other apps are pushed out", "LLLL-", .is_private = true, .pressure = 1},
    {"a question after diary entries", "LLLL-", .has_history = true},
    /* what is configured, switched off, broken */
    {"no local model", "CCC-C", .local_is_missing = true},
    {"no cloud", "LLLL-", .cloud_is_missing = true},
    {"neither", "-----", .local_is_missing = true, .cloud_is_missing = true},
    {"the model file is gone", "CCC-C", .local_is_broken = true},
    {"a kill switch for local models", "CCC-C", .policy = "{\"local\":{\"enabled\":false}}"},
    {"a kill switch for the cloud", "LLLL-", .policy = "{\"cloud\":{\"enabled\":false}}"},
    {"both", "-----", .policy = "{\"local\":{\"enabled\":false},\"cloud\":{\"enabled\":false}}"},
    {"three crashes: plain kernels, one thread", "CLCLC", .crashes = 3},
    {"the same on mobile data", "LLCLC", .crashes = 3, .network = AMPHI_NETWORK_METERED},
    {"three crashes while loading", "CCC-C", .crashes_early = 3},
    {"the same in a tunnel", "-----", .crashes_early = 3, .network = AMPHI_NETWORK_NONE},
    {"killed for memory once: half a context is enough", "LLCLC", .kills_memory = 1},
    {"killed for memory twice: a quarter is not", "CLCLC", .kills_memory = 2, .prompt = 900},
    {"the cloud fails", "LLLLC", .cloud_is_open = true},
    {"the cloud fails, and the prompt is long", "CCC-C", .cloud_is_open = true, .prompt = 5000},
    {"the cloud asked for a pause", "LLLLC", .cloud_waits = AMPHI_REASON_ASKED_TO_WAIT},
    {"the cloud asked for a pause, battery 15 %", "LLCLC",
        .cloud_waits = AMPHI_REASON_ASKED_TO_WAIT, .battery = 15},
    {"the account's quota is used up", "LLLLC", .cloud_waits = AMPHI_REASON_QUOTA},
    /* several */
    {"two clouds, the second one is to be first", "LLDLD", .has_second = true, .cloud_priority = 1},
    {"two clouds, the first one fails", "LLDLD", .has_second = true, .cloud_is_open = true},
    {"two clouds, the first one asked for a pause", "LLDLD", .has_second = true,
        .cloud_waits = AMPHI_REASON_ASKED_TO_WAIT},
    {"two clouds, both fail, the prompt is long", "CCC-C", .has_second = true,
        .cloud_is_open = true, .second_is_open = true, .prompt = 5000},
    {"two clouds, a pause and a key that is refused", "LLLLC", .has_second = true,
        .cloud_waits = AMPHI_REASON_ASKED_TO_WAIT, .second_waits = AMPHI_REASON_UNAVAILABLE},
    {"two clouds, a key that is refused and a pause", "LLLLD", .has_second = true,
        .cloud_waits = AMPHI_REASON_UNAVAILABLE, .second_waits = AMPHI_REASON_ASKED_TO_WAIT},
    {"the system has a model", "SSCSC", .has_system = true},
    {"the system's works for others", "LLCLC", .has_system = true, .system_is_busy = true},
    {"the system's, and the app is in the background", "LLCLC", .has_system = true,
        .system_needs_foreground = true, .in_foreground = AMPHI_NO},
    {"the system's at battery 15 %", "CCCSC", .has_system = true, .battery = 15},
    {"a help model beside the cloud", "CCCLC", .is_help_model = true},
    {"a help model in a tunnel", "---L-", .is_help_model = true, .network = AMPHI_NETWORK_NONE},
    {"a diary entry, and only a help model", "LLLL-", .is_help_model = true, .is_private = true},
    /* money and time */
    {"today's budget is used up", "LLLL-", .cloud_costs = true, .spent_usd = 5,
        .policy = "{\"cost\":{\"day_usd_max\":5}}"},
    {"the same, and the app would rather pay than refuse", "LLLLC", .cloud_costs = true,
        .spent_usd = 5, .policy = "{\"cost\":{\"day_usd_max\":5,\"over\":\"last\"}}"},
    {"the same at battery 15 %", "LLCLC", .cloud_costs = true, .spent_usd = 5, .battery = 15,
        .policy = "{\"cost\":{\"day_usd_max\":5,\"over\":\"last\"}}"},
    {"some of it is left", "LLCLC", .cloud_costs = true, .spent_usd = 1,
        .policy = "{\"cost\":{\"day_usd_max\":5}}"},
    {"the device is slower than wished for", "CCCLC", .local_first_ms = 5000,
        .policy = "{\"latency\":{\"first_token_ms\":2000}}"},
    {"the cloud is", "LLLLC", .cloud_first_ms = 5000,
        .policy = "{\"latency\":{\"first_token_ms\":2000}}"},
    {"both are", "LLCLC", .local_first_ms = 5000, .cloud_first_ms = 5000,
        .policy = "{\"latency\":{\"first_token_ms\":2000}}"},
};

static void set_device(policy_scene *s, const situation *now)
{
    amphi_device_facts *d = &s->facts.device;
    d->known &= ~now->unknown;
    d->battery_percent = now->battery != 0 ? now->battery : 90;
    d->charging = now->charging;
    d->thermal = now->thermal != AMPHI_THERMAL_UNKNOWN ? now->thermal : AMPHI_THERMAL_NOMINAL;
    d->network = now->network != AMPHI_NETWORK_UNKNOWN ? now->network : AMPHI_NETWORK_FREE;
    d->rtt_ms = now->rtt_ms != 0 ? now->rtt_ms : 50;
    d->memory_pressure = now->pressure;
    d->in_foreground = now->in_foreground != AMPHI_UNKNOWN ? now->in_foreground : AMPHI_YES;
    if (now->total_mib != 0) {
        d->memory_total_bytes = now->total_mib * MIB;
        d->memory_available_bytes = now->available_mib * MIB;
    }
}

static void set_request(policy_scene *s, const situation *now)
{
    s->facts.is_private = now->is_private;
    s->facts.needs_tools = now->needs_tools;
    s->facts.needs_images = now->needs_images;
    s->facts.history_turns = now->has_history;
    s->facts.history_privacy = AMPHI_PRIVACY_PRIVATE;
    s->facts.prompt_tokens = now->prompt != 0 ? now->prompt : 200;
    s->facts.answer_tokens_max = now->answer;
    s->facts.spent.microdollars = (uint64_t)(now->spent_usd * 1e6);
}

static void set_local(amphi_policy_route *local, const situation *now)
{
    local->info.ready = now->is_loaded;
    local->info.tools = now->local_has_tools;
    local->info.scope = now->is_help_model ? AMPHI_SCOPE_HELP : AMPHI_SCOPE_CHAT;
    local->info.available = !now->local_is_broken;
    local->crash.crashes = now->crashes;
    local->crash.crashes_early = now->crashes_early;
    local->crash.kills_memory = now->kills_memory;
    local->pace.first_token_ms = now->local_first_ms;
    if (now->weights_mib != 0)
        local->info.weights_bytes = now->weights_mib * MIB;
}

static void set_cloud(amphi_policy_route *cloud, bool is_open, amphi_reason waits)
{
    cloud->info.tools = true;
    cloud->info.images = true;
    cloud->breaker.open = is_open;
    cloud->breaker.failed = cloud->breaker.of = is_open ? 3 : 0;
    cloud->breaker.left_ms = is_open ? 5000 : 0;
    cloud->wait_reason = waits;
    cloud->wait_ms = waits != AMPHI_REASON_OK ? 20000 : 0;
}

static void set_clouds(amphi_policy_route *routes, const situation *now)
{
    set_cloud(&routes[CLOUD], now->cloud_is_open, now->cloud_waits);
    set_cloud(&routes[SECOND], now->second_is_open, now->second_waits);
    routes[CLOUD].info.priority = now->cloud_priority;
    routes[CLOUD].needs_no_network = now->cloud_is_loopback;
    routes[CLOUD].pace.first_token_ms = now->cloud_first_ms;
    routes[CLOUD].price = (amphi_price){.is_known = true,
        .prompt = now->cloud_costs ? 1000000 : 0,
        .completion = now->cloud_costs ? 1000000 : 0};
}

/* Those that are configured; the others are taken out of the list. */
static void list_routes(policy_scene *s, const situation *now)
{
    const bool is_there[] = {
        !now->local_is_missing, !now->cloud_is_missing, now->has_second, now->has_system};
    size_t count = 0;
    for (size_t i = 0; i < sizeof is_there; i++)
        if (is_there[i])
            s->routes[count++] = s->routes[i];
    s->facts.routes_count = count;
}

static void set_scene(policy_scene *s, const situation *now)
{
    amphi_error error;
    scene_init(s);
    scene_set_route(&s->routes[LOCAL], AMPHI_ENGINE_LOCAL, "L");
    scene_set_route(&s->routes[CLOUD], AMPHI_ENGINE_CLOUD, "C");
    scene_set_route(&s->routes[SECOND], AMPHI_ENGINE_CLOUD, "D");
    scene_set_route(&s->routes[SYSTEM], AMPHI_ENGINE_SYSTEM, "S");
    s->routes[SYSTEM].info.on_device = true;
    s->routes[SYSTEM].info.is_busy = now->system_is_busy;
    s->routes[SYSTEM].info.needs_foreground = now->system_needs_foreground;
    set_device(s, now);
    set_request(s, now);
    set_local(&s->routes[LOCAL], now);
    set_clouds(s->routes, now);
    list_routes(s, now);
    if (now->policy != NULL)
        assert_int_equal(
            amphi__policy_apply_json(&s->policy, amphi_str_from(now->policy), &error), AMPHI_OK);
}

static unsigned differences(const situation *now)
{
    static policy_scene s;
    unsigned found = 0;
    for (size_t m = 0; m < MODES; m++) {
        set_scene(&s, now);
        s.facts.mode = modes[m];
        scene_decide(&s);
        char first = s.plan.steps_count > 0 ? s.plan.decision.entries[0].route.route[0] : '-';
        if (first == now->expected[m])
            continue;
        found++;
        print_error("%s, %s: %c is first, %c is expected (%s%s)\n", now->words,
            amphi_mode_name(modes[m]), first, now->expected[m],
            s.plan.steps_count > 0 ? s.plan.decision.entries[0].route.why : "",
            s.plan.refusal.message);
    }
    return found;
}

static void situations__try_the_expected_route_first(void **state)
{
    unsigned found = 0;
    size_t count = sizeof situations / sizeof situations[0];
    assert_true(count >= 60);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strlen(situations[i].expected), MODES);
        found += differences(&situations[i]);
    }
    assert_int_equal(found, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(situations__try_the_expected_route_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
