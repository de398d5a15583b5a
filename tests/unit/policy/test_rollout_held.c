/* SPDX-License-Identifier: Apache-2.0
 *
 * A payload's value meets the app's document: what may be changed is, what may not is held, and
 * said to be.
 */
#include "policy/policy.h"
#include "sdk/core/json.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/settings_store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

static fake_store store;
static scratch_dir dir;
static char source[300];

static int set_up(void **state)
{
    memset(&store, 0, sizeof store);
    scratch_dir_make(&dir);
    snprintf(source, sizeof source, "%s", scratch_dir_file(&dir, "rollout.json"));
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < store.count; i++)
        free(store.settings[i].value);
    scratch_dir_remove(&dir);
    return 0;
}

static void write_source(const char *payload)
{
    scratch_write(source, payload, strlen(payload), 0600);
}

static amphi_rollout *rollout_of_source(void)
{
    amphi_rollout_options options = {
        .source = amphi_str_from(source), .store = {&settings_store_ops, &store}};
    amphi_rollout *rollout = NULL;
    assert_int_equal(amphi__rollout_new(&rollout, &options, NULL), AMPHI_OK);
    return rollout;
}

static amphi_status apply(amphi_rollout *rollout, amphi_policy *policy, const amphi_policy *base)
{
    amphi_rollout_steering steering;
    const amphi_rollout_target target = {.base = base, .model = ""};
    return amphi__rollout_steer(rollout, &target, policy, &steering, NULL);
}

static amphi_policy applied(amphi_rollout *rollout, const amphi_policy *base)
{
    amphi_policy policy;
    memset(&policy, 0xa5, sizeof policy);
    assert_int_equal(apply(rollout, &policy, base), AMPHI_OK);
    return policy;
}

static amphi_json *shown(amphi_rollout *rollout)
{
    amphi_buf text;
    amphi_json *json = NULL;
    amphi__buf_init(&text, 0);
    assert_int_equal(amphi__rollout_show(rollout, &text, NULL), AMPHI_OK);
    assert_int_equal(amphi__json_parse(&json, amphi__buf_str(&text), "show", NULL), AMPHI_OK);
    amphi__buf_clear(&text);
    return json;
}

static const char wants_too_much[] =
    "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"local\":{\"enabled\":false},"
    "\"cloud\":{\"enabled\":true},\"battery\":{\"min_percent\":60},"
    "\"latency\":{\"first_token_ms\":1}}}}}";

/* A kill switch works beside what the payload may not have; `show` says what is held. */
static void value__is_held_where_the_app_s_document_says_so(void **state)
{
    amphi_policy base;
    amphi_error error;
    amphi__policy_init(&base);
    assert_int_equal(
        amphi__policy_apply_json(
            &base, AMPHI_STR("{\"cloud\":{\"enabled\":false},\"pinned\":[\"battery\"]}"), &error),
        AMPHI_OK);
    write_source(wants_too_much);
    amphi_rollout *rollout = rollout_of_source();
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    for (int i = 0; i < 2; i++) {
        amphi_policy policy = applied(rollout, &base);
        assert_false(policy.local_enabled);
        assert_false(policy.cloud_enabled);
        assert_int_equal(policy.battery_min_percent, 20);
        assert_int_equal(policy.latency_first_token_ms, 500);
        amphi_json *json = shown(rollout);
        const amphi_json *held = amphi__json_get(json, "held");
        assert_int_equal(amphi__json_count(held), 3);
        assert_true(amphi__str_equal_c(amphi__json_string(amphi__json_first(held)),
            "cloud.enabled true became false: a payload may tighten it only"));
        amphi__json_free(json);
    }
    write_source("{\"features\":{\"amphi.policy\":{\"defaultValue\":null}}}");
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    assert_true(applied(rollout, &base).local_enabled);
    amphi_json *json = shown(rollout);
    assert_int_equal(amphi__json_count(amphi__json_get(json, "held")), 0);
    amphi__json_free(json);
    amphi__rollout_free(rollout);
}

/* Without memory the app's own document holds, and nothing leaks. */
static void value__without_memory_leaves_the_app_s_document(void **state)
{
    amphi_policy base;
    amphi__policy_init(&base);
    base.cloud_enabled = false;
    write_source(wants_too_much);
    failing_alloc_install();
    failing_alloc_at(0);
    amphi_rollout *rollout = rollout_of_source();
    assert_int_equal(amphi__rollout_refresh(rollout, 0, NULL), AMPHI_OK);
    (void)applied(rollout, &base); /* remembers the value, which may fail in silence */
    amphi_status status = AMPHI_E_NO_MEMORY;
    unsigned failures = 0;
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_policy policy;
        failing_alloc_at(n);
        status = apply(rollout, &policy, &base);
        assert_false(policy.cloud_enabled);
        assert_int_equal(policy.local_enabled, status != AMPHI_OK);
        if (status != AMPHI_OK)
            assert_int_equal(status, AMPHI_E_NO_MEMORY);
        failures += status != AMPHI_OK;
    }
    assert_true(failures > 3);
    failing_alloc_at(0);
    amphi__rollout_free(rollout);
    assert_int_equal(failing_alloc_live(), 0);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            value__is_held_where_the_app_s_document_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            value__without_memory_leaves_the_app_s_document, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
