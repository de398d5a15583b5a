/* SPDX-License-Identifier: Apache-2.0
 *
 * gemma3: scaled embeddings, norms before and after each part, GELU gates, and five layers with a
 * sliding window for each global one; the local ones rotate with a base of their own
 * (arXiv 2503.19786). Models built on it may lack the window, or bend their logits.
 */
#include "local/graph/family.h"

#include "sdk/core/error.h"

#include <math.h>

#define LAYERS_OF_27B 62 /* whose attention is scaled by the width per head, not the head's size */

static amphi_status adjust(amphi_hparams *hparams, const amphi_gguf *gguf, amphi_error *error)
{
    hparams->embedding_scale = sqrtf((float)hparams->embedding);
    hparams->rope_base_local = 10000;
    (void)amphi__hparams_f64(gguf, "rope.freq_base_swa", &hparams->rope_base_local);
    hparams->window_period = 6;
    (void)amphi__hparams_u32(gguf, "attention.sliding_window", &hparams->window);
    (void)amphi__hparams_u32(gguf, "attention.sliding_window_pattern", &hparams->window_period);
    if (hparams->window_period == 0)
        return amphi__fail(
            error, AMPHI_E_FORMAT, 0, "model file: attention.sliding_window_pattern is 0");
    double cap = 0;
    if (amphi__hparams_f64(gguf, "final_logit_softcapping", &cap) && cap != 0) {
        if (!(cap > 0 && cap < 1e30))
            return amphi__fail(
                error, AMPHI_E_FORMAT, 0, "model file: final_logit_softcapping makes no sense");
        hparams->logit_cap = (float)cap;
    }
    if (hparams->layers == LAYERS_OF_27B)
        hparams->attention_scale = 1.0f / sqrtf((float)hparams->embedding / (float)hparams->heads);
    return AMPHI_OK;
}

const amphi_family amphi__family_gemma3 = {
    .name = "gemma3",
    .rope_neox = true,
    .qk_norm = true,
    .post_norms = true,
    .gate = AMPHI_GATE_GELU,
    .adjust = adjust,
};
