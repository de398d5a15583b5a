/* SPDX-License-Identifier: Apache-2.0
 *
 * What is loaded from a model file: texts, pieces, orders, special ids, symbols. Then hostile files
 * and texts: refused with one line, or loaded soundly.
 */
#include "local/model/gguf_file.h"
#include "local/tokens/tokenizer.h"
#include "local/tokens/vocabulary.h"
#include "sdk/core/buf.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/small_vocabularies.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- what is loaded ------------------------------------------------------------------------- */

/* The builder's vocabulary; clears the builder. Nothing of the file is kept. */
static void load(amphi_vocabulary *vocabulary, gguf_builder *w)
{
    amphi_buf file;
    gguf_builder_finish(w, &file);
    gguf_builder_clear(w);
    amphi_gguf *gguf = NULL;
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);
    amphi_error error = {0};
    if (amphi__vocabulary_load(vocabulary, gguf, &error) != AMPHI_OK)
        fail_msg("%s", error.message);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
}

static amphi_str piece_of(const amphi_vocabulary *vocabulary, int32_t id)
{
    const amphi_token_entry *entry = &vocabulary->entries[id];
    return amphi_str_make(vocabulary->arena + entry->piece_at, entry->piece_size);
}

static void vocabulary__texts_are_found_and_pieces_are_what_they_stand_for(void **state)
{
    static const char *const pieces[SPM_COUNT] = {"<unk>", "<s>", "</s>", "A", "\xC3", " ", "a",
        "b", "ab", "ba", " a", "<tool>", "<tool>x", "é", "bab", "  ", "c"};
    gguf_builder w;
    spm_begin(&w);
    amphi_vocabulary vocabulary;
    load(&vocabulary, &w);
    assert_int_equal(vocabulary.count, SPM_COUNT);
    assert_int_equal(vocabulary.entries_count, SPM_COUNT);
    assert_false(vocabulary.is_bpe);
    assert_false(vocabulary.has_duplicates);
    for (int32_t id = 0; id < SPM_COUNT; id++) {
        assert_int_equal(amphi__vocabulary_find(&vocabulary, amphi_str_from(spm_texts[id])), id);
        assert_true(amphi__str_equal_c(amphi__vocabulary_text(&vocabulary, id), spm_texts[id]));
        assert_true(amphi__str_equal_c(piece_of(&vocabulary, id), pieces[id]));
    }
    static const char *const absent[] = {"", "x", "aa", "<tool", "<tool>xx", "bab "};
    for (size_t i = 0; i < COUNT_OF(absent); i++)
        assert_int_equal(amphi__vocabulary_find(&vocabulary, amphi_str_from(absent[i])), -1);
    amphi__vocabulary_clear(&vocabulary);
}

static void vocabulary__bpe_pieces_are_bytes(void **state)
{
    gguf_builder w;
    bpe_begin_small(&w, "gpt-2");
    amphi_vocabulary vocabulary;
    load(&vocabulary, &w);
    assert_true(vocabulary.is_bpe);
    assert_true(amphi__str_equal_c(piece_of(&vocabulary, 7), " a"));   /* "Ġa" */
    assert_true(amphi__str_equal_c(piece_of(&vocabulary, 8), "\xC3")); /* "Ã" */
    assert_true(amphi__str_equal_c(piece_of(&vocabulary, 10), "<|im_end|>"));
    assert_true(vocabulary.entries[10].is_end);
    assert_int_equal(vocabulary.entries[10].kind, AMPHI_TOKEN_CONTROL); /* by its spelling */
    amphi__vocabulary_clear(&vocabulary);
}

static void vocabulary__the_order_rises_as_the_score_falls(void **state)
{
    static const float scores[] = {
        INFINITY, 3e38f, 1.5f, 1e-30f, 0.0f, -0.0f, -1e-30f, -7.0f, -3e38f, -INFINITY, NAN};
    const char *texts[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    build_f32s(&w, "tokenizer.ggml.scores", scores, COUNT_OF(scores));
    amphi_vocabulary vocabulary;
    load(&vocabulary, &w);
    for (size_t i = 0; i + 1 < COUNT_OF(scores); i++) {
        uint32_t order = vocabulary.entries[i].order;
        uint32_t next = vocabulary.entries[i + 1].order;
        assert_true(i == 4 ? order == next : order < next); /* 0 and -0 are equal */
    }
    amphi__vocabulary_clear(&vocabulary);
}

static void vocabulary__special_ids_come_from_keys_or_the_family(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    amphi_vocabulary vocabulary;
    load(&vocabulary, &w);
    assert_int_equal(vocabulary.bos, 1);
    assert_int_equal(vocabulary.eos, 2);
    assert_int_equal(vocabulary.unknown, 0);
    assert_true(vocabulary.entries[2].is_end);
    assert_false(vocabulary.entries[1].is_end);
    amphi__vocabulary_clear(&vocabulary);
    spm_begin(&w);
    gguf_builder_u32(&w, "tokenizer.ggml.bos_token_id", 6);
    gguf_builder_u32(&w, "tokenizer.ggml.eos_token_id", 7);
    gguf_builder_u32(&w, "tokenizer.ggml.unknown_token_id", SPM_COUNT); /* one too large */
    load(&vocabulary, &w);
    assert_int_equal(vocabulary.bos, 6);
    assert_int_equal(vocabulary.eos, 7);
    assert_int_equal(vocabulary.unknown, 0);
    assert_true(vocabulary.entries[7].is_end);
    amphi__vocabulary_clear(&vocabulary);
    bpe_begin_small(&w, "gpt-2");
    load(&vocabulary, &w);
    assert_int_equal(vocabulary.bos, 11);
    assert_int_equal(vocabulary.unknown, -1);
    amphi__vocabulary_clear(&vocabulary);
}

static void vocabulary__symbols_are_added_behind_the_tokens(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    amphi_vocabulary vocabulary;
    load(&vocabulary, &w);
    int32_t id = -1;
    assert_int_equal(amphi__vocabulary_symbol(&vocabulary, AMPHI_STR("ab"), -1, &id), AMPHI_OK);
    assert_int_equal(id, 8); /* a token's text: no symbol */
    assert_int_equal(amphi__vocabulary_symbol(&vocabulary, AMPHI_STR("ab"), 3, &id), AMPHI_OK);
    assert_int_equal(id, 8); /* a wrong hint */
    /* More than the table has room for at first: it grows, and everything is still found. */
    char text[16];
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(text, sizeof text, "sym%d", i);
        assert_int_equal(
            amphi__vocabulary_symbol(&vocabulary, amphi_str_from(text), -1, &id), AMPHI_OK);
        assert_int_equal(id, SPM_COUNT + i);
    }
    assert_int_equal(vocabulary.count, SPM_COUNT);
    assert_int_equal(vocabulary.entries_count, SPM_COUNT + 3000);
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(text, sizeof text, "sym%d", i);
        assert_int_equal(amphi__vocabulary_find(&vocabulary, amphi_str_from(text)), SPM_COUNT + i);
    }
    assert_int_equal(amphi__vocabulary_find(&vocabulary, AMPHI_STR("bab")), 14);
    assert_int_equal(amphi__vocabulary_symbol(&vocabulary, AMPHI_STR(""), -1, &id), AMPHI_E_LIMIT);
    amphi__vocabulary_clear(&vocabulary);
}

/* GPT-2's table is a bijection between the bytes and 256 printable characters. */
static void vocabulary__bytes_and_characters_are_each_others_inverse(void **state)
{
    bool seen[512] = {false};
    for (int byte = 0; byte < 256; byte++) {
        uint32_t c = amphi__byte_to_char((uint8_t)byte);
        assert_in_range(c, '!', 511);
        assert_false(seen[c]);
        seen[c] = true;
        assert_int_equal(amphi__byte_from_char(c), byte);
    }
    assert_int_equal(amphi__byte_to_char('a'), 'a');
    assert_int_equal(amphi__byte_to_char(' '), 0x120); /* Ġ */
    assert_int_equal(amphi__byte_to_char('\n'), 0x10A);
    for (uint32_t c = 0; c < 512; c++)
        if (!seen[c])
            assert_int_equal(amphi__byte_from_char(c), -1);
    assert_int_equal(amphi__byte_from_char(0x4E00), -1);
}

static void vocabulary__every_failing_allocation_is_reported(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    amphi_buf file;
    gguf_builder_finish(&w, &file);
    gguf_builder_clear(&w);
    amphi_gguf *gguf = NULL;
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);
    failing_alloc_install();
    size_t failures = 0;
    for (size_t n = 1;; n++) {
        failing_alloc_at(n);
        amphi_vocabulary vocabulary;
        amphi_status status = amphi__vocabulary_load(&vocabulary, gguf, NULL);
        bool failed = failing_alloc_failed();
        failing_alloc_at(0);
        assert_int_equal(status, failed ? AMPHI_E_NO_MEMORY : AMPHI_OK);
        amphi__vocabulary_clear(&vocabulary);
        assert_int_equal(failing_alloc_live(), 0);
        if (!failed)
            break;
        failures++;
    }
    assert_int_equal(failures, 3); /* texts, entries, table */
    failing_alloc_remove();
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
}

/* ---- hostile files -------------------------------------------------------------------------- */

static void vocabulary__wrong_arrays_are_refused(void **state)
{
    const int32_t ids[2] = {1, 1};
    const float floats[2] = {0, 0};
    const char *texts[2] = {"a", "b"};
    gguf_builder w;
    gguf_builder_init(&w); /* no tokenizer at all */
    amphi_error error;
    assert_int_equal(tokenizer_status_of(&w, &error), AMPHI_E_FORMAT);
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "bert");
    assert_int_equal(tokenizer_status_of(&w, &error), AMPHI_E_UNSUPPORTED);
    for (int variant = 0; variant < 8; variant++) {
        bool is_bpe = variant >= 6;
        gguf_builder_init(&w);
        gguf_builder_str(&w, "tokenizer.ggml.model", is_bpe ? "gpt2" : "llama");
        if (variant == 1)
            build_i32s(&w, "tokenizer.ggml.tokens", ids, 2);
        else if (variant != 0)
            gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, variant == 2 ? 0 : 2);
        if (variant == 3)
            build_f32s(&w, "tokenizer.ggml.scores", floats, 1);
        if (variant == 4)
            gguf_builder_strings(&w, "tokenizer.ggml.scores", texts, 2);
        if (variant == 5)
            gguf_builder_strings(&w, "tokenizer.ggml.token_type", texts, 2);
        if (variant == 7)
            build_i32s(&w, "tokenizer.ggml.merges", ids, 2);
        assert_int_equal(tokenizer_status_of(&w, &error), AMPHI_E_FORMAT);
        assert_non_null(strstr(error.message, "token"));
    }
}

/* Each key of a tokenizer, holding a value of each other kind: a line, or a default; an array's
 * bytes are never read as something that they are not. */
static void vocabulary__keys_of_another_kind_are_never_misread(void **state)
{
    static const char *const keys[] = {"tokenizer.ggml.model", "tokenizer.ggml.pre",
        "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type",
        "tokenizer.ggml.merges", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
        "tokenizer.ggml.unknown_token_id", "tokenizer.ggml.add_bos_token",
        "tokenizer.ggml.add_space_prefix", "general.name"};
    static const uint32_t kinds[] = {AMPHI_GGUF_U8, AMPHI_GGUF_I8, AMPHI_GGUF_U16, AMPHI_GGUF_I16,
        AMPHI_GGUF_U32, AMPHI_GGUF_I32, AMPHI_GGUF_F32, AMPHI_GGUF_BOOL, AMPHI_GGUF_STRING,
        AMPHI_GGUF_U64, AMPHI_GGUF_I64, AMPHI_GGUF_F64};
    const char *const texts[3] = {"a", "b", "ab"};
    const char *const merges[1] = {"a b"};
    size_t refused = 0;
    size_t loaded = 0;
    for (size_t k = 0; k < COUNT_OF(keys); k++) {
        for (size_t kind = 0; kind < 2 * COUNT_OF(kinds); kind++) {
            for (int is_bpe = 0; is_bpe < 2; is_bpe++) {
                const char *model = is_bpe ? "gpt2" : "llama";
                amphi_error error = {0};
                gguf_builder w;
                gguf_builder_init(&w);
                if (k != 0)
                    gguf_builder_str(&w, "tokenizer.ggml.model", model);
                if (k != 2)
                    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, 3);
                if (k != 5)
                    gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, 1);
                /* A scalar, or an array of three, in zeros: strings are empty. */
                uint8_t value[36] = {0};
                bool is_array = kind >= COUNT_OF(kinds);
                uint32_t type = kinds[kind % COUNT_OF(kinds)];
                size_t bytes = amphi__gguf_scalar_bytes(type);
                bytes = bytes == 0 ? 8 : bytes;
                memcpy(value, &type, 4);
                value[4] = 3;
                if (is_array)
                    gguf_builder_raw(&w, keys[k], AMPHI_GGUF_ARRAY, value, 12 + 3 * bytes);
                else
                    gguf_builder_raw(&w, keys[k], type, value + 12, bytes);
                amphi_status status = tokenizer_status_of(&w, &error);
                assert_true(status == AMPHI_OK || error.message[0] != '\0');
                refused += status != AMPHI_OK;
                loaded += status == AMPHI_OK;
            }
        }
    }
    assert_true(refused > 100 && loaded > 100);
}

static void vocabulary__duplicate_tokens_load_and_the_last_one_is_found(void **state)
{
    const char *const texts[] = {"<unk>", "a", "a", "b", "ab", "ab", "a"};
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
    build_bool(&w, "tokenizer.ggml.add_space_prefix", false);
    amphi_tokenizer *t = tokenizer_of(&w);
    expect(t, "aba", "5 6");
    amphi__tokenizer_free(t);
}

static void vocabulary__unknown_pre_tokenizer_is_unsupported(void **state)
{
    const char *texts[] = {"a"};
    gguf_builder w;
    bpe_begin(&w, "made-up");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, 1);
    gguf_builder_strings(&w, "tokenizer.ggml.merges", texts, 1);
    amphi_error error;
    assert_int_equal(tokenizer_status_of(&w, &error), AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "made-up"));
}

static void vocabulary__odd_tokens_are_survived(void **state)
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
        gguf_builder w;
        gguf_builder_init(&w);
        gguf_builder_str(&w, "tokenizer.ggml.model", is_bpe ? "gpt2" : "llama");
        gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, COUNT_OF(texts));
        build_i32s(&w, "tokenizer.ggml.token_type", kinds, COUNT_OF(texts));
        build_f32s(&w, "tokenizer.ggml.scores", scores, COUNT_OF(texts));
        gguf_builder_strings(&w, "tokenizer.ggml.merges", merges, COUNT_OF(merges));
        gguf_builder_u32(&w, "tokenizer.ggml.bos_token_id", 10);
        gguf_builder_u32(&w, "tokenizer.ggml.unknown_token_id", UINT32_MAX);
        amphi_tokenizer *t = tokenizer_of(&w);
        char scratch[8];
        for (int32_t id = -2; id < 12; id++) {
            amphi_str piece = amphi__tokenizer_piece(t, id, true, scratch);
            assert_true(piece.size <= 8);
        }
        expect(t, is_bpe ? "aab" : "baa", is_bpe ? "7 9" : "0 0 0 9 7");
        amphi__tokenizer_free(t);
    }
}

static void vocabulary__too_long_tokens_are_refused(void **state)
{
    char *text = malloc(100001);
    assert_non_null(text);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    const char *texts[] = {"a", text};
    gguf_builder w;
    gguf_builder_init(&w);
    gguf_builder_str(&w, "tokenizer.ggml.model", "llama");
    gguf_builder_strings(&w, "tokenizer.ggml.tokens", texts, 2);
    amphi_error error;
    assert_int_equal(tokenizer_status_of(&w, &error), AMPHI_E_LIMIT);
    free(text);
}

/* Everything at once on long texts of one kind: bounded time and memory. */
static void vocabulary__long_texts_without_words_are_encoded(void **state)
{
    const size_t size = 200000;
    char *text = malloc(size);
    assert_non_null(text);
    gguf_builder w;
    spm_begin(&w);
    amphi_tokenizer *spm = tokenizer_of(&w);
    bpe_begin_small(&w, "gpt-2");
    amphi_tokenizer *bpe = tokenizer_of(&w);
    const char *const runs[] = {"a", "ab", "abc", " ", "\xFF", "<tool>"};
    for (size_t r = 0; r < COUNT_OF(runs); r++) {
        amphi_tokens tokens = {0};
        for (size_t i = 0; i < size; i++)
            text[i] = runs[r][i % strlen(runs[r])];
        assert_int_equal(
            amphi__tokenizer_encode(spm, amphi_str_make(text, size), true, NULL, &tokens, NULL),
            AMPHI_OK);
        assert_true(tokens.size >= size / 6);
        tokens.size = 0;
        assert_int_equal(
            amphi__tokenizer_encode(bpe, amphi_str_make(text, size), true, NULL, &tokens, NULL),
            AMPHI_OK);
        amphi__tokens_clear(&tokens);
    }
    amphi__tokenizer_free(spm);
    amphi__tokenizer_free(bpe);
    free(text);
}

/* A few bytes of a good file changed at random: it loads soundly or is refused. */
static void vocabulary__mutated_files_load_or_are_refused(void **state)
{
    uint32_t random = 77;
    size_t loaded = 0;
    for (int round = 0; round < 4000; round++) {
        gguf_builder w;
        if (round % 2 == 0)
            spm_begin(&w);
        else
            bpe_begin_small(&w, "gpt-2");
        amphi_buf file;
        gguf_builder_finish(&w, &file);
        for (int n = 0; n < 1 + round % 3; n++) {
            random = random * 1664525u + 1013904223u;
            file.data[(random >> 8) % file.size] = (char)(random >> 24);
        }
        amphi_gguf *gguf = NULL;
        amphi_tokenizer *t = NULL;
        amphi_tokens tokens = {0};
        if (amphi__gguf_open_memory(&gguf, file.data, file.size, NULL) == AMPHI_OK &&
            amphi__tokenizer_new(&t, gguf, NULL) == AMPHI_OK) {
            loaded++;
            assert_int_equal(
                amphi__tokenizer_encode(t, AMPHI_STR("abc<tool>x \xFF"), true, NULL, &tokens, NULL),
                AMPHI_OK);
            for (size_t i = 0; i < tokens.size; i++)
                assert_in_range(tokens.data[i], 0, amphi__tokenizer_size(t) - 1);
        }
        amphi__tokens_clear(&tokens);
        amphi__tokenizer_free(t);
        amphi__gguf_free(gguf);
        amphi__buf_clear(&file);
        gguf_builder_clear(&w);
    }
    assert_in_range(loaded, 500, 3500);
}

/* Deterministic noise: every byte string can be encoded, and ids stay in range. */
static void vocabulary__any_bytes_can_be_encoded(void **state)
{
    gguf_builder w;
    spm_begin(&w);
    amphi_tokenizer *both[2];
    both[0] = tokenizer_of(&w);
    bpe_begin_small(&w, "deepseek-llm");
    both[1] = tokenizer_of(&w);
    uint32_t random = 1;
    for (int round = 0; round < 4000; round++) {
        amphi_tokens tokens = {0};
        char text[48];
        size_t size = (random >> 9) % sizeof text;
        for (size_t i = 0; i < size; i++) {
            random = random * 1664525u + 1013904223u;
            text[i] = (random & 0x300) != 0 ? "ab c<tool>\xE2\x96\x81\xC3"[(random >> 16) % 15]
                                            : (char)(random >> 24);
        }
        random = random * 1664525u + 1013904223u;
        const amphi_tokenizer *t = both[round % 2];
        assert_int_equal(amphi__tokenizer_encode(
                             t, amphi_str_make(text, size), (round & 2) != 0, NULL, &tokens, NULL),
            AMPHI_OK);
        for (size_t i = 0; i < tokens.size; i++)
            assert_in_range(tokens.data[i], 0, amphi__tokenizer_size(t) - 1);
        amphi__tokens_clear(&tokens);
    }
    amphi__tokenizer_free(both[0]);
    amphi__tokenizer_free(both[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vocabulary__texts_are_found_and_pieces_are_what_they_stand_for),
        cmocka_unit_test(vocabulary__bpe_pieces_are_bytes),
        cmocka_unit_test(vocabulary__the_order_rises_as_the_score_falls),
        cmocka_unit_test(vocabulary__special_ids_come_from_keys_or_the_family),
        cmocka_unit_test(vocabulary__symbols_are_added_behind_the_tokens),
        cmocka_unit_test(vocabulary__bytes_and_characters_are_each_others_inverse),
        cmocka_unit_test(vocabulary__every_failing_allocation_is_reported),
        cmocka_unit_test(vocabulary__wrong_arrays_are_refused),
        cmocka_unit_test(vocabulary__keys_of_another_kind_are_never_misread),
        cmocka_unit_test(vocabulary__duplicate_tokens_load_and_the_last_one_is_found),
        cmocka_unit_test(vocabulary__unknown_pre_tokenizer_is_unsupported),
        cmocka_unit_test(vocabulary__odd_tokens_are_survived),
        cmocka_unit_test(vocabulary__too_long_tokens_are_refused),
        cmocka_unit_test(vocabulary__long_texts_without_words_are_encoded),
        cmocka_unit_test(vocabulary__mutated_files_load_or_are_refused),
        cmocka_unit_test(vocabulary__any_bytes_can_be_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
