/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings by value: UTF-8, copies with a limit, numbers, cutting and finding.
 */
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void str__utf8_validity_follows_rfc_3629(void **state)
{
    static const char *const good[] = {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc2",
        "\xe1\x80", "\xf1\x80\x80", "a\xc2g"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(amphi__utf8_is_valid(amphi_str_from(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(amphi__utf8_is_valid(amphi_str_from(bad[i])));
}

static void str__every_character_survives_encode_and_decode(void **state)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 97) {
        char bytes[4];
        uint32_t back = 0;
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        size_t size = amphi__utf8_encode(c, bytes);
        assert_int_equal(amphi__utf8_decode(amphi_str_make(bytes, size), &back), size);
        assert_int_equal(back, c);
        for (size_t cut = 1; cut < size; cut++) {
            assert_int_equal(amphi__utf8_decode(amphi_str_make(bytes, cut), &back), 0);
            assert_int_equal(amphi__utf8_complete_size(amphi_str_make(bytes, cut)), 0);
        }
        assert_int_equal(amphi__utf8_complete_size(amphi_str_make(bytes, size)), size);
    }
}

static void str__copies_are_cut_between_characters(void **state)
{
    char small[4];
    amphi__str_copy_to(small, sizeof small,
        AMPHI_STR("ab\xc3\xa9"
                  "c"));
    assert_string_equal(small, "ab");
    amphi__str_copy_to(small, sizeof small, AMPHI_STR("abc"));
    assert_string_equal(small, "abc");
    amphi__str_copy_to(small, 1, AMPHI_STR("abc"));
    assert_string_equal(small, "");
}

static void str__numbers_are_whole_or_nothing(void **state)
{
    uint64_t value = 0;
    assert_true(amphi__str_to_u64(AMPHI_STR("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
    assert_false(amphi__str_to_u64(AMPHI_STR("18446744073709551616"), &value));
    assert_false(amphi__str_to_u64(AMPHI_STR(""), &value));
    assert_false(amphi__str_to_u64(AMPHI_STR("1 "), &value));
    assert_false(amphi__str_to_u64(AMPHI_STR("-1"), &value));
}

static void str__cut_and_trim_and_find(void **state)
{
    amphi_str rest;
    amphi_str first = amphi__str_cut(AMPHI_STR("a=b=c"), '=', &rest);
    assert_true(amphi__str_equal_c(first, "a"));
    assert_true(amphi__str_equal_c(rest, "b=c"));
    first = amphi__str_cut(AMPHI_STR("abc"), '=', &rest);
    assert_true(amphi__str_equal_c(first, "abc"));
    assert_int_equal(rest.size, 0);
    assert_true(amphi__str_equal_c(amphi__str_trim(AMPHI_STR(" \t a b\r\n")), "a b"));
    assert_int_equal(amphi__str_find(AMPHI_STR("hello"), AMPHI_STR("lo")), 3);
    assert_true(amphi__str_find(AMPHI_STR("hello"), AMPHI_STR("x")) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(str__utf8_validity_follows_rfc_3629),
        cmocka_unit_test(str__every_character_survives_encode_and_decode),
        cmocka_unit_test(str__copies_are_cut_between_characters),
        cmocka_unit_test(str__numbers_are_whole_or_nothing),
        cmocka_unit_test(str__cut_and_trim_and_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
