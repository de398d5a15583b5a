/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision: judge every route by the rules (route_rules.c) and put the kept ones in order;
 * decision_words.c writes down why. Pure: the same policy and facts give the same plan, bit for
 * bit, so a decision can be recorded and replayed. Nothing here uses the clock, the system or the
 * heap. policy.h states the order; the functions below follow it from top to bottom.
 */
#include "policy/decide_case.h"
#include "policy/route_cost.h"
#include "policy/route_rules.h"
#include "policy/route_score.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stddef.h>

static void choose_preferred(amphi_case *c);
static void put_in_order(amphi_case *c, const amphi_policy_facts *facts);
static void write_steps(amphi_case *c, amphi_plan *out, const amphi_policy *policy);
static void write_refusal(const amphi_case *c, amphi_plan *out, const amphi_policy *policy);

static amphi_mode mode_in_force(const amphi_policy *policy, const amphi_policy_facts *facts)
{
    amphi_mode mode = facts->mode != AMPHI_MODE_DEFAULT ? facts->mode : policy->mode;
    return mode != AMPHI_MODE_DEFAULT ? mode : AMPHI_MODE_AUTO;
}

/* past_breaker: routes whose only fault is an open breaker are kept. */
static void judge_all(amphi_case *c, const amphi_policy *policy, const amphi_policy_facts *facts,
    amphi_thresholds *thresholds, bool past_breaker)
{
    c->kept = 0;
    c->answering = 0;
    for (size_t i = 0; i < c->count; i++) {
        amphi_judgement *j = &c->routes[i];
        j->policy = policy;
        j->facts = facts;
        j->route = &facts->routes[i];
        j->mode = c->mode;
        j->may_answer = facts->only_routes == 0 || (facts->only_routes & (uint64_t)1 << i) != 0;
        j->past_breaker = past_breaker && j->may_answer;
        j->speaks = c->speaks;
        j->thresholds = &thresholds[i];
        amphi__route_rules_judge(j);
        j->step.route = (uint8_t)i;
        j->step.past_breaker = j->past_breaker;
        if (j->verdict == AMPHI_VERDICT_HARD)
            continue;
        c->order[c->kept++] = (uint8_t)i;
        c->answering += j->may_answer;
    }
}

void amphi__decide_case(
    amphi_case *c, amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts)
{
    memset(out, 0, offsetof(amphi_plan, steps));
    c->count = facts->routes_count <= AMPHI_ROUTES_MAX ? facts->routes_count : AMPHI_ROUTES_MAX;
    c->mode = mode_in_force(policy, facts);
    judge_all(c, policy, facts, out->thresholds, false);
    if (c->answering == 0)
        judge_all(c, policy, facts, out->thresholds, true);
    choose_preferred(c);
    put_in_order(c, facts);
    write_steps(c, out, policy);
    amphi__policy_set_budgets(out, policy, &facts->budgets, facts->routes);
    amphi__policy_set_handoff(out, policy, facts);
    if (c->kept == 0)
        write_refusal(c, out, policy);
}

void amphi__policy_decide(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts)
{
    amphi_case c;
    c.speaks = false;
    amphi__decide_case(&c, out, policy, facts);
}

static bool is_on_device(const amphi_judgement *j)
{
    return amphi__policy_is_on_device(&j->route->info);
}

/* What speaks against the cloud's going first, where local would rather let it. */
static amphi_reason network_reason(const amphi_case *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->routes[i].is_metered)
            return AMPHI_REASON_NETWORK_METERED;
    for (size_t i = 0; i < c->count; i++)
        if (c->routes[i].is_slow)
            return AMPHI_REASON_NETWORK_SLOW;
    return AMPHI_REASON_OK;
}

/* The weights' own answer, in place of the above. Routes with a soft rule against them are last
 * resorts, whatever they weigh. */
static void weigh(amphi_case *c)
{
    double best_local = INFINITY;
    for (size_t i = 0; i < c->kept; i++) {
        const amphi_judgement *j = &c->routes[c->order[i]];
        if (is_on_device(j) && j->verdict == AMPHI_VERDICT_KEEP)
            best_local = fmin(best_local, amphi__score(j));
    }
    c->is_weighed = true;
    c->preferred = AMPHI_ENGINE_LOCAL;
    for (size_t i = 0; i < c->kept; i++) {
        amphi_judgement *j = &c->routes[c->order[i]];
        j->is_better = !is_on_device(j) && j->verdict == AMPHI_VERDICT_KEEP &&
                       isfinite(best_local) && amphi__score_is_better(j, best_local);
        if (j->is_better)
            c->preferred = AMPHI_ENGINE_CLOUD;
    }
}

/* Which kind goes first. */
static void choose_preferred(amphi_case *c)
{
    c->is_weighed = false;
    bool local_is_fine = false;
    c->local_reason = AMPHI_REASON_OK;
    c->without_chat_model = false;
    for (size_t i = 0; i < c->count; i++)
        c->without_chat_model = c->without_chat_model || c->routes[i].reason == AMPHI_REASON_SCOPE;
    for (size_t i = 0; i < c->kept; i++) {
        const amphi_judgement *j = &c->routes[c->order[i]];
        if (is_on_device(j) && j->verdict == AMPHI_VERDICT_KEEP) {
            local_is_fine = local_is_fine || !j->degraded;
            c->local_reason = j->degraded_reason;
        }
        if (is_on_device(j) && j->route->info.scope == AMPHI_SCOPE_CHAT)
            c->without_chat_model = false;
    }
    c->local_degraded = !local_is_fine && c->local_reason != AMPHI_REASON_OK;
    c->network_reason = network_reason(c);
    switch (c->mode) {
    case AMPHI_MODE_PREFER_CLOUD:
    case AMPHI_MODE_ONLY_CLOUD:
        c->preferred = AMPHI_ENGINE_CLOUD;
        break;
    case AMPHI_MODE_PREFER_LOCAL:
    case AMPHI_MODE_ONLY_LOCAL:
        c->preferred = AMPHI_ENGINE_LOCAL;
        break;
    default:
        c->preferred = c->local_degraded && c->network_reason == AMPHI_REASON_OK
                           ? AMPHI_ENGINE_CLOUD
                           : AMPHI_ENGINE_LOCAL;
        if (c->count > 0 && amphi__score_is_wanted(c->routes[0].policy))
            weigh(c);
        break;
    }
}

/* splitmix64: a well-mixed number from a counter. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint32_t weight_of(const amphi_policy_route *route)
{
    return route->info.weight != 0 ? route->info.weight : 1;
}

/* Sorting by -ln(u) / weight draws without replacement in the ratio of the weights (Efraimidis
 * and Spirakis, 2006). Without a random number: the heaviest first. */
static double draw_for(const amphi_policy_facts *facts, size_t route)
{
    double w = weight_of(&facts->routes[route]);
    if (facts->draw == 0)
        return -w;
    double u = ((double)(mix(facts->draw + route) >> 11) + 1) / 9007199254740993.0;
    return -log(u) / w;
}

/* 0: the preferred kind, 1: the other one, 2: last resorts. */
unsigned amphi__decide_rank(const amphi_case *c, size_t route)
{
    const amphi_judgement *j = &c->routes[route];
    if (j->verdict == AMPHI_VERDICT_SOFT)
        return 2;
    if (c->is_weighed && c->preferred == AMPHI_ENGINE_CLOUD)
        return j->is_better ? 0 : 1;
    return (c->preferred == AMPHI_ENGINE_LOCAL) == is_on_device(j) ? 0 : 1;
}

/* Among last resorts: the preferred kind, then the mildest reason. A wish is milder than a refusal
 * that was heard, and that than failures. */
static unsigned badness(const amphi_case *c, size_t route)
{
    static const uint8_t by_reason[AMPHI_REASON_COUNT] = {
        [AMPHI_REASON_SCOPE] = 0,
        [AMPHI_REASON_LATENCY] = 1,
        [AMPHI_REASON_COST] = 2,
        [AMPHI_REASON_BATTERY_LOW] = 3,
        [AMPHI_REASON_THERMAL] = 4,
        [AMPHI_REASON_MEMORY_PRESSURE] = 5,
        [AMPHI_REASON_BUSY] = 6,
        [AMPHI_REASON_BACKGROUND] = 7,
        [AMPHI_REASON_ASKED_TO_WAIT] = 8,
        [AMPHI_REASON_QUOTA] = 9,
        [AMPHI_REASON_UNAVAILABLE] = 10,
        [AMPHI_REASON_BREAKER_OPEN] = 11,
    };
    const amphi_judgement *j = &c->routes[route];
    bool is_preferred = (c->preferred == AMPHI_ENGINE_LOCAL) == is_on_device(j);
    return by_reason[j->reason] + (is_preferred ? 0 : 32u);
}

static bool goes_before(const amphi_case *c, size_t a, size_t b)
{
    unsigned rank_a = amphi__decide_rank(c, a);
    unsigned rank_b = amphi__decide_rank(c, b);
    if (rank_a != rank_b)
        return rank_a < rank_b;
    if (rank_a == 1 && c->is_weighed && c->preferred == AMPHI_ENGINE_CLOUD &&
        is_on_device(&c->routes[a]) != is_on_device(&c->routes[b]))
        return is_on_device(&c->routes[a]); /* before the clouds that are no better */
    if (rank_a == 2 && badness(c, a) != badness(c, b))
        return badness(c, a) < badness(c, b);
    uint32_t priority_a = c->routes[a].route->info.priority;
    uint32_t priority_b = c->routes[b].route->info.priority;
    if (priority_a != priority_b)
        return priority_a < priority_b;
    bool system_a = c->routes[a].route->info.kind == AMPHI_ENGINE_SYSTEM;
    bool system_b = c->routes[b].route->info.kind == AMPHI_ENGINE_SYSTEM;
    if (system_a != system_b)
        return system_a; /* it takes none of the app's memory, and costs nothing */
    uint64_t weighted_a = c->routes[a].route->load * (uint64_t)weight_of(c->routes[b].route);
    uint64_t weighted_b = c->routes[b].route->load * (uint64_t)weight_of(c->routes[a].route);
    if (weighted_a != weighted_b)
        return weighted_a < weighted_b; /* the least loaded for its weight */
    return c->draws[a] < c->draws[b];   /* equal: as listed, since the sort is stable */
}

static void put_in_order(amphi_case *c, const amphi_policy_facts *facts)
{
    for (size_t i = 0; i < c->count; i++)
        c->draws[i] = draw_for(facts, i);
    for (size_t i = 1; i < c->kept; i++) {
        uint8_t moving = c->order[i];
        size_t at = i;
        for (; at > 0 && goes_before(c, moving, c->order[at - 1]); at--)
            c->order[at] = c->order[at - 1];
        c->order[at] = moving;
    }
}

/* From the i-th kept route to the next one. A hedge sends the request twice: so from a cloud only,
 * and to none with a soft rule against it, nor to a system's model, whose quota it would use up. A
 * private request is never sent at all. */
static bool may_hedge(const amphi_case *c, size_t i)
{
    const amphi_judgement *from = &c->routes[c->order[i]];
    if (from->route->info.kind != AMPHI_ENGINE_CLOUD || from->facts->is_private || i + 1 >= c->kept)
        return false;
    const amphi_judgement *to = &c->routes[c->order[i + 1]];
    return to->verdict == AMPHI_VERDICT_KEEP && to->route->info.kind != AMPHI_ENGINE_SYSTEM;
}

static void write_steps(amphi_case *c, amphi_plan *out, const amphi_policy *policy)
{
    for (size_t i = 0; i < c->kept; i++) {
        amphi_judgement *j = &c->routes[c->order[i]];
        if (may_hedge(c, i))
            j->step.hedge_ms = policy->hedge_ms;
        if (c->answering == 1 && j->may_answer)
            j->step.past_breaker = true; /* it may open until the attempt begins */
        if (j->route->info.kind == AMPHI_ENGINE_CLOUD)
            j->step.cost_estimate = amphi__policy_step_estimate(j);
        out->steps[out->steps_count++] = j->step;
    }
}

/* Which of several refusals is reported: the one that is the most likely to pass by itself. */
typedef struct amphi_refusal_rank {
    amphi_reason reason;
    amphi_status status;
} amphi_refusal_rank;

static const amphi_refusal_rank refusal_ranks[] = {
    {AMPHI_REASON_NETWORK_NONE, AMPHI_E_OFFLINE},
    {AMPHI_REASON_NETWORK_METERED, AMPHI_E_OFFLINE},
    {AMPHI_REASON_BACKGROUND, AMPHI_E_BACKGROUND},
    {AMPHI_REASON_BREAKER_OPEN, AMPHI_E_BUSY},
    {AMPHI_REASON_QUOTA, AMPHI_E_QUOTA},
    {AMPHI_REASON_LATENCY, AMPHI_E_BUSY},
    {AMPHI_REASON_MEMORY_PRESSURE, AMPHI_E_RESOURCE},
    {AMPHI_REASON_MEMORY, AMPHI_E_RESOURCE},
    {AMPHI_REASON_THERMAL, AMPHI_E_RESOURCE},
    {AMPHI_REASON_BATTERY_LOW, AMPHI_E_RESOURCE},
    {AMPHI_REASON_COST, AMPHI_E_QUOTA},
    {AMPHI_REASON_CONTEXT_LENGTH, AMPHI_E_CONTEXT_LENGTH},
    {AMPHI_REASON_CAPABILITY, AMPHI_E_UNSUPPORTED},
};

amphi_status amphi__policy_refusal_status(amphi_reason reason)
{
    for (size_t r = 0; r < sizeof refusal_ranks / sizeof refusal_ranks[0]; r++)
        if (refusal_ranks[r].reason == reason)
            return refusal_ranks[r].status;
    return AMPHI_E_REFUSED;
}

/* A system's model that is being downloaded will be there. */
static bool is_coming(const amphi_judgement *j)
{
    return j->route->info.kind == AMPHI_ENGINE_SYSTEM && j->reason == AMPHI_REASON_UNAVAILABLE &&
           j->route->info.failure == AMPHI_E_BUSY;
}

static amphi_status refusal_status(const amphi_case *c)
{
    for (size_t r = 0; r < sizeof refusal_ranks / sizeof refusal_ranks[0]; r++) {
        for (size_t i = 0; i < c->count; i++)
            if (c->routes[i].reason == refusal_ranks[r].reason)
                return refusal_ranks[r].status;
    }
    for (size_t i = 0; i < c->count; i++)
        if (is_coming(&c->routes[i]))
            return AMPHI_E_BUSY;
    return AMPHI_E_REFUSED;
}

/* When a route that is left alone for now may be tried again. */
static uint32_t soonest_probe_ms(const amphi_case *c, const amphi_policy *policy)
{
    uint32_t soonest_ms = policy->breaker_open_ms;
    for (size_t i = 0; i < c->count; i++) {
        const amphi_breaker_facts *breaker = &c->routes[i].route->breaker;
        if (breaker->open && breaker->left_ms > 0 && breaker->left_ms < soonest_ms)
            soonest_ms = breaker->left_ms;
    }
    return soonest_ms;
}

/* When a system's model is asked again whose quota is used up; 0: unknown. */
static uint32_t soonest_quota_ms(const amphi_case *c)
{
    uint32_t soonest_ms = 0;
    for (size_t i = 0; i < c->count; i++) {
        const amphi_policy_route *route = c->routes[i].route;
        uint32_t own_ms = route->info.retry_after_ms;
        uint32_t left_ms = route->wait_ms > own_ms ? route->wait_ms : own_ms;
        if (c->routes[i].reason == AMPHI_REASON_QUOTA && left_ms > 0 &&
            (soonest_ms == 0 || left_ms < soonest_ms))
            soonest_ms = left_ms;
    }
    return soonest_ms;
}

static void write_refusal(const amphi_case *c, amphi_plan *out, const amphi_policy *policy)
{
    out->refusal.status = refusal_status(c);
    if (out->refusal.status == AMPHI_E_BUSY)
        out->refusal.retry_after_ms = soonest_probe_ms(c, policy);
    else if (out->refusal.status == AMPHI_E_QUOTA)
        out->refusal.retry_after_ms = soonest_quota_ms(c);
}
