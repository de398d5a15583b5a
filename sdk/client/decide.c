/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts in, plan out, and the memory between two decisions: the routes' breakers, loads
 * and first-token times, and the budgets for second tries and hedges across requests.
 */
#include "sdk/client/decide.h"

#include "sdk/client/crash_ledger.h"
#include "sdk/client/route.h"
#include "sdk/client/route_preference.h"
#include "sdk/client/stream.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdlib.h>

#define TOKENS_PER_MESSAGE 8u

uint32_t amphi__decide_prompt_tokens(const amphi_request *request)
{
    const amphi_json *messages = amphi__json_get(request->body, "messages");
    uint64_t tokens = 0;
    for (const amphi_json *m = amphi__json_first(messages); m != NULL; m = amphi__json_next(m))
        tokens += amphi__json_string(amphi__json_get(m, "content")).size / AMPHI_BYTES_PER_TOKEN +
                  TOKENS_PER_MESSAGE;
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

/* A local engine that died while it described itself counts as a failed attempt. */
static void note_dead_route(
    amphi_dead_route *dead_route, const amphi_engine_info *info, uint32_t deaths)
{
    if (deaths == 0 || info->available)
        return;
    amphi__str_copy_to(dead_route->route, sizeof dead_route->route, amphi_str_from(info->name));
    amphi__fail(&dead_route->error,
        info->failure == AMPHI_E_ENGINE_STALLED ? AMPHI_E_ENGINE_STALLED : AMPHI_E_ENGINE_DIED, 0,
        "%s", info->why);
}

static void gather_routes(amphi_client *client, const amphi_policy *policy,
    amphi_policy_route *routes, amphi_dead_route *dead_route)
{
    memset(dead_route, 0, sizeof *dead_route);
    uint64_t now_ms = amphi__clock_ms(client->clock);
    memset(routes, 0, client->routes_count * sizeof *routes);
    for (size_t i = 0; i < client->routes_count; i++) {
        uint32_t deaths = amphi__crash_ledger_describe(
            client, &client->routes[i], policy, &routes[i].info, &routes[i].crash);
        note_dead_route(dead_route, &routes[i].info, deaths);
    }
    amphi__mutex_lock(&client->lock);
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_route *route = &client->routes[i];
        amphi__breaker_snapshot(&route->breaker, policy, now_ms, &routes[i].breaker);
        routes[i].wait_ms =
            route->pause_until_ms > now_ms ? (uint32_t)(route->pause_until_ms - now_ms) : 0;
        routes[i].load = route->load;
        /* Without a default route a server on this machine is still there; but when the app says
         * that there is no network, it means it. */
        routes[i].needs_no_network =
            routes[i].info.is_loopback && !(client->pushed.known & AMPHI_FACT_NETWORK);
    }
    amphi__policy_apply_hysteresis(routes, client->routes_count, &client->last_plan);
    amphi__mutex_unlock(&client->lock);
}

/* No other route can take over, so the dead one may be started once more; its rules still apply. */
static bool allow_restart(
    const amphi_dead_route *dead_route, amphi_policy_route *routes, size_t routes_count)
{
    for (size_t i = 0; dead_route->error.status != AMPHI_OK && i < routes_count; i++) {
        if (strcmp(routes[i].info.name, dead_route->route) == 0) {
            routes[i].info.available = true; /* nothing known speaks against it */
            return true;
        }
    }
    return false;
}

bool amphi__decide(
    amphi_client *client, const amphi_request *request, amphi_plan *out, amphi_error *error)
{
    amphi_policy_route routes[AMPHI_ROUTES_MAX];
    amphi_policy_facts facts;
    memset(&facts, 0, sizeof facts);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    amphi_dead_route dead_route;
    gather_routes(client, &policy, routes, &dead_route);
    amphi__client_facts(client, &facts.device);
    facts.mode = request->mode;
    facts.is_private = request->is_private;
    facts.needs_tools = request->needs_tools;
    facts.needs_images = request->needs_images;
    facts.needs_audio = request->needs_audio;
    facts.prompt_tokens = amphi__decide_prompt_tokens(request);
    facts.answer_tokens_max = request->tokens_max;
    facts.budgets = request->budgets;
    (void)amphi__random(&facts.draw, sizeof facts.draw);
    facts.routes = routes;
    facts.routes_count = client->routes_count;
    amphi__policy_decide(out, &policy, &facts);
    dead_route.restart =
        out->steps_count == 0 && allow_restart(&dead_route, routes, client->routes_count);
    if (dead_route.restart)
        amphi__policy_decide(out, &policy, &facts);
    out->dead_route = dead_route;
    amphi_preference preference;
    (void)amphi__preference_read(/* a name that is gone since: the others count */
        &preference, request->body, routes, client->routes_count, NULL);
    amphi__mutex_lock(&client->lock);
    client->last_plan = *out; /* as the policy sees it, whoever this request asks for */
    client->retry_tenths += client->retry_tenths < BUDGET_TENTHS_MAX;
    client->hedge_tenths += client->hedge_tenths < BUDGET_TENTHS_MAX;
    amphi__mutex_unlock(&client->lock);
    amphi__preference_apply(out, &preference, routes, policy.hedge_ms);
    if (out->steps_count > 0)
        return true;
    if (error != NULL)
        *error = out->refusal;
    return false;
}

void amphi__decide_apply_options(const amphi_client *client, amphi_request *request)
{
    if (request->mode == AMPHI_MODE_DEFAULT)
        request->mode = client->mode;
    request->is_private |= client->is_private;
    request->no_cache |= client->no_cache;
    request->no_queue |= client->no_queue;
}

amphi_status amphi__decide_check(
    amphi_client *client, const amphi_request *request, amphi_error *error)
{
    amphi_preference preference;
    if (amphi__json_get(request->body, "fallbacks") == NULL)
        return AMPHI_OK; /* a model that nobody knows is passed on */
    amphi_policy_route routes[AMPHI_ROUTES_MAX];
    memset(routes, 0, sizeof routes);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    for (size_t i = 0; i < client->routes_count; i++)
        (void)amphi__crash_ledger_describe(
            client, &client->routes[i], &policy, &routes[i].info, &routes[i].crash);
    return amphi__preference_read(&preference, request->body, routes, client->routes_count, error);
}

/* What an attempt's end says about the route, rather than about the request or this device. */
static amphi_breaker_result breaker_result_of(amphi_status status)
{
    switch (status) {
    case AMPHI_OK:
    case AMPHI_E_REQUEST:
    case AMPHI_E_CONTEXT_LENGTH:
    case AMPHI_E_CONTENT_FILTER:
    case AMPHI_E_UNSUPPORTED:
        return AMPHI_BREAKER_SUCCESS;
    case AMPHI_E_TIMEOUT:
    case AMPHI_E_OFFLINE:
    case AMPHI_E_NETWORK:
    case AMPHI_E_TLS:
    case AMPHI_E_PROTOCOL:
    case AMPHI_E_TRUNCATED:
    case AMPHI_E_PROVIDER:
    case AMPHI_E_AUTH:
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_ENGINE_DIED:
    case AMPHI_E_ENGINE_STALLED:
    case AMPHI_E_LIMIT: /* an answer without end */
        return AMPHI_BREAKER_FAILURE;
    default:
        return AMPHI_BREAKER_IGNORED;
    }
}

amphi_breaker_pass amphi__decide_enter(
    amphi_client *client, const amphi_plan_step *step, amphi_error *error)
{
    amphi_route *route = &client->routes[step->route];
    amphi_engine_info info;
    amphi_breaker_facts facts;
    uint64_t now_ms = amphi__clock_ms(client->clock);
    amphi__mutex_lock(&client->lock);
    amphi_breaker_pass pass = amphi__breaker_enter(&route->breaker, &client->policy, now_ms);
    amphi__breaker_snapshot(&route->breaker, &client->policy, now_ms, &facts);
    amphi__mutex_unlock(&client->lock);
    if (pass == AMPHI_BREAKER_REFUSED && error != NULL) {
        amphi__route_describe(route, &info);
        amphi__fail(error, AMPHI_E_BUSY, 0, "%s: left alone for now, after failures", info.name);
        error->retry_after_ms = facts.left_ms;
    }
    return pass;
}

static void remember_first_token(amphi_route *route, uint32_t first_token_ms)
{
    size_t slots = sizeof route->first_tokens_ms / sizeof route->first_tokens_ms[0];
    route->first_tokens_ms[route->first_tokens_count++ % slots] = first_token_ms;
}

void amphi__decide_load(amphi_client *client, size_t index, int change)
{
    amphi_route *route = &client->routes[index];
    amphi_engine_info info = {.struct_size = sizeof info};
    if (change < 0)
        amphi__route_describe(route, &info);
    amphi__mutex_lock(&client->lock);
    if (change < 0) /* before anybody takes its death for one that no attempt tells of */
        amphi__crash_ledger_acknowledge_deaths(route, &info);
    route->load += (uint32_t)change;
    amphi__mutex_unlock(&client->lock);
}

/* Tenths, earned per request and spent ten at a time. */
static bool spend(amphi_client *client, uint32_t *tenths)
{
    amphi__mutex_lock(&client->lock);
    bool allowed = *tenths >= 10;
    if (allowed)
        *tenths -= 10;
    amphi__mutex_unlock(&client->lock);
    return allowed;
}

bool amphi__decide_may_retry(amphi_client *client)
{
    return spend(client, &client->retry_tenths);
}

bool amphi__decide_may_hedge(amphi_client *client)
{
    return spend(client, &client->hedge_tenths);
}

static int compare_ms(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

uint32_t amphi__decide_hedge_ms(amphi_client *client, const amphi_plan_step *step)
{
    const amphi_route *route = &client->routes[step->route];
    uint32_t sorted[sizeof route->first_tokens_ms / sizeof route->first_tokens_ms[0]];
    uint32_t slots = sizeof sorted / sizeof sorted[0];
    amphi__mutex_lock(&client->lock);
    uint32_t count = route->first_tokens_count < slots ? route->first_tokens_count : slots;
    memcpy(sorted, route->first_tokens_ms, count * sizeof sorted[0]);
    amphi__mutex_unlock(&client->lock);
    if (count < 8) /* too few to speak of percentiles */
        return step->hedge_ms;
    qsort(sorted, count, sizeof sorted[0], compare_ms);
    uint32_t p95_ms = sorted[(count * 95 + 99) / 100 - 1];
    return p95_ms > step->hedge_ms ? p95_ms : step->hedge_ms;
}

/* A pause that was asked for holds for the next requests too; a success ends it. Under the lock. */
static void remember_pause(
    amphi_route *route, const amphi_error *outcome, uint32_t max_ms, uint64_t now_ms)
{
    uint32_t pause_ms = outcome->retry_after_ms;
    if (outcome->status == AMPHI_OK)
        route->pause_until_ms = 0;
    else if (pause_ms > 0 &&
             (outcome->status == AMPHI_E_RATE_LIMITED || outcome->status == AMPHI_E_PROVIDER))
        route->pause_until_ms = now_ms + (pause_ms < max_ms ? pause_ms : max_ms);
}

void amphi__decide_leave(amphi_client *client, const amphi_plan_step *step, amphi_breaker_pass pass,
    const amphi_error *outcome, uint32_t first_token_ms)
{
    amphi_route *route = &client->routes[step->route];
    uint64_t now_ms = amphi__clock_ms(client->clock);
    amphi_breaker_result result = breaker_result_of(outcome->status);
    amphi_engine_info info;
    amphi__route_describe(route, &info);
    amphi__mutex_lock(&client->lock);
    if (first_token_ms > 0)
        remember_first_token(route, first_token_ms);
    remember_pause(route, outcome, client->policy.pause_max_ms, now_ms);
    if (info.kind == AMPHI_ENGINE_LOCAL && amphi__crash_ledger_is_supported(client)) {
        amphi__crash_ledger_acknowledge_deaths(route, &info);
        result = AMPHI_BREAKER_SUCCESS; /* the ledger judges a local engine */
    }
    amphi__breaker_leave(&route->breaker, &client->policy, pass, result, now_ms);
    amphi__mutex_unlock(&client->lock);
}

bool amphi__decide_unload(amphi_client *client)
{
    amphi_device_facts facts;
    amphi_error reason;
    bool idle = true;
    amphi__client_facts(client, &facts);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    if (!amphi__policy_should_unload(&policy, &facts, &reason))
        return false;
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_engine engine = client->routes[i].engine;
        if (engine.ops->unload != NULL)
            engine.ops->unload(engine.self, false);
        amphi__mutex_lock(&client->lock);
        idle = idle && client->routes[i].load == 0;
        amphi__mutex_unlock(&client->lock);
    }
    if (idle)
        amphi__log(
            &client->log, AMPHI_LOG_INFO, "idle local engines hold no memory: %s", reason.message);
    return idle;
}

amphi_status amphi_route_explain(amphi_client *client, const amphi_chat_request *request,
    amphi_decision *out, amphi_error *error)
{
    amphi_request own;
    amphi_plan plan;
    amphi__error_clear(error);
    if (client == NULL || request == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client, request or out is NULL");
    amphi_status status = amphi__request_from_struct(&own, request, error);
    if (status != AMPHI_OK)
        return status;
    amphi__decide_apply_options(client, &own);
    amphi__decide(client, &own, &plan, NULL);
    *out = plan.decision;
    amphi__request_clear(&own);
    return AMPHI_OK;
}

amphi_status amphi_route_explain_json(
    amphi_client *client, const amphi_chat_request *request, char **out, amphi_error *error)
{
    amphi_decision decision;
    amphi_buf json;
    if (out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out is NULL");
    *out = NULL;
    amphi_status status = amphi_route_explain(client, request, &decision, error);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_init(&json, 0);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &json);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "mode", amphi_str_from(amphi_mode_name(request->mode)));
    amphi__json_put_bool(&writer, "private", request->is_private);
    amphi__record_decision(&writer, "routes", &decision);
    amphi__json_close(&writer, '}');
    *out = amphi__buf_take(&json);
    return *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}
