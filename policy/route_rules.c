/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules that a route must pass, one small function each, in the order of the list `rules`.
 * A rule keeps the route, speaks against it (soft) or refuses it (hard), always with a reason in
 * words; on its way it may turn something down: threads, context. The first hard verdict decides,
 * else the first soft one; the rules behind it are asked all the same, so that the decision says
 * everything that holds. Pure, like everything that decide.c calls.
 */
#include "policy/route_rules.h"
#include "policy/device_rules.h"
#include "policy/memory_rules.h"
#include "policy/policy_document.h"
#include "policy/route_cost.h"
#include "policy/system_rules.h"
#include "sdk/core/str.h"

#include <stdarg.h>

typedef amphi_verdict rule_fn(amphi_judgement *judgement);

static rule_fn rule_private, rule_mode, rule_kill_switch, rule_available, rule_scope,
    rule_quarantine, rule_quota, rule_background, rule_breaker, rule_busy, rule_pause,
    rule_capability, rule_network;

static rule_fn *const rules[] = {
    rule_private, /* first: nothing may come before it */
    rule_mode,
    rule_kill_switch,
    rule_available,
    rule_scope,
    rule_quarantine,
    rule_quota,
    rule_background,
    rule_breaker,
    rule_busy,
    rule_pause,
    rule_capability,
    rule_network,
    amphi__rule_context, /* sets the context that the next but one may shorten */
    amphi__rule_pressure,
    amphi__rule_memory,
    amphi__rule_thermal,
    amphi__rule_battery,
    amphi__rule_suspension,
    amphi__rule_cost,
    amphi__rule_latency,
};

static bool is_local(const amphi_judgement *j)
{
    return j->route->info.kind == AMPHI_ENGINE_LOCAL;
}

static bool is_system(const amphi_judgement *j)
{
    return j->route->info.kind == AMPHI_ENGINE_SYSTEM;
}

static bool is_on_device(const amphi_judgement *j)
{
    return amphi__policy_is_on_device(&j->route->info);
}

static bool knows(const amphi_judgement *j, uint32_t fact)
{
    return (j->facts->device.known & fact) != 0;
}

/* The document's value stands where the request says nothing. */
static uint32_t or_else(uint32_t wish, uint32_t otherwise)
{
    return wish != 0 ? wish : otherwise;
}

static uint32_t prompt_tokens(const amphi_judgement *j)
{
    const amphi_policy_facts *facts = j->facts;
    bool estimate_counts = !is_local(j) && facts->prompt_is_counted &&
                           facts->prompt_tokens_estimate < facts->prompt_tokens;
    return estimate_counts ? facts->prompt_tokens_estimate : facts->prompt_tokens;
}

/* Budgets for first token and silence depend on the step's place in the plan: step_budgets.c. */
static void resolve_step(amphi_judgement *j)
{
    const amphi_budgets *wish = &j->facts->budgets;
    const amphi_budgets *own = is_local(j) ? &j->policy->local_budgets : &j->policy->cloud_budgets;
    amphi_plan_step *step = &j->step;
    step->budgets.connect_ms = or_else(wish->connect_ms, own->connect_ms);
    step->budgets.total_ms = or_else(wish->total_ms, j->policy->total_ms);
    step->prompt_tokens = prompt_tokens(j);
    step->answer_tokens_max = or_else(j->facts->answer_tokens_max, j->policy->answer_tokens_max);
    if (is_local(j)) {
        step->threads_max = j->policy->local_threads_max;
        step->tokens_per_second_max = j->policy->local_tokens_per_second_max;
    }
}

/* The longest answer that the context leaves room for. */
static void fit_answer(amphi_judgement *j)
{
    uint32_t context = is_local(j) ? j->step.context_tokens_max : j->route->info.context_tokens_max;
    uint32_t prompt = j->step.prompt_tokens;
    uint32_t *answer = &j->step.answer_tokens_max; /* 0: no bound, and none is sent */
    if (context <= prompt || context - prompt >= *answer)
        return;
    amphi__rule_note(j, "answer %u tokens at most, not %u: the context has no room for more",
        context - prompt, *answer);
    *answer = context - prompt;
    j->turned_down |= AMPHI_TURNED_ANSWER;
}

/* Of an engine that can't start, or may not, nothing further is known that a rule could judge. */
static bool is_known_further(const amphi_judgement *j)
{
    return j->verdict != AMPHI_VERDICT_HARD ||
           (j->reason != AMPHI_REASON_UNAVAILABLE && j->reason != AMPHI_REASON_QUARANTINE &&
               j->route->info.available);
}

void amphi__route_rules_judge(amphi_judgement *j)
{
    j->verdict = AMPHI_VERDICT_KEEP;
    j->reason = AMPHI_REASON_OK;
    j->why[0] = '\0';
    j->reasons = 0;
    j->also[0] = '\0';
    j->degraded = false;
    j->is_slow = false;
    j->is_metered = false;
    j->is_better = false;
    j->turned_down = 0;
    j->degraded_reason = AMPHI_REASON_OK;
    j->notes[0] = '\0';
    j->dwell = (amphi_dwell){.now_ms = j->facts->now_ms, .dwell_ms = j->policy->dwell_s * 1000};
    *j->thresholds = j->route->thresholds;
    memset(&j->step, 0, sizeof j->step);
    resolve_step(j);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0] && is_known_further(j); i++) {
        amphi_verdict verdict = rules[i](j);
        if (verdict > j->verdict)
            j->verdict = verdict;
    }
    j->step.last_resort = j->verdict == AMPHI_VERDICT_SOFT;
    if (j->verdict != AMPHI_VERDICT_HARD)
        fit_answer(j);
}

AMPHI_PRINTF(3, 4)
static amphi_verdict refuse(amphi_judgement *j, amphi_reason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    amphi__rule_speak_list(j, AMPHI_VERDICT_HARD, reason, format, arguments);
    va_end(arguments);
    return AMPHI_VERDICT_HARD;
}

AMPHI_PRINTF(3, 4)
static amphi_verdict warn(amphi_judgement *j, amphi_reason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    amphi__rule_speak_list(j, AMPHI_VERDICT_SOFT, reason, format, arguments);
    va_end(arguments);
    return AMPHI_VERDICT_SOFT;
}

static amphi_verdict rule_private(amphi_judgement *j)
{
    /* Anything that is not surely on this device counts as the cloud. */
    if (amphi__policy_may_have_private(j->policy, &j->route->info))
        return AMPHI_VERDICT_KEEP;
    if (j->facts->is_private)
        return refuse(j, AMPHI_REASON_PRIVATE, "private: the request never leaves this device");
    if (j->facts->history_turns > 0) {
        bool is_private = j->facts->history_privacy >= AMPHI_PRIVACY_PRIVATE;
        return refuse(j, AMPHI_REASON_PRIVATE, "the conversation holds %u %s turn%s, and %s",
            j->facts->history_turns, is_private ? "private" : "only_local",
            j->facts->history_turns == 1 ? "" : "s",
            is_private ? "private_history is \"local\"" : "only_local_history is \"as_private\"");
    }
    return AMPHI_VERDICT_KEEP;
}

static amphi_verdict rule_mode(amphi_judgement *j)
{
    bool may_stay = amphi__policy_may_have_private(j->policy, &j->route->info);
    if (j->mode == AMPHI_MODE_ONLY_LOCAL && !may_stay)
        return refuse(j, AMPHI_REASON_MODE, "mode only_local excludes the cloud%s",
            is_system(j) ? ", and the system's as well" : "");
    if (j->mode == AMPHI_MODE_ONLY_CLOUD && is_on_device(j))
        return refuse(j, AMPHI_REASON_MODE, "mode only_cloud excludes %s",
            is_local(j) ? "the local engine" : "the system's model on this device");
    return AMPHI_VERDICT_KEEP;
}

static amphi_verdict rule_kill_switch(amphi_judgement *j)
{
    if (j->route->is_off)
        return refuse(j, AMPHI_REASON_KILL_SWITCH,
            "the remote config switched this endpoint off (amphi.endpoints)");
    if (amphi__policy_is_switched_on(j->policy, &j->route->info))
        return AMPHI_VERDICT_KEEP;
    if (is_system(j) && !j->policy->system_enabled)
        return refuse(j, AMPHI_REASON_KILL_SWITCH,
            "policy switched the system's models off (system.enabled is false)");
    return refuse(j, AMPHI_REASON_KILL_SWITCH, "policy switched %s off (%s.enabled is false)",
        is_local(j) ? "the local engine" : "the cloud", is_local(j) ? "local" : "cloud");
}

static amphi_verdict rule_available(amphi_judgement *j)
{
    const amphi_engine_info *info = &j->route->info;
    if (info->available)
        return AMPHI_VERDICT_KEEP;
    char words[sizeof j->why];
    size_t size = strnlen(info->why, sizeof info->why);
    amphi__str_copy_to(words, sizeof words, amphi_str_make(info->why, size));
    return refuse(j, AMPHI_REASON_UNAVAILABLE, "%s",
        size > 0 ? words : "the engine says that it is not available");
}

/* May a model for any subject answer, as far as the request's privacy and the mode go? In which
 * state it is does not matter: its failure is the answer then. */
static bool has_chat_model(const amphi_judgement *j)
{
    for (size_t i = 0; i < j->facts->routes_count; i++) {
        amphi_judgement other = {
            .policy = j->policy, .facts = j->facts, .route = &j->facts->routes[i], .mode = j->mode};
        if (other.route->info.scope == AMPHI_SCOPE_CHAT &&
            rule_private(&other) == AMPHI_VERDICT_KEEP && rule_mode(&other) == AMPHI_VERDICT_KEEP)
            return true;
    }
    return false;
}

static amphi_verdict rule_scope(amphi_judgement *j)
{
    if (j->route->info.scope == AMPHI_SCOPE_CHAT)
        return AMPHI_VERDICT_KEEP;
    if (j->route->is_named) /* "model" puts it first; otherwise it comes behind the chat models */
        return warn(j, AMPHI_REASON_SCOPE, "a help model, asked by name");
    if (!has_chat_model(j)) {
        amphi__rule_note(j, "a help model: no other route may answer");
        return AMPHI_VERDICT_KEEP;
    }
    return refuse(j, AMPHI_REASON_SCOPE,
        "a help model, not for any subject: it answers alone, or asked by name (amphi-help)");
}

static bool is_killed_too_often(const amphi_policy *policy, const amphi_crash_facts *crash)
{
    uint32_t limit = policy->crash_outside_limit;
    return limit > 0 && crash->kills_outside >= limit;
}

bool amphi__policy_is_quarantined(const amphi_policy *policy, const amphi_crash_facts *crash)
{
    uint32_t limit = policy->crash_limit > 0 ? policy->crash_limit : 1;
    return crash->is_unreadable || crash->crashes_early >= limit || crash->crashes_plain >= limit ||
           crash->kills_memory >= limit || is_killed_too_often(policy, crash);
}

static amphi_verdict refuse_crashed(amphi_judgement *j)
{
    const amphi_crash_facts *crash = &j->route->crash;
    uint32_t limit = j->policy->crash_limit;
    uint32_t window_s = j->policy->crash_window_s;
    uint32_t left_s = crash->quiet_left_s;
    if (crash->is_unreadable) {
        return refuse(j, AMPHI_REASON_QUARANTINE,
            "the record of crashes can't be read, so no local model is trusted; run amphi doctor");
    }
    if (crash->kills_memory >= limit) {
        return refuse(j, AMPHI_REASON_QUARANTINE,
            "the local engine ran out of memory %u times within %u s; tried again in %u s",
            crash->kills_memory, window_s, left_s);
    }
    if (crash->crashes_early >= limit) {
        return refuse(j, AMPHI_REASON_QUARANTINE,
            "the local engine crashed %u times within %u s while loading this model; tried again "
            "in %u s",
            crash->crashes_early, window_s, left_s);
    }
    if (crash->crashes_plain >= limit) {
        return refuse(j, AMPHI_REASON_QUARANTINE,
            "the local engine crashed %u times within %u s, with plain kernels too; tried again in "
            "%u s",
            crash->crashes_plain, window_s, left_s);
    }
    return refuse(j, AMPHI_REASON_QUARANTINE,
        "the local engine was killed from outside %u times within %u s; tried again in %u s",
        crash->kills_outside, window_s, crash->outside_left_s);
}

static amphi_verdict rule_quarantine(amphi_judgement *j)
{
    const amphi_crash_facts *crash = &j->route->crash;
    if (!is_local(j))
        return AMPHI_VERDICT_KEEP;
    if (amphi__policy_is_quarantined(j->policy, crash))
        return refuse_crashed(j);
    if (crash->crashes > 0 && crash->crashes >= j->policy->crash_limit) {
        j->step.plain_kernels = true;
        j->turned_down |= AMPHI_TURNED_KERNELS;
        amphi__rule_fewer_threads(j, 1, "it crashed");
        amphi__rule_note(j, "plain kernels");
        amphi__rule_degrade(j, AMPHI_REASON_QUARANTINE);
    }
    if (crash->forgiven > 0)
        amphi__rule_note(j, "tried again after crashes");
    return AMPHI_VERDICT_KEEP;
}

static amphi_verdict object(amphi_judgement *j, amphi_reason reason, amphi_objection objection)
{
    if (objection.verdict == AMPHI_VERDICT_HARD)
        return refuse(j, reason, "%s", objection.why);
    return objection.why[0] != '\0' ? warn(j, reason, "%s", objection.why) : AMPHI_VERDICT_KEEP;
}

static amphi_verdict rule_quota(amphi_judgement *j)
{
    return object(j, AMPHI_REASON_QUOTA, amphi__system_rule_quota(j->route));
}

static amphi_verdict rule_background(amphi_judgement *j)
{
    return object(
        j, AMPHI_REASON_BACKGROUND, amphi__system_rule_background(j->route, &j->facts->device));
}

static amphi_verdict rule_busy(amphi_judgement *j)
{
    return object(j, AMPHI_REASON_BUSY, amphi__system_rule_busy(j->route));
}

static amphi_verdict rule_breaker(amphi_judgement *j)
{
    const amphi_breaker_facts *breaker = &j->route->breaker;
    if (breaker->open) {
        const char *last = j->route->last_failure;
        const char *sign = last[0] != '\0' ? ": " : "";
        const char *so = j->past_breaker ? "no other route is left" : "left alone for now";
        amphi_verdict verdict = j->past_breaker ? AMPHI_VERDICT_SOFT : AMPHI_VERDICT_HARD;
        return breaker->failed < breaker->of
                   ? amphi__rule_speak(j, verdict, AMPHI_REASON_BREAKER_OPEN,
                         "%u of the last %u requests failed, %s%s%s", breaker->failed, breaker->of,
                         so, sign, last)
                   : amphi__rule_speak(j, verdict, AMPHI_REASON_BREAKER_OPEN,
                         "failed %u times in a row, %s%s%s", breaker->failed, so, sign, last);
    }
    if (breaker->probe)
        amphi__rule_note(j, "tried again after failures");
    return AMPHI_VERDICT_KEEP;
}

/* Other routes go first until the pause is over; without another one, this route is used anyway. */
static amphi_verdict rule_pause(amphi_judgement *j)
{
    uint32_t wait_ms = j->route->wait_ms;
    uint32_t wait_s = wait_ms / 1000 + (wait_ms % 1000 > 0);
    amphi_reason reason = j->route->wait_reason;
    if (wait_ms == 0)
        return AMPHI_VERDICT_KEEP;
    if (reason == AMPHI_REASON_ASKED_TO_WAIT)
        return warn(j, reason, "the provider asked for a pause, %u s of it are left", wait_s);
    if (reason == AMPHI_REASON_UNAVAILABLE)
        return warn(j, reason, "the provider refused the key; others go first for %u s", wait_s);
    if (reason == AMPHI_REASON_QUOTA && j->route->info.kind == AMPHI_ENGINE_CLOUD)
        return warn(j, reason, "the account's quota is used up; others go first for %u s", wait_s);
    return AMPHI_VERDICT_KEEP;
}

static amphi_verdict rule_capability(amphi_judgement *j)
{
    const amphi_engine_info *info = &j->route->info;
    const char *lacks = NULL;
    if (j->facts->has_tool_turns && !j->facts->needs_tools && !info->tools) {
        return refuse(j, AMPHI_REASON_CAPABILITY,
            "a tool was called in this conversation, which this route would leave out");
    }
    if (j->facts->needs_tools && !info->tools)
        lacks = "tools";
    else if (j->facts->needs_images && !info->images)
        lacks = "images";
    else if (j->facts->needs_audio && !info->audio)
        lacks = "audio";
    if (lacks != NULL) {
        return refuse(j, AMPHI_REASON_CAPABILITY,
            "the request needs %s, which this route does not have", lacks);
    }
    return AMPHI_VERDICT_KEEP;
}

/* A slow or a metered network keeps auto on the device; that refuses nothing. */
static void judge_way(amphi_judgement *j)
{
    const amphi_device_facts *device = &j->facts->device;
    uint32_t slow_ms = j->policy->rtt_slow_ms;
    bool is_metered = device->network == AMPHI_NETWORK_METERED;
    const amphi_crossing metered = {.enters = is_metered, .leaves = !is_metered};
    const amphi_crossing slow = {
        .enters = device->rtt_ms > slow_ms, .leaves = device->rtt_ms <= slow_ms - slow_ms / 5};
    j->is_slow = amphi__rule_fact(j, AMPHI_FACT_LATENCY, AMPHI_THRESHOLD_NETWORK_SLOW, &slow);
    j->is_metered = amphi__rule_fact(j, AMPHI_FACT_NETWORK, AMPHI_THRESHOLD_METERED, &metered);
}

static amphi_verdict rule_network(amphi_judgement *j)
{
    if (is_on_device(j) || j->route->needs_no_network)
        return AMPHI_VERDICT_KEEP;
    judge_way(j);
    if (!knows(j, AMPHI_FACT_NETWORK))
        return AMPHI_VERDICT_KEEP;
    if (j->facts->device.network == AMPHI_NETWORK_NONE)
        return refuse(j, AMPHI_REASON_NETWORK_NONE, "no network");
    if (j->facts->device.network == AMPHI_NETWORK_METERED && !j->policy->metered_allowed) {
        return refuse(j, AMPHI_REASON_NETWORK_METERED,
            "the network is metered, and network.metered_allowed is false");
    }
    return AMPHI_VERDICT_KEEP;
}
