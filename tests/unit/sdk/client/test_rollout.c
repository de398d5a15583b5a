/* SPDX-License-Identifier: Apache-2.0
 *
 * The remote config in a client: when its URL is asked, and what the features do to requests.
 */
#include "sdk/core/str.h"
#include "tests/support/chat_fixture.h"
#include "tests/support/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_MS = 20000 };

static amphi_client_options options;
static amphi_rollout_settings settings;
static chat_fixture f;

static int set_up(void **state)
{
    rollout_scene_set_up(state);
    chat_fixture_init(&f, says_hello, says_hello);
    f.parts.http = (amphi_http){&fake_http_ops, &http};
    amphi_client_options_init(&options);
    amphi_rollout_settings_init(&settings);
    options.parts = &f.parts;
    options.rollout = &settings;
    options.rollout_source = AMPHI_STR(URL);
    http.body = KILL_SWITCH;
    return 0;
}

static int tear_down(void **state)
{
    chat_fixture_close(&f);
    return rollout_scene_tear_down(state);
}

static void start(void)
{
    assert_int_equal(amphi_client_new(&f.client, &options, NULL), AMPHI_OK);
}

/* A round of the background thread, from its beginning to its end. */
static void run_round(void)
{
    uint32_t left = 0;
    assert_int_equal(amphi_outbox_flush(f.client, LONG_MS, &left, NULL), AMPHI_OK);
}

static void push(const char *facts)
{
    assert_int_equal(amphi_device_push_json(f.client, amphi_str_from(facts), NULL), AMPHI_OK);
}

static void traffic__one_look_for_twenty_pushed_facts(void **state)
{
    (void)state;
    start();
    run_round();
    assert_int_equal(http.requests, 1);
    for (int i = 0; i < 20; i++) {
        char facts[64];
        snprintf(facts, sizeof facts, "{\"battery_percent\":%d}", 50 + i);
        push(facts);
        run_round();
    }
    assert_int_equal(http.requests, 1);
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK); /* asked for: at once */
    assert_int_equal(http.requests, 2);
}

static void traffic__a_server_that_fails_is_not_asked_with_every_fact(void **state)
{
    (void)state;
    http.fails = AMPHI_E_OFFLINE;
    start();
    for (int i = 0; i < 5; i++) {
        push("{\"battery_percent\":50}");
        run_round();
    }
    assert_int_equal(http.requests, 1);
}

static void traffic__nothing_leaves_where_the_app_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *policy, *facts;
        bool is_private;
        amphi_status asked; /* amphi_rollout_refresh */
    } table[] = {
        {"{\"cloud\":{\"enabled\":false}}", "{}", false, AMPHI_E_REFUSED},
        {"{\"network\":{\"metered_allowed\":false}}", "{\"network\":\"metered\"}", false,
            AMPHI_E_REFUSED},
        {"", "{}", true, AMPHI_OK},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        amphi_error error;
        options.policy_json = amphi_str_from(table[i].policy);
        options.is_private = table[i].is_private;
        http.requests = 0;
        start();
        push(table[i].facts);
        run_round();
        push(table[i].facts);
        run_round();
        assert_int_equal(amphi_client_prewarm(f.client, NULL), AMPHI_OK);
        assert_int_equal(http.requests, 0);
        assert_int_equal(amphi_rollout_refresh(f.client, &error), table[i].asked);
        assert_int_equal(http.requests, table[i].asked == AMPHI_OK);
        amphi_client_free(f.client);
        f.client = NULL;
    }
}

/* What the rollout itself has switched off can be switched on again by it. */
static void traffic__goes_on_when_the_payload_switches_the_cloud_off(void **state)
{
    (void)state;
    http.body =
        "{\"features\":{\"amphi.policy\":{\"defaultValue\":{\"cloud\":{\"enabled\":false}}}}}";
    start();
    run_round();
    http.body = "{\"features\":{}}";
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
    assert_int_equal(http.requests, 2);
}

/* A metered network that is left again is no reason to wait for the next poll. */
static void traffic__a_look_that_was_forbidden_is_made_up_for(void **state)
{
    (void)state;
    options.policy_json = AMPHI_STR("{\"network\":{\"metered_allowed\":false}}");
    start();
    push("{\"network\":\"metered\"}");
    run_round();
    unsigned before = http.requests; /* the first round may have come before the push */
    push("{\"network\":\"free\"}");
    run_round();
    assert_int_equal(http.requests, 1);
    assert_in_range(before, 0, 1);
}

static void start__does_not_wait_for_a_server_that_hangs(void **state)
{
    (void)state;
    start();
    assert_false(amphi_rollout_is_there(f.client));
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
    assert_true(amphi_rollout_is_there(f.client));
    amphi_client_free(f.client);
    http.hangs = true;
    start(); /* returns while the server hangs: nothing would end it here */
    assert_true(amphi_rollout_is_there(f.client));
    amphi_client_free(f.client);
    f.client = NULL;
    http.hangs = false;
}

/* ---- what the features do ---- */

static amphi_chat_result result;

/* The stream stays open for the result's strings. */
static amphi_stream *ask(void)
{
    amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi")};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_event event;
    amphi_chat_request_init(&request);
    amphi_chat_result_init(&result);
    request.messages = &message;
    request.messages_count = 1;
    request.sampling.temperature = 0;
    request.mode = AMPHI_MODE_PREFER_CLOUD;
    assert_int_equal(amphi_chat_start(&stream, f.client, &request, NULL), AMPHI_OK);
    do
        assert_int_equal(amphi_stream_next(stream, LONG_MS, &event, NULL), AMPHI_OK);
    while (!amphi_event_is_terminal(&event));
    assert_int_equal(amphi_stream_result(stream, &result, NULL), AMPHI_OK);
    return stream;
}

static amphi_rollout_exposure exposed[8];
static unsigned exposed_count;

static void see_exposure(void *user, const amphi_rollout_exposure *exposure)
{
    assert_ptr_equal(user, exposed);
    if (exposed_count < 8)
        exposed[exposed_count++] = *exposure;
}

static void exposure__is_an_event_once_and_stands_in_the_record(void **state)
{
    (void)state;
    exposed_count = 0;
    settings.exposure = see_exposure;
    settings.exposure_user = exposed;
    http.body = "{\"features\":{\"amphi.policy\":{\"rules\":[{\"id\":\"fr_7\",\"force\":"
                "{\"total_ms\":99999}}]}}}";
    start();
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
    run_round();
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
    assert_int_equal(exposed_count, 1);
    assert_string_equal(exposed[0].feature, "amphi.policy");
    assert_string_equal(exposed[0].rule, "fr_7");
    amphi_stream *stream = ask();
    assert_int_equal(result.exposures_count, 1);
    assert_string_equal(result.exposures[0].rule, "fr_7");
    char *json = NULL;
    assert_int_equal(amphi_stream_result_json(stream, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"rollout\":[{\"feature\":\"amphi.policy\",\"rule\":\"fr_7\","
                                 "\"payload\":\""));
    amphi_string_free(json);
    amphi_stream_free(stream);
    http.body = KILL_SWITCH; /* another payload is another exposure */
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
    assert_int_equal(exposed_count, 2);
    assert_string_equal(exposed[1].rule, "default");
}

static void attributes__that_come_later_are_applied_at_once(void **state)
{
    (void)state;
    char *json = NULL;
    http.body = "{\"features\":{\"amphi.policy\":{\"rules\":[{\"condition\":{\"tier\":\"free\"},"
                "\"force\":{\"mode\":\"only_local\"}}]}}}";
    start();
    assert_int_equal(amphi_rollout_refresh(f.client, NULL), AMPHI_OK);
    assert_int_equal(amphi_rollout_show(f.client, &json, NULL), AMPHI_OK);
    assert_null(strstr(json, "\"policy\":{\"mode\":\"only_local\""));
    amphi_string_free(json);
    assert_int_equal(
        amphi_rollout_attributes(f.client, AMPHI_STR("{\"tier\":\"free\"}"), NULL), AMPHI_OK);
    assert_int_equal(amphi_rollout_show(f.client, &json, NULL), AMPHI_OK);
    assert_non_null(strstr(json, "\"policy\":{\"mode\":\"only_local\""));
    amphi_string_free(json);
    assert_int_equal(amphi_rollout_attributes(f.client, AMPHI_STR("{"), NULL), AMPHI_E_ARGUMENT);
}

static void settings__that_are_wrong_are_refused_by_name(void **state)
{
    (void)state;
    amphi_error error;
    const amphi_rollout_model nameless[] = {{AMPHI_STR(""), AMPHI_STR("x.gguf")}};
    settings.poll_s = 5;
    assert_int_equal(amphi_client_new(&f.client, &options, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "poll_s"));
    settings.poll_s = 0;
    settings.keys = AMPHI_STR("abc");
    assert_int_equal(amphi_client_new(&f.client, &options, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "rollout keys"));
    settings.keys = AMPHI_STR("");
    settings.attributes_json = AMPHI_STR("[]");
    assert_int_equal(amphi_client_new(&f.client, &options, &error), AMPHI_E_ARGUMENT);
    settings.attributes_json = AMPHI_STR("");
    settings.bootstrap = AMPHI_STR("x");
    assert_int_equal(amphi_client_new(&f.client, &options, &error), AMPHI_E_ARGUMENT);
    settings.bootstrap = AMPHI_STR("");
    settings.models = nameless;
    settings.models_count = 1;
    assert_int_equal(amphi_client_new(&f.client, &options, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "models[0]"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(traffic__one_look_for_twenty_pushed_facts),
        CASE(traffic__a_server_that_fails_is_not_asked_with_every_fact),
        CASE(traffic__nothing_leaves_where_the_app_says_so),
        CASE(traffic__goes_on_when_the_payload_switches_the_cloud_off),
        CASE(traffic__a_look_that_was_forbidden_is_made_up_for),
        CASE(start__does_not_wait_for_a_server_that_hangs),
        CASE(exposure__is_an_event_once_and_stands_in_the_record),
        CASE(attributes__that_come_later_are_applied_at_once),
        CASE(settings__that_are_wrong_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
