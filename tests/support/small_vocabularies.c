/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/small_vocabularies.h"

#include "sdk/core/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

void build_bool(gguf_builder *w, const char *key, bool value)
{
    uint8_t byte = value;
    gguf_builder_raw(w, key, AMPHI_GGUF_BOOL, &byte, 1);
}

static void build_array(
    gguf_builder *w, const char *key, uint32_t type, const void *values, size_t count, size_t size)
{
    amphi_buf array;
    uint64_t count_there = count;
    amphi__buf_init(&array, 0);
    amphi__buf_append(&array, &type, sizeof type);
    amphi__buf_append(&array, &count_there, sizeof count_there);
    assert_int_equal(amphi__buf_append(&array, values, count * size), AMPHI_OK);
    gguf_builder_raw(w, key, AMPHI_GGUF_ARRAY, array.data, array.size);
    amphi__buf_clear(&array);
}

void build_i32s(gguf_builder *w, const char *key, const int32_t *values, size_t count)
{
    build_array(w, key, AMPHI_GGUF_I32, values, count, sizeof *values);
}

void build_f32s(gguf_builder *w, const char *key, const float *values, size_t count)
{
    build_array(w, key, AMPHI_GGUF_F32, values, count, sizeof *values);
}

static amphi_status make(amphi_tokenizer **out, gguf_builder *w, amphi_error *error)
{
    amphi_gguf *gguf = NULL;
    amphi_buf file;
    gguf_builder_finish(w, &file);
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, error), AMPHI_OK);
    amphi_status status = amphi__tokenizer_new(out, gguf, error);
    amphi__gguf_free(gguf); /* nothing of it is needed any more */
    amphi__buf_clear(&file);
    gguf_builder_clear(w);
    return status;
}

amphi_tokenizer *tokenizer_of(gguf_builder *w)
{
    amphi_tokenizer *tokenizer = NULL;
    amphi_error error;
    if (make(&tokenizer, w, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    return tokenizer;
}

amphi_status tokenizer_status_of(gguf_builder *w, amphi_error *error)
{
    amphi_tokenizer *tokenizer = NULL;
    amphi_status status = make(&tokenizer, w, error);
    assert_true((tokenizer != NULL) == (status == AMPHI_OK));
    amphi__tokenizer_free(tokenizer);
    return status;
}

/* The ids as text: "1 2 3". */
static void encode(const amphi_tokenizer *tokenizer, amphi_str text, bool special, amphi_buf *out)
{
    amphi_tokens tokens = {0};
    assert_int_equal(
        amphi__tokenizer_encode(tokenizer, text, special, NULL, &tokens, NULL), AMPHI_OK);
    amphi__buf_reset(out);
    for (size_t i = 0; i < tokens.size; i++)
        amphi__buf_printf(out, i > 0 ? " %d" : "%d", tokens.data[i]);
    assert_int_equal(out->status, AMPHI_OK);
    amphi__tokens_clear(&tokens);
}

void expect_ids(const amphi_tokenizer *tokenizer, amphi_str text, bool special, const char *wanted)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    encode(tokenizer, text, special, &out);
    assert_string_equal(out.size > 0 ? out.data : "", wanted);
    amphi__buf_clear(&out);
}

void expect(const amphi_tokenizer *tokenizer, const char *text, const char *wanted)
{
    expect_ids(tokenizer, amphi_str_from(text), false, wanted);
}

void expect_special(const amphi_tokenizer *tokenizer, const char *text, const char *wanted)
{
    expect_ids(tokenizer, amphi_str_from(text), true, wanted);
}

const char *const spm_texts[SPM_COUNT] = {"<unk>", "<s>", "</s>", "<0x41>", "<0xC3>", "▁", "a", "b",
    "ab", "ba", "▁a", "<tool>", "<tool>x", "é", "bab", "▁▁", "c"};
static const int32_t spm_kinds[SPM_COUNT] = {U, C, C, B, B, N, N, N, N, N, N, D, D, N, N, N, N};
static const float spm_scores[SPM_COUNT] = {
    0, 0, 0, 0, 0, -9, -9, -9, -2, -2, -1, 0, 0, -9, -1, -5, -9};

void spm_begin(gguf_builder *w)
{
    gguf_builder_init(w);
    gguf_builder_str(w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(w, "tokenizer.ggml.tokens", spm_texts, SPM_COUNT);
    build_i32s(w, "tokenizer.ggml.token_type", spm_kinds, SPM_COUNT);
    build_f32s(w, "tokenizer.ggml.scores", spm_scores, SPM_COUNT);
}

void bpe_begin(gguf_builder *w, const char *pre)
{
    gguf_builder_init(w);
    gguf_builder_str(w, "tokenizer.ggml.model", "gpt2");
    if (pre != NULL)
        gguf_builder_str(w, "tokenizer.ggml.pre", pre);
}

const char *const bpe_texts[BPE_COUNT] = {
    "a", "b", "c", "ab", "bc", "abc", "Ġ", "Ġa", "Ã", "©", "<|im_end|>", "x"};
const char *const bpe_merges[BPE_MERGES_COUNT] = {"b c", "a b", "a bc", "Ġ a"};

void bpe_begin_small(gguf_builder *w, const char *pre)
{
    bpe_begin(w, pre);
    gguf_builder_strings(w, "tokenizer.ggml.tokens", bpe_texts, BPE_COUNT);
    gguf_builder_strings(w, "tokenizer.ggml.merges", bpe_merges, BPE_MERGES_COUNT);
}
