/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights, KV cache per token and work memory.
 */
#include "local/graph/memory_need.h"

#include "local/graph/family.h"
#include "local/graph/forward.h"
#include "sdk/core/str.h"

#define CONTEXT_TOKENS_DEFAULT 4096u
#define THREADS_ASSUMED        4u

uint64_t amphi__memory_need_weights_bytes(const amphi_gguf *gguf)
{
    uint64_t total = 0;
    for (size_t i = 0; i < amphi__gguf_tensors_count(gguf); i++)
        total += amphi__gguf_tensor_at(gguf, i)->size_bytes; /* they do not overlap */
    return total;
}

uint32_t amphi__memory_need_context(const amphi_hparams *hparams, uint32_t wanted)
{
    uint32_t context = wanted > 0 ? wanted : CONTEXT_TOKENS_DEFAULT;
    return context < hparams->context_max ? context : hparams->context_max;
}

amphi_status amphi__memory_need_read(
    amphi_memory_need *out, const amphi_gguf *gguf, amphi_error *error)
{
    memset(out, 0, sizeof *out);
    amphi_hparams hparams;
    amphi_status status = amphi__hparams_read(&hparams, gguf, error);
    if (status != AMPHI_OK)
        return status;
    amphi__str_copy_to(out->family, sizeof out->family, amphi_str_from(hparams.family->name));
    out->weights_bytes = amphi__memory_need_weights_bytes(gguf);
    out->kv_bytes_per_token = amphi__kv_cache_bytes_per_token(&hparams);
    out->scratch_bytes = amphi__forward_scratch_bytes(
        &hparams, amphi__memory_need_context(&hparams, 0), THREADS_ASSUMED);
    out->context_tokens_max = hparams.context_max;
    return AMPHI_OK;
}
