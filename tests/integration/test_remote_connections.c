/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections with a fault: kept ones with leftovers on them, a proxy that demands a password, a
 * server that refuses every HTTP/2 stream. (Silent ones: test_remote_nginx.c.)
 */
#include "remote/remote.h"
#include "tests/support/cloud.h"
#include "tests/support/engine_recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static amphi_test_cloud cloud;
static amphi_http http;

/* One question to this URL; *record is to be cleared. */
static void ask(engine_recorder *record, const char *url)
{
    amphi_engine engine;
    amphi_engine_run *run = NULL;
    amphi_engine_request request;
    amphi_remote_options options;
    memset(&options, 0, sizeof options);
    amphi_endpoint_options_init(&options.endpoint);
    options.endpoint.name = AMPHI_STR("cloud");
    options.endpoint.url = amphi_str_from(url);
    options.endpoint.ca_file = amphi_str_from(cloud.ca_file);
    options.http = http;
    assert_int_equal(amphi__remote_engine_new(&engine, &options, NULL), AMPHI_OK);
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.body =
        AMPHI_STR("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"?\"}]}");
    engine_recorder_init(record);
    amphi_engine_sink sink = engine_recorder_sink(record);
    assert_int_equal(engine.ops->start(engine.self, &run, &request, &sink, NULL), AMPHI_OK);
    assert_true(engine_recorder_wait_end(record, 10000));
    engine.ops->release(engine.self, run);
    engine.ops->free(engine.self);
    assert_int_equal(record->terminals, 1);
    assert_int_equal(record->after_terminal, 0);
}

/* The failure that leftovers cause is one that a second try heals, not a server without HTTP. */
static void connection__leftovers_are_not_taken_for_the_next_answer(void **state)
{
    char overlong[128], ok[128];
    engine_recorder record;
    amphi_test_cloud_url(&cloud, overlong, sizeof overlong, "main", "overlong");
    amphi_test_cloud_url(&cloud, ok, sizeof ok, "main", "ok");
    for (int round = 0; round < 5; round++) {
        ask(&record, overlong);
        assert_int_equal(record.error.status, AMPHI_E_TRUNCATED);
        engine_recorder_clear(&record);
        ask(&record, ok);
        if (!record.finished) {
            assert_int_equal(record.error.status, AMPHI_E_NETWORK);
            engine_recorder_clear(&record);
            ask(&record, ok);
        }
        assert_true(record.finished);
        assert_string_equal(record.text.data, AMPHI_TEST_CLOUD_ANSWER);
        engine_recorder_clear(&record);
    }
}

/* On a new connection there are no leftovers: a server that begins with such bytes does not speak
 * HTTP. */
static void connection__nonsense_on_a_new_one_is_no_http(void **state)
{
    char url[128];
    engine_recorder record;
    amphi_test_cloud_url(&cloud, url, sizeof url, "main", "nonsense");
    ask(&record, url);
    assert_int_equal(record.error.status, AMPHI_E_PROTOCOL);
    engine_recorder_clear(&record);
}

static void connection__proxy_that_refuses_is_named(void **state)
{
    char proxy[64];
    engine_recorder record;
    snprintf(proxy, sizeof proxy, "http://user:sk-proxy@127.0.0.1:%d",
        amphi_test_cloud_port(&cloud, "proxy"));
    setenv("https_proxy", proxy, 1);
    ask(&record, "https://cloud.invalid/v1"); /* only the proxy would resolve it */
    unsetenv("https_proxy");
    assert_int_equal(record.error.status, AMPHI_E_NETWORK);
    assert_string_equal(record.error.message,
        "the proxy refused the connection (HTTP 407): check the proxy settings");
    engine_recorder_clear(&record);
}

/* curl alone would send the request six times. */
static void connection__refused_streams_are_asked_for_twice_at_most(void **state)
{
    char url[128];
    engine_recorder record;
    amphi_test_cloud_url(&cloud, url, sizeof url, "h2-refuser", "ok");
    ask(&record, url);
    assert_int_equal(record.error.status, AMPHI_E_NETWORK);
    assert_int_equal(amphi_test_cloud_attempts(&cloud, "h2-refuser"), 2);
    engine_recorder_clear(&record);
}

static int start_all(void **state)
{
    return amphi_test_cloud_start(&cloud) && amphi__http_new(&http, NULL) == AMPHI_OK ? 0 : -1;
}

static int stop_all(void **state)
{
    http.ops->free(http.self);
    amphi_test_cloud_stop(&cloud);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection__nonsense_on_a_new_one_is_no_http), /* must be the first */
        cmocka_unit_test(connection__leftovers_are_not_taken_for_the_next_answer),
        cmocka_unit_test(connection__proxy_that_refuses_is_named),
        cmocka_unit_test(connection__refused_streams_are_asked_for_twice_at_most),
    };
    return cmocka_run_group_tests_name(
        "integration.remote_connections", tests, start_all, stop_all);
}
