/* SPDX-License-Identifier: Apache-2.0
 *
 * A request is a weight of 1 that flows through the plan: each step takes the share that it
 * answers, the rest goes on. What reaches the end waits in the outbox, or has failed.
 */
#include "tests/simulate/trace_estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = ((const sim_weighed *)a)->value;
    double y = ((const sim_weighed *)b)->value;
    return (x > y) - (x < y);
}

double sim_weighed_share(sim_weighed *values, size_t count, double share)
{
    double all = 0, below = 0;
    size_t i = 0;
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, compare);
    for (i = 0; i < count; i++)
        all += values[i].weight;
    for (i = 0; i + 1 < count; i++) {
        below += values[i].weight;
        if (below >= share * all - 1e-9)
            break;
    }
    return values[i].value;
}

static void add(sim_weighed *sum, double value, double weight)
{
    if (isnan(value))
        return;
    sum->value += value * weight;
    sum->weight += weight;
}

static void add_first_token(sim_trace_totals *totals, double ms, double weight)
{
    if (isnan(ms))
        return;
    if (totals->first_tokens_count == totals->first_tokens_capacity) {
        size_t capacity =
            totals->first_tokens_capacity > 0 ? 2 * totals->first_tokens_capacity : 256;
        totals->first_tokens = realloc(totals->first_tokens, capacity * sizeof(sim_weighed));
        totals->first_tokens_capacity = capacity;
        if (totals->first_tokens == NULL)
            abort();
    }
    totals->first_tokens[totals->first_tokens_count++] = (sim_weighed){ms, weight};
}

/* An answer of this weight. */
static void answer(sim_trace_totals *totals, const sim_outcome_figures *figures, sim_route by,
    double weight, double column[SIM_ROUTES])
{
    totals->answered += weight;
    column[by] += weight;
    add_first_token(totals, figures->first_token_ms, weight);
    if (by == SIM_BY_CLOUD) {
        totals->by_cloud += weight;
        add(&totals->cost, figures->microdollars, weight);
    } else if (by == SIM_BY_MODEL) {
        totals->by_model += weight;
        add(&totals->energy, figures->millijoules, weight);
        add(&totals->computing, figures->total_ms, weight);
    }
}

/* What no route has answered. */
static void leave(sim_trace_totals *totals, const sim_trace_record *record, bool may_pass,
    double weight, double column[SIM_ROUTES])
{
    bool waits = record->is_queued || (may_pass && !record->stays_here);
    *(waits ? &totals->queued : &totals->failed) += weight;
    column[waits ? SIM_BY_OUTBOX : SIM_BY_NONE] += weight;
}

/* Would the same routes be tried in the same order, as far as they were? */
static bool goes_as_recorded(
    const sim_trace *trace, const sim_trace_record *record, const sim_trace_plan *plan)
{
    if (record->tries_count == 0)
        return plan->steps_count == 0;
    for (size_t i = 0; i < record->tries_count; i++)
        if (i >= plan->steps_count ||
            strcmp(plan->steps[i], trace->routes[record->tries[i]].name) != 0)
            return false;
    return record->status == AMPHI_OK || record->tries_count == plan->steps_count;
}

static void add_recorded(sim_trace_totals *totals, const sim_trace_record *record,
    const sim_trace_plan *plan, double column[SIM_ROUTES])
{
    totals->recorded++;
    if (record->status != AMPHI_OK) {
        leave(totals, record, false, 1, column);
        return;
    }
    bool is_cloud =
        !record->is_cached && record->tries_count > 0 && plan->is_cloud[record->tries_count - 1];
    answer(totals, &record->figures,
        record->is_cached ? SIM_BY_CACHE
        : is_cloud        ? SIM_BY_CLOUD
                          : SIM_BY_MODEL,
        1, column);
}

/* The share of tries that this route answers, and how: what it did for this request, else what it
 * mostly did. NAN: no record tells. */
static double share_of(const sim_trace *trace, const sim_trace_record *record,
    const sim_trace_route *route, sim_outcome_figures *figures)
{
    if (route == NULL || route->tries == 0)
        return NAN;
    size_t index = (size_t)(route - trace->routes);
    *figures = route->medians;
    for (size_t i = 0; i < record->tries_count; i++) {
        bool has_answered = record->status == AMPHI_OK && i + 1 == record->tries_count;
        if (record->tries[i] != index)
            continue;
        if (has_answered && i == 0)
            *figures = record->figures;
        return has_answered ? 1 : 0;
    }
    return (double)route->answers / route->tries;
}

void sim_trace_estimate(sim_trace_totals *totals, const sim_trace *trace,
    const sim_trace_record *record, const sim_trace_plan *plan, double column[SIM_ROUTES])
{
    double left = 1;
    totals->records++;
    if (record->is_cached || goes_as_recorded(trace, record, plan)) {
        add_recorded(totals, record, plan, column);
        return;
    }
    totals->estimated++;
    for (size_t i = 0; i < plan->steps_count && left > 1e-9; i++) {
        sim_outcome_figures figures;
        const sim_trace_route *route = sim_trace_route_named(trace, plan->steps[i]);
        double share = share_of(trace, record, route, &figures);
        if (isnan(share)) {
            totals->unknown += left;
            column[SIM_BY_UNKNOWN] += left;
            return;
        }
        if (share > 0)
            answer(totals, &figures, plan->is_cloud[i] ? SIM_BY_CLOUD : SIM_BY_MODEL, left * share,
                column);
        left *= 1 - share;
    }
    if (left > 1e-9)
        leave(totals, record, plan->steps_count > 0 || plan->may_pass, left, column);
}
