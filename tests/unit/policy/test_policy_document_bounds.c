/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds between fields: what contradicts itself is refused, what is not named follows.
 */
#include "policy/policy_document.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void relations__contradictions_are_refused_with_both_names(void **state)
{
    static const struct {
        const char *json, *low, *high;
    } cases[] = {
        {"{\"battery\":{\"critical_percent\":30,\"min_percent\":20}}",
            "battery.critical_percent (30)", "battery.min_percent (20)"},
        {"{\"battery\":{\"min_percent\":20,\"resume_percent\":10}}", "battery.min_percent (20)",
            "battery.resume_percent (10)"},
        {"{\"battery\":{\"resume_percent\":10}}", "battery.min_percent (20)",
            "battery.resume_percent (10)"},
        {"{\"battery\":{\"min_percent\":2}}", "battery.critical_percent (3)",
            "battery.min_percent (2)"},
        {"{\"battery\":{\"critical_percent\":50,\"resume_percent\":40}}",
            "battery.min_percent (50)", "battery.resume_percent (40)"},
        {"{\"breaker\":{\"requests_min\":30}}", "breaker.requests_min (30)",
            "breaker.window_requests (20)"},
        {"{\"breaker\":{\"requests_min\":9,\"window_requests\":8}}", "breaker.requests_min (9)",
            "breaker.window_requests (8)"},
        {"{\"crash\":{\"quiet_s\":601}}", "crash.quiet_s (601)", "crash.window_s (600)"},
        {"{\"cloud\":{\"hedge_ms\":200000}}", "cloud.hedge_ms (200000)", "total_ms (120000)"},
        {"{\"total_ms\":900,\"local\":{\"budgets\":{\"idle_ms\":1000}}}",
            "local.budgets.idle_ms (1000)", "total_ms (900)"},
        {"{\"cloud\":{\"budgets\":{\"first_token_ms\":120001}}}", "cloud.budgets.first_token_ms",
            "total_ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_policy before;
        amphi_error error;
        amphi__policy_init(&before);
        amphi_policy p = before;
        assert_int_equal(
            amphi__policy_apply_json(&p, amphi_str_from(cases[i].json), &error), AMPHI_E_ARGUMENT);
        if (strstr(error.message, cases[i].low) == NULL ||
            strstr(error.message, cases[i].high) == NULL)
            fail_msg("%s: %s", cases[i].json, error.message);
        assert_memory_equal(&p, &before, sizeof p);
    }
}

static void relations__what_is_not_named_follows(void **state)
{
    static const struct {
        const char *json;
        const char *field;
        double value;
    } cases[] = {
        {"{\"battery\":{\"min_percent\":30}}", "battery.resume_percent", 35},
        {"{\"battery\":{\"min_percent\":25}}", "battery.resume_percent", 25},
        {"{\"battery\":{\"min_percent\":98}}", "battery.resume_percent", 100},
        {"{\"battery\":{\"critical_percent\":40}}", "battery.min_percent", 40},
        {"{\"battery\":{\"critical_percent\":40}}", "battery.resume_percent", 45},
        {"{\"battery\":{\"min_percent\":3}}", "battery.critical_percent", 3},
        {"{\"breaker\":{\"window_requests\":4}}", "breaker.requests_min", 4},
        {"{\"crash\":{\"window_s\":60}}", "crash.quiet_s", 60},
        {"{\"total_ms\":3000}", "cloud.budgets.connect_ms", 3000},
        {"{\"total_ms\":3000}", "cloud.budgets.idle_ms", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_policy p;
        amphi_error error;
        amphi__policy_init(&p);
        if (amphi__policy_apply_json(&p, amphi_str_from(cases[i].json), &error) != AMPHI_OK)
            fail_msg("%s: %s", cases[i].json, error.message);
        const amphi_policy_field *field = amphi__policy_field_named(cases[i].field, NULL);
        if (amphi__policy_field_get(&p, field) != cases[i].value)
            fail_msg("%s: %s is %.0f", cases[i].json, cases[i].field,
                amphi__policy_field_get(&p, field));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relations__contradictions_are_refused_with_both_names),
        cmocka_unit_test(relations__what_is_not_named_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
