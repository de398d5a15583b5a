/* SPDX-License-Identifier: Apache-2.0
 *
 * What would have come of a recorded request under another plan. The plan's steps are followed as
 * the client does: a route that was tried then does what it did then; of any other one the share of
 * its tries that were answered in the whole trace counts, and the medians of its answers. Of a
 * route that no record tried nothing is known, and so of the outcome from there on.
 */
#ifndef AMPHI_TESTS_SIMULATE_TRACE_ESTIMATE_H
#define AMPHI_TESTS_SIMULATE_TRACE_ESTIMATE_H

#include "tests/simulate/trace.h"

/* What a policy plans for a recorded request. */
typedef struct sim_trace_plan {
    char steps[AMPHI_ROUTES_MAX][AMPHI_NAME_MAX]; /* names of routes */
    bool is_cloud[AMPHI_ROUTES_MAX];
    size_t steps_count;
    bool may_pass; /* without steps: why there are none may be over later */
} sim_trace_plan;

/* A figure's value, and how much of a request it holds for. */
typedef struct sim_weighed {
    double value, weight;
} sim_weighed;

/* Sums over a trace. */
typedef struct sim_trace_totals {
    double answered, queued, failed, unknown; /* together: the records */
    double by_cloud, by_model;
    uint64_t recorded;  /* outcomes that are the recorded ones */
    uint64_t estimated; /* from medians, as far as they are known */
    uint64_t records;
    sim_weighed *first_tokens; /* free() */
    size_t first_tokens_count, first_tokens_capacity;
    sim_weighed cost, energy, computing; /* of a cloud's, of the model's answers: sums, and of how
                                            many it is known */
} sim_trace_totals;

/* Adds one; `column` gets the shares of what answered. */
void sim_trace_estimate(sim_trace_totals *totals, const sim_trace *trace,
    const sim_trace_record *record, const sim_trace_plan *plan, double column[SIM_ROUTES]);
/* The value below which this share of the weight lies; NAN of none. Sorts them. */
double sim_weighed_share(sim_weighed *values, size_t count, double share);

#endif
