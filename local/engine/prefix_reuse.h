/* SPDX-License-Identifier: Apache-2.0
 *
 * Reuse of the KV cache: a conversation's next turn begins with the tokens of the last one, and
 * only what is new is computed. inference->cached always names the tokens that the cache holds.
 */
#ifndef AMPHI_ENGINE_PREFIX_REUSE_H
#define AMPHI_ENGINE_PREFIX_REUSE_H

#include "local/engine/inference.h"

/* Keeps of the cache what this prompt begins with, and forgets the rest. Returns how many tokens
 * need not be computed; at least one of the prompt is left to compute. */
size_t amphi__prefix_reuse(amphi_inference *inference, const amphi_tokens *prompt);
/* Keeps the first `size` tokens in the cache. */
void amphi__prefix_cut(amphi_inference *inference, size_t size);
/* Computes tokens behind those in the cache; with `logits`, inference->logits of the last. After
 * AMPHI_E_CANCELLED the cache holds whole batches only. */
amphi_status amphi__prefix_extend(amphi_inference *inference, const int32_t *tokens, size_t count,
    bool logits, const amphi_cancel *cancel, amphi_error *error);

#endif
