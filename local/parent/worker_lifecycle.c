/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's life and what hangs on it: how a process starts and ends, how a run ends, and what
 * the one means for the other. A worker is in use (local->worker) or was killed and is being
 * collected (local->dying); the app never waits for the kernel to take a dead gigabyte apart.
 */
#include "local/parent/oom_kills.h"
#include "local/parent/supervisor_state.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

/* Remembers what became of looking at the model, and wakes whoever asked. */
void amphi__local_set_described(amphi_local *local, const amphi_error *failure, bool passing,
    const amphi_worker_described *model)
{
    amphi_local_described described = {.known = true, .passing = passing};

    described.at_us = amphi__clock_us(NULL);
    described.key = local->worker_key;
    if (failure != NULL) {
        described.status = failure->status;
        amphi__str_copy_to(described.why, sizeof described.why, amphi_str_from(failure->message));
        amphi__log(&local->log, AMPHI_LOG_WARNING, "local engine: %s", failure->message);
    } else {
        described.model = *model;
    }
    amphi__mutex_lock(&local->lock);
    local->described = described;
    local->want_describe = false;
    amphi__cond_broadcast(&local->changed);
    amphi__mutex_unlock(&local->lock);
}
/* ---- runs ---- */

/* The last event of a run. Afterwards it may be freed at any moment. */
void amphi__local_run_end(
    amphi_local *local, amphi_engine_run *run, const amphi_engine_event *terminal)
{
    run->sink.event(run->sink.self, terminal);
    amphi__mutex_lock(&local->lock);
    amphi__run_queue_ended(&local->runs, run);
    amphi__cond_broadcast(&local->changed);
    amphi__mutex_unlock(&local->lock);
}

void amphi__local_run_fail(amphi_local *local, amphi_engine_run *run, const amphi_error *error)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_FAIL,
        .error = error,
        .out_of_memory = error->status == AMPHI_E_RESOURCE && error->native_code == ENOMEM};

    amphi__local_run_end(local, run, &event);
}

void amphi__local_run_progress(amphi_local *local, uint32_t permille, const char *phase)
{
    if (local->runs.current != NULL)
        amphi__run_progress(local->runs.current, permille, phase);
}

/* ---- the worker's life ---- */

void amphi__local_set_ready(amphi_local *local, bool ready)
{
    amphi__mutex_lock(&local->lock);
    local->ready = ready;
    amphi__mutex_unlock(&local->lock);
}

void amphi__local_set_state(amphi_local *local, amphi_local_state state)
{
    local->state = state;
    local->progress_us = amphi__clock_us(NULL);
    memset(&local->silence, 0, sizeof local->silence);
}

unsigned amphi__local_reap(amphi_local *local)
{
    amphi_process_end end;
    unsigned left = 0;

    for (int i = 0; i < AMPHI_LOCAL_DYING_MAX; i++)
        left += local->dying[i].pid > 0 && !amphi__process_reap(&local->dying[i], &end);
    return left;
}

/* A tracer or a frozen control group keeps even a killed process from ending. */
unsigned amphi__local_reap_all(amphi_local *local)
{
    uint64_t until_us = amphi__clock_us(NULL) + AMPHI_LOCAL_REAP_US;
    unsigned left = amphi__local_reap(local);

    while (left > 0 && amphi__clock_us(NULL) < until_us) {
        poll(NULL, 0, 2);
        left = amphi__local_reap(local);
    }
    if (left > 0) {
        amphi__log(&local->log, AMPHI_LOG_WARNING,
            "local engine: %u killed processes do not end (traced, or frozen)", left);
    }
    return left;
}

static void bury(amphi_local *local, amphi_process process)
{
    amphi_process_end end;
    int place = 0;

    if (amphi__process_reap(&process, &end))
        return;
    while (place < AMPHI_LOCAL_DYING_MAX && local->dying[place].pid != 0)
        place++;
    if (place == AMPHI_LOCAL_DYING_MAX) { /* many deaths in no time: now we do wait */
        place = 0;
        if (amphi__local_reap_all(local) == AMPHI_LOCAL_DYING_MAX)
            amphi__process_abandon(&local->dying[0]); /* it stays a zombie until the app ends */
        while (local->dying[place].pid != 0)
            place++;
    }
    local->dying[place] = process;
}

void amphi__local_count_answer(amphi_local *local, amphi_status status, uint32_t tokens)
{
    amphi__mutex_lock(&local->lock);
    local->count.step = local->count.abandoned ? AMPHI_COUNT_FREE : AMPHI_COUNT_DONE;
    local->count.status = status;
    local->count.tokens = tokens;
    amphi__cond_broadcast(&local->changed);
    amphi__mutex_unlock(&local->lock);
    local->counting = false;
}

/* Kills the worker, whatever it does; it holds nothing worth saving. */
void amphi__local_worker_end(amphi_local *local)
{
    amphi_process process;

    if (local->state == AMPHI_LOCAL_NONE)
        return;
    amphi__process_kill(&local->worker.process);
    amphi__worker_clear(&local->worker, &process);
    bury(local, process);
    amphi__local_set_state(local, AMPHI_LOCAL_NONE);
    amphi__local_set_ready(local, false);
    if (local->counting)
        amphi__local_count_answer(local, AMPHI_E_ENGINE_DIED, 0);
}

/* What the worker was at, for people. */
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

/* For the ledger: whose doing was it, and was any kernel at work? One that died while it had nothing
 * to do was not at fault. */
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

/* The worker is of no more use: bury it, and end whatever depended on it. */
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

/* A report is believed: who could lie could as well do without the crash, and the policy bounds
 * what it is believed (crash.outside_limit). Without one, a signal that the handler would have
 * reported was the process's own (it had no handler yet, or seccomp killed it), and any other can't
 * be its own, since the cage lets it send itself none (cage.c). */
static amphi_death_cause cause_of(
    const amphi_local *local, const amphi_death_report *words, int signal_number)
{
    if (signal_number == SIGKILL && amphi__oom_kills() != local->oom_kills)
        return AMPHI_CAUSE_MEMORY;
    if (words->signal > 0)
        return words->foreign ? AMPHI_CAUSE_OUTSIDE : AMPHI_CAUSE_ITSELF;
    return signal_number > 0 && !amphi__signal_is_reported(signal_number) ? AMPHI_CAUSE_OUTSIDE
                                                                          : AMPHI_CAUSE_ITSELF;
}

void amphi__local_worker_died(
    amphi_local *local, const amphi_death_report *words, const amphi_process_end *end)
{
    int signal_number = words->signal > 0 ? words->signal : end->signal;
    amphi_death_cause cause = cause_of(local, words, signal_number);
    char scratch[24];
    const char *name = amphi__signal_name(signal_number, scratch);
    amphi_error error;

    if (cause == AMPHI_CAUSE_MEMORY) {
        amphi__fail(&error, AMPHI_E_RESOURCE, ENOMEM,
            "engine process was killed for its memory (SIGKILL) while %s", activity(local));
    } else if (cause == AMPHI_CAUSE_OUTSIDE && words->sender_pid > 0) {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, signal_number,
            "engine process was killed from outside (%s from process %d) while %s", name,
            words->sender_pid, activity(local));
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

amphi_status amphi__local_worker_start(amphi_local *local, amphi_error *error)
{
    char path[AMPHI_LOCAL_PATH_MAX];
    char line[AMPHI_WORKER_MESSAGE_MAX];
    int model_fd = -1;
    amphi_status status = amphi__model_key(local, &local->worker_key, error);

    if (status != AMPHI_OK)
        return status;
    if (local->worker_path[0] != '\0') {
        snprintf(path, sizeof path, "%s", local->worker_path);
    } else {
        status = amphi__local_worker_path(path, sizeof path, error);
        if (status != AMPHI_OK)
            return status;
    }
    model_fd = open(local->model_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (model_fd < 0) {
        amphi__model_line(local, errno == EACCES ? "permission denied" : "can't be opened", line);
        return amphi__fail(error, AMPHI_E_IO, errno, "%s", line);
    }
    amphi__spawn_timeout_begin(local);
    status = amphi__worker_start(&local->worker, path, model_fd, error);
    amphi__spawn_timeout_end(local);
    close(model_fd);
    if (status == AMPHI_OK) {
        local->heartbeat = 0;
        local->oom_kills = amphi__oom_kills();
        local->empty_wakes = 0;
        amphi__local_set_state(local, AMPHI_LOCAL_STARTING);
    }
    return status;
}
