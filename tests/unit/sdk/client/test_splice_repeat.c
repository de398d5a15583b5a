/* SPDX-License-Identifier: Apache-2.0
 *
 * Repetitions at the seam: cut where they are sure, asked again where they may begin a sentence.
 */
#include "sdk/client/splice_judge.h"
#include "sdk/client/splice_words.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static amphi_seam seam(const char *given, const char *after, bool is_all)
{
    amphi_str text = amphi_str_from(given);
    size_t size = amphi__splice_without_blanks(text);
    return (amphi_seam){.before = amphi__str_slice(text, 0, size),
        .blanks = amphi__str_slice(text, size, text.size),
        .after = amphi_str_from(after),
        .is_all = is_all};
}

static const char *const river = "The river freezes in January, and the ferr";

static void expect_cut(const char *given, const char *after, const char *rest)
{
    amphi_seam s = seam(given, after, true);
    amphi_seam_ruling ruling = amphi__seam_look_at_repeats(&s);
    assert_int_equal(ruling.verdict, AMPHI_SEAM_CONTINUES);
    assert_string_equal(after + ruling.skip, rest);
    assert_true(ruling.is_sure);
}

static amphi_seam_verdict verdict(const char *given, const char *after, bool is_all)
{
    amphi_seam s = seam(given, after, is_all);
    return amphi__seam_look_at_repeats(&s).verdict;
}

static void repeat__whole_sentence_or_words_are_cut(void **state)
{
    expect_cut(river, "The river freezes in January, and the ferries stop.", "ies stop.");
    expect_cut(river, "and the ferries stop.", "ies stop.");
    expect_cut(river, "...and the ferries stop.", "ies stop.");
    expect_cut(river, "ferries stop.", "ies stop.");
    expect_cut("One thing is sure.\n\n", "One thing is sure.\n\nTwo.", "Two.");
    expect_cut("One thing is sure.\n\n", "One thing is sure.\nTwo.", "Two.");
}

static void repeat__word_with_a_capital_may_begin_a_sentence(void **state)
{
    assert_int_equal(
        verdict("The capital of France is Par", "Paris is the capital.", true), AMPHI_SEAM_USELESS);
    assert_int_equal(verdict("Twice a day come the tides", "The tides are caused by it.", true),
        AMPHI_SEAM_USELESS);
}

static void repeat__beginning_that_goes_another_way_is_a_new_answer(void **state)
{
    assert_int_equal(
        verdict(river, "The river freezes in January every year.", true), AMPHI_SEAM_ANEW);
    assert_int_equal(verdict("The river freezes in January. ", "The river is frozen.", true),
        AMPHI_SEAM_USELESS);
    assert_int_equal(verdict(river, "The river freezes in", true), AMPHI_SEAM_USELESS);
}

static void repeat__is_waited_for_as_long_as_it_may_come(void **state)
{
    assert_int_equal(verdict(river, "The river fre", false), AMPHI_SEAM_UNDECIDED);
    assert_int_equal(verdict(river, "and the", false), AMPHI_SEAM_UNDECIDED);
    assert_int_equal(verdict(river, "ies stop", false), AMPHI_SEAM_NONE);
    amphi_seam s = seam(river, "The river fre", false);
    assert_true(amphi__seam_is_repeating(&s));
    s = seam(river, "ies stop", false);
    assert_false(amphi__seam_is_repeating(&s));
}

static void repeat__from_inside_a_word_or_at_a_mark_is_cut(void **state)
{
    expect_cut("Paris is the capital of Fra", "aris is the capital of France.", "nce.");
    expect_cut("{\"name\": \"Paris\", \"population\":", "\"population\": 2}", " 2}");
    expect_cut("Code:\n\n```python\nd", "de:\n\n```python\ndef add", "ef add");
}

static void repeat__one_word_twice_is_in_doubt_and_short_ones_stay(void **state)
{
    assert_int_equal(verdict("an der Donau und hat", "hat rund", true), AMPHI_SEAM_USELESS);
    assert_int_equal(verdict("an der Donau und hat", "und hat rund", true), AMPHI_SEAM_USELESS);
    assert_int_equal(verdict("def add(", "add(a, b)", true), AMPHI_SEAM_USELESS);
    assert_int_equal(verdict("It costs 1", "1 euros", true), AMPHI_SEAM_NONE);
    assert_int_equal(verdict("- a\n- b\n", "- c", true), AMPHI_SEAM_NONE);
    assert_int_equal(verdict("f(1, [2, [3]", "]]", true), AMPHI_SEAM_NONE);
}

static void repeat__quoted_end_is_in_doubt(void **state)
{
    assert_int_equal(
        verdict("Paris is the capital of", "\"the capital of France\"", true), AMPHI_SEAM_USELESS);
    assert_int_equal(verdict("He said", "\"no\" twice.", true), AMPHI_SEAM_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeat__whole_sentence_or_words_are_cut),
        cmocka_unit_test(repeat__word_with_a_capital_may_begin_a_sentence),
        cmocka_unit_test(repeat__beginning_that_goes_another_way_is_a_new_answer),
        cmocka_unit_test(repeat__is_waited_for_as_long_as_it_may_come),
        cmocka_unit_test(repeat__from_inside_a_word_or_at_a_mark_is_cut),
        cmocka_unit_test(repeat__one_word_twice_is_in_doubt_and_short_ones_stay),
        cmocka_unit_test(repeat__quoted_end_is_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
