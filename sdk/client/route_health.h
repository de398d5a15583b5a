/* SPDX-License-Identifier: Apache-2.0
 *
 * What the client remembers of its routes between two decisions: breakers, pauses that providers
 * or the system asked for, runs under way, and recent times to the first token. The decision reads
 * it (decide.c); attempts write it. All of it is under the client's lock and lives as long as the
 * client.
 */
#ifndef AMPHI_CLIENT_ROUTE_HEALTH_H
#define AMPHI_CLIENT_ROUTE_HEALTH_H

#include "sdk/client/client.h"

/* Breaker, pause, load and pace for a decision; out->info is filled in, and where its credentials
 * are others than before, breaker and pause end. wall_ms: Unix time. Under the client's lock. */
void amphi__route_health_snapshot(amphi_route *route, const amphi_policy *policy, uint64_t now_ms,
    int64_t wall_ms, amphi_policy_route *out);

/* May an attempt on this step's route begin? The plan allowed it, but since then another request
 * may have become the breaker's probe, or failures may have opened it; *error (may be NULL) says
 * so. The first try of a step that goes past_breaker may always begin. An attempt that may begin
 * must leave once, with its outcome (AMPHI_OK: a complete answer). */
amphi_breaker_pass amphi__route_health_enter(
    amphi_client *client, const amphi_plan_step *step, bool is_first_try, amphi_error *error);
/* first_token_ms: from the attempt's start; 0: there was none. */
void amphi__route_health_leave(amphi_client *client, const amphi_plan_step *step,
    amphi_breaker_pass pass, const amphi_error *outcome, uint32_t first_token_ms);

/* The runs under way on a route. */
void amphi__route_health_run_started(amphi_client *client, size_t route);
void amphi__route_health_run_ended(amphi_client *client, size_t route);

/* How long a route rests after this failure, and why: as long as its provider or its system asked
 * for; for a system's model that named no time, and a cloud that refuses key or account, as long as
 * the policy says. 0: not at all. */
uint32_t amphi__route_health_pause_ms(const amphi_policy *policy, const amphi_engine_info *info,
    const amphi_error *failure, amphi_reason *reason);

/* When to hedge this step: the policy's delay, or the 95th percentile of the route's recent first
 * tokens when that is later. */
uint32_t amphi__route_health_hedge_ms(amphi_client *client, const amphi_plan_step *step);

#endif
