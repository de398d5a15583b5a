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

typedef struct played {
    char *screen;
    int replaces;
    amphi_splice_outcome outcome;
} played;

/* Plays the answer, cut into `cut` bytes each, after `delivered`: what is on the screen then. */
static played play(amphi_splice_mode mode, const char *delivered, const char *answer, size_t cut)
{
    amphi_splice splice;
    amphi_buf screen;
    amphi_str seen = amphi_str_from(delivered);
    amphi_str whole = amphi_str_from(answer);
    amphi_str text;
    played out = {NULL, 0, AMPHI_SPLICE_OPEN};
    amphi__buf_init(&screen, 0);
    amphi__buf_append_str(&screen, seen);
    amphi__splice_init(&splice, mode, seen, seen.size - amphi__splice_prefix(seen).size);
    for (size_t at = 0; at <= whole.size && splice.outcome != AMPHI_SPLICE_REJECTED; at += cut) {
        bool end = at + cut > whole.size;
        amphi_splice_act act =
            amphi__splice_feed(&splice, amphi__str_slice(whole, at, at + cut), &text);
        for (int i = 0; i < 1 + end; i++) {
            if (act == AMPHI_SPLICE_REPLACE) {
                amphi__buf_truncate(&screen, 0);
                out.replaces++;
            }
            if (act == AMPHI_SPLICE_SHOW || act == AMPHI_SPLICE_REPLACE)
                amphi__buf_append_str(&screen, text);
            if (end && i == 0 && splice.outcome != AMPHI_SPLICE_REJECTED)
                act = amphi__splice_end(&splice, false, &text);
            else
                act = AMPHI_SPLICE_HOLD;
        }
    }
    out.outcome = splice.outcome;
    amphi__splice_clear(&splice);
    out.screen = amphi__buf_take(&screen);
    return out;
}

static void expect(amphi_splice_mode mode, const char *delivered, const char *answer,
    const char *screen, int replaces)
{
    for (size_t cut = 1; cut <= strlen(answer) + 1; cut++) {
        played got = play(mode, delivered, answer, cut);
        assert_string_equal(got.screen, screen);
        assert_int_equal(got.replaces, replaces);
        amphi__free(got.screen);
    }
}

/* What came is of no use, and nothing of it is shown. */
static void expect_rejected(const char *delivered, const char *answer)
{
    for (size_t cut = 1; cut <= strlen(answer) + 1; cut++) {
        played got = play(AMPHI_SPLICE_CONTINUE, delivered, answer, cut);
        assert_int_equal(got.outcome, AMPHI_SPLICE_REJECTED);
        assert_string_equal(got.screen, delivered);
        assert_int_equal(got.replaces, 0);
        amphi__free(got.screen);
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
}

static void splice__new_answer_replaces_or_is_asked_for_again(void **state)
{
    expect_rejected("The capital of France is Par", "Paris is the capital of France.");
    expect_rejected("It has an ide", "Great question! Coral reefs are built by animals.");
    expect_rejected("When the battery is low, the", "When");
    expect(AMPHI_SPLICE_CONTINUE, "{\"name\": \"Paris\", \"country\": \"", "{\"name\": \"Paris\"}",
        "{\"name\": \"Paris\"}", 1);
}

static void splice__end_behind_half_a_sentence_is_not_an_end(void **state)
{
    expect_rejected("The capital of France is Par", "");
    expect(AMPHI_SPLICE_CONTINUE, "The capital is Paris.", "", "The capital is Paris.", 0);
}

static void splice__decides_in_time_with_what_is_there(void **state)
{
    amphi_splice splice;
    amphi_str text;
    amphi_str seen = AMPHI_STR("The river freezes in January. Then the ferries stop, and");
    amphi__splice_init(&splice, AMPHI_SPLICE_CONTINUE, seen, 0);
    assert_int_equal(amphi__splice_feed(&splice, AMPHI_STR(" geese"), &text), AMPHI_SPLICE_HOLD);
    assert_true(amphi__splice_is_holding(&splice));
    assert_int_equal(amphi__splice_decide(&splice, &text), AMPHI_SPLICE_SHOW);
    assert_true(amphi__str_equal_c(text, " geese"));
    assert_false(amphi__splice_is_holding(&splice));
    amphi__splice_clear(&splice);
    amphi__splice_init(&splice, AMPHI_SPLICE_CONTINUE, seen, 0);
    (void)amphi__splice_feed(&splice, AMPHI_STR("The river freezes in"), &text);
    assert_int_equal(amphi__splice_decide(&splice, &text), AMPHI_SPLICE_HOLD); /* no news in it */
    amphi__splice_clear(&splice);
}

static void splice__an_answer_cut_at_its_limit_may_end_anywhere(void **state)
{
    amphi_splice splice;
    amphi_str text;
    amphi__splice_init(&splice, AMPHI_SPLICE_CONTINUE, AMPHI_STR("The river freezes in Jan"), 0);
    (void)amphi__splice_feed(&splice, AMPHI_STR("ua"), &text);
    assert_int_equal(amphi__splice_end(&splice, true, &text), AMPHI_SPLICE_SHOW);
    assert_true(amphi__str_equal_c(text, "ua"));
    amphi__splice_clear(&splice);
}

/* A tool call alone: it may follow what is whole, and is another answer behind what is not. */
static void splice__a_call_does_not_finish_a_sentence(void **state)
{
    static const struct {
        const char *delivered, *said;
        amphi_splice_outcome outcome;
    } cases[] = {
        {"I will look it up.", "", AMPHI_SPLICE_CONTINUED},
        {"I will look it up.", "\n\n", AMPHI_SPLICE_CONTINUED},
        {"Paris is the capital of France. It lies ", "", AMPHI_SPLICE_REJECTED},
        {"Paris is the capital of France. It lies", "\n", AMPHI_SPLICE_REJECTED},
        {"{\"name\": \"Paris\", \"coun", "", AMPHI_SPLICE_REJECTED},
        {"```python\nprint(1", "", AMPHI_SPLICE_REJECTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        amphi_splice splice;
        amphi_str delivered = amphi_str_from(cases[i].delivered);
        amphi_str text;
        amphi__splice_init(&splice, AMPHI_SPLICE_CONTINUE, delivered,
            delivered.size - amphi__splice_prefix(delivered).size);
        (void)amphi__splice_feed(&splice, amphi_str_from(cases[i].said), &text);
        (void)amphi__splice_settle(&splice, true, &text);
        assert_int_equal(splice.outcome, cases[i].outcome);
        assert_int_equal(text.size, 0);
        amphi__splice_clear(&splice);
    }
}

static void splice__a_call_of_a_tool_that_was_not_offered_is_another_answer(void **state)
{
    amphi_splice splice;
    amphi_str text;
    amphi__splice_init(&splice, AMPHI_SPLICE_CONTINUE, AMPHI_STR("Paris is the capital."), 0);
    assert_int_equal(amphi__splice_settle(&splice, false, &text), AMPHI_SPLICE_REJECT);
    assert_int_equal(splice.outcome, AMPHI_SPLICE_REJECTED);
    amphi__splice_clear(&splice);
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
        cmocka_unit_test(splice__new_answer_replaces_or_is_asked_for_again),
        cmocka_unit_test(splice__end_behind_half_a_sentence_is_not_an_end),
        cmocka_unit_test(splice__decides_in_time_with_what_is_there),
        cmocka_unit_test(splice__an_answer_cut_at_its_limit_may_end_anywhere),
        cmocka_unit_test(splice__a_call_does_not_finish_a_sentence),
        cmocka_unit_test(splice__a_call_of_a_tool_that_was_not_offered_is_another_answer),
        cmocka_unit_test(splice__restart_that_says_the_same_goes_on_silently),
        cmocka_unit_test(splice__restart_that_differs_replaces_once),
        cmocka_unit_test(splice__nothing_delivered_passes_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
