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
}

static void device_facts__mistakes_are_named(void **state)
{
    static const char *const cases[] = {"[]", "{\"battery\":8}", "{\"battery_percent\":101}",
        "{\"battery_percent\":\"8\"}", "{\"thermal\":\"warm\"}", "{\"network\":4}",
        "{\"charging\":1}", "{\"memory_total_bytes\":5}",
        "{\"memory_total_bytes\":5,\"memory_available_bytes\":6}", "{\"memory_pressure\":3}",
        "{\"in_foreground\":1}", "{\"in_foreground\":\"no\"}", "{\"rtt_ms\":-1}", "not json"};
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
