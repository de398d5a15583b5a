/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory a model will need, from its file's header alone: before anything is loaded, so
 * that the policy can compare it with what the device has (policy/route_rules.c).
 */
#ifndef AMPHI_GRAPH_MEMORY_NEED_H
#define AMPHI_GRAPH_MEMORY_NEED_H

#include "local/graph/hparams.h"
#include "local/model/gguf.h"

#define AMPHI_FAMILY_NAME_MAX 32

typedef struct amphi_memory_need {
    char family[AMPHI_FAMILY_NAME_MAX]; /* "llama" */
    uint64_t weights_bytes;
    uint64_t kv_bytes_per_token;
    uint64_t scratch_bytes;      /* with the default context and four threads */
    uint32_t context_tokens_max; /* the model's own */
} amphi_memory_need;

/* Fails as amphi__hparams_read. */
amphi_status amphi__memory_need_read(
    amphi_memory_need *out, const amphi_gguf *gguf, amphi_error *error);
/* All tensors of the file. */
uint64_t amphi__memory_need_weights_bytes(const amphi_gguf *gguf);
/* The context that is allocated for `wanted` tokens (0: 4096): at most the model's. */
uint32_t amphi__memory_need_context(const amphi_hparams *hparams, uint32_t wanted);

#endif
