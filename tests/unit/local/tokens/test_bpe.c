/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte-level BPE on small vocabularies, and against the plainest implementation on random merges.
 */
#include "local/tokens/tokenizer.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/small_vocabularies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void bpe__merges_by_rank_within_words(void **state)
{
    gguf_builder w;
    bpe_begin_small(&w, "gpt-2");
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
        gguf_builder w;
        bpe_begin(&w, cases[i].pre);
        gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
        gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
        gguf_builder_u32(&w, "tokenizer.ggml.bos_token_id", 5);
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
    const char *merges[] = {
        "", " ", "a", "a ", " b", "zz yy", "b a", "a b", "a b", "ba b", "ab ab"};
    gguf_builder w;
    bpe_begin(&w, NULL);
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
    amphi_tokenizer *t = tokenizer_of(&w);
    assert_string_equal(amphi__tokenizer_kind(t), "bpe/default");
    expect(t, "ab", "2");
    expect(t, "ba", "1 0");    /* "ba" is no token: its bytes are */
    expect(t, "bab", "1 0 1"); /* "bab" neither */
    expect(t, "aab", "0 2");
    assert_int_equal(amphi__tokenizer_size(t), COUNT_OF(texts));
    amphi__tokenizer_free(t);
}

static void bpe__of_duplicate_tokens_the_last_is_used(void **state)
{
    const char *texts[] = {"a", "b", "a", "ab", "ab", "Ġ"};
    const char *merges[] = {"a b"};
    gguf_builder w;
    bpe_begin(&w, "gpt-2");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "ab a", "4 5 2");
    char scratch[8];
    assert_true(amphi__str_equal_c(amphi__tokenizer_piece(t, 0, false, scratch), "a"));
    assert_true(amphi__str_equal_c(amphi__tokenizer_piece(t, 3, false, scratch), "ab"));
    amphi__tokenizer_free(t);
}

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
    size_t count = strlen(word);
    size_t ids[TOY_MAX];
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
        toy_make(&model, &random);
        const char *texts[TOY_MAX];
        for (size_t i = 0; i < model.count; i++)
            texts[i] = model.texts[i];
        char pairs[TOY_MAX][2 * TOY_TEXT_MAX];
        const char *merges[TOY_MAX];
        for (size_t i = TOY_LETTERS; i < model.count; i++) {
            const char *left = texts[model.left[i]];
            const char *right = texts[model.right[i]];
            memset(pairs[i], 0, sizeof pairs[i]);
            memcpy(pairs[i], left, strlen(left));
            pairs[i][strlen(left)] = ' ';
            memcpy(pairs[i] + strlen(left) + 1, right, strlen(right));
            merges[i - TOY_LETTERS] = pairs[i];
        }
        gguf_builder w;
        bpe_begin(&w, "gpt-2");
        gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, model.count);
        gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, model.count - TOY_LETTERS);
        amphi_tokenizer *t = tokenizer_of(&w);
        for (int n = 0; n < 50; n++) {
            size_t size = 1 + (random >> 8) % 60;
            char word[61];
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bpe__merges_by_rank_within_words),
        cmocka_unit_test(bpe__whole_words_win_where_the_model_ignores_merges),
        cmocka_unit_test(bpe__odd_merges_are_survived),
        cmocka_unit_test(bpe__of_duplicate_tokens_the_last_is_used),
        cmocka_unit_test(bpe__random_merges_agree_with_a_plain_implementation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
