/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of a route: its breaker, the pause that its provider asked for, its load, and
 * how late its first tokens come. On a client made by hand, with a clock that stands still.
 */
#include "sdk/client/route_health.h"

#include "sdk/client/client.h"
#include "sdk/core/str.h"
#include "tests/support/scripted_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t now_us;

static uint64_t monotonic_us(void *self)
{
    return now_us;
}

static int64_t wall_ms(void *self)
{
    return 1700000000000 + (int64_t)(now_us / 1000);
}

static const amphi_clock still = {
    .struct_size = sizeof still, .name = "still", .monotonic_us = monotonic_us, .wall_ms = wall_ms};
static const scripted_step nothing[] = {{SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
static const amphi_plan_step step = {.route = 0, .hedge_ms = 100};
static scripted_engine engine;
static amphi_client client;

static int set_up(void **state)
{
    now_us = 1000000;
    memset(&client, 0, sizeof client);
    client.clock = &still;
    amphi__policy_init(&client.policy);
    scripted_engine_init(&engine, "cloud", AMPHI_ENGINE_CLOUD, nothing);
    client.routes[0].engine = scripted_engine_value(&engine);
    client.routes_count = 1;
    return amphi__mutex_init(&client.lock) == AMPHI_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    amphi__mutex_clear(&client.lock);
    return 0;
}

static amphi_policy_route snapshot(void)
{
    amphi_policy_route out = {.load = 0};
    amphi__route_health_snapshot(&client.routes[0], &client.policy, now_us / 1000, 0, &out);
    return out;
}

/* An attempt with this outcome. */
static void attempt(amphi_status status, uint32_t retry_after_ms, uint32_t first_token_ms)
{
    const amphi_error outcome = {.status = status, .retry_after_ms = retry_after_ms};
    amphi_breaker_pass pass = amphi__route_health_enter(&client, &step, true, NULL);
    assert_int_not_equal(pass, AMPHI_BREAKER_REFUSED);
    amphi__route_health_leave(&client, &step, pass, &outcome, first_token_ms);
}

static void breaker__opens_on_what_speaks_of_the_route_only(void **state)
{
    static const struct {
        amphi_status status;
        bool opens;
    } cases[] = {{AMPHI_E_NETWORK, true}, {AMPHI_E_TLS, true}, {AMPHI_E_TIMEOUT, true},
        {AMPHI_E_PROVIDER, true}, {AMPHI_E_RATE_LIMITED, true}, {AMPHI_E_PROTOCOL, true},
        {AMPHI_E_TRUNCATED, true}, {AMPHI_E_LIMIT, true}, {AMPHI_E_AUTH, false},
        {AMPHI_E_QUOTA, false}, {AMPHI_E_REQUEST, false}, {AMPHI_E_CONTEXT_LENGTH, false},
        {AMPHI_E_CONTENT_FILTER, false}, {AMPHI_E_CANCELLED, false}, {AMPHI_E_NO_MEMORY, false},
        {AMPHI_E_RESOURCE, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&client.routes[0].breaker, 0, sizeof client.routes[0].breaker);
        for (uint32_t k = 0; k < client.policy.breaker_failures; k++)
            attempt(cases[i].status, 0, 0);
        if (snapshot().breaker.open != cases[i].opens)
            fail_msg("%s", amphi_status_name(cases[i].status));
    }
}

static void breaker__refuses_with_the_time_that_is_left(void **state)
{
    amphi_error error;
    for (uint32_t k = 0; k < client.policy.breaker_failures; k++)
        attempt(AMPHI_E_NETWORK, 0, 0);
    now_us += 1000 * 1000;
    assert_int_equal(
        amphi__route_health_enter(&client, &step, true, &error), AMPHI_BREAKER_REFUSED);
    assert_int_equal(error.status, AMPHI_E_BUSY);
    assert_int_equal(strncmp(error.message, "cloud: ", 7), 0);
    assert_int_equal(error.retry_after_ms, client.policy.breaker_open_ms - 1000);
}

static void breaker__success_of_any_kind_ends_a_row_of_failures(void **state)
{
    for (uint32_t k = 0; k < client.policy.breaker_failures - 1; k++)
        attempt(AMPHI_E_NETWORK, 0, 0);
    attempt(AMPHI_E_REQUEST, 0, 0); /* the route was well enough to refuse */
    attempt(AMPHI_E_NETWORK, 0, 0);
    assert_false(snapshot().breaker.open);
}

static void pause__holds_until_it_is_over_or_an_answer_came(void **state)
{
    attempt(AMPHI_E_RATE_LIMITED, 5000, 0);
    assert_int_equal(snapshot().wait_ms, 5000);
    now_us += 4999 * 1000;
    assert_int_equal(snapshot().wait_ms, 1);
    now_us += 1000;
    assert_int_equal(snapshot().wait_ms, 0);
    attempt(AMPHI_E_PROVIDER, 5000, 0);
    attempt(AMPHI_OK, 0, 0);
    assert_int_equal(snapshot().wait_ms, 0);
}

static void pause__is_bounded_by_the_policy_and_asked_for_by_providers_only(void **state)
{
    attempt(AMPHI_E_RATE_LIMITED, 3600 * 1000, 0);
    assert_int_equal(snapshot().wait_ms, client.policy.pause_max_ms);
    attempt(AMPHI_OK, 0, 0);
    attempt(AMPHI_E_NETWORK, 5000, 0);
    assert_int_equal(snapshot().wait_ms, 0);
    client.policy.pause_max_ms = 0;
    attempt(AMPHI_E_RATE_LIMITED, 5000, 0);
    assert_int_equal(snapshot().wait_ms, 0);
}

/* A system's model rests as long as it says; without a time, as the policy says. */
static void pause__of_a_system_model_keeps_its_reason(void **state)
{
    static const struct {
        amphi_status status;
        amphi_reason reason;
        uint32_t usual_ms; /* with the default policy */
    } cases[] = {{AMPHI_E_QUOTA, AMPHI_REASON_QUOTA, 600000},
        {AMPHI_E_BUSY, AMPHI_REASON_BUSY, 2000},
        {AMPHI_E_RATE_LIMITED, AMPHI_REASON_ASKED_TO_WAIT, 2000},
        {AMPHI_E_BACKGROUND, AMPHI_REASON_BACKGROUND, 2000}};
    engine.info.kind = AMPHI_ENGINE_SYSTEM;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        attempt(cases[i].status, 0, 0);
        assert_int_equal(snapshot().wait_ms, cases[i].usual_ms);
        assert_int_equal(snapshot().wait_reason, cases[i].reason);
        attempt(cases[i].status, 3600 * 1000, 0); /* cloud.pause_max_ms is not for it */
        assert_int_equal(snapshot().wait_ms, 3600 * 1000);
        attempt(cases[i].status, UINT32_MAX, 0);
        assert_int_equal(snapshot().wait_ms, 24u * 3600 * 1000);
        assert_false(snapshot().breaker.open); /* nothing is wrong with it */
        attempt(AMPHI_OK, 0, 0);
        assert_int_equal(snapshot().wait_ms, 0);
    }
    attempt(AMPHI_E_QUOTA, 1, 0);
    attempt(AMPHI_E_NOT_FOUND, 0, 0);
    assert_int_equal(snapshot().wait_ms, 1); /* the pause that it had */
}

static void pause__of_a_cloud_that_refuses_key_or_account_lets_others_go_first(void **state)
{
    attempt(AMPHI_E_BUSY, 5000, 0);
    attempt(AMPHI_E_BACKGROUND, 5000, 0);
    assert_int_equal(snapshot().wait_ms, 0);
    attempt(AMPHI_E_QUOTA, 500000, 0);
    assert_int_equal(snapshot().wait_ms, client.policy.breaker_open_ms);
    assert_int_equal(snapshot().wait_reason, AMPHI_REASON_QUOTA);
    attempt(AMPHI_OK, 0, 0);
    assert_int_equal(snapshot().wait_ms, 0);
    attempt(AMPHI_E_AUTH, 0, 0);
    assert_int_equal(snapshot().wait_ms, client.policy.breaker_open_ms);
    assert_int_equal(snapshot().wait_reason, AMPHI_REASON_UNAVAILABLE);
}

/* A server that refuses the key is up: the failures before it are no row any more, and a probe
 * that is refused so closes the breaker. */
static void breaker__closes_when_a_probe_is_refused_for_its_key(void **state)
{
    for (uint32_t k = 0; k < client.policy.breaker_failures; k++)
        attempt(AMPHI_E_NETWORK, 0, 0);
    assert_true(snapshot().breaker.open);
    now_us += (uint64_t)client.policy.breaker_open_ms * 1000;
    attempt(AMPHI_E_AUTH, 0, 0);
    assert_false(snapshot().breaker.open);
    assert_false(snapshot().breaker.probe);
}

static void breaker__says_what_the_last_failure_was(void **state)
{
    static const amphi_error cut = {.status = AMPHI_E_NETWORK, .message = "the line was cut"};
    amphi_error error;
    for (uint32_t k = 0; k < client.policy.breaker_failures; k++)
        amphi__route_health_leave(
            &client, &step, amphi__route_health_enter(&client, &step, true, NULL), &cut, 0);
    assert_string_equal(snapshot().last_failure, "the line was cut");
    assert_int_equal(
        amphi__route_health_enter(&client, &step, true, &error), AMPHI_BREAKER_REFUSED);
    assert_non_null(strstr(error.message, "the line was cut"));
}

static void load__counts_what_is_under_way(void **state)
{
    amphi__route_health_run_started(&client, 0);
    amphi__route_health_run_started(&client, 0);
    assert_int_equal(snapshot().load, 2);
    amphi__route_health_run_ended(&client, 0);
    amphi__route_health_run_ended(&client, 0);
    assert_int_equal(snapshot().load, 0);
}

static void hedge__waits_for_the_95th_percentile_of_enough_first_tokens(void **state)
{
    for (int i = 0; i < 7; i++)
        attempt(AMPHI_OK, 0, 500);
    assert_int_equal(amphi__route_health_hedge_ms(&client, &step), 100); /* too few */
    assert_int_equal(snapshot().first_token_p95_ms, 0);
    attempt(AMPHI_OK, 0, 900);
    assert_int_equal(snapshot().first_token_p95_ms, 900);
    assert_int_equal(amphi__route_health_hedge_ms(&client, &step), 900);
    for (int i = 0; i < 200; i++)
        attempt(AMPHI_OK, 0, 20); /* old ones are forgotten */
    assert_int_equal(amphi__route_health_hedge_ms(&client, &step), 100); /* never sooner */
    for (int i = 0; i < 200; i++)
        attempt(AMPHI_OK, 0, 0); /* none came: that says nothing */
    assert_int_equal(amphi__route_health_hedge_ms(&client, &step), 100);
}

static amphi_policy_route snapshot_with_key(const char *fingerprint)
{
    amphi_policy_route out = {.info = {.kind = AMPHI_ENGINE_CLOUD}};
    amphi__str_copy_to(
        out.info.fingerprint, sizeof out.info.fingerprint, amphi_str_from(fingerprint));
    amphi__route_health_snapshot(&client.routes[0], &client.policy, now_us / 1000, 0, &out);
    return out;
}

/* A person who corrects a key does not wait for a pause that the old one was given. */
static void health__a_corrected_key_starts_clean(void **state)
{
    assert_int_equal(snapshot_with_key("old").wait_ms, 0);
    attempt(AMPHI_E_AUTH, 0, 0);
    for (uint32_t k = 0; k < client.policy.breaker_failures; k++)
        attempt(AMPHI_E_PROVIDER, 0, 0);
    assert_true(snapshot_with_key("old").breaker.open);
    assert_true(snapshot_with_key("old").wait_ms > 0);
    assert_false(snapshot_with_key("new").breaker.open);
    assert_int_equal(snapshot_with_key("new").wait_ms, 0);
    attempt(AMPHI_E_AUTH, 0, 0);
    assert_true(snapshot_with_key("new").wait_ms > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            breaker__opens_on_what_speaks_of_the_route_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            breaker__refuses_with_the_time_that_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            breaker__success_of_any_kind_ends_a_row_of_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            pause__holds_until_it_is_over_or_an_answer_came, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            pause__is_bounded_by_the_policy_and_asked_for_by_providers_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            pause__of_a_system_model_keeps_its_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            pause__of_a_cloud_that_refuses_key_or_account_lets_others_go_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            breaker__closes_when_a_probe_is_refused_for_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(breaker__says_what_the_last_failure_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(load__counts_what_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            hedge__waits_for_the_95th_percentile_of_enough_first_tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(health__a_corrected_key_starts_clean, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
