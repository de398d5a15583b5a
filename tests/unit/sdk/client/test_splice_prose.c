/* SPDX-License-Identifier: Apache-2.0
 *
 * Prose at the seam.
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

static amphi_seam_ruling rule(const char *given, const char *after, bool is_known)
{
    amphi_seam s = seam(given, after, true);
    s.is_known = is_known;
    return amphi__seam_look_at_prose(&s);
}

static void expect(const char *given, const char *after, amphi_seam_verdict verdict)
{
    assert_int_equal(rule(given, after, false).verdict, verdict);
}

static void prose__words_and_marks_go_on(void **state)
{
    expect("The river freezes, and the ferr", "ies stop.", AMPHI_SEAM_CONTINUES);
    expect("The river freezes, and the ferries", " stop.", AMPHI_SEAM_CONTINUES);
    expect("The river freezes", ", and the ferries stop.", AMPHI_SEAM_CONTINUES);
    expect("Der Fluss friert zu, und die F", "\xC3\xA4hren fahren nicht.", AMPHI_SEAM_CONTINUES);
    expect("NA", "TO was founded in 1949.", AMPHI_SEAM_CONTINUES);
    expect("In 19", "49 it was founded.", AMPHI_SEAM_CONTINUES);
}

static void prose__sentence_inside_another_does_not(void **state)
{
    expect("The river freezes, and the ferr", "In winter no boats go.", AMPHI_SEAM_USELESS);
    expect("The river freezes, and ", "In winter no boats go.", AMPHI_SEAM_USELESS);
    expect("El r\xC3\xADo se congela y los ",
        "\xC2\xA1"
        "Claro! Hay hielo.",
        AMPHI_SEAM_USELESS);
    assert_int_equal(rule("We went to ", "Paris in May.", true).verdict, AMPHI_SEAM_CONTINUES);
}

static void prose__blank_that_was_lost_is_put_back(void **state)
{
    amphi_seam_ruling ruling = rule("He stayed out,", "and we waited.", false);
    assert_int_equal(ruling.verdict, AMPHI_SEAM_CONTINUES);
    assert_true(ruling.needs_blank);
    assert_false(rule("He stayed out,", " and we waited.", false).needs_blank);
    assert_false(rule("1,", "5 metres", false).needs_blank);
}

static void prose__sentence_that_tells_the_same_again_does_not_go_on(void **state)
{
    static const char *const given =
        "The river freezes in January because the winters are cold there. ";
    expect(given, "Cold winters are the reason that rivers freeze.", AMPHI_SEAM_USELESS);
    expect(given, "Boats stay on shore until spring.", AMPHI_SEAM_CONTINUES);
}

static void prose__words_to_the_user_are_no_part_of_the_text(void **state)
{
    static const char *const words[] = {"I'm sorry, but I can't continue.",
        "Here is the continuation: it opens in March.", "Sure, it opens again in March.",
        "What would you like to know?", NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        amphi_seam s = seam("The river freezes in January. ", words[i], true);
        assert_int_equal(amphi__seam_look_for_address(&s).verdict, AMPHI_SEAM_USELESS);
    }
    amphi_seam s = seam("The river freezes in January. ", "It opens again in March.", true);
    assert_int_equal(amphi__seam_look_for_address(&s).verdict, AMPHI_SEAM_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prose__words_and_marks_go_on),
        cmocka_unit_test(prose__sentence_inside_another_does_not),
        cmocka_unit_test(prose__blank_that_was_lost_is_put_back),
        cmocka_unit_test(prose__sentence_that_tells_the_same_again_does_not_go_on),
        cmocka_unit_test(prose__words_to_the_user_are_no_part_of_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
