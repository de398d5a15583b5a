/* SPDX-License-Identifier: Apache-2.0
 *
 * SentencePiece through the tokenizer: which merge goes first, blanks, bytes, and tokens that cross
 * words. The published vocabularies are tested with tokenizer.c.
 */
#include "sdk/core/str.h"
#include "tests/support/small_vocabularies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void spm__merges_the_best_score_first_and_the_leftmost_of_equals(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    build_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_false(amphi__tokenizer_adds_space(t));
    assert_true(amphi__tokenizer_adds_bos(t));
    assert_int_equal(amphi__tokenizer_bos(t), 1);
    assert_int_equal(amphi__tokenizer_eos(t), 2);
    assert_int_equal(amphi__tokenizer_size(t), SPM_COUNT);
    expect(t, "aba", "8 6");  /* ab and ba are equal: the left one */
    expect(t, "bab", "14");   /* ba, then ba+b, which is best */
    expect(t, " ab", "10 7"); /* ▁a is better than ab */
    expect(t, "  a", "5 10");
    expect(t, "   ", "15 5");
    expect(t, "", "");
    amphi__tokenizer_free(t);
}

static void spm__a_blank_goes_in_front_of_the_first_word_and_after_special_tokens(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_true(amphi__tokenizer_adds_space(t));
    expect(t, "a", "10");
    expect(t, "a<tool>a", "10 11 10");
    expect_special(t, "<s>a</s>", "1 10 2");
    expect_special(t, "</s>", "2");
    amphi__tokenizer_free(t);
}

static void spm__what_is_no_token_falls_to_bytes_then_to_unknown(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    build_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "A", "3"); /* <0x41> */
    expect(t, "é", "13");
    expect(t, "\xC3\xA8", "4 0"); /* è: <0xC3> is there, <0xA8> is not */
    expect(t, "\xC3", "4");       /* half a character */
    expect(t,
        "\xC3"
        "a",
        "4 6"); /* two bytes by its first byte; "a" is found by itself */
    expect(t, "\xFF", "0");
    char scratch[8];
    amphi_str piece = amphi__tokenizer_piece(t, 3, false, scratch);
    assert_true(amphi__str_equal_c(piece, "A"));
    piece = amphi__tokenizer_piece(t, 10, false, scratch);
    assert_true(amphi__str_equal_c(piece, " a"));
    assert_int_equal(amphi__tokenizer_piece(t, 0, false, scratch).size, 0);
    assert_int_equal(amphi__tokenizer_piece(t, -1, true, scratch).size, 0);
    assert_int_equal(amphi__tokenizer_piece(t, SPM_COUNT, true, scratch).size, 0);
    amphi__tokenizer_free(t);
}

static void spm__tokens_that_cross_words_are_found(void **state)
{
    /* With "b▁a" in the vocabulary words can't be merged one by one. */
    const char *texts[] = {"<unk>", "<s>", "</s>", "a", "b", "▁", "▁a", "b▁a"};
    const float scores[] = {0, 0, 0, -9, -9, -9, -3, -1};
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    build_f32s(&w, "tokenizer.ggml.scores", scores, COUNT_OF(texts));
    build_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "ab ab a", "3 7 7");
    amphi__tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spm__merges_the_best_score_first_and_the_leftmost_of_equals),
        cmocka_unit_test(spm__a_blank_goes_in_front_of_the_first_word_and_after_special_tokens),
        cmocka_unit_test(spm__what_is_no_token_falls_to_bytes_then_to_unknown),
        cmocka_unit_test(spm__tokens_that_cross_words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
