/* SPDX-License-Identifier: Apache-2.0
 *
 * What a worker's death was caused by (itself, its memory, another process), what it is called in
 * messages and counted as for the ledger of crashes, and what ends with it.
 */
#include "local/parent/oom_kills.h"
#include "local/parent/supervisor_state.h"

#include "sdk/core/error.h"

#include <errno.h>
#include <signal.h>

/* What the worker was doing, for messages. */
static const char *activity(const amphi_local *local)
{
    switch (local->state) {
    case AMPHI_LOCAL_STARTING:
        return "starting";
    case AMPHI_LOCAL_DESCRIBING:
        return "reading the model's header";
    case AMPHI_LOCAL_LOADING:
        return "loading the model";
    case AMPHI_LOCAL_RUNNING:
    case AMPHI_LOCAL_DRAINING:
        return atomic_load(&local->worker.control->phase) == AMPHI_PHASE_PREFILL
                   ? "reading the prompt"
                   : "generating";
    default:
        return "waiting";
    }
}

/* For the ledger: what caused it, and was a model being loaded or computed? A worker that died
 * while it was idle was not at fault. */
static void note_death(amphi_local *local, amphi_death_cause cause)
{
    bool early = local->state == AMPHI_LOCAL_STARTING || local->state == AMPHI_LOCAL_DESCRIBING ||
                 local->state == AMPHI_LOCAL_LOADING;
    bool late = local->state == AMPHI_LOCAL_RUNNING || local->state == AMPHI_LOCAL_DRAINING;
    amphi__mutex_lock(&local->lock);
    local->deaths.early += early && cause == AMPHI_CAUSE_ITSELF;
    local->deaths.late += late && cause == AMPHI_CAUSE_ITSELF;
    local->deaths.memory += (early || late) && cause == AMPHI_CAUSE_MEMORY;
    local->deaths.outside += (early || late) && cause == AMPHI_CAUSE_OUTSIDE;
    amphi__mutex_unlock(&local->lock);
}

/* Ends the worker, and what depended on it. */
void amphi__local_worker_failed(
    amphi_local *local, const amphi_error *error, amphi_death_cause cause)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_FAIL,
        .error = error,
        .out_of_memory = cause == AMPHI_CAUSE_MEMORY,
        .from_outside = cause == AMPHI_CAUSE_OUTSIDE};
    amphi_local_state state = local->state;
    amphi_engine_run *run = local->runs.current;
    note_death(local, cause);
    amphi__local_worker_end(local);
    if (state == AMPHI_LOCAL_STARTING || state == AMPHI_LOCAL_DESCRIBING)
        amphi__local_set_described(local, error, true, NULL);
    else
        amphi__log(&local->log, AMPHI_LOG_WARNING, "local engine: %s", error->message);
    amphi__mutex_lock(&local->lock);
    local->want_load = false; /* a prewarm is not worth a second try */
    amphi__mutex_unlock(&local->lock);
    /* A run that only just became current was not this worker's: it gets a new one, once. */
    if (run != NULL && !run->has_new_worker &&
        (state == AMPHI_LOCAL_READY || state == AMPHI_LOCAL_DRAINING ||
            state == AMPHI_LOCAL_HEADER))
        run->has_new_worker = true;
    else if (run != NULL)
        amphi__local_run_end(local, run, &event);
}

/* A report is taken as it is: code that could forge one could as well avoid the crash, and the
 * policy limits how often (crash.outside_limit). Without one, a signal that the handler would have
 * reported was the process's own (it had no handler yet, or seccomp killed it), and any other came
 * from outside, since the cage keeps the process from sending itself one (cage.c). */
static amphi_death_cause cause_of(
    const amphi_local *local, const amphi_death_report *report, int signal_number)
{
    if (signal_number == SIGKILL && amphi__oom_kills() != local->oom_kills)
        return AMPHI_CAUSE_MEMORY;
    if (report->signal > 0)
        return report->foreign ? AMPHI_CAUSE_OUTSIDE : AMPHI_CAUSE_ITSELF;
    return signal_number > 0 && !amphi__signal_is_reported(signal_number) ? AMPHI_CAUSE_OUTSIDE
                                                                          : AMPHI_CAUSE_ITSELF;
}

void amphi__local_worker_died(
    amphi_local *local, const amphi_death_report *report, const amphi_process_end *end)
{
    int signal_number = report->signal > 0 ? report->signal : end->signal;
    amphi_death_cause cause = cause_of(local, report, signal_number);
    char scratch[24];
    const char *name = amphi__signal_name(signal_number, scratch);
    amphi_error error;
    if (cause == AMPHI_CAUSE_MEMORY) {
        amphi__fail(&error, AMPHI_E_RESOURCE, ENOMEM,
            "engine process was killed for its memory (SIGKILL) while %s", activity(local));
    } else if (cause == AMPHI_CAUSE_OUTSIDE && report->sender_pid > 0) {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, signal_number,
            "engine process was killed from outside (%s from process %d) while %s", name,
            report->sender_pid, activity(local));
    } else if (cause == AMPHI_CAUSE_OUTSIDE) {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, signal_number,
            "engine process was killed from outside (%s) while %s", name, activity(local));
    } else if (signal_number > 0) {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, signal_number,
            "engine process ended by %s while %s", name, activity(local));
    } else {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, 0, "engine process ended (exit code %d) while %s",
            end->exit_code, activity(local));
    }
    amphi__local_worker_failed(local, &error, cause);
}

void amphi__local_worker_broke_rules(amphi_local *local)
{
    amphi_error error;
    amphi__fail(&error, AMPHI_E_ENGINE_DIED, 0,
        "engine process sent nonsense while %s and was ended", activity(local));
    amphi__local_worker_failed(local, &error, AMPHI_CAUSE_ITSELF);
}

void amphi__local_worker_stalled(amphi_local *local, const char *how, amphi_death_cause cause)
{
    amphi_error error;
    amphi__fail(&error, AMPHI_E_ENGINE_STALLED, 0, "engine process %s while %s and was ended", how,
        activity(local));
    amphi__local_worker_failed(local, &error, cause);
}
