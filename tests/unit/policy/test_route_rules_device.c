/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules about the device: memory, pressure, heat and battery, at their bounds and with their
 * hysteresis.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void pressure__moderate_hinders_loading_and_critical_forbids(void **state)
{
    policy_scene s;
    scene_init(&s);
    for (int ready = 0; ready <= 1; ready++) {
        s.routes[LOCAL].info.ready = ready != 0;
        s.facts.device.memory_pressure = 0;
        expect_kept(&s, LOCAL, "");
        s.facts.device.memory_pressure = 1;
        if (ready != 0)
            expect_kept(&s, LOCAL, "");
        else
            expect_soft(&s, LOCAL, AMPHI_REASON_MEMORY_PRESSURE,
                "memory is under pressure, and the model is not loaded");
        s.facts.device.memory_pressure = 2;
        expect_hard(&s, LOCAL, AMPHI_REASON_MEMORY_PRESSURE, "memory pressure is critical");
        expect_kept(&s, CLOUD, "");
    }
}

static void memory__use_at_the_mark_is_fine_and_above_it_is_not(void **state)
{
    policy_scene s;
    scene_init(&s);
    amphi_device_facts *d = &s.facts.device;
    s.routes[LOCAL].info.ready = true; /* its need is behind it */
    d->memory_total_bytes = 10000 * MIB;
    s.policy.memory_spare_percent = 100; /* the share in use alone */
    d->memory_available_bytes = 2000 * MIB;
    expect_kept(&s, LOCAL, "");
    d->memory_available_bytes--;
    expect_hard(&s, LOCAL, AMPHI_REASON_MEMORY,
        "80 % of memory is in use, and 1999 MiB are left, less than 2000 MiB");
    s.policy.memory_spare_percent = 10;
    expect_kept(&s, LOCAL, ""); /* 1 GiB is enough */
    d->memory_available_bytes = 1024 * MIB;
    expect_kept(&s, LOCAL, "");
    d->memory_available_bytes--;
    expect_hard(&s, LOCAL, AMPHI_REASON_MEMORY,
        "89 % of memory is in use, and 1023 MiB are left, less than 1024 MiB");
    d->memory_available_bytes = UINT64_MAX; /* more than there is: all of it */
    expect_kept(&s, LOCAL, "");
    d->memory_total_bytes = 0; /* impossible: counts as unknown */
    expect_kept(&s, LOCAL, "");
}

/* 650 MiB on a machine of 64 GiB with 12 GiB left, 81 % in use. */
static void memory__a_large_machine_has_room_though_most_is_in_use(void **state)
{
    policy_scene s;
    scene_init(&s);
    amphi_device_facts *d = &s.facts.device;
    d->memory_total_bytes = 65536 * MIB;
    d->memory_available_bytes = 12288 * MIB;
    s.routes[LOCAL].info.weights_bytes = 150 * MIB; /* scratch 100, a cache of 400 */
    expect_kept(&s, LOCAL, "");
    assert_int_equal(judge(&s, LOCAL).step.context_tokens_max, 4096);
    assert_false(amphi__policy_should_unload(&s.policy, d, NULL));
    d->memory_available_bytes = 6553 * MIB; /* less than a tenth */
    assert_true(amphi__policy_should_unload(&s.policy, d, NULL));
    expect_hard(&s, LOCAL, AMPHI_REASON_MEMORY,
        "90 % of memory is in use, and 6553 MiB are left, less than 6553 MiB");
    d->memory_available_bytes = 6800 * MIB; /* a tenth, and 246 MiB for a model that needs 250 */
    assert_int_equal(judge(&s, LOCAL).reason, AMPHI_REASON_MEMORY);
    s.routes[LOCAL].info.ready = true;
    expect_kept(&s, LOCAL, "");
}

static void memory__need_that_just_fits_is_kept_whole(void **state)
{
    policy_scene s;
    scene_init(&s);
    amphi_device_facts *d = &s.facts.device;
    d->memory_total_bytes = 10000 * MIB;
    d->memory_available_bytes = 900 * MIB + 7100 * MIB; /* the need is 900 MiB */
    s.policy.memory_max_percent = 9;
    expect_kept(&s, LOCAL, "");
    assert_int_equal(judge(&s, LOCAL).step.context_tokens_max, 4096);
    s.routes[LOCAL].info.scratch_bytes++;
    expect_kept(&s, LOCAL, "context 4032 tokens: memory is tight"); /* whole steps of 64 */
    assert_false(judge(&s, LOCAL).degraded); /* 200 tokens and an answer have room all the same */
    s.facts.answer_tokens_max = 3900;
    assert_true(judge(&s, LOCAL).degraded);
    s.facts.answer_tokens_max = 0;
    s.routes[LOCAL].info.scratch_bytes = 450 * MIB + 1; /* not even 512 tokens */
    expect_hard(&s, LOCAL, AMPHI_REASON_MEMORY,
        "needs 900 MiB with a context of 512 tokens, 900 MiB of memory may be taken");
    s.routes[LOCAL].info.weights_bytes = UINT64_MAX; /* no wrap */
    s.routes[LOCAL].info.kv_bytes_per_token = UINT64_MAX;
    assert_int_equal(judge(&s, LOCAL).verdict, AMPHI_VERDICT_HARD);
}

static void thermal__each_state_against_the_limit(void **state)
{
    static const struct {
        amphi_thermal now, limit;
        amphi_verdict verdict;
        uint32_t threads;
        const char *words;
    } cases[] = {
        {AMPHI_THERMAL_UNKNOWN, AMPHI_THERMAL_FAIR, AMPHI_VERDICT_KEEP, 0, ""},
        {AMPHI_THERMAL_NOMINAL, AMPHI_THERMAL_FAIR, AMPHI_VERDICT_KEEP, 0, ""},
        {AMPHI_THERMAL_FAIR, AMPHI_THERMAL_FAIR, AMPHI_VERDICT_KEEP, 2,
            "2 threads at most: device warm"},
        {AMPHI_THERMAL_FAIR, AMPHI_THERMAL_NOMINAL, AMPHI_VERDICT_SOFT, 2,
            "thermal state fair is above nominal"},
        {AMPHI_THERMAL_SERIOUS, AMPHI_THERMAL_FAIR, AMPHI_VERDICT_SOFT, 1,
            "thermal state serious is above fair"},
        {AMPHI_THERMAL_SERIOUS, AMPHI_THERMAL_SERIOUS, AMPHI_VERDICT_KEEP, 1,
            "1 thread at most: device hot; 8 tokens/s at most: device hot"},
        {AMPHI_THERMAL_CRITICAL, AMPHI_THERMAL_CRITICAL, AMPHI_VERDICT_HARD, 0,
            "thermal state is critical"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        policy_scene s;
        scene_init(&s);
        s.facts.device.thermal = cases[i].now;
        s.policy.thermal_max = cases[i].limit;
        expect_verdict(&s, LOCAL, cases[i].verdict,
            cases[i].verdict == AMPHI_VERDICT_KEEP ? AMPHI_REASON_OK : AMPHI_REASON_THERMAL,
            cases[i].words);
        amphi_judgement j = judge(&s, LOCAL);
        assert_int_equal(j.step.threads_max, cases[i].threads);
        assert_int_equal(j.degraded, cases[i].now == AMPHI_THERMAL_SERIOUS); /* warm is no loss */
        expect_kept(&s, CLOUD, "");
    }
}

static void battery__each_percentage_against_its_bounds(void **state)
{
    static const struct {
        uint8_t percent;
        bool was_refused;
        amphi_verdict verdict;
        const char *words;
    } cases[] = {
        {0, false, AMPHI_VERDICT_HARD, "battery 0 % is critical (below 3 %), not charging"},
        {2, false, AMPHI_VERDICT_HARD, "battery 2 % is critical (below 3 %), not charging"},
        {3, false, AMPHI_VERDICT_SOFT, "battery 3 % is below 20 %, not charging"},
        {19, false, AMPHI_VERDICT_SOFT, "battery 19 % is below 20 %, not charging"},
        {20, false, AMPHI_VERDICT_KEEP, "2 threads at most: to spare the battery"},
        {24, true, AMPHI_VERDICT_SOFT,
            "battery 24 % was low and is not back at 25 %, not charging"},
        {25, true, AMPHI_VERDICT_KEEP, "2 threads at most: to spare the battery"},
        {39, false, AMPHI_VERDICT_KEEP, "2 threads at most: to spare the battery"},
        {40, false, AMPHI_VERDICT_KEEP, ""},
    };
    const amphi_thresholds battery_was_low = {
        .judged = 1u << AMPHI_THRESHOLD_BATTERY_LOW, .over = 1u << AMPHI_THRESHOLD_BATTERY_LOW};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        policy_scene s;
        scene_init(&s);
        s.facts.device.battery_percent = cases[i].percent;
        if (cases[i].was_refused)
            s.routes[LOCAL].thresholds = battery_was_low;
        expect_verdict(&s, LOCAL, cases[i].verdict,
            cases[i].verdict == AMPHI_VERDICT_KEEP ? AMPHI_REASON_OK : AMPHI_REASON_BATTERY_LOW,
            cases[i].words);
        assert_false(judge(&s, LOCAL).degraded); /* gentle, not slow: the order stays */
        expect_kept(&s, CLOUD, "");
        s.facts.device.charging = true;
        expect_kept(&s, LOCAL, "");
    }
}

static void memory__shortens_the_context_before_it_refuses(void **state)
{
    /* Fixed 500 MiB and 0.1 MiB per token; use may reach 80 % of 2000 MiB. */
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
    assert_string_equal(scene_order(&s), "local cloud"); /* this request has room in it */
    s.facts.answer_tokens_max = 1900;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local"); /* auto: local is held back */
    s.facts.answer_tokens_max = 0;
    s.facts.prompt_tokens = 2500; /* does not fit into what is left */
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
    s.policy.answer_tokens_max = 1024;
    s.routes[0].info.context_tokens_max = 256;
    s.facts.prompt_tokens = 100;
    scene_decide(&s);
    assert_int_equal(scene_step(&s, "local")->context_tokens_max, 256);
    assert_int_equal(scene_step(&s, "local")->answer_tokens_max, 156); /* shorter, not refused */
    assert_says(scene_entry(&s, "local")->why, "answer 156 tokens at most, not 1024");
}

static void memory__unknown_speaks_against_nobody(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.known = 0;
    s.facts.device.memory_total_bytes = 1; /* impossible, but not marked as known */
    s.facts.device.memory_available_bytes = 0;
    s.facts.device.battery_percent = 0;
    s.facts.device.thermal = AMPHI_THERMAL_CRITICAL;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    s.facts.device.memory_pressure = 2;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
}

/* A fact's walk: what it is, how long after the last decision, and the order then. */
typedef struct walk_step {
    int fact;
    unsigned after_s;
    const char *order;
} walk_step;

static void walk_battery(const walk_step *walk, size_t count)
{
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < count; i++) {
        scene_remember(&s, (uint64_t)walk[i].after_s * 1000);
        s.facts.device.battery_percent = (uint8_t)walk[i].fact;
        scene_decide(&s);
        if (strcmp(scene_order(&s), walk[i].order) != 0)
            fail_msg("step %zu: %s", i, scene_order(&s));
    }
}

static void hysteresis__battery_comes_back_at_resume(void **state)
{
    static const walk_step walk[] = {{21, 0, "local cloud"}, {19, 1, "cloud local?"},
        {21, 100, "cloud local?"}, {24, 100, "cloud local?"}, {25, 100, "local cloud"},
        {21, 100, "local cloud"}};
    static const walk_step too_soon[] = {{21, 0, "local cloud"}, {19, 1, "cloud local?"},
        {25, 59, "cloud local?"}, {25, 1, "local cloud"}, {19, 1, "local cloud"},
        {19, 59, "cloud local?"}};
    static const walk_step critical[] = {{2, 0, "cloud"}, {3, 1, "cloud"}, {4, 100, "cloud"},
        {5, 100, "cloud local?"}, {2, 1, "cloud"}};
    walk_battery(walk, sizeof walk / sizeof walk[0]);
    walk_battery(too_soon, sizeof too_soon / sizeof too_soon[0]);
    walk_battery(critical, sizeof critical / sizeof critical[0]);
}

static void hysteresis__heat_must_fall_below_the_limit(void **state)
{
    static const walk_step walk[] = {{AMPHI_THERMAL_FAIR, 0, "local cloud"},
        {AMPHI_THERMAL_SERIOUS, 1, "cloud local?"}, {AMPHI_THERMAL_FAIR, 100, "cloud local?"},
        {AMPHI_THERMAL_NOMINAL, 1, "local cloud"}, {AMPHI_THERMAL_FAIR, 1, "local cloud"},
        {AMPHI_THERMAL_CRITICAL, 1, "cloud"}, {AMPHI_THERMAL_SERIOUS, 59, "cloud"},
        {AMPHI_THERMAL_SERIOUS, 1, "cloud local?"}};
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        scene_remember(&s, (uint64_t)walk[i].after_s * 1000);
        s.facts.device.thermal = (amphi_thermal)walk[i].fact;
        scene_decide(&s);
        if (strcmp(scene_order(&s), walk[i].order) != 0)
            fail_msg("step %zu: %s: %s", i, scene_order(&s), scene_entry(&s, "local")->why);
    }
}

static void hysteresis__pressure_counts_for_a_while(void **state)
{
    static const walk_step walk[] = {{0, 0, "local cloud"}, {1, 1, "cloud local?"},
        {0, 1, "cloud local?"}, {1, 1, "cloud local?"}, {2, 1, "cloud"}, {1, 1, "cloud"},
        {0, 59, "cloud local?"}, {0, 60, "local cloud"}};
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        scene_remember(&s, (uint64_t)walk[i].after_s * 1000);
        s.facts.device.memory_pressure = (uint8_t)walk[i].fact;
        scene_decide(&s);
        if (strcmp(scene_order(&s), walk[i].order) != 0)
            fail_msg("step %zu: %s: %s", i, scene_order(&s), scene_entry(&s, "local")->why);
    }
}

static void hysteresis__memory_needs_a_margin_to_come_back(void **state)
{
    static const walk_step walk[] = {{1100, 0, "local cloud"}, {390, 1, "cloud"},
        {410, 100, "cloud"}, {480, 100, "cloud"}, {1100, 100, "local cloud"}};
    policy_scene s;
    scene_init(&s);
    s.facts.device.memory_total_bytes = 2000 * MIB;
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        scene_remember(&s, (uint64_t)walk[i].after_s * 1000);
        s.facts.device.memory_available_bytes = (unsigned)walk[i].fact * MIB;
        scene_decide(&s);
        if (strcmp(scene_order(&s), walk[i].order) != 0)
            fail_msg("step %zu: %s: %s", i, scene_order(&s), scene_entry(&s, "local")->why);
    }
}

/* The whole context fits, and then it does not, by a few MiB: the plan stays. */
static void hysteresis__a_few_mebibytes_change_no_context(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.memory_total_bytes = 2000 * MIB;
    unsigned changes = 0;
    uint32_t context = 0;
    for (unsigned i = 0; i < 60; i++) {
        s.facts.device.memory_available_bytes = (i % 2 == 0 ? 1302 : 1297) * MIB;
        scene_decide(&s);
        uint32_t now = scene_step(&s, "local")->context_tokens_max;
        changes += i > 0 && now != context;
        context = now;
        scene_remember(&s, 1000);
    }
    assert_in_range(changes, 0, 1);
}

static void forecast__of_heat_holds_back_before_it_comes(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.heat_forecast_percent = 99;
    expect_kept(&s, LOCAL, "");
    s.facts.device.heat_forecast_percent = 100;
    expect_kept(&s, LOCAL, "2 threads at most: the device will soon be hot");
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local");
    scene_remember(&s, 100000);
    s.facts.device.heat_forecast_percent = 90; /* not cool yet */
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local");
    scene_remember(&s, 100000);
    s.facts.device.heat_forecast_percent = 85;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
}

static void power_save__lets_the_cloud_go_first(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.power_save = AMPHI_YES;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud local");
    assert_says(scene_entry(&s, "local")->why, "2 threads at most: the battery saver is on");
    assert_int_equal(scene_entry(&s, "cloud")->reason, AMPHI_REASON_BATTERY_LOW);
    s.facts.device.charging = true;
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
    s.facts.device.charging = false;
    s.policy.local_threads_max = 2; /* it would use no more anyway */
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "local cloud");
}

static void background__answer_has_to_end_before_the_app_does(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.known |= AMPHI_FACT_BACKGROUND;
    s.facts.device.background_left_ms = 2000;
    expect_kept(&s, LOCAL, ""); /* it is in front */
    s.facts.device.in_foreground = AMPHI_NO;
    expect_hard(&s, LOCAL, AMPHI_REASON_BACKGROUND,
        "the app is in the background, and the system lets it run for 2000 ms more");
    s.facts.device.background_left_ms = 20000;
    expect_soft(&s, LOCAL, AMPHI_REASON_BACKGROUND,
        "the app may run for 20 s more in the background, and the answer takes about 20 s");
    s.routes[LOCAL].pace = (amphi_policy_pace){
        .answers = 9, .first_token_ms = 500, .tokens_per_second = 20, .answer_tokens = 100};
    expect_kept(&s, LOCAL, "");
    expect_kept(&s, CLOUD, "");
}

static void turned_down__is_said_in_bits_as_well(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.policy.thermal_max = AMPHI_THERMAL_SERIOUS;
    s.facts.device.thermal = AMPHI_THERMAL_SERIOUS;
    s.facts.device.memory_total_bytes = s.facts.device.memory_available_bytes = 1000 * MIB;
    s.facts.answer_tokens_max = 3000;
    s.routes[LOCAL].crash.crashes = 3;
    scene_decide(&s);
    for (size_t i = 0; i < s.plan.decision.entries_count; i++) {
        const amphi_decision_entry *entry = &s.plan.decision.entries[i];
        bool is_local = strcmp(entry->route.route, "local") == 0;
        assert_int_equal(entry->turned_down, is_local ? 31 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure__moderate_hinders_loading_and_critical_forbids),
        cmocka_unit_test(memory__use_at_the_mark_is_fine_and_above_it_is_not),
        cmocka_unit_test(memory__a_large_machine_has_room_though_most_is_in_use),
        cmocka_unit_test(memory__need_that_just_fits_is_kept_whole),
        cmocka_unit_test(thermal__each_state_against_the_limit),
        cmocka_unit_test(battery__each_percentage_against_its_bounds),
        cmocka_unit_test(memory__shortens_the_context_before_it_refuses),
        cmocka_unit_test(memory__need_stays_under_its_share),
        cmocka_unit_test(memory__a_tiny_model_keeps_its_whole_context),
        cmocka_unit_test(memory__unknown_speaks_against_nobody),
        cmocka_unit_test(hysteresis__battery_comes_back_at_resume),
        cmocka_unit_test(hysteresis__heat_must_fall_below_the_limit),
        cmocka_unit_test(hysteresis__memory_needs_a_margin_to_come_back),
        cmocka_unit_test(hysteresis__pressure_counts_for_a_while),
        cmocka_unit_test(forecast__of_heat_holds_back_before_it_comes),
        cmocka_unit_test(power_save__lets_the_cloud_go_first),
        cmocka_unit_test(background__answer_has_to_end_before_the_app_does),
        cmocka_unit_test(turned_down__is_said_in_bits_as_well),
        cmocka_unit_test(hysteresis__a_few_mebibytes_change_no_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
