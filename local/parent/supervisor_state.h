/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the supervisor thread share. Everything here runs on that thread only.
 */
#ifndef AMPHI_PARENT_SUPERVISOR_STATE_H
#define AMPHI_PARENT_SUPERVISOR_STATE_H

#include "local/parent/supervisor.h"

#define AMPHI_LOCAL_TICK_MS 50 /* how often a busy worker is checked */

/* ---- supervisor.c ---- */

/* Awake time now. */
uint64_t amphi__local_now_us(amphi_local *local);

/* ---- worker_lifecycle.c: runs ---- */

/* Delivers the last event of a run, which may be freed at any moment afterwards. */
void amphi__local_run_end(
    amphi_local *local, amphi_engine_run *run, const amphi_engine_event *terminal);
void amphi__local_run_fail(amphi_local *local, amphi_engine_run *run, const amphi_error *error);
/* To the current run, if there is one. */
void amphi__local_run_progress(amphi_local *local, uint32_t permille, const char *phase);

/* ---- worker_lifecycle.c: the worker ---- */

void amphi__local_set_state(amphi_local *local, amphi_local_state state);
void amphi__local_set_ready(amphi_local *local, bool ready);
/* Stores the result of describing the model (one of failure and model), wakes the waiting
 * threads. */
void amphi__local_set_described(amphi_local *local, const amphi_error *failure, bool passing,
    const amphi_worker_described *model);
void amphi__local_count_answer(amphi_local *local, amphi_status status, uint32_t tokens);
amphi_status amphi__local_worker_start(amphi_local *local, amphi_error *error);
/* Kills the worker, whatever it does. */
void amphi__local_worker_end(amphi_local *local);
/* Collects killed processes that have ended; returns how many have not. */
unsigned amphi__local_reap(amphi_local *local);
/* The same, and waits for them AMPHI_LOCAL_REAP_US at most. */
#define AMPHI_LOCAL_REAP_US 2000000u
unsigned amphi__local_reap_all(amphi_local *local);

/* ---- death_cause.c ---- */

/* What a death was caused by, for the ledger of crashes. */
typedef enum amphi_death_cause {
    AMPHI_CAUSE_ITSELF,  /* a crash, a stall, a malformed message */
    AMPHI_CAUSE_MEMORY,  /* the kernel killed it for its memory */
    AMPHI_CAUSE_OUTSIDE, /* another process killed it, or stopped it */
} amphi_death_cause;

/* Kills the worker, and ends the run that depended on it. */
void amphi__local_worker_failed(
    amphi_local *local, const amphi_error *error, amphi_death_cause cause);
/* report.signal 0: its handler reported nothing. */
void amphi__local_worker_died(
    amphi_local *local, const amphi_death_report *report, const amphi_process_end *end);
void amphi__local_worker_broke_rules(amphi_local *local);
void amphi__local_worker_stalled(amphi_local *local, const char *how, amphi_death_cause cause);

/* ---- worker_events.c ---- */

/* Takes up to `events_max` events; true when there may be more. */
bool amphi__local_receive(amphi_local *local, unsigned events_max);
/* Everything that was written before it died. */
void amphi__local_receive_last(amphi_local *local);

/* ---- death_detection.c ---- */

/* Does it owe us something? */
bool amphi__local_is_busy(const amphi_local *local);
void amphi__local_check_death(amphi_local *local, bool process_ended);
void amphi__local_check_stall(amphi_local *local);

#endif
