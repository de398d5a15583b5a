/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision's gathering: what the policy gets to know of the device, the request and the routes.
 * All through amphi_route_explain, which starts nothing.
 */
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static const scripted_step fails[] = {{SCRIPT_FAIL, NULL, AMPHI_E_PROVIDER}};
static const scripted_step dies[] = {{SCRIPT_FAIL, NULL, AMPHI_E_ENGINE_DIED}};

/* The system's clock, which a test may put forward. */
static atomic_uint_fast64_t ahead_ms;

static uint64_t monotonic_us(void *self)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 +
           atomic_load(&ahead_ms) * 1000;
}

static int64_t wall_ms(void *self)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000 + (int64_t)atomic_load(&ahead_ms);
}

static const amphi_clock clock_ahead = {.struct_size = sizeof clock_ahead,
    .name = "ahead",
    .monotonic_us = monotonic_us,
    .wall_ms = wall_ms};

static amphi_decision explain_request(const chat_fixture *f, amphi_chat_request *request)
{
    static const amphi_message message = {AMPHI_ROLE_USER, {"Hi", 2}};
    amphi_decision decision;
    amphi_decision_init(&decision);
    amphi_error error;
    if (request->messages == NULL) {
        request->messages = &message;
        request->messages_count = 1;
    }
    if (amphi_route_explain(f->client, request, &decision, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return decision;
}

static amphi_decision explain(const chat_fixture *f, amphi_mode mode)
{
    amphi_chat_request request = chat_fixture_request(mode);
    return explain_request(f, &request);
}

/* The routes in order, refused ones in brackets: "cloud (local)". */
static void expect_order(const amphi_decision *decision, const char *order)
{
    char text[256] = "";
    for (size_t i = 0; i < decision->routes_count; i++) {
        const amphi_decision_route *route = &decision->routes[i];
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, route->kept ? "%s%s" : "%s(%s)", i > 0 ? " " : "",
            route->route);
    }
    assert_string_equal(text, order);
}

static const amphi_decision_route *route_of(const amphi_decision *decision, const char *name)
{
    for (size_t i = 0; i < decision->routes_count; i++)
        if (strcmp(decision->routes[i].route, name) == 0)
            return &decision->routes[i];
    fail_msg("%s is not in the decision", name);
    return NULL;
}

static void expect_reason(
    const amphi_decision *decision, const char *name, amphi_reason reason, const char *words)
{
    const amphi_decision_route *route = route_of(decision, name);
    if (route->reason != reason || strstr(route->why, words) == NULL)
        fail_msg("%s: %s: %s", name, amphi_reason_name(route->reason), route->why);
}

static void push(const chat_fixture *f, const char *json)
{
    assert_int_equal(amphi_device_push_json(f->client, amphi_str_from(json), NULL), AMPHI_OK);
}

static void explain__starts_nothing_and_names_every_route(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_decision decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "local cloud");
    decision = explain(&f, AMPHI_MODE_ONLY_CLOUD);
    expect_order(&decision, "cloud (local)");
    expect_reason(&decision, "local", AMPHI_REASON_MODE, "only_cloud");
    assert_int_equal(atomic_load(&f.local.starts) + atomic_load(&f.cloud.starts), 0);
    chat_fixture_close(&f);
}

static void facts__probed_device_counts(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    f.device.battery_percent = 8;
    chat_fixture_start(&f, NULL);
    amphi_decision decision = explain(&f, AMPHI_MODE_PREFER_LOCAL);
    expect_order(&decision, "cloud local");
    expect_reason(&decision, "local", AMPHI_REASON_BATTERY_LOW, "battery 8 % is below 20 %");
    chat_fixture_close(&f);
}

static void facts__push_wins_over_the_probe_until_it_is_cleared(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    push(&f, "{\"battery_percent\":2}");
    amphi_decision decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "cloud (local)");
    push(&f, "{\"network\":\"none\"}"); /* another fact: the first one stays */
    decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "(local) (cloud)");
    expect_reason(&decision, "local", AMPHI_REASON_BATTERY_LOW, "battery 2 %");
    expect_reason(&decision, "cloud", AMPHI_REASON_NETWORK_NONE, "no network");
    push(&f, "{}"); /* clears every push: the probe says 90 % and a free network */
    decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "local cloud");
    chat_fixture_close(&f);
}

static void ask(chat_fixture *f, amphi_mode mode)
{
    amphi_chat_request request = chat_fixture_request(mode);
    request.no_queue = true;
    request.no_cache = true;
    chat_fixture_ask(f, &request, "Hi");
    assert_int_equal(f->last, AMPHI_EVENT_DONE);
}

/* By each real decision, whatever its mode; by no explanation. */
static void facts__thresholds_are_remembered_by_real_decisions(void **state)
{
    static const struct {
        const char *push;
        amphi_mode asked; /* DEFAULT: nothing is asked */
        const char *order;
    } steps[] = {{"{\"battery_percent\":22}", AMPHI_MODE_ONLY_CLOUD, "local cloud"},
        {"{\"battery_percent\":19}", AMPHI_MODE_DEFAULT, "cloud local"},
        {"{\"battery_percent\":22}", AMPHI_MODE_DEFAULT, "local cloud"}, /* only explained */
        {"{\"battery_percent\":19}", AMPHI_MODE_ONLY_CLOUD, "cloud local"},
        {"{\"battery_percent\":22}", AMPHI_MODE_ONLY_CLOUD, "cloud local"}, /* not back at 25 */
        {"{\"battery_percent\":25}", AMPHI_MODE_DEFAULT, "local cloud"},
        {"{\"battery_percent\":22}", AMPHI_MODE_AUTO, "cloud local"},
        {"{\"battery_percent\":25}", AMPHI_MODE_AUTO, "local cloud"},
        {"{\"battery_percent\":22}", AMPHI_MODE_DEFAULT, "local cloud"}};
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    chat_fixture_start(&f, "{\"decision\":{\"dwell_s\":0}}");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        push(&f, steps[i].push);
        if (steps[i].asked != AMPHI_MODE_DEFAULT)
            ask(&f, steps[i].asked);
        (void)explain(&f, AMPHI_MODE_ONLY_CLOUD); /* nothing is sent, nothing is learned */
        amphi_decision decision = explain(&f, AMPHI_MODE_PREFER_LOCAL);
        expect_order(&decision, steps[i].order);
    }
    chat_fixture_close(&f);
}

/* A thousand requests and explanations, of any mode, private and not: 22 % stays low. */
static void facts__thresholds_outlast_a_thousand_requests(void **state)
{
    chat_fixture f;
    uint32_t random = 12;
    chat_fixture_init(&f, says_hello, says_hello);
    chat_fixture_start(&f, "{\"decision\":{\"dwell_s\":0}}");
    push(&f, "{\"battery_percent\":19}");
    ask(&f, AMPHI_MODE_AUTO);
    push(&f, "{\"battery_percent\":22}");
    for (unsigned i = 0; i < 1000; i++) {
        random = random * 1664525u + 1013904223u;
        amphi_mode mode = (amphi_mode)(AMPHI_MODE_AUTO + (random >> 8) % 5);
        if ((random >> 16) % 4 == 0)
            ask(&f, mode);
        else
            (void)explain(&f, mode);
        if (i % 10 == 0) {
            amphi_decision decision = explain(&f, AMPHI_MODE_PREFER_LOCAL);
            expect_order(&decision, "cloud local");
        }
    }
    chat_fixture_close(&f);
}

static void facts__loopback_needs_no_network_pushed_facts_included(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    f.device.network = AMPHI_NETWORK_NONE;
    f.cloud.info.is_loopback = true;
    f.parts.engines_count = 2;
    chat_fixture_start(&f, "{\"network\":{\"metered_allowed\":false}}");
    amphi_decision decision = explain(&f, AMPHI_MODE_ONLY_CLOUD);
    expect_order(&decision, "cloud (local) (cloud2)");
    push(&f, "{\"network\":\"none\"}");
    decision = explain(&f, AMPHI_MODE_ONLY_CLOUD);
    expect_order(&decision, "cloud (local) (cloud2)");
    push(&f, "{\"network\":\"metered\"}");
    decision = explain(&f, AMPHI_MODE_ONLY_CLOUD);
    expect_order(&decision, "cloud (local) (cloud2)");
    chat_fixture_close(&f);
}

static void request__needs_reach_the_policy(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    f.local.info.tools = false;
    f.cloud.info.context_tokens_max = 100000;
    chat_fixture_start(&f, NULL);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.extra_json = AMPHI_STR("{\"tools\":[{\"type\":\"function\"}]}");
    amphi_decision decision = explain_request(&f, &request);
    expect_order(&decision, "cloud (local)");
    expect_reason(&decision, "local", AMPHI_REASON_CAPABILITY, "tools");

    static char text[60000];
    memset(text, 'a', sizeof text);
    const amphi_message message = {AMPHI_ROLE_USER, {text, sizeof text}};
    request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.messages = &message;
    request.messages_count = 1;
    decision = explain_request(&f, &request);
    expect_order(&decision, "cloud (local)");
    expect_reason(&decision, "local", AMPHI_REASON_CONTEXT_LENGTH, "room for 4096");

    request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.is_private = true;
    decision = explain_request(&f, &request);
    expect_order(&decision, "local (cloud)");
    expect_reason(&decision, "cloud", AMPHI_REASON_PRIVATE, "private");
    chat_fixture_close(&f);
}

static void request__fallbacks_are_the_only_routes_after_the_model(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    f.parts.engines_count = 2;
    chat_fixture_start(&f, NULL);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    request.extra_json = AMPHI_STR("{\"model\":\"cloud2\",\"fallbacks\":[\"cloud\"]}");
    amphi_decision decision = explain_request(&f, &request);
    expect_order(&decision, "cloud2 cloud (local)");
    expect_reason(&decision, "local", AMPHI_REASON_PREFERENCE, "");
    chat_fixture_close(&f);
}

static void ask_cloud(chat_fixture *f, amphi_event_kind expected)
{
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    request.no_queue = true;
    chat_fixture_ask(f, &request, "Hi");
    assert_int_equal(f->last, expected);
}

static void health__failures_leave_a_route_alone_until_its_probe_succeeds(void **state)
{
    chat_fixture f;
    atomic_store(&ahead_ms, 0);
    chat_fixture_init(&f, says_hello, fails);
    f.parts.clock = &clock_ahead;
    chat_fixture_start(&f, NULL);
    for (int i = 0; i < 2; i++)
        ask_cloud(&f, AMPHI_EVENT_ERROR); /* each fails and is tried once more */
    amphi_decision decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "local (cloud)");
    expect_reason(&decision, "cloud", AMPHI_REASON_BREAKER_OPEN, "failed 3 times in a row");
    int starts = atomic_load(&f.cloud.starts);
    ask_cloud(&f, AMPHI_EVENT_ERROR); /* no other route may answer: it is tried, once */
    assert_int_not_equal(f.error, AMPHI_E_BUSY);
    assert_int_equal(atomic_load(&f.cloud.starts), starts + 1);

    atomic_fetch_add(&ahead_ms, 3600 * 1000);
    decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "local cloud");
    expect_reason(&decision, "cloud", AMPHI_REASON_OK, "tried again after failures");
    f.cloud.script = says_hello;
    ask_cloud(&f, AMPHI_EVENT_DONE);
    decision = explain(&f, AMPHI_MODE_AUTO);
    assert_null(strstr(route_of(&decision, "cloud")->why, "failures"));
    chat_fixture_close(&f);
}

/* A cloud that is left alone for its failures is no route that can take over. */
static void health__engine_that_died_is_started_again_when_the_others_fail_too(void **state)
{
    chat_fixture f;
    atomic_store(&ahead_ms, 0);
    chat_fixture_init(&f, says_hello, fails);
    f.parts.clock = &clock_ahead;
    strcpy(f.local.info.fingerprint, "f1");
    chat_fixture_start(&f, NULL);
    for (int i = 0; i < 2; i++)
        ask_cloud(&f, AMPHI_EVENT_ERROR);
    amphi_decision decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "local (cloud)");
    f.local.info.available = false; /* its process died when it was asked what it is */
    f.local.info.failure = AMPHI_E_ENGINE_DIED;
    f.local.info.deaths_early = 1;
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_AUTO);
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(f.last, AMPHI_EVENT_DONE);
    assert_int_equal(atomic_load(&f.local.starts), 1);
    chat_fixture_close(&f);
}

static void health__refusal_of_a_request_is_no_failure_of_the_route(void **state)
{
    static const scripted_step refuses[] = {{SCRIPT_FAIL, NULL, AMPHI_E_REQUEST}};
    chat_fixture f;
    chat_fixture_open(&f, says_hello, refuses);
    for (int i = 0; i < 5; i++)
        ask_cloud(&f, AMPHI_EVENT_ERROR);
    amphi_decision decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "local cloud");
    chat_fixture_close(&f);
}

static void health__crashes_of_the_local_engine_come_from_the_ledger(void **state)
{
    chat_fixture f;
    atomic_store(&ahead_ms, 0);
    chat_fixture_init(&f, dies, says_hello);
    f.parts.clock = &clock_ahead;
    strcpy(f.local.info.fingerprint, "f1");
    strcpy(f.local.info.build, "b1");
    strcpy(f.local.info.kernels, "avx2");
    chat_fixture_start(&f, NULL);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    for (int i = 0; i < 6; i++)
        chat_fixture_ask(&f, &request, "Hi");
    amphi_decision decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "cloud (local)");
    expect_reason(&decision, "local", AMPHI_REASON_QUARANTINE, "crashed");
    int starts = atomic_load(&f.local.starts);
    chat_fixture_ask(&f, &request, "Hi");
    assert_int_equal(atomic_load(&f.local.starts), starts);
    amphi_client *other = chat_fixture_client(&f, NULL); /* it reads the same ledger */
    amphi_client *own = f.client;
    f.client = other;
    decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "cloud (local)");
    f.client = own;
    amphi_client_free(other);
    strcpy(f.local.info.fingerprint, "f2"); /* another model file starts clean */
    decision = explain(&f, AMPHI_MODE_AUTO);
    expect_order(&decision, "local cloud");
    chat_fixture_close(&f);
}

static void load__least_loaded_of_equal_routes_goes_first(void **state)
{
    static const scripted_step waits[] = {{SCRIPT_SAY, "Hel", 0}, {SCRIPT_WAIT, NULL, 600000},
        {SCRIPT_FINISH, NULL, AMPHI_FINISH_STOP}};
    chat_fixture f;
    chat_fixture_init(&f, says_hello, waits);
    f.parts.engines_count = 2;
    chat_fixture_start(&f, NULL);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_CLOUD);
    amphi_stream *stream = chat_fixture_begin(&f, &request, "Hi");
    amphi_event event;
    do {
        assert_int_equal(amphi_stream_next(stream, 20000, &event, NULL), AMPHI_OK);
    } while (event.kind != AMPHI_EVENT_DELTA);
    bool busy_is_first = amphi__str_equal_c(event.route, "cloud");
    for (int i = 0; i < 20; i++) { /* whatever the draw says */
        amphi_decision decision = explain(&f, AMPHI_MODE_ONLY_CLOUD);
        expect_order(&decision, busy_is_first ? "cloud2 cloud (local)" : "cloud cloud2 (local)");
    }
    amphi_stream_free(stream);
    chat_fixture_close(&f);
}

static void explain__json_has_the_same_and_mistakes_are_named(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_chat_request request = chat_fixture_request(AMPHI_MODE_ONLY_LOCAL);
    amphi_decision decision = explain_request(&f, &request);
    char *json = NULL;
    assert_int_equal(amphi_route_explain_json(f.client, &request, &json, NULL), AMPHI_OK);
    static const char start[] = "{\"mode\":\"only_local\",\"private\":false,"
                                "\"privacy\":\"only_local\",\"turns_omitted\":0,"
                                "\"routes\":[{\"route\":\"local\",\"kept\":true,";
    assert_int_equal(strncmp(json, start, sizeof start - 1), 0);
    assert_non_null(strstr(json, route_of(&decision, "cloud")->why));
    amphi_string_free(json);

    amphi_error error;
    assert_int_equal(amphi_route_explain(NULL, &request, &decision, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "client"));
    assert_int_equal(amphi_route_explain_json(f.client, &request, NULL, NULL), AMPHI_E_ARGUMENT);
    request.messages_count = 0;
    assert_int_equal(amphi_route_explain_json(f.client, &request, &json, &error), AMPHI_E_ARGUMENT);
    assert_null(json);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain__starts_nothing_and_names_every_route),
        cmocka_unit_test(facts__probed_device_counts),
        cmocka_unit_test(facts__push_wins_over_the_probe_until_it_is_cleared),
        cmocka_unit_test(facts__thresholds_are_remembered_by_real_decisions),
        cmocka_unit_test(facts__thresholds_outlast_a_thousand_requests),
        cmocka_unit_test(facts__loopback_needs_no_network_pushed_facts_included),
        cmocka_unit_test(request__needs_reach_the_policy),
        cmocka_unit_test(request__fallbacks_are_the_only_routes_after_the_model),
        cmocka_unit_test(health__failures_leave_a_route_alone_until_its_probe_succeeds),
        cmocka_unit_test(health__engine_that_died_is_started_again_when_the_others_fail_too),
        cmocka_unit_test(health__refusal_of_a_request_is_no_failure_of_the_route),
        cmocka_unit_test(health__crashes_of_the_local_engine_come_from_the_ledger),
        cmocka_unit_test(load__least_loaded_of_equal_routes_goes_first),
        cmocka_unit_test(explain__json_has_the_same_and_mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
