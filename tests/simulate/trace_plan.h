/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded decision, made again under another policy.
 */
#ifndef AMPHI_TESTS_SIMULATE_TRACE_PLAN_H
#define AMPHI_TESTS_SIMULATE_TRACE_PLAN_H

#include "policy/policy.h"
#include "tests/simulate/trace_estimate.h"

/* false: the record holds no inputs, or some that this build does not understand. *out borrows
 * nothing of the line. */
bool sim_trace_plan_make(sim_trace_plan *out, amphi_str line, const amphi_policy *policy);

#endif
