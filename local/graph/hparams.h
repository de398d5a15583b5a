/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's hyper-parameters, read from the file's metadata and checked: after this every number
 * is within limits that make the sizes computed from it safe.
 */
#ifndef AMPHI_GRAPH_HPARAMS_H
#define AMPHI_GRAPH_HPARAMS_H

#include "local/model/gguf.h"

#define AMPHI_EXPERTS_MAX 1024

typedef struct amphi_family amphi_family;

typedef enum amphi_rope_scaling {
    AMPHI_ROPE_SCALING_NONE = 0,
    AMPHI_ROPE_SCALING_LINEAR,
    AMPHI_ROPE_SCALING_YARN,    /* arXiv 2309.00071 */
    AMPHI_ROPE_SCALING_LONGROPE /* factors in tensors of the file (phi3) */
} amphi_rope_scaling;

typedef struct amphi_hparams {
    const amphi_family *family;
    uint32_t layers;
    uint32_t embedding;    /* width of the residual stream */
    uint32_t feed_forward; /* of one expert, where there are experts */
    uint32_t experts;      /* in each layer; 0: a plain feed-forward */
    uint32_t experts_used; /* by one token; 1 .. experts */
    uint32_t heads;
    uint32_t kv_heads;   /* divides heads */
    uint32_t key_size;   /* of one head */
    uint32_t value_size; /* of one head */
    uint32_t rope_size;  /* even, at most key_size */
    bool rope_neox;      /* the family's, unless the file says otherwise */
    uint32_t vocabulary;
    uint32_t context_max;
    float rms_epsilon;
    float embedding_scale;
    float attention_scale;
    float logit_cap;        /* logits are bent below it; 0: not */
    uint32_t window;        /* positions that a local layer sees; 0: no such layers */
    uint32_t window_period; /* every window_period-th layer is global */
    double rope_base;
    double rope_base_local;
    amphi_rope_scaling rope_scaling;
    double rope_factor;    /* of linear and yarn scaling; 1: none */
    double rope_magnitude; /* on sine and cosine */
    uint32_t rope_context; /* what the model was trained on before scaling */
} amphi_hparams;

amphi_status amphi__hparams_read(amphi_hparams *out, const amphi_gguf *gguf, amphi_error *error);
/* Reads <architecture>.<suffix>: for families. */
bool amphi__hparams_u32(const amphi_gguf *gguf, const char *suffix, uint32_t *out);
bool amphi__hparams_f64(const amphi_gguf *gguf, const char *suffix, double *out);
/* Does this layer see only the last `window` positions? */
bool amphi__hparams_is_local(const amphi_hparams *hparams, uint32_t layer);

#endif
