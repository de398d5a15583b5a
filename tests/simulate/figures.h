/* SPDX-License-Identifier: Apache-2.0
 *
 * What policies did with the same seeds, beside each other: as a table, and as a page with plots
 * that needs no network.
 */
#ifndef AMPHI_TESTS_SIMULATE_FIGURES_H
#define AMPHI_TESTS_SIMULATE_FIGURES_H

#include "tests/simulate/world.h"

#include <stdio.h>

#define SIM_POLICIES_MAX 4

typedef struct sim_figures {
    const char *name; /* the document's file */
    sim_counts counts;
} sim_figures;

void sim_figures_print(FILE *out, const sim_figures *figures, size_t count);
void sim_figures_page(FILE *out, const sim_figures *figures, size_t count, uint64_t seeds);

#endif
