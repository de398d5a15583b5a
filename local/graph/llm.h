/* SPDX-License-Identifier: Apache-2.0
 *
 * A loaded model with its KV cache: tokens in, logits out. One thread at a time; it uses a thread
 * pool of its own.
 */
#ifndef AMPHI_GRAPH_LLM_H
#define AMPHI_GRAPH_LLM_H

#include "local/model/gguf.h"
#include "sdk/core/cancel.h"

typedef struct amphi_llm amphi_llm;

typedef struct amphi_llm_options {
    uint32_t threads;            /* 0: as many as there are cores, 4 at most */
    uint32_t context_tokens_max; /* 0: the model's, 4096 at most */
    amphi_str kernels;           /* empty: the best that this machine has */
} amphi_llm_options;

/* The gguf is borrowed and must outlive it. vocabulary_size: the tokenizer's, or 0 to skip that
 * check. AMPHI_E_UNSUPPORTED: family or weight type; AMPHI_E_FORMAT: a tensor missing or
 * misshapen. */
amphi_status amphi__llm_new(
    amphi_llm **out, const amphi_gguf *gguf, const amphi_llm_options *options, amphi_error *error);
void amphi__llm_free(amphi_llm *llm);

uint32_t amphi__llm_vocabulary_size(const amphi_llm *llm);
uint32_t amphi__llm_context_size(const amphi_llm *llm);
const char *amphi__llm_kernels(const amphi_llm *llm); /* the table's name, e.g. "avx2" */

/* Tokens computed so far = the next token's position. */
uint32_t amphi__llm_position(const amphi_llm *llm);
/* Forgets everything from `position` on (position <= the current one). */
void amphi__llm_truncate(amphi_llm *llm, uint32_t position);

/* Feeds `count` tokens. logits: NULL, or vocabulary_size floats of the last position, or (all)
 * count x vocabulary_size of each. AMPHI_E_CONTEXT_LENGTH when they do not fit (nothing is fed);
 * AMPHI_E_ARGUMENT for an id outside the vocabulary; AMPHI_E_CANCELLED soon after `cancel` (may be
 * NULL): amphi__llm_position then says how many were fed, whole batches only. */
amphi_status amphi__llm_eval(amphi_llm *llm, const int32_t *tokens, size_t count, bool all,
    float *logits, const amphi_cancel *cancel, amphi_error *error);

/* Hidden states, for the judges of an answer (local/judge): from the next eval on the residual
 * stream of its last token is kept behind these depths (bit 0: one eighth of the layers, bit 7: all
 * of them); 0: no longer. AMPHI_E_NO_MEMORY. */
amphi_status amphi__llm_tap(amphi_llm *llm, uint8_t depths);
uint32_t amphi__llm_state_size(const amphi_llm *llm); /* values of a state */
/* As of the last eval, divided by its root mean square, as half floats. depth: 1 to 8, and asked
 * for. */
void amphi__llm_state(const amphi_llm *llm, uint32_t depth, uint16_t *halves);

/* Touches the weights so that they are in memory; progress(user, permille) now and then.
 * AMPHI_E_CANCELLED: `cancel` (may be NULL) said so. */
amphi_status amphi__llm_prefetch(amphi_llm *llm, void (*progress)(void *user, uint32_t permille),
    void *user, const amphi_cancel *cancel);

#endif
