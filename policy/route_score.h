/* SPDX-License-Identifier: Apache-2.0
 *
 * What a route is expected to take of what the document puts a weight on: time, money, battery,
 * heat, metered bytes. Without a weight nothing is weighed, and `auto` prefers the device.
 */
#ifndef AMPHI_POLICY_ROUTE_SCORE_H
#define AMPHI_POLICY_ROUTE_SCORE_H

#include "policy/route_rules.h"

/* Does the document weigh anything? */
bool amphi__score_is_wanted(const amphi_policy *policy);
/* The weighed sum of a usual request (500 tokens of prompt, 300 of answer) for a route that is
 * kept; less is better. It is the route's, not this request's, since it is remembered. Where its
 * pace is not known it is taken for a usual one. More battery, a cooler device, or a better network
 * never make it larger. Pure. */
double amphi__score(const amphi_judgement *judgement);
/* Is this cloud better than the best local score, by a tenth at first and until it is no better?
 * Remembers it as any threshold (policy/thresholds.h). */
bool amphi__score_is_better(amphi_judgement *cloud, double best_local);

#endif
