/* SPDX-License-Identifier: Apache-2.0
 *
 * See memory_rules.h. A context that is shorter than the document's is no loss as long as this
 * request has room in it.
 */
#include "policy/memory_rules.h"
#include "policy/memory_reserve.h"
#include "policy/route_cost.h"

/* A context shorter than this is of no use, so the memory rule refuses instead. */
#define CONTEXT_TOKENS_USEFUL 512u
/* A prompt must leave room for at least this much answer. */
#define ANSWER_TOKENS_LEAST 64u
/* What an answer without a bound is taken to need. */
#define ANSWER_TOKENS_USUAL 1024u
/* Memory that comes and goes by so much of the whole does not change what fits. */
#define ROOM_MARGIN_PERCENT 2u

static bool is_local(const amphi_judgement *j)
{
    return j->route->info.kind == AMPHI_ENGINE_LOCAL;
}

/* Prompt and the least answer, in tokens. */
static uint64_t tokens_needed(const amphi_judgement *j)
{
    uint32_t answer = j->step.answer_tokens_max;
    bool is_shorter = answer != 0 && answer < ANSWER_TOKENS_LEAST;
    return (uint64_t)j->step.prompt_tokens + (is_shorter ? answer : ANSWER_TOKENS_LEAST);
}

/* Prompt and the answer that is expected, in tokens. */
static uint64_t tokens_wanted(const amphi_judgement *j)
{
    uint32_t answer = amphi__policy_answer_tokens(j->route, j->step.answer_tokens_max);
    return (uint64_t)j->step.prompt_tokens + (answer != 0 ? answer : ANSWER_TOKENS_USUAL);
}

/* A shorter context, and whether this request feels it. */
static void shorten(amphi_judgement *j, uint32_t context, const char *because)
{
    bool is_felt = tokens_wanted(j) > context && context < j->step.context_tokens_max;
    j->step.context_tokens_max = context;
    j->turned_down |= AMPHI_TURNED_CONTEXT;
    amphi__rule_note(j, "context %u tokens: %s", context, because);
    if (is_felt)
        amphi__rule_degrade(j, AMPHI_REASON_MEMORY);
}

/* Half the context for each time that it was killed for its memory, as long as that is of use. */
static void take_less(amphi_judgement *j)
{
    uint32_t smaller = j->step.context_tokens_max;
    for (uint32_t i = 0; i < j->route->crash.kills_memory && i < 16; i++)
        if (smaller / 2 >= CONTEXT_TOKENS_USEFUL && smaller / 2 >= tokens_needed(j))
            smaller /= 2;
    if (smaller < j->step.context_tokens_max)
        shorten(j, smaller, "it ran out of memory");
}

amphi_verdict amphi__rule_context(amphi_judgement *j)
{
    uint32_t limit = j->route->info.context_tokens_max; /* 0: unknown */
    if (is_local(j)) {
        uint32_t most = j->policy->local_context_tokens_max;
        j->step.context_tokens_max = limit == 0 || limit > most ? most : limit;
        take_less(j);
        limit = j->step.context_tokens_max;
    }
    if (limit != 0 && tokens_needed(j) > limit) {
        bool exact = is_local(j) && j->facts->prompt_is_counted;
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_CONTEXT_LENGTH,
            "the prompt has %s%u tokens and the answer needs %u, this route has room for %u",
            exact ? "" : "about ", j->step.prompt_tokens,
            (unsigned)(tokens_needed(j) - j->step.prompt_tokens), limit);
    }
    return AMPHI_VERDICT_KEEP;
}

static uint64_t percent_of(uint64_t total, uint32_t percent)
{
    return total / 100 * percent + total % 100 * percent / 100;
}

static uint64_t add_or_max(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t multiply_or_max(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static unsigned long long mebibytes(uint64_t bytes)
{
    return bytes >> 20;
}

/* What must stay available does so, or the engine would be unloaded as soon as it is up. */
static amphi_verdict rule_reserve(amphi_judgement *j, uint64_t total, uint64_t available)
{
    uint64_t reserve = amphi__memory_reserve(j->policy, total, false);
    uint64_t back = amphi__memory_reserve(j->policy, total, true);
    const amphi_crossing crossing = {
        .enters = available < reserve, .leaves = available >= back, .urgent = true};
    if (!amphi__rule_threshold(j, AMPHI_THRESHOLD_MEMORY_RESERVE, &crossing))
        return AMPHI_VERDICT_KEEP;
    if (available >= back)
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_MEMORY,
            "memory was short just now; %llu MiB are left", mebibytes(available));
    return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_MEMORY,
        "%u %% of memory is in use, and %llu MiB are left, less than %llu MiB",
        (unsigned)((double)(total - available) * 100 / (double)total), mebibytes(available),
        mebibytes(available < reserve ? reserve : back));
}

/* Memory that can't be read now, and could a moment ago. */
static amphi_verdict rule_reserve_unknown(amphi_judgement *j)
{
    if (!amphi__threshold_judge_unknown(j->thresholds, AMPHI_THRESHOLD_MEMORY_RESERVE, &j->dwell))
        return AMPHI_VERDICT_KEEP;
    return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_MEMORY,
        "memory was short just now, and is not known any more");
}

static uint64_t room_unknown(const amphi_judgement *j)
{
    return j->route->info.ready ? UINT64_MAX
                                : amphi__threshold_room_unknown(j->thresholds, &j->dwell);
}

/* What the model may take: memory.max_percent of the device, and no more than leaves the reserve. A
 * model that is loaded has the second behind it. */
static uint64_t room_for(amphi_judgement *j, uint64_t total, uint64_t available)
{
    uint64_t reserve = amphi__memory_reserve(j->policy, total, false);
    uint64_t left = available > reserve ? available - reserve : 0;
    uint64_t room = percent_of(total, j->policy->memory_max_percent);
    left = amphi__threshold_room(
        j->thresholds, left, percent_of(total, ROOM_MARGIN_PERCENT), &j->dwell);
    return !j->route->info.ready && left < room ? left : room;
}

/* The admission rule: weights + KV cache + scratch in that room. A shorter context is tried before
 * refusing. */
amphi_verdict amphi__rule_memory(amphi_judgement *j)
{
    const amphi_engine_info *info = &j->route->info;
    uint64_t total = j->facts->device.memory_total_bytes;
    uint64_t available = j->facts->device.memory_available_bytes;
    bool is_known = (j->facts->device.known & AMPHI_FACT_MEMORY) != 0 && total != 0;
    if (!is_local(j))
        return AMPHI_VERDICT_KEEP;
    available = available > total ? total : available;
    uint64_t room = is_known ? room_for(j, total, available) : room_unknown(j);
    amphi_verdict reserve = is_known ? rule_reserve(j, total, available) : rule_reserve_unknown(j);
    if (reserve != AMPHI_VERDICT_KEEP)
        return AMPHI_VERDICT_HARD;
    if (room == UINT64_MAX)
        return AMPHI_VERDICT_KEEP;
    uint64_t fixed = add_or_max(info->weights_bytes, info->scratch_bytes);
    uint32_t context = j->step.context_tokens_max;
    uint64_t per_token = info->kv_bytes_per_token;
    if (add_or_max(fixed, multiply_or_max(per_token, context)) <= room)
        return AMPHI_VERDICT_KEEP;
    uint64_t least = CONTEXT_TOKENS_USEFUL < context ? CONTEXT_TOKENS_USEFUL : context;
    least = tokens_needed(j) > least ? tokens_needed(j) : least;
    /* per_token is not 0 here: else the sum above was `fixed`, and that is above room. */
    uint64_t fits = fixed < room && per_token > 0 ? (room - fixed) / per_token : 0;
    if (fits < least) {
        return amphi__rule_speak(j, AMPHI_VERDICT_HARD, AMPHI_REASON_MEMORY,
            "needs %llu MiB with a context of %llu tokens, %llu MiB of memory may be taken",
            mebibytes(add_or_max(fixed, multiply_or_max(per_token, least))),
            (unsigned long long)least, mebibytes(room));
    }
    /* Whole steps of 64, so that a megabyte more or less does not rebuild the cache each time. */
    uint64_t even = fits / 64 * 64;
    shorten(j, (uint32_t)(even >= least ? even : fits), "memory is tight");
    return AMPHI_VERDICT_KEEP;
}
