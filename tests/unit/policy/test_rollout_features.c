/* SPDX-License-Identifier: Apache-2.0
 *
 * What the features of a payload steer, and what holds when one of them can't be evaluated.
 */
#include "sdk/core/str.h"
#include "tests/support/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

/* A circle, a chain that is too deep, too much work, a misshapen rule, an encrypted payload. */
static void payload__that_cannot_be_evaluated_keeps_what_was_in_force(void **state)
{
    (void)state;
    amphi_buf deep;
    amphi__buf_init(&deep, 0);
    amphi__buf_append_c(&deep, "{\"features\":{");
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        amphi__buf_printf(&deep,
            "\"%s\":{\"rules\":[{\"parentConditions\":[{\"id\":\"f%d\",\"condition\":{}}],"
            "\"force\":1}]},",
            i == 0 ? "amphi.policy" : name, i + 1);
    }
    amphi__buf_append_c(&deep, "\"f40\":{\"rules\":[{\"force\":1}]}}}");
    const char *const payloads[] = {
        "{\"features\":{\"amphi.policy\":{\"rules\":[{\"parentConditions\":[{\"id\":"
        "\"amphi.policy\",\"condition\":{}}],\"force\":null}]}}}",
        deep.data,
        "{\"features\":{\"amphi.policy\":{\"rules\":[{\"parentConditions\":{},\"force\":{}}]}}}",
        "{\"features\":{\"amphi.policy\":{\"rules\":[{\"filters\":\"x\",\"force\":{}}]}}}",
        "{\"features\":{},\"encryptedFeatures\":\"x.y\"}",
        "{\"features\":{},\"encryptedSavedGroups\":\"x.y\"}",
    };
    write_source(KILL_SWITCH);
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        amphi_error error;
        write_source(payloads[i]);
        if (amphi__rollout_refresh(rollout, 0, &error) == AMPHI_OK)
            fail_msg("%s", payloads[i]);
        assert_false(applied(rollout).local_enabled);
        amphi_rollout *restarted = rollout_from(source);
        assert_false(applied(restarted).local_enabled);
        amphi__rollout_free(restarted);
    }
    amphi__rollout_free(rollout);
    amphi__buf_clear(&deep);
}

/* An attribute that the app sets later may be what can't be evaluated. */
static void value__that_can_no_longer_be_evaluated_is_the_last_one(void **state)
{
    (void)state;
    write_source("{\"features\":{\"amphi.policy\":{\"rules\":[{\"condition\":{\"tier\":\"free\"},"
                 "\"filters\":[{}],\"force\":{\"mode\":\"only_cloud\"}}],\"defaultValue\":"
                 "{\"local\":{\"enabled\":false}}},\"p\":{\"defaultValue\":1}}}");
    amphi_rollout *rollout = rollout_from(source);
    (void)amphi__rollout_refresh(rollout, 0, NULL);
    assert_true(applied(rollout).local_enabled); /* misshapen from the start: nothing to hold */
    write_source("{\"features\":{\"amphi.policy\":{\"rules\":[{\"condition\":{\"tags\":"
                 "{\"$elemMatch\":null}},\"force\":{\"mode\":\"only_cloud\"}}],\"defaultValue\":"
                 "{\"local\":{\"enabled\":false}}}}}");
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    assert_int_equal(
        amphi__rollout_set_attributes(rollout, AMPHI_STR("{\"tags\":[1]}"), NULL), AMPHI_OK);
    assert_false(applied(rollout).local_enabled);
    assert_shows(rollout, "why", "misshapen");
    amphi__rollout_free(rollout);
}

static void attributes__of_the_app_are_seen_and_its_id_is_not(void **state)
{
    (void)state;
    amphi_error error;
    write_source("{\"features\":{\"amphi.policy\":{\"rules\":[{\"condition\":{\"tier\":\"free\","
                 "\"ramMb\":{\"$gt\":1},\"deviceClass\":{\"$in\":[\"low\",\"mid\",\"high\"]},"
                 "\"os\":{\"$exists\":true}},\"force\":{\"total_ms\":50999}}]}}}");
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_int_not_equal(applied(rollout).total_ms, 50999);
    assert_int_equal(amphi__rollout_set_attributes(
                         rollout, AMPHI_STR("{\"tier\":\"free\",\"id\":\"mine\"}"), &error),
        AMPHI_OK);
    assert_int_equal(applied(rollout).total_ms, 50999);
    amphi_json *json = shown(rollout);
    const amphi_json *attributes = amphi__json_get(json, "attributes");
    assert_int_equal(amphi__json_string(amphi__json_get(attributes, "id")).size, 36);
    amphi__json_free(json);
    static const char *const wrong[] = {"[]", "5", "{", "null"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(amphi__rollout_set_attributes(rollout, amphi_str_from(wrong[i]), &error),
            AMPHI_E_ARGUMENT);
    assert_int_equal(applied(rollout).total_ms, 50999);
    amphi__rollout_free(rollout);
}

/* ---- amphi.endpoints, amphi.model, amphi.cache ---- */

static void endpoints__are_weighed_and_switched_off_by_name(void **state)
{
    (void)state;
    amphi_rollout_endpoint got;
    write_source("{\"features\":{\"amphi.endpoints\":{\"defaultValue\":{\"a\":{\"enabled\":false},"
                 "\"b\":{\"weight\":7},\"c\":{\"enabled\":true}}}}}");
    amphi_rollout *rollout = rollout_from(source);
    got = scene_steering(rollout, "a").endpoints[0];
    assert_false(got.is_off);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    got = scene_steering(rollout, "a").endpoints[0];
    assert_true(got.is_off);
    got = scene_steering(rollout, "b").endpoints[0];
    assert_false(got.is_off);
    assert_int_equal(got.weight, 7);
    got = scene_steering(rollout, "c").endpoints[0];
    assert_false(got.is_off);
    assert_int_equal(got.weight, 0);
    got = scene_steering(rollout, "d").endpoints[0];
    assert_false(got.is_off);
    static const char *const wrong[] = {"5", "[]", "{\"a\":5}", "{\"a\":{\"weight\":0}}",
        "{\"a\":{\"weight\":1000001}}", "{\"a\":{\"enabled\":\"no\"}}", "{\"a\":{\"url\":\"x\"}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char payload[200];
        amphi_error error;
        snprintf(payload, sizeof payload,
            "{\"features\":{\"amphi.endpoints\":{\"defaultValue\":%s}}}", wrong[i]);
        write_source(payload);
        if (amphi__rollout_refresh(rollout, 0, &error) != AMPHI_E_FORMAT)
            fail_msg("%s", wrong[i]);
        got = scene_steering(rollout, "a").endpoints[0];
        assert_true(got.is_off);
    }
    amphi__rollout_free(rollout);
}

static void model__is_one_that_the_app_has(void **state)
{
    (void)state;
    char name[AMPHI_NAME_MAX];
    const amphi_rollout_options options = {
        .source = amphi_str_from(source),
        .store = {&settings_store_ops, &store},
        .models = AMPHI_STR("small|large"),
    };
    static const struct {
        const char *value, *model;
    } table[] = {{"\"large\"", "large"}, {"\"small\"", "small"}, {"\"huge\"", ""}, {"\"\"", ""},
        {"null", ""}, {"\"small|large\"", ""}};
    amphi_rollout *rollout = NULL;
    assert_int_equal(amphi__rollout_new(&rollout, &options, NULL), AMPHI_OK);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char payload[200];
        snprintf(payload, sizeof payload, "{\"features\":{\"amphi.model\":{\"defaultValue\":%s}}}",
            table[i].value);
        write_source(payload);
        assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
        amphi__rollout_model(rollout, name);
        assert_string_equal(name, table[i].model);
    }
    amphi__rollout_free(rollout);
}

static void cache__has_a_number(void **state)
{
    (void)state;
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(amphi__rollout_cache_number(rollout), 0);
    write_source("{\"features\":{\"amphi.cache\":{\"defaultValue\":{\"flush\":12}}}}");
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_int_equal(amphi__rollout_cache_number(rollout), 12);
    write_source("{\"features\":{\"amphi.cache\":{\"defaultValue\":{\"flush\":-1}}}}");
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_E_FORMAT);
    assert_int_equal(amphi__rollout_cache_number(rollout), 12);
    amphi__rollout_free(rollout);
}

static void exposure__names_payload_rule_and_variation(void **state)
{
    (void)state;
    write_source("{\"features\":{\"amphi.policy\":{\"rules\":[{\"id\":\"fr_1\",\"force\":{}}]},"
                 "\"amphi.model\":{\"rules\":[{\"key\":\"model-test\",\"variations\":[\"a\",null],"
                 "\"weights\":[0,1]}]},\"amphi.cache\":{\"defaultValue\":null}}}");
    amphi_rollout *rollout = rollout_from(source);
    assert_int_equal(scene_steering(rollout, "a").exposures_count, 0);
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    amphi_rollout_steering steering = scene_steering(rollout, "a");
    const amphi_rollout_exposure *got = steering.exposures;
    assert_int_equal(steering.exposures_count, 3);
    assert_string_equal(got[0].feature, "amphi.policy");
    assert_string_equal(got[0].rule, "fr_1");
    assert_int_equal(got[0].variation, -1);
    assert_int_equal(strlen(got[0].payload), 16);
    assert_string_equal(got[1].feature, "amphi.model");
    assert_string_equal(got[1].rule, "#0");
    assert_string_equal(got[1].experiment, "model-test");
    assert_int_equal(got[1].variation, 1);
    assert_string_equal(got[2].rule, "default");
    amphi__rollout_free(rollout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(payload__that_cannot_be_evaluated_keeps_what_was_in_force),
        SCENE(value__that_can_no_longer_be_evaluated_is_the_last_one),
        SCENE(attributes__of_the_app_are_seen_and_its_id_is_not),
        SCENE(endpoints__are_weighed_and_switched_off_by_name),
        SCENE(model__is_one_that_the_app_has),
        SCENE(cache__has_a_number),
        SCENE(exposure__names_payload_rule_and_variation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
