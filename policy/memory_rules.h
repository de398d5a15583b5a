/* SPDX-License-Identifier: Apache-2.0
 *
 * How much context a prompt needs, and how much of it fits into the device's memory
 * (memory_rules.c). For the list in route_rules.c.
 */
#ifndef AMPHI_POLICY_MEMORY_RULES_H
#define AMPHI_POLICY_MEMORY_RULES_H

#include "policy/route_rules.h"

/* Sets the step's context, which the memory rule may shorten. */
amphi_verdict amphi__rule_context(amphi_judgement *judgement);
amphi_verdict amphi__rule_memory(amphi_judgement *judgement);

#endif
