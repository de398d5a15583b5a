/* SPDX-License-Identifier: Apache-2.0
 *
 * The index holds every word of every list.
 */
#include "sdk/near/words.h"

#include "sdk/core/str.h"
#include "sdk/near/word_lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void words__every_listed_word_is_found_with_its_flags(void **state)
{
    for (const amphi_word_list *list = amphi__word_lists; list->words != NULL; list++) {
        amphi_str rest = amphi_str_from(list->words);
        while (rest.size > 0) {
            amphi_str word = amphi__str_cut(rest, ' ', &rest);
            assert_true(word.size > 0); /* one blank between words */
            assert_int_equal(amphi__near_word(word) & list->flags, list->flags);
        }
    }
}

static void words__others_are_unknown(void **state)
{
    assert_int_equal(amphi__near_word(AMPHI_STR("")), 0);
    assert_int_equal(amphi__near_word(AMPHI_STR("zebra")), 0);
    assert_int_equal(amphi__near_word(AMPHI_STR("wha")), 0);
    assert_int_equal(amphi__near_word(AMPHI_STR("France")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__every_listed_word_is_found_with_its_flags),
        cmocka_unit_test(words__others_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
