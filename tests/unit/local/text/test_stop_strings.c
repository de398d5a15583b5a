/* SPDX-License-Identifier: Apache-2.0
 *
 * Stop strings: the same text comes out however the bytes were cut into tokens.
 */
#include "local/text/stop_strings.h"
#include "tests/support/failing_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STRINGS_MAX 20

static amphi_stop_strings *stop_of(const char *const *texts, size_t count)
{
    amphi_str strings[STRINGS_MAX] = {{NULL, 0}};
    amphi_stop_strings *stop = NULL;
    for (size_t i = 0; i < count; i++)
        strings[i] = amphi_str_from(texts[i]);
    assert_int_equal(amphi__stop_strings_new(&stop, strings, count, NULL), AMPHI_OK);
    return stop;
}

/* Feeds `text` in pieces of `step` bytes up to the first match, finishes, and compares. */
static void expect_at(
    amphi_stop_strings *stop, amphi_str text, size_t step, const char *wanted, int which)
{
    bool matched = false;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    amphi__stop_strings_reset(stop);
    for (size_t at = 0; at < text.size && !matched; at += step) {
        size_t size = text.size - at < step ? text.size - at : step;
        assert_int_equal(
            amphi__stop_strings_feed(stop, amphi_str_make(text.data + at, size), &out, &matched),
            AMPHI_OK);
    }
    assert_int_equal(amphi__stop_strings_finish(stop, &out), AMPHI_OK);
    assert_int_equal(matched, which >= 0);
    assert_int_equal(amphi__stop_strings_which(stop), which);
    assert_int_equal(out.size, strlen(wanted));
    assert_memory_equal(out.size > 0 ? out.data : "", wanted, out.size);
    amphi__buf_clear(&out);
}

static void expect(amphi_stop_strings *stop, const char *text, const char *wanted, int which)
{
    for (size_t step = 1; step <= strlen(text) + 1; step++)
        expect_at(stop, amphi_str_from(text), step, wanted, which);
}

static void stop__text_without_a_match_comes_out_whole(void **state)
{
    amphi_stop_strings *none = stop_of(NULL, 0);
    expect(none, "Grüße, 世界 🙂!", "Grüße, 世界 🙂!", -1);
    expect(none, "", "", -1);
    amphi__stop_strings_free(none);
    const char *texts[] = {"<|end|>", "\n\n"};
    amphi_stop_strings *stop = stop_of(texts, 2);
    expect(stop, "a <|en b <|end| c\n", "a <|en b <|end| c\n", -1);
    expect(stop, "ends open <|end|", "ends open <|end|", -1);
    amphi__stop_strings_free(stop);
}

static void stop__text_ends_before_the_stop_string_at_every_cut(void **state)
{
    const char *texts[] = {"<|end|>", "\n\n", "世界"};
    amphi_stop_strings *stop = stop_of(texts, 3);
    expect(stop, "hello<|end|>never shown", "hello", 0);
    expect(stop, "one\ntwo\n\nthree", "one\ntwo", 1);
    expect(stop, "こんにちは世界!", "こんにちは", 2);
    expect(stop, "<|end|>", "", 0);
    expect(stop, "<<|end|>", "<", 0);
    expect(stop, "<|end<|end|>", "<|end", 0);
    amphi__stop_strings_free(stop);
}

static void stop__a_string_that_overlaps_itself_is_found(void **state)
{
    const char *texts[] = {"aab", "abab!"};
    amphi_stop_strings *stop = stop_of(texts, 2);
    expect(stop, "aaaab", "aa", 0);
    expect(stop, "xababab!", "xab", 1);
    amphi__stop_strings_free(stop);
}

static void stop__the_first_complete_string_wins_then_the_longest(void **state)
{
    const char *texts[] = {"bc", "abcd", "xbc"};
    amphi_stop_strings *stop = stop_of(texts, 3);
    expect(stop, "abcd", "a", 0);  /* "bc" is complete before "abcd" */
    expect(stop, "-xbc-", "-", 2); /* end together: the longer one */
    amphi__stop_strings_free(stop);
}

static void stop__only_what_may_begin_a_stop_string_is_held_back(void **state)
{
    const char *texts[] = {"STOP"};
    amphi_stop_strings *stop = stop_of(texts, 1);
    bool matched = true;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(amphi__stop_strings_feed(stop, AMPHI_STR("abcST"), &out, &matched), AMPHI_OK);
    assert_false(matched);
    assert_int_equal(out.size, 3);
    assert_int_equal(amphi__stop_strings_feed(stop, AMPHI_STR("x"), &out, &matched), AMPHI_OK);
    assert_int_equal(out.size, 6);
    assert_memory_equal(out.data, "abcSTx", 6);
    assert_int_equal(amphi__stop_strings_feed(stop, AMPHI_STR("STOP!"), &out, &matched), AMPHI_OK);
    assert_true(matched);
    assert_int_equal(out.size, 6);
    assert_int_equal(amphi__stop_strings_feed(stop, AMPHI_STR("more"), &out, &matched), AMPHI_OK);
    assert_true(matched);
    assert_int_equal(out.size, 6);
    amphi__buf_clear(&out);
    amphi__stop_strings_free(stop);
}

static void stop__half_characters_wait_for_their_end(void **state)
{
    amphi_stop_strings *stop = stop_of(NULL, 0);
    bool matched = false;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(
        amphi__stop_strings_feed(stop, AMPHI_STR("a\xF0\x9F"), &out, &matched), AMPHI_OK);
    assert_int_equal(out.size, 1);
    assert_int_equal(
        amphi__stop_strings_feed(stop, AMPHI_STR("\x99\x82"), &out, &matched), AMPHI_OK);
    assert_int_equal(out.size, 5);
    assert_memory_equal(out.data, "a🙂", 5);
    amphi__buf_clear(&out);
    amphi__stop_strings_free(stop);
}

static void stop__bytes_that_are_no_utf8_become_replacement_characters(void **state)
{
    amphi_stop_strings *stop = stop_of(NULL, 0);
    expect(stop,
        "a\xFF"
        "b",
        "a\xEF\xBF\xBD"
        "b",
        -1);
    expect(stop, "\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD", -1);
    expect(stop, "end\xE4\xBD", "end\xEF\xBF\xBD\xEF\xBF\xBD", -1); /* never completed */
    expect(stop,
        "\xE4"
        "abc",
        "\xEF\xBF\xBD"
        "abc",
        -1);
    amphi__stop_strings_free(stop);
}

static void stop__a_nul_is_text(void **state)
{
    amphi_stop_strings *stop = NULL;
    amphi_str string = AMPHI_STR("\0x");
    assert_int_equal(amphi__stop_strings_new(&stop, &string, 1, NULL), AMPHI_OK);
    expect_at(stop, AMPHI_STR("ab\0xc"), 1, "ab", 0);
    expect_at(stop, AMPHI_STR("ab\0xc"), 5, "ab", 0);
    amphi__stop_strings_free(stop);
}

static void stop__strings_have_limits(void **state)
{
    amphi_stop_strings *stop = NULL;
    char *longest = malloc(AMPHI_STOP_BYTES_MAX + 1);
    assert_non_null(longest);
    memset(longest, 'x', AMPHI_STOP_BYTES_MAX + 1);
    amphi_str strings[AMPHI_STOP_STRINGS_MAX + 1];
    for (size_t i = 0; i <= AMPHI_STOP_STRINGS_MAX; i++)
        strings[i] = amphi_str_make(longest, AMPHI_STOP_BYTES_MAX);
    assert_int_equal(
        amphi__stop_strings_new(&stop, strings, AMPHI_STOP_STRINGS_MAX + 1, NULL), AMPHI_E_LIMIT);
    assert_null(stop);
    assert_int_equal(
        amphi__stop_strings_new(&stop, strings, AMPHI_STOP_STRINGS_MAX, NULL), AMPHI_OK);
    amphi__stop_strings_free(stop);
    strings[0].size = AMPHI_STOP_BYTES_MAX + 1;
    assert_int_equal(amphi__stop_strings_new(&stop, strings, 1, NULL), AMPHI_E_LIMIT);
    strings[0].size = 0;
    assert_int_equal(amphi__stop_strings_new(&stop, strings, 1, NULL), AMPHI_E_ARGUMENT);
    assert_null(stop);
    free(longest);
}

/* What the header promises, by the plainest possible search. */
static size_t cut_of(const char *text, size_t size, const char *const *strings, int *which)
{
    for (size_t end = 1; end <= size; end++) {
        size_t best = 0;
        for (int i = 0; i < 3; i++) {
            size_t length = strlen(strings[i]);
            if (length <= end && length > best &&
                memcmp(text + end - length, strings[i], length) == 0) {
                best = length;
                *which = i;
            }
        }
        if (best > 0)
            return end - best;
    }
    *which = -1;
    return size;
}

static void stop__random_texts_agree_with_a_plain_search(void **state)
{
    const char *texts[] = {"ab", "ba a", "aab"};
    amphi_stop_strings *stop = stop_of(texts, 3);
    uint32_t random = 12345;
    for (int round = 0; round < 3000; round++) {
        size_t size = 0;
        char text[25];
        for (; size < sizeof text - 1; size++) {
            random = random * 1664525u + 1013904223u;
            if (random >> 24 < 8)
                break;
            text[size] = "aab c"[(random >> 16) % 5];
        }
        text[size] = '\0';
        int which = -1;
        size_t cut = cut_of(text, size, texts, &which);
        char wanted[25];
        memcpy(wanted, text, cut);
        wanted[cut] = '\0';
        expect_at(stop, amphi_str_make(text, size), 1 + random % 5, wanted, which);
    }
    amphi__stop_strings_free(stop);
}

static amphi_status run_once(void)
{
    const amphi_str strings[] = {AMPHI_STR("END"), AMPHI_STR("\n")};
    amphi_stop_strings *stop = NULL;
    bool matched = false;
    amphi_buf out;
    amphi__buf_init(&out, 0);
    amphi_status status = amphi__stop_strings_new(&stop, strings, 2, NULL);
    if (status == AMPHI_OK)
        status = amphi__stop_strings_feed(stop, AMPHI_STR("some text E"), &out, &matched);
    if (status == AMPHI_OK)
        status = amphi__stop_strings_finish(stop, &out);
    if (status == AMPHI_OK)
        assert_string_equal(out.data, "some text E");
    amphi__buf_clear(&out);
    amphi__stop_strings_free(stop);
    return status;
}

static void stop__every_failing_allocation_is_survived(void **state)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    failing_alloc_install();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        failing_alloc_at(n);
        status = run_once();
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        assert_int_equal(failing_alloc_live(), 0);
        assert_true(n < 50);
    }
    failing_alloc_remove();
}

/* What `behind` and then `text` release, whose first part is out already. */
static void expect_behind(
    const char *behind, const char *text, const char *wanted, uint64_t released, int which)
{
    const char *texts[] = {"\nUser:", "END", "界!"};
    amphi_stop_strings *stop = stop_of(texts, 3);
    for (size_t step = 1; step <= strlen(text) + 1; step++) {
        bool matched = false;
        amphi_buf out;
        amphi__buf_init(&out, 0);
        amphi__stop_strings_reset(stop);
        assert_int_equal(amphi__stop_strings_begin_behind(stop, amphi_str_from(behind)), AMPHI_OK);
        for (size_t at = 0; at < strlen(text) && !matched; at += step)
            assert_int_equal(
                amphi__stop_strings_feed(stop,
                    amphi_str_make(text + at, strlen(text) - at < step ? strlen(text) - at : step),
                    &out, &matched),
                AMPHI_OK);
        assert_int_equal(amphi__stop_strings_finish(stop, &out), AMPHI_OK);
        assert_int_equal(amphi__stop_strings_which(stop), which);
        assert_int_equal(out.size, strlen(wanted));
        assert_memory_equal(out.size > 0 ? out.data : "", wanted, out.size);
        assert_int_equal(amphi__stop_strings_released(stop), released);
        amphi__buf_clear(&out);
    }
    amphi__stop_strings_free(stop);
}

static void stop__a_stop_string_may_have_begun_in_what_is_out(void **state)
{
    expect_behind("Hello.\nUs", "er: hi", "", 0, 0);
    expect_behind("Hello.\nUs", "eful", "eful", 4, -1);
    expect_behind("Hello.\nUs", "e\nUser:", "e", 1, 0);
    expect_behind("Hello.\nUs", "", "", 0, -1);
    expect_behind("the E", "NENDx", "N", 1, 1);
    expect_behind("the EN", "D", "", 0, 1);
    expect_behind("世", "界! 1", "", 0, 2);
    expect_behind("it was the END", "ING", "ING", 3, -1); /* a whole one is the caller's own text */
    expect_behind("", "more END", "more ", 5, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop__text_without_a_match_comes_out_whole),
        cmocka_unit_test(stop__text_ends_before_the_stop_string_at_every_cut),
        cmocka_unit_test(stop__a_string_that_overlaps_itself_is_found),
        cmocka_unit_test(stop__the_first_complete_string_wins_then_the_longest),
        cmocka_unit_test(stop__only_what_may_begin_a_stop_string_is_held_back),
        cmocka_unit_test(stop__half_characters_wait_for_their_end),
        cmocka_unit_test(stop__bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(stop__a_nul_is_text),
        cmocka_unit_test(stop__strings_have_limits),
        cmocka_unit_test(stop__random_texts_agree_with_a_plain_search),
        cmocka_unit_test(stop__every_failing_allocation_is_survived),
        cmocka_unit_test(stop__a_stop_string_may_have_begun_in_what_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
