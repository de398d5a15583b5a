/* SPDX-License-Identifier: Apache-2.0
 *
 * qwen3moe: qwen3's attention, and in each layer many small experts of which a token uses a few.
 */
#include "local/graph/family.h"

#include "sdk/core/error.h"

static amphi_status adjust(amphi_hparams *hparams, const amphi_gguf *gguf, amphi_error *error)
{
    if (hparams->experts == 0)
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "model file: qwen3moe.expert_count is missing");
    uint32_t inner = 0;
    if (!amphi__hparams_u32(gguf, "expert_feed_forward_length", &inner) || inner == 0)
        hparams->feed_forward /= hparams->experts_used; /* the experts in use make up the whole */
    return hparams->feed_forward > 0
               ? AMPHI_OK
               : amphi__fail(error, AMPHI_E_FORMAT, 0, "model file: its experts have no width");
}

const amphi_family amphi__family_qwen3moe = {
    .name = "qwen3moe", .rope_neox = true, .qk_norm = true, .experts = true, .adjust = adjust};
