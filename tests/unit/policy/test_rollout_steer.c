/* SPDX-License-Identifier: Apache-2.0
 *
 * To which group an install belongs, and what is left of a release that was given up.
 */
#include "sdk/core/str.h"
#include "tests/support/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const amphi_rollback_verdict crashes = {true, false, AMPHI_ROLLBACK_CRASH, 4, 9, 1, 200, 7};

static amphi_rollout *with_models(void)
{
    amphi_rollout_options own = {.source = amphi_str_from(source),
        .store = {&settings_store_ops, &store},
        .clock = &scene_clock,
        .models = AMPHI_STR("small|large")};
    amphi_rollout *rollout = NULL;
    assert_int_equal(amphi__rollout_new(&rollout, &own, NULL), AMPHI_OK);
    return rollout;
}

static amphi_rollout_group group_of(amphi_rollout *rollout, const char *model)
{
    amphi_policy policy;
    amphi_rollout_steering steering;
    const amphi_rollout_target target = {.base = &base, .model = model, .endpoints = {"a", "b"}};
    assert_int_equal(amphi__rollout_steer(rollout, &target, &policy, &steering, NULL), AMPHI_OK);
    return steering.arm.group;
}

static void group__is_treated_by_what_a_rule_gives_beyond_the_control(void **state)
{
    static const struct {
        const char *features, *model;
        amphi_rollout_group group;
    } cases[] = {
        {"", "", AMPHI_ROLLOUT_CONTROL},
        {"\"amphi.policy\":{\"defaultValue\":{\"total_ms\":50000}}", "", AMPHI_ROLLOUT_CONTROL},
        {"\"amphi.policy\":{\"rules\":[{\"force\":{\"total_ms\":50000}}]}", "",
            AMPHI_ROLLOUT_TREATED},
        {"\"amphi.policy\":{\"rules\":[{\"force\":{\"total_ms\":50000},\"coverage\":0}]}", "",
            AMPHI_ROLLOUT_CONTROL},
        /* As the app's document has it: nothing changes. */
        {"\"amphi.policy\":{\"rules\":[{\"force\":{\"total_ms\":120000}}]}", "",
            AMPHI_ROLLOUT_CONTROL},
        /* A kill switch is no release. */
        {"\"amphi.policy\":{\"rules\":[{\"force\":{\"local\":{\"enabled\":false}}}]}", "",
            AMPHI_ROLLOUT_CONTROL},
        {"\"amphi.policy\":{\"rules\":[{\"key\":\"x\",\"variations\":[{\"total_ms\":50000},"
         "{\"total_ms\":60000}],\"weights\":[1,0]}]}",
            "", AMPHI_ROLLOUT_CONTROL},
        {"\"amphi.policy\":{\"rules\":[{\"key\":\"x\",\"variations\":[{\"total_ms\":50000},"
         "{\"total_ms\":60000}],\"weights\":[0,1]}]}",
            "", AMPHI_ROLLOUT_TREATED},
        {"\"amphi.endpoints\":{\"rules\":[{\"force\":{\"a\":{\"weight\":3}}}]}", "",
            AMPHI_ROLLOUT_TREATED},
        {"\"amphi.endpoints\":{\"rules\":[{\"force\":{\"a\":{\"enabled\":false}}}]}", "",
            AMPHI_ROLLOUT_CONTROL},
        {"\"amphi.model\":{\"defaultValue\":\"small\",\"rules\":[{\"force\":\"large\"}]}", "large",
            AMPHI_ROLLOUT_TREATED},
        /* It comes with the next start. */
        {"\"amphi.model\":{\"defaultValue\":\"small\",\"rules\":[{\"force\":\"large\"}]}", "small",
            AMPHI_ROLLOUT_MIXED},
        {"\"amphi.model\":{\"rules\":[{\"force\":\"unknown\"}]}", "", AMPHI_ROLLOUT_CONTROL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char payload[400];
        snprintf(payload, sizeof payload, "{\"features\":{%s}}", cases[i].features);
        write_source(payload);
        amphi_rollout *rollout = with_models();
        assert_int_equal(group_of(rollout, ""), AMPHI_ROLLOUT_CONTROL);
        (void)amphi__rollout_refresh(rollout, 0, NULL);
        if (group_of(rollout, cases[i].model) != cases[i].group)
            fail_msg("%s: %d", cases[i].features, (int)group_of(rollout, cases[i].model));
        amphi__rollout_free(rollout);
        rollout_scene_tear_down(state);
        rollout_scene_set_up(state);
    }
}

static void given_up__is_the_control_with_what_the_release_took_away(void **state)
{
    char payload[17];
    char model[AMPHI_NAME_MAX];
    (void)state;
    write_source(
        "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"total_ms\":50000},\"rules\":[{\"id\":"
        "\"fr_1\",\"force\":{\"total_ms\":60000,\"mode\":\"prefer_cloud\",\"local\":{\"enabled\":"
        "false}}}]},\"amphi.endpoints\":{\"defaultValue\":{\"b\":{\"weight\":2}},\"rules\":[{"
        "\"force\":{\"a\":{\"enabled\":false},\"b\":{\"weight\":9}}}]},\"amphi.model\":{"
        "\"defaultValue\":\"small\",\"rules\":[{\"force\":\"large\"}]},\"amphi.cache\":{"
        "\"rules\":[{\"force\":{\"flush\":4}}]}}}");
    amphi_rollout *rollout = with_models();
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_int_equal(group_of(rollout, "large"), AMPHI_ROLLOUT_TREATED);
    amphi__rollout_payload_name(rollout, payload);
    amphi__rollout_give_up(rollout, "0123456789abcdef", &crashes); /* another one's */
    assert_int_equal(applied(rollout).total_ms, 60000);
    amphi__rollout_give_up(rollout, payload, &crashes);
    amphi_policy policy = applied(rollout);
    assert_int_equal(policy.total_ms, 50000);
    assert_int_equal(policy.mode, base.mode);
    assert_false(policy.local_enabled);
    assert_true(scene_steering(rollout, "a").endpoints[0].is_off);
    assert_int_equal(scene_steering(rollout, "b").endpoints[0].weight, 2);
    amphi__rollout_model(rollout, model);
    assert_string_equal(model, "small");
    assert_int_equal(amphi__rollout_cache_number(rollout), 4);
    /* The model runs on until the next start: these answers are of no group. */
    assert_int_equal(group_of(rollout, "large"), AMPHI_ROLLOUT_MIXED);
    assert_int_equal(group_of(rollout, "small"), AMPHI_ROLLOUT_CONTROL);
    assert_shows(rollout, "why", "rolled back: crash 4 of 9 against 1 of 200");
    amphi_rollout_steering steering = scene_steering(rollout, "a");
    assert_int_equal(steering.exposures_count, 4);
    assert_int_equal(steering.exposures[0].rolled_back, AMPHI_ROLLBACK_CRASH);
    assert_int_equal(steering.exposures[3].rolled_back, AMPHI_ROLLBACK_NONE);
    write_source(
        "{\"features\":{\"amphi.policy\":{\"rules\":[{\"force\":{\"total_ms\":60000}}]}}}");
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_int_equal(applied(rollout).total_ms, 60000);
    amphi__rollout_free(rollout);
}

#define SCENE(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, rollout_scene_set_up, rollout_scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(group__is_treated_by_what_a_rule_gives_beyond_the_control),
        SCENE(given_up__is_the_control_with_what_the_release_took_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
