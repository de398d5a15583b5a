/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision: judge every route by the rules (route_rules.c), put the kept ones in order, write
 * down why. Pure: the same policy and facts give the same plan, bit for bit, so a decision can be
 * recorded and replayed. Nothing here uses the clock, the system or the heap. policy.h states the
 * order; the functions below follow it from top to bottom.
 */
#include "policy/memory_reserve.h"
#include "policy/route_cost.h"
#include "policy/route_rules.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* One decision in the making; some tens of kilobytes on the caller's stack. */
typedef struct amphi_case {
    amphi_judgement routes[AMPHI_ROUTES_MAX];
    double draws[AMPHI_ROUTES_MAX];  /* smaller goes first among equals */
    uint8_t order[AMPHI_ROUTES_MAX]; /* kept routes, the first to be tried first */
    size_t count, kept;
    size_t answering; /* of the kept ones: those that may answer this request */
    amphi_mode mode;
    amphi_engine_kind preferred;
    bool local_degraded;         /* auto turned to the cloud for this, or would have */
    amphi_reason network_reason; /* ... but the network is METERED or SLOW; else OK */
    amphi_reason local_reason;
    bool without_chat_model; /* the device has a model, but for another purpose than chat */
} amphi_case;

static void choose_preferred(
    amphi_case *c, const amphi_policy *policy, const amphi_policy_facts *facts);
static void put_in_order(amphi_case *c, const amphi_policy_facts *facts);
static void write_kept(amphi_case *c, amphi_plan *out, const amphi_policy *policy);
static void write_refused(const amphi_case *c, amphi_plan *out);
static void write_totals(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts);
static void write_refusal(const amphi_case *c, amphi_plan *out, const amphi_policy *policy,
    const amphi_policy_facts *facts);

static amphi_mode mode_in_force(const amphi_policy *policy, const amphi_policy_facts *facts)
{
    amphi_mode mode = facts->mode != AMPHI_MODE_DEFAULT ? facts->mode : policy->mode;
    return mode != AMPHI_MODE_DEFAULT ? mode : AMPHI_MODE_AUTO;
}

/* past_breaker: routes whose only fault is an open breaker are kept. */
static void judge_all(
    amphi_case *c, const amphi_policy *policy, const amphi_policy_facts *facts, bool past_breaker)
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
        amphi__route_rules_judge(j);
        j->step.route = (uint8_t)i;
        j->step.past_breaker = j->past_breaker;
        if (j->verdict == AMPHI_VERDICT_HARD)
            continue;
        c->order[c->kept++] = (uint8_t)i;
        c->answering += j->may_answer;
    }
}

void amphi__policy_decide(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts)
{
    amphi_case c;
    memset(out, 0, sizeof *out);
    amphi_decision_init(&out->decision);
    c.count = facts->routes_count <= AMPHI_ROUTES_MAX ? facts->routes_count : AMPHI_ROUTES_MAX;
    c.mode = mode_in_force(policy, facts);
    judge_all(&c, policy, facts, false);
    if (c.answering == 0)
        judge_all(&c, policy, facts, true);
    choose_preferred(&c, policy, facts);
    put_in_order(&c, facts);
    write_kept(&c, out, policy);
    amphi__policy_set_budgets(out, policy, &facts->budgets, facts->routes);
    amphi__policy_set_handoff(out, policy, facts);
    write_refused(&c, out);
    write_totals(out, policy, facts);
    amphi__decision_settle(&out->decision);
    if (c.kept == 0)
        write_refusal(&c, out, policy, facts);
}

static bool is_local(const amphi_judgement *j)
{
    return j->route->info.kind == AMPHI_ENGINE_LOCAL;
}

static bool is_on_device(const amphi_judgement *j)
{
    return amphi__policy_is_on_device(&j->route->info);
}

/* Which kind goes first. */
static void choose_preferred(
    amphi_case *c, const amphi_policy *policy, const amphi_policy_facts *facts)
{
    const amphi_device_facts *device = &facts->device;
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
    c->network_reason = AMPHI_REASON_OK;
    if ((device->known & AMPHI_FACT_NETWORK) != 0 && device->network == AMPHI_NETWORK_METERED)
        c->network_reason = AMPHI_REASON_NETWORK_METERED;
    else if ((device->known & AMPHI_FACT_LATENCY) != 0 && device->rtt_ms > policy->rtt_slow_ms)
        c->network_reason = AMPHI_REASON_NETWORK_SLOW;
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
static unsigned rank(const amphi_case *c, size_t route)
{
    const amphi_judgement *j = &c->routes[route];
    if (j->verdict == AMPHI_VERDICT_SOFT)
        return 2;
    return (c->preferred == AMPHI_ENGINE_LOCAL) == is_on_device(j) ? 0 : 1;
}

static bool goes_before(const amphi_case *c, size_t a, size_t b)
{
    unsigned rank_a = rank(c, a);
    unsigned rank_b = rank(c, b);
    if (rank_a != rank_b)
        return rank_a < rank_b;
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

static const char *network_words(const amphi_case *c, const amphi_device_facts *device)
{
    if (c->network_reason == AMPHI_REASON_NETWORK_METERED)
        return "network metered";
    if (c->network_reason == AMPHI_REASON_NETWORK_SLOW)
        return "network slow";
    bool is_free =
        (device->known & AMPHI_FACT_NETWORK) != 0 && device->network == AMPHI_NETWORK_FREE;
    return is_free ? "network free" : "network unknown";
}

static const char *state_words(const amphi_case *c, const amphi_judgement *j)
{
    bool is_ready = j->route->info.ready;
    if (is_local(j))
        return is_ready ? "model loaded" : "model not loaded";
    if (is_on_device(j))
        return is_ready ? "the system's model, ready" : "the system's model, not ready yet";
    return network_words(c, &j->facts->device);
}

static void say_omitted(uint32_t turns, amphi_decision_route *entry)
{
    if (turns > 0)
        amphi__sentence_add(entry->why, sizeof entry->why, "; %u private turn%s left out", turns,
            turns == 1 ? "" : "s");
}

/* Why a kept route stands where it does. */
static void explain_kept(const amphi_case *c, size_t route, amphi_decision_route *entry)
{
    const amphi_judgement *j = &c->routes[route];
    unsigned place = rank(c, route);
    bool is_auto = c->mode == AMPHI_MODE_AUTO;
    entry->why[0] = '\0';
    if (place == 2) {
        entry->reason = j->reason;
        amphi__sentence_add(entry->why, sizeof entry->why, "kept as last resort: %s", j->why);
        say_omitted(j->facts->omitted_turns, entry);
        return;
    }
    const char *kind = is_on_device(j) ? "local" : "cloud";
    const char *state = state_words(c, j);
    entry->reason = is_auto ? AMPHI_REASON_OK : AMPHI_REASON_MODE;
    if (place == 0 && is_auto && !is_on_device(j)) {
        amphi__sentence_add(entry->why, sizeof entry->why,
            "auto: cloud first, as local is held back by %s; %s",
            c->local_reason == AMPHI_REASON_THERMAL      ? "heat"
            : c->local_reason == AMPHI_REASON_QUARANTINE ? "crashes"
                                                         : "memory",
            state);
    } else if (place == 0) {
        amphi__sentence_add(entry->why, sizeof entry->why, "%s: %s first, %s",
            amphi_mode_name(c->mode), kind, state);
    } else if (c->without_chat_model) {
        amphi__sentence_add(entry->why, sizeof entry->why,
            "%s: %s, as no chat model is on this device, %s", amphi_mode_name(c->mode), kind,
            state);
    } else {
        amphi__sentence_add(entry->why, sizeof entry->why, "%s: %s when %s fails, %s",
            amphi_mode_name(c->mode), kind, is_on_device(j) ? "the cloud" : "local", state);
        if (is_auto && is_on_device(j))
            entry->reason = j->degraded_reason;
        else if (is_auto && c->local_degraded)
            entry->reason = c->network_reason; /* it kept the cloud from going first */
    }
    if (j->notes[0] != '\0')
        amphi__sentence_add(entry->why, sizeof entry->why, "; %s", j->notes);
    say_omitted(j->facts->omitted_turns, entry);
}

static uint32_t tokens_sum(uint32_t prompt, uint32_t history)
{
    return history < UINT32_MAX - prompt ? prompt + history : UINT32_MAX;
}

/* The next entry, with what is known of its route. */
static amphi_decision_entry *add_entry(amphi_plan *out, const amphi_judgement *j)
{
    amphi_decision_entry *entry = &out->decision.entries[out->decision.entries_count++];
    const amphi_policy_route *route = j->route;
    const amphi_engine_info *info = &route->info;
    const amphi_price *price = &route->price;
    amphi__str_copy_to(entry->route.route, sizeof entry->route.route,
        amphi_str_make(info->name, strnlen(info->name, sizeof info->name)));
    amphi__str_copy_to(entry->also, sizeof entry->also, amphi_str_from(j->also));
    entry->reasons = j->reasons;
    entry->price_prompt = price->is_known ? price->prompt : AMPHI_COST_UNKNOWN;
    entry->price_cached = price->is_known ? price->cached : AMPHI_COST_UNKNOWN;
    entry->price_completion = price->is_known ? price->completion : AMPHI_COST_UNKNOWN;
    entry->estimate = amphi__policy_step_estimate(j);
    entry->prompt_tokens = tokens_sum(j->step.prompt_tokens, j->facts->history_tokens);
    entry->answer_tokens = amphi__policy_answer_tokens(route, j->step.answer_tokens_max);
    entry->first_token_ms = route->pace.first_token_ms;
    entry->tokens_per_second = route->pace.tokens_per_second;
    entry->answers = route->pace.answers;
    return entry;
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

static void write_kept(amphi_case *c, amphi_plan *out, const amphi_policy *policy)
{
    for (size_t i = 0; i < c->kept; i++) {
        amphi_judgement *j = &c->routes[c->order[i]];
        amphi_decision_entry *entry = add_entry(out, j);
        entry->route.kept = true;
        explain_kept(c, c->order[i], &entry->route);
        if (entry->route.reason != AMPHI_REASON_OK)
            entry->reasons |= (uint64_t)1 << entry->route.reason;
        if (may_hedge(c, i))
            j->step.hedge_ms = policy->hedge_ms;
        if (c->answering == 1 && j->may_answer)
            j->step.past_breaker = true; /* it may open until the attempt begins */
        if (j->route->info.kind == AMPHI_ENGINE_CLOUD)
            j->step.cost_estimate = entry->estimate;
        out->steps[out->steps_count++] = j->step;
    }
}

static void write_refused(const amphi_case *c, amphi_plan *out)
{
    for (size_t i = 0; i < c->count; i++) {
        const amphi_judgement *j = &c->routes[i];
        if (j->verdict != AMPHI_VERDICT_HARD)
            continue;
        amphi_decision_entry *entry = add_entry(out, j);
        entry->route.reason = j->reason;
        amphi__sentence_copy(entry->route.why, sizeof entry->route.why, amphi_str_from(j->why));
    }
}

static void write_totals(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts)
{
    amphi_decision *d = &out->decision;
    d->prompt_tokens = tokens_sum(facts->prompt_tokens, facts->history_tokens);
    d->tool_tokens = facts->tool_tokens;
    d->spent_today = facts->spent.microdollars;
    d->reserved_now = facts->spent.reserved;
    d->spent_unknown = facts->spent.unknown;
    d->spent_estimated = facts->spent.estimated;
    d->metered_bytes = facts->spent.metered_bytes;
    d->day_max = policy->cost_day_max;
}

void amphi__decision_settle(amphi_decision *decision)
{
    size_t count = decision->entries_count;
    count = count < AMPHI_DECISION_ROUTES_MAX ? count : AMPHI_DECISION_ROUTES_MAX;
    for (size_t i = 0; i < count; i++)
        decision->routes[i] = decision->entries[i].route;
    decision->routes_count = count;
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

/* The sentence's beginning: which routes the request allows at all. */
static const char *refusal_lead(const amphi_case *c, const amphi_policy_facts *facts, bool any)
{
    if (c->count == 0)
        return "no local engine and no endpoint is configured";
    if (facts->is_private && c->mode == AMPHI_MODE_ONLY_CLOUD)
        return "private and only_cloud exclude each other: no route may answer";
    if (facts->history_turns > 0 && c->mode == AMPHI_MODE_ONLY_CLOUD)
        return facts->history_privacy >= AMPHI_PRIVACY_PRIVATE
                   ? "only_cloud, but the conversation holds private turns: ask in another mode, "
                     "or set private_history to \"omit\" in the policy"
                   : "only_cloud, but the conversation holds only_local turns: ask in another "
                     "mode, or set private_history to \"omit\" in the policy";
    if (facts->history_turns > 0)
        return any ? "the conversation holds private turns, so only this device may answer"
                   : "the conversation holds private turns, but there is no local engine on this "
                     "device";
    if (facts->is_private) {
        return any ? "private, so only this device may answer"
                   : "private, but there is no local engine on this device";
    }
    if (c->mode == AMPHI_MODE_ONLY_LOCAL)
        return any ? "only_local" : "only_local, but there is no local engine";
    if (c->mode == AMPHI_MODE_ONLY_CLOUD)
        return any ? "only_cloud" : "only_cloud, but no endpoint is configured";
    return "no route is left";
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

static void write_refusal(const amphi_case *c, amphi_plan *out, const amphi_policy *policy,
    const amphi_policy_facts *facts)
{
    bool any = false;
    for (size_t i = 0; i < c->count; i++) {
        amphi_reason reason = c->routes[i].reason;
        any = any || (reason != AMPHI_REASON_PRIVATE && reason != AMPHI_REASON_MODE);
    }
    char *sentence = out->refusal.message;
    const size_t size = sizeof out->refusal.message;
    amphi__sentence_copy(sentence, size, amphi_str_from(refusal_lead(c, facts, any)));
    for (size_t i = 0; i < c->count && any; i++) {
        const amphi_decision_route *entry = &out->decision.entries[i].route;
        if (entry->reason != AMPHI_REASON_PRIVATE && entry->reason != AMPHI_REASON_MODE &&
            entry->reason != AMPHI_REASON_SCOPE) /* what failed are the others */
            amphi__sentence_add(sentence, size, "; %s: %s", entry->route, entry->why);
    }
    out->refusal.status = refusal_status(c);
    if (out->refusal.status == AMPHI_E_BUSY)
        out->refusal.retry_after_ms = soonest_probe_ms(c, policy);
    else if (out->refusal.status == AMPHI_E_QUOTA)
        out->refusal.retry_after_ms = soonest_quota_ms(c);
}

void amphi__policy_apply_hysteresis(
    amphi_policy_route *routes, size_t routes_count, const amphi_plan *last)
{
    const amphi_decision *decision = &last->decision;
    for (size_t i = 0; i < routes_count; i++) {
        amphi_policy_route *route = &routes[i];
        route->was_refused_battery = false;
        route->was_refused_thermal = false;
        route->was_refused_memory = false;
        for (size_t k = 0; k < decision->entries_count && k < AMPHI_ROUTES_MAX; k++) {
            const amphi_decision_route *entry = &decision->entries[k].route;
            if (strncmp(entry->route, route->info.name, AMPHI_NAME_MAX) != 0)
                continue;
            /* A route that was merely put second has the same reason, but was not held back. */
            bool refused = k >= last->steps_count || last->steps[k].last_resort;
            route->was_refused_battery = refused && entry->reason == AMPHI_REASON_BATTERY_LOW;
            route->was_refused_thermal = refused && entry->reason == AMPHI_REASON_THERMAL;
            route->was_refused_memory = refused && entry->reason == AMPHI_REASON_MEMORY;
        }
    }
}

static uint64_t used_bytes(const amphi_device_facts *device)
{
    return device->memory_available_bytes < device->memory_total_bytes
               ? device->memory_total_bytes - device->memory_available_bytes
               : 0;
}

static bool is_short(const amphi_policy *policy, const amphi_device_facts *device)
{
    uint64_t total = device->memory_total_bytes;
    return (device->known & AMPHI_FACT_MEMORY) != 0 && total != 0 &&
           device->memory_available_bytes < amphi__memory_reserve(policy, total, false);
}

static unsigned used_percent(const amphi_device_facts *device)
{
    return (unsigned)((double)used_bytes(device) * 100 / (double)device->memory_total_bytes);
}

bool amphi__policy_should_unload(
    const amphi_policy *policy, const amphi_device_facts *device, amphi_error *reason)
{
    if ((device->known & AMPHI_FACT_PRESSURE) != 0 && device->memory_pressure >= 1) {
        amphi__fail(reason, AMPHI_E_RESOURCE, 0, "memory pressure is %s",
            device->memory_pressure >= 2 ? "critical" : "moderate");
        return true;
    }
    if (is_short(policy, device)) {
        amphi__fail(reason, AMPHI_E_RESOURCE, 0,
            "%u %% of memory is in use, and %llu MiB are left, less than %llu MiB",
            used_percent(device), (unsigned long long)device->memory_available_bytes >> 20,
            (unsigned long long)amphi__memory_reserve(policy, device->memory_total_bytes, false) >>
                20);
        return true;
    }
    return false;
}

bool amphi__policy_is_short_of_memory(const amphi_policy *policy, const amphi_device_facts *device)
{
    return amphi__policy_should_unload(policy, device, NULL);
}

amphi_status amphi__policy_check_running(
    const amphi_policy *policy, const amphi_device_facts *device, amphi_error *reason)
{
    if ((device->known & AMPHI_FACT_THERMAL) != 0 && device->thermal >= AMPHI_THERMAL_CRITICAL)
        return amphi__fail(reason, AMPHI_E_RESOURCE, 0, "thermal state is critical");
    if ((device->known & AMPHI_FACT_BATTERY) != 0 && !device->charging &&
        device->battery_percent < policy->battery_critical_percent) {
        return amphi__fail(reason, AMPHI_E_RESOURCE, 0, "battery %u %% is critical, not charging",
            device->battery_percent);
    }
    if ((device->known & AMPHI_FACT_PRESSURE) != 0 && device->memory_pressure >= 2)
        return amphi__fail(reason, AMPHI_E_RESOURCE, 0, "memory pressure is critical");
    return AMPHI_OK;
}
