/* SPDX-License-Identifier: Apache-2.0
 *
 * What a request would cost, and the two rules that hold a route back for it or for its pace. A day
 * is a day in UTC, so every process that shares a store means the same one, wherever it is. An
 * unknown price is not 0: while money is left such a route is kept, and says that it is not
 * counted; once the budget is used up it goes as well, since it can't be known to be free. What
 * requests under way are expected to cost is as good as spent.
 */
#include "policy/route_cost.h"

#include <stdio.h>

/* A route that was too slow is good again when it is better than the wish by this part of it. */
#define PACE_MARGIN 10

enum { DOLLARS_SIZE = 32 };

/* "$5.00", "$0.000123" */
static const char *dollars(char out[DOLLARS_SIZE], uint64_t microdollars)
{
    unsigned long long whole = microdollars / 1000000u;
    unsigned long long part = microdollars % 1000000u;
    if (part % 10000u == 0)
        snprintf(out, DOLLARS_SIZE, "$%llu.%02llu", whole, part / 10000u);
    else
        snprintf(out, DOLLARS_SIZE, "$%llu.%06llu", whole, part);
    return out;
}

uint32_t amphi__policy_answer_tokens(const amphi_policy_route *route, uint32_t answer_tokens_max)
{
    uint32_t mean = route->pace.answer_tokens;
    return mean == 0 || (answer_tokens_max != 0 && answer_tokens_max < mean) ? answer_tokens_max
                                                                             : mean;
}

uint64_t amphi__policy_estimate(
    const amphi_policy_route *route, uint32_t prompt_tokens, uint32_t answer_tokens_max)
{
    return amphi__price_cost(
        &route->price, prompt_tokens, 0, amphi__policy_answer_tokens(route, answer_tokens_max));
}

uint64_t amphi__policy_step_estimate(const amphi_judgement *j)
{
    uint32_t prompt = j->step.prompt_tokens;
    uint32_t history = j->facts->history_tokens;
    uint32_t sum = history < UINT32_MAX - prompt ? prompt + history : UINT32_MAX;
    return amphi__policy_estimate(j->route, sum, j->step.answer_tokens_max);
}

static amphi_verdict verdict_of(amphi_over over)
{
    return over == AMPHI_OVER_REFUSE ? AMPHI_VERDICT_HARD : AMPHI_VERDICT_SOFT;
}

static bool is_free(const amphi_price *price)
{
    return price->is_known && price->prompt == 0 && price->completion == 0 && price->cached == 0;
}

amphi_verdict amphi__rule_cost(amphi_judgement *j)
{
    uint64_t most = j->policy->cost_day_max;
    const amphi_policy_spent *spent = &j->facts->spent;
    amphi_verdict over = verdict_of(j->policy->cost_over);
    char budget[DOLLARS_SIZE];
    char amount[DOLLARS_SIZE];
    char left[DOLLARS_SIZE];
    if (j->route->info.kind != AMPHI_ENGINE_CLOUD || most == 0 || is_free(&j->route->price))
        return AMPHI_VERDICT_KEEP;
    if (spent->is_unreadable)
        return amphi__rule_speak(j, over, AMPHI_REASON_COST,
            "what was spent today can't be read from the store, so today's budget of %s is closed",
            dollars(budget, most));
    if (spent->microdollars >= most)
        return amphi__rule_speak(j, over, AMPHI_REASON_COST,
            "today's budget of %s is used up (%s spent); the next day begins at 0 h UTC, in %u min",
            dollars(budget, most), dollars(amount, spent->microdollars),
            spent->day_left_s / 60 + (spent->day_left_s % 60 > 0));
    if (spent->reserved >= most - spent->microdollars)
        return amphi__rule_speak(j, over, AMPHI_REASON_COST,
            "today's budget of %s is in use (%s spent, %s reserved for requests under way)",
            dollars(budget, most), dollars(amount, spent->microdollars),
            dollars(left, spent->reserved));
    uint64_t estimate = amphi__policy_step_estimate(j);
    uint64_t room = most - spent->microdollars - spent->reserved;
    if (estimate == AMPHI_COST_UNKNOWN) {
        amphi__rule_note(j, "price unknown, not counted");
        return AMPHI_VERDICT_KEEP;
    }
    if (estimate <= room)
        return AMPHI_VERDICT_KEEP;
    char reserved[DOLLARS_SIZE];
    return amphi__rule_speak(j, over, AMPHI_REASON_COST,
        "it would cost about %s, and %s of today's budget of %s are left%s%s%s",
        dollars(amount, estimate), dollars(left, room), dollars(budget, most),
        spent->reserved > 0 ? " (" : "",
        spent->reserved > 0 ? dollars(reserved, spent->reserved) : "",
        spent->reserved > 0 ? " reserved)" : "");
}

amphi_verdict amphi__rule_latency(amphi_judgement *j)
{
    const amphi_policy_pace *pace = &j->route->pace;
    uint32_t first_ms = j->policy->latency_first_token_ms;
    float per_second = j->policy->latency_tokens_per_second;
    amphi_verdict over = verdict_of(j->policy->latency_over);
    const amphi_crossing late = {.enters = first_ms != 0 && pace->first_token_ms > first_ms,
        .leaves = first_ms == 0 || pace->first_token_ms <= first_ms - first_ms / PACE_MARGIN};
    const amphi_crossing slow = {
        .enters = pace->tokens_per_second > 0 && pace->tokens_per_second < per_second,
        .leaves = pace->tokens_per_second <= 0 ||
                  pace->tokens_per_second >= per_second + per_second / PACE_MARGIN};
    bool is_late = amphi__rule_threshold(j, AMPHI_THRESHOLD_FIRST_TOKEN, &late);
    bool is_slow = amphi__rule_threshold(j, AMPHI_THRESHOLD_TOKEN_RATE, &slow);
    if (first_ms != 0 && is_late && pace->first_token_ms <= first_ms)
        return amphi__rule_speak(j, over, AMPHI_REASON_LATENCY,
            "its answers began too late just now; %u ms at the median, %u ms are wished for",
            pace->first_token_ms, first_ms);
    if (first_ms != 0 && is_late)
        return amphi__rule_speak(j, over, AMPHI_REASON_LATENCY,
            "its last %u answers began after %u ms at the median, %u ms are wished for",
            pace->answers, pace->first_token_ms, first_ms);
    if (per_second > 0 && is_slow && pace->tokens_per_second >= per_second)
        return amphi__rule_speak(j, over, AMPHI_REASON_LATENCY,
            "its answers came too slowly just now; %.1f tokens/s at the median, %.1f are wished "
            "for",
            (double)pace->tokens_per_second, (double)per_second);
    if (per_second > 0 && is_slow)
        return amphi__rule_speak(j, over, AMPHI_REASON_LATENCY,
            "its last %u answers came with %.1f tokens/s at the median, %.1f are wished for",
            pace->answers, (double)pace->tokens_per_second, (double)per_second);
    return AMPHI_VERDICT_KEEP;
}
