/* SPDX-License-Identifier: Apache-2.0
 *
 * How a worker process starts and ends, and how a run ends. What a death means for both is in
 * death_cause.c. A worker is in use (local->worker) or was killed and is being
 * collected (local->dying); the app never waits for the kernel to take a dead gigabyte apart.
 */
#include "local/parent/oom_kills.h"
#include "local/parent/supervisor_state.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

void amphi__local_set_described(amphi_local *local, const amphi_error *failure, bool passing,
    const amphi_worker_described *model)
{
    amphi_local_described described = {.known = true, .passing = passing};
    described.at_us = amphi__clock_boot_us(NULL);
    described.key = local->worker_key;
    if (failure != NULL) {
        described.status = failure->status;
        amphi__sentence_copy(described.why, sizeof described.why, amphi_str_from(failure->message));
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

/* ---- the worker ---- */

void amphi__local_set_ready(amphi_local *local, bool ready)
{
    amphi__mutex_lock(&local->lock);
    local->ready = ready;
    amphi__mutex_unlock(&local->lock);
}

void amphi__local_set_state(amphi_local *local, amphi_local_state state)
{
    local->state = state;
    local->progress_us = amphi__local_now_us(local);
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
    uint64_t until_us = amphi__local_now_us(local) + AMPHI_LOCAL_REAP_US;
    unsigned left = amphi__local_reap(local);
    while (left > 0 && amphi__local_now_us(local) < until_us) {
        poll(NULL, 0, 2);
        left = amphi__local_reap(local);
    }
    if (left > 0) {
        amphi__log(&local->log, AMPHI_LOG_WARNING,
            "local engine: %u killed processes do not end (traced, or frozen)", left);
    }
    return left;
}

/* Keeps a killed process until it can be collected. */
static void keep_dying(amphi_local *local, amphi_process process)
{
    amphi_process_end end;
    if (amphi__process_reap(&process, &end))
        return;
    int place = 0;
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
    amphi__token_count_answer(&local->count, status, tokens);
    amphi__cond_broadcast(&local->changed);
    amphi__mutex_unlock(&local->lock);
    local->counting = false;
}

/* Kills the worker, whatever it does; it holds nothing worth saving. */
void amphi__local_worker_end(amphi_local *local)
{
    if (local->state == AMPHI_LOCAL_NONE)
        return;
    amphi__process_kill(&local->worker.process);
    amphi_process process;
    amphi__worker_clear(&local->worker, &process);
    keep_dying(local, process);
    amphi__local_set_state(local, AMPHI_LOCAL_NONE);
    amphi__local_set_ready(local, false);
    if (local->counting)
        amphi__local_count_answer(local, AMPHI_E_ENGINE_DIED, 0);
}

amphi_status amphi__local_worker_start(amphi_local *local, amphi_error *error)
{
    amphi_status status = amphi__model_key(local, &local->worker_key, error);
    if (status != AMPHI_OK)
        return status;
    char path[AMPHI_LOCAL_PATH_MAX];
    if (local->worker_path[0] != '\0') {
        snprintf(path, sizeof path, "%s", local->worker_path);
    } else {
        status = amphi__local_worker_path(path, sizeof path, error);
        if (status != AMPHI_OK)
            return status;
    }
    int model_fd = open(local->model_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char line[AMPHI_WORKER_MESSAGE_MAX];
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
