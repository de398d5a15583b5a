/* SPDX-License-Identifier: Apache-2.0
 *
 * A described situation gives the plan that its facts give (more: tests/integration/decisions.txt).
 */
#include "sdk/core/str.h"

#include <amphi/client.h>
#include <amphi/policy.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROUTES                                                                                     \
    "\"routes\":[{\"name\":\"local\",\"kind\":\"local\"},{\"name\":\"cloud\",\"kind\":\"cloud\"}]"

static char *decide(const char *device, const char *situation, const char *policy)
{
    amphi_error error;
    char *out = NULL;
    if (amphi_policy_decide_json(amphi_str_from(device), amphi_str_from(situation),
            amphi_str_from(policy), &out, &error) != AMPHI_OK)
        fail_msg("%s: %s", situation, error.message);
    return out;
}

static void expect(const char *device, const char *situation, const char *policy, const char *part)
{
    char *out = decide(device, situation, policy);
    if (strstr(out, part) == NULL)
        fail_msg("%s is not in %s", part, out);
    amphi_string_free(out);
}

static void described__same_texts_give_the_same_bytes(void **state)
{
    char *first = decide("{\"battery_percent\":8}", "{" ROUTES "}", "");
    char *second = decide("{\"battery_percent\":8}", "{" ROUTES "}", "");
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "\"steps\":[{\"route\":\"cloud\""));
    amphi_string_free(first);
    amphi_string_free(second);
}

static void described__request_says_what_a_real_one_says(void **state)
{
    expect("", "{\"amphi\":{\"private\":true}," ROUTES "}", "", "\"private\":true");
    expect("", "{\"amphi\":{\"mode\":\"only_cloud\"}," ROUTES "}", "", "\"reason\":\"mode\"");
    expect("", "{\"max_tokens\":77," ROUTES "}", "", "\"answer_tokens_max\":77");
    expect("", "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]," ROUTES "}", "",
        "\"reason\":\"capability\"");
    expect("", "{\"model\":\"cloud\"," ROUTES "}", "", "\"reason\":\"preference\"");
    expect("", "{" ROUTES "}", "{\"cloud\":{\"enabled\":false}}", "\"reason\":\"kill_switch\"");
    expect("", "{\"routes\":[]}", "", "\"refusal\":{\"status\":\"refused\"");
}

/* A day, sample by sample: what is remembered goes into the next situation. */
static void described__memory_goes_from_one_decision_to_the_next(void **state)
{
    char *low = decide("{\"battery_percent\":19}", "{\"facts\":{\"now_ms\":1000}," ROUTES "}", "");
    const char *memory = strstr(low, "\"thresholds_judged\"");
    assert_non_null(memory);
    int size = (int)strcspn(memory, "}");
    char next[1024];
    snprintf(next, sizeof next,
        "{\"facts\":{\"now_ms\":2000},\"routes\":[{\"name\":\"local\",\"kind\":\"local\",%.*s},"
        "{\"name\":\"cloud\",\"kind\":\"cloud\"}]}",
        size, memory);
    expect("{\"battery_percent\":22}", next, "", "was low and is not back at 25 %");
    amphi_string_free(low);
}

static void described__what_is_not_understood_is_named(void **state)
{
    static const char *const wrong[][3] = {{"{\"batery\":1}", "{" ROUTES "}", "batery"},
        {"", "{\"mesages\":[]," ROUTES "}", "did you mean messages?"}, {"", "{}", "routes"},
        {"", "{\"routes\":[{\"name\":\"a\"}]}", "routes.kind"}, {"", "[", "request"},
        {"", "{\"model\":\"x\",\"fallbacks\":[7]," ROUTES "}", "fallbacks"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        amphi_error error;
        char *out = NULL;
        amphi_status status = amphi_policy_decide_json(amphi_str_from(wrong[i][0]),
            amphi_str_from(wrong[i][1]), amphi_str_from(""), &out, &error);
        if (status == AMPHI_OK || out != NULL || strstr(error.message, wrong[i][2]) == NULL)
            fail_msg("%s: %d %s", wrong[i][1], status, error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(described__same_texts_give_the_same_bytes),
        cmocka_unit_test(described__request_says_what_a_real_one_says),
        cmocka_unit_test(described__memory_goes_from_one_decision_to_the_next),
        cmocka_unit_test(described__what_is_not_understood_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
