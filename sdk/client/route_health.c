/* SPDX-License-Identifier: Apache-2.0
 *
 * The health of the routes, under the client's lock. Every attempt enters its route and leaves it
 * once with its outcome; from the outcomes come the breaker's state, the pause that a provider
 * asked for and the usual time to the first token. Engines are described outside of the lock.
 */
#include "sdk/client/route_health.h"

#include "sdk/client/crash_ledger.h"
#include "sdk/client/route.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <stdlib.h>

/* The longest pause of a system's model: quotas are per day. */
#define SYSTEM_PAUSE_MAX_MS (24u * 60 * 60 * 1000)

static int compare_ms(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* 0: too few are known for a percentile. Under the client's lock. */
static uint32_t first_token_p95_ms(const amphi_route *route)
{
    uint32_t sorted[sizeof route->first_tokens_ms / sizeof route->first_tokens_ms[0]];
    uint32_t slots = sizeof sorted / sizeof sorted[0];
    uint32_t count = route->first_tokens_count < slots ? route->first_tokens_count : slots;
    if (count < 8)
        return 0;
    memcpy(sorted, route->first_tokens_ms, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare_ms);
    return sorted[(count * 95 + 99) / 100 - 1];
}

/* What a provider refused, limited or failed for one key says nothing of another. */
static void start_clean_with_new_credentials(amphi_route *route, const amphi_engine_info *info)
{
    if (info->kind != AMPHI_ENGINE_CLOUD || strcmp(route->credentials, info->fingerprint) == 0)
        return;
    if (route->credentials[0] != '\0') {
        memset(&route->breaker, 0, sizeof route->breaker);
        route->pause_until_ms = 0;
    }
    amphi__str_copy_to(
        route->credentials, sizeof route->credentials, amphi_str_from(info->fingerprint));
}

void amphi__route_health_snapshot(amphi_route *route, const amphi_policy *policy, uint64_t now_ms,
    int64_t wall_ms, amphi_policy_route *out)
{
    start_clean_with_new_credentials(route, &out->info);
    amphi__breaker_snapshot(&route->breaker, policy, now_ms, &out->breaker);
    out->wait_ms = route->pause_until_ms > now_ms ? (uint32_t)(route->pause_until_ms - now_ms) : 0;
    out->wait_reason = route->pause_reason;
    amphi__str_copy_to(
        out->last_failure, sizeof out->last_failure, amphi_str_from(route->last_failure));
    out->load = route->load;
    out->first_token_p95_ms = first_token_p95_ms(route);
    out->pace = amphi__route_pace_summary(&route->pace, policy->latency_learned_s, wall_ms);
}

/* What an attempt's end says about the route, as opposed to the request or this device. */
static amphi_breaker_result breaker_result_of(amphi_status status)
{
    switch (status) {
    case AMPHI_OK:
    case AMPHI_E_REQUEST:
    case AMPHI_E_CONTEXT_LENGTH:
    case AMPHI_E_CONTENT_FILTER:
    case AMPHI_E_UNSUPPORTED:
    case AMPHI_E_AUTH: /* the server is up; only this key or account is refused */
    case AMPHI_E_QUOTA:
    case AMPHI_E_UNCERTAIN: /* it works; only this answer was in doubt */
        return AMPHI_BREAKER_SUCCESS;
    case AMPHI_E_TIMEOUT:
    case AMPHI_E_OFFLINE:
    case AMPHI_E_NETWORK:
    case AMPHI_E_TLS:
    case AMPHI_E_PROTOCOL:
    case AMPHI_E_TRUNCATED:
    case AMPHI_E_PROVIDER:
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_ENGINE_DIED:
    case AMPHI_E_ENGINE_STALLED:
    case AMPHI_E_LIMIT: /* an answer without end */
        return AMPHI_BREAKER_FAILURE;
    default:
        return AMPHI_BREAKER_IGNORED;
    }
}

amphi_breaker_pass amphi__route_health_enter(
    amphi_client *client, const amphi_plan_step *step, bool is_first_try, amphi_error *error)
{
    amphi_route *route = &client->routes[step->route];
    amphi_engine_info info;
    amphi_breaker_facts facts;
    char last_failure[sizeof route->last_failure];
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    amphi_breaker_pass pass = amphi__breaker_enter(
        &route->breaker, &client->policy, is_first_try && step->past_breaker, now_ms);
    amphi__breaker_snapshot(&route->breaker, &client->policy, now_ms, &facts);
    memcpy(last_failure, route->last_failure, sizeof last_failure);
    amphi__mutex_unlock(&client->lock);
    if (pass == AMPHI_BREAKER_REFUSED && error != NULL) {
        amphi__route_describe(route, &info);
        amphi__fail(error, AMPHI_E_BUSY, 0, "%s: left alone for now, after failures; the last: %s",
            info.name, last_failure);
        error->retry_after_ms = facts.left_ms;
    }
    return pass;
}

static void remember_first_token(amphi_route *route, uint32_t first_token_ms)
{
    size_t slots = sizeof route->first_tokens_ms / sizeof route->first_tokens_ms[0];
    route->first_tokens_ms[route->first_tokens_count++ % slots] = first_token_ms;
}

void amphi__route_health_run_started(amphi_client *client, size_t index)
{
    amphi__mutex_lock(&client->lock);
    client->routes[index].load++;
    amphi__mutex_unlock(&client->lock);
}

void amphi__route_health_run_ended(amphi_client *client, size_t index)
{
    amphi_route *route = &client->routes[index];
    amphi_engine_info info;
    amphi__route_describe(route, &info);
    amphi__mutex_lock(&client->lock);
    /* In one step with the load: at load 0 the ledger takes an engine's new deaths for its own. */
    amphi__crash_ledger_acknowledge_deaths(route, &info);
    route->load--;
    amphi__mutex_unlock(&client->lock);
}

uint32_t amphi__route_health_hedge_ms(amphi_client *client, const amphi_plan_step *step)
{
    amphi__mutex_lock(&client->lock);
    uint32_t p95_ms = first_token_p95_ms(&client->routes[step->route]);
    amphi__mutex_unlock(&client->lock);
    return p95_ms > step->hedge_ms ? p95_ms : step->hedge_ms;
}

/* Of a system's model. Its words are those of the app's own engine, so no shorter bound than a day
 * holds for them. OK: this status asks for no pause. */
static amphi_reason system_pause_reason(amphi_status status)
{
    return status == AMPHI_E_QUOTA          ? AMPHI_REASON_QUOTA
           : status == AMPHI_E_BUSY         ? AMPHI_REASON_BUSY
           : status == AMPHI_E_RATE_LIMITED ? AMPHI_REASON_ASKED_TO_WAIT
           : status == AMPHI_E_BACKGROUND   ? AMPHI_REASON_BACKGROUND
                                            : AMPHI_REASON_OK;
}

/* Of a provider that refuses the key or the account: as long as that holds every request fails
 * there, so others go first. OK: this status says neither. */
static amphi_reason account_pause_reason(amphi_status status)
{
    return status == AMPHI_E_AUTH    ? AMPHI_REASON_UNAVAILABLE
           : status == AMPHI_E_QUOTA ? AMPHI_REASON_QUOTA
                                     : AMPHI_REASON_OK;
}

uint32_t amphi__route_health_pause_ms(const amphi_policy *policy, const amphi_engine_info *info,
    const amphi_error *failure, amphi_reason *reason)
{
    uint32_t asked_ms = failure->retry_after_ms;
    bool is_system = info->kind == AMPHI_ENGINE_SYSTEM;
    *reason = is_system ? system_pause_reason(failure->status) : AMPHI_REASON_OK;
    if (*reason != AMPHI_REASON_OK) {
        if (asked_ms == 0)
            return *reason == AMPHI_REASON_QUOTA ? policy->system_quota_pause_ms
                                                 : policy->system_busy_pause_ms;
        return asked_ms < SYSTEM_PAUSE_MAX_MS ? asked_ms : SYSTEM_PAUSE_MAX_MS;
    }
    *reason =
        info->kind == AMPHI_ENGINE_CLOUD ? account_pause_reason(failure->status) : AMPHI_REASON_OK;
    if (*reason != AMPHI_REASON_OK)
        return policy->breaker_open_ms;
    if (failure->status != AMPHI_E_RATE_LIMITED && failure->status != AMPHI_E_PROVIDER)
        return 0;
    *reason = AMPHI_REASON_ASKED_TO_WAIT;
    return asked_ms < policy->pause_max_ms ? asked_ms : policy->pause_max_ms;
}

/* A pause holds for later requests too; a success ends it. Under the lock. */
static void remember_pause(amphi_route *route, const amphi_policy *policy,
    const amphi_engine_info *info, const amphi_error *outcome, uint64_t now_ms)
{
    amphi_reason reason;
    uint32_t pause_ms = amphi__route_health_pause_ms(policy, info, outcome, &reason);
    if (outcome->status == AMPHI_OK)
        route->pause_until_ms = 0;
    if (pause_ms == 0)
        return;
    route->pause_until_ms = now_ms + pause_ms;
    route->pause_reason = reason;
}

void amphi__route_health_leave(amphi_client *client, const amphi_plan_step *step,
    amphi_breaker_pass pass, const amphi_error *outcome, uint32_t first_token_ms)
{
    amphi_route *route = &client->routes[step->route];
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    amphi_breaker_result result = breaker_result_of(outcome->status);
    amphi_engine_info info;
    amphi__route_describe(route, &info);
    amphi__mutex_lock(&client->lock);
    if (first_token_ms > 0)
        remember_first_token(route, first_token_ms);
    remember_pause(route, &client->policy, &info, outcome, now_ms);
    if (info.kind == AMPHI_ENGINE_SYSTEM && system_pause_reason(outcome->status) != AMPHI_REASON_OK)
        result = AMPHI_BREAKER_IGNORED; /* it rests anyway, and is whole */
    if (info.kind == AMPHI_ENGINE_LOCAL && amphi__crash_ledger_is_supported(client)) {
        amphi__crash_ledger_acknowledge_deaths(route, &info);
        result = AMPHI_BREAKER_SUCCESS; /* the crash ledger judges a local engine */
    }
    if (result == AMPHI_BREAKER_FAILURE)
        amphi__sentence_copy(
            route->last_failure, sizeof route->last_failure, amphi_str_from(outcome->message));
    amphi__breaker_leave(&route->breaker, &client->policy, pass, result, now_ms);
    amphi__mutex_unlock(&client->lock);
}
