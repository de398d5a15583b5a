/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's tensors by their place in the graph, each checked against the hyper-parameters.
 * Matrices stay in the file's mapping; vectors (norms, biases) are small and become floats.
 */
#ifndef AMPHI_GRAPH_WEIGHTS_H
#define AMPHI_GRAPH_WEIGHTS_H

#include "local/compute/kernels.h"
#include "local/graph/hparams.h"

typedef struct amphi_matrix {
    const uint8_t *data;
    amphi_weight_type type;
    size_t rows;
    size_t columns;
    size_t row_bytes;
    amphi_weight_kernel kernel;
    const float *bias; /* rows floats, or NULL */
} amphi_matrix;

typedef struct amphi_expert {
    amphi_matrix gate;
    amphi_matrix up;
    amphi_matrix down;
} amphi_expert;

typedef struct amphi_layer {
    const float *attention_norm;
    amphi_matrix query;
    amphi_matrix key;
    amphi_matrix value;
    amphi_matrix output;
    const float *query_norm; /* NULL: none, here and below */
    const float *key_norm;
    const float *attention_post_norm;
    const float *forward_norm;
    amphi_matrix router;   /* experts rows; no data where there are none */
    amphi_expert *experts; /* NULL where there are none */
    amphi_expert plain;    /* the feed-forward of a model without experts */
    const float *forward_post_norm;
} amphi_layer;

typedef struct amphi_weights {
    amphi_matrix embedding;
    amphi_matrix output; /* the embedding again when the file ties them */
    const float *output_norm;
    amphi_layer *layers;
    uint32_t layers_count;
    const float *rope_factors;       /* rope_size / 2 divisors, or NULL */
    const float *rope_factors_short; /* the same for contexts up to the trained length */
    float *vectors;                  /* owner of every vector above */
    size_t vectors_used;
    size_t vectors_capacity;
} amphi_weights;

/* The gguf must outlive the result. Clear it also after a failure. */
amphi_status amphi__weights_init(amphi_weights *weights, const amphi_gguf *gguf,
    const amphi_hparams *hparams, const amphi_kernels *kernels, amphi_error *error);
void amphi__weights_clear(amphi_weights *weights);

#endif
