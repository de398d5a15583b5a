/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's edges: what people type and push. One clear line for a mistake.
 */
#include "sdk/client/client.h"
#include "sdk/client/tool_calls.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void endpoint__every_option_is_understood(void **state)
{
    amphi_endpoint_options o;
    char pins[128];
    assert_int_equal(
        amphi_endpoint_parse(&o,
            AMPHI_STR("work=https://api.example.com/v1,model=m-1,key-file=/k,ca=/c,"
                      "pin=sha256//AAA=,pin=sha256//BBB=,context=8192,priority=2,weight=3,"
                      "prefix=no,tls12=yes"),
            pins, sizeof pins, NULL),
        AMPHI_OK);
    assert_true(amphi__str_equal_c(o.name, "work"));
    assert_true(amphi__str_equal_c(o.url, "https://api.example.com/v1"));
    assert_true(amphi__str_equal_c(o.model, "m-1"));
    assert_true(amphi__str_equal_c(o.key_file, "/k"));
    assert_true(amphi__str_equal_c(o.ca_file, "/c"));
    assert_true(amphi__str_equal_c(o.pins, "sha256//AAA=;sha256//BBB="));
    assert_int_equal(o.context_tokens_max, 8192);
    assert_int_equal(o.priority, 2);
    assert_int_equal(o.weight, 3);
    assert_int_equal(o.prefix, AMPHI_NO);
    assert_true(o.tls12);
}

static void endpoint__mistakes_are_named(void **state)
{
    static const char *const cases[] = {"", "work", "=https://x", "work=", "w=https://x,colour=red",
        "w=https://x,context=many", "w=https://x,tls12=maybe", "w=https://x,weight=4294967296",
        "w=https://x,prefix=", "w=https://x,pin=", "w=https://x,ca=,model=m",
        "w=https://x,key-file="};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_endpoint_options o;
        amphi_error error;
        assert_int_equal(
            amphi_endpoint_parse(&o, amphi_str_from(cases[i]), NULL, 0, &error), AMPHI_E_ARGUMENT);
        assert_int_equal(strncmp(error.message, "endpoint: ", 10), 0);
    }
}

static void device_facts__json_sets_just_what_it_names(void **state)
{
    amphi_device_facts f;
    assert_int_equal(
        amphi__device_facts_parse(&f,
            AMPHI_STR("{\"battery_percent\":8,\"charging\":true,\"thermal\":\"serious\"}"), NULL),
        AMPHI_OK);
    assert_int_equal(f.known, AMPHI_FACT_BATTERY | AMPHI_FACT_THERMAL);
    assert_int_equal(f.battery_percent, 8);
    assert_true(f.charging);
    assert_int_equal(f.thermal, AMPHI_THERMAL_SERIOUS);
}

static void device_facts__mistakes_are_named(void **state)
{
    static const char *const cases[] = {"[]", "{\"battery\":8}", "{\"battery_percent\":101}",
        "{\"battery_percent\":\"8\"}", "{\"thermal\":\"warm\"}", "{\"network\":4}",
        "{\"charging\":1}", "{\"memory_total_bytes\":5}",
        "{\"memory_total_bytes\":5,\"memory_available_bytes\":6}", "{\"memory_pressure\":3}",
        "{\"rtt_ms\":-1}", "not json"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_device_facts f;
        amphi_error error;
        assert_int_not_equal(
            amphi__device_facts_parse(&f, amphi_str_from(cases[i]), &error), AMPHI_OK);
        assert_true(error.message[0] != '\0');
    }
}

static void tool_calls__pieces_cut_anywhere_are_joined(void **state)
{
    amphi_tool_calls calls = {NULL, 0, 0};
    amphi_buf merged;
    amphi__buf_init(&merged, 0);
    static const char *const deltas[] = {"[{\"index\":0,\"id\":\"a\",\"type\":\"function\","
                                         "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]",
        "[{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\"}}]",
        "[{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]",
        "[{\"index\":0,\"function\":{\"arguments\":\"\\\":\"}},"
        "{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]"};
    assert_int_equal(amphi__tool_calls_write(&calls, &merged), AMPHI_OK);
    assert_int_equal(merged.size, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(amphi__tool_calls_add(&calls, amphi_str_from(deltas[i])), AMPHI_OK);
    assert_int_equal(amphi__tool_calls_write(&calls, &merged), AMPHI_OK);
    assert_string_equal(merged.data,
        "[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{"
        "\\\"x\\\":1}\"}},"
        "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]");
    amphi__tool_calls_clear(&calls);
    amphi__buf_clear(&merged);
}

static void tool_calls__hostile_indexes_are_refused(void **state)
{
    static const struct {
        const char *delta;
        amphi_status status;
    } cases[] = {
        {"[{\"index\":4000000000}]", AMPHI_E_LIMIT},
        {"[{\"index\":-1}]", AMPHI_E_FORMAT},
        {"{}", AMPHI_E_FORMAT},
        {"nonsense", AMPHI_E_FORMAT},
        {"[{\"index\":128}]", AMPHI_E_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_tool_calls calls = {NULL, 0, 0};
        assert_int_equal(
            amphi__tool_calls_add(&calls, amphi_str_from(cases[i].delta)), cases[i].status);
        assert_int_equal(calls.count, 0);
        amphi__tool_calls_clear(&calls);
    }
}

/* A file of half a megabyte, four bytes at a time: merging by rewriting took minutes. */
static void tool_calls__cost_of_a_piece_does_not_grow_with_the_call(void **state)
{
    enum { PIECES = 128 * 1024 };
    amphi_tool_calls calls = {NULL, 0, 0};
    amphi_buf merged;
    amphi__buf_init(&merged, 0);
    uint64_t began_ms = amphi__clock_ms(NULL);
    for (int i = 0; i < PIECES; i++)
        assert_int_equal(amphi__tool_calls_add(&calls,
                             AMPHI_STR("[{\"index\":0,\"function\":{\"arguments\":\"abcd\"}}]")),
            AMPHI_OK);
    assert_int_equal(amphi__tool_calls_write(&calls, &merged), AMPHI_OK);
    assert_true(merged.size > 4 * PIECES);
    assert_true(amphi__clock_ms(NULL) - began_ms < 20000);
    amphi_status status = AMPHI_OK;
    for (int i = 0; i < PIECES && status == AMPHI_OK; i++)
        status = amphi__tool_calls_add(&calls,
            AMPHI_STR(
                "[{\"index\":0,\"function\":{\"arguments\":\"abcdefghijklmnopqrstuvwxyz\"}}]"));
    assert_int_equal(status, AMPHI_E_LIMIT); /* 8 MiB */
    amphi__tool_calls_clear(&calls);
    amphi__buf_clear(&merged);
}

static void client__options_that_were_not_initialized_are_refused(void **state)
{
    amphi_client *client = NULL;
    amphi_client_options options;
    amphi_error error;
    memset(&options, 0, sizeof options);
    assert_int_equal(amphi_client_new(&client, &options, &error), AMPHI_E_ARGUMENT);
    assert_null(client);
    assert_non_null(strstr(error.message, "amphi_client_options_init"));
    assert_int_equal(amphi_client_new(NULL, NULL, NULL), AMPHI_E_ARGUMENT);
    amphi_client_free(NULL);
    amphi_stream_free(NULL);
    amphi_stream_cancel(NULL);
    amphi_string_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoint__every_option_is_understood),
        cmocka_unit_test(endpoint__mistakes_are_named),
        cmocka_unit_test(device_facts__json_sets_just_what_it_names),
        cmocka_unit_test(device_facts__mistakes_are_named),
        cmocka_unit_test(tool_calls__pieces_cut_anywhere_are_joined),
        cmocka_unit_test(tool_calls__hostile_indexes_are_refused),
        cmocka_unit_test(tool_calls__cost_of_a_piece_does_not_grow_with_the_call),
        cmocka_unit_test(client__options_that_were_not_initialized_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
