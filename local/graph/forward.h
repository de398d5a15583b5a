/* SPDX-License-Identifier: Apache-2.0
 *
 * One batch of tokens through the transformer. The work memory is made once for the largest
 * batch; a forward pass allocates nothing.
 */
#ifndef AMPHI_GRAPH_FORWARD_H
#define AMPHI_GRAPH_FORWARD_H

#include "local/compute/thread_pool.h"
#include "local/graph/kv_cache.h"
#include "local/graph/rope.h"
#include "local/graph/weights.h"
#include "sdk/core/cancel.h"

#include <stdatomic.h>

#define AMPHI_BATCH_TOKENS 128

typedef struct amphi_forward {
    amphi_hparams hparams;
    const amphi_kernels *kernels;
    amphi_weights weights;
    amphi_kv_cache cache;
    amphi_rope rope;       /* of global layers */
    amphi_rope rope_local; /* of layers with a window; empty when there are none */
    amphi_thread_pool *threads;
    uint32_t context;           /* positions in the cache */
    const amphi_cancel *cancel; /* of the batch under way; NULL: it can't be cancelled */
    atomic_bool stopped;        /* that was seen: what is left of the batch is not computed */

    /* Work memory, each AMPHI_BATCH_TOKENS rows. */
    float *memory; /* owner of the rest */
    float *stream; /* the residual stream */
    float *normed; /* the stream normalized; then outputs of a part */
    float *queries;
    float *keys;
    float *values;
    float *attended;
    float *gate;
    float *up;
    float *angles;      /* cosines and sines: global, then local ones */
    float *scores;      /* one context for each thread */
    float *experts;     /* what experts.c needs */
    uint8_t tap_depths; /* bit 0 is depth 1, in eighths of the layers; 0: nothing is kept */
    float *taps;        /* the last token's stream there: 8 rows; NULL until it is asked for */
    uint8_t *activations[AMPHI_ACTIVATION_COUNT];
} amphi_forward;

/* Bytes of work memory; saturates. threads: how many at most. */
uint64_t amphi__forward_scratch_bytes(
    const amphi_hparams *hparams, uint32_t context, uint32_t threads);
/* hparams, context and threads are set already. */
amphi_status amphi__forward_alloc(amphi_forward *forward, amphi_error *error);
void amphi__forward_clear(amphi_forward *forward);

#define AMPHI_TAP_DEPTHS 8u
/* From the next batch on keeps these depths of its last token. */
amphi_status amphi__forward_tap(amphi_forward *forward, uint8_t depths);

/* The gated feed-forward of one set of matrices. out may be input. */
void amphi__forward_gated(amphi_forward *forward, const amphi_expert *matrices, const float *input,
    size_t tokens, float *out);

/* count <= AMPHI_BATCH_TOKENS tokens at `position`; they fit into the context and the vocabulary.
 * logits: NULL, or a row for the last `logits_rows` tokens. AMPHI_E_CANCELLED within some
 * milliseconds of `cancel` (NULL: never), which every thread polls while it computes: the batch
 * then counts as not fed, and the cache below `position` is untouched. */
amphi_status amphi__forward_run(amphi_forward *forward, const int32_t *tokens, size_t count,
    uint32_t position, float *logits, size_t logits_rows, const amphi_cancel *cancel);

/* Polled by everything that takes long; any of the pool's threads. What was left out because of it
 * is never used: forward_run fails. */
static inline bool amphi__forward_stops(amphi_forward *forward)
{
    if (forward->cancel == NULL)
        return false;
    if (!atomic_load_explicit(&forward->stopped, memory_order_relaxed) &&
        amphi__cancel_is_set(forward->cancel))
        atomic_store_explicit(&forward->stopped, true, memory_order_relaxed);
    return atomic_load_explicit(&forward->stopped, memory_order_relaxed);
}

#endif
