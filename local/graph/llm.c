/* SPDX-License-Identifier: Apache-2.0
 *
 * A loaded model: made from a file, fed with tokens, truncated, evaluated for logits.
 */
#include "local/graph/llm.h"

#include "local/compute/half.h"
#include "local/graph/family.h"
#include "local/graph/forward.h"
#include "local/graph/memory_need.h"
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <math.h>

#define PREFETCH_STEP_BYTES (4u << 20)
#define PAGE_BYTES          4096u

struct amphi_llm {
    const amphi_gguf *gguf;
    amphi_forward forward;
    uint32_t position;
};

/* phi3 has one set of factors up to the trained context and one for longer ones. */
static const float *choose_factors(const amphi_forward *forward)
{
    bool beyond = forward->context > forward->hparams.rope_context;
    return beyond ? forward->weights.rope_factors : forward->weights.rope_factors_short;
}

static amphi_status prepare(amphi_llm *llm, const amphi_llm_options *options, amphi_error *error)
{
    amphi_forward *forward = &llm->forward;
    amphi_status status = amphi__hparams_read(&forward->hparams, llm->gguf, error);
    if (status == AMPHI_OK)
        status = amphi__kernels_choose(&forward->kernels, options->kernels, error);
    if (status == AMPHI_OK)
        status = amphi__weights_init(
            &forward->weights, llm->gguf, &forward->hparams, forward->kernels, error);
    if (status != AMPHI_OK)
        return status;
    forward->context = amphi__memory_need_context(&forward->hparams, options->context_tokens_max);
    status =
        amphi__rope_init(&forward->rope, &forward->hparams, choose_factors(forward), false, error);
    if (status == AMPHI_OK && forward->hparams.window > 0)
        status = amphi__rope_init(&forward->rope_local, &forward->hparams, NULL, true, error);
    if (status == AMPHI_OK)
        status = amphi__kv_cache_init(&forward->cache, &forward->hparams, forward->context, error);
    if (status == AMPHI_OK)
        status = amphi__thread_pool_new(&forward->threads, options->threads, error);
    if (status == AMPHI_OK)
        status = amphi__forward_alloc(forward, error);
    return status;
}

amphi_status amphi__llm_new(
    amphi_llm **out, const amphi_gguf *gguf, const amphi_llm_options *options, amphi_error *error)
{
    *out = NULL;
    amphi_llm *llm = amphi__calloc(1, sizeof *llm);
    if (llm == NULL)
        return amphi__fail_no_memory(error);
    llm->gguf = gguf;
    amphi_status status = prepare(llm, options, error);
    if (status == AMPHI_OK) {
        *out = llm;
        llm = NULL;
    }
    amphi__llm_free(llm);
    return status;
}

void amphi__llm_free(amphi_llm *llm)
{
    if (llm == NULL)
        return;
    amphi__forward_clear(&llm->forward);
    amphi__free(llm);
}

uint32_t amphi__llm_vocabulary_size(const amphi_llm *llm)
{
    return llm->forward.hparams.vocabulary;
}

uint32_t amphi__llm_context_size(const amphi_llm *llm)
{
    return llm->forward.context;
}

const char *amphi__llm_kernels(const amphi_llm *llm)
{
    return llm->forward.kernels->name;
}

uint32_t amphi__llm_position(const amphi_llm *llm)
{
    return llm->position;
}

void amphi__llm_truncate(amphi_llm *llm, uint32_t position)
{
    if (position < llm->position)
        llm->position = position;
}

static amphi_status check_tokens(
    const amphi_llm *llm, const int32_t *tokens, size_t count, amphi_error *error)
{
    if (count > llm->forward.context - llm->position)
        return amphi__fail(error, AMPHI_E_CONTEXT_LENGTH, 0,
            "%zu more tokens do not fit into the context of %u (%u are used)", count,
            llm->forward.context, llm->position);
    for (size_t i = 0; i < count; i++) {
        if (tokens[i] < 0 || (uint32_t)tokens[i] >= llm->forward.hparams.vocabulary)
            return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "tokens: an id lies outside the vocabulary of %u", llm->forward.hparams.vocabulary);
    }
    return AMPHI_OK;
}

amphi_status amphi__llm_eval(amphi_llm *llm, const int32_t *tokens, size_t count, bool all,
    float *logits, const amphi_cancel *cancel, amphi_error *error)
{
    amphi_status status = check_tokens(llm, tokens, count, error);
    for (size_t done = 0; status == AMPHI_OK && done < count;) {
        size_t batch = count - done < AMPHI_BATCH_TOKENS ? count - done : AMPHI_BATCH_TOKENS;
        bool last = done + batch == count;
        float *rows = logits;
        if (logits != NULL && all)
            rows = logits + done * llm->forward.hparams.vocabulary;
        status = amphi__forward_run(&llm->forward, tokens + done, batch, llm->position, rows,
            all ? batch : (last ? 1 : 0), cancel);
        if (status != AMPHI_OK)
            return amphi__fail(error, status, 0, "the request was cancelled");
        llm->position += (uint32_t)batch;
        done += batch;
    }
    return status;
}

amphi_status amphi__llm_tap(amphi_llm *llm, uint8_t depths)
{
    return amphi__forward_tap(&llm->forward, depths);
}

uint32_t amphi__llm_state_size(const amphi_llm *llm)
{
    return llm->forward.hparams.embedding;
}

void amphi__llm_state(const amphi_llm *llm, uint32_t depth, uint16_t *halves)
{
    size_t width = llm->forward.hparams.embedding;
    const float *state = llm->forward.taps + (depth - 1) * width;
    double squares = 0;
    for (size_t i = 0; i < width; i++)
        squares += (double)state[i] * (double)state[i];
    /* A state that is zero, or no number, counts as zero. */
    double scale = squares > 0 && isfinite(squares) ? 1 / sqrt(squares / (double)width) : 0;
    for (size_t i = 0; i < width; i++)
        halves[i] = scale > 0 ? amphi__float_to_half((float)((double)state[i] * scale)) : 0;
}

amphi_status amphi__llm_prefetch(amphi_llm *llm, void (*progress)(void *user, uint32_t permille),
    void *user, const amphi_cancel *cancel)
{
    uint64_t total = amphi__memory_need_weights_bytes(llm->gguf);
    uint64_t done = 0;
    volatile uint8_t sink = 0;
    for (size_t i = 0; i < amphi__gguf_tensors_count(llm->gguf); i++) {
        const amphi_gguf_tensor *tensor = amphi__gguf_tensor_at(llm->gguf, i);
        const uint8_t *data = tensor->data;
        for (uint64_t at = 0; at < tensor->size_bytes; at += PREFETCH_STEP_BYTES) {
            uint64_t left = tensor->size_bytes - at;
            uint64_t step = left < PREFETCH_STEP_BYTES ? left : PREFETCH_STEP_BYTES;
            for (uint64_t page = 0; page < step; page += PAGE_BYTES)
                sink = (uint8_t)(sink + data[at + page]);
            done += step;
            if (amphi__cancel_is_set(cancel))
                return AMPHI_E_CANCELLED;
            if (progress != NULL && total > 0)
                progress(user, (uint32_t)(done * 1000 / total));
        }
    }
    return AMPHI_OK;
}
