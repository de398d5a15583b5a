/* SPDX-License-Identifier: Apache-2.0
 *
 * The confidence handoff: the first tokens of a local answer are held back until a judge has said
 * how likely the answer is right (the engine's CONFIDENCE events; local/judge has the built-in
 * judges). Too unlikely, and the next route answers instead: nothing was shown, so nothing has to
 * be taken back. The plan says whose answers are judged (policy/handoff.c). What is held is bounded
 * three times over: in tokens, in time, and in bytes, for an engine that keeps to neither. Without
 * a verdict the answer is shown: doubt has to be said.
 *
 * Pure but for the events that it keeps; the driver's thread only.
 */
#ifndef AMPHI_CLIENT_HANDOFF_H
#define AMPHI_CLIENT_HANDOFF_H

#include "sdk/client/event_queue.h"

#define AMPHI_HANDOFF_BYTES_MAX 4096u /* of events' text that is held */
#define AMPHI_JUDGE_NAME_MAX    16

/* What a judge said of an answer's first tokens. */
typedef struct amphi_confidence {
    char judge[AMPHI_JUDGE_NAME_MAX]; /* its name; empty: none spoke */
    uint32_t tokens;                  /* that it judged by */
    uint32_t right_permille;          /* how likely the answer is right */
    uint32_t right_min_permille;      /* what the policy wants */
    bool was_moved;                   /* to the next route */
} amphi_confidence;

typedef enum amphi_handoff_verdict {
    AMPHI_HANDOFF_HOLD = 0, /* wait for more tokens */
    AMPHI_HANDOFF_SHOW,
    AMPHI_HANDOFF_MOVE
} amphi_handoff_verdict;

typedef struct amphi_handoff {
    bool is_holding; /* false: not judged, or it was ruled */
    uint32_t tokens_max;
    uint64_t hold_us;
    uint64_t held_us; /* since when something is held, awake time; 0: nothing is */
    size_t bytes;     /* of text in `held` */
    bool is_final;    /* the judge says no more */
    amphi_confidence confidence;
    amphi_event_queue held; /* in their order */
} amphi_handoff;

/* tokens 0: nothing is held. */
void amphi__handoff_init(
    amphi_handoff *handoff, uint32_t tokens, uint32_t hold_ms, uint32_t right_min_permille);
void amphi__handoff_clear(amphi_handoff *handoff);

/* Would this event show something, so that it has to be held? */
bool amphi__handoff_is_output(const amphi_engine_event *event);
/* Keeps the event; it is owned from here on. */
void amphi__handoff_keep(amphi_handoff *handoff, amphi_queued_event *queued, uint64_t now_us);
/* A CONFIDENCE event. */
void amphi__handoff_note(amphi_handoff *handoff, const amphi_engine_event *event);
/* is_all: the answer is complete. */
amphi_handoff_verdict amphi__handoff_rule(
    const amphi_handoff *handoff, bool is_all, uint64_t now_us);
/* Until when it may hold, awake time; UINT64_MAX: nothing is held. */
uint64_t amphi__handoff_until_us(const amphi_handoff *handoff);

#endif
