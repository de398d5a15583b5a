/* SPDX-License-Identifier: Apache-2.0
 *
 * The model of lost blanks.
 */
#include "sdk/client/splice_judge.h"
#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int score(const char *left, const char *right)
{
    return amphi__seam_blank_score(amphi_str_from(left), amphi_str_from(right));
}

static void blank__inside_of_a_word_there_is_none(void **state)
{
    assert_true(score("ferr", "ies") < 0);
    assert_true(score("th", "e") < 0);
    assert_true(score("riv", "ers") < 0);
}

static void blank__between_two_words_there_is_one(void **state)
{
    assert_true(score("und", "die") > 0);
    assert_true(score("ferries", "stop") > 0);
    assert_true(score("des", "personnes") > 0);
}

static void blank__nothing_gives_nothing(void **state)
{
    assert_int_equal(score("", "the"), 0);
    assert_int_equal(score("the", ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blank__inside_of_a_word_there_is_none),
        cmocka_unit_test(blank__between_two_words_there_is_one),
        cmocka_unit_test(blank__nothing_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
