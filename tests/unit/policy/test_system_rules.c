/* SPDX-License-Identifier: Apache-2.0
 *
 * A model of the operating system as a route: what its own words and its pauses do, where it stands
 * among the others, and that only one on this device may have what is private.
 */
#include "policy/system_rules.h"

#include "tests/support/policy_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SYSTEM = 2, ELSEWHERE = 3 }; /* beside LOCAL and CLOUD */

static void open_scene(policy_scene *s)
{
    scene_init(s);
    scene_set_route(&s->routes[SYSTEM], AMPHI_ENGINE_SYSTEM, "system");
    s->routes[SYSTEM].info.on_device = true;
    s->routes[SYSTEM].info.ready = true;
    s->routes[SYSTEM].info.context_tokens_max = 4096;
    scene_set_route(&s->routes[ELSEWHERE], AMPHI_ENGINE_SYSTEM, "private-cloud");
    s->facts.routes_count = 4;
    s->facts.device.in_foreground = AMPHI_YES;
}

static void expect_order(policy_scene *s, const char *order)
{
    scene_decide(s);
    assert_string_equal(scene_order(s), order);
}

static void system__healthy_one_goes_first_on_its_side(void **state)
{
    policy_scene s;
    open_scene(&s);
    expect_kept(&s, SYSTEM, "");
    expect_kept(&s, ELSEWHERE, "");
    expect_order(&s, "system local private-cloud cloud");
    assert_string_equal(
        scene_entry(&s, "system")->why, "auto: local first, the system's model, ready");
    assert_string_equal(
        scene_entry(&s, "private-cloud")->why, "auto: cloud when local fails, network free");
    s.routes[SYSTEM].info.priority = 1; /* behind the app's own model */
    s.routes[SYSTEM].info.ready = false;
    s.routes[ELSEWHERE].info.priority = 1;
    expect_order(&s, "local system cloud private-cloud");
    assert_string_equal(
        scene_entry(&s, "system")->why, "auto: local first, the system's model, not ready yet");
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    expect_order(&s, "cloud private-cloud local system");
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    expect_order(&s, "local system");
    s.facts.mode = AMPHI_MODE_ONLY_CLOUD;
    expect_order(&s, "cloud private-cloud");
    expect_hard(&s, SYSTEM, AMPHI_REASON_MODE,
        "mode only_cloud excludes the system's model on this device");
}

static void private__only_one_on_this_device_is_local(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.facts.is_private = true;
    expect_order(&s, "system local");
    expect_hard(
        &s, ELSEWHERE, AMPHI_REASON_PRIVATE, "private: the request never leaves this device");
    s.facts.is_private = false;
    s.facts.history_turns = 1;
    s.facts.history_privacy = AMPHI_PRIVACY_PRIVATE;
    expect_order(&s, "system local");
    s.routes[SYSTEM].info.on_device = false; /* as of an engine that does not say */
    expect_order(&s, "local");
    s.facts.history_turns = 0;
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    expect_hard(&s, ELSEWHERE, AMPHI_REASON_MODE,
        "mode only_local excludes the cloud, and the system's as well");
    s.routes[CLOUD].info.on_device = true; /* a field of SYSTEM only */
    s.facts.is_private = true;
    expect_order(&s, "local");
}

static void private__the_policy_may_trust_the_private_cloud(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.policy.system_private_cloud_trusted = true;
    s.facts.is_private = true;
    expect_order(&s, "system local private-cloud"); /* trusted, and still not on this device */
    s.policy.cloud_enabled = false;
    expect_hard(&s, ELSEWHERE, AMPHI_REASON_KILL_SWITCH,
        "policy switched the cloud off (cloud.enabled is false)");
    s.policy.cloud_enabled = true;
    s.facts.device.network = AMPHI_NETWORK_NONE;
    expect_hard(&s, ELSEWHERE, AMPHI_REASON_NETWORK_NONE, "no network");
    s.facts.mode = AMPHI_MODE_ONLY_LOCAL;
    s.facts.device.network = AMPHI_NETWORK_FREE;
    expect_order(&s, "system local private-cloud");
    s.routes[ELSEWHERE].info.kind = (amphi_engine_kind)77;
    expect_order(&s, "system local");
}

static void quota__used_up_is_not_asked(void **state)
{
    static const char for_now[] = "the system takes no more requests of this app for now";
    policy_scene s;
    open_scene(&s);
    s.routes[SYSTEM].info.quota_used_up = true;
    expect_hard(&s, SYSTEM, AMPHI_REASON_QUOTA, for_now);
    s.routes[SYSTEM].info.retry_after_ms = 59001;
    expect_hard(&s, SYSTEM, AMPHI_REASON_QUOTA,
        "the system takes no more requests of this app; asked again in 60 s");
    s.routes[SYSTEM].wait_ms = 90000; /* what it answered lately says more */
    s.routes[SYSTEM].wait_reason = AMPHI_REASON_QUOTA;
    expect_hard(&s, SYSTEM, AMPHI_REASON_QUOTA,
        "the system takes no more requests of this app; asked again in 90 s");
    s.routes[SYSTEM].info.quota_used_up = false; /* it does not say: only what it answered */
    s.routes[SYSTEM].wait_ms = 1000;
    expect_hard(&s, SYSTEM, AMPHI_REASON_QUOTA,
        "the system takes no more requests of this app; asked again in 1 s");
    s.routes[SYSTEM].wait_ms = 0;
    expect_kept(&s, SYSTEM, "");
    s.routes[CLOUD].info.quota_used_up = s.routes[LOCAL].info.quota_used_up = true;
    expect_kept(&s, CLOUD, ""); /* fields of SYSTEM only */
    expect_kept(&s, LOCAL, "");
}

static void busy__one_comes_last(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.routes[SYSTEM].info.is_busy = true;
    expect_soft(&s, SYSTEM, AMPHI_REASON_BUSY, "the system's model works for others");
    expect_order(&s, "local private-cloud cloud system?");
    s.routes[SYSTEM].info.is_busy = false;
    s.routes[SYSTEM].wait_ms = 1500;
    s.routes[SYSTEM].wait_reason = AMPHI_REASON_BUSY;
    expect_soft(
        &s, SYSTEM, AMPHI_REASON_BUSY, "the system's model works for others; free in about 2 s");
    s.routes[SYSTEM].wait_ms = 0;
    expect_kept(&s, SYSTEM, "");
    s.routes[CLOUD].info.is_busy = true;
    expect_kept(&s, CLOUD, "");
}

static void background__is_refused_where_the_engine_says_so(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.facts.device.in_foreground = AMPHI_NO;
    expect_kept(&s, SYSTEM, "");
    s.routes[SYSTEM].info.needs_foreground = true;
    expect_hard(&s, SYSTEM, AMPHI_REASON_BACKGROUND,
        "the app is in the background, where the system refuses its model");
    s.facts.device.in_foreground = AMPHI_UNKNOWN; /* unknown is in front */
    expect_kept(&s, SYSTEM, "");
    s.facts.device.in_foreground = AMPHI_NO;
    s.facts.device.known &= ~(uint32_t)AMPHI_FACT_FOREGROUND;
    expect_kept(&s, SYSTEM, "");
    s.routes[CLOUD].info.needs_foreground = true;
    expect_kept(&s, CLOUD, "");
}

static void background__a_refusal_counts_until_the_app_is_in_front(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.facts.device.known &= ~(uint32_t)AMPHI_FACT_FOREGROUND;
    s.routes[SYSTEM].wait_ms = 1200;
    s.routes[SYSTEM].wait_reason = AMPHI_REASON_BACKGROUND;
    expect_soft(&s, SYSTEM, AMPHI_REASON_BACKGROUND,
        "the system refused its model to an app in the background; tried again in 2 s");
    s.facts.device.known |= AMPHI_FACT_FOREGROUND;
    s.facts.device.in_foreground = AMPHI_YES;
    expect_kept(&s, SYSTEM, "");
}

/* What the app's own engine spends is its own; the system's model takes no memory of it. */
static void device__battery_and_heat_count_memory_does_not(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.facts.device.memory_available_bytes = 100 * MIB;
    s.facts.device.memory_pressure = 2;
    expect_kept(&s, SYSTEM, "");
    s.facts.device.thermal = AMPHI_THERMAL_FAIR;
    expect_kept(&s, SYSTEM, "");
    s.facts.device.thermal = AMPHI_THERMAL_SERIOUS;
    expect_soft(&s, SYSTEM, AMPHI_REASON_THERMAL, "thermal state serious is above fair");
    s.facts.device.thermal = AMPHI_THERMAL_NOMINAL;
    s.facts.device.battery_percent = 39;
    expect_kept(&s, SYSTEM, "");
    s.facts.device.battery_percent = 19;
    expect_soft(&s, SYSTEM, AMPHI_REASON_BATTERY_LOW, "battery 19 % is below 20 %, not charging");
    expect_kept(&s, ELSEWHERE, "");
}

static void kill_switch__is_its_own(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.policy.local_enabled = s.policy.cloud_enabled = false;
    expect_order(&s, "system");
    s.policy.system_enabled = false;
    expect_hard(&s, SYSTEM, AMPHI_REASON_KILL_SWITCH,
        "policy switched the system's models off (system.enabled is false)");
}

/* Alone, each reason ends in the status that says when to try again. */
static void refusal__says_when_it_is_over(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.routes[0] = s.routes[SYSTEM];
    s.facts.routes_count = 1;
    s.routes[0].info.quota_used_up = true;
    s.routes[0].info.retry_after_ms = 7000;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_QUOTA);
    assert_int_equal(s.plan.refusal.retry_after_ms, 7000);
    assert_string_equal(s.plan.refusal.message,
        "no route is left; system: the system takes no more requests of this app; asked again in "
        "7 s");
    s.routes[0].info.quota_used_up = false;
    s.routes[0].info.needs_foreground = true;
    s.facts.device.in_foreground = AMPHI_NO;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_BACKGROUND);
    assert_int_equal(s.plan.refusal.retry_after_ms, 0);
    s.facts.device.in_foreground = AMPHI_YES;
    s.routes[0].info.is_busy = true;
    expect_order(&s, "system?"); /* it is tried all the same */
    s.routes[0].info.available = false;
    s.routes[0].info.failure = AMPHI_E_UNSUPPORTED;
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_REFUSED);
    s.routes[0].info.failure = AMPHI_E_BUSY; /* it is being downloaded */
    scene_decide(&s);
    assert_int_equal(s.plan.refusal.status, AMPHI_E_BUSY);
    assert_true(s.plan.refusal.retry_after_ms > 0);
}

/* A hedge asks two routes: a quota is not spent on that. */
static void hedge__neither_begins_at_a_system_model_nor_asks_it(void **state)
{
    policy_scene s;
    open_scene(&s);
    s.policy.hedge_ms = 500;
    s.facts.mode = AMPHI_MODE_PREFER_CLOUD;
    expect_order(&s, "private-cloud cloud system local");
    assert_int_equal(scene_step(&s, "private-cloud")->hedge_ms, 0);
    assert_int_equal(scene_step(&s, "cloud")->hedge_ms, 0);
    assert_int_equal(scene_step(&s, "system")->hedge_ms, 0);
    s.routes[SYSTEM].info.priority = 1;
    expect_order(&s, "private-cloud cloud local system");
    assert_int_equal(scene_step(&s, "cloud")->hedge_ms, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system__healthy_one_goes_first_on_its_side),
        cmocka_unit_test(private__only_one_on_this_device_is_local),
        cmocka_unit_test(private__the_policy_may_trust_the_private_cloud),
        cmocka_unit_test(quota__used_up_is_not_asked),
        cmocka_unit_test(busy__one_comes_last),
        cmocka_unit_test(background__is_refused_where_the_engine_says_so),
        cmocka_unit_test(background__a_refusal_counts_until_the_app_is_in_front),
        cmocka_unit_test(device__battery_and_heat_count_memory_does_not),
        cmocka_unit_test(kill_switch__is_its_own),
        cmocka_unit_test(refusal__says_when_it_is_over),
        cmocka_unit_test(hedge__neither_begins_at_a_system_model_nor_asks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
