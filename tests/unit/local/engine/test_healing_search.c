/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for a spelling against all spellings, with models of random weights and a vocabulary
 * of twelve tokens.
 */
#include "local/engine/healing_search.h"
#include "sdk/core/alloc.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/small_vocabularies.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { IM_END = 10, SEEDS = 24 };

static const int32_t prompt[] = {11, 6, 2, 11, 8};
static const amphi_cancel no_cancel = {0};
static unsigned heartbeats;

static void on_heartbeat(void *self, amphi_inference_phase phase)
{
    heartbeats++;
}

static const amphi_inference_sink sink = {.heartbeat = on_heartbeat};

static void open_model(amphi_inference *inference, amphi_buf *file, uint32_t seed)
{
    static const int32_t kinds[BPE_COUNT] = {N, N, N, N, N, N, N, N, N, N, C, N};
    const amphi_llm_options options = {.threads = 1};
    gguf_builder w;
    bpe_begin_small(&w, "gpt-2");
    build_i32s(&w, "tokenizer.ggml.token_type", kinds, BPE_COUNT);
    gguf_builder_u32(&w, "tokenizer.ggml.eos_token_id", IM_END);
    *inference = (amphi_inference){.sink = &sink, .tokenizer = tokenizer_of(&w)};
    gguf_builder_init(&w);
    gguf_builder_llama(&w, 32, 64, BPE_COUNT, seed); /* its own vocabulary is not looked at */
    gguf_builder_finish(&w, file);
    gguf_builder_clear(&w);
    assert_int_equal(
        amphi__gguf_open_memory(&inference->gguf, file->data, file->size, NULL), AMPHI_OK);
    assert_int_equal(amphi__llm_new(&inference->llm, inference->gguf, &options, NULL), AMPHI_OK);
    inference->logits = amphi__calloc(BPE_COUNT, sizeof inference->logits[0]);
    assert_non_null(inference->logits);
}

static void close_model(amphi_inference *inference, amphi_buf *file)
{
    amphi__llm_free(inference->llm);
    amphi__tokenizer_free(inference->tokenizer);
    amphi__gguf_free(inference->gguf);
    amphi__free(inference->logits);
    amphi__tokens_clear(&inference->cached);
    amphi__buf_clear(file);
}

/* The logits behind the prompt and `tokens`, computed anew. */
static void compute(amphi_inference *inference, const int32_t *tokens, size_t count, float *logits)
{
    int32_t all[COUNT_OF(prompt) + AMPHI_HEALING_TOKENS_MAX];
    memcpy(all, prompt, sizeof prompt);
    if (count > 0)
        memcpy(all + COUNT_OF(prompt), tokens, count * sizeof *tokens);
    amphi__llm_truncate(inference->llm, 0);
    assert_int_equal(
        amphi__llm_eval(inference->llm, all, COUNT_OF(prompt) + count, false, logits, NULL, NULL),
        AMPHI_OK);
}

typedef struct exhaustive {
    amphi_inference *inference;
    const amphi_healing *healing;
    int32_t path[AMPHI_HEALING_TOKENS_MAX];
    double best;     /* of all stems' whole spellings */
    double of_found; /* of the stem that is looked for */
    amphi_tokens found;
    unsigned stems;
} exhaustive;

static void visit(exhaustive *e, size_t count, size_t spelled, double logprob)
{
    float logits[BPE_COUNT];
    double sum = 0;
    double total = 0;
    compute(e->inference, e->path, count, logits);
    for (int32_t token = 0; token < BPE_COUNT; token++)
        total += exp(logits[token]);
    e->stems++;
    for (int32_t token = 0; token < BPE_COUNT; token++) {
        size_t letters = 0;
        double own = logits[token] - log(total);
        amphi_healing_match match =
            amphi__healing_match(e->healing, e->inference->tokenizer, token, spelled, &letters);
        sum += match == AMPHI_HEALING_WHOLE ? exp(own) : 0;
        e->path[count] = token;
        if (match == AMPHI_HEALING_PART)
            visit(e, count + 1, spelled + letters, logprob + own);
    }
    double whole = sum > 0 ? logprob + log(sum) : -INFINITY;
    e->best = whole > e->best ? whole : e->best;
    if (count == e->found.size &&
        (count == 0 || memcmp(e->path, e->found.data, count * sizeof e->path[0]) == 0))
        e->of_found = whole;
}

/* Would the model write the letters by its own first choices, and with which stem? */
static bool is_own_stem(
    amphi_inference *inference, const amphi_healing *healing, const amphi_tokens *stem)
{
    size_t spelled = 0;
    for (size_t i = 0; i <= stem->size; i++) {
        float logits[BPE_COUNT];
        size_t letters = 0;
        int32_t first = 0;
        compute(inference, stem->data, i, logits);
        for (int32_t token = 1; token < BPE_COUNT; token++)
            first = logits[token] > logits[first] ? token : first;
        amphi_healing_match match =
            amphi__healing_match(healing, inference->tokenizer, first, spelled, &letters);
        if (match != (i == stem->size ? AMPHI_HEALING_WHOLE : AMPHI_HEALING_PART) ||
            (i < stem->size && first != stem->data[i]))
            return false;
        spelled += letters;
    }
    return true;
}

static amphi_status run_search(amphi_inference *inference, amphi_healing *healing,
    const amphi_cancel *cancel, amphi_tokens *found)
{
    amphi_error error;
    amphi__llm_truncate(inference->llm, 0);
    inference->cached.size = 0;
    assert_int_equal(amphi__llm_eval(inference->llm, prompt, COUNT_OF(prompt), false,
                         inference->logits, NULL, NULL),
        AMPHI_OK);
    if (amphi__tokens_append(&inference->cached, prompt, COUNT_OF(prompt)) != AMPHI_OK)
        return AMPHI_E_NO_MEMORY;
    return amphi__healing_search(healing, inference, cancel, found, &error);
}

static amphi_healing healing_of(const char *letters)
{
    amphi_healing healing = {.size = strlen(letters), .stops_inside = true};
    memcpy(healing.letters, letters, healing.size);
    return healing;
}

/* Returns whether the letters were the model's own. */
static bool check(amphi_inference *inference, const char *letters, unsigned *stems)
{
    amphi_healing healing = healing_of(letters);
    exhaustive e = {
        .inference = inference, .healing = &healing, .best = -INFINITY, .of_found = NAN};
    float wanted[BPE_COUNT];
    assert_int_equal(run_search(inference, &healing, &no_cancel, &e.found), AMPHI_OK);
    assert_true(healing.is_found);
    assert_int_equal(inference->cached.size, COUNT_OF(prompt) + e.found.size);
    assert_int_equal(amphi__llm_position(inference->llm), inference->cached.size);
    compute(inference, e.found.data, e.found.size, wanted);
    for (size_t i = 0; i < BPE_COUNT; i++)
        assert_true(fabsf(wanted[i] - inference->logits[i]) < 1e-3f);
    assert_int_equal(is_own_stem(inference, &healing, &e.found), !healing.is_forced);
    visit(&e, 0, 0, 0);
    if (healing.is_forced && !(fabs(e.of_found - e.best) < 1e-3))
        fail_msg("'%s': %f, but %f is there", letters, e.of_found, e.best);
    *stems += e.stems;
    amphi__tokens_clear(&e.found);
    return !healing.is_forced;
}

static void search__finds_the_likeliest_spelling(void **state)
{
    static const char *const words[] = {"a", "ab", " a", " ab", " abc", "xab", "x ", "\xC3\xA9"};
    unsigned own = 0;
    unsigned cases = 0;
    unsigned stems = 0;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        amphi_inference inference;
        amphi_buf file;
        open_model(&inference, &file, seed);
        for (size_t i = 0; i < COUNT_OF(words); i++, cases++)
            own += check(&inference, words[i], &stems);
        close_model(&inference, &file);
    }
    print_message("%u cases, %u of them the model's own, %u stems\n", cases, own, stems);
    assert_true(own > 0 && own < cases && stems > 2 * cases);
}

static void search__a_cancel_ends_it(void **state)
{
    _Atomic uint32_t word = 1;
    const amphi_cancel cancel = {&word, 1};
    amphi_inference inference;
    amphi_buf file;
    unsigned cancelled = 0;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        open_model(&inference, &file, seed);
        amphi_healing healing = healing_of(" abc");
        amphi_tokens found = {0};
        heartbeats = 0;
        amphi_status status = run_search(&inference, &healing, &cancel, &found);
        assert_int_equal(heartbeats, 0);
        cancelled += status == AMPHI_E_CANCELLED;
        assert_true(status == AMPHI_OK || found.size == 0);
        amphi__tokens_clear(&found);
        close_model(&inference, &file);
    }
    assert_true(cancelled > 0);
}

static void search__every_failing_allocation_is_survived(void **state)
{
    amphi_inference inference;
    amphi_buf file;
    failing_alloc_install();
    open_model(&inference, &file, 3);
    amphi_status status = AMPHI_E_NO_MEMORY;
    for (size_t n = 1; status != AMPHI_OK && n < 200; n++) {
        amphi_healing healing = healing_of(" abc");
        amphi_tokens found = {0};
        failing_alloc_at(n);
        amphi__tokens_clear(&inference.cached);
        status = run_search(&inference, &healing, &no_cancel, &found);
        failing_alloc_at(0);
        assert_true(status == AMPHI_OK || status == AMPHI_E_NO_MEMORY);
        amphi__tokens_clear(&found);
    }
    assert_int_equal(status, AMPHI_OK);
    close_model(&inference, &file);
    assert_int_equal(failing_alloc_live(), 0);
    failing_alloc_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search__finds_the_likeliest_spelling),
        cmocka_unit_test(search__a_cancel_ends_it),
        cmocka_unit_test(search__every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
