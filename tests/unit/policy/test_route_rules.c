/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules that a route must pass, one by one: what each keeps, speaks against and refuses, with
 * its words and at its bounds.
 */
#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void rules__healthy_routes_are_kept_without_a_word(void **state)
{
    policy_scene s;
    scene_init(&s);
    expect_kept(&s, LOCAL, "");
    expect_kept(&s, CLOUD, "");
    assert_false(judge(&s, LOCAL).degraded);
}

/* In the order of the list: each one is corrected, and the next one applies. */
static void rules__hard_verdict_ends_the_list(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.is_private = true;
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    s.policy.cloud_enabled = false;
    s.routes[CLOUD].info.available = false;
    s.routes[CLOUD].breaker = (amphi_breaker_facts){.open = true, .failed = 3, .of = 3};
    s.facts.needs_images = true;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    s.routes[CLOUD].info.context_tokens_max = 10;
    expect_hard(&s, CLOUD, AMPHI_REASON_PRIVATE, "private: the request never leaves this device");
    s.facts.is_private = false;
    s.facts.history_turns = 2;
    s.facts.history_privacy = AMPHI_PRIVACY_PRIVATE;
    expect_hard(&s, CLOUD, AMPHI_REASON_PRIVATE,
        "the conversation holds 2 private turns, and private_history is \"local\"");
    s.facts.history_turns = 1;
    s.facts.history_privacy = AMPHI_PRIVACY_ONLY_LOCAL;
    expect_hard(&s, CLOUD, AMPHI_REASON_PRIVATE,
        "the conversation holds 1 only_local turn, and only_local_history is \"as_private\"");
    s.facts.history_turns = 0;
    expect_hard(&s, CLOUD, AMPHI_REASON_MODE, "mode only_local excludes the cloud");
    s.facts.mode = AMPHI_MODE_AUTO;
    expect_hard(&s, CLOUD, AMPHI_REASON_KILL_SWITCH,
        "policy switched the cloud off (cloud.enabled is false)");
    s.policy.cloud_enabled = true;
    expect_hard(&s, CLOUD, AMPHI_REASON_UNAVAILABLE, "the engine says that it is not available");
    s.routes[CLOUD].info.available = true;
    expect_hard(
        &s, CLOUD, AMPHI_REASON_BREAKER_OPEN, "failed 3 times in a row, left alone for now");
    s.routes[CLOUD].breaker.open = false;
    expect_hard(&s, CLOUD, AMPHI_REASON_CAPABILITY,
        "the request needs images, which this route does not have");
    s.routes[CLOUD].info.images = true;
    expect_hard(&s, CLOUD, AMPHI_REASON_NETWORK_NONE, "no network");
    s.facts.device.network = AMPHI_NETWORK_FREE;
    expect_hard(&s, CLOUD, AMPHI_REASON_CONTEXT_LENGTH,
        "the prompt has about 200 tokens and the answer needs 64, this route has room for 10");
    s.routes[CLOUD].info.context_tokens_max = 0;
    expect_kept(&s, CLOUD, "");
}

static void rules__local_side_of_mode_and_kill_switch(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    expect_hard(&s, LOCAL, AMPHI_REASON_MODE, "mode only_cloud excludes the local engine");
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD; /* a preference excludes nothing */
    expect_kept(&s, LOCAL, "");
    s.policy.local_enabled = false;
    expect_hard(&s, LOCAL, AMPHI_REASON_KILL_SWITCH,
        "policy switched the local engine off (local.enabled is false)");
}

static void rules__of_two_soft_verdicts_the_first_speaks_and_a_hard_one_wins(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.memory_pressure = 1;
    s.facts.device.thermal = AMPHI_THERMAL_SERIOUS;
    s.facts.device.battery_percent = 10;
    expect_soft(&s, LOCAL, AMPHI_REASON_MEMORY_PRESSURE,
        "memory is under pressure, and the model is not loaded");
    s.routes[LOCAL].info.ready = true;
    expect_soft(&s, LOCAL, AMPHI_REASON_THERMAL, "thermal state serious is above fair");
    s.facts.device.battery_percent = 2;
    expect_hard(
        &s, LOCAL, AMPHI_REASON_BATTERY_LOW, "battery 2 % is critical (below 3 %), not charging");
}

static void available__engine_speaks_for_itself_and_is_cut(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[LOCAL].info.available = false;
    strcpy(s.routes[LOCAL].info.why, "no model");
    expect_hard(&s, LOCAL, AMPHI_REASON_UNAVAILABLE, "no model");
    memset(s.routes[LOCAL].info.why, 'x', sizeof s.routes[LOCAL].info.why); /* without an end */
    amphi_judgement j = judge(&s, LOCAL);
    assert_int_equal(strlen(j.why), sizeof j.why - 1);
}

static void breaker__says_why_it_opened_and_that_a_probe_is_one(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[CLOUD].breaker = (amphi_breaker_facts){.open = true, .failed = 5, .of = 8};
    expect_hard(&s, CLOUD, AMPHI_REASON_BREAKER_OPEN,
        "5 of the last 8 requests failed, left alone for now");
    s.routes[CLOUD].breaker = (amphi_breaker_facts){.probe = true};
    expect_kept(&s, CLOUD, "tried again after failures");
}

static void pause__is_a_last_resort_with_whole_seconds_rounded_up(void **state)
{
    static const uint32_t waits_ms[] = {1, 1000, 1001, UINT32_MAX};
    static const uint32_t seconds[] = {1, 1, 2, 4294968};
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        char words[120];
        snprintf(
            words, sizeof words, "the provider asked for a pause, %u s of it are left", seconds[i]);
        s.routes[CLOUD].wait_ms = waits_ms[i];
        s.routes[CLOUD].wait_reason = AMPHI_REASON_ASKED_TO_WAIT;
        expect_soft(&s, CLOUD, AMPHI_REASON_ASKED_TO_WAIT, words);
    }
}

static void scope__help_model_needs_a_name_or_no_one_else(void **state)
{
    static const char refused[] =
        "a help model, not for any subject: it answers alone, or asked by name (amphi-help)";
    static const char alone[] = "a help model: no other route may answer";
    policy_scene s;
    scene_init(&s);
    s.routes[LOCAL].info.scope = AMPHI_SCOPE_HELP;
    expect_hard(&s, LOCAL, AMPHI_REASON_SCOPE, refused);
    s.routes[CLOUD].info.available = false; /* whatever state the other is in */
    s.routes[CLOUD].breaker = (amphi_breaker_facts){.open = true, .failed = 3, .of = 3};
    s.policy.cloud_enabled = false;
    expect_hard(&s, LOCAL, AMPHI_REASON_SCOPE, refused);
    s.routes[LOCAL].is_named = true;
    expect_soft(&s, LOCAL, AMPHI_REASON_SCOPE, "a help model, asked by name");
    s.routes[LOCAL].is_named = false;
    s.facts.is_private = true;
    expect_kept(&s, LOCAL, alone);
    s.facts.is_private = false;
    s.facts.history_turns = 1;
    expect_kept(&s, LOCAL, alone);
    s.facts.history_turns = 0;
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    expect_kept(&s, LOCAL, alone);
    scene_set_route(&s.routes[2], AMPHI_ENGINE_LOCAL, "own"); /* for any subject */
    s.facts.routes_count = 3;
    expect_hard(&s, LOCAL, AMPHI_REASON_SCOPE, refused);
    s.facts.routes_count = 1;
    s.facts.mode = AMPHI_MODE_AUTO;
    expect_kept(&s, LOCAL, alone);
}

static void capability__first_one_that_is_missing_is_named(void **state)
{
    policy_scene s;
    scene_init(&s);
    amphi_engine_info *info = &s.routes[LOCAL].info;
    s.facts.has_tool_turns = true;
    expect_hard(&s, LOCAL, AMPHI_REASON_CAPABILITY,
        "a tool was called in this conversation, which this route would leave out");
    s.facts.needs_tools = s.facts.needs_images = s.facts.needs_audio = true;
    expect_hard(&s, LOCAL, AMPHI_REASON_CAPABILITY,
        "the request needs tools, which this route does not have");
    info->tools = true;
    expect_hard(&s, LOCAL, AMPHI_REASON_CAPABILITY,
        "the request needs images, which this route does not have");
    info->images = true;
    expect_hard(&s, LOCAL, AMPHI_REASON_CAPABILITY,
        "the request needs audio, which this route does not have");
    info->audio = true;
    expect_kept(&s, LOCAL, "");
}

static void network__speaks_only_against_routes_that_need_it(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.facts.device.network = AMPHI_NETWORK_METERED;
    expect_kept(&s, CLOUD, "");
    s.policy.metered_allowed = false;
    expect_hard(&s, CLOUD, AMPHI_REASON_NETWORK_METERED,
        "the network is metered, and network.metered_allowed is false");
    s.facts.device.network = AMPHI_NETWORK_UNKNOWN;
    expect_kept(&s, CLOUD, "");
    s.facts.device.network = AMPHI_NETWORK_NONE;
    expect_kept(&s, LOCAL, "");
    s.routes[CLOUD].needs_no_network = true;
    expect_kept(&s, CLOUD, "");
    s.routes[CLOUD].needs_no_network = false;
    s.facts.device.known = AMPHI_FACT_ALL & ~(uint32_t)AMPHI_FACT_NETWORK;
    expect_kept(&s, CLOUD, "");
}

static void context__prompt_and_the_least_answer_just_fit(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.policy.answer_tokens_max = 1024;
    s.routes[CLOUD].info.context_tokens_max = 1000;
    s.facts.prompt_tokens = 1000 - 64;
    expect_kept(&s, CLOUD, "answer 64 tokens at most, not 1024: the context has no room for more");
    assert_int_equal(judge(&s, CLOUD).step.answer_tokens_max, 64);
    s.facts.prompt_tokens++;
    expect_hard(&s, CLOUD, AMPHI_REASON_CONTEXT_LENGTH,
        "the prompt has about 937 tokens and the answer needs 64, this route has room for 1000");
    s.facts.answer_tokens_max = 63; /* a shorter answer needs less */
    expect_kept(&s, CLOUD, "");
    s.facts.prompt_is_counted = true; /* by the local model: a cloud's tokens are others */
    s.facts.prompt_tokens = s.facts.prompt_tokens_estimate = UINT32_MAX; /* no wrap */
    expect_hard(&s, CLOUD, AMPHI_REASON_CONTEXT_LENGTH,
        "the prompt has about 4294967295 tokens and the answer needs 63, this route has room for "
        "1000");
}

static void context__of_a_cloud_is_not_refused_by_another_models_tokens(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.policy.answer_tokens_max = 1024;
    s.routes[CLOUD].info.context_tokens_max = 1000;
    s.facts.prompt_is_counted = true;
    s.facts.prompt_tokens = 2500; /* of a local model with a small vocabulary */
    s.facts.prompt_tokens_estimate = 800;
    expect_kept(&s, CLOUD, "answer 200 tokens at most, not 1024: the context has no room for more");
    assert_int_equal(judge(&s, CLOUD).step.answer_tokens_max, 200);
    s.facts.prompt_tokens = 700; /* long words: the bytes say too much */
    s.facts.prompt_tokens_estimate = 1100;
    expect_kept(&s, CLOUD, "answer 300 tokens at most, not 1024: the context has no room for more");
    s.facts.prompt_tokens = 1000;
    expect_hard(&s, CLOUD, AMPHI_REASON_CONTEXT_LENGTH,
        "the prompt has about 1000 tokens and the answer needs 64, this route has room for 1000");
}

static void context__a_counted_prompt_is_named_exactly(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[LOCAL].info.context_tokens_max = 1000;
    s.facts.prompt_tokens = 2000;
    s.facts.prompt_is_counted = true;
    expect_hard(&s, LOCAL, AMPHI_REASON_CONTEXT_LENGTH,
        "the prompt has 2000 tokens and the answer needs 64, this route has room for 1000");
}

static void context__of_a_local_route_is_the_smaller_of_model_and_policy(void **state)
{
    static const struct {
        uint32_t model, policy, context;
    } cases[] = {{32768, 4096, 4096}, {2048, 4096, 2048}, {0, 4096, 4096}, {4096, 4096, 4096}};
    policy_scene s;
    scene_init(&s);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        s.routes[LOCAL].info.context_tokens_max = cases[i].model;
        s.policy.local_context_tokens_max = cases[i].policy;
        assert_int_equal(judge(&s, LOCAL).step.context_tokens_max, cases[i].context);
    }
}

static void notes__are_joined_and_fit(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[LOCAL].crash.crashes = 3;
    s.routes[LOCAL].crash.forgiven = 1;
    amphi_judgement j = judge(&s, LOCAL);
    assert_string_equal(
        j.notes, "1 thread at most: it crashed; plain kernels; tried again after crashes");
    assert_true(j.step.plain_kernels);
    assert_int_equal(j.step.threads_max, 1);
    s.facts.device.thermal = AMPHI_THERMAL_FAIR; /* allows two: the smaller bound stays */
    assert_int_equal(judge(&s, LOCAL).step.threads_max, 1);
}

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

static void quarantine__a_record_that_cannot_be_read_trusts_no_local_model(void **state)
{
    policy_scene s;
    scene_init(&s);
    s.routes[0].crash.is_unreadable = true;
    assert_true(amphi__policy_is_quarantined(&s.policy, &s.routes[0].crash));
    scene_decide(&s);
    assert_string_equal(scene_order(&s), "cloud");
    assert_int_equal(scene_entry(&s, "local")->reason, AMPHI_REASON_QUARANTINE);
    assert_non_null(strstr(scene_entry(&s, "local")->why, "amphi doctor"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules__healthy_routes_are_kept_without_a_word),
        cmocka_unit_test(rules__hard_verdict_ends_the_list),
        cmocka_unit_test(rules__local_side_of_mode_and_kill_switch),
        cmocka_unit_test(rules__of_two_soft_verdicts_the_first_speaks_and_a_hard_one_wins),
        cmocka_unit_test(available__engine_speaks_for_itself_and_is_cut),
        cmocka_unit_test(breaker__says_why_it_opened_and_that_a_probe_is_one),
        cmocka_unit_test(pause__is_a_last_resort_with_whole_seconds_rounded_up),
        cmocka_unit_test(scope__help_model_needs_a_name_or_no_one_else),
        cmocka_unit_test(capability__first_one_that_is_missing_is_named),
        cmocka_unit_test(network__speaks_only_against_routes_that_need_it),
        cmocka_unit_test(context__prompt_and_the_least_answer_just_fit),
        cmocka_unit_test(context__of_a_cloud_is_not_refused_by_another_models_tokens),
        cmocka_unit_test(context__a_counted_prompt_is_named_exactly),
        cmocka_unit_test(context__of_a_local_route_is_the_smaller_of_model_and_policy),
        cmocka_unit_test(notes__are_joined_and_fit),
        cmocka_unit_test(private__never_keeps_a_cloud_route),
        cmocka_unit_test(private__with_the_engine_gone_is_refused_with_the_reason),
        cmocka_unit_test(private__an_engine_of_an_unknown_kind_counts_as_the_cloud),
        cmocka_unit_test(network__loopback_needs_none_until_the_app_says_so),
        cmocka_unit_test(quarantine__three_crashes_step_down_to_plain_kernels_and_one_thread),
        cmocka_unit_test(quarantine__holds_when_plain_kernels_crash_or_none_was_reached),
        cmocka_unit_test(quarantine__a_record_that_cannot_be_read_trusts_no_local_model),
        cmocka_unit_test(quarantine__kills_for_memory_shrink_the_context_first),
        cmocka_unit_test(quarantine__kills_from_outside_have_a_limit_and_words_of_their_own),
        cmocka_unit_test(quarantine__another_local_route_is_judged_by_its_own_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
