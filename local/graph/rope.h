/* SPDX-License-Identifier: Apache-2.0
 *
 * Rotary position embedding (arXiv 2104.09864): the frequencies of a model, with whatever scaling
 * its file asks for, and the sines and cosines of one position.
 */
#ifndef AMPHI_GRAPH_ROPE_H
#define AMPHI_GRAPH_ROPE_H

#include "local/graph/hparams.h"

typedef struct amphi_rope {
    size_t pairs;
    double *frequencies; /* radians for each position, of each pair */
    float magnitude;
} amphi_rope;

/* factors: pairs divisors of the frequencies, or NULL. local: for layers with a window. Clear it
 * also after a failure. */
amphi_status amphi__rope_init(amphi_rope *rope, const amphi_hparams *hparams, const float *factors,
    bool local, amphi_error *error);
void amphi__rope_clear(amphi_rope *rope);

/* cosines: pairs cosines, then pairs sines. */
void amphi__rope_at(const amphi_rope *rope, uint32_t position, float *cosines);
/* Rotates one head in place. neox: pairs (i, i + pairs), else (2i, 2i + 1). */
void amphi__rope_apply(float *head, const float *cosines, size_t pairs, bool neox);

#endif
