/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that is cut at any byte: of the tokens and letters that are left, the whole text's
 * own tokens must be a way to go on, and what they write must be the rest. With published
 * vocabularies of both kinds (../shared/vectors) and with small ones of our own.
 */
#include "local/engine/healing.h"
#include "sdk/core/alloc.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/small_vocabularies.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* A beginning, and a model that likes one token best. */
typedef struct seam {
    const amphi_tokenizer *tokenizer;
    amphi_tokens tokens;
    amphi_healing healing;
    float *logits;
    uint32_t count;
} seam;

static void seam_begin(seam *s, const amphi_tokenizer *tokenizer, amphi_str beginning)
{
    *s = (seam){.tokenizer = tokenizer, .count = amphi__tokenizer_size(tokenizer)};
    s->logits = amphi__calloc(s->count, sizeof *s->logits);
    assert_non_null(s->logits);
    assert_int_equal(
        amphi__tokenizer_encode(tokenizer, beginning, false, NULL, &s->tokens, NULL), AMPHI_OK);
    assert_int_equal(
        amphi__healing_begin(&s->healing, tokenizer, &s->tokens, 0, beginning), AMPHI_OK);
}

static void seam_end(seam *s)
{
    amphi__tokens_clear(&s->tokens);
    amphi__free(s->logits);
}

/* May this token come? With `likes` a model that would choose it by itself. */
static bool allows(seam *s, int32_t token, bool likes)
{
    for (uint32_t i = 0; i < s->count; i++)
        s->logits[i] = -1;
    s->logits[likes ? token : (token == 0)] = 1;
    if (amphi__healing_is_active(&s->healing))
        (void)amphi__healing_mask(&s->healing, s->tokenizer, s->logits, s->count);
    return s->logits[token] != -INFINITY;
}

static amphi_str accept(seam *s, int32_t token)
{
    static char scratch[8];
    return amphi__healing_accept(
        &s->healing, token, amphi__tokenizer_piece(s->tokenizer, token, false, scratch));
}

static amphi_str letters(const seam *s)
{
    return amphi_str_make(s->healing.letters, s->healing.size);
}

/* ---- published vocabularies ---- */

static amphi_tokenizer *published(const char *name)
{
    amphi_gguf *gguf = NULL;
    amphi_tokenizer *tokenizer = NULL;
    char path[256];
    snprintf(path, sizeof path, "../shared/vectors/vocab/ggml-vocab-%s.gguf", name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    assert_int_equal(amphi__gguf_open(&gguf, amphi_str_from(path), NULL), AMPHI_OK);
    assert_int_equal(amphi__tokenizer_new(&tokenizer, gguf, NULL), AMPHI_OK);
    amphi__gguf_free(gguf);
    return tokenizer;
}

static const char *const cut_texts[] = {
    "Photosynthesis is the process by which plants convert light. Don't they?",
    "the eighteen countries, i.e. 1,234,567 inhabitants (2024) \"quoted\" **bold** ends.\n\n1. One",
    "```python\ndef fib(n):\n    return n if n < 2 else fib(n - 1)\n```\n\n\n- done",
    "{\n  \"name\": \"Zoe\",\n  \"tags\": [\"x\", \"y\"],\n  \"n\": -12.50e3\n}",
    "Die größten Städte: Köln, München. Ça va? naïve œuvre \xE2\x80\x9Czu Hause\xE2\x80\x9D",
    "\xE4\xB8\xAD\xE5\x9B\xBD\xE7\x9A\x84\xE9\xA6\x96\xE9\x83\xBD\xE6\x98\xAF\xE5\x8C\x97\xE4\xBA"
    "\xAC\xE3\x80\x82\xE4\xBB\x8A\xE5\xA4\xA9\xE5\xA4\xA9\xE6\xB0\x94\xE5\xBE\x88\xE5\xA5\xBD",
    "ok \xF0\x9F\x98\x80\xF0\x9F\x91\x8D\xF0\x9F\x8F\xBD fine \xF0\x9F\x87\xA9\xF0\x9F\x87\xAA.",
};

/* The uncut text's tokens are at `all`. */
static void check_cut(const amphi_tokenizer *tokenizer, const amphi_tokens *all, amphi_str text,
    size_t cut, bool masks)
{
    seam s;
    seam_begin(&s, tokenizer, amphi__str_slice(text, 0, cut));
    amphi_buf rest;
    amphi__buf_init(&rest, 0);
    assert_true(s.healing.size > 0);
    if (s.tokens.size > all->size ||
        memcmp(s.tokens.data, all->data, s.tokens.size * sizeof all->data[0]) != 0)
        fail_msg("cut at %zu: the tokens that are left are not the whole text's", cut);
    for (size_t i = s.tokens.size; i < all->size; i++) {
        if (masks && s.healing.size > 0 && !allows(&s, all->data[i], true))
            fail_msg("cut at %zu: token %zu may not come", cut, i);
        amphi__buf_append_str(&rest, accept(&s, all->data[i]));
    }
    assert_true(amphi__str_equal(amphi__buf_str(&rest), amphi__str_slice(text, cut, text.size)));
    amphi__buf_clear(&rest);
    seam_end(&s);
}

static void check_published(const char *name)
{
    amphi_tokenizer *tokenizer = published(name);
    for (size_t i = 0; i < COUNT_OF(cut_texts); i++) {
        amphi_tokens all = {0};
        amphi_str text = amphi_str_from(cut_texts[i]);
        assert_int_equal(
            amphi__tokenizer_encode(tokenizer, text, false, NULL, &all, NULL), AMPHI_OK);
        for (size_t cut = 1; cut < text.size; cut++)
            if (((unsigned char)text.data[cut] & 0xC0) != 0x80)
                check_cut(tokenizer, &all, text, cut, cut % 7 == 3);
        amphi__tokens_clear(&all);
    }
    amphi__tokenizer_free(tokenizer);
}

static void healing__llama_spm_goes_on_from_any_cut(void **state)
{
    check_published("llama-spm");
}

static void healing__gpt2_goes_on_from_any_cut(void **state)
{
    check_published("gpt-2");
}

static void healing__qwen2_goes_on_from_any_cut(void **state)
{
    check_published("qwen2");
}

static void healing__deepseek_goes_on_from_any_cut(void **state)
{
    check_published("deepseek-llm");
}

/* ---- small vocabularies ---- */

enum { A, BB, CC, AB, BC, ABC, BLANK, BLANK_A, C3, A9, IM_END, X }; /* of bpe_texts */

static amphi_tokenizer *small_bpe(void)
{
    static const int32_t kinds[BPE_COUNT] = {N, N, N, N, N, N, N, N, N, N, C, N};
    gguf_builder w;
    bpe_begin_small(&w, "gpt-2");
    build_i32s(&w, "tokenizer.ggml.token_type", kinds, BPE_COUNT);
    gguf_builder_u32(&w, "tokenizer.ggml.eos_token_id", IM_END);
    return tokenizer_of(&w);
}

static void healing__only_what_spells_the_letters_may_come(void **state)
{
    amphi_tokenizer *tokenizer = small_bpe();
    static const int32_t may[] = {A, AB, ABC};
    seam s;
    seam_begin(&s, tokenizer, AMPHI_STR("x ab")); /* "x", " a", "b" */
    assert_int_equal(s.tokens.size, 1);
    assert_true(amphi__str_equal(letters(&s), AMPHI_STR(" ab")));
    assert_true(allows(&s, BLANK, false) && allows(&s, BLANK_A, false));
    assert_false(allows(&s, A, false) || allows(&s, X, false) || allows(&s, IM_END, false));
    assert_int_equal(accept(&s, BLANK).size, 0);
    for (int32_t token = 0; token < BPE_COUNT; token++) {
        bool is_in = token == may[0] || token == may[1] || token == may[2];
        assert_int_equal(allows(&s, token, false), is_in);
    }
    assert_true(amphi__str_equal(accept(&s, ABC), AMPHI_STR("c")));
    assert_false(amphi__healing_is_active(&s.healing));
    assert_true(amphi__str_equal(accept(&s, X), AMPHI_STR("x")));
    seam_end(&s);
    amphi__tokenizer_free(tokenizer);
}

static void healing__a_character_of_two_tokens_is_taken_back_whole(void **state)
{
    amphi_tokenizer *tokenizer = small_bpe();
    seam s;
    seam_begin(&s, tokenizer, AMPHI_STR("x\xC3\xA9"));
    assert_true(amphi__str_equal(letters(&s), AMPHI_STR("x\xC3\xA9")));
    assert_int_equal(s.tokens.size, 0);
    assert_int_equal(accept(&s, X).size, 0);
    assert_true(allows(&s, C3, false) && !allows(&s, A9, false));
    assert_int_equal(accept(&s, C3).size, 0);
    assert_true(!allows(&s, C3, false) && allows(&s, A9, false));
    assert_int_equal(accept(&s, A9).size, 0);
    seam_end(&s);
    amphi__tokenizer_free(tokenizer);
}

/* An end behind letters that the model did not want counts once something is behind them. */
static void healing__an_end_behind_a_half_word_is_no_end(void **state)
{
    amphi_tokenizer *tokenizer = small_bpe();
    for (int wanted = 0; wanted < 2; wanted++) {
        seam s;
        seam_begin(&s, tokenizer, AMPHI_STR("x ab"));
        assert_true(allows(&s, BLANK_A, wanted));
        assert_int_equal(accept(&s, BLANK_A).size, 0);
        assert_true(allows(&s, BB, wanted));
        assert_false(allows(&s, IM_END, true));
        assert_true(allows(&s, BB, wanted));
        assert_int_equal(accept(&s, BB).size, 0);
        assert_int_equal(allows(&s, IM_END, true), wanted);
        assert_true(allows(&s, X, true));
        assert_int_equal(accept(&s, X).size, 1);
        assert_true(allows(&s, IM_END, true));
        seam_end(&s);
    }
    amphi__tokenizer_free(tokenizer);
}

static void healing__without_a_beginning_nothing_is_masked(void **state)
{
    const amphi_healing none = {0};
    assert_false(amphi__healing_is_active(&none));
}

static void healing__undone_the_tokens_are_as_they_were(void **state)
{
    amphi_tokenizer *tokenizer = small_bpe();
    amphi_tokens whole = {0};
    amphi_str text = AMPHI_STR("x abc");
    seam s;
    assert_int_equal(amphi__tokenizer_encode(tokenizer, text, false, NULL, &whole, NULL), AMPHI_OK);
    seam_begin(&s, tokenizer, text);
    assert_true(s.tokens.size < whole.size);
    amphi__healing_undo(&s.healing, &s.tokens);
    assert_int_equal(s.tokens.size, whole.size);
    assert_memory_equal(s.tokens.data, whole.data, whole.size * sizeof whole.data[0]);
    assert_int_equal(s.healing.size, 0);
    assert_false(allows(&s, IM_END, true)); /* it stops inside a word all the same */
    amphi__tokens_clear(&whole);
    seam_end(&s);
    amphi__tokenizer_free(tokenizer);
}

static void healing__a_vocabulary_without_the_letters_goes_on_without(void **state)
{
    static const char *const texts[] = {"a", "ab", "<|im_end|>"};
    static const char *const merges[] = {"a b"};
    gguf_builder w;
    bpe_begin(&w, "gpt-2");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, 3);
    gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, 1);
    gguf_builder_u32(&w, "tokenizer.ggml.eos_token_id", 2);
    amphi_tokenizer *tokenizer = tokenizer_of(&w);
    seam s;
    seam_begin(&s, tokenizer, AMPHI_STR("ab"));
    assert_int_equal(s.healing.size, 2);
    assert_true(allows(&s, 0, true)); /* "a", and no token is left that writes "b" */
    assert_int_equal(accept(&s, 0).size, 0);
    assert_true(allows(&s, 1, true) && !allows(&s, 2, true));
    assert_int_equal(accept(&s, 1).size, 2);
    seam_end(&s);
    amphi__tokenizer_free(tokenizer);
}

/* The first word of an answer has a blank in front, or none: as the model likes. */
static void healing__an_answers_first_word_may_have_sentencepieces_blank(void **state)
{
    enum { SPM_BLANK = 5, SPM_A = 6, SPM_BLANK_A = 10, SPM_B = 7 };
    gguf_builder w;
    spm_begin(&w);
    amphi_tokenizer *tokenizer = tokenizer_of(&w);
    seam s;
    seam_begin(&s, tokenizer, AMPHI_STR("a"));
    assert_true(amphi__str_equal(letters(&s), AMPHI_STR("a")));
    assert_true(allows(&s, SPM_A, false) && allows(&s, SPM_BLANK_A, false) &&
                allows(&s, SPM_BLANK, false) && !allows(&s, SPM_B, false));
    assert_int_equal(accept(&s, SPM_BLANK).size, 0);
    assert_true(allows(&s, SPM_A, false) && !allows(&s, SPM_BLANK_A, false));
    assert_int_equal(accept(&s, SPM_A).size, 0);
    seam_end(&s);
    seam_begin(&s, tokenizer, AMPHI_STR("a"));
    assert_int_equal(accept(&s, SPM_BLANK_A).size, 0);
    assert_int_equal(s.healing.size, 0);
    seam_end(&s);
    amphi__tokenizer_free(tokenizer);
}

/* ---- does it stop inside something? ---- */

static void healing__knows_an_end_from_a_stop_inside(void **state)
{
    static const char *const inside[] = {"the eigh", "12", "a, ", "see (", "Photosynth ", "**bold",
        "`code", "**a** and **b.", "```c\nint x;\n", "na\xC3\xAF", "list:", "\xE4\xB8\xAD"};
    static const char *const ended[] = {"", "  ", "Done.", "Done. ", "- one\n", "{\"a\": 1}",
        "**bold**", "`code`", "```c\nint x;\n```", "Why?", "\xE5\xA5\xBD\xE3\x80\x82",
        "\xC2\xBBja\xC2\xAB"};
    for (size_t i = 0; i < COUNT_OF(inside); i++)
        if (!amphi__healing_stops_inside(amphi_str_from(inside[i])))
            fail_msg("%s", inside[i]);
    for (size_t i = 0; i < COUNT_OF(ended); i++)
        if (amphi__healing_stops_inside(amphi_str_from(ended[i])))
            fail_msg("%s", ended[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healing__llama_spm_goes_on_from_any_cut),
        cmocka_unit_test(healing__gpt2_goes_on_from_any_cut),
        cmocka_unit_test(healing__qwen2_goes_on_from_any_cut),
        cmocka_unit_test(healing__deepseek_goes_on_from_any_cut),
        cmocka_unit_test(healing__only_what_spells_the_letters_may_come),
        cmocka_unit_test(healing__a_character_of_two_tokens_is_taken_back_whole),
        cmocka_unit_test(healing__an_end_behind_a_half_word_is_no_end),
        cmocka_unit_test(healing__without_a_beginning_nothing_is_masked),
        cmocka_unit_test(healing__undone_the_tokens_are_as_they_were),
        cmocka_unit_test(healing__a_vocabulary_without_the_letters_goes_on_without),
        cmocka_unit_test(healing__an_answers_first_word_may_have_sentencepieces_blank),
        cmocka_unit_test(healing__knows_an_end_from_a_stop_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
