/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision: facts in, plan out. Tables of situations.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <time.h>

static void mode__orders_and_excludes(void **state)
{
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
        policy_scene s;
        scene_init(&s);
        s.facts.mode = table[i].request;
        s.policy.mode = table[i].document;
        scene_decide(&s);
        assert_string_equal(scene_order(&s), table[i].order);
        assert_int_equal(s.plan.decision.routes_count, 2);
    }
}

static void device__moves_the_order(void **state)
{
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
        {"warm", 90, 0, 2, 3, 50, 1, "local cloud", AMPHI_REASON_OK, "2 threads"},
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
        policy_scene s;
        scene_init(&s);
        s.facts.device.battery_percent = (uint8_t)table[i].battery;
        s.facts.device.charging = table[i].charging != 0;
        s.facts.device.thermal = (amphi_thermal)table[i].thermal;
        s.facts.device.network = (amphi_network)table[i].network;
        s.facts.device.rtt_ms = (uint32_t)table[i].rtt_ms;
        s.facts.mode = (amphi_mode)table[i].mode;
        scene_decide(&s);
        const amphi_decision_route *local = scene_entry(&s, "local");
        if (strcmp(scene_order(&s), table[i].order) != 0 ||
            local->reason != table[i].local_reason) {
            fail_msg("%s: %s, %s: %s", table[i].what, scene_order(&s),
                amphi_reason_name(local->reason), local->why);
        }
        assert_says(local->why, table[i].why);
    }
}

static void cloud__behind_a_bad_network_says_so(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.policy.thermal_max = AMPHI_THERMAL_SERIOUS;
    s.facts.device.thermal = AMPHI_THERMAL_SERIOUS;
    s.facts.device.rtt_ms = 5000;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
    assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_NETWORK_SLOW);
    s.facts.device.rtt_ms = 50;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local");
    assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_THERMAL);
    s.facts.device.network = AMPHI_NETWORK_METERED;
    scene_decide(&s);
    assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_NETWORK_METERED);
    assert_says(scene_entry(&s, "cloud")->why, "network metered");
    s.policy.metered_allowed = false;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local");
    assert_says(scene_entry(&s, "cloud")->why, "network.metered_allowed is false");
}

static void refusal__names_its_kind(void **state)
{
    policy_scene s;

    scene_init(&s); /* no engine at all */
    s.facts.routes_count = 0;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_says(s.plan.refusal.message, "no local engine and no endpoint");

    scene_init(&s); /* offline: only the network is missing */
    s.routes[0].info.available = false;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_OFFLINE);
    assert_says(s.plan.refusal.message, "cloud: no network");

    scene_init(&s); /* kill switch and only_local */
    s.policy.local_enabled = false;
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_says(s.plan.refusal.message, "local.enabled is false");

    scene_init(&s); /* too long for both */
    s.facts.prompt_tokens = 50000;
    s.routes[1].info.context_tokens_max = 8192;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_CONTEXT_LENGTH);

    scene_init(&s);
    s.facts.needs_images = true;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_UNSUPPORTED);
    assert_says(s.plan.refusal.message, "images");

    scene_init(&s);
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    s.facts.device.memory_pressure = 2;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_RESOURCE);

    scene_init(&s);
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    s.facts.routes_count = 1;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_says(s.plan.refusal.message, "no endpoint is configured");
}

static void order__route_that_is_to_pause_lets_others_go_first(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    s.routes[1].wait_ms = 6001;
    s.routes[1].wait_reason = AMPHI_REASON_ASKED_TO_WAIT;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud?");
    assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_ASKED_TO_WAIT);
    assert_says(scene_entry(&s, "cloud")->why, "asked for a pause, 7 s of it are left");
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud?");
}

static void step__budgets_come_from_the_request_then_the_document(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.budgets.first_token_ms = 777;
    s.policy.hedge_ms = 900;
    s.policy.local_threads_max = 3;
    s.policy.local_tokens_per_second_max = 4;
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    scene_decide(&s);
    const amphi_plan_step *cloud = scene_step(&s, "cloud");
    const amphi_plan_step *local = scene_step(&s, "local");
    assert_int_equal(cloud->budgets.first_token_ms, 777);
    assert_int_equal(local->budgets.first_token_ms, 777);
    assert_int_equal(cloud->budgets.idle_ms, 10000);
    assert_int_equal(local->budgets.idle_ms, 60000); /* the last one */
    assert_int_equal(cloud->budgets.connect_ms, 5000);
    assert_int_equal(cloud->budgets.total_ms, 120000);
    assert_int_equal(cloud->answer_tokens_max, 0);
    assert_int_equal(cloud->threads_max, 0);
    assert_int_equal(local->threads_max, 3);
    assert_true(local->tokens_per_second_max == 4);
    assert_int_equal(local->route, 0);
    assert_int_equal(cloud->route, 1);
    assert_int_equal(cloud->hedge_ms, 900);
    assert_int_equal(local->hedge_ms, 0);
    s.facts.device.battery_percent = 10; /* never hedge to a last resort */
    scene_decide(&s);
    assert_int_equal(scene_step(&s, "cloud")->hedge_ms, 0);
}

static void order__priority_then_weight(void **state)
{
    policy_scene s;
    scene_init(&s);
    scene_set_route(&s.routes[2], AMPHI_ENGINE_CLOUD, "heavy");
    scene_set_route(&s.routes[3], AMPHI_ENGINE_CLOUD, "spare");
    s.facts.routes_count = 4;
    s.routes[2].info.weight = 3;
    s.routes[3].info.priority = 1;
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "heavy cloud spare");
    unsigned heavy_first = 0;
    for (uint64_t i = 1; i <= 4000; i++) {
        s.facts.draw = i * 0x9e3779b97f4a7c15u;
        scene_decide(&s);
        assert_string_equal(s.plan.decision.routes[2].route, "spare");
        heavy_first += strcmp(s.plan.decision.routes[0].route, "heavy") == 0;
    }
    assert_in_range(heavy_first, 2850, 3150); /* three of four */
}

static void running__stops_only_when_critical(void **state)
{
    policy_scene s;
    amphi_error reason;
    scene_init(&s);
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
    d->memory_available_bytes = d->memory_total_bytes / 100 * 10;
    assert_int_equal(amphi__policy_check_running(&s.policy, d, NULL), AMPHI_OK);
    assert_true(amphi__policy_should_unload(&s.policy, d, &reason));
    assert_says(
        reason.message, "90 % of memory is in use, and 819 MiB are left, less than 1024 MiB");
    d->memory_available_bytes = d->memory_total_bytes / 100 * 13;
    assert_false(amphi__policy_should_unload(&s.policy, d, NULL));
    d->memory_pressure = 1; /* moderate: idle engines unload, running answers may end */
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

static void decide__takes_microseconds(void **state)
{
    policy_scene s;
    struct timespec from;
    struct timespec to;
    scene_init(&s);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 20000; i++) {
        s.facts.draw = (uint64_t)i;
        scene_decide(&s);
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double us = (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
    printf("decide: %.2f us a call, two routes\n", us / 20000);
    assert_true(us / 20000 < 1000); /* generous: sanitizers, a busy machine */
}

static void scope__help_model_never_stands_in_for_a_chat_model(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[LOCAL].info.scope = AMPHI_SCOPE_HELP;
    static const amphi_mode modes[] = {
        AMPHI_MODE_AUTO, AMPHI_MODE_PREFER_LOCAL, AMPHI_MODE_PREFER_CLOUD};
    s.policy.hedge_ms = 100;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        s.facts.mode = modes[i];
        scene_decide(&s);
        assert_string_equal(scene_order(&s), "cloud");
        assert_int_equal(scene_entry(&s, "local")->reason, AMPHI_REASON_SCOPE);
        assert_int_equal(scene_step(&s, "cloud")->hedge_ms, 0);
    }
    s.facts.mode = AMPHI_MODE_AUTO;
    scene_decide(&s);
    assert_string_equal(scene_entry(&s, "cloud")->why,
        "auto: cloud, as no chat model is on this device; network free");
    s.facts.device.network = AMPHI_NETWORK_NONE; /* the cloud's failure is the answer */
    scene_decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_OFFLINE);
    assert_string_equal(s.plan.refusal.message, "no route is left; cloud: no network");
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local");
    assert_says(scene_entry(&s, "local")->why, "a help model: no other route may answer");
}

static void scope__asked_by_name_it_is_behind_the_others_and_no_hedge(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[LOCAL].info.scope = AMPHI_SCOPE_HELP;
    s.routes[LOCAL].is_named = true; /* route_preference.c puts it first where "model" names it */
    s.policy.hedge_ms = 100;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local?");
    assert_int_equal(scene_step(&s, "cloud")->hedge_ms, 0);
}

/* An open breaker keeps requests for routes that work. Where there is none, it keeps nothing. */
static void breaker__that_is_open_refuses_no_request_that_has_no_other_route(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[CLOUD].breaker = (amphi_breaker_facts){.open = true, .failed = 5, .of = 8};
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local");
    assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_BREAKER_OPEN);
    s.facts.only_routes = 1u << CLOUD; /* embeddings: the local model gives none */
    scene_decide(&s);
    assert_true(scene_step(&s, "cloud")->past_breaker);
    assert_false(scene_step(&s, "local")->past_breaker);
    s.routes[CLOUD].breaker.open = false; /* it may open until the attempt begins */
    scene_decide(&s);
    assert_true(scene_step(&s, "cloud")->past_breaker);
    assert_false(scene_step(&s, "local")->past_breaker);

    s.routes[CLOUD].breaker.open = true;
    s.facts.only_routes = 0;
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud?");
    assert_true(scene_step(&s, "cloud")->past_breaker);
    assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_BREAKER_OPEN);
    assert_says(scene_entry(&s, "cloud")->why,
        "kept as last resort: 5 of the last 8 requests failed, no other route is left");
    s.facts.needs_images = true; /* what else speaks against it still refuses it */
    s.routes[CLOUD].info.images = false;
    scene_decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scope__help_model_never_stands_in_for_a_chat_model),
        cmocka_unit_test(scope__asked_by_name_it_is_behind_the_others_and_no_hedge),
        cmocka_unit_test(mode__orders_and_excludes),
        cmocka_unit_test(device__moves_the_order),
        cmocka_unit_test(cloud__behind_a_bad_network_says_so),
        cmocka_unit_test(refusal__names_its_kind),
        cmocka_unit_test(order__route_that_is_to_pause_lets_others_go_first),
        cmocka_unit_test(step__budgets_come_from_the_request_then_the_document),
        cmocka_unit_test(order__priority_then_weight),
        cmocka_unit_test(running__stops_only_when_critical),
        cmocka_unit_test(decide__takes_microseconds),
        cmocka_unit_test(breaker__that_is_open_refuses_no_request_that_has_no_other_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
