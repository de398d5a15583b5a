/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing tokens is enough: the same tokens at the same positions have the same keys and values.
 */
#include "local/engine/prefix_reuse.h"

#include "sdk/core/error.h"

size_t amphi__prefix_reuse(amphi_inference *inference, const amphi_tokens *prompt)
{
    const amphi_tokens *cached = &inference->cached;
    size_t common = 0;
    while (common < cached->size && common + 1 < prompt->size &&
           cached->data[common] == prompt->data[common])
        common++;
    amphi__prefix_cut(inference, common);
    return common;
}

void amphi__prefix_cut(amphi_inference *inference, size_t size)
{
    amphi__llm_truncate(inference->llm, (uint32_t)size);
    inference->cached.size = size;
}

amphi_status amphi__prefix_extend(amphi_inference *inference, const int32_t *tokens, size_t count,
    bool logits, const amphi_cancel *cancel, amphi_error *error)
{
    uint32_t before = amphi__llm_position(inference->llm);
    amphi_status status = amphi__llm_eval(
        inference->llm, tokens, count, false, logits ? inference->logits : NULL, cancel, error);
    /* Also after a cancelled evaluation: what is in the cache whole serves the next request. */
    size_t computed = amphi__llm_position(inference->llm) - before;
    if (amphi__tokens_append(&inference->cached, tokens, computed) != AMPHI_OK) {
        amphi__llm_truncate(inference->llm, before);
        return amphi__fail_no_memory(error);
    }
    return status;
}
