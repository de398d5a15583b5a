/* SPDX-License-Identifier: Apache-2.0
 *
 * What policies did with the same requests, beside each other: as a table, and as a page with plots
 * that needs no network. What is not known is NAN in numbers and "unknown" in words, never 0.
 */
#ifndef AMPHI_TESTS_SIMULATE_COMPARISON_H
#define AMPHI_TESTS_SIMULATE_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_POLICIES_MAX 4
#define SIM_FIGURES_MAX  16
#define SIM_COLUMNS_MAX  40

/* What answered a request, or became of it. */
typedef enum sim_route {
    SIM_BY_MODEL = 0,
    SIM_BY_CLOUD,
    SIM_BY_CACHE,
    SIM_BY_OUTBOX, /* queued */
    SIM_BY_NONE,   /* failed, or cancelled */
    SIM_BY_UNKNOWN,
    SIM_ROUTES
} sim_route;

typedef struct sim_figure {
    const char *name, *unit;
    double values[SIM_POLICIES_MAX];
} sim_figure;

typedef struct sim_comparison {
    const char *subject;                 /* what was compared over, a sentence */
    const char *columns;                 /* what a column of the routes over time is, a sentence */
    const char *names[SIM_POLICIES_MAX]; /* the documents' files */
    uint64_t requests[SIM_POLICIES_MAX];
    size_t policies_count;
    sim_figure figures[SIM_FIGURES_MAX];
    size_t figures_count;
    double routes[SIM_POLICIES_MAX][SIM_COLUMNS_MAX][SIM_ROUTES]; /* in any unit */
    size_t columns_count;
    const char *notes; /* lines on how the figures were found; "" */
} sim_comparison;

/* values[i] for each policy. */
void sim_comparison_add(
    sim_comparison *c, const char *name, const char *unit, const double values[SIM_POLICIES_MAX]);
void sim_comparison_print(FILE *out, const sim_comparison *c);
void sim_comparison_page(FILE *out, const sim_comparison *c);
/* The page in this file (NULL: none). false: it can't be written, and standard error says so. */
bool sim_comparison_report(const char *path, const sim_comparison *c);

#endif
