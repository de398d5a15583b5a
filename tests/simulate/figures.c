/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting times are kept in classes an eighth of a doubling wide, so a percentile is exact within
 * five percent.
 */
#include "tests/simulate/figures.h"

#include <math.h>
#include <string.h>

#define CLASSES_PER_DOUBLING 8.0

uint32_t sim_wait_class(uint32_t ms)
{
    double class = ms > 1 ? floor(log2(ms) * CLASSES_PER_DOUBLING) : 0;
    return class < SIM_WAITS - 1 ? (uint32_t) class : SIM_WAITS - 1;
}

double sim_wait_of_share(const uint64_t waits[SIM_WAITS], double share)
{
    uint64_t all = 0, below = 0;
    uint32_t i = 0;
    for (i = 0; i < SIM_WAITS; i++)
        all += waits[i];
    for (i = 0; i < SIM_WAITS && all > 0; i++) {
        below += waits[i];
        if ((double)below >= share * (double)all)
            break;
    }
    return all > 0 ? floor(exp2((i + 0.5) / CLASSES_PER_DOUBLING)) : NAN;
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : NAN;
}

/* The rows of table and page; NAN of none. */
typedef struct figure {
    const char *name, *unit;
    double (*of)(const sim_counts *c);
} figure;

static double answered(const sim_counts *c)
{
    return percent(c->done, c->requests);
}

static double queued(const sim_counts *c)
{
    return percent(c->queued, c->requests);
}

static double failed(const sim_counts *c)
{
    return percent(c->failed, c->requests);
}

static double first_token(const sim_counts *c)
{
    return sim_wait_of_share(c->first_token, 0.5);
}

static double first_token_late(const sim_counts *c)
{
    return sim_wait_of_share(c->first_token, 0.95);
}

static double cost(const sim_counts *c)
{
    return c->requests > 0 ? (double)c->microdollars / (double)c->requests : NAN;
}

static double computing(const sim_counts *c)
{
    return c->requests > 0 ? (double)c->computing_ms / 1000 / (double)c->requests : NAN;
}

static double by_cloud(const sim_counts *c)
{
    return percent(c->cloud, c->requests);
}

static const figure rows[] = {{"answered", "%", answered}, {"queued", "%", queued},
    {"failed", "%", failed}, {"first token, median", "ms", first_token},
    {"first token, 95th percentile", "ms", first_token_late},
    {"cloud cost", "microdollars a request", cost},
    {"computing on the device", "s a request", computing}, {"by a cloud", "%", by_cloud}};

#define ROWS (sizeof rows / sizeof rows[0])

void sim_figures_compare(
    sim_comparison *out, const sim_figures *figures, size_t count, const char *subject)
{
    memset(out, 0, sizeof *out);
    out->subject = subject;
    out->columns = "Each column is a minute of a run (the last: all later ones)";
    out->notes = "";
    out->policies_count = count;
    out->columns_count = SIM_MINUTES;
    for (size_t i = 0; i < count; i++) {
        out->names[i] = figures[i].name;
        out->requests[i] = figures[i].counts.requests;
        for (int minute = 0; minute < SIM_MINUTES; minute++)
            for (int route = 0; route < SIM_ROUTES; route++)
                out->routes[i][minute][route] = (double)figures[i].counts.routes[minute][route];
    }
    for (size_t r = 0; r < ROWS; r++) {
        double values[SIM_POLICIES_MAX] = {0};
        for (size_t i = 0; i < count; i++)
            values[i] = rows[r].of(&figures[i].counts);
        sim_comparison_add(out, rows[r].name, rows[r].unit, values);
    }
}
