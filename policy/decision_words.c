/* SPDX-License-Identifier: Apache-2.0
 *
 * A decision in words: for each route why it stands where it does, or why it was left out, and
 * with what figures; and why there is no plan. Made from the same case as the plan (decide.c), so
 * that it can't say anything else.
 */
#include "policy/decide_case.h"
#include "policy/route_cost.h"
#include "policy/route_score.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

static bool is_local(const amphi_judgement *j)
{
    return j->route->info.kind == AMPHI_ENGINE_LOCAL;
}

static bool is_on_device(const amphi_judgement *j)
{
    return amphi__policy_is_on_device(&j->route->info);
}

static bool is_metered_now(const amphi_device_facts *device)
{
    return (device->known & AMPHI_FACT_NETWORK) != 0 && device->network == AMPHI_NETWORK_METERED;
}

static const char *network_words(const amphi_case *c, const amphi_device_facts *device)
{
    if (c->network_reason == AMPHI_REASON_NETWORK_METERED)
        return is_metered_now(device) ? "network metered" : "network metered just now";
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

/* auto's cloud goes first for one of three things: local would serve worse, is a last resort, or
 * may not answer. Returns the reason. */
static amphi_reason say_why_cloud_is_first(
    const amphi_case *c, const char *state, amphi_decision_route *entry)
{
    const amphi_judgement *local = NULL;
    for (size_t i = 0; i < c->count; i++)
        if (is_on_device(&c->routes[i]) && (local == NULL || c->routes[i].verdict < local->verdict))
            local = &c->routes[i];
    if (local == NULL) {
        amphi__sentence_add(
            entry->why, sizeof entry->why, "auto: cloud, as no model is on this device; %s", state);
        return AMPHI_REASON_OK;
    }
    if (local->verdict == AMPHI_VERDICT_KEEP && c->is_weighed) {
        amphi__sentence_add(entry->why, sizeof entry->why,
            "auto: cloud first by the policy's weights, %.2f for it and %.2f for %s; %s",
            amphi__score(&c->routes[c->order[0]]), amphi__score(local), local->route->info.name,
            state);
        return AMPHI_REASON_OK;
    }
    if (local->verdict == AMPHI_VERDICT_KEEP) {
        amphi__sentence_add(entry->why, sizeof entry->why,
            "auto: cloud first, as local is held back by %s; %s",
            c->local_reason == AMPHI_REASON_THERMAL      ? "heat"
            : c->local_reason == AMPHI_REASON_QUARANTINE ? "crashes"
                                                         : "memory",
            state);
        return c->local_reason;
    }
    if (c->without_chat_model)
        amphi__sentence_add(entry->why, sizeof entry->why,
            "auto: cloud, as no chat model is on this device; %s", state);
    else
        amphi__sentence_add(entry->why, sizeof entry->why, "auto: cloud, as %s %s (%s); %s",
            local->route->info.name,
            local->verdict == AMPHI_VERDICT_SOFT ? "is a last resort" : "may not answer",
            amphi_reason_name(local->reason), state);
    return local->reason;
}

/* Why the i-th kept route stands where it does. */
static void explain_kept(const amphi_case *c, size_t i, amphi_decision_route *entry)
{
    const amphi_judgement *j = &c->routes[c->order[i]];
    unsigned place = amphi__decide_rank(c, c->order[i]);
    bool is_auto = c->mode == AMPHI_MODE_AUTO;
    const char *mode = amphi_mode_name(c->mode);
    const char *kind = is_on_device(j) ? "local" : "cloud";
    const char *state = state_words(c, j);
    entry->why[0] = '\0';
    entry->reason = is_auto ? AMPHI_REASON_OK : AMPHI_REASON_MODE;
    if (place == 2) {
        entry->reason = j->reason;
        amphi__sentence_add(entry->why, sizeof entry->why, "kept as last resort: %s", j->why);
        say_omitted(j->facts->omitted_turns, entry);
        return;
    }
    if (i == 0 && is_auto && !is_on_device(j)) {
        entry->reason = say_why_cloud_is_first(c, state, entry);
    } else if (place == 0) {
        amphi__sentence_add(entry->why, sizeof entry->why, "%s: %s first, %s", mode, kind, state);
    } else if (i == 0 || amphi__decide_rank(c, c->order[0]) == 1) {
        amphi__sentence_add(entry->why, sizeof entry->why, "%s: %s, as no %s route may answer; %s",
            mode, kind, is_on_device(j) ? "cloud" : "local", state);
    } else {
        amphi__sentence_add(entry->why, sizeof entry->why, "%s: %s when %s fails, %s", mode, kind,
            is_on_device(j) ? "the cloud" : "local", state);
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
    entry->turned_down = j->verdict != AMPHI_VERDICT_HARD ? j->turned_down : 0;
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

static void explain_all_kept(const amphi_case *c, amphi_plan *out)
{
    for (size_t i = 0; i < c->kept; i++) {
        amphi_decision_entry *entry = add_entry(out, &c->routes[c->order[i]]);
        entry->route.kept = true;
        explain_kept(c, i, &entry->route);
        if (entry->route.reason != AMPHI_REASON_OK)
            entry->reasons |= (uint64_t)1 << entry->route.reason;
    }
}

static void explain_refused(const amphi_case *c, amphi_plan *out)
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

static void explain_refusal(const amphi_case *c, amphi_plan *out, const amphi_policy_facts *facts)
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
}

void amphi__policy_explain(
    amphi_plan *out, const amphi_policy *policy, const amphi_policy_facts *facts)
{
    amphi_case c;
    c.speaks = true;
    memset(out, 0, sizeof *out);
    amphi_decision_init(&out->decision);
    amphi__decide_case(&c, out, policy, facts);
    explain_all_kept(&c, out);
    explain_refused(&c, out);
    write_totals(out, policy, facts);
    amphi__decision_settle(&out->decision);
    if (c.kept == 0)
        explain_refusal(&c, out, facts);
}
