/* SPDX-License-Identifier: Apache-2.0
 *
 * An attempt under way, step by step: for attempt.c, where one runs alone, and hedge.c, where two
 * run side by side. All on the driver thread.
 *
 *     init -> set_route -> start -> wait, wait ... until `ended` -> finish
 */
#ifndef AMPHI_CLIENT_ATTEMPT_STATE_H
#define AMPHI_CLIENT_ATTEMPT_STATE_H

#include "sdk/client/answer_cost.h"
#include "sdk/client/attempt.h"
#include "sdk/client/handoff.h"

/* Where the engine's events go: the stream's mailbox, marked with the attempt's number. */
typedef struct amphi_attempt_sink {
    amphi_stream *stream;
    uint32_t attempt;
} amphi_attempt_sink;

/* An attempt under way. */
typedef struct amphi_attempt {
    amphi_stream *stream;
    const amphi_attempt_args *args;
    amphi_attempt_outcome *outcome;
    amphi_attempt_pending *pending;
    const amphi_engine *engine;
    amphi_engine_info info;
    amphi_engine_run *run; /* NULL: not started, or released */
    amphi_attempt_sink self;
    amphi_buf prefix;
    amphi_buf delivered; /* a copy: stream->text moves while it grows */
    amphi_splice splice;
    amphi_handoff handoff;      /* what is held until the judge of its first tokens has spoken */
    amphi_buf extra;            /* fields that came before the first output; empty: none */
    amphi_buf learned;          /* what the engine reported, for the store; empty: nothing */
    amphi_buf logprobs;         /* of tokens whose text is not delivered yet */
    char model[AMPHI_NAME_MAX]; /* as the engine named it */
    /* Awake time. */
    uint64_t begun_us;
    uint64_t progress_us; /* the start, or the last progress before the first token */
    uint64_t token_us;    /* of the last token; 0: none yet */
    uint64_t held_us;     /* since when text is held for the judge; 0: none is */
    uint64_t device_checked_us;
    unsigned device_epoch;
    amphi_crash_ledger_start ledger;
    bool was_short_of_memory; /* at the last check of the device */
    amphi_crash_cause cause;  /* of its failure */
    bool takeover_told;       /* the event was emitted */
    bool has_thoughts;        /* of this attempt: those of earlier ones are gone */
    bool hides_thoughts;      /* the client has those of an earlier one, and would join them */
    amphi_attempt_bill bill;
    bool was_started; /* the engine took the request */
    bool was_reached; /* its provider has begun to answer */
    bool ended;
} amphi_attempt;

/* Describes the engine; nothing runs yet. `args`, `outcome` and `pending` are borrowed until
 * finish. */
void amphi__attempt_init(amphi_attempt *a, amphi_stream *stream, const amphi_attempt_args *args,
    amphi_attempt_outcome *outcome, amphi_attempt_pending *pending);
/* The stream's events carry this attempt's route and model from here on. */
void amphi__attempt_set_route(const amphi_attempt *a);
/* Starts the engine; a failure shows as ended. */
void amphi__attempt_start(amphi_attempt *a);
/* Waits for the next event of the attempts under way (one, or two in a race), at most a slice and
 * at most until `until_us` of awake time, and handles it. */
void amphi__attempt_wait(
    amphi_stream *stream, amphi_attempt *const *attempts, size_t count, uint64_t until_us);
/* Releases the engine's run and everything that the attempt holds. */
void amphi__attempt_finish(amphi_attempt *a);
/* The rest of an attempt that runs alone, finish included. */
void amphi__attempt_run_to_end(amphi_attempt *a);

/* How often the device's state is checked while a local engine answers. */
#define AMPHI_DEVICE_CHECK_US 500000u

/* Ends the attempt from this side: `message` is the reason, behind the route's name. */
void amphi__attempt_stop(amphi_attempt *a, amphi_status status, const char *message);
/* attempt_events.c: one event of the engine (true: it is kept, and no longer the caller's); and, at
 * now_us of awake time, the end of the wait for text that was held back as long as it may be. */
bool amphi__attempt_on_event(amphi_attempt *a, amphi_queued_event *queued);
void amphi__attempt_decide_in_time(amphi_attempt *a, uint64_t now_us);
/* attempt_account.c: what it cost, and how it came, once it has ended. Never waits. */
void amphi__attempt_account(amphi_attempt *a);
/* attempt_timeouts.c: stops the attempt when a time budget has run out at now_us of awake time;
 * otherwise returns how long until the next one does, or the device is to be checked again. */
uint64_t amphi__attempt_check_timeouts(amphi_attempt *a, uint64_t now_us);

#endif
