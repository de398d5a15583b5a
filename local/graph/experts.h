/* SPDX-License-Identifier: Apache-2.0
 *
 * A feed-forward of many experts of which each token uses a few: those with the largest router
 * logits, weighted by the softmax of these (arXiv 2401.04088). Tokens that chose the same expert
 * are computed together.
 */
#ifndef AMPHI_GRAPH_EXPERTS_H
#define AMPHI_GRAPH_EXPERTS_H

#include "local/graph/forward.h"

/* Floats of work memory for `tokens` at once; 0 without experts. */
uint64_t amphi__experts_scratch_floats(const amphi_hparams *hparams, uint64_t tokens);
/* forward->normed holds the input; the result is added to forward->stream. */
void amphi__experts_run(amphi_forward *forward, const amphi_layer *layer, size_t count);

#endif
