/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of a threshold. A fact that hovers around one (19 %, 20 %, 19 %) must not move
 * text to and fro between device and cloud. So each threshold has a side, which belongs to one fact
 * and one route: the rule that judges the fact sets and clears it, on every real decision and for
 * whatever request, and nothing else does. A side changes back
 *
 *   - when its margin is passed too (25 % after 20 %), where the fact has room for one, and
 *   - when it has been as it is for decision.dwell_s, and the fact has been clear for as long.
 *
 * Rules that protect the device (critical heat) take hold at once; the others wait the dwell there
 * as well, so they change once per dwell at most. Plain data: a decision gets it with its facts and
 * gives it back with its plan; who made a real decision keeps it (sdk/client/decide.c).
 */
#ifndef AMPHI_POLICY_THRESHOLDS_H
#define AMPHI_POLICY_THRESHOLDS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum amphi_threshold {
    AMPHI_THRESHOLD_BATTERY_CRITICAL = 0,
    AMPHI_THRESHOLD_BATTERY_LOW,
    AMPHI_THRESHOLD_THERMAL_CRITICAL,
    AMPHI_THRESHOLD_THERMAL_HELD, /* above thermal.max */
    AMPHI_THRESHOLD_THERMAL_SLOW, /* fewer threads than on a cool device */
    AMPHI_THRESHOLD_PRESSURE_CRITICAL,
    AMPHI_THRESHOLD_PRESSURE_HELD,
    AMPHI_THRESHOLD_MEMORY_RESERVE,
    AMPHI_THRESHOLD_NETWORK_SLOW,
    AMPHI_THRESHOLD_FIRST_TOKEN, /* slower than latency.first_token_ms */
    AMPHI_THRESHOLD_TOKEN_RATE,  /* slower than latency.tokens_per_second_min */
    AMPHI_THRESHOLD_FORECAST,    /* the heat of the next seconds */
    AMPHI_THRESHOLD_WEIGHED,     /* better than local by the document's weights */
    AMPHI_THRESHOLD_POWER_SAVE,  /* the battery saver is on */
    AMPHI_THRESHOLD_METERED,     /* the network is, and the policy allows it */
    AMPHI_THRESHOLD_COUNT
} amphi_threshold;

/* Of one route. All zero: nothing is remembered, so the first sample decides. */
typedef struct amphi_thresholds {
    uint32_t judged;                            /* a bit each: it has a side */
    uint32_t over;                              /* a bit each: the side */
    uint64_t changed_ms[AMPHI_THRESHOLD_COUNT]; /* when the side changed last; 0: never */
    uint64_t seen_ms[AMPHI_THRESHOLD_COUNT];    /* when the fact was last beyond its threshold */
    uint64_t room_bytes;                        /* memory that a model may take; see below */
    uint64_t room_ms;                           /* since when that holds; 0: never */
    uint64_t room_seen_ms;                      /* when memory was read last; 0: never */
} amphi_thresholds;

/* When, and how long a side stays. Times as the facts have them. */
typedef struct amphi_dwell {
    uint64_t now_ms;   /* amphi_policy_facts.now_ms */
    uint32_t dwell_ms; /* decision.dwell_s */
} amphi_dwell;

/* The fact's two tests. Between them lies the margin; both false there. */
typedef struct amphi_crossing {
    bool enters; /* beyond the threshold */
    bool leaves; /* on this side of its margin */
    bool urgent; /* protects the device: takes hold at once */
} amphi_crossing;

/* Is the fact over its threshold, as far as this route goes? Remembers it. */
bool amphi__threshold_judge(amphi_thresholds *memory, amphi_threshold which,
    const amphi_crossing *crossing, const amphi_dwell *dwell);

/* The same of a fact that is not known now: nothing speaks for its threshold any more, so that the
 * side lapses after its dwell. Without a side it has none. */
bool amphi__threshold_judge_unknown(
    amphi_thresholds *memory, amphi_threshold which, const amphi_dwell *dwell);

/* The memory that a model may take. Which context fits into it depends on the request, so here the
 * room is what has a memory: it follows at once when it differs by more than `margin` bytes, and
 * otherwise once per dwell. */
uint64_t amphi__threshold_room(
    amphi_thresholds *memory, uint64_t room, uint64_t margin, const amphi_dwell *dwell);
/* The same while memory can't be read: the last room, for a dwell; then UINT64_MAX. */
uint64_t amphi__threshold_room_unknown(const amphi_thresholds *memory, const amphi_dwell *dwell);

#endif
