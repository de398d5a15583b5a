/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokenizers against published vocabularies and their expected ids, and against hand-made small
 * ones. BPE's and hostile files' tests have files of their own.
 */
#include "local/tokens/tokenizer.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/small_vocabularies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VECTORS   "../shared/vectors/vocab/ggml-vocab-"
#define SEPARATOR "\n__ggml_vocab_test__\n"

/* ---- published vocabularies ----------------------------------------------------------------- */

static amphi_buf read_file(const char *name, const char *suffix)
{
    amphi_buf content;
    amphi__buf_init(&content, 0);
    char path[256];
    snprintf(path, sizeof path, VECTORS "%s.gguf%s", name, suffix);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char chunk[4096];
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        assert_int_equal(amphi__buf_append(&content, chunk, size), AMPHI_OK);
    fclose(file);
    return content;
}

static amphi_tokenizer *published(const char *name)
{
    amphi_gguf *gguf = NULL;
    amphi_tokenizer *tokenizer = NULL;
    char path[256];
    snprintf(path, sizeof path, VECTORS "%s.gguf", name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    assert_int_equal(amphi__gguf_open(&gguf, amphi_str_from(path), NULL), AMPHI_OK);
    assert_int_equal(amphi__tokenizer_new(&tokenizer, gguf, NULL), AMPHI_OK);
    amphi__gguf_free(gguf);
    return tokenizer;
}

/* What the tokens stand for, one after the other. */
static void decode(const amphi_tokenizer *tokenizer, const amphi_tokens *tokens, amphi_buf *out)
{
    char scratch[8];
    for (size_t i = 0; i < tokens->size; i++)
        amphi__buf_append_str(
            out, amphi__tokenizer_piece(tokenizer, tokens->data[i], false, scratch));
}

static void expect_round_trip(const amphi_tokenizer *tokenizer, amphi_str text)
{
    amphi_tokens tokens = {0};
    amphi_buf out;
    amphi__buf_init(&out, 0);
    assert_int_equal(
        amphi__tokenizer_encode(tokenizer, text, false, NULL, &tokens, NULL), AMPHI_OK);
    decode(tokenizer, &tokens, &out);
    amphi_str back = amphi__buf_str(&out);
    if (amphi__tokenizer_adds_space(tokenizer) && text.size > 0) {
        assert_true(back.size > 0 && back.data[0] == ' ');
        back = amphi__str_slice(back, 1, back.size);
    }
    assert_true(amphi__str_equal(back, text));
    amphi__buf_clear(&out);
    amphi__tokens_clear(&tokens);
}

static void check_published(const char *name, const char *kind)
{
    amphi_tokenizer *tokenizer = published(name);
    assert_string_equal(amphi__tokenizer_kind(tokenizer), kind);
    amphi_buf inputs = read_file(name, ".inp");
    amphi_buf outputs = read_file(name, ".out");
    amphi_str text = amphi__buf_str(&inputs);
    amphi_str lines = amphi__buf_str(&outputs);
    size_t cases = 0;
    for (size_t end; (end = amphi__str_find(text, AMPHI_STR(SEPARATOR))) != SIZE_MAX; cases++) {
        amphi_str line = amphi__str_trim(amphi__str_cut(lines, '\n', &lines));
        char wanted[4096];
        assert_true(line.size < sizeof wanted);
        amphi__str_copy_to(wanted, sizeof wanted, line);
        amphi_str one = amphi__str_slice(text, 0, end);
        expect_ids(tokenizer, one, false, wanted);
        expect_round_trip(tokenizer, one);
        text = amphi__str_slice(text, end + sizeof SEPARATOR - 1, text.size);
    }
    assert_true(cases >= 40);
    assert_int_equal(lines.size, 0);
    amphi__buf_clear(&inputs);
    amphi__buf_clear(&outputs);
    amphi__tokenizer_free(tokenizer);
}

static void tokenizer__llama_spm_agrees_with_its_published_cases(void **state)
{
    check_published("llama-spm", "llama-spm");
}

static void tokenizer__gpt2_agrees_with_its_published_cases(void **state)
{
    check_published("gpt-2", "bpe/gpt-2");
}

static void tokenizer__qwen2_agrees_with_its_published_cases(void **state)
{
    check_published("qwen2", "bpe/qwen2");
}

static void tokenizer__deepseek_llm_agrees_with_its_published_cases(void **state)
{
    check_published("deepseek-llm", "bpe/deepseek-llm");
}

static void tokenizer__qwen2_special_tokens_are_parsed_only_when_asked(void **state)
{
    amphi_tokenizer *qwen = published("qwen2");
    amphi_tokens tokens = {0};
    const amphi_str text = AMPHI_STR("<|im_start|>user\nhi<|im_end|>");
    assert_int_equal(amphi__tokenizer_encode(qwen, text, true, NULL, &tokens, NULL), AMPHI_OK);
    assert_int_equal(tokens.size, 5);
    assert_int_equal(tokens.data[0], 151644);
    assert_int_equal(tokens.data[4], 151645);
    assert_true(amphi__tokenizer_is_end(qwen, 151645));
    assert_true(amphi__tokenizer_is_control(qwen, 151645));
    assert_true(amphi__tokenizer_is_end(qwen, amphi__tokenizer_eos(qwen)));
    assert_false(amphi__tokenizer_is_end(qwen, 151644));
    char scratch[8];
    assert_int_equal(amphi__tokenizer_piece(qwen, 151645, false, scratch).size, 0);
    assert_true(
        amphi__str_equal_c(amphi__tokenizer_piece(qwen, 151645, true, scratch), "<|im_end|>"));
    tokens.size = 0;
    assert_int_equal(amphi__tokenizer_encode(qwen, text, false, NULL, &tokens, NULL), AMPHI_OK);
    for (size_t i = 0; i < tokens.size; i++)
        assert_false(amphi__tokenizer_is_control(qwen, tokens.data[i]));
    amphi__tokens_clear(&tokens);
    amphi__tokenizer_free(qwen);
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void tokenizer__end_tokens_come_from_keys_and_known_spellings(void **state)
{
    const char *texts[] = {"<unk>", "<s>", "</s>", "<|eot_id|>", "<end_of_turn>", "stop", "go",
        "<|fim_pad|>", "<｜end▁of▁sentence｜>"};
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_builder_u32(&w, "tokenizer.ggml.eot_token_id", 5);
    gguf_builder_u32(&w, "tokenizer.ggml.eom_token_id", 4000000000u); /* out of range: ignored */
    gguf_builder_u32(&w, "tokenizer.ggml.eos_token_id", 99);
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_int_equal(amphi__tokenizer_eos(t), 2);
    const bool wanted[] = {false, false, true, true, true, true, false, true, true};
    for (int32_t i = 0; i < (int32_t)COUNT_OF(texts); i++)
        assert_int_equal(amphi__tokenizer_is_end(t, i), wanted[i]);
    assert_false(amphi__tokenizer_is_end(t, -1));
    assert_false(amphi__tokenizer_is_end(t, 9));
    amphi__tokenizer_free(t);
}

static void tokenizer__harmony_end_is_no_end(void **state)
{
    const char *texts[] = {"a", "<|return|>", "<|call|>", "<|end|>", "<|channel|>"};
    const int32_t kinds[] = {N, C, C, C, C};
    const char *merges[] = {"a a"};
    gguf_builder w;
    bpe_begin(&w, "gpt-4o");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    build_i32s(&w, "tokenizer.ggml.token_type", kinds, COUNT_OF(texts));
    gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_true(amphi__tokenizer_is_end(t, 1));
    assert_true(amphi__tokenizer_is_end(t, 2));
    assert_false(amphi__tokenizer_is_end(t, 3));
    assert_false(amphi__tokenizer_is_control(t, 3));
    assert_int_equal(amphi__tokenizer_eos(t), -1); /* 11 is not there */
    assert_int_equal(amphi__tokenizer_bos(t), -1);
    amphi__tokenizer_free(t);
}

static void tokenizer__a_cancel_leaves_the_list_as_it_was(void **state)
{
    _Atomic uint32_t word = 0;
    const amphi_cancel cancel = {&word, 1};
    for (int is_bpe = 0; is_bpe < 2; is_bpe++) {
        gguf_builder w;
        if (is_bpe)
            bpe_begin_small(&w, "llama-bpe");
        else
            spm_begin(&w);
        amphi_tokenizer *t = tokenizer_of(&w);
        amphi_tokens tokens = {0};
        amphi_error error;
        word = 0;
        assert_int_equal(
            amphi__tokenizer_encode(t, AMPHI_STR("abc"), true, &cancel, &tokens, &error), AMPHI_OK);
        size_t before = tokens.size;
        assert_true(before > 0);
        word = 1;
        assert_int_equal(
            amphi__tokenizer_encode(t, AMPHI_STR("abc"), true, &cancel, &tokens, &error),
            AMPHI_E_CANCELLED);
        assert_string_equal(error.message, "the request was cancelled");
        assert_int_equal(tokens.size, before);
        amphi__tokens_clear(&tokens);
        amphi__tokenizer_free(t);
    }
}

/* ---- the last word --------------------------------------------------------------------------- */

static void expect_last_words(const amphi_tokenizer *t, const char *const (*rows)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        amphi_str text = amphi_str_from(rows[i][0]);
        size_t size = 0;
        assert_int_equal(amphi__tokenizer_last_word(t, text, &size), AMPHI_OK);
        amphi_str word = amphi__str_slice(text, text.size - size, text.size);
        if (!amphi__str_equal_c(word, rows[i][1]))
            fail_msg("'%s': '%.*s'", rows[i][0], (int)word.size, word.data);
    }
}

static void tokenizer__a_texts_last_word_is_what_the_rest_may_join(void **state)
{
    static const char *const bpe[][2] = {{"", ""}, {"the eigh", " eigh"}, {"Photo", "Photo"},
        {"a 12", " 12"}, {"it's", "'s"}, {"end.\"", ".\""}, {"x\n\n", "\n\n"}, {"x \n  ", " \n  "},
        {"a  ", "  "}, {"gr\xC3\xB6\xC3\x9F", "gr\xC3\xB6\xC3\x9F"}, {"a **", " **"}};
    static const char *const spm[][2] = {{"", ""}, {"the eigh", " eigh"}, {"a.\nb", "b"},
        {"x\n\n", "\n\n"}, {"a  b", "  b"}, {"a  ", "  "}, {"a <tool>", "<tool>"}};
    gguf_builder w;
    bpe_begin_small(&w, "gpt-2");
    amphi_tokenizer *t = tokenizer_of(&w);
    expect_last_words(t, bpe, COUNT_OF(bpe));
    amphi__tokenizer_free(t);
    spm_begin(&w);
    t = tokenizer_of(&w);
    expect_last_words(t, spm, COUNT_OF(spm));
    amphi__tokenizer_free(t);
}

/* ---- memory --------------------------------------------------------------------------------- */

static amphi_status make_and_encode(const amphi_gguf *gguf)
{
    amphi_tokenizer *t = NULL;
    amphi_tokens tokens = {0};
    amphi_status status = amphi__tokenizer_new(&t, gguf, NULL);
    if (status == AMPHI_OK)
        status = amphi__tokenizer_encode(
            t, AMPHI_STR("abc <tool>\xFF abcabc"), true, NULL, &tokens, NULL);
    if (status != AMPHI_OK)
        assert_int_equal(tokens.size, 0);
    size_t size = 0;
    if (status == AMPHI_OK)
        status = amphi__tokenizer_last_word(t, AMPHI_STR("abc <tool>\xFF abcabc"), &size);
    amphi__tokens_clear(&tokens);
    amphi__tokenizer_free(t);
    return status;
}

static void tokenizer__every_failing_allocation_is_survived(void **state)
{
    for (int is_bpe = 0; is_bpe < 2; is_bpe++) {
        gguf_builder w;
        if (is_bpe) {
            const char *merges[] = {"b c", "a b", "a bc", "Ġ a", "x y"}; /* y is a new symbol */
            bpe_begin(&w, "llama-bpe");
            gguf_builder_strings(&w, "tokenizer.ggml.tokens", bpe_texts, BPE_COUNT);
            gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
        } else {
            spm_begin(&w);
        }
        amphi_gguf *gguf = NULL;
        amphi_buf file;
        gguf_builder_finish(&w, &file);
        failing_alloc_install();
        assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);
        long live = failing_alloc_live();
        amphi_status status = AMPHI_E_NO_MEMORY;
        for (size_t n = 1; n < 400; n++) {
            failing_alloc_at(n);
            status = make_and_encode(gguf);
            bool failed = failing_alloc_failed();
            failing_alloc_at(0);
            assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
            assert_int_equal(failing_alloc_live(), live);
            if (!failed)
                break;
        }
        assert_int_equal(status, AMPHI_OK);
        amphi__gguf_free(gguf);
        failing_alloc_remove();
        amphi__buf_clear(&file);
        gguf_builder_clear(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizer__llama_spm_agrees_with_its_published_cases),
        cmocka_unit_test(tokenizer__gpt2_agrees_with_its_published_cases),
        cmocka_unit_test(tokenizer__qwen2_agrees_with_its_published_cases),
        cmocka_unit_test(tokenizer__deepseek_llm_agrees_with_its_published_cases),
        cmocka_unit_test(tokenizer__qwen2_special_tokens_are_parsed_only_when_asked),
        cmocka_unit_test(tokenizer__end_tokens_come_from_keys_and_known_spellings),
        cmocka_unit_test(tokenizer__harmony_end_is_no_end),
        cmocka_unit_test(tokenizer__a_cancel_leaves_the_list_as_it_was),
        cmocka_unit_test(tokenizer__a_texts_last_word_is_what_the_rest_may_join),
        cmocka_unit_test(tokenizer__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
