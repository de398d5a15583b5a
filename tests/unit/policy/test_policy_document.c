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

static void document__nested_fields_override(void **state)
{
    (void)state;
    amphi_policy p;
    amphi_error error;
    amphi__policy_init(&p);
    assert_int_equal(apply(&p,
                         "{\"mode\":\"only_cloud\",\"local\":{\"enabled\":false,\"budgets\":"
                         "{\"idle_ms\":77}},\"thermal\":{\"max\":\"serious\"},"
                         "\"local\":{\"tokens_per_second_max\":2.5,\"enabled\":false}}",
                         &error),
        AMPHI_OK);
    assert_int_equal(p.mode, AMPHI_MODE_ONLY_CLOUD);
    assert_false(p.local_enabled);
    assert_int_equal(p.thermal_max, AMPHI_THERMAL_SERIOUS);
    assert_true(p.local_tokens_per_second_max == 2.5f);
    assert_int_equal(p.local_budgets.idle_ms, 77);
    assert_int_equal(p.cloud_budgets.idle_ms, 0);
}

static void document__one_bad_field_changes_nothing(void **state)
{
    (void)state;
    amphi_policy before;
    amphi__policy_init(&before);
    amphi_policy p = before;
    amphi_error error;
    assert_int_equal(
        apply(&p, "{\"mode\":\"only_local\",\"battery\":{\"min_percent\":101}}", &error),
        AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "battery.min_percent"));
    assert_non_null(strstr(error.message, "0 to 100"));
    assert_memory_equal(&p, &before, sizeof p);
}

static void document__bad_fields_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *json, *name;
        amphi_status status;
    } cases[] = {
        {"{\"battery\":{\"min\":1}}", "battery.min", AMPHI_E_ARGUMENT},
        {"{\"nope\":1}", "nope", AMPHI_E_ARGUMENT},
        {"{\"battery\":5}", "battery must be an object", AMPHI_E_ARGUMENT},
        {"{\"mode\":{\"x\":1}}", "mode must be", AMPHI_E_ARGUMENT},
        {"{\"mode\":\"default\"}", "mode must be", AMPHI_E_ARGUMENT},
        {"{\"mode\":\"AUTO\"}", "mode must be", AMPHI_E_ARGUMENT},
        {"{\"local\":{\"enabled\":1}}", "local.enabled", AMPHI_E_ARGUMENT},
        {"{\"local\":{\"enabled\":null}}", "local.enabled", AMPHI_E_ARGUMENT},
        {"{\"battery\":{\"min_percent\":\"20\"}}", "battery.min_percent", AMPHI_E_ARGUMENT},
        {"{\"battery\":{\"min_percent\":20.5}}", "battery.min_percent", AMPHI_E_ARGUMENT},
        {"{\"battery\":{\"min_percent\":-1}}", "battery.min_percent", AMPHI_E_ARGUMENT},
        {"{\"total_ms\":1e300}", "total_ms", AMPHI_E_ARGUMENT},
        {"{\"thermal\":{\"max\":\"unknown\"}}", "thermal.max", AMPHI_E_ARGUMENT},
        {"{\"local\":{\"budgets\":{\"connect_ms\":1}}}", "local.budgets.connect_ms",
            AMPHI_E_ARGUMENT},
        {"{\"battery.min_percent\":30}", "no field", AMPHI_E_ARGUMENT},
        {"{\"a\\nb\":1}", "no field ?", AMPHI_E_ARGUMENT},
        {"{\"\":1}", "no field", AMPHI_E_ARGUMENT},
        {"[1]", "not a JSON object", AMPHI_E_ARGUMENT},
        {"{\"mode\":\"auto\"", "policy", AMPHI_E_FORMAT},
        {"", "policy", AMPHI_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_policy before;
        amphi__policy_init(&before);
        amphi_policy p = before;
        amphi_error error;
        assert_int_equal(apply(&p, cases[i].json, &error), cases[i].status);
        if (strstr(error.message, cases[i].name) == NULL)
            fail_msg("%s: message is: %s", cases[i].json, error.message);
        assert_null(strchr(error.message, '\n'));
        assert_memory_equal(&p, &before, sizeof p);
    }
}

/* Every field at its two limits is accepted, one step outside is refused; what is written reads
 * back as the same document. */
static void document__every_limit_holds(void **state)
{
    (void)state;
    size_t count;
    const amphi_policy_field *fields = amphi__policy_fields(&count);
    for (size_t i = 0; i < count; i++) {
        const amphi_policy_field *f = &fields[i];
        assert_true(f->otherwise >= f->low && f->otherwise <= f->high);
        if (f->type == AMPHI_POLICY_BOOL || f->type == AMPHI_POLICY_MODE ||
            f->type == AMPHI_POLICY_THERMAL || f->type == AMPHI_POLICY_CHOICE)
            continue;
        const double tries[] = {f->low, f->high, f->low - 1, f->high + 1};
        for (size_t t = 0; t < 4; t++) {
            char json[256];
            char nested[160];
            size_t used = 0;
            unsigned depth = 0;
            for (const char *c = f->name; *c != '\0'; c++) {
                if (*c == '.') {
                    used += (size_t)snprintf(nested + used, sizeof nested - used, "\":{\"");
                    depth++;
                } else {
                    nested[used++] = *c;
                }
                nested[used] = '\0';
            }
            snprintf(
                json, sizeof json, "{\"%s\":%.0f%.*s", nested, tries[t], (int)depth + 1, "}}}}");
            amphi_policy p;
            amphi_error error;
            amphi__policy_init(&p);
            if ((apply(&p, json, &error) == AMPHI_OK) != (t < 2))
                fail_msg("%s: %s", json, error.message);
        }
    }
}

static void document__a_choice_is_one_of_its_words(void **state)
{
    amphi_policy p;
    amphi_error error;
    amphi__policy_init(&p);
    assert_int_equal(p.private_history, AMPHI_PRIVATE_HISTORY_LOCAL);
    assert_int_equal(p.only_local_history, AMPHI_ONLY_LOCAL_HISTORY_AS_PRIVATE);
    assert_int_equal(
        apply(&p, "{\"private_history\":\"omit\",\"only_local_history\":\"send\"}", &error),
        AMPHI_OK);
    assert_int_equal(p.private_history, AMPHI_PRIVATE_HISTORY_OMIT);
    assert_int_equal(p.only_local_history, AMPHI_ONLY_LOCAL_HISTORY_SEND);
    static const char *const wrong[] = {
        "\"Omit\"", "\"send\"", "1", "true", "null", "\"\"", "\"omit\\u0000\""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"private_history\":%s}", wrong[i]);
        assert_int_equal(apply(&p, json, &error), AMPHI_E_ARGUMENT);
        assert_non_null(strstr(error.message, "private_history must be \"local\" or \"omit\""));
    }
    assert_int_equal(p.private_history, AMPHI_PRIVATE_HISTORY_OMIT);
    assert_int_equal(apply(&p, "{\"handoff\":{\"judge\":\"all\"}}", &error), AMPHI_E_ARGUMENT);
    assert_non_null(strstr(error.message, "handoff.judge must be \"off\", \"head\" or \"any\""));
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

static void document__arbitrary_bytes_are_survived(void **state)
{
    (void)state;
    static const char seed_text[] = "{\"mode\":\"auto\",\"battery\":{\"min_percent\":30},\"local\":"
                                    "{\"enabled\":true,\"budgets\":{\"idle_ms\":5}}}";
    uint64_t random = 42;
    for (unsigned round = 0; round < 3000; round++) {
        char text[sizeof seed_text];
        memcpy(text, seed_text, sizeof text);
        for (unsigned k = 0; k < 1 + round % 4; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            text[(random >> 33) % (sizeof text - 1)] = (char)(random >> 20);
        }
        amphi_policy before;
        amphi__policy_init(&before);
        amphi_policy p = before;
        amphi_error error;
        if (amphi__policy_apply_json(&p, amphi_str_make(text, sizeof text - 1), &error) !=
            AMPHI_OK) {
            assert_memory_equal(&p, &before, sizeof p);
            assert_true(error.message[0] != '\0');
        }
    }
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
        choices_text(f, limits, sizeof limits);
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
        cmocka_unit_test(document__nested_fields_override),
        cmocka_unit_test(document__one_bad_field_changes_nothing),
        cmocka_unit_test(document__bad_fields_are_named),
        cmocka_unit_test(document__every_limit_holds),
        cmocka_unit_test(document__a_choice_is_one_of_its_words),
        cmocka_unit_test(document__what_is_written_reads_back),
        cmocka_unit_test(document__arbitrary_bytes_are_survived),
        cmocka_unit_test(document__reference_page_lists_every_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
