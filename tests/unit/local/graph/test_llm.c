/* SPDX-License-Identifier: Apache-2.0
 *
 * The model families and weight types against logits that an independent implementation computed
 * (../shared/vectors), the promises of llm.h on a tiny model, and hostile files.
 */
#include "local/compute/kernels.h"
#include "local/graph/llm.h"
#include "local/graph/memory_need.h"
#include "sdk/core/str.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gguf_builder.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <math.h>

#define VECTORS    "../shared/vectors/"
#define IDS_MAX    256
#define NMSE_FLOAT 1e-4
#define NMSE_QUANT 1.5e-3

typedef struct id_list {
    int32_t ids[IDS_MAX];
    size_t count;
} id_list;

static void need_vectors(void)
{
    if (access(VECTORS "README.md", R_OK) != 0) {
        printf("skipped: ../shared/vectors is not there\n");
        skip();
    }
}

static void parse_ids(const char *text, id_list *out)
{
    char *end = NULL;
    for (out->count = 0; out->count < IDS_MAX; text = end) {
        long id = strtol(text, &end, 10);
        if (end == text)
            return;
        out->ids[out->count++] = (int32_t)id;
    }
}

/* The prompt and the greedy continuation of reference/NAME.txt. */
static void read_reference(const char *name, id_list *prompt, id_list *greedy)
{
    char path[256];
    static char line[8192];
    prompt->count = greedy->count = 0;
    (void)snprintf(path, sizeof path, VECTORS "reference/%s.txt", name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "tokens:", 7) == 0)
            parse_ids(line + 7, prompt);
        else if (strncmp(line, "greedy:", 7) == 0)
            parse_ids(line + 7, greedy);
        else if (prompt->count == 0)
            parse_ids(line, greedy); /* a bare list: from the start token alone */
    fclose(file);
    assert_true(greedy->count > 0);
}

static float *read_floats(const char *name, const char *ending, size_t *count)
{
    char path[256];
    (void)snprintf(path, sizeof path, VECTORS "reference/%s.%s", name, ending);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *count = (size_t)ftell(file) / sizeof(float);
    rewind(file);
    float *floats = malloc(*count * sizeof *floats);
    assert_non_null(floats);
    assert_int_equal(fread(floats, sizeof *floats, *count, file), *count);
    fclose(file);
    return floats;
}

static int32_t largest(const float *logits, uint32_t size)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < size; i++)
        best = logits[i] > logits[best] ? i : best;
    return (int32_t)best;
}

static double nmse(const float *got, const float *expected, size_t count)
{
    double error = 0;
    double power = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = (double)got[i] - (double)expected[i];
        error += difference * difference;
        power += (double)expected[i] * (double)expected[i];
    }
    return error / power;
}

typedef struct opened {
    amphi_gguf *gguf;
    amphi_llm *llm;
    uint32_t vocabulary;
} opened;

static opened open_model(const char *name, const char *kernels, uint32_t threads)
{
    char path[256];
    opened model = {NULL, NULL, 0};
    amphi_error error = {0};
    const amphi_llm_options options = {.threads = threads, .kernels = amphi_str_from(kernels)};
    (void)snprintf(path, sizeof path, VECTORS "models/%s.gguf", name);
    amphi_status status = amphi__gguf_open(&model.gguf, amphi_str_from(path), &error);
    if (status == AMPHI_OK)
        status = amphi__llm_new(&model.llm, model.gguf, &options, &error);
    if (status != AMPHI_OK)
        fail_msg("%s: %s", name, error.message);
    model.vocabulary = amphi__llm_vocabulary_size(model.llm);
    return model;
}

static void close_model(opened *model)
{
    amphi__llm_free(model->llm);
    amphi__gguf_free(model->gguf);
}

/* Logits of every position, each within the limit; returns those of the last one. */
static float *check_logits(opened *model, const char *name, const id_list *prompt, double limit)
{
    size_t count = 0;
    size_t vocabulary = model->vocabulary;
    float *expected = read_floats(name, "logits.f32", &count);
    if (expected == NULL)
        expected = read_floats(name, "last.f32", &count);
    assert_non_null(expected);
    assert_true(count % vocabulary == 0 && count > 0);
    float *logits = malloc(prompt->count * vocabulary * sizeof *logits);
    assert_non_null(logits);
    assert_int_equal(
        amphi__llm_eval(model->llm, prompt->ids, prompt->count, true, logits, NULL, NULL),
        AMPHI_OK);
    const float *compared = logits + prompt->count * vocabulary - count;
    for (size_t at = 0; at < count; at += vocabulary) {
        double error = nmse(compared + at, expected + at, vocabulary);
        if (!(error < limit))
            fail_msg("%s with %s: NMSE %g at position %zu", name, amphi__llm_kernels(model->llm),
                error, at / vocabulary);
    }
    memmove(logits, logits + (prompt->count - 1) * vocabulary, vocabulary * sizeof *logits);
    free(expected);
    return logits;
}

static void check_greedy(opened *model, const char *name, const id_list *greedy, float *logits)
{
    for (size_t i = 0; i < greedy->count; i++) {
        int32_t id = largest(logits, model->vocabulary);
        if (id != greedy->ids[i])
            fail_msg("%s with %s: greedy id %zu is %d, not %d", name,
                amphi__llm_kernels(model->llm), i, id, greedy->ids[i]);
        assert_int_equal(amphi__llm_eval(model->llm, &id, 1, false, logits, NULL, NULL), AMPHI_OK);
    }
}

static void check_model(const char *name, const char *kernels, bool is_float)
{
    id_list prompt;
    id_list greedy;
    read_reference(name, &prompt, &greedy);
    opened model = open_model(name, kernels, 2);
    float *logits = check_logits(&model, name, &prompt, is_float ? NMSE_FLOAT : NMSE_QUANT);
    if (is_float)
        check_greedy(&model, name, &greedy, logits);
    free(logits);
    close_model(&model);
}

static void llm__float_models_decode_like_the_reference_implementation(void **state)
{
    static const char *const names[] = {"llama-f32", "llama-f16", "llama-bf16", "llama3rope-f16",
        "qwen2-f16", "qwen3-f16", "gemma3-f16", "phi3-f16"};
    need_vectors();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_model(names[i], "", true);
    check_model("llama-f32", "reference", true);
    check_model("gemma3-f16", "reference", true);
}

static bool has_avx2(void)
{
    const amphi_kernels *kernels = NULL;
    return amphi__kernels_choose(&kernels, AMPHI_STR("avx2"), NULL) == AMPHI_OK;
}

static void llm__quantized_models_stay_close_to_the_reference_implementation(void **state)
{
    static const char *const names[] = {"llama-Q8_0", "llama-Q4_0", "llama-Q4_1", "llama-Q5_0",
        "llama-Q5_1", "llama-Q2_K", "llama-Q3_K_M", "llama-Q4_K_M", "llama-Q5_K_M", "llama-Q6_K",
        "llama-IQ4_NL", "llama-IQ4_XS", "qwen2-Q8_0", "qwen2-Q4_K_M", "qwen3-Q8_0", "qwen3-Q4_K_M",
        "gemma3-Q8_0", "gemma3-Q4_K_M", "phi3-Q8_0"};
    need_vectors();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_model(names[i], "", false);
    check_model("llama-Q8_0", "reference", false);
    check_model("llama-Q4_0", "reference", false);
    check_model("llama-Q4_K_M", "reference", false);
    for (size_t i = 0; i < 9; i++) /* avx2 where the best is something else */
        if (has_avx2())
            check_model(names[i], "avx2", false);
}

static void llm__stories_are_told_word_for_word(void **state)
{
    static const char *const names[] = {"stories260K-f32", "stories260K-f16"};
    id_list prompt;
    id_list greedy;
    need_vectors();
    read_reference("stories260K-f32.greedy", &prompt, &greedy);
    assert_int_equal(greedy.count, 196);
    for (size_t i = 0; i < 2; i++) {
        opened model = open_model(names[i], "", 2);
        float *logits = malloc(model.vocabulary * sizeof *logits);
        const int32_t start = 1;
        assert_non_null(logits);
        assert_int_equal(
            amphi__llm_eval(model.llm, &start, 1, false, logits, NULL, NULL), AMPHI_OK);
        check_greedy(&model, names[i], &greedy, logits);
        free(logits);
        close_model(&model);
    }
}

/* --- promises, on a tiny model of our own --- */

#define TINY_VOCABULARY 40

typedef struct tiny {
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf;
    amphi_llm *llm;
} tiny;

static void tiny_open(tiny *model, uint32_t threads)
{
    const amphi_llm_options options = {.threads = threads, .context_tokens_max = 32};
    gguf_builder_init(&model->builder);
    gguf_builder_tiny_llama(&model->builder, 1);
    gguf_builder_finish(&model->builder, &model->file);
    assert_int_equal(
        amphi__gguf_open_memory(&model->gguf, model->file.data, model->file.size, NULL), AMPHI_OK);
    assert_int_equal(amphi__llm_new(&model->llm, model->gguf, &options, NULL), AMPHI_OK);
}

static void tiny_close(tiny *model)
{
    amphi__llm_free(model->llm);
    amphi__gguf_free(model->gguf);
    amphi__buf_clear(&model->file);
    gguf_builder_clear(&model->builder);
}

static const int32_t some_tokens[20] = {
    1, 7, 39, 4, 4, 12, 30, 22, 9, 17, 0, 2, 33, 38, 5, 6, 11, 21, 28, 19};

static void llm__batches_threads_and_truncation_change_no_bit(void **state)
{
    tiny model;
    float whole[20 * TINY_VOCABULARY];
    float single[TINY_VOCABULARY];
    tiny_open(&model, 1);
    assert_int_equal(
        amphi__llm_eval(model.llm, some_tokens, 20, true, whole, NULL, NULL), AMPHI_OK);
    tiny_close(&model);
    tiny_open(&model, 3);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = round == 0 ? 0 : 13; i < 20; i++) {
            assert_int_equal(amphi__llm_position(model.llm), i);
            assert_int_equal(
                amphi__llm_eval(model.llm, some_tokens + i, 1, false, single, NULL, NULL),
                AMPHI_OK);
            assert_memory_equal(single, whole + i * TINY_VOCABULARY, sizeof single);
        }
        amphi__llm_truncate(model.llm, 13);
    }
    amphi__llm_truncate(model.llm, 30); /* never forward */
    assert_int_equal(amphi__llm_position(model.llm), 13);
    tiny_close(&model);
}

static void llm__what_does_not_fit_is_refused_and_nothing_is_fed(void **state)
{
    tiny model;
    float logits[TINY_VOCABULARY];
    int32_t many[40] = {0};
    const int32_t bad[2][2] = {{3, 40}, {-1, 3}};
    tiny_open(&model, 1);
    assert_int_equal(amphi__llm_context_size(model.llm), 32);
    assert_int_equal(amphi__llm_vocabulary_size(model.llm), TINY_VOCABULARY);
    assert_int_equal(
        amphi__llm_eval(model.llm, many, 33, false, logits, NULL, NULL), AMPHI_E_CONTEXT_LENGTH);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            amphi__llm_eval(model.llm, bad[i], 2, false, logits, NULL, NULL), AMPHI_E_ARGUMENT);
    assert_int_equal(amphi__llm_position(model.llm), 0);
    assert_int_equal(amphi__llm_eval(model.llm, many, 32, false, NULL, NULL, NULL), AMPHI_OK);
    assert_int_equal(
        amphi__llm_eval(model.llm, many, 1, false, logits, NULL, NULL), AMPHI_E_CONTEXT_LENGTH);
    assert_int_equal(amphi__llm_eval(model.llm, many, 0, false, NULL, NULL, NULL), AMPHI_OK);
    tiny_close(&model);
}

static void llm__a_cancelled_evaluation_stops_and_can_be_repeated(void **state)
{
    tiny model;
    _Atomic uint32_t word = 0;
    const amphi_cancel cancel = {&word, 1};
    float first[TINY_VOCABULARY];
    float second[TINY_VOCABULARY];
    tiny_open(&model, 2);
    assert_int_equal(
        amphi__llm_eval(model.llm, some_tokens, 5, false, first, &cancel, NULL), AMPHI_OK);
    amphi__llm_truncate(model.llm, 0);
    atomic_store(&word, 1);
    assert_int_equal(amphi__llm_eval(model.llm, some_tokens, 5, false, second, &cancel, NULL),
        AMPHI_E_CANCELLED);
    assert_int_equal(amphi__llm_position(model.llm), 0);
    assert_int_equal(amphi__llm_prefetch(model.llm, NULL, NULL, &cancel), AMPHI_E_CANCELLED);
    assert_int_equal(
        amphi__llm_eval(model.llm, some_tokens, 5, false, second, NULL, NULL), AMPHI_OK);
    assert_memory_equal(first, second, sizeof first);
    tiny_close(&model);
}

typedef struct canceller {
    pthread_t thread;
    _Atomic uint32_t word;
    unsigned after_us;
} canceller;

static void *cancel_later(void *opaque)
{
    canceller *self = opaque;
    usleep(self->after_us);
    atomic_store(&self->word, 1);
    return NULL;
}

/* One layer and one batch: only the work inside of it can notice the cancel. The delay grows until
 * one falls into it. */
static void llm__a_cancel_in_the_middle_of_a_layer_is_noticed_and_leaves_nothing_behind(
    void **state)
{
    enum { KEPT = 10, TOKENS = 60 };
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf;
    amphi_llm *llm;
    amphi_llm_options options = {.threads = 2};
    int32_t tokens[TOKENS];
    float first[40];
    float second[40];
    amphi_status status = AMPHI_OK;
    for (int i = 0; i < TOKENS; i++)
        tokens[i] = i % 40;
    gguf_builder_init(&builder);
    gguf_builder_llama(&builder, 512, 4096, 40, 1);
    gguf_builder_finish(&builder, &file);
    gguf_builder_clear(&builder);
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);
    assert_int_equal(amphi__llm_new(&llm, gguf, &options, NULL), AMPHI_OK);
    assert_int_equal(amphi__llm_eval(llm, tokens, KEPT, false, NULL, NULL, NULL), AMPHI_OK);
    assert_int_equal(
        amphi__llm_eval(llm, tokens, TOKENS - KEPT, false, first, NULL, NULL), AMPHI_OK);
    for (unsigned after_us = 500; after_us < 2000000 && status == AMPHI_OK; after_us *= 2) {
        canceller self = {.word = 0, .after_us = after_us};
        const amphi_cancel cancel = {&self.word, 1};
        amphi__llm_truncate(llm, KEPT);
        assert_int_equal(pthread_create(&self.thread, NULL, cancel_later, &self), 0);
        status = amphi__llm_eval(llm, tokens, TOKENS - KEPT, false, second, &cancel, NULL);
        pthread_join(self.thread, NULL);
    }
    assert_int_equal(status, AMPHI_E_CANCELLED);
    assert_int_equal(amphi__llm_position(llm), KEPT);
    assert_int_equal(
        amphi__llm_eval(llm, tokens, TOKENS - KEPT, false, second, NULL, NULL), AMPHI_OK);
    assert_memory_equal(first, second, sizeof first);
    amphi__llm_free(llm);
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
}

static void note_progress(void *user, uint32_t permille)
{
    uint32_t *last = user;
    assert_true(permille >= *last && permille <= 1000);
    *last = permille;
}

static void llm__prefetch_ends_at_a_thousand(void **state)
{
    tiny model;
    uint32_t last = 0;
    tiny_open(&model, 1);
    assert_int_equal(amphi__llm_prefetch(model.llm, note_progress, &last, NULL), AMPHI_OK);
    assert_int_equal(last, 1000);
    tiny_close(&model);
}

static void llm__need_is_told_from_the_header(void **state)
{
    tiny model;
    amphi_memory_need need;
    tiny_open(&model, 1);
    assert_int_equal(amphi__memory_need_read(&need, model.gguf, NULL), AMPHI_OK);
    assert_string_equal(need.family, "llama");
    /* one layer, two key heads of 8, keys and values, two bytes each */
    assert_int_equal(need.kv_bytes_per_token, 1 * 2 * 16 * 2);
    assert_int_equal(need.context_tokens_max, 64);
    assert_true(need.weights_bytes > 40000 && need.weights_bytes < model.file.size);
    assert_true(need.scratch_bytes > 0);
    tiny_close(&model);
}

/* --- hostile files --- */

/* Loads a file's bytes and computes a little if that works. */
static amphi_status try_model(const void *data, size_t size, amphi_error *error)
{
    const amphi_llm_options options = {.threads = 1, .context_tokens_max = 8};
    const int32_t tokens[3] = {0, 1, 2};
    amphi_gguf *gguf = NULL;
    amphi_llm *llm = NULL;
    amphi_memory_need need;
    amphi_status status = amphi__gguf_open_memory(&gguf, data, size, error);
    if (status == AMPHI_OK) {
        (void)amphi__memory_need_read(&need, gguf, NULL);
        status = amphi__llm_new(&llm, gguf, &options, error);
    }
    if (status == AMPHI_OK) {
        float *logits = malloc((size_t)amphi__llm_vocabulary_size(llm) * sizeof *logits);
        assert_non_null(logits);
        amphi_status evaluated = amphi__llm_eval(llm, tokens, 3, false, logits, NULL, NULL);
        assert_true(evaluated == AMPHI_OK || evaluated == AMPHI_E_CONTEXT_LENGTH ||
                    evaluated == AMPHI_E_ARGUMENT);
        free(logits);
    }
    amphi__llm_free(llm);
    amphi__gguf_free(gguf);
    return status;
}

/* The value of a key of the tiny model, replaced in the file's bytes. */
static amphi_status try_with(const char *key, const void *value, amphi_error *error)
{
    gguf_builder builder;
    amphi_buf file;
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_finish(&builder, &file);
    size_t at = amphi__str_find(amphi__buf_str(&file), amphi_str_from(key));
    assert_true(at < file.size);
    memcpy(file.data + at + strlen(key) + 4, value, 4);
    amphi_status status = try_model(file.data, file.size, error);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
    return status;
}

static void llm__impossible_numbers_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *key;
        uint32_t value;
    } bad[] = {{"llama.block_count", 0}, {"llama.block_count", 2},
        {"llama.block_count", UINT32_MAX}, {"llama.embedding_length", 0},
        {"llama.embedding_length", 64}, {"llama.embedding_length", 1u << 31},
        {"llama.feed_forward_length", 0}, {"llama.feed_forward_length", 65},
        {"llama.feed_forward_length", UINT32_MAX}, {"llama.attention.head_count", 0},
        {"llama.attention.head_count", 5}, {"llama.attention.head_count_kv", 0},
        {"llama.attention.head_count_kv", 3}, {"llama.attention.head_count_kv", 8},
        {"llama.context_length", 0}, {"llama.attention.layer_norm_rms_epsilon", 0},
        {"llama.attention.layer_norm_rms_epsilon", 0x7fc00000},
        {"llama.attention.layer_norm_rms_epsilon", 0xbf800000}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        amphi_error error = {0};
        amphi_status status = try_with(bad[i].key, &bad[i].value, &error);
        if (status == AMPHI_OK)
            fail_msg("%s = %u was accepted", bad[i].key, bad[i].value);
        assert_true(error.message[0] != '\0');
    }
    uint32_t huge = UINT32_MAX;
    assert_int_equal(try_with("llama.context_length", &huge, NULL), AMPHI_OK);
}

static void llm__missing_parts_and_unknown_families_are_named(void **state)
{
    amphi_error error = {0};
    gguf_builder builder;
    amphi_buf file;
    gguf_builder_init(&builder);
    gguf_builder_str(&builder, "general.architecture", "mamba");
    gguf_builder_finish(&builder, &file);
    assert_int_equal(try_model(file.data, file.size, &error), AMPHI_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "mamba"));
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);

    static const char *const tensors[] = {"token_embd.weight", "blk.0.attn_norm.weight",
        "blk.0.attn_k.weight", "blk.0.ffn_down.weight", "output_norm.weight"};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        gguf_builder_init(&builder);
        gguf_builder_tiny_llama(&builder, 1);
        gguf_builder_finish(&builder, &file);
        size_t at = amphi__str_find(amphi__buf_str(&file), amphi_str_from(tensors[i]));
        assert_true(at < file.size);
        file.data[at] = '_';
        assert_int_equal(try_model(file.data, file.size, &error), AMPHI_E_FORMAT);
        assert_non_null(strstr(error.message, tensors[i]));
        amphi__buf_clear(&file);
        gguf_builder_clear(&builder);
    }
}

static void llm__a_thousand_mutated_models_are_survived(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    uint32_t random = 99;
    unsigned sound = 0;
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_finish(&builder, &file);
    size_t header = file.size - builder.data.size;
    for (int round = 0; round < 1000; round++) {
        char kept[8];
        size_t places[8];
        int changes = 1 + round % 3;
        for (int i = 0; i < changes; i++) {
            random = random * 1664525u + 1013904223u;
            places[i] = (random >> 4) % header;
            kept[i] = file.data[places[i]];
            random = random * 1664525u + 1013904223u;
            file.data[places[i]] = (char)(random >> 16);
        }
        sound += try_model(file.data, file.size, NULL) == AMPHI_OK;
        for (int i = changes; i-- > 0;)
            file.data[places[i]] = kept[i];
    }
    assert_true(sound > 100 && sound < 900); /* both paths were walked */
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
}

static void llm__every_failed_allocation_is_reported_and_nothing_leaks(void **state)
{
    gguf_builder builder;
    amphi_buf file;
    amphi_gguf *gguf = NULL;
    amphi_status status = AMPHI_E_NO_MEMORY;
    const amphi_llm_options options = {.threads = 2, .context_tokens_max = 8};
    failing_alloc_install();
    gguf_builder_init(&builder);
    gguf_builder_tiny_llama(&builder, 1);
    gguf_builder_finish(&builder, &file);
    assert_int_equal(amphi__gguf_open_memory(&gguf, file.data, file.size, NULL), AMPHI_OK);
    long live = failing_alloc_live();
    for (size_t n = 1; status != AMPHI_OK; n++) {
        amphi_llm *llm = NULL;
        failing_alloc_at(n);
        status = amphi__llm_new(&llm, gguf, &options, NULL);
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        amphi__llm_free(llm);
        assert_int_equal(failing_alloc_live(), live);
        assert_true(n < 100);
    }
    amphi__gguf_free(gguf);
    amphi__buf_clear(&file);
    gguf_builder_clear(&builder);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llm__float_models_decode_like_the_reference_implementation),
        cmocka_unit_test(llm__quantized_models_stay_close_to_the_reference_implementation),
        cmocka_unit_test(llm__stories_are_told_word_for_word),
        cmocka_unit_test(llm__batches_threads_and_truncation_change_no_bit),
        cmocka_unit_test(llm__what_does_not_fit_is_refused_and_nothing_is_fed),
        cmocka_unit_test(llm__a_cancelled_evaluation_stops_and_can_be_repeated),
        cmocka_unit_test(
            llm__a_cancel_in_the_middle_of_a_layer_is_noticed_and_leaves_nothing_behind),
        cmocka_unit_test(llm__prefetch_ends_at_a_thousand),
        cmocka_unit_test(llm__need_is_told_from_the_header),
        cmocka_unit_test(llm__impossible_numbers_are_refused_with_a_reason),
        cmocka_unit_test(llm__missing_parts_and_unknown_families_are_named),
        cmocka_unit_test(llm__a_thousand_mutated_models_are_survived),
        cmocka_unit_test(llm__every_failed_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
