/* SPDX-License-Identifier: Apache-2.0
 *
 * What a decision was made from, as JSON, and back: with the policy document it gives the same plan
 * again, bit for bit. Nothing that was said is in it. Pure.
 *
 *     {"device":{...},"request":{...},"spent":{...},"routes":[{...}],"prefers":{...}}
 *
 * A member that is 0, false or empty is left out. A member that this version does not know is
 * refused by its name: it may have decided.
 */
#ifndef AMPHI_CLIENT_DECISION_INPUTS_H
#define AMPHI_CLIENT_DECISION_INPUTS_H

#include "policy/policy.h"
#include "sdk/client/route_preference.h"
#include "sdk/core/json.h"

typedef struct amphi_decision_inputs {
    amphi_policy_facts facts; /* its routes are these: */
    amphi_policy_route routes[AMPHI_ROUTES_MAX];
    amphi_preference preference;
} amphi_decision_inputs;

/* Members of an object that is open. */
void amphi__decision_inputs_write(
    amphi_json_writer *writer, const amphi_policy_facts *facts, const amphi_preference *preference);
/* AMPHI_E_FORMAT names the member that is not understood. Members of `json` that `besides` names
 * ("a b", or NULL) are the caller's. */
amphi_status amphi__decision_inputs_read(
    amphi_decision_inputs *out, const amphi_json *json, const char *besides, amphi_error *error);

/* The same of a situation that is described rather than met:
 * {"facts":{...},"spent":{...},"routes":[...]}, all but the routes optional; a route is available
 * unless it says otherwise. The device and the preference are the caller's. Other members are not
 * looked at. AMPHI_E_FORMAT. */
amphi_status amphi__decision_inputs_read_described(
    amphi_decision_inputs *out, const amphi_json *json, amphi_error *error);
/* An object: a route's name, and its thresholds as the routes' members. */
void amphi__decision_inputs_write_thresholds(
    amphi_json_writer *writer, const char *name, const amphi_thresholds *thresholds);

/* How many bytes of its struct a group ("device", "request", "spent", "routes") writes: for the
 * test that notices a field which is in no table. */
size_t amphi__decision_inputs_bytes(const char *group);

/* From the rules' plan to the one that is followed: the request's own order, budgets, handoff. */
void amphi__decision_finish(amphi_plan *plan, const amphi_policy *policy,
    const amphi_policy_facts *facts, const amphi_preference *preference);
/* The plan that these inputs give under a policy. */
void amphi__decision_inputs_plan(
    amphi_plan *out, const amphi_policy *policy, const amphi_decision_inputs *inputs);

#endif
