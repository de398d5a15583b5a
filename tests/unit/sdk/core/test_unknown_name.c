/* SPDX-License-Identifier: Apache-2.0
 *
 * A name that is none: shown on one line whatever it is, and guessed only where it is near.
 */
#include "sdk/core/str.h"
#include "sdk/core/unknown_name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void shown_name__is_one_line_of_visible_ascii(void **state)
{
    static const struct {
        amphi_str name;
        const char *shown;
    } cases[] = {
        {{"min_percent", 11}, "min_percent"},
        {{"", 0}, ""},
        {{"a b", 3}, "a\\u0020b"},
        {{"a\nb\"c\\", 6}, "a\\u000ab\\u0022c\\u005c"},
        {{"gr\xc3\xb6\xc3\x9f\x65", 7}, "gr\\u00f6\\u00dfe"},
        {{"\xf0\x9f\x90\xb8", 4}, "\\u1f438"},
        {{"a\xff", 2}, "a\\xff"},
        {{"a\0b", 3}, "a\\u0000b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char shown[AMPHI_SHOWN_NAME_MAX];
        amphi__shown_name(shown, cases[i].name);
        assert_string_equal(shown, cases[i].shown);
    }
}

static void shown_name__is_cut_when_it_is_long(void **state)
{
    char name[200];
    char shown[AMPHI_SHOWN_NAME_MAX];
    for (size_t size = 0; size <= sizeof name; size++) {
        for (int wide = 0; wide <= 1; wide++) {
            memset(name, wide != 0 ? 1 : 'a', sizeof name);
            memset(shown, 'x', sizeof shown);
            amphi__shown_name(shown, amphi_str_make(name, size));
            size_t length = strnlen(shown, sizeof shown);
            assert_in_range(length, 0, AMPHI_SHOWN_NAME_MAX - 1);
            bool fits = size * (wide != 0 ? 6 : 1) < AMPHI_SHOWN_NAME_MAX;
            assert_int_equal(amphi__str_ends_with(amphi_str_from(shown), AMPHI_STR("...")), !fits);
        }
    }
}

static const char *const known[] = {"mode", "local.enabled", "local.threads_max", "cloud.enabled",
    "battery.min_percent", "battery.critical_percent", "thermal.max", "rtt_ms", "battery_percent",
    "handoff.right_min_percent"};

static const char *guess(const char *name)
{
    const char *found =
        amphi__nearest_name(amphi_str_from(name), known, sizeof known / sizeof known[0]);
    return found != NULL ? found : "";
}

static void nearest_name__is_what_was_meant(void **state)
{
    static const struct {
        const char *name, *meant;
    } cases[] = {
        {"Mode", "mode"},
        {"mod", "mode"},
        {"modes", "mode"},
        {"battery.min", "battery.min_percent"},
        {"battery.minPercent", "battery.min_percent"},
        {"battery-min-percent", "battery.min_percent"},
        {"min_percent", "battery.min_percent"},
        {"batery.critical_percent", "battery.critical_percent"},
        {"local.threads", "local.threads_max"},
        {"rtt", "rtt_ms"},
        {"thermal.maximum", "thermal.max"},
        {"enabled", ""}, /* of two */
        {"nope", ""},
        {"", ""},
        {"temperature", ""},
        {"...", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(guess(cases[i].name), cases[i].meant) != 0)
            fail_msg("%s: %s", cases[i].name, guess(cases[i].name));
}

static void nearest_name__survives_any_bytes(void **state)
{
    uint64_t random = 5;
    char name[100];
    unsigned guessed = 0;
    for (unsigned round = 0; round < 3000; round++) {
        size_t size = round % sizeof name;
        for (size_t i = 0; i < size; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            name[i] = (char)(random >> 50);
        }
        const char *found =
            amphi__nearest_name(amphi_str_make(name, size), known, sizeof known / sizeof known[0]);
        guessed += found != NULL && size > 8;
    }
    assert_int_equal(guessed, 0); /* noise means nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shown_name__is_one_line_of_visible_ascii),
        cmocka_unit_test(shown_name__is_cut_when_it_is_long),
        cmocka_unit_test(nearest_name__is_what_was_meant),
        cmocka_unit_test(nearest_name__survives_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
