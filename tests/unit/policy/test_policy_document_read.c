/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the policy document: limits, all or nothing, and mistakes refused by name.
 */
#include "policy/policy_document.h"
#include "sdk/core/error.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

static amphi_status apply(amphi_policy *policy, const char *json, amphi_error *error)
{
    amphi__error_clear(error);
    return amphi__policy_apply_json(policy, amphi_str_from(json), error);
}

static void document__nested_fields_override(void **state)
{
    amphi_policy p;
    amphi_error error;
    amphi__policy_init(&p);
    assert_int_equal(apply(&p,
                         "{\"mode\":\"only_cloud\",\"local\":{\"enabled\":false,\"budgets\":"
                         "{\"idle_ms\":77},\"tokens_per_second_max\":2.5},"
                         "\"thermal\":{\"max\":\"serious\"}}",
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
    amphi_policy before;
    amphi__policy_init(&before);
    amphi_policy p;
    memcpy(&p, &before, sizeof p); /* with its padding */
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
    static const struct {
        const char *json, *name;
        amphi_status status;
    } cases[] = {
        {"{\"battery\":{\"min\":1}}", "no field \"battery.min\"; did you mean battery.min_percent?",
            AMPHI_E_ARGUMENT},
        {"{\"min_percent\":1}", "did you mean battery.min_percent?", AMPHI_E_ARGUMENT},
        {"{\"Mode\":\"auto\"}", "no field \"Mode\"; did you mean mode?", AMPHI_E_ARGUMENT},
        {"{\"local\":{\"budgets\":{\"first_token\":1}}}", "local.budgets.first_token_ms?",
            AMPHI_E_ARGUMENT},
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
        {"{\"battery.min_percent\":30}",
            "no field \"battery.min_percent\"; write its dots as nested objects: {\"battery\": "
            "{...}}",
            AMPHI_E_ARGUMENT},
        {"{\"a\\nb\":1}", "no field \"a\\u000ab\"", AMPHI_E_ARGUMENT},
        {"{\"gr\xc3\xb6\xc3\x9f\x65\":1}", "no field \"gr\\u00f6\\u00dfe\"", AMPHI_E_ARGUMENT},
        {"{\"battery\":{\"\":1}}", "no field \"battery.\"", AMPHI_E_ARGUMENT},
        {"{\"\":1}", "no field \"\"", AMPHI_E_ARGUMENT},
        {"{\"mode\":\"auto\",\"mode\":\"only_local\"}", "mode stands there twice",
            AMPHI_E_ARGUMENT},
        {"{\"mode\":\"only_local\",\"mode\":\"only_local\"}", "mode stands there twice",
            AMPHI_E_ARGUMENT},
        {"{\"local\":{\"enabled\":false},\"total_ms\":900,\"local\":{}}",
            "local stands there twice", AMPHI_E_ARGUMENT},
        {"{\"battery\":{\"min_percent\":30,\"resume_percent\":40,\"min_percent\":35}}",
            "battery.min_percent stands there twice", AMPHI_E_ARGUMENT},
        {"{\"pinned\":[],\"pinned\":[]}", "pinned stands there twice", AMPHI_E_ARGUMENT},
        {"{\"pinned\":\"mode\"}", "pinned must be an array", AMPHI_E_ARGUMENT},
        {"{\"pinned\":[\"mode\",7]}", "pinned must be an array", AMPHI_E_ARGUMENT},
        {"{\"pinned\":[\"cloud.enable\"]}",
            "pinned: there is no field \"cloud.enable\"; did you "
            "mean cloud.enabled?",
            AMPHI_E_ARGUMENT},
        {"{\"pinned\":[\"\"]}", "pinned: there is no field \"\"", AMPHI_E_ARGUMENT},
        {"{\"pinned\":[\"local.\"]}", "pinned: there is no field \"local.\"", AMPHI_E_ARGUMENT},
        {"{\"pined\":[]}", "did you mean pinned?", AMPHI_E_ARGUMENT},
        {"[1]", "not a JSON object", AMPHI_E_ARGUMENT},
        {"{\"mode\":\"auto\"", "policy", AMPHI_E_FORMAT},
        {"", "policy", AMPHI_E_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_policy before;
        amphi__policy_init(&before);
        amphi_policy p;
        memcpy(&p, &before, sizeof p); /* with its padding */
        amphi_error error;
        assert_int_equal(apply(&p, cases[i].json, &error), cases[i].status);
        if (strstr(error.message, cases[i].name) == NULL)
            fail_msg("%s: message is: %s", cases[i].json, error.message);
        assert_null(strchr(error.message, '\n'));
        assert_memory_equal(&p, &before, sizeof p);
    }
}

/* Every field at its two limits is accepted, one step outside is refused. */
static void document__every_limit_holds(void **state)
{
    size_t count;
    unsigned related = 0;
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
            amphi_status status = apply(&p, json, &error);
            /* The limits of a field that another one bounds are that one's business. */
            bool is_related = t < 2 && strstr(error.message, " must not be above ") != NULL;
            if ((status == AMPHI_OK) != (t < 2) && !is_related)
                fail_msg("%s: %s", json, error.message);
            related += is_related;
        }
    }
    assert_in_range(related, 1, 16); /* a few at an end of their range */
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

static void document__arbitrary_bytes_are_survived(void **state)
{
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
        amphi_policy p;
        memcpy(&p, &before, sizeof p); /* with its padding */
        amphi_error error;
        if (amphi__policy_apply_json(&p, amphi_str_make(text, sizeof text - 1), &error) !=
            AMPHI_OK) {
            assert_memory_equal(&p, &before, sizeof p);
            assert_true(error.message[0] != '\0');
        }
    }
}

/* A pin is of a field or of all in a group, and comes out again by fields. */
static void document__pins_are_read_and_written(void **state)
{
    amphi_policy p;
    amphi_policy back;
    amphi_error error;
    amphi_buf text;
    size_t index;
    amphi__policy_init(&p);
    assert_int_equal(
        apply(&p, "{\"pinned\":[\"cloud.enabled\",\"battery\",\"mode\",\"mode\"]}", &error),
        AMPHI_OK);
    static const char *const pinned[] = {
        "cloud.enabled", "mode", "battery.min_percent", "battery.critical_percent"};
    static const char *const others[] = {"cloud.hedge_ms", "local.enabled", "memory.max_percent"};
    for (size_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++) {
        assert_non_null(amphi__policy_field_named(pinned[i], &index));
        assert_true(amphi__policy_set_has(&p.pinned, index));
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_non_null(amphi__policy_field_named(others[i], &index));
        assert_false(amphi__policy_set_has(&p.pinned, index));
    }
    amphi__buf_init(&text, 0);
    assert_int_equal(amphi__policy_to_json(&p, &text), AMPHI_OK);
    assert_non_null(
        strstr(text.data, "\"pinned\":[\"mode\",\"cloud.enabled\",\"battery.min_percent\""));
    amphi__policy_init(&back);
    assert_int_equal(amphi__policy_apply_json(&back, amphi__buf_str(&text), &error), AMPHI_OK);
    assert_memory_equal(&p, &back, sizeof p);
    amphi__buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document__nested_fields_override),
        cmocka_unit_test(document__one_bad_field_changes_nothing),
        cmocka_unit_test(document__bad_fields_are_named),
        cmocka_unit_test(document__every_limit_holds),
        cmocka_unit_test(document__a_choice_is_one_of_its_words),
        cmocka_unit_test(document__arbitrary_bytes_are_survived),
        cmocka_unit_test(document__pins_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
