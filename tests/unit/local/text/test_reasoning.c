/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's thoughts taken apart from its answer, with the markers cut at every place.
 */
#include "local/text/reasoning.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_thought(const char *answer, bool is_open, const char *thought, const char *text)
{
    for (size_t step = 1; step < 12; step++) {
        amphi_str all = amphi_str_from(answer);
        amphi_buf a;
        amphi__buf_init(&a, 0);
        amphi_buf b;
        amphi__buf_init(&b, 0);
        amphi_reasoning reasoning;
        amphi__reasoning_init(&reasoning, is_open);
        for (size_t at = 0; at < all.size; at += step)
            assert_int_equal(
                amphi__reasoning_feed(&reasoning, amphi__str_slice(all, at, at + step), &a, &b),
                AMPHI_OK);
        assert_int_equal(amphi__reasoning_finish(&reasoning, &a, &b), AMPHI_OK);
        assert_true(amphi__str_equal_c(amphi__buf_str(&a), thought));
        assert_true(amphi__str_equal_c(amphi__buf_str(&b), text));
        amphi__reasoning_clear(&reasoning);
        amphi__buf_clear(&a);
        amphi__buf_clear(&b);
    }
}

static void reasoning__thoughts_are_taken_apart(void **state)
{
    expect_thought("<think>\nHm.\n</think>\n\nYes.", false, "Hm.\n", "Yes.");
    expect_thought("Hm </thin</think>Yes", true, "Hm </thin", "Yes");
    expect_thought("\n<think></think>Yes", false, "", "Yes");
    expect_thought("Yes <think>no</think>", false, "", "Yes <think>no</think>");
    expect_thought("<thin air", false, "", "<thin air");
    expect_thought("never ends", true, "never ends", "");
    expect_thought("<think>", false, "", "");
    expect_thought("", false, "", "");
    expect_thought("</think>Yes", true, "", "Yes"); /* the prompt opened it, nothing was thought */
    expect_thought("a</think>b</think>", true, "a", "b</think>");
    expect_thought(" \n Yes", false, "", " \n Yes"); /* blanks before an answer are its own */
    expect_thought("a</thi", true, "a</thi", "");    /* a marker that stays cut is a thought */
}

static void reasoning__it_is_over_when_the_answer_may_begin(void **state)
{
    static const struct {
        const char *text;
        bool is_over;
    } rows[] = {{"", false}, {" \n", false}, {"<thi", false}, {"<think>", false},
        {"<think>Hm", false}, {"<think>Hm</thin", false}, {"<think>Hm</think>", true},
        {"<think>Hm</think>\nYes", true}, {"Yes", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        amphi_buf thought;
        amphi__buf_init(&thought, 0);
        amphi_buf answer;
        amphi__buf_init(&answer, 0);
        amphi_reasoning reasoning;
        amphi__reasoning_init(&reasoning, false);
        assert_int_equal(
            amphi__reasoning_feed(&reasoning, amphi_str_from(rows[i].text), &thought, &answer),
            AMPHI_OK);
        assert_int_equal(amphi__reasoning_is_over(&reasoning), rows[i].is_over);
        amphi__reasoning_clear(&reasoning);
        amphi__buf_clear(&thought);
        amphi__buf_clear(&answer);
    }
}

static void reasoning__a_text_begins_with_thoughts_or_not(void **state)
{
    assert_true(amphi__reasoning_begins(AMPHI_STR("\n<think>Hm")));
    assert_true(amphi__reasoning_begins(AMPHI_STR("<think>Hm</think>Yes")));
    assert_false(amphi__reasoning_begins(AMPHI_STR("Yes <think>")));
    assert_false(amphi__reasoning_begins(AMPHI_STR("<thin")));
    assert_false(amphi__reasoning_begins(AMPHI_STR("")));
}

/* Only what may be the beginning of a marker waits for more. */
static void reasoning__nothing_else_is_held_back(void **state)
{
    amphi_buf thought;
    amphi__buf_init(&thought, 0);
    amphi_buf answer;
    amphi__buf_init(&answer, 0);
    amphi_reasoning reasoning;
    amphi__reasoning_init(&reasoning, true);
    assert_int_equal(
        amphi__reasoning_feed(&reasoning, AMPHI_STR("abc</th"), &thought, &answer), AMPHI_OK);
    assert_true(amphi__str_equal_c(amphi__buf_str(&thought), "abc"));
    assert_int_equal(
        amphi__reasoning_feed(&reasoning, AMPHI_STR("e<"), &thought, &answer), AMPHI_OK);
    assert_true(amphi__str_equal_c(amphi__buf_str(&thought), "abc</the"));
    assert_int_equal(
        amphi__reasoning_feed(&reasoning, AMPHI_STR("/think>d<think>"), &thought, &answer),
        AMPHI_OK);
    assert_true(amphi__str_equal_c(amphi__buf_str(&thought), "abc</the"));
    assert_true(amphi__str_equal_c(amphi__buf_str(&answer), "d<think>"));
    amphi__reasoning_clear(&reasoning);
    amphi__buf_clear(&thought);
    amphi__buf_clear(&answer);
}

static void reasoning__a_markers_beginning_at_the_end_is_measured(void **state)
{
    static const struct {
        const char *text;
        size_t overlap;
    } rows[] = {{"", 0}, {"abc", 0}, {"abc<", 1}, {"<thin", 5}, {"<<th", 3}, {"<think>", 0},
        {"<think><thi", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(amphi__marker_overlap(amphi_str_from(rows[i].text), AMPHI_STR("<think>")),
            rows[i].overlap);
    assert_int_equal(amphi__marker_overlap(AMPHI_STR("aa"), AMPHI_STR("aaa")), 2);
    assert_int_equal(amphi__marker_overlap(AMPHI_STR("aa"), AMPHI_STR("")), 0);
}

static void reasoning__without_memory_it_says_so(void **state)
{
    failing_alloc_install();
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        amphi_buf thought;
        amphi__buf_init(&thought, 0);
        amphi_buf answer;
        amphi__buf_init(&answer, 0);
        amphi_reasoning reasoning;
        amphi__reasoning_init(&reasoning, false);
        failing_alloc_at(n);
        amphi_status status =
            amphi__reasoning_feed(&reasoning, AMPHI_STR("<think>Hm</think>Yes"), &thought, &answer);
        bool failed = failing_alloc_failed();
        failing_alloc_at(0);
        assert_int_equal(status, failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        amphi__reasoning_clear(&reasoning);
        amphi__buf_clear(&thought);
        amphi__buf_clear(&answer);
        assert_int_equal(failing_alloc_live(), 0);
        if (!failed)
            break;
        failures++;
    }
    assert_int_equal(failures, 3);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasoning__thoughts_are_taken_apart),
        cmocka_unit_test(reasoning__it_is_over_when_the_answer_may_begin),
        cmocka_unit_test(reasoning__a_text_begins_with_thoughts_or_not),
        cmocka_unit_test(reasoning__nothing_else_is_held_back),
        cmocka_unit_test(reasoning__a_markers_beginning_at_the_end_is_measured),
        cmocka_unit_test(reasoning__without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
