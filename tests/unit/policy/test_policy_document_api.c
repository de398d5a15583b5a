/* SPDX-License-Identifier: Apache-2.0
 *
 * The policy document for tools: check, show, fields by index and by name.
 */
#include "sdk/core/error.h"
#include "tests/support/failing_alloc.h"

#include <amphi/chat.h>
#include <amphi/policy.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static amphi_policy_field_info field_named(const char *name, const char *json)
{
    size_t index = 0;
    size_t count = 0;
    amphi_error error;
    amphi_policy_field_info info;
    amphi_policy_field_info_init(&info);
    assert_int_equal(amphi_policy_find(&index, &count, amphi_str_from(name), &error), AMPHI_OK);
    assert_int_equal(count, 1);
    if (amphi_policy_field_at(&info, index, amphi_str_from(json), &error) != AMPHI_OK)
        fail_msg("%s: %s", json, error.message);
    assert_string_equal(info.name, name);
    return info;
}

static void policy__field_says_what_it_takes_and_has(void **state)
{
    static const char document[] = "{\"battery\":{\"min_percent\":40},\"pinned\":[\"battery\"]}";
    amphi_policy_field_info info = field_named("battery.min_percent", document);
    assert_string_equal(info.value, "40");
    assert_string_equal(info.default_value, "20");
    assert_string_equal(info.limits, "0 to 100");
    assert_string_equal(info.payload, "5 to 90");
    assert_string_equal(info.unit, "%");
    assert_true(info.is_named && info.is_pinned && info.help[0] != '\0');
    info = field_named("battery.resume_percent", document); /* follows */
    assert_string_equal(info.value, "45");
    assert_true(!info.is_named && info.is_pinned);
    info = field_named("mode", NULL);
    assert_string_equal(info.value, "\"auto\"");
    assert_true(!info.is_named && !info.is_pinned);
}

static void policy__every_field_comes_once_and_then_none(void **state)
{
    size_t all = 0;
    amphi_policy_field_info info;
    amphi_error error;
    amphi_policy_field_info_init(&info);
    while (amphi_policy_field_at(&info, all, AMPHI_STR("{}"), &error) == AMPHI_OK) {
        size_t index = 0;
        size_t count = 0;
        assert_int_equal(
            amphi_policy_find(&index, &count, amphi_str_from(info.name), &error), AMPHI_OK);
        assert_int_equal(index, all);
        assert_int_equal(count, 1);
        all++;
    }
    assert_int_equal(error.status, AMPHI_E_NOT_FOUND);
    assert_in_range(all, 50, 250);
    assert_int_equal(
        amphi_policy_field_at(&info, SIZE_MAX, AMPHI_STR("{}"), &error), AMPHI_E_NOT_FOUND);
    info.struct_size = 1;
    assert_int_equal(amphi_policy_field_at(&info, 0, AMPHI_STR("{}"), &error), AMPHI_E_ARGUMENT);
}

static void policy__groups_are_found_and_misspellings_are_not(void **state)
{
    size_t index = 0;
    size_t count = 0;
    amphi_error error;
    assert_int_equal(
        amphi_policy_find(&index, &count, AMPHI_STR("local.budgets"), &error), AMPHI_OK);
    assert_int_equal(count, 2);
    assert_int_equal(
        amphi_policy_find(&index, &count, AMPHI_STR("batery"), &error), AMPHI_E_NOT_FOUND);
    assert_non_null(strstr(error.message, "did you mean battery?"));
    assert_int_equal(
        amphi_policy_find(&index, &count, AMPHI_STR("local."), &error), AMPHI_E_NOT_FOUND);
    assert_int_equal(amphi_policy_find(NULL, &count, AMPHI_STR("mode"), &error), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_policy_find(&index, NULL, AMPHI_STR("mode"), &error), AMPHI_E_ARGUMENT);
}

static void policy__check_says_what_is_vain(void **state)
{
    static const struct {
        const char *json, *note; /* "" for none */
    } cases[] = {
        {"{}", ""},
        {"{\"cost\":{\"over\":\"last\"}}", "cost.over does nothing while cost.day_usd_max is 0"},
        {"{\"cost\":{\"over\":\"last\",\"day_usd_max\":1}}", ""},
        {"{\"latency\":{\"over\":\"refuse\"}}", "latency.over does nothing"},
        {"{\"latency\":{\"over\":\"refuse\",\"tokens_per_second_min\":3}}", ""},
        {"{\"cache\":{\"ttl_s\":0,\"stale_s\":5}}", "cache.stale_s does nothing"},
        {"{\"mode\":\"only_cloud\",\"cloud\":{\"enabled\":false}}", "no route"},
        {"{\"mode\":\"only_local\",\"local\":{\"enabled\":false}}", "only a system's model"},
        {"{\"battery\":{\"resume_percent\":20}}", "to and fro"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *notes = NULL;
        amphi_error error;
        assert_int_equal(
            amphi_policy_check(amphi_str_from(cases[i].json), &notes, &error), AMPHI_OK);
        assert_non_null(notes);
        if ((notes[0] == '\0') != (cases[i].note[0] == '\0') ||
            strstr(notes, cases[i].note) == NULL)
            fail_msg("%s: %s", cases[i].json, notes);
        amphi_string_free(notes);
    }
    amphi_error error;
    assert_int_equal(amphi_policy_check(AMPHI_STR(""), NULL, &error), AMPHI_E_FORMAT);
    assert_int_equal(amphi_policy_check(AMPHI_STR("{\"nope\":1}"), NULL, &error), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_policy_check(AMPHI_STR("{}"), NULL, NULL), AMPHI_OK);
}

/* Everything once; whichever allocation fails, nothing leaks and the status says so. */
static amphi_status use_all(void)
{
    static const char document[] = "{\"cost\":{\"over\":\"last\"},\"pinned\":[\"cost\"]}";
    amphi_policy_field_info info;
    char *texts[3] = {NULL};
    amphi_policy_field_info_init(&info);
    amphi_status status = amphi_policy_check(amphi_str_from(document), &texts[0], NULL);
    if (status == AMPHI_OK)
        status = amphi_policy_show(&texts[1], amphi_str_from(document), NULL);
    if (status == AMPHI_OK)
        status = amphi_policy_schema(&texts[2], NULL);
    if (status == AMPHI_OK)
        status = amphi_policy_field_at(&info, 3, amphi_str_from(document), NULL);
    for (size_t i = 0; i < 3; i++)
        amphi_string_free(texts[i]);
    return status;
}

static void policy__every_failed_allocation_is_survived(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    unsigned failures = 0;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        failing_alloc_at(n);
        status = use_all();
        assert_int_equal(status, failing_alloc_failed() ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        assert_int_equal(failing_alloc_live(), 0);
        failures += status != AMPHI_OK;
    }
    failing_alloc_remove();
    assert_true(failures > 10);
    char *out = (char *)&failures;
    assert_int_equal(amphi_policy_show(NULL, AMPHI_STR("{}"), NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_policy_schema(NULL, NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi_policy_show(&out, AMPHI_STR("[]"), NULL), AMPHI_E_ARGUMENT);
    assert_null(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy__field_says_what_it_takes_and_has),
        cmocka_unit_test(policy__every_field_comes_once_and_then_none),
        cmocka_unit_test(policy__groups_are_found_and_misspellings_are_not),
        cmocka_unit_test(policy__check_says_what_is_vain),
        cmocka_unit_test(policy__every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
