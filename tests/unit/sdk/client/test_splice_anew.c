/* SPDX-License-Identifier: Apache-2.0
 *
 * The model of new answers in small letters.
 */
#include "sdk/client/splice_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int score(const char *before, const char *after, bool letters_meet)
{
    return amphi__seam_anew_score(amphi_str_from(before), amphi_str_from(after), letters_meet);
}

/* What stands before the seam, its rest, and another answer in small letters. */
static const char *const inside_words[][3] = {
    {"The keel keeps the boat from drif", "ting sideways when the wind is strong.",
        "it is the keel that keeps a boat upright. Without it the wind would push the boat."},
    {"Der Kiel hält das Bo", "ot auf seinem Kurs, wenn der Wind stark ist.",
        "wir sehen uns das Boot an. Es hat einen Kiel, damit es nicht kippt, und ein Ruder."},
    {"La quille garde le bat", "eau sur sa route quand le vent est fort.",
        "il y a une quille sous le bateau. Elle est lourde et le garde droit dans le vent."},
};

static void anew__another_beginning_scores_above_the_rest(void **state)
{
    for (size_t i = 0; i < sizeof inside_words / sizeof *inside_words; i++) {
        const char *const *seam = inside_words[i];
        assert_true(score(seam[0], seam[1], true) < 0);
        assert_true(score(seam[0], seam[2], true) > 0);
    }
    const char *before = "The keel keeps the boat from";
    assert_true(score(before, "drifting sideways when the wind is strong.", false) < 0);
    assert_true(score(before, inside_words[0][2], false) > 0);
}

/* What train_anew.py computes for the same seams: it has the same features. */
static void anew__scores_are_those_of_the_training(void **state)
{
    assert_int_equal(score("The keel keeps the boat, and", "in", false), -16);
    assert_int_equal(score("The keel ke", "eps the boat upright (a little).", true), -4);
}

static void anew__no_text_is_too_odd(void **state)
{
    char word[4096];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    (void)score(word, word, true);
    (void)score("", "", true);
    (void)score("\xFF\xFE", "\xC3", false);
    (void)score("...", "?!", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anew__another_beginning_scores_above_the_rest),
        cmocka_unit_test(anew__scores_are_those_of_the_training),
        cmocka_unit_test(anew__no_text_is_too_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
