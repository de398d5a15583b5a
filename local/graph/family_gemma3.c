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

/* One number, or for each layer whether it is local. */
static amphi_status read_period(amphi_hparams *hparams, const amphi_gguf *gguf, amphi_error *error)
{
    static const char key[] = "gemma3.attention.sliding_window_pattern";
    hparams->window_period = 6;
    amphi_gguf_array locals;
    if (!amphi__gguf_array_get(gguf, key, &locals)) {
        (void)amphi__hparams_u32(gguf, "attention.sliding_window_pattern", &hparams->window_period);
        return hparams->window_period > 0
                   ? AMPHI_OK
                   : amphi__fail(error, AMPHI_E_FORMAT, 0,
                         "model file: attention.sliding_window_pattern is 0");
    }
    uint32_t period = 1;
    while (period <= hparams->layers && amphi__gguf_array_i64(&locals, period - 1) != 0)
        period++;
    bool fits = locals.type != AMPHI_GGUF_STRING && locals.count == hparams->layers;
    for (uint32_t i = 0; i < hparams->layers && fits; i++)
        fits = (amphi__gguf_array_i64(&locals, i) != 0) == ((i + 1) % period != 0);
    if (!fits)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "model file: attention.sliding_window_pattern names layers that follow no period");
    hparams->window_period = period; /* beyond the last layer: all are local */
    return AMPHI_OK;
}

static amphi_status adjust(amphi_hparams *hparams, const amphi_gguf *gguf, amphi_error *error)
{
    hparams->embedding_scale = sqrtf((float)hparams->embedding);
    hparams->rope_base_local = 10000;
    (void)amphi__hparams_f64(gguf, "rope.freq_base_swa", &hparams->rope_base_local);
    (void)amphi__hparams_u32(gguf, "attention.sliding_window", &hparams->window);
    amphi_status status = read_period(hparams, gguf, error);
    if (status != AMPHI_OK)
        return status;
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
