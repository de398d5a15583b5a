/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded decisions (`amphi history export --records`, sdk/docs/replay.md): what was tried, what
 * came of it, and for each route how its answers came.
 */
#ifndef AMPHI_TESTS_SIMULATE_TRACE_H
#define AMPHI_TESTS_SIMULATE_TRACE_H

#include "sdk/core/buf.h"
#include "tests/simulate/comparison.h"

#include <amphi/amphi.h>

#define SIM_TRACE_TRIES_MAX AMPHI_ROUTES_MAX

/* Of one answer, or of one route's answers at the median. NAN: unknown. */
typedef struct sim_outcome_figures {
    double first_token_ms, total_ms, microdollars, millijoules;
} sim_outcome_figures;

typedef struct sim_trace_route {
    char name[AMPHI_NAME_MAX];
    uint32_t tries, answers; /* in the whole trace */
    sim_outcome_figures medians;
} sim_trace_route;

typedef struct sim_trace_record {
    amphi_str line; /* in the trace's text */
    int64_t created_ms;
    amphi_status status; /* AMPHI_OK: answered */
    bool is_queued;      /* not answered: it went to the outbox */
    bool is_cached;
    bool stays_here;                    /* private or only_local: the outbox does not take it */
    uint8_t tries[SIM_TRACE_TRIES_MAX]; /* routes in their order; the last one answered, if any */
    size_t tries_count;
    sim_outcome_figures figures;
} sim_trace_record;

typedef struct sim_trace {
    amphi_buf text;
    sim_trace_record *records;
    size_t records_count, capacity;
    sim_trace_route routes[AMPHI_ROUTES_MAX];
    size_t routes_count;
} sim_trace;

/* AMPHI_E_FORMAT names the line that is not understood. Clear *out in any case. */
amphi_status sim_trace_read(sim_trace *out, const char *path, amphi_error *error);
void sim_trace_clear(sim_trace *trace);
/* NULL: no record tried it. */
const sim_trace_route *sim_trace_route_named(const sim_trace *trace, const char *name);

/* The lower one of two in the middle; NAN of none. Sorts them. */
double sim_median(double *values, size_t count);

#endif
