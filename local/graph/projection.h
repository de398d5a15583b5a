/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products over a batch of tokens, cut by rows over the threads.
 */
#ifndef AMPHI_GRAPH_PROJECTION_H
#define AMPHI_GRAPH_PROJECTION_H

#include "local/graph/forward.h"

#define AMPHI_PROJECTIONS_MAX 3

/* Matrix products that share their input, done as one job over all their rows. */
typedef struct amphi_projection {
    amphi_forward *forward;
    const amphi_matrix *matrices[AMPHI_PROJECTIONS_MAX];
    float *outputs[AMPHI_PROJECTIONS_MAX]; /* tokens x rows */
    size_t count;
    const float *input; /* tokens x columns */
    size_t columns;
    size_t tokens;
    amphi_activation form; /* being prepared */
} amphi_projection;

void amphi__projection_run(amphi_projection *set);
/* One matrix alone. */
void amphi__projection_run_one(amphi_forward *forward, const amphi_matrix *matrix,
    const float *input, size_t tokens, float *out);

#endif
