/* SPDX-License-Identifier: Apache-2.0
 *
 * The seam between two engines' words: whatever the cuts, the user sees what a person would write.
 */
#include "sdk/client/splice.h"
#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Plays `pieces` (cut into `cut` bytes each) after `delivered` and gives the text on screen. */
static char *play(
    amphi_splice_mode mode, const char *delivered, const char *answer, size_t cut, int *replaces)
{
    amphi_splice splice;
    amphi_buf screen;
    amphi_str seen = amphi_str_from(delivered);
    amphi_str whole = amphi_str_from(answer);
    amphi_str text;
    amphi__buf_init(&screen, 0);
    amphi__buf_append_str(&screen, seen);
    amphi__splice_init(&splice, mode, seen, seen.size - amphi__splice_prefix(seen).size);
    *replaces = 0;
    for (size_t at = 0; at <= whole.size; at += cut) {
        bool end = at + cut > whole.size;
        amphi_splice_act act =
            amphi__splice_feed(&splice, amphi__str_slice(whole, at, at + cut), &text);
        for (int i = 0; i < 1 + end; i++) {
            if (act == AMPHI_SPLICE_REPLACE) {
                amphi__buf_truncate(&screen, 0);
                (*replaces)++;
            }
            if (act != AMPHI_SPLICE_HOLD)
                amphi__buf_append_str(&screen, text);
            if (end && i == 0)
                act = amphi__splice_end(&splice, &text);
        }
    }
    amphi__splice_clear(&splice);
    return amphi__buf_take(&screen);
}

static void expect(amphi_splice_mode mode, const char *delivered, const char *answer,
    const char *screen, int replaces_wanted)
{
    for (size_t cut = 1; cut <= strlen(answer) + 1; cut++) {
        int replaces = 0;
        char *got = play(mode, delivered, answer, cut, &replaces);
        assert_string_equal(got, screen);
        assert_int_equal(replaces, replaces_wanted);
        amphi__free(got);
    }
}

static void splice__continuation_follows_directly(void **state)
{
    expect(AMPHI_SPLICE_CONTINUE, "The battery is", " low.", "The battery is low.", 0);
    expect(AMPHI_SPLICE_CONTINUE, "The bat", "tery is low.", "The battery is low.", 0);
}

static void splice__blanks_that_were_not_sent_are_not_doubled(void **state)
{
    expect(AMPHI_SPLICE_CONTINUE, "The battery ", " is low.", "The battery is low.", 0);
    expect(AMPHI_SPLICE_CONTINUE, "The battery ", "is low.", "The battery is low.", 0);
    expect(AMPHI_SPLICE_CONTINUE, "One.\n\n", "\n\nTwo.", "One.\n\nTwo.", 0);
    expect(AMPHI_SPLICE_CONTINUE, "One.\n\n", "\nTwo.", "One.\n\nTwo.", 0);
}

static void splice__server_that_begins_again_is_not_shown_twice(void **state)
{
    expect(AMPHI_SPLICE_CONTINUE, "When the battery is low, ",
        "When the battery is low, the cloud answers.",
        "When the battery is low, the cloud answers.", 0);
}

static void splice__short_beginnings_are_no_sign_of_a_repeat(void **state)
{
    expect(AMPHI_SPLICE_CONTINUE, "no, ", "no, no.", "no, no, no.", 0);
}

static void splice__continuation_that_resembles_the_beginning_is_kept(void **state)
{
    expect(AMPHI_SPLICE_CONTINUE, "When the battery is low, the",
        " cloud answers. When the battery is full, it does not.",
        "When the battery is low, the cloud answers. When the battery is full, it does not.", 0);
    expect(AMPHI_SPLICE_CONTINUE, "When the battery is low, the", "When",
        "When the battery is low, theWhen", 0);
}

static void splice__restart_that_says_the_same_goes_on_silently(void **state)
{
    expect(AMPHI_SPLICE_RESTART, "The battery", "The battery is low.", "The battery is low.", 0);
    expect(AMPHI_SPLICE_RESTART, "Same.", "Same.", "Same.", 0);
}

static void splice__restart_that_differs_replaces_once(void **state)
{
    expect(AMPHI_SPLICE_RESTART, "The battery", "The phone is hot.", "The phone is hot.", 1);
    expect(AMPHI_SPLICE_RESTART, "The battery", "No.", "No.", 1);
    expect(AMPHI_SPLICE_RESTART, "The battery", "The", "The", 1);
    expect(AMPHI_SPLICE_RESTART, "The battery", "", "", 1);
}

static void splice__nothing_delivered_passes_everything(void **state)
{
    expect(AMPHI_SPLICE_RESTART, "", "The phone is hot.", "The phone is hot.", 0);
    expect(AMPHI_SPLICE_CONTINUE, "", " x", " x", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splice__continuation_follows_directly),
        cmocka_unit_test(splice__blanks_that_were_not_sent_are_not_doubled),
        cmocka_unit_test(splice__server_that_begins_again_is_not_shown_twice),
        cmocka_unit_test(splice__short_beginnings_are_no_sign_of_a_repeat),
        cmocka_unit_test(splice__continuation_that_resembles_the_beginning_is_kept),
        cmocka_unit_test(splice__restart_that_says_the_same_goes_on_silently),
        cmocka_unit_test(splice__restart_that_differs_replaces_once),
        cmocka_unit_test(splice__nothing_delivered_passes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
