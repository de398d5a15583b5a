/* SPDX-License-Identifier: Apache-2.0
 *
 * The runs of one local engine: some wait, at most one is current. The same for both kinds of
 * isolation. Everything here is under the engine's lock; run->next, cancelled, evicted and ended
 * are the queue's.
 */
#ifndef AMPHI_LOCAL_RUN_QUEUE_H
#define AMPHI_LOCAL_RUN_QUEUE_H

#include "local/run.h"

#define AMPHI_LOCAL_QUEUE_MAX 64 /* waiting runs, beside the current one */

/* Zero is empty. */
typedef struct amphi_run_queue {
    amphi_engine_run *first, *last; /* waiting, the oldest first */
    amphi_engine_run *current;      /* being answered; changed by the answering thread only */
    uint32_t count;                 /* waiting, current, and taken out but not yet ended */
    uint32_t last_id;
} amphi_run_queue;

/* Gives the run its id, never 0. AMPHI_E_BUSY: too many wait. */
amphi_status amphi__run_queue_add(amphi_run_queue *queue, amphi_engine_run *run);
/* Why a run was not added (or its engine's thread not started): `status` with its message. */
amphi_status amphi__run_queue_refused(amphi_status status, amphi_error *error);
/* The current run; when there is none, the oldest waiting one becomes it. NULL: no work. */
amphi_engine_run *amphi__run_queue_next(amphi_run_queue *queue);
/* Takes the cancelled and evicted runs (all: every one) out of the waiting ones, linked by `next`.
 * The caller ends each. */
amphi_engine_run *amphi__run_queue_take_abandoned(amphi_run_queue *queue, bool all);
/* Marks every run that is there now. */
void amphi__run_queue_evict(amphi_run_queue *queue);
/* Its terminal event was delivered: release() may free it as soon as the lock is open. */
void amphi__run_queue_ended(amphi_run_queue *queue, amphi_engine_run *run);

#endif
