/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokenizers against published vocabularies and their expected ids, against hand-made small ones,
 * against a plain implementation on random merges, and against hostile files.
 */
#include "local/text/tokenizer.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gguf_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VECTORS "../shared/vectors/vocab/ggml-vocab-"
#define SEPARATOR "\n__ggml_vocab_test__\n"
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { N = 1, U = 2, C = 3, D = 4, B = 6 }; /* normal, unknown, control, user-defined, byte */

static amphi_tokenizer *tokenizer_of(gguf_writer *w)
{
    amphi_tokenizer *tokenizer = NULL;
    amphi_error error;
    amphi_gguf *gguf = gguf_writer_open(w);
    if (amphi__tokenizer_new(&tokenizer, gguf, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    amphi__gguf_free(gguf); /* nothing of it is needed any more */
    gguf_writer_clear(w);
    return tokenizer;
}

static amphi_status status_of(gguf_writer *w, amphi_error *error)
{
    amphi_tokenizer *tokenizer = NULL;
    amphi_gguf *gguf = gguf_writer_open(w);
    amphi_status status = amphi__tokenizer_new(&tokenizer, gguf, error);
    assert_true((tokenizer != NULL) == (status == AMPHI_OK));
    amphi__tokenizer_free(tokenizer);
    amphi__gguf_free(gguf);
    gguf_writer_clear(w);
    return status;
}

/* The ids as text: "1 2 3". */
static void encode(
    const amphi_tokenizer *tokenizer, amphi_str text, bool special, amphi_buf *out)
{
    amphi_tokens tokens = {0};
    assert_int_equal(
        amphi__tokenizer_encode(tokenizer, text, special, &tokens, NULL), AMPHI_OK);
    amphi__buf_reset(out);
    for (size_t i = 0; i < tokens.size; i++)
        amphi__buf_printf(out, i > 0 ? " %d" : "%d", tokens.data[i]);
    assert_int_equal(out->status, AMPHI_OK);
    amphi__tokens_clear(&tokens);
}

static void expect_str(
    const amphi_tokenizer *tokenizer, amphi_str text, bool special, const char *wanted)
{
    amphi_buf out;
    amphi__buf_init(&out, 0);
    encode(tokenizer, text, special, &out);
    assert_string_equal(out.size > 0 ? out.data : "", wanted);
    amphi__buf_clear(&out);
}

static void expect(const amphi_tokenizer *tokenizer, const char *text, const char *wanted)
{
    expect_str(tokenizer, amphi_str_from(text), false, wanted);
}

static void expect_special(const amphi_tokenizer *tokenizer, const char *text, const char *wanted)
{
    expect_str(tokenizer, amphi_str_from(text), true, wanted);
}

/* ---- published vocabularies ----------------------------------------------------------------- */

static amphi_buf read_file(const char *name, const char *suffix)
{
    char path[256];
    char chunk[4096];
    amphi_buf content;
    amphi__buf_init(&content, 0);
    snprintf(path, sizeof path, VECTORS "%s.gguf%s", name, suffix);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        assert_int_equal(amphi__buf_append(&content, chunk, size), AMPHI_OK);
    fclose(file);
    return content;
}

static amphi_tokenizer *published(const char *name)
{
    char path[256];
    amphi_gguf *gguf = NULL;
    amphi_tokenizer *tokenizer = NULL;
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
    assert_int_equal(amphi__tokenizer_encode(tokenizer, text, false, &tokens, NULL), AMPHI_OK);
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
        expect_str(tokenizer, one, false, wanted);
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
    char scratch[8];
    amphi_tokens tokens = {0};
    const amphi_str text = AMPHI_STR("<|im_start|>user\nhi<|im_end|>");
    assert_int_equal(amphi__tokenizer_encode(qwen, text, true, &tokens, NULL), AMPHI_OK);
    assert_int_equal(tokens.size, 5);
    assert_int_equal(tokens.data[0], 151644);
    assert_int_equal(tokens.data[4], 151645);
    assert_true(amphi__tokenizer_is_end(qwen, 151645));
    assert_true(amphi__tokenizer_is_control(qwen, 151645));
    assert_true(amphi__tokenizer_is_end(qwen, amphi__tokenizer_eos(qwen)));
    assert_false(amphi__tokenizer_is_end(qwen, 151644));
    assert_int_equal(amphi__tokenizer_piece(qwen, 151645, false, scratch).size, 0);
    assert_true(amphi__str_equal_c(
        amphi__tokenizer_piece(qwen, 151645, true, scratch), "<|im_end|>"));
    tokens.size = 0;
    assert_int_equal(amphi__tokenizer_encode(qwen, text, false, &tokens, NULL), AMPHI_OK);
    for (size_t i = 0; i < tokens.size; i++)
        assert_false(amphi__tokenizer_is_control(qwen, tokens.data[i]));
    amphi__tokens_clear(&tokens);
    amphi__tokenizer_free(qwen);
}

/* ---- SentencePiece -------------------------------------------------------------------------- */

#define SPM_COUNT 17
static const char *const spm_texts[SPM_COUNT] = {"<unk>", "<s>", "</s>", "<0x41>", "<0xC3>",
    "▁", "a", "b", "ab", "ba", "▁a", "<tool>", "<tool>x", "é", "bab", "▁▁", "c"};
static const int32_t spm_kinds[SPM_COUNT] = {U, C, C, B, B, N, N, N, N, N, N, D, D, N, N, N, N};
static const float spm_scores[SPM_COUNT] = {
    0, 0, 0, 0, 0, -9, -9, -9, -2, -2, -1, 0, 0, -9, -1, -5, -9};

static void spm_begin(gguf_writer *w)
{
    gguf_writer_init(w);
    gguf_writer_str(w, "tokenizer.ggml.model", "llama");
    gguf_writer_strs(w, "tokenizer.ggml.tokens", spm_texts, SPM_COUNT);
    gguf_writer_i32s(w, "tokenizer.ggml.token_type", spm_kinds, SPM_COUNT);
    gguf_writer_f32s(w, "tokenizer.ggml.scores", spm_scores, SPM_COUNT);
}

static void spm__merges_the_best_score_first_and_the_leftmost_of_equals(void **state)
{
    gguf_writer w;
    spm_begin(&w);
    gguf_writer_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_false(amphi__tokenizer_adds_space(t));
    assert_true(amphi__tokenizer_adds_bos(t));
    assert_int_equal(amphi__tokenizer_bos(t), 1);
    assert_int_equal(amphi__tokenizer_eos(t), 2);
    assert_int_equal(amphi__tokenizer_size(t), SPM_COUNT);
    expect(t, "aba", "8 6");   /* ab and ba are equal: the left one  */
    expect(t, "bab", "14");    /* ba, then ba+b, which is best       */
    expect(t, " ab", "10 7");  /* ▁a is better than ab               */
    expect(t, "  a", "5 10");
    expect(t, "   ", "15 5");
    expect(t, "", "");
    amphi__tokenizer_free(t);
}

static void spm__a_blank_goes_in_front_of_the_first_word_and_after_special_tokens(void **state)
{
    gguf_writer w;
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
    gguf_writer w;
    spm_begin(&w);
    gguf_writer_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    char scratch[8];
    expect(t, "A", "3");                 /* <0x41>                               */
    expect(t, "é", "13");
    expect(t, "\xC3\xA8", "4 0");        /* è: <0xC3> is there, <0xA8> is not     */
    expect(t, "\xC3", "4");              /* half a character                     */
    expect(t, "\xC3" "a", "4 6");        /* two bytes by its first byte; "a" is found by itself */
    expect(t, "\xFF", "0");
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
    gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_str(&w, "tokenizer.ggml.model", "llama");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_writer_f32s(&w, "tokenizer.ggml.scores", scores, COUNT_OF(texts));
    gguf_writer_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "ab ab a", "3 7 7");
    amphi__tokenizer_free(t);
}

static void special__user_defined_always_longest_first_control_on_request(void **state)
{
    gguf_writer w;
    spm_begin(&w);
    gguf_writer_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "<tool>x<tool>a", "12 11 6");
    expect_special(t, "a<s><tool></s>", "6 1 11 2");
    expect_special(t, "<unk>", "0");
    expect(t, "<tool", "0 0 0 0 0"); /* not whole: plain text, of which no byte is a token */
    expect(t, "</s>", "0 0 0 0");
    amphi__tokenizer_free(t);
}

static void special__longer_tokens_win_even_where_they_begin_later(void **state)
{
    const char *texts[] = {"<unk>", "<s>", "</s>", "x", "ab", "bcd", "a", "b", "c", "d"};
    const int32_t kinds[] = {U, C, C, N, D, D, N, N, N, N};
    gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_str(&w, "tokenizer.ggml.model", "llama");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_writer_i32s(&w, "tokenizer.ggml.token_type", kinds, COUNT_OF(texts));
    gguf_writer_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "abcd", "6 5");
    expect(t, "abc", "4 8");
    expect(t, "abab", "4 4");
    amphi__tokenizer_free(t);
}

static void special__phi3_swallows_blanks_after_special_tokens(void **state)
{
    gguf_writer w;
    spm_begin(&w);
    gguf_writer_str(&w, "general.name", "Phi-3 mini");
    gguf_writer_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect_special(t, "</s> \n a", "2 6");
    expect_special(t, "<s> a", "1 10"); /* not after this one */
    expect(t, "<tool>  ", "11");
    amphi__tokenizer_free(t);
}

/* ---- BPE ------------------------------------------------------------------------------------ */

static void bpe_begin(gguf_writer *w, const char *pre)
{
    gguf_writer_init(w);
    gguf_writer_str(w, "tokenizer.ggml.model", "gpt2");
    if (pre != NULL)
        gguf_writer_str(w, "tokenizer.ggml.pre", pre);
}

#define BPE_COUNT 12
static const char *const bpe_texts[BPE_COUNT] = {
    "a", "b", "c", "ab", "bc", "abc", "Ġ", "Ġa", "Ã", "©", "<|im_end|>", "x"};
static const char *const bpe_merges[] = {"b c", "a b", "a bc", "Ġ a"};

static void bpe__merges_by_rank_within_words(void **state)
{
    gguf_writer w;
    bpe_begin(&w, "gpt-2");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", bpe_texts, BPE_COUNT);
    gguf_writer_strs(&w, "tokenizer.ggml.merges", bpe_merges, COUNT_OF(bpe_merges));
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_string_equal(amphi__tokenizer_kind(t), "bpe/gpt-2");
    assert_false(amphi__tokenizer_adds_bos(t));
    assert_false(amphi__tokenizer_adds_space(t));
    expect(t, "abc", "5");
    expect(t, "aab", "0 3");
    expect(t, "bab", "1 3");
    expect(t, "abc abc", "5 6 5"); /* bc before ab before abc: Ġa loses its a */
    expect(t, " ax", "7 11");
    expect(t, "é", "8 9");
    expect(t, "az", "0"); /* z is no token, nor are its bytes: lost, as in the reference */
    char scratch[8];
    assert_true(amphi__str_equal_c(amphi__tokenizer_piece(t, 7, false, scratch), " a"));
    assert_true(amphi__str_equal_c(amphi__tokenizer_piece(t, 8, false, scratch), "\xC3"));
    assert_true(amphi__tokenizer_is_end(t, 10)); /* by its spelling */
    assert_true(amphi__tokenizer_is_control(t, 10));
    amphi__tokenizer_free(t);
}

static void bpe__whole_words_win_where_the_model_ignores_merges(void **state)
{
    const char *texts[] = {"a", "b", "c", "ab", "cab", "Ġ"};
    const char *merges[] = {"a b"};
    const struct {
        const char *pre;
        const char *wanted;
        bool adds_bos;
    } cases[] = {{"gpt-2", "2 3", false}, {"llama-bpe", "4", true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        gguf_writer w;
        bpe_begin(&w, cases[i].pre);
        gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
        gguf_writer_strs(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
        gguf_writer_u32(&w, "tokenizer.ggml.bos_token_id", 5);
        amphi_tokenizer *t = tokenizer_of(&w);
        expect(t, "cab", cases[i].wanted);
        assert_int_equal(amphi__tokenizer_adds_bos(t), cases[i].adds_bos);
        amphi__tokenizer_free(t);
    }
}

static void bpe__odd_merges_are_survived(void **state)
{
    /* No pair, half a pair, unknown symbols, a product that is no token, and a repetition. */
    const char *texts[] = {"a", "b", "ab", "q", "Ġ"};
    const char *merges[] = {"", " ", "a", "a ", " b", "zz yy", "b a", "a b", "a b", "ba b", "ab ab"};
    gguf_writer w;
    bpe_begin(&w, NULL);
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_writer_strs(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_string_equal(amphi__tokenizer_kind(t), "bpe/default");
    expect(t, "ab", "2");
    expect(t, "ba", "1 0");       /* "ba" is no token: its bytes are     */
    expect(t, "bab", "1 0 1");    /* "bab" neither                       */
    expect(t, "aab", "0 2");
    assert_int_equal(amphi__tokenizer_size(t), COUNT_OF(texts));
    amphi__tokenizer_free(t);
}

static void bpe__of_duplicate_tokens_the_last_is_used(void **state)
{
    const char *texts[] = {"a", "b", "a", "ab", "ab", "Ġ"};
    const char *merges[] = {"a b"};
    gguf_writer w;
    char scratch[8];
    bpe_begin(&w, "gpt-2");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_writer_strs(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "ab a", "4 5 2");
    assert_true(amphi__str_equal_c(amphi__tokenizer_piece(t, 0, false, scratch), "a"));
    assert_true(amphi__str_equal_c(amphi__tokenizer_piece(t, 3, false, scratch), "ab"));
    amphi__tokenizer_free(t);
}

/* ---- BPE against the plainest implementation ------------------------------------------------ */

enum { TOY_TEXT_MAX = 8, TOY_MAX = 64 };

typedef struct toy {
    char texts[TOY_MAX][TOY_TEXT_MAX];
    size_t count;
    size_t left[TOY_MAX]; /* of the merge whose product is this token; the letters have none */
    size_t right[TOY_MAX];
} toy;

#define TOY_LETTERS 3

/* Letters, then joins of random earlier tokens, in the order of their merges. */
static void toy_make(toy *model, uint32_t *random)
{
    memset(model, 0, sizeof *model);
    model->count = TOY_LETTERS;
    for (size_t i = 0; i < TOY_LETTERS; i++)
        model->texts[i][0] = "abc"[i];
    for (int tries = 0; tries < 60; tries++) {
        char joined[TOY_TEXT_MAX] = {0};
        *random = *random * 1664525u + 1013904223u;
        size_t left = (*random >> 20) % model->count;
        size_t right = (*random >> 10) % model->count;
        size_t left_size = strlen(model->texts[left]);
        size_t right_size = strlen(model->texts[right]);
        bool is_new = left_size + right_size < TOY_TEXT_MAX;
        if (is_new) {
            memcpy(joined, model->texts[left], left_size);
            memcpy(joined + left_size, model->texts[right], right_size);
        }
        for (size_t i = 0; i < model->count; i++)
            is_new = is_new && strcmp(model->texts[i], joined) != 0;
        if (!is_new)
            continue;
        model->left[model->count] = left;
        model->right[model->count] = right;
        memcpy(model->texts[model->count++], joined, sizeof joined);
    }
}

/* Repeats: of all neighbours the pair of lowest rank, leftmost first, becomes one. */
static void toy_encode(const toy *model, const char *word, amphi_buf *out)
{
    size_t ids[TOY_MAX];
    size_t count = strlen(word);
    for (size_t i = 0; i < count; i++)
        ids[i] = (size_t)(word[i] - 'a');
    for (;;) {
        size_t best = SIZE_MAX;
        size_t best_at = 0;
        for (size_t at = 0; at + 1 < count; at++) {
            for (size_t id = TOY_LETTERS; id < model->count && id < best; id++) {
                if (model->left[id] == ids[at] && model->right[id] == ids[at + 1]) {
                    best = id;
                    best_at = at;
                }
            }
        }
        if (best == SIZE_MAX)
            break;
        ids[best_at] = best;
        count--;
        memmove(ids + best_at + 1, ids + best_at + 2, (count - best_at - 1) * sizeof *ids);
    }
    for (size_t i = 0; i < count; i++)
        amphi__buf_printf(out, i > 0 ? " %zu" : "%zu", ids[i]);
}

static void bpe__random_merges_agree_with_a_plain_implementation(void **state)
{
    uint32_t random = 2024;
    for (int round = 0; round < 40; round++) {
        toy model;
        const char *texts[TOY_MAX];
        char pairs[TOY_MAX][2 * TOY_TEXT_MAX];
        const char *merges[TOY_MAX];
        gguf_writer w;
        toy_make(&model, &random);
        for (size_t i = 0; i < model.count; i++)
            texts[i] = model.texts[i];
        for (size_t i = TOY_LETTERS; i < model.count; i++) {
            const char *left = texts[model.left[i]];
            const char *right = texts[model.right[i]];
            memset(pairs[i], 0, sizeof pairs[i]);
            memcpy(pairs[i], left, strlen(left));
            pairs[i][strlen(left)] = ' ';
            memcpy(pairs[i] + strlen(left) + 1, right, strlen(right));
            merges[i - TOY_LETTERS] = pairs[i];
        }
        bpe_begin(&w, "gpt-2");
        gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, model.count);
        gguf_writer_strs(&w, "tokenizer.ggml.merges", merges, model.count - TOY_LETTERS);
        amphi_tokenizer *t = tokenizer_of(&w);
        for (int n = 0; n < 50; n++) {
            char word[61];
            size_t size = 1 + (random >> 8) % 60;
            for (size_t i = 0; i < size; i++) {
                random = random * 1664525u + 1013904223u;
                word[i] = "abc"[(random >> 16) % 3];
            }
            word[size] = '\0';
            amphi_buf wanted;
            amphi__buf_init(&wanted, 0);
            toy_encode(&model, word, &wanted);
            expect(t, word, wanted.data);
            amphi__buf_clear(&wanted);
        }
        amphi__tokenizer_free(t);
    }
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void tokenizer__end_tokens_come_from_keys_and_known_spellings(void **state)
{
    const char *texts[] = {"<unk>", "<s>", "</s>", "<|eot_id|>", "<end_of_turn>", "stop", "go",
        "<|fim_pad|>", "<｜end▁of▁sentence｜>"};
    gguf_writer w;
    gguf_writer_init(&w);
    gguf_writer_str(&w, "tokenizer.ggml.model", "llama");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_writer_u32(&w, "tokenizer.ggml.eot_token_id", 5);
    gguf_writer_u32(&w, "tokenizer.ggml.eom_token_id", 4000000000u); /* out of range: ignored */
    gguf_writer_u32(&w, "tokenizer.ggml.eos_token_id", 99);
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
    gguf_writer w;
    bpe_begin(&w, "gpt-4o");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_writer_i32s(&w, "tokenizer.ggml.token_type", kinds, COUNT_OF(texts));
    gguf_writer_strs(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_true(amphi__tokenizer_is_end(t, 1));
    assert_true(amphi__tokenizer_is_end(t, 2));
    assert_false(amphi__tokenizer_is_end(t, 3));
    assert_false(amphi__tokenizer_is_control(t, 3));
    assert_int_equal(amphi__tokenizer_eos(t), -1); /* 11 is not there */
    assert_int_equal(amphi__tokenizer_bos(t), -1);
    amphi__tokenizer_free(t);
}

/* ---- hostile files -------------------------------------------------------------------------- */

static void hostile__wrong_arrays_are_refused(void **state)
{
    const int32_t ids[2] = {1, 1};
    const float floats[2] = {0, 0};
    const char *texts[2] = {"a", "b"};
    amphi_error error;
    gguf_writer w;
    gguf_writer_init(&w); /* no tokenizer at all */
    assert_int_equal(status_of(&w, &error), AMPHI_E_FORMAT);
    gguf_writer_init(&w);
    gguf_writer_str(&w, "tokenizer.ggml.model", "bert");
    assert_int_equal(status_of(&w, &error), AMPHI_E_UNSUPPORTED);
    for (int variant = 0; variant < 8; variant++) {
        bool is_bpe = variant >= 6;
        gguf_writer_init(&w);
        gguf_writer_str(&w, "tokenizer.ggml.model", is_bpe ? "gpt2" : "llama");
        if (variant == 1)
            gguf_writer_i32s(&w, "tokenizer.ggml.tokens", ids, 2);
        else if (variant != 0)
            gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, variant == 2 ? 0 : 2);
        if (variant == 3)
            gguf_writer_f32s(&w, "tokenizer.ggml.scores", floats, 1);
        if (variant == 4)
            gguf_writer_strs(&w, "tokenizer.ggml.scores", texts, 2);
        if (variant == 5)
            gguf_writer_strs(&w, "tokenizer.ggml.token_type", texts, 2);
        if (variant == 7)
            gguf_writer_i32s(&w, "tokenizer.ggml.merges", ids, 2);
        assert_int_equal(status_of(&w, &error), AMPHI_E_FORMAT);
        assert_non_null(strstr(error.message, "token"));
    }
}

static void hostile__unknown_pre_tokenizer_is_unsupported(void **state)
{
    const char *texts[] = {"a"};
    amphi_error error;
    gguf_writer w;
    bpe_begin(&w, "made-up");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, 1);
    gguf_writer_strs(&w, "tokenizer.ggml.merges", texts, 1);
    assert_int_equal(status_of(&w, &error), AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "made-up"));
}

static void hostile__odd_tokens_are_survived(void **state)
{
    /* Empty, malformed byte tokens, kinds that do not exist, NaN scores, broken UTF-8. */
    const char *texts[] = {"", "", "<0x4>", "<0xZZ>", "<0x0A", "\xE2\x96", "a", "aa", "\xFF", "b"};
    const int32_t kinds[] = {N, B, B, B, B, N, 77, -5, N, N};
    float scores[10] = {0};
    const uint32_t nan_bits = 0x7FC00000u;
    for (int i = 0; i < 10; i++)
        memcpy(&scores[i], &nan_bits, sizeof nan_bits);
    for (int is_bpe = 0; is_bpe < 2; is_bpe++) {
        const char *merges[] = {"a a", "\xFF \xFF", "a"};
        gguf_writer w;
        char scratch[8];
        gguf_writer_init(&w);
        gguf_writer_str(&w, "tokenizer.ggml.model", is_bpe ? "gpt2" : "llama");
        gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
        gguf_writer_i32s(&w, "tokenizer.ggml.token_type", kinds, COUNT_OF(texts));
        gguf_writer_f32s(&w, "tokenizer.ggml.scores", scores, COUNT_OF(texts));
        gguf_writer_strs(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
        gguf_writer_u32(&w, "tokenizer.ggml.bos_token_id", 10);
        gguf_writer_u32(&w, "tokenizer.ggml.unknown_token_id", UINT32_MAX);
        amphi_tokenizer *t = tokenizer_of(&w);
        for (int32_t id = -2; id < 12; id++) {
            amphi_str piece = amphi__tokenizer_piece(t, id, true, scratch);
            assert_true(piece.size <= 8);
        }
        expect(t, is_bpe ? "aab" : "baa", is_bpe ? "7 9" : "0 9 7");
        amphi__tokenizer_free(t);
    }
}

static void hostile__too_long_tokens_are_refused(void **state)
{
    char *text = malloc(100001);
    assert_non_null(text);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    const char *texts[] = {"a", text};
    gguf_writer w;
    amphi_error error;
    gguf_writer_init(&w);
    gguf_writer_str(&w, "tokenizer.ggml.model", "llama");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", texts, 2);
    assert_int_equal(status_of(&w, &error), AMPHI_E_LIMIT);
    free(text);
}

/* Everything at once on long texts of one kind: bounded time and memory. */
static void hostile__long_texts_without_words_are_encoded(void **state)
{
    const size_t size = 200000;
    char *text = malloc(size);
    assert_non_null(text);
    gguf_writer w;
    spm_begin(&w);
    amphi_tokenizer *spm = tokenizer_of(&w);
    bpe_begin(&w, "gpt-2");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", bpe_texts, BPE_COUNT);
    gguf_writer_strs(&w, "tokenizer.ggml.merges", bpe_merges, COUNT_OF(bpe_merges));
    amphi_tokenizer *bpe = tokenizer_of(&w);
    const char *const runs[] = {"a", "ab", "abc", " ", "\xFF", "<tool>"};
    for (size_t r = 0; r < COUNT_OF(runs); r++) {
        amphi_tokens tokens = {0};
        for (size_t i = 0; i < size; i++)
            text[i] = runs[r][i % strlen(runs[r])];
        assert_int_equal(amphi__tokenizer_encode(
                             spm, amphi_str_make(text, size), true, &tokens, NULL),
            AMPHI_OK);
        assert_true(tokens.size >= size / 6);
        tokens.size = 0;
        assert_int_equal(amphi__tokenizer_encode(
                             bpe, amphi_str_make(text, size), true, &tokens, NULL),
            AMPHI_OK);
        amphi__tokens_clear(&tokens);
    }
    amphi__tokenizer_free(spm);
    amphi__tokenizer_free(bpe);
    free(text);
}

/* Deterministic noise: every byte string can be encoded, and ids stay in range. */
static void fuzz__any_bytes_can_be_encoded(void **state)
{
    gguf_writer w;
    spm_begin(&w);
    amphi_tokenizer *both[2];
    both[0] = tokenizer_of(&w);
    bpe_begin(&w, "deepseek-llm");
    gguf_writer_strs(&w, "tokenizer.ggml.tokens", bpe_texts, BPE_COUNT);
    gguf_writer_strs(&w, "tokenizer.ggml.merges", bpe_merges, COUNT_OF(bpe_merges));
    both[1] = tokenizer_of(&w);
    uint32_t random = 1;
    for (int round = 0; round < 4000; round++) {
        char text[48];
        amphi_tokens tokens = {0};
        size_t size = (random >> 9) % sizeof text;
        for (size_t i = 0; i < size; i++) {
            random = random * 1664525u + 1013904223u;
            text[i] = (random & 0x300) != 0 ? "ab c<tool>\xE2\x96\x81\xC3"[(random >> 16) % 15]
                                            : (char)(random >> 24);
        }
        random = random * 1664525u + 1013904223u;
        const amphi_tokenizer *t = both[round % 2];
        assert_int_equal(amphi__tokenizer_encode(t, amphi_str_make(text, size),
                             (round & 2) != 0, &tokens, NULL),
            AMPHI_OK);
        for (size_t i = 0; i < tokens.size; i++)
            assert_in_range(tokens.data[i], 0, amphi__tokenizer_size(t) - 1);
        amphi__tokens_clear(&tokens);
    }
    amphi__tokenizer_free(both[0]);
    amphi__tokenizer_free(both[1]);
}

/* ---- memory --------------------------------------------------------------------------------- */

static amphi_status make_and_encode(const amphi_gguf *gguf)
{
    amphi_tokenizer *t = NULL;
    amphi_tokens tokens = {0};
    amphi_status status = amphi__tokenizer_new(&t, gguf, NULL);
    if (status == AMPHI_OK)
        status = amphi__tokenizer_encode(
            t, AMPHI_STR("abc <tool>\xFF abcabc"), true, &tokens, NULL);
    if (status != AMPHI_OK)
        assert_int_equal(tokens.size, 0);
    amphi__tokens_clear(&tokens);
    amphi__tokenizer_free(t);
    return status;
}

static void tokenizer__every_failing_allocation_is_survived(void **state)
{
    for (int is_bpe = 0; is_bpe < 2; is_bpe++) {
        gguf_writer w;
        if (is_bpe) {
            const char *merges[] = {"b c", "a b", "a bc", "Ġ a", "x y"}; /* y is a new symbol */
            bpe_begin(&w, "llama-bpe");
            gguf_writer_strs(&w, "tokenizer.ggml.tokens", bpe_texts, BPE_COUNT);
            gguf_writer_strs(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
        } else {
            spm_begin(&w);
        }
        failing_alloc_install();
        amphi_gguf *gguf = gguf_writer_open(&w);
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
        gguf_writer_clear(&w);
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
        cmocka_unit_test(spm__merges_the_best_score_first_and_the_leftmost_of_equals),
        cmocka_unit_test(spm__a_blank_goes_in_front_of_the_first_word_and_after_special_tokens),
        cmocka_unit_test(spm__what_is_no_token_falls_to_bytes_then_to_unknown),
        cmocka_unit_test(spm__tokens_that_cross_words_are_found),
        cmocka_unit_test(special__user_defined_always_longest_first_control_on_request),
        cmocka_unit_test(special__longer_tokens_win_even_where_they_begin_later),
        cmocka_unit_test(special__phi3_swallows_blanks_after_special_tokens),
        cmocka_unit_test(bpe__merges_by_rank_within_words),
        cmocka_unit_test(bpe__whole_words_win_where_the_model_ignores_merges),
        cmocka_unit_test(bpe__odd_merges_are_survived),
        cmocka_unit_test(bpe__of_duplicate_tokens_the_last_is_used),
        cmocka_unit_test(bpe__random_merges_agree_with_a_plain_implementation),
        cmocka_unit_test(tokenizer__end_tokens_come_from_keys_and_known_spellings),
        cmocka_unit_test(tokenizer__harmony_end_is_no_end),
        cmocka_unit_test(hostile__wrong_arrays_are_refused),
        cmocka_unit_test(hostile__unknown_pre_tokenizer_is_unsupported),
        cmocka_unit_test(hostile__odd_tokens_are_survived),
        cmocka_unit_test(hostile__too_long_tokens_are_refused),
        cmocka_unit_test(hostile__long_texts_without_words_are_encoded),
        cmocka_unit_test(fuzz__any_bytes_can_be_encoded),
        cmocka_unit_test(tokenizer__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
