/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts of the device as JSON: what is named is set, mistakes are refused in words.
 */
#include "sdk/client/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_facts__json_sets_just_what_it_names),
        cmocka_unit_test(device_facts__mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
