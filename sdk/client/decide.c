/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts in, plan out: gathers what is known of the device, of the request and of each route, hands
 * it to the policy's pure function, and applies the request's own choice of routes to the plan.
 * What happens to the routes between two decisions is kept in route_health.c.
 */
#include "sdk/client/decide.h"

#include "sdk/client/crash_ledger.h"
#include "sdk/client/decision_record.h"
#include "sdk/client/prompt_tokens.h"
#include "sdk/client/retry_budget.h"
#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/client/route_preference.h"
#include "sdk/client/stream.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"
#include "sdk/core/str.h"

/* What other processes spend shows within so long, where there is a budget. */
#define SPENT_AGE_MS 1000u

/* So often a plan is made anew for a budget of which other requests took the room meanwhile; every
 * time one of them went on. Behind that the attempt's own look at the budget decides. */
#define PLANS_MAX 64u

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

static void gather_routes(amphi_client *client, const amphi_privacy_ruling *ruling,
    amphi_policy_route *routes, amphi_dead_route *dead_route)
{
    const amphi_policy *policy = &ruling->policy;
    const amphi_rollout_endpoint *endpoints = ruling->steering.endpoints;
    memset(dead_route, 0, sizeof *dead_route);
    uint64_t now_ms = amphi__clock_boot_ms(client->clock);
    int64_t wall_ms = amphi__clock_wall_ms(client->clock);
    memset(routes, 0, client->routes_count * sizeof *routes);
    for (size_t i = 0; i < client->routes_count; i++) {
        uint32_t deaths = amphi__crash_ledger_describe(
            client, &client->routes[i], policy, &routes[i].info, &routes[i].crash);
        note_dead_route(dead_route, &routes[i].info, deaths);
    }
    amphi__mutex_lock(&client->lock);
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi__route_health_snapshot(&client->routes[i], policy, now_ms, wall_ms, &routes[i]);
        /* A server on this machine is reached without any network, pushed facts included. */
        routes[i].needs_no_network = routes[i].info.is_loopback;
        routes[i].thresholds = client->routes[i].thresholds;
        routes[i].is_off = endpoints[i].is_off;
        if (endpoints[i].weight > 0)
            routes[i].info.weight = endpoints[i].weight;
    }
    amphi__mutex_unlock(&client->lock);
}

static void set_prices(
    const amphi_client *client, const amphi_request *request, amphi_policy_route *routes)
{
    amphi_str asked = amphi__json_string(amphi__json_get(request->body, "model"));
    for (size_t i = 0; i < client->routes_count; i++)
        routes[i].price = amphi__route_price(&client->routes[i], &routes[i].info, asked);
}

/* What each route may be asked for by name. */
static void list_models(const amphi_client *client, const char *out[AMPHI_ROUTES_MAX])
{
    for (size_t i = 0; i < client->routes_count; i++)
        out[i] = client->routes[i].model;
}

/* Can any route of the plan take over, as far as its breaker says? */
static bool has_sound_step(const amphi_plan *plan, const amphi_policy_route *routes)
{
    for (size_t i = 0; i < plan->steps_count; i++)
        if (!routes[plan->steps[i].route].breaker.open)
            return true;
    return false;
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

/* Of what the request's cost depends on beside its body. None of it counts against a context: the
 * oldest turns can be left out, and a list's texts each have a context of their own. */
static uint32_t sum_tokens(uint64_t history_tokens, uint64_t input_bytes)
{
    uint64_t tokens = history_tokens + input_bytes / AMPHI_BYTES_PER_TOKEN;
    return tokens < UINT32_MAX ? (uint32_t)tokens : UINT32_MAX;
}

/* The rules' plan in the request's own order. */
static void make_plan(const amphi_policy *policy, const amphi_policy_facts *facts,
    amphi_policy_route *routes, const amphi_preference *preference, amphi_dead_route *dead_route,
    amphi_plan *out)
{
    amphi__policy_decide(out, policy, facts);
    if (!has_sound_step(out, routes) && allow_restart(dead_route, routes, facts->routes_count))
        dead_route->restart = true;
    amphi__policy_explain(out, policy, facts);
    out->dead_route = *dead_route;
    amphi__decision_finish(out, policy, facts, preference);
}

/* A real decision, unlike an explanation, changes what is remembered. */
static void remember(amphi_client *client, const amphi_plan *plan, uint64_t read_ms)
{
    amphi__mutex_lock(&client->lock);
    amphi__retry_budget_earn(&client->retry_budget);
    for (size_t i = 0; i < client->routes_count; i++) {
        amphi_route *route = &client->routes[i];
        if (read_ms < route->thresholds_ms)
            continue; /* one with newer facts was here first */
        route->thresholds = plan->thresholds[i];
        route->thresholds_ms = read_ms;
    }
    amphi__mutex_unlock(&client->lock);
}

/* false: other requests took the room that the plan's first step would have had. A last resort may
 * be beyond the budget. */
static bool reserve(amphi_client *client, const amphi_policy *policy, const amphi_plan *plan,
    amphi_reservation *reservation)
{
    const amphi_plan_step *first = &plan->steps[0];
    if (reservation == NULL || plan->steps_count == 0)
        return true;
    bool is_bound = policy->cost_over == AMPHI_OVER_REFUSE || !first->last_resort;
    return amphi__reservation_move(
        client, reservation, first->cost_estimate, is_bound ? policy->cost_day_max : 0);
}

bool amphi__decide(amphi_client *client, const amphi_request *request,
    const amphi_privacy_ruling *ruling, amphi_plan *out, amphi_reservation *reservation,
    amphi_buf *inputs, amphi_error *error)
{
    const amphi_policy *policy = &ruling->policy;
    amphi_policy_route routes[AMPHI_ROUTES_MAX];
    amphi_policy_facts facts;
    memset(&facts, 0, sizeof facts);
    amphi_dead_route dead_route;
    gather_routes(client, ruling, routes, &dead_route);
    set_prices(client, request, routes);
    if (policy->cost_day_max > 0)
        amphi__spending_refresh(client, SPENT_AGE_MS);
    facts.now_ms = amphi__clock_boot_ms(client->clock);
    amphi__client_facts(client, &facts.device);
    facts.mode = request->mode;
    facts.is_private = request->is_private;
    facts.history_turns = ruling->bound_turns;
    facts.history_privacy = ruling->bound_by;
    facts.omitted_turns = ruling->omitted_turns;
    facts.needs_tools = request->needs_tools;
    facts.has_tool_turns = request->has_tool_turns || ruling->history_has_tools;
    facts.needs_images = request->needs_images;
    facts.needs_audio = request->needs_audio;
    amphi_prompt_tokens prompt =
        amphi__prompt_tokens(client, request, routes, policy->local_context_tokens_max);
    facts.prompt_tokens = prompt.count;
    facts.prompt_is_counted = prompt.is_counted;
    facts.prompt_tokens_estimate = prompt.estimate;
    facts.tool_tokens = prompt.tools;
    facts.history_tokens = sum_tokens(ruling->history_tokens, request->input_bytes);
    facts.answer_tokens_max = request->tokens_max;
    facts.budgets = request->budgets;
    (void)amphi__random(&facts.draw, sizeof facts.draw);
    facts.only_routes = request->only_routes;
    facts.routes = routes;
    facts.routes_count = client->routes_count;
    amphi_preference preference;
    const char *models[AMPHI_ROUTES_MAX];
    list_models(client, models);
    (void)amphi__preference_read(/* an unknown name does not matter here: the others count */
        &preference, request->body, routes, models, client->routes_count, NULL);
    for (size_t i = 0; i < client->routes_count; i++)
        routes[i].is_named = (amphi__preference_named(&preference) & (uint64_t)1 << i) != 0;
    bool has_room = false;
    for (unsigned i = 0; i < PLANS_MAX && !has_room; i++) {
        amphi__spending_snapshot(client, &facts.spent);
        make_plan(policy, &facts, routes, &preference, &dead_route, out);
        memcpy(out->exposures, ruling->steering.exposures, sizeof out->exposures);
        out->exposures_count = ruling->steering.exposures_count;
        has_room = reserve(client, policy, out, reservation);
    }
    if (inputs != NULL)
        amphi__decision_record_write(client, policy, &facts, &preference, inputs);
    if (reservation != NULL)
        remember(client, out, facts.now_ms);
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
        return AMPHI_OK; /* an unknown model name is passed on */
    amphi_policy_route routes[AMPHI_ROUTES_MAX];
    memset(routes, 0, sizeof routes);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    for (size_t i = 0; i < client->routes_count; i++)
        (void)amphi__crash_ledger_describe(
            client, &client->routes[i], &policy, &routes[i].info, &routes[i].crash);
    const char *models[AMPHI_ROUTES_MAX];
    list_models(client, models);
    return amphi__preference_read(
        &preference, request->body, routes, models, client->routes_count, error);
}

/* What an explanation consists of; for amphi_route_explain and its JSON form. */
typedef struct explanation {
    amphi_mode mode; /* as the request, or the client's options, have it */
    bool is_private;
    amphi_privacy_ruling ruling;
    amphi_plan plan;
} explanation;

static amphi_status explain(
    amphi_client *client, const amphi_chat_request *request, explanation *out, amphi_error *error)
{
    amphi_request own;
    amphi_context context;
    amphi_status status = amphi__request_from_struct(&own, request, error);
    if (status != AMPHI_OK)
        return status;
    amphi__context_init(&context);
    amphi__decide_apply_options(client, &own);
    out->mode = own.mode;
    out->is_private = own.is_private;
    amphi__spending_refresh(client, 0);
    status = amphi__privacy_admit(client, &own, &out->ruling, &context, error);
    if (status == AMPHI_OK)
        (void)amphi__decide(client, &own, &out->ruling, &out->plan, NULL, NULL, NULL);
    amphi__context_clear(&context);
    amphi__request_clear(&own);
    return status;
}

amphi_status amphi_route_explain(amphi_client *client, const amphi_chat_request *request,
    amphi_decision *out, amphi_error *error)
{
    explanation e;
    amphi__error_clear(error);
    if (client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client is NULL");
    amphi_status status = AMPHI__SIZED_CHECK(amphi_decision, out, "out", error);
    if (status == AMPHI_OK)
        status = explain(client, request, &e, error);
    if (status == AMPHI_OK)
        AMPHI__SIZED_WRITE(out, &e.plan.decision);
    return status;
}

amphi_status amphi_route_explain_json(
    amphi_client *client, const amphi_chat_request *request, char **out, amphi_error *error)
{
    explanation e;
    amphi_buf json;
    amphi__error_clear(error);
    if (client == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "client or out is NULL");
    *out = NULL;
    amphi_status status = explain(client, request, &e, error);
    if (status != AMPHI_OK)
        return status;
    amphi__buf_init(&json, 0);
    amphi_json_writer writer;
    amphi__json_writer_init(&writer, &json);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "mode", amphi_str_from(amphi_mode_name(e.mode)));
    amphi__json_put_bool(&writer, "private", e.is_private);
    amphi__record_privacy(&writer, e.ruling.turn, e.ruling.omitted_turns);
    amphi__record_decision(&writer, "routes", &e.plan.decision);
    amphi__record_totals(&writer, &e.plan.decision);
    amphi__json_close(&writer, '}');
    *out = amphi__buf_take(&json);
    return *out != NULL ? AMPHI_OK : amphi__fail_no_memory(error);
}
