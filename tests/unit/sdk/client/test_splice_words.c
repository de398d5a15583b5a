/* SPDX-License-Identifier: Apache-2.0
 *
 * Words and sentences in any script.
 */
#include "sdk/client/splice_judge.h"
#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void words__are_runs_of_letters_or_single_characters(void **state)
{
    amphi_str text = AMPHI_STR("L'eau, \xE6\xB0\xB4\xE6\xB5\x81 42");
    static const char *const words[] = {"L'eau", "\xE6\xB0\xB4", "\xE6\xB5\x81", "42"};
    amphi_splice_word word;
    size_t offset = 0;
    for (size_t i = 0; i < 4; i++) {
        assert_true(amphi__splice_word_next(text, &offset, &word));
        assert_true(amphi__str_equal_c(word.text, words[i]));
        assert_int_equal(word.is_unspaced, i == 1 || i == 2);
        assert_int_equal(word.is_number, i == 3);
        assert_int_equal(word.is_upper, i == 0);
    }
    assert_false(amphi__splice_word_next(text, &offset, &word));
    assert_true(amphi__splice_word_last(text, &word));
    assert_true(amphi__str_equal_c(word.text, "42"));
    assert_int_equal(amphi__splice_words_count(text, 3), 3);
}

static void words__sentences_end_in_any_script(void **state)
{
    assert_true(amphi__splice_is_complete(AMPHI_STR("It is so.\" ")));
    assert_true(amphi__splice_is_complete(AMPHI_STR("\xE6\xB0\xB4\xE3\x80\x82")));
    assert_false(amphi__splice_is_complete(AMPHI_STR("It is")));
    assert_false(amphi__splice_is_complete(AMPHI_STR("")));
    assert_true(amphi__str_equal_c(
        amphi__splice_first_sentence(AMPHI_STR("At 3.5 it is. Then")), "At 3.5 it is."));
}

static void words__phrases_are_whole(void **state)
{
    assert_true(amphi__splice_is_opener(AMPHI_STR("Sure!")));
    assert_true(amphi__splice_is_opener(AMPHI_STR("Of course, ")));
    assert_false(amphi__splice_is_opener(AMPHI_STR("Surely")));
    assert_true(amphi__splice_is_address(AMPHI_STR("I'm sorry, but")));
    assert_true(amphi__splice_is_about_continuing(AMPHI_STR("Here is the continuation:")));
    assert_false(amphi__splice_is_about_continuing(AMPHI_STR("Here it is:")));
}

static void words__shared_ones_are_counted_by_their_stems(void **state)
{
    size_t others = 0;
    assert_int_equal(amphi__splice_shared_words(AMPHI_STR("Rivers often freeze"),
                         AMPHI_STR("The river freezes in January"), &others),
        2);
    assert_int_equal(others, 3);
    assert_int_equal(amphi__splice_shared_words(
                         AMPHI_STR("It opens in March"), AMPHI_STR("The river freezes"), &others),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words__are_runs_of_letters_or_single_characters),
        cmocka_unit_test(words__sentences_end_in_any_script),
        cmocka_unit_test(words__phrases_are_whole),
        cmocka_unit_test(words__shared_ones_are_counted_by_their_stems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
