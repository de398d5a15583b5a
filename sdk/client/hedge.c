/* SPDX-License-Identifier: Apache-2.0
 *
 * Two attempts side by side. The first runs alone until it is late; then the second is started too,
 * and the first of the two with output goes on alone. Started once per request at most, out of a
 * budget for all requests (retry_budget.h), so that a slow provider does not get twice the load.
 * After how long it starts, route_health.c says: the policy's delay, or the route's own p95.
 */
#include "sdk/client/hedge.h"

#include "sdk/client/attempt_state.h"
#include "sdk/client/route_health.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* May the second one start now? That reserves what it may cost beside the first one's, since both
 * may be charged for, spends a hedge, and enters its route's breaker. No hedge is worth more than
 * the day's budget. */
static bool enter_second(
    amphi_client *client, const amphi_policy *policy, amphi_attempt_args *second)
{
    if (!amphi__reservation_move(
            client, second->reservation, second->step->cost_estimate, policy->cost_day_max))
        return false;
    amphi__mutex_lock(&client->lock);
    bool allowed = amphi__retry_budget_spend_hedge(&client->retry_budget);
    amphi__mutex_unlock(&client->lock);
    second->pass = allowed ? amphi__route_health_enter(client, second->step, true, NULL)
                           : AMPHI_BREAKER_REFUSED;
    if (second->pass == AMPHI_BREAKER_REFUSED)
        amphi__reservation_release(client, second->reservation);
    return second->pass != AMPHI_BREAKER_REFUSED;
}

static void fill_in_takeover(amphi_takeover *takeover, const amphi_attempt *first, const char *to)
{
    uint64_t waited_us = amphi__stream_awake_us(first->stream) - first->begun_us;
    takeover->reason = AMPHI_E_TIMEOUT;
    snprintf(takeover->why, sizeof takeover->why,
        "%s: no first token after %llu ms; the next route was asked too", first->info.name,
        (unsigned long long)waited_us / 1000);
    amphi__str_copy_to(takeover->to, sizeof takeover->to, amphi_str_from(to));
}

/* Ends the slower attempt. It leaves its route at once, so that a breaker whose probe it was may
 * admit another one. */
static void abandon(amphi_attempt *a)
{
    amphi_attempt_outcome *outcome = a->outcome;
    if (!a->ended)
        amphi__fail(
            &outcome->error, AMPHI_E_CANCELLED, 0, "%s: another route was faster", a->info.name);
    amphi__attempt_finish(a);
    amphi__reservation_release(a->stream->client, a->args->reservation);
    amphi__route_health_leave(
        a->stream->client, a->args->step, a->args->pass, &outcome->error, outcome->first_token_ms);
}

bool amphi__hedge_run(amphi_stream *stream, const amphi_attempt_args *first,
    amphi_attempt_args *second, uint32_t hedge_ms, amphi_attempt_outcome *outcome,
    amphi_attempt_pending *pending)
{
    amphi_attempt_outcome outcomes[2] = {{.has_output = false}, {.has_output = false}};
    amphi_attempt a;
    amphi_attempt b;
    amphi_attempt *const both[] = {&a, &b};
    bool second_runs = false;
    amphi__attempt_init(&a, stream, first, &outcomes[0], pending);
    amphi__attempt_set_route(&a);
    amphi__attempt_start(&a);
    uint64_t hedge_us = a.begun_us + (uint64_t)hedge_ms * 1000;
    while (!a.ended && !outcomes[0].has_output &&
           !(second_runs && (b.ended || outcomes[1].has_output))) {
        if (amphi__stream_awake_us(stream) < hedge_us) {
            amphi__attempt_wait(stream, both, second_runs ? 2 : 1, hedge_us);
            continue;
        }
        hedge_us = UINT64_MAX; /* decided once per request */
        second_runs = enter_second(stream->client, &stream->privacy.policy, second);
        if (second_runs) {
            amphi__attempt_init(&b, stream, second, &outcomes[1], pending);
            fill_in_takeover(second->takeover, &a, b.info.name);
            amphi__attempt_start(&b);
            stream->was_hedged = true;
        }
    }
    /* The one with output goes on; when one has failed, the other one does. */
    bool second_wins =
        second_runs && !outcomes[0].has_output && (outcomes[1].has_output || (a.ended && !b.ended));
    if (second_runs)
        abandon(second_wins ? &a : &b);
    amphi_attempt *winner = second_wins ? &b : &a;
    amphi__attempt_set_route(winner);
    amphi__attempt_run_to_end(winner);
    *outcome = outcomes[second_wins ? 1 : 0];
    return second_wins;
}
