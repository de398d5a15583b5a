/* SPDX-License-Identifier: Apache-2.0
 *
 * What speaks against the operating system's own model (AMPHI_ENGINE_SYSTEM): its quota for this
 * app, an app in the background, work for others. For route_rules.c, which has the list of rules.
 */
#ifndef AMPHI_POLICY_SYSTEM_RULES_H
#define AMPHI_POLICY_SYSTEM_RULES_H

#include "policy/route_rules.h"

typedef struct amphi_objection {
    amphi_verdict verdict;
    char why[120]; /* in words; empty for KEEP */
} amphi_objection;

/* Each says KEEP of any other kind of engine. Pure. */
amphi_objection amphi__system_rule_quota(const amphi_policy_route *route);
amphi_objection amphi__system_rule_background(
    const amphi_policy_route *route, const amphi_device_facts *device);
amphi_objection amphi__system_rule_busy(const amphi_policy_route *route);

#endif
