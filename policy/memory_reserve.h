/* SPDX-License-Identifier: Apache-2.0
 *
 * How much of the device's memory must stay available while a local engine is loaded.
 */
#ifndef AMPHI_POLICY_MEMORY_RESERVE_H
#define AMPHI_POLICY_MEMORY_RESERVE_H

#include "policy/policy.h"

/* Bytes, at most `total`. With less available no local answer starts, and an idle engine gives its
 * memory back. `was_refused`: the last decision said so, and a margin more is asked for. Pure. */
uint64_t amphi__memory_reserve(const amphi_policy *policy, uint64_t total, bool was_refused);

#endif
