/* SPDX-License-Identifier: Apache-2.0
 *
 * A fresh install meets a payload that is not understood: what it switches off is off, or it is
 * refused by name.
 */
#include "sdk/core/str.h"
#include "tests/support/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void payload_is(const char *features)
{
    char payload[600];
    snprintf(payload, sizeof payload, "{\"features\":{%s}}", features);
    write_source(payload);
}

static void kill__beside_a_mistake_still_counts(void **state)
{
    static const char *const features[] = {
        "\"amphi.endpoints\":{\"defaultValue\":{\"a\":{\"enabled\":false},\"b\":5}}",
        "\"amphi.endpoints\":{\"defaultValue\":{\"a\":{\"enabled\":false,\"weigth\":3},\"b\":{"
        "\"weight\":2}}}",
        "\"amphi.endpoints\":{\"defaultValue\":{\"a\":{\"enabled\":false}}},\"amphi.model\":{"
        "\"defaultValue\":7},\"amphi.cache\":{\"defaultValue\":true}"};
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        payload_is(features[i]);
        amphi_rollout *rollout = rollout_from(source);
        assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
        assert_true(scene_steering(rollout, "a").endpoints[0].is_off);
        assert_false(scene_steering(rollout, "b").endpoints[0].is_off);
        assert_int_equal(scene_steering(rollout, "b").endpoints[0].weight, 0);
        /* What is not understood is no exposure. */
        assert_int_equal(scene_steering(rollout, "a").exposures_count, i == 2);
        amphi__rollout_free(rollout);
        rollout_scene_tear_down(state);
        rollout_scene_set_up(state);
    }
}

static void kill__in_a_document_with_a_mistake_still_counts(void **state)
{
    (void)state;
    payload_is("\"amphi.policy\":{\"defaultValue\":{\"local\":{\"enabled\":false},\"cloud\":{"
               "\"enabled\":false},\"network\":{\"metered_allowed\":false},\"mode\":"
               "\"only_local\",\"total_ms\":50000,\"nope\":1}}");
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    amphi_policy policy = applied(rollout);
    assert_false(policy.local_enabled);
    assert_false(policy.cloud_enabled);
    assert_false(policy.metered_allowed);
    assert_int_equal(policy.mode, AMPHI_MODE_ONLY_LOCAL);
    assert_int_equal(policy.total_ms, base.total_ms);
    assert_shows(rollout, "why", "only what it switches off counts: policy");
    amphi__rollout_free(rollout);
}

static void payload__without_a_kill_is_refused_by_name(void **state)
{
    static const struct {
        const char *features, *says;
    } cases[] = {
        {"\"amphi.endpoints\":{\"defaultValue\":{\"a\":{\"enabled\":\"no\"}}}",
            "the payload is refused: amphi.endpoints: \"a\""},
        {"\"amphi.endpoints\":{\"defaultValue\":5}", "the payload is refused: amphi.endpoints"},
        {"\"amphi.model\":{\"defaultValue\":5}", "the payload is refused: amphi.model"},
        {"\"amphi.cache\":{\"defaultValue\":{\"flush\":\"all\"}}",
            "the payload is refused: amphi.cache"},
        {"\"amphi.policy\":{\"defaultValue\":{\"nope\":1}}", "the payload is refused: policy"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_error error;
        payload_is(cases[i].features);
        amphi_rollout *rollout = rollout_from(source);
        assert_int_equal(amphi__rollout_refresh(rollout, 0, &error), AMPHI_E_FORMAT);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_shows(rollout, "why", cases[i].says);
        assert_false(amphi__rollout_has_payload(rollout));
        amphi__rollout_free(rollout);
        rollout_scene_tear_down(state);
        rollout_scene_set_up(state);
    }
}

#define SCENE(test)                                                                                \
    cmocka_unit_test_setup_teardown(test, rollout_scene_set_up, rollout_scene_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(kill__beside_a_mistake_still_counts),
        SCENE(kill__in_a_document_with_a_mistake_still_counts),
        SCENE(payload__without_a_kill_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
