/* SPDX-License-Identifier: Apache-2.0
 *
 * Several rules may speak against a route at once: a battery that is low and a budget that is used
 * up. One of them decides; all of them are written down. Words cost more than the whole decision,
 * so they are made only where they are asked for (amphi__policy_explain).
 */
#include "policy/route_rules.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

/* Behind the reason that decided: "battery_low: battery 8 % is ...; cost: ...". */
static void say_also(amphi_judgement *j, amphi_reason reason, const char *words)
{
    amphi__sentence_add(j->also, sizeof j->also, "%s%s: %s", j->also[0] != '\0' ? "; " : "",
        amphi_reason_name(reason), words);
}

void amphi__rule_speak_list(amphi_judgement *j, amphi_verdict verdict, amphi_reason reason,
    const char *format, va_list arguments)
{
    bool decides = verdict > j->verdict;
    j->reasons |= (uint64_t)1 << reason;
    if (j->speaks) {
        char words[sizeof j->why] = "";
        amphi__sentence_add_list(words, sizeof words, format, arguments);
        if (!decides)
            say_also(j, reason, words);
        else if (j->verdict != AMPHI_VERDICT_KEEP)
            say_also(j, j->reason, j->why);
        if (decides)
            amphi__str_copy_to(j->why, sizeof j->why, amphi_str_from(words));
    }
    if (decides) {
        j->reason = reason;
        j->verdict = verdict;
    }
}

amphi_verdict amphi__rule_speak(
    amphi_judgement *j, amphi_verdict verdict, amphi_reason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    amphi__rule_speak_list(j, verdict, reason, format, arguments);
    va_end(arguments);
    return verdict;
}

void amphi__rule_note(amphi_judgement *j, const char *format, ...)
{
    if (!j->speaks)
        return;
    char words[sizeof j->notes] = "";
    va_list arguments;
    va_start(arguments, format);
    amphi__sentence_add_list(words, sizeof words, format, arguments);
    va_end(arguments);
    amphi__sentence_add(j->notes, sizeof j->notes, "%s%s", j->notes[0] != '\0' ? "; " : "", words);
}

bool amphi__rule_threshold(
    amphi_judgement *j, amphi_threshold which, const amphi_crossing *crossing)
{
    return amphi__threshold_judge(j->thresholds, which, crossing, &j->dwell);
}

bool amphi__rule_fact(
    amphi_judgement *j, uint32_t fact, amphi_threshold which, const amphi_crossing *crossing)
{
    if ((j->facts->device.known & fact) != 0)
        return amphi__rule_threshold(j, which, crossing);
    return amphi__threshold_judge_unknown(j->thresholds, which, &j->dwell);
}

void amphi__rule_degrade(amphi_judgement *j, amphi_reason reason)
{
    j->degraded = true;
    j->reasons |= (uint64_t)1 << reason;
    if (j->degraded_reason == AMPHI_REASON_OK)
        j->degraded_reason = reason;
}

bool amphi__rule_fewer_threads(amphi_judgement *j, uint32_t threads, const char *because)
{
    if (j->step.threads_max != 0 && j->step.threads_max <= threads)
        return false;
    j->step.threads_max = threads;
    j->turned_down |= AMPHI_TURNED_THREADS;
    amphi__rule_note(j, "%u thread%s at most: %s", threads, threads == 1 ? "" : "s", because);
    return true;
}

bool amphi__rule_slower_pace(amphi_judgement *j, float tokens_per_second, const char *because)
{
    float now = j->step.tokens_per_second_max;
    if (now > 0 && now <= tokens_per_second)
        return false;
    j->step.tokens_per_second_max = tokens_per_second;
    j->turned_down |= AMPHI_TURNED_PACE;
    amphi__rule_note(j, "%.0f tokens/s at most: %s", (double)tokens_per_second, because);
    return true;
}
