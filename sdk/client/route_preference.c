/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan's steps and the first entries of its decision are the same routes in the same order. Both
 * are moved together, and routes that may not answer join the refused ones at the end.
 */
#include "sdk/client/route_preference.h"

#include "sdk/core/error.h"
#include "sdk/core/model_list.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <stdio.h>

amphi_status amphi__preference_check(const amphi_json *body, amphi_error *error)
{
    const amphi_json *fallbacks = amphi__json_get(body, "fallbacks");
    amphi_json_kind kind = amphi__json_kind(fallbacks);
    if (kind == AMPHI_JSON_NONE || kind == AMPHI_JSON_NULL)
        return AMPHI_OK;
    if (kind != AMPHI_JSON_ARRAY)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "fallbacks: an array of names is expected");
    size_t count = 0;
    for (const amphi_json *name = amphi__json_first(fallbacks); name != NULL;
         name = amphi__json_next(name), count++) {
        if (count == AMPHI_ROUTES_MAX)
            return amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "fallbacks: more than %d names", AMPHI_ROUTES_MAX);
        if (amphi__json_string(name).size == 0)
            return amphi__fail(
                error, AMPHI_E_ARGUMENT, 0, "fallbacks[%zu]: a route's name is expected", count);
    }
    return AMPHI_OK;
}

static uint64_t bit(size_t route)
{
    return (uint64_t)1 << route;
}

/* "amphi-help" names the model "Amphi Help". */
static bool names_model(amphi_str name, const char *model)
{
    size_t size = strlen(model);
    for (size_t i = 0; i < size && size == name.size; i++) {
        char a = name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32 : name.data[i];
        char b = model[i] >= 'A' && model[i] <= 'Z' ? model[i] + 32 : model[i];
        if ((a == ' ' ? '-' : a) != (b == ' ' ? '-' : b))
            return false;
    }
    return size == name.size;
}

/* A route's own name wins; otherwise every route that runs a model of that name is meant. */
static uint64_t find_routes(
    amphi_str name, const amphi_policy_route *routes, const char *const *models, size_t count)
{
    uint64_t running = 0;
    if (name.size == 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (amphi__str_equal_c(name, routes[i].info.name))
            return bit(i);
        if (names_model(name, routes[i].info.model) ||
            (models != NULL && amphi__model_list_has(amphi_str_from(models[i]), name)))
            running |= bit(i);
    }
    return running;
}

amphi_status amphi__preference_read(amphi_preference *out, const amphi_json *body,
    const amphi_policy_route *routes, const char *const *models, size_t routes_count,
    amphi_error *error)
{
    const amphi_json *fallbacks = amphi__json_get(body, "fallbacks");
    amphi_status status = AMPHI_OK;
    memset(out, 0, sizeof *out);
    out->first = find_routes(
        amphi__json_string(amphi__json_get(body, "model")), routes, models, routes_count);
    out->exclusive = amphi__json_kind(fallbacks) == AMPHI_JSON_ARRAY;
    for (const amphi_json *name = amphi__json_first(fallbacks);
         name != NULL && out->fallbacks_count < AMPHI_ROUTES_MAX; name = amphi__json_next(name)) {
        uint64_t found = find_routes(amphi__json_string(name), routes, models, routes_count);
        if (found == 0 && status == AMPHI_OK)
            status = amphi__fail(error, AMPHI_E_ARGUMENT, 0,
                "fallbacks[%zu]: no endpoint has this name or runs this model",
                out->fallbacks_count);
        out->fallbacks[out->fallbacks_count++] = found;
    }
    return status;
}

uint64_t amphi__preference_named(const amphi_preference *preference)
{
    uint64_t named = preference->first;
    for (size_t i = 0; i < preference->fallbacks_count; i++)
        named |= preference->fallbacks[i];
    return named;
}

/* A plan while it is reordered: the steps taken so far, out of those of the old plan. */
typedef struct sorter {
    amphi_plan was;
    amphi_plan *out;
    uint64_t taken; /* steps of `was`, as bits */
} sorter;

static void take(sorter *s, size_t step)
{
    s->taken |= bit(step);
    s->out->decision.entries[s->out->steps_count] = s->was.decision.entries[step];
    s->out->steps[s->out->steps_count++] = s->was.steps[step];
}

/* Every step of these routes, in the policy's order; at most `most` of them. */
static size_t take_routes(sorter *s, uint64_t routes, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < s->was.steps_count && count < most; i++) {
        if ((s->taken & bit(i)) == 0 && (routes & bit(s->was.steps[i].route)) != 0) {
            take(s, i);
            count++;
        }
    }
    return count;
}

static void say_first(amphi_decision_entry *first)
{
    amphi_decision_route *entry = &first->route;
    char why[sizeof entry->why] = "";
    amphi__sentence_add(why, sizeof why, "the request's model names it; %s", entry->why);
    amphi__str_copy_to(entry->why, sizeof entry->why, amphi_str_from(why));
    entry->reason = AMPHI_REASON_PREFERENCE;
    first->reasons |= (uint64_t)1 << AMPHI_REASON_PREFERENCE;
}

/* After the steps: routes that were left out here, then those that the policy had refused. */
static void put_refused(sorter *s)
{
    amphi_decision *out = &s->out->decision;
    out->entries_count = s->out->steps_count;
    for (size_t i = 0; i < s->was.decision.entries_count; i++) {
        if (i < s->was.steps_count && (s->taken & bit(i)) != 0)
            continue;
        amphi_decision_entry *entry = &out->entries[out->entries_count++];
        *entry = s->was.decision.entries[i];
        if (i < s->was.steps_count) {
            entry->route.kept = false;
            entry->route.reason = AMPHI_REASON_PREFERENCE;
            entry->reasons |= (uint64_t)1 << AMPHI_REASON_PREFERENCE;
            amphi__str_copy_to(entry->route.why, sizeof entry->route.why,
                AMPHI_STR("the request names other routes in model and fallbacks"));
        }
    }
}

/* No route that the request names may answer. The policy's reason for one of them is reported. */
static void refuse(amphi_plan *plan, uint64_t wanted, const amphi_policy_route *routes)
{
    const amphi_decision *decision = &plan->decision;
    for (size_t i = 0; i < decision->entries_count; i++) {
        const amphi_decision_route *entry = &decision->entries[i].route;
        for (size_t r = 0; r < AMPHI_ROUTES_MAX; r++) {
            if ((wanted & bit(r)) == 0 || strcmp(routes[r].info.name, entry->route) != 0)
                continue;
            amphi__fail(&plan->refusal, amphi__policy_refusal_status(entry->reason), 0,
                "none of the routes that the request names may answer; %s: %s", entry->route,
                entry->why);
            return;
        }
    }
    amphi__fail(&plan->refusal, AMPHI_E_REFUSED, 0, "the request names no route that may answer");
}

/* The order has changed, so the hedges are set again. As in the policy: only from a cloud route,
 * and only to a route that is no last resort, and not the system's. */
static void set_hedges(amphi_plan *plan, const amphi_policy_route *routes, uint32_t hedge_ms)
{
    for (size_t i = 0; i < plan->steps_count; i++) {
        bool cloud = routes[plan->steps[i].route].info.kind == AMPHI_ENGINE_CLOUD;
        bool has_next = i + 1 < plan->steps_count && !plan->steps[i + 1].last_resort &&
                        routes[plan->steps[i + 1].route].info.kind != AMPHI_ENGINE_SYSTEM;
        plan->steps[i].hedge_ms = cloud && has_next ? hedge_ms : 0;
    }
}

void amphi__preference_apply(amphi_plan *plan, const amphi_preference *preference,
    const amphi_policy_route *routes, uint32_t hedge_ms)
{
    if (plan->steps_count == 0 || (preference->first == 0 && !preference->exclusive))
        return;
    sorter s = {.was = *plan, .out = plan, .taken = 0};
    uint64_t wanted = preference->first;
    plan->steps_count = 0;
    if (preference->first != 0 && take_routes(&s, preference->first, 1) > 0)
        say_first(&plan->decision.entries[0]);
    else if (preference->first == 0)
        take(&s, 0);
    for (size_t i = 0; i < preference->fallbacks_count; i++) {
        take_routes(&s, preference->fallbacks[i], AMPHI_ROUTES_MAX);
        wanted |= preference->fallbacks[i];
    }
    if (!preference->exclusive)
        take_routes(&s, UINT64_MAX, AMPHI_ROUTES_MAX);
    put_refused(&s);
    amphi__decision_settle(&plan->decision);
    set_hedges(plan, routes, hedge_ms);
    if (plan->steps_count == 0)
        refuse(plan, wanted, routes);
}

void amphi__preference_restrict(
    amphi_plan *plan, uint64_t only, const amphi_policy_route *routes, uint32_t hedge_ms)
{
    sorter s = {.was = *plan, .out = plan, .taken = 0};
    plan->steps_count = 0;
    take_routes(&s, only, AMPHI_ROUTES_MAX);
    put_refused(&s);
    amphi__decision_settle(&plan->decision);
    set_hedges(plan, routes, hedge_ms);
    if (plan->steps_count == 0)
        refuse(plan, only, routes);
}
