/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rules (route_rules.c) say about one route, for decide.c to put in order.
 */
#ifndef AMPHI_POLICY_ROUTE_RULES_H
#define AMPHI_POLICY_ROUTE_RULES_H

#include "policy/policy.h"

#include <stdarg.h>

typedef enum amphi_verdict {
    AMPHI_VERDICT_KEEP = 0,
    AMPHI_VERDICT_SOFT = 1, /* last resort */
    AMPHI_VERDICT_HARD = 2  /* refused */
} amphi_verdict;

typedef struct amphi_judgement {
    const amphi_policy *policy;
    const amphi_policy_facts *facts;
    const amphi_policy_route *route;
    amphi_mode mode;              /* never DEFAULT */
    bool may_answer;              /* the facts' only_routes */
    bool past_breaker;            /* an open breaker is no more than a soft reason */
    bool speaks;                  /* words are made: why, also, notes */
    amphi_thresholds *thresholds; /* written: what to remember of this route */

    amphi_dwell dwell;
    amphi_verdict verdict;
    amphi_reason reason; /* of the verdict; AMPHI_REASON_OK when kept */
    char why[160];       /* likewise, in words */
    uint64_t reasons;    /* every reason that holds, as bits */
    char also[136];      /* the words of the others: "cost: ...; latency: ..." */
    /* Kept, but the answer will be slower or shorter than on a fresh device, so that auto puts
     * the cloud first. */
    bool degraded;
    bool is_better;  /* a cloud: than the device, by the document's weights */
    bool is_slow;    /* what lies between the device and this cloud is */
    bool is_metered; /* likewise */
    amphi_reason degraded_reason;
    uint32_t turned_down; /* AMPHI_TURNED_... bits */
    char notes[128];      /* what was turned down, in words: "2 threads, device warm" */
    amphi_plan_step step; /* hedge_ms and route are decide.c's */
} amphi_judgement;

/* rule_words.c: a verdict against the route, never KEEP. The first of its kind decides and keeps
 * its words, a hard one goes before soft ones; the others are noted with theirs. Returns
 * `verdict`. */
AMPHI_PRINTF(4, 5)
amphi_verdict amphi__rule_speak(amphi_judgement *judgement, amphi_verdict verdict,
    amphi_reason reason, const char *format, ...);
AMPHI_PRINTF(4, 0)
void amphi__rule_speak_list(amphi_judgement *judgement, amphi_verdict verdict, amphi_reason reason,
    const char *format, va_list arguments);
/* A remark on a kept route. */
AMPHI_PRINTF(2, 3)
void amphi__rule_note(amphi_judgement *judgement, const char *format, ...);

/* Is the fact over its threshold? As policy/thresholds.h has it. */
bool amphi__rule_threshold(
    amphi_judgement *judgement, amphi_threshold which, const amphi_crossing *crossing);
/* Likewise of a fact (AMPHI_FACT_...) that may be unknown, when its crossing is not looked at: a
 * reading that comes and goes keeps its side for a dwell. */
bool amphi__rule_fact(amphi_judgement *judgement, uint32_t fact, amphi_threshold which,
    const amphi_crossing *crossing);
/* The answer will be slower or shorter than this request would have had it. */
void amphi__rule_degrade(amphi_judgement *judgement, amphi_reason reason);
/* true: it would have used more. */
bool amphi__rule_fewer_threads(amphi_judgement *judgement, uint32_t threads, const char *because);
/* Likewise no more tokens a second. */
bool amphi__rule_slower_pace(
    amphi_judgement *judgement, float tokens_per_second, const char *because);

/* Fills in everything below `thresholds` from what stands above. */
void amphi__route_rules_judge(amphi_judgement *judgement);

#endif
