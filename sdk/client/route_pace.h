/* SPDX-License-Identifier: Apache-2.0
 *
 * How a route's answers came lately: when their first tokens, how fast the rest, how many. Of the
 * last complete answers, in memory under the client's lock, and in the store for the next process
 * ("pace", learned.h): written after an answer, now and then, and when the client is freed.
 * Numbers only, never a word.
 */
#ifndef AMPHI_CLIENT_ROUTE_PACE_H
#define AMPHI_CLIENT_ROUTE_PACE_H

#include "policy/policy.h"

#define AMPHI_PACE_ANSWERS_MAX 32

/* Of one answer; 0: not known, as the speed of one that is over in a moment. */
typedef struct amphi_answer_pace {
    uint32_t first_token_ms;
    float tokens_per_second; /* behind the first token */
    uint32_t tokens;
} amphi_answer_pace;

/* A ring. All zero: nothing is known. */
typedef struct amphi_route_pace {
    amphi_answer_pace answers[AMPHI_PACE_ANSWERS_MAX];
    uint32_t count;    /* ever; the next one goes to count % the size */
    uint32_t unsaved;  /* since it was written */
    int64_t last_ms;   /* Unix time of the last one */
    uint64_t saved_ms; /* boot time; 0: never */
} amphi_route_pace;

/* What the policy decides by: medians of what is known, 0 of fewer than three; nothing once the
 * last answer is older than learned_s, so that a route may show itself again. */
amphi_policy_pace amphi__route_pace_summary(
    const amphi_route_pace *pace, uint32_t learned_s, int64_t now_ms);
void amphi__route_pace_add(amphi_route_pace *pace, const amphi_answer_pace *answer, int64_t now_ms);

/* {"at","first_ms":[...],"tps":[...],"tokens":[...]}, the oldest first. read: false, and *out is
 * all zero, when it is none. */
bool amphi__route_pace_read(amphi_route_pace *out, amphi_str json);
amphi_status amphi__route_pace_write(const amphi_route_pace *pace, amphi_buf *out);

/* Of every route of the client that has a name of its own; may wait for the disk. save: those with
 * something new; unless at_end not more than one in a while. */
void amphi__route_pace_load_all(amphi_client *client);
void amphi__route_pace_save_all(amphi_client *client, bool at_end);

#endif
