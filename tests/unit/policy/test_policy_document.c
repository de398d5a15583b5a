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
    assert_int_equal(p.memory_spare_percent, 10);
    assert_int_equal(p.rtt_slow_ms, 1000);
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

/* Words in code marks, numbers plain. */
static const char *marks(const amphi_policy_field *f)
{
    return f->type == AMPHI_POLICY_BOOL || amphi__policy_word(f, f->low) != NULL ? "`" : "";
}

static void choices_text(const amphi_policy_field *f, char *out, size_t size)
{
    out[0] = '\0';
    for (unsigned i = 0; i <= (unsigned)f->high; i++) {
        size_t at = strlen(out);
        snprintf(out + at, size - at, "%s`\"%s\"`", i > 0 ? ", " : "", f->choices[i]);
    }
}

static void field_line(const amphi_policy_field *f, char *out, size_t size)
{
    char otherwise[AMPHI_POLICY_WORDS_MAX];
    char limits[AMPHI_POLICY_WORDS_MAX];
    char payload[AMPHI_POLICY_WORDS_MAX];
    amphi__policy_value_text(otherwise, f, f->otherwise);
    amphi__policy_payload_text(payload, f);
    if (f->type == AMPHI_POLICY_BOOL)
        snprintf(limits, sizeof limits, "`true`, `false`");
    else if (f->type == AMPHI_POLICY_MODE)
        snprintf(limits, sizeof limits, "see Modes");
    else if (f->type == AMPHI_POLICY_THERMAL)
        snprintf(limits, sizeof limits, "see Thermal states");
    else if (f->type == AMPHI_POLICY_CHOICE)
        choices_text(f, limits, sizeof limits);
    else
        amphi__policy_limits_text(limits, f);
    snprintf(out, size, "| `%s` | %s%s%s | %s | %s | %s | %s |", f->name, marks(f), otherwise,
        marks(f), limits, f->unit, payload, f->help);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        count++;
    return count;
}

/* Prints the lines that the page should have, so that it can be brought up to date by hand. */
static void document__reference_page_lists_every_field(void **state)
{
    static char page[64 << 10];
    FILE *file = fopen("sdk/docs/policy.md", "r");
    assert_non_null(file);
    size_t got = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[got] = '\0';
    assert_in_range(got, 1, sizeof page - 2);
    size_t count;
    unsigned missing = 0;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        char line[640];
        field_line(&fields[i], line, sizeof line);
        if (count_of(page, line) != 1) {
            printf("missing from sdk/docs/policy.md:\n%s\n", line);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
    /* And no other: rows of its table begin like this. */
    const char *table = strstr(page, "| field | default |");
    assert_non_null(table);
    char rows[sizeof page];
    snprintf(rows, sizeof rows, "%.*s", (int)(strstr(table, "\n\n") - table), table);
    assert_int_equal(count_of(rows, "\n| `"), count);
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
