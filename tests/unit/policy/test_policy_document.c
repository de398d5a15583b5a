/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document: defaults, limits, all or nothing, and the reference page.
 */
#include "policy/policy.h"
#include "policy/policy_document.h"
#include "sdk/core/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

static amphi_status apply(amphi_policy *policy, const char *json, amphi_error *error)
{
    return amphi__policy_apply_json(policy, amphi_str_from(json), error);
}

static void document__defaults_are_those_of_the_header(void **state)
{
    (void)state;
    amphi_policy p;
    amphi__policy_init(&p);
    assert_int_equal(p.mode, AMPHI_MODE_AUTO);
    assert_true(p.local_enabled && p.cloud_enabled && p.metered_allowed);
    assert_int_equal(p.battery_min_percent, 20);
    assert_int_equal(p.battery_resume_percent, 25);
    assert_int_equal(p.thermal_max, AMPHI_THERMAL_FAIR);
    assert_int_equal(p.memory_max_percent, 70);
    assert_int_equal(p.memory_unload_percent, 80);
    assert_int_equal(p.local_context_tokens_max, 4096);
    assert_int_equal(p.answer_tokens_max, 0);
    assert_int_equal(p.local_budgets.first_token_ms, 0);
    assert_int_equal(p.local_budgets.idle_ms, 0);
    assert_int_equal(p.cloud_budgets.connect_ms, 5000);
    assert_int_equal(p.cloud_budgets.first_token_ms, 0);
    assert_int_equal(p.cloud_budgets.idle_ms, 0);
    assert_int_equal(p.total_ms, 120000);
    assert_int_equal(p.cache_ttl_s, 604800);
    assert_int_equal(p.breaker_failures, 3);
    assert_int_equal(p.breaker_open_ms, 10000);
    assert_int_equal(p.crash_limit, 3);
    assert_int_equal(p.crash_window_s, 600);
    assert_int_equal(p.crash_quiet_s, 150);
}

static void document__what_is_written_reads_back(void **state)
{
    (void)state;
    amphi_policy p;
    amphi_policy back;
    amphi_error error;
    amphi_buf text;
    amphi__policy_init(&p);
    assert_int_equal(apply(&p,
                         "{\"mode\":\"prefer_cloud\",\"private_history\":\"omit\",\"local\":{"
                         "\"tokens_per_second_max\":12.25},"
                         "\"memory\":{\"max_percent\":50},\"cloud\":{\"enabled\":false}}",
                         &error),
        AMPHI_OK);
    amphi__buf_init(&text, 0);
    assert_int_equal(amphi__policy_to_json(&p, &text), AMPHI_OK);
    amphi__policy_init(&back);
    assert_int_equal(amphi__policy_apply_json(&back, amphi__buf_str(&text), &error), AMPHI_OK);
    assert_memory_equal(&p, &back, sizeof p);
    /* Each group is written once: a duplicate would lose fields for other readers. */
    const char *first = strstr(text.data, "\"local\":");
    assert_non_null(first);
    assert_null(strstr(first + 1, "\"local\":"));
    amphi__buf_clear(&text);
}

static void default_text(const amphi_policy_field *f, char *out, size_t size)
{
    switch (f->type) {
    case AMPHI_POLICY_BOOL:
        snprintf(out, size, "`%s`", f->otherwise != 0 ? "true" : "false");
        break;
    case AMPHI_POLICY_MODE:
        snprintf(out, size, "`\"%s\"`", amphi_mode_name((amphi_mode)f->otherwise));
        break;
    case AMPHI_POLICY_THERMAL:
        snprintf(out, size, "`\"%s\"`", amphi__policy_thermal_name((amphi_thermal)f->otherwise));
        break;
    case AMPHI_POLICY_CHOICE:
        snprintf(out, size, "`\"%s\"`", f->choices[(unsigned)f->otherwise]);
        break;
    default:
        snprintf(out, size, "%.0f", f->otherwise);
        break;
    }
}

static void field_line(const amphi_policy_field *f, char *out, size_t size)
{
    char otherwise[48];
    char limits[64];
    default_text(f, otherwise, sizeof otherwise);
    if (f->type == AMPHI_POLICY_BOOL)
        snprintf(limits, sizeof limits, "`true`, `false`");
    else if (f->type == AMPHI_POLICY_MODE)
        snprintf(limits, sizeof limits, "see Modes");
    else if (f->type == AMPHI_POLICY_THERMAL)
        snprintf(limits, sizeof limits, "see Thermal states");
    else if (f->type == AMPHI_POLICY_CHOICE)
        snprintf(limits, sizeof limits, "`\"%s\"`, `\"%s\"`", f->choices[0], f->choices[1]);
    else
        snprintf(limits, sizeof limits, "%.0f to %.0f", f->low, f->high);
    snprintf(
        out, size, "| `%s` | %s | %s | %s | %s |", f->name, otherwise, limits, f->unit, f->help);
}

/* Prints the lines that the page should have, so that it can be brought up to date by hand. */
static void document__reference_page_lists_every_field(void **state)
{
    (void)state;
    static char page[64 << 10];
    FILE *file = fopen("sdk/docs/policy.md", "r");
    assert_non_null(file);
    size_t got = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[got] = '\0';
    size_t count;
    unsigned missing = 0;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        char line[512];
        field_line(&fields[i], line, sizeof line);
        if (strstr(page, line) == NULL) {
            printf("missing from sdk/docs/policy.md:\n%s\n", line);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document__defaults_are_those_of_the_header),
        cmocka_unit_test(document__what_is_written_reads_back),
        cmocka_unit_test(document__reference_page_lists_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
