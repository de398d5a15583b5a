/* SPDX-License-Identifier: Apache-2.0
 *
 * A request that names one of an endpoint's models gets it, any other the first.
 */
#include "sdk/core/model_list.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void list__gives_the_model_that_is_asked_for_or_the_first(void **state)
{
    static const char *const cases[][3] = {{"a|b|cc", "b", "b"}, {"a|b|cc", "cc", "cc"},
        {"a|b|cc", "a", "a"}, {"a|b|cc", "c", "a"}, {"a|b|cc", "", "a"}, {"a|b|cc", "a|b", "a"},
        {"a", "b", "a"}, {"a", "a", "a"}, {"", "b", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        amphi_str chosen =
            amphi__model_list_choose(amphi_str_from(cases[i][0]), amphi_str_from(cases[i][1]));
        assert_true(amphi__str_equal_c(chosen, cases[i][2]));
    }
    assert_false(amphi__model_list_has(amphi_str_make(NULL, 0), AMPHI_STR("")));
}

static void list__names_are_neither_empty_nor_twice(void **state)
{
    static const char *const good[] = {"", "a", "a|b", "a|ab|b", "org/model:free|org/model"};
    static const char *const bad[] = {"|", "a|", "|a", "a||b", "a|b|a", "a|a"};
    char large[AMPHI_MODEL_LIST_BYTES_MAX + 1];
    amphi_error error;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(amphi__model_list_check(amphi_str_from(good[i]), &error), AMPHI_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(amphi__model_list_check(amphi_str_from(bad[i]), &error), AMPHI_E_ARGUMENT);
    memset(large, 'a', sizeof large);
    assert_int_equal(
        amphi__model_list_check(amphi_str_make(large, sizeof large - 1), &error), AMPHI_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list__gives_the_model_that_is_asked_for_or_the_first),
        cmocka_unit_test(list__names_are_neither_empty_nor_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
