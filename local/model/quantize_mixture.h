/* SPDX-License-Identifier: Apache-2.0
 *
 * Which type each tensor of a model gets when the model is made narrower. Norms, biases and expert
 * routers stay F32, embeddings and output get six bits at least, and the narrow types with large
 * blocks give the tensors that hurt most (attention's values, feed-forward's way down) more bits
 * in the layers that hurt most: the mixtures that people know as Q4_K_M and so on.
 */
#ifndef AMPHI_MODEL_QUANTIZE_MIXTURE_H
#define AMPHI_MODEL_QUANTIZE_MIXTURE_H

#include "local/model/gguf.h"

typedef struct amphi_mixture {
    const char *name;       /* "Q4_K"; "Q4_K_M" is understood as well */
    amphi_weight_type type; /* of most tensors */
    uint32_t file_type;     /* general.file_type */
} amphi_mixture;

/* NULL for a name that we lack. Any case. */
const amphi_mixture *amphi__mixture_find(amphi_str name);
/* layers: how many the model has (0: unknown). */
amphi_weight_type amphi__mixture_choose(
    const amphi_mixture *mixture, const amphi_gguf_tensor *tensor, uint64_t layers);

#endif
