/* SPDX-License-Identifier: Apache-2.0
 *
 * phi3: fused projections, and for long contexts a factor for each rotary frequency
 * (arXiv 2402.13753). Its sliding window is longer than the
 * contexts that we run by default and is not applied, as in the implementations that people
 * compare with.
 */
#include "local/graph/family.h"

static amphi_status adjust(amphi_hparams *hparams, const amphi_gguf *gguf, amphi_error *error)
{
    hparams->rope_scaling = AMPHI_ROPE_SCALING_LONGROPE;
    return AMPHI_OK;
}

const amphi_family amphi__family_phi3 = {
    .name = "phi3",
    .rope_neox = true,
    .fused_qkv = true,
    .fused_gate_up = true,
    .adjust = adjust,
};
