/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt: one engine runs the request under its budgets, and its text is joined to what was
 * delivered before. Three structs keep apart what an attempt is to do (args), what came of it
 * (outcome), and what one attempt leaves for the next to write down (pending).
 */
#ifndef AMPHI_CLIENT_ATTEMPT_H
#define AMPHI_CLIENT_ATTEMPT_H

#include "sdk/client/crash_ledger.h"
#include "sdk/client/splice.h"
#include "sdk/client/stream.h"

typedef struct amphi_attempt_args {
    uint32_t number;                /* within the request, from 1; marks its events */
    const amphi_plan_step *step;    /* the route, its budgets and bounds; borrowed */
    amphi_breaker_pass pass;        /* of the route's breaker, which let it in */
    amphi_str body;                 /* for the engine; borrowed */
    amphi_reservation *reservation; /* what it is expected to cost; borrowed */
    uint64_t deadline_us;           /* of the whole request, awake time; UINT64_MAX: none */
    bool continues;                 /* hand over the delivered text as the answer's beginning */
    amphi_continuation way;         /* how */
    bool is_known;                  /* the engine is known to continue it */
    bool is_judged;           /* by its first tokens, before they are shown, as the step says */
    amphi_takeover *takeover; /* emitted once it is known whether the attempt continues or
                                 starts again, which it then says; NULL: none. Borrowed */
} amphi_attempt_args;

typedef struct amphi_attempt_outcome {
    amphi_error error;         /* status AMPHI_OK: the answer is complete */
    bool has_output;           /* text, reasoning or a tool call */
    uint32_t first_token_ms;   /* from the start to the first output; 0: none */
    bool prefix_refused;       /* the engine can't continue a beginning; try without */
    bool flags_refused;        /* with it: the refusal names vLLM's flags, not the beginning */
    amphi_splice_outcome seam; /* what the judge saw; REJECTED: ended by us; try without */
    bool seam_is_sure;         /* CONTINUED, REJECTED: it could not be otherwise */
    const char *seam_why;      /* in words; NULL: none */
    bool needed_replace;       /* ended by us: the client can't take its text back */
    bool has_provider;         /* `error` in the provider's own words is in `provider` */
    amphi_provider_error provider;
    amphi_tristate should_retry; /* what the provider says about a second try */
} amphi_attempt_outcome;

/* A failed start's last line for the crash ledger. It is written once the next engine is at work,
 * since the write may wait for the disk and the caller waits for text. All zero: nothing is
 * pending. */
typedef struct amphi_attempt_pending {
    amphi_crash_ledger_start start;
    amphi_error error;
    amphi_crash_cause cause;
} amphi_attempt_pending;

/* Behind why it was taken over: that `route` was asked to go on, but did not. */
void amphi__attempt_say_seam(amphi_takeover *takeover, const char *route, const char *why_not);

/* Writes what is pending. */
void amphi__attempt_settle(amphi_stream *stream, amphi_attempt_pending *pending);

/* Runs on the driver thread until the engine finished or failed, a budget ran out, the device's
 * state forbids it, or the caller cancelled. Delivers as it goes. Settles `pending` once its engine
 * runs, and leaves its own failure there. */
void amphi__attempt_run(amphi_stream *stream, const amphi_attempt_args *args,
    amphi_attempt_outcome *outcome, amphi_attempt_pending *pending);

#endif
