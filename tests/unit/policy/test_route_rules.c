/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules that a route must pass, one by one: what each keeps, speaks against and refuses, with
 * its words and at its bounds.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

static void private__never_keeps_a_cloud_route(void **state)
{
    for (int mode = AMPHI_MODE_DEFAULT; mode <= AMPHI_MODE_ONLY_CLOUD; mode++) {
        policy_scene s;
        scene_init(&s);
        s.facts.mode = (amphi_mode)mode;
        s.facts.is_private = true;
        s.policy.hedge_ms = 100;
        scene_decide(&s);
        assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_PRIVATE);
        assert_string_equal(scene_order(&s), mode == AMPHI_MODE_ONLY_CLOUD ? "" : "local");
        if (mode == AMPHI_MODE_ONLY_CLOUD) {
            assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
            assert_says(s.plan.refusal.message, "private and only_cloud exclude each other");
        }
    }
}

static void private__with_the_engine_gone_is_refused_with_the_reason(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.is_private = true;
    s.routes[0].info.available = false;
    snprintf(s.routes[0].info.why, sizeof s.routes[0].info.why, "the worker is not installed");
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    assert_string_equal(s.plan.refusal.message,
        "private, so only this device may answer; local: the worker is not installed");
}

static void private__an_engine_of_an_unknown_kind_counts_as_the_cloud(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.is_private = true;
    memset(&s.routes[0].info.kind, 0, sizeof s.routes[0].info.kind);
    scene_decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
}

static void network__loopback_needs_none_until_the_app_says_so(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.network = AMPHI_NETWORK_NONE;
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    s.routes[1].needs_no_network = true;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud");
    s.facts.is_private = true; /* still the cloud */
    scene_decide(&s);
    assert_int_equal(s.plan.steps_count, 0);
}

static void quarantine__three_crashes_step_down_to_plain_kernels_and_one_thread(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    s.routes[0].crash.crashes = 2;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
    assert_false(s.plan.steps[0].plain_kernels);
    s.routes[0].crash.crashes = 3;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
    assert_true(s.plan.steps[0].plain_kernels);
    assert_int_equal(s.plan.steps[0].threads_max, 1);
    assert_non_null(strstr(scene_entry(&s, "local")->why, "crash"));
    assert_non_null(strstr(scene_entry(&s, "local")->why, "plain kernels"));
    s.facts.mode = AMPHI_MODE_AUTO; /* where the cloud is to be had, it goes first now */
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local");
}

static void quarantine__holds_when_plain_kernels_crash_or_none_was_reached(void **state)
{
    policy_scene s;
    for (int early = 0; early < 2; early++) {
        scene_init(&s);
        uint32_t *crashes =
            early ? &s.routes[0].crash.crashes_early : &s.routes[0].crash.crashes_plain;
        *crashes = 2;
        assert_false(amphi__policy_is_quarantined(&s.policy, &s.routes[0].crash));
        scene_decide(&s);
        assert_string_equal(scene_order(&s), "local cloud");
        *crashes = 3;
        s.routes[0].crash.quiet_left_s = 140;
        assert_true(amphi__policy_is_quarantined(&s.policy, &s.routes[0].crash));
        scene_decide(&s);
        assert_string_equal(scene_order(&s), "cloud");
        assert_int_equal(scene_entry(&s, "local")->reason, AMPHI_REASON_QUARANTINE);
        assert_non_null(strstr(scene_entry(&s, "local")->why, early ? "loading" : "plain kernels"));
        assert_non_null(strstr(scene_entry(&s, "local")->why, "crashed 3 times within 600 s"));
        assert_non_null(strstr(scene_entry(&s, "local")->why, "140 s"));
    }
}

static void quarantine__kills_for_memory_shrink_the_context_first(void **state)
{
    policy_scene s;
    scene_init(&s);
    scene_decide(&s);
    uint32_t context = s.plan.steps[0].context_tokens_max;
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    s.routes[0].crash.kills_memory = 1;
    scene_decide(&s);
    assert_int_equal(s.plan.steps[0].context_tokens_max, context / 2);
    assert_false(s.plan.steps[0].plain_kernels);
    s.routes[0].crash.kills_memory = 2;
    scene_decide(&s);
    assert_int_equal(s.plan.steps[0].context_tokens_max, context / 4);
    assert_non_null(strstr(scene_entry(&s, "local")->why, "ran out of memory"));
    s.routes[0].crash.kills_memory = 3;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud");
    assert_non_null(strstr(scene_entry(&s, "local")->why, "ran out of memory 3 times"));
}

static void quarantine__kills_from_outside_have_a_limit_and_words_of_their_own(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    s.routes[0].crash.kills_outside = 199;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
    assert_false(s.plan.steps[0].plain_kernels);
    s.routes[0].crash.kills_outside = 200;
    s.routes[0].crash.outside_left_s = 77;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud");
    assert_int_equal(scene_entry(&s, "local")->reason, AMPHI_REASON_QUARANTINE);
    assert_non_null(
        strstr(scene_entry(&s, "local")->why, "killed from outside 200 times within 600 s"));
    assert_non_null(strstr(scene_entry(&s, "local")->why, "77 s"));
}

static void quarantine__another_local_route_is_judged_by_its_own_crashes(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[2] = s.routes[0];
    snprintf(s.routes[2].info.name, sizeof s.routes[2].info.name, "small");
    s.facts.routes_count = 3;
    s.routes[0].crash.crashes_plain = 3;
    s.facts.mode = AMPHI_MODE_PREFER_LOCAL;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "small cloud");
}

static void memory__shortens_the_context_before_it_refuses(void **state)
{
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
        policy_scene s;
        scene_init(&s);
        s.facts.device.memory_total_bytes = 2000 * MIB;
        s.facts.device.memory_available_bytes = table[i].available_mib * MIB;
        s.routes[0].info.ready = table[i].ready;
        scene_decide(&s);
        const amphi_decision_route *local = scene_entry(&s, "local");
        if (local->kept != (table[i].context > 0))
            fail_msg("%u MiB: %s", table[i].available_mib, local->why);
        if (!local->kept) {
            assert_int_equal(local->reason, AMPHI_REASON_MEMORY);
            continue;
        }
        uint32_t context = scene_step(&s, "local")->context_tokens_max;
        if (context > table[i].context + 128 || context + 128 < table[i].context)
            fail_msg("%u MiB: context %u", table[i].available_mib, context);
        uint64_t need = 500 * MIB + ((uint64_t)context * 100 << 10);
        assert_true(need <= 1400 * MIB);
        assert_true(table[i].ready || need <= table[i].available_mib * MIB);
    }
}

static void memory__need_stays_under_its_share(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.memory_total_bytes = 1000 * MIB;
    s.facts.device.memory_available_bytes = 1000 * MIB;
    scene_decide(&s); /* 700 MiB: 200 MiB of cache */
    assert_in_range(scene_step(&s, "local")->context_tokens_max, 1900, 2048);
    assert_says(scene_entry(&s, "local")->why, "memory is tight");
    assert_string_equal(scene_order(&s), "cloud local"); /* auto: local is held back */
    s.facts.prompt_tokens = 2500;                        /* does not fit into what is left */
    scene_decide(&s);
    assert_int_equal(scene_entry(&s, "local")->reason, AMPHI_REASON_MEMORY);
    s.routes[0].info.weights_bytes = UINT64_MAX; /* sums must not wrap */
    s.routes[0].info.kv_bytes_per_token = UINT64_MAX;
    scene_decide(&s);
    assert_int_equal(scene_entry(&s, "local")->reason, AMPHI_REASON_MEMORY);
}

static void memory__a_tiny_model_keeps_its_whole_context(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[0].info.context_tokens_max = 256;
    s.facts.prompt_tokens = 100;
    scene_decide(&s);
    assert_int_equal(scene_step(&s, "local")->context_tokens_max, 256);
    assert_int_equal(scene_step(&s, "local")->answer_tokens_max, 156); /* shorter, not refused */
}

static void memory__unknown_speaks_against_nobody(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.known = 0;
    s.facts.device.memory_total_bytes = 1; /* nonsense that nobody claims to know */
    s.facts.device.memory_available_bytes = 0;
    s.facts.device.battery_percent = 0;
    s.facts.device.thermal = AMPHI_THERMAL_CRITICAL;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    s.facts.device.memory_pressure = 2;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
}

static void hysteresis__battery_comes_back_at_resume(void **state)
{
    static const struct {
        int percent;
        const char *order;
    } walk[] = {{21, "local cloud"}, {19, "cloud local?"}, {21, "cloud local?"},
        {24, "cloud local?"}, {25, "local cloud"}, {21, "local cloud"}};
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        s.facts.device.battery_percent = (uint8_t)walk[i].percent;
        scene_decide(&s);
        assert_string_equal(scene_order(&s), walk[i].order);
        amphi__policy_apply_hysteresis(s.routes, 2, &s.plan);
    }
}

static void hysteresis__heat_must_fall_below_the_limit(void **state)
{
    static const struct {
        amphi_thermal thermal;
        const char *order;
    } walk[] = {{AMPHI_THERMAL_FAIR, "cloud local"}, {AMPHI_THERMAL_FAIR, "cloud local"},
        {AMPHI_THERMAL_SERIOUS, "cloud local?"}, {AMPHI_THERMAL_FAIR, "cloud local?"},
        {AMPHI_THERMAL_NOMINAL, "local cloud"}, {AMPHI_THERMAL_FAIR, "cloud local"}};
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        s.facts.device.thermal = walk[i].thermal;
        scene_decide(&s);
        assert_string_equal(scene_order(&s), walk[i].order);
        amphi__policy_apply_hysteresis(s.routes, 2, &s.plan);
    }
}

static void hysteresis__memory_needs_a_margin_to_come_back(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.memory_total_bytes = 2000 * MIB;
    s.facts.device.memory_available_bytes = 940 * MIB;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud");
    amphi__policy_apply_hysteresis(s.routes, 2, &s.plan);
    s.facts.device.memory_available_bytes = 960 * MIB;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud");
    s.facts.device.memory_available_bytes = 1100 * MIB;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private__never_keeps_a_cloud_route),
        cmocka_unit_test(private__with_the_engine_gone_is_refused_with_the_reason),
        cmocka_unit_test(private__an_engine_of_an_unknown_kind_counts_as_the_cloud),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
