/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts of the device as JSON: what is named is set, mistakes are refused in words.
 */
#include "sdk/client/client.h"
#include "tests/support/chat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

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
    assert_int_equal(
        amphi__device_facts_parse(&f, AMPHI_STR("{\"in_foreground\":false}"), NULL), AMPHI_OK);
    assert_int_equal(f.known, AMPHI_FACT_FOREGROUND);
    assert_int_equal(f.in_foreground, AMPHI_NO);
    assert_int_equal(
        amphi__device_facts_parse(&f, AMPHI_STR("{\"in_foreground\":true}"), NULL), AMPHI_OK);
    assert_int_equal(f.in_foreground, AMPHI_YES);
    assert_int_equal(amphi__device_facts_parse(&f,
                         AMPHI_STR("{\"cores\":8,\"cores_big\":4,\"cpu_stall_percent\":1,"
                                   "\"memory_stall_percent\":2,\"io_stall_percent\":100,"
                                   "\"draw_mw\":4000000000,\"energy_uj\":9007199254740993}"),
                         NULL),
        AMPHI_OK);
    assert_int_equal(f.known, AMPHI_FACT_CORES | AMPHI_FACT_CPU_STALL | AMPHI_FACT_MEMORY_STALL |
                                  AMPHI_FACT_IO_STALL | AMPHI_FACT_DRAW | AMPHI_FACT_ENERGY);
    assert_int_equal(f.cores * 100 + f.cores_big, 804);
    assert_int_equal(f.cpu_stall_percent + f.memory_stall_percent, 3);
    assert_int_equal(f.io_stall_percent, 100);
    assert_int_equal(f.draw_mw, 4000000000);
    assert_int_equal(f.energy_uj, 9007199254740993);
    assert_int_equal(amphi__device_facts_parse(&f, AMPHI_STR("{\"cores\":6}"), NULL), AMPHI_OK);
    assert_int_equal(f.cores_big, 6); /* nothing tells them apart */
}

static void device_facts__mistakes_are_named(void **state)
{
    static const char *const cases[] = {"[]", "{\"battery\":8}", "{\"battery_percent\":101}",
        "{\"battery_percent\":\"8\"}", "{\"thermal\":\"warm\"}", "{\"network\":4}",
        "{\"charging\":1}", "{\"memory_total_bytes\":5}",
        "{\"memory_total_bytes\":5,\"memory_available_bytes\":6}", "{\"memory_pressure\":3}",
        "{\"in_foreground\":1}", "{\"in_foreground\":\"no\"}", "{\"rtt_ms\":-1}", "not json",
        "{\"cores_big\":4}", "{\"cores\":4,\"cores_big\":5}", "{\"cores\":65536}",
        "{\"cpu_stall_percent\":101}", "{\"memory_stall_percent\":101}",
        "{\"io_stall_percent\":101}", "{\"draw_mw\":4294967296}", "{\"energy_uj\":-1}",
        "{\"heat_forecast_percent\":65536}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_device_facts f;
        amphi_error error;
        assert_int_not_equal(
            amphi__device_facts_parse(&f, amphi_str_from(cases[i]), &error), AMPHI_OK);
        assert_true(error.message[0] != '\0');
    }
}

/* Half a fact, one that stands there twice, a total of nothing: each would do nothing, or switch a
 * rule off. */
static void device_facts__halves_and_doubles_are_refused_by_name(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        {"{\"memory_available_bytes\":0}", "memory_total_bytes"},
        {"{\"memory_available_bytes\":5}", "name both"},
        {"{\"memory_total_bytes\":5}", "name both"},
        {"{\"memory_total_bytes\":0,\"memory_available_bytes\":0}", "memory_total_bytes"},
        {"{\"charging\":true}", "charging goes with battery_percent"},
        {"{\"charging\":false,\"thermal\":\"fair\"}", "charging goes with battery_percent"},
        {"{\"battery_percent\":8,\"battery_percent\":80}", "battery_percent stands there twice"},
        {"{\"thermal\":\"critical\",\"thermal\":\"nominal\"}", "thermal stands there twice"},
        {"{\"battery\":8}", "there is no fact \"battery\"; did you mean battery_percent?"},
        {"{\"Thermal\":\"fair\"}", "did you mean thermal?"},
        {"{\"a\\nb\":8}", "there is no fact \"a\\u000ab\""},
        {"{\"\":8}", "there is no fact \"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_device_facts f;
        amphi_error error;
        assert_int_equal(
            amphi__device_facts_parse(&f, amphi_str_from(cases[i].json), &error), AMPHI_E_ARGUMENT);
        if (strstr(error.message, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].json, error.message);
        assert_null(strchr(error.message, '\n'));
    }
}

static amphi_device_facts seen(chat_fixture *f)
{
    amphi_device_facts facts;
    amphi_device_facts_init(&facts);
    assert_int_equal(amphi_device_snapshot(f->client, &facts, NULL), AMPHI_OK);
    return facts;
}

static void push(chat_fixture *f, const char *json)
{
    amphi_error error;
    if (amphi_device_push_json(f->client, amphi_str_from(json), &error) != AMPHI_OK)
        fail_msg("%s: %s", json, error.message);
}

/* "unknown" says nothing, so it can't stand in the way of what the probe sees. */
static void device_facts__unknown_takes_a_pushed_fact_back(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    f.device.known |= AMPHI_FACT_FOREGROUND;
    f.device.thermal = AMPHI_THERMAL_CRITICAL;
    f.device.network = AMPHI_NETWORK_METERED;
    f.device.in_foreground = AMPHI_NO;
    chat_fixture_start(&f, NULL);
    push(&f, "{\"thermal\":\"unknown\",\"network\":\"unknown\"}");
    assert_int_equal(seen(&f).thermal, AMPHI_THERMAL_CRITICAL);
    assert_int_equal(seen(&f).network, AMPHI_NETWORK_METERED);
    push(&f, "{\"thermal\":\"nominal\",\"network\":\"free\",\"in_foreground\":true}");
    assert_int_equal(seen(&f).thermal, AMPHI_THERMAL_NOMINAL);
    push(&f, "{\"thermal\":\"unknown\"}");
    assert_int_equal(seen(&f).thermal, AMPHI_THERMAL_CRITICAL);
    assert_int_equal(seen(&f).network, AMPHI_NETWORK_FREE); /* the others stay */
    amphi_device_facts facts;
    amphi_device_facts_init(&facts);
    facts.known = AMPHI_FACT_FOREGROUND | AMPHI_FACT_NETWORK;
    assert_int_equal(amphi_device_push(f.client, &facts, NULL), AMPHI_OK);
    assert_int_equal(seen(&f).network, AMPHI_NETWORK_METERED);
    assert_int_equal(seen(&f).in_foreground, AMPHI_NO);
    chat_fixture_close(&f);
}

static void device_facts__one_of_rtt_and_throughput_leaves_the_other(void **state)
{
    chat_fixture f;
    chat_fixture_open(&f, says_hello, says_hello);
    push(&f, "{\"rtt_ms\":5000}");
    push(&f, "{\"throughput_kbps\":100}");
    assert_int_equal(seen(&f).rtt_ms, 5000);
    assert_int_equal(seen(&f).throughput_kbps, 100);
    push(&f, "{\"rtt_ms\":40}");
    assert_int_equal(seen(&f).rtt_ms, 40);
    assert_int_equal(seen(&f).throughput_kbps, 100);
    push(&f, "{}"); /* clears every push */
    assert_int_equal(seen(&f).known & AMPHI_FACT_LATENCY, 0);
    chat_fixture_close(&f);
}

static void device_facts__a_push_that_says_nothing_is_refused(void **state)
{
    chat_fixture f;
    amphi_error error;
    amphi_device_facts facts;
    chat_fixture_open(&f, says_hello, says_hello);
    amphi_device_facts_init(&facts);
    facts.known = AMPHI_FACT_MEMORY; /* 0 of 0 bytes */
    assert_int_equal(amphi_device_push(f.client, &facts, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "memory_total_bytes"));
    facts.known = AMPHI_FACT_ALL + 1;
    assert_int_equal(amphi_device_push(f.client, &facts, &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "known"));
    chat_fixture_close(&f);
}

/* A probe of the app's own, in the field: what can't be is not known. */
static void device_facts__impossible_probes_count_as_unknown(void **state)
{
    chat_fixture f;
    chat_fixture_init(&f, says_hello, says_hello);
    f.device.known = AMPHI_FACT_ALL;
    f.device.memory_total_bytes = 0;
    f.device.battery_percent = 255;
    f.device.thermal = (amphi_thermal)9;
    f.device.network = (amphi_network)9;
    f.device.memory_pressure = 200;
    f.device.in_foreground = (amphi_tristate)9;
    f.device.cores = 2;
    f.device.cores_big = 4;
    f.device.cpu_stall_percent = 101;
    f.device.memory_stall_percent = 101;
    f.device.io_stall_percent = 101;
    f.device.power_save = (amphi_tristate)9;
    chat_fixture_start(&f, NULL);
    const uint32_t any =
        AMPHI_FACT_LATENCY | AMPHI_FACT_DRAW | AMPHI_FACT_ENERGY | AMPHI_FACT_BACKGROUND;
    assert_int_equal(seen(&f).known, any | AMPHI_FACT_FORECAST);
    push(&f, "{\"battery_percent\":8}");
    assert_int_equal(seen(&f).known, any | AMPHI_FACT_FORECAST | AMPHI_FACT_BATTERY);
    chat_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_facts__json_sets_just_what_it_names),
        cmocka_unit_test(device_facts__mistakes_are_named),
        cmocka_unit_test(device_facts__halves_and_doubles_are_refused_by_name),
        cmocka_unit_test(device_facts__unknown_takes_a_pushed_fact_back),
        cmocka_unit_test(device_facts__one_of_rtt_and_throughput_leaves_the_other),
        cmocka_unit_test(device_facts__a_push_that_says_nothing_is_refused),
        cmocka_unit_test(device_facts__impossible_probes_count_as_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
