/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of money and time (route_cost.c), for the list in route_rules.c.
 */
#ifndef AMPHI_POLICY_ROUTE_COST_H
#define AMPHI_POLICY_ROUTE_COST_H

#include "policy/route_rules.h"

/* AMPHI_REASON_COST: the day's budget is used up, or this request would pass it. */
amphi_verdict amphi__rule_cost(amphi_judgement *judgement);
/* AMPHI_REASON_LATENCY: its recent answers began later, or came slower, than wished for. */
amphi_verdict amphi__rule_latency(amphi_judgement *judgement);

/* Of a step's own prompt and the conversation that is sent with it. */
uint64_t amphi__policy_step_estimate(const amphi_judgement *judgement);

/* How long an answer is taken to be: as the route's recent ones, or the bound; 0: not known. */
uint32_t amphi__policy_answer_tokens(const amphi_policy_route *route, uint32_t answer_tokens_max);

#endif
