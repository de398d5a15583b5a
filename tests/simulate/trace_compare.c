/* SPDX-License-Identifier: Apache-2.0
 *
 * Every record is decided by the library's own code under each policy, from the facts that it was
 * decided from; what would have come of it is an estimate (trace_estimate.h).
 */
#include "tests/simulate/trace_compare.h"

#include "tests/simulate/trace_estimate.h"
#include "tests/simulate/trace_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct span {
    int64_t from_ms, to_ms;
} span;

static span span_of(const sim_trace *trace)
{
    span s = {INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < trace->records_count; i++) {
        int64_t ms = trace->records[i].created_ms;
        s.from_ms = ms < s.from_ms ? ms : s.from_ms;
        s.to_ms = ms > s.to_ms ? ms : s.to_ms;
    }
    return s;
}

/* Without times (answers of `amphi ask --json`) by their order. */
static size_t column_of(const sim_trace *trace, const span *s, size_t index)
{
    double done = s->to_ms > s->from_ms ? (double)(trace->records[index].created_ms - s->from_ms) /
                                              (double)(s->to_ms - s->from_ms)
                                        : (double)index / (double)trace->records_count;
    size_t column = (size_t)(done * SIM_COLUMNS_MAX);
    return column < SIM_COLUMNS_MAX ? column : SIM_COLUMNS_MAX - 1;
}

/* How many records hold nothing to decide from. */
static size_t run(const sim_trace *trace, const amphi_policy *policy, sim_trace_totals *totals,
    double columns[SIM_COLUMNS_MAX][SIM_ROUTES])
{
    static sim_trace_plan plan;
    span s = span_of(trace);
    size_t without = 0;
    for (size_t i = 0; i < trace->records_count; i++) {
        const sim_trace_record *record = &trace->records[i];
        memset(&plan, 0, sizeof plan);
        if (!record->is_cached && !sim_trace_plan_make(&plan, record->line, policy))
            without++;
        else
            sim_trace_estimate(totals, trace, record, &plan, columns[column_of(trace, &s, i)]);
    }
    return without;
}

/* ---- figures ---- */

typedef struct row {
    const char *name, *unit;
    double (*of)(sim_trace_totals *t);
} row;

/* Of those whose outcome is known or estimated. */
static double percent(const sim_trace_totals *t, double part)
{
    double known = (double)t->records - t->unknown;
    return known > 1e-9 ? 100 * part / known : NAN;
}

/* The mean of answers of a kind whose figure is known, over all requests. */
static double per_request(const sim_trace_totals *t, const sim_weighed *sum, double answers)
{
    double known = (double)t->records - t->unknown;
    if (known <= 1e-9 || (answers > 1e-9 && sum->weight <= 1e-9))
        return NAN;
    return answers > 1e-9 ? sum->value / sum->weight * answers / known : 0;
}

static double answered(sim_trace_totals *t)
{
    return percent(t, t->answered);
}

static double queued(sim_trace_totals *t)
{
    return percent(t, t->queued);
}

static double failed(sim_trace_totals *t)
{
    return percent(t, t->failed);
}

static double unknown(sim_trace_totals *t)
{
    return t->records > 0 ? 100 * t->unknown / (double)t->records : NAN;
}

static double first_token(sim_trace_totals *t)
{
    return sim_weighed_share(t->first_tokens, t->first_tokens_count, 0.5);
}

static double first_token_late(sim_trace_totals *t)
{
    return sim_weighed_share(t->first_tokens, t->first_tokens_count, 0.95);
}

static double cost(sim_trace_totals *t)
{
    return per_request(t, &t->cost, t->by_cloud);
}

static double energy(sim_trace_totals *t)
{
    return per_request(t, &t->energy, t->by_model) / 1000;
}

static double computing(sim_trace_totals *t)
{
    return per_request(t, &t->computing, t->by_model) / 1000;
}

static double by_cloud(sim_trace_totals *t)
{
    return percent(t, t->by_cloud);
}

static double recorded(sim_trace_totals *t)
{
    return t->records > 0 ? 100 * (double)t->recorded / (double)t->records : NAN;
}

static const row rows[] = {{"answered", "%", answered}, {"queued", "%", queued},
    {"failed", "%", failed}, {"first token, median", "ms", first_token},
    {"first token, 95th percentile", "ms", first_token_late},
    {"cloud cost", "microdollars a request", cost}, {"energy", "J a request", energy},
    {"computing on the device", "s a request", computing}, {"by a cloud", "%", by_cloud},
    {"outcome as recorded", "% of decisions", recorded},
    {"outcome unknown", "% of decisions", unknown}};

/* ---- how it was found ---- */

static void note_medians(amphi_buf *out, const char *what, double value, const char *unit)
{
    if (isnan(value))
        amphi__buf_printf(out, ", %s unknown", what);
    else
        amphi__buf_printf(out, ", %s %.1f%s", what, value, unit);
}

static void note(amphi_buf *out, const sim_trace *trace, size_t without)
{
    amphi__buf_append_c(out,
        "A plan that tries the recorded routes in the recorded order has the recorded outcome. Of "
        "another route counts what it did for this request, else the share of its recorded tries "
        "that it answered, and its recorded medians. What no route answers is queued, unless it is "
        "private or why it failed does not pass: then it has failed.\n");
    if (without > 0)
        amphi__buf_printf(
            out, "Left out: %zu records hold no inputs (they are of an older version).\n", without);
    for (size_t i = 0; i < trace->routes_count; i++) {
        const sim_trace_route *r = &trace->routes[i];
        amphi__buf_printf(out, "Recorded of %s: %u of %u tries answered", r->name,
            (unsigned)r->answers, (unsigned)r->tries);
        note_medians(out, "first token", r->medians.first_token_ms, " ms");
        note_medians(out, "in all", r->medians.total_ms, " ms");
        note_medians(out, "cost", r->medians.microdollars, " microdollars");
        note_medians(out, "energy", r->medians.millijoules / 1000, " J");
        amphi__buf_append_char(out, '\n');
    }
}

/* ---- the comparison ---- */

static int compare(const sim_trace_options *o, const sim_trace *trace)
{
    static sim_comparison c;
    sim_trace_totals totals[SIM_POLICIES_MAX] = {0};
    char subject[96];
    amphi_buf notes;
    size_t without = 0;
    for (size_t i = 0; i < o->policies_count; i++) {
        without = run(trace, &o->policies[i], &totals[i], c.routes[i]);
        c.names[i] = o->names[i];
        c.requests[i] = totals[i].records;
    }
    snprintf(
        subject, sizeof subject, "%zu recorded decisions, the same for all.", trace->records_count);
    amphi__buf_init(&notes, 0);
    note(&notes, trace, without);
    c.subject = subject;
    c.columns = "Each column is a fortieth of the recorded time";
    c.notes = notes.data != NULL ? notes.data : "";
    c.policies_count = o->policies_count;
    c.columns_count = SIM_COLUMNS_MAX;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        double values[SIM_POLICIES_MAX] = {0};
        for (size_t i = 0; i < o->policies_count; i++)
            values[i] = rows[r].of(&totals[i]);
        sim_comparison_add(&c, rows[r].name, rows[r].unit, values);
    }
    bool none = totals[0].records == 0;
    if (none)
        fprintf(stderr, "amphi-simulate: %s: no record holds what its decision was made from\n",
            o->trace);
    else
        sim_comparison_print(stdout, &c);
    int failed = none || !sim_comparison_report(o->report, &c);
    for (size_t i = 0; i < o->policies_count; i++)
        free(totals[i].first_tokens);
    amphi__buf_clear(&notes);
    return failed;
}

int sim_trace_compare(const sim_trace_options *options)
{
    sim_trace trace;
    amphi_error error;
    int failed = 2;
    if (sim_trace_read(&trace, options->trace, &error) == AMPHI_OK)
        failed = compare(options, &trace);
    else
        fprintf(stderr, "amphi-simulate: %s\n", error.message);
    sim_trace_clear(&trace);
    return failed;
}
