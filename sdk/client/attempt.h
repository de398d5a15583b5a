/* SPDX-License-Identifier: Apache-2.0
 *
 * One attempt: one engine, its budgets, and its words joined to what was delivered before.
 */
#ifndef AMPHI_CLIENT_ATTEMPT_H
#define AMPHI_CLIENT_ATTEMPT_H

#include "sdk/client/crash_ledger.h"
#include "sdk/client/stream.h"

typedef struct amphi_attempt {
    uint32_t number; /* of this request, from 1 */
    const amphi_plan_step *step;
    amphi_str body;                      /* for the engine; borrowed */
    bool continues;                      /* give the delivered text as a beginning */
    amphi_takeover *takeover;            /* to be announced with the first sign of life; or NULL */
    uint64_t deadline_us;                /* of the whole request, monotonic */
    amphi_model_identity model_identity; /* the route, when it began */
    bool revived;                        /* an engine that died was started again: once a request */
    amphi_breaker_pass pass;             /* the route's breaker let it in */

    /* Results. */
    bool spoke;              /* it produced anything */
    uint32_t first_token_ms; /* from its start to that */
    bool prefix_refused;
    amphi_error error; /* status AMPHI_OK: the answer is whole */

    /* A failed start's last line for the ledger: written once the next engine is at work, since a
     * write may wait for the disk and somebody waits for words. */
    amphi_crash_ledger_start unsaved;
    amphi_error unsaved_error;
    amphi_crash_cause unsaved_cause;
} amphi_attempt;

/* Writes what is unsaved. */
void amphi__attempt_settle(amphi_stream *stream, amphi_attempt *attempt);

/* Runs on the driver thread until the engine finished or failed, a budget ran out, the device can't
 * bear it any more, or the caller cancelled. Delivers as it goes. */
void amphi__attempt_run(amphi_stream *stream, amphi_attempt *attempt);

/* A hedge: `first` runs alone for hedge_ms; if it has not said anything by then and the hedge budget
 * allows, `second` runs beside it, and whoever speaks first goes on alone. `takeover` (filled in here) is
 * announced when that is the second. Returns whether the second one it was. The other one
 * has left its route's breaker already, or never entered it: its pass is _REFUSED. */
bool amphi__attempt_race(amphi_stream *stream, amphi_attempt *first, amphi_attempt *second,
    uint32_t hedge_ms, amphi_takeover *takeover);

#endif
