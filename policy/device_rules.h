/* SPDX-License-Identifier: Apache-2.0
 *
 * What a device's state says against computing on it: pressure on its memory, heat, battery
 * (device_rules.c). For the list in route_rules.c. Each has its thresholds' memory.
 */
#ifndef AMPHI_POLICY_DEVICE_RULES_H
#define AMPHI_POLICY_DEVICE_RULES_H

#include "policy/route_rules.h"

amphi_verdict amphi__rule_pressure(amphi_judgement *judgement);
amphi_verdict amphi__rule_thermal(amphi_judgement *judgement);
amphi_verdict amphi__rule_battery(amphi_judgement *judgement);
/* An app in the background whose time there ends before the answer would. */
amphi_verdict amphi__rule_suspension(amphi_judgement *judgement);

#endif
