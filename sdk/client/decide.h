/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the policy: gathers the facts (device, request, health of each route) for the pure
 * decision, and feeds outcomes back into the routes' health.
 */
#ifndef AMPHI_CLIENT_DECIDE_H
#define AMPHI_CLIENT_DECIDE_H

#include "sdk/client/client.h"
#include "sdk/client/request.h"

/* false when no route is left; *error then says why. */
bool amphi__decide(
    amphi_client *client, const amphi_request *request, amphi_plan *out, amphi_error *error);
/* About how many tokens the request's own messages have. What came before in the conversation does
 * not count against a route: the oldest turns can be left out. */
uint32_t amphi__decide_prompt_tokens(const amphi_request *request);
/* What the client's options say of every request. */
void amphi__decide_apply_options(const amphi_client *client, amphi_request *request);
/* Are the routes that the request names ours? AMPHI_E_ARGUMENT names the field. */
amphi_status amphi__decide_check(
    amphi_client *client, const amphi_request *request, amphi_error *error);
/* May an attempt on this step's route begin? The plan thought so, but another request may be its
 * breaker's probe by now, or its failures have opened it; *error (NULL is fine) then says so. Who may
 * must leave once, with what became of the attempt (AMPHI_OK: whole answer). */
amphi_breaker_pass amphi__decide_enter(
    amphi_client *client, const amphi_plan_step *step, amphi_error *error);
void amphi__decide_leave(amphi_client *client, const amphi_plan_step *step, amphi_breaker_pass pass,
    const amphi_error *outcome, uint32_t first_token_ms);
/* One more, or one less, run under way on that route. */
void amphi__decide_load(amphi_client *client, size_t route, int change);

/* Budgets across requests, so that an outage is not multiplied: each request earns a tenth of a
 * second try and a tenth of a hedge; these spend one when they say yes. */
bool amphi__decide_may_retry(amphi_client *client);
bool amphi__decide_may_hedge(amphi_client *client);
/* When to hedge this step: its document's delay, or the 95th percentile of the route's recent first
 * tokens when that is later. */
uint32_t amphi__decide_hedge_ms(amphi_client *client, const amphi_plan_step *step);

/* Local engines give their memory back when the device is short of it; a running answer is stopped
 * only when the pressure is critical. */
bool amphi__decide_unload(amphi_client *client);

#endif
