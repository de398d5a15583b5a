/* SPDX-License-Identifier: Apache-2.0
 *
 * `amphi simulate --trace`: recorded decisions, decided anew under policies.
 */
#ifndef AMPHI_TESTS_SIMULATE_TRACE_COMPARE_H
#define AMPHI_TESTS_SIMULATE_TRACE_COMPARE_H

#include "policy/policy.h"

typedef struct sim_trace_options {
    const char *trace;        /* its file */
    const char *const *names; /* the documents' files */
    const amphi_policy *policies;
    size_t policies_count;
    const char *report; /* NULL: none */
} sim_trace_options;

/* The exit status; a line on standard error says what is wrong. */
int sim_trace_compare(const sim_trace_options *options);

#endif
