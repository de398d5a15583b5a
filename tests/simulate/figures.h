/* SPDX-License-Identifier: Apache-2.0
 *
 * What policies did with the same seeds, as figures beside each other.
 */
#ifndef AMPHI_TESTS_SIMULATE_FIGURES_H
#define AMPHI_TESTS_SIMULATE_FIGURES_H

#include "tests/simulate/comparison.h"
#include "tests/simulate/world.h"

typedef struct sim_figures {
    const char *name; /* the document's file */
    sim_counts counts;
} sim_figures;

/* `subject` and the names of `figures` are borrowed by *out. */
void sim_figures_compare(
    sim_comparison *out, const sim_figures *figures, size_t count, const char *subject);

#endif
