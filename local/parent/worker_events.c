/* SPDX-License-Identifier: Apache-2.0
 *
 * The worker's messages, and what each does to the state machine. A message that does not fit the
 * moment ends the worker: fields were checked at the border (worker_process.c), order is checked
 * here.
 */
#include "local/parent/supervisor_state.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"

#include <errno.h>

/* The worker's failure as the run's. Its memory is not this process's: that it ran out is the
 * device's state. */
static void fail_as_reported(amphi_error *error, uint32_t status, const char *line)
{
    if (status == AMPHI_E_NO_MEMORY)
        amphi__fail(error, AMPHI_E_RESOURCE, ENOMEM, "%s", line);
    else
        amphi__fail(error, (amphi_status)status, 0, "%s", line);
}

static bool on_hello(amphi_local *local, const amphi_worker_message *message)
{
    if (local->state != AMPHI_LOCAL_STARTING)
        return false;
    if (message->as.hello.version != AMPHI_WORKER_VERSION) {
        amphi_error error;

        amphi__fail(&error, AMPHI_E_ENGINE_DIED, 0,
            "the engine process is of another version (%u, this library speaks %u); reinstall",
            message->as.hello.version, AMPHI_WORKER_VERSION);
        amphi__local_worker_failed(local, &error, AMPHI_CAUSE_ITSELF);
        return true;
    }
    amphi__mutex_lock(&local->lock);
    local->cage_known = true;
    local->cage_missing = message->as.hello.cage_missing;
    amphi__mutex_unlock(&local->lock);
    amphi__local_set_state(local, AMPHI_LOCAL_DESCRIBING);
    return true;
}

static bool on_described(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_described *described = &message->as.described;
    amphi_engine_run *run = local->runs.current;
    if (local->state != AMPHI_LOCAL_DESCRIBING)
        return false;
    if (described->status == AMPHI_OK) {
        amphi__local_set_state(local, AMPHI_LOCAL_HEADER);
        amphi__local_set_described(local, NULL, false, described);
        return true;
    }
    char line[AMPHI_WORKER_MESSAGE_MAX];
    amphi__model_line(local, described->message, line);
    amphi_error error;
    fail_as_reported(&error, described->status, line);
    amphi__local_worker_end(local);
    amphi__local_set_described(local, &error, described->status == AMPHI_E_NO_MEMORY, NULL);
    if (run != NULL)
        amphi__local_run_fail(local, run, &error);
    return true;
}

static bool on_ready(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_ready *ready = &message->as.ready;
    amphi_engine_run *run = local->runs.current;
    if (local->state != AMPHI_LOCAL_LOADING)
        return false;
    if (ready->status == AMPHI_OK) {
        amphi__local_set_state(local, AMPHI_LOCAL_READY);
        amphi__local_set_ready(local, true);
        return true;
    }
    char line[AMPHI_WORKER_MESSAGE_MAX];
    amphi__model_line(local, ready->message, line);
    amphi_error error;
    fail_as_reported(&error, ready->status, line);
    amphi__local_worker_end(local);
    amphi__mutex_lock(&local->lock);
    local->want_load = false;
    amphi__mutex_unlock(&local->lock);
    amphi__local_set_described(local, &error, ready->status == AMPHI_E_NO_MEMORY, NULL);
    if (run != NULL)
        amphi__local_run_fail(local, run, &error);
    return true;
}

static bool on_progress(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_progress *progress = &message->as.progress;
    if (progress->phase == AMPHI_PHASE_LOAD && local->state == AMPHI_LOCAL_LOADING) {
        amphi__local_run_progress(local, progress->permille, "loading the model");
        return true;
    }
    if (progress->phase == AMPHI_PHASE_PREFILL && local->state == AMPHI_LOCAL_RUNNING) {
        amphi__local_run_progress(local, progress->permille, "reading the prompt");
        return true;
    }
    return local->state == AMPHI_LOCAL_DRAINING;
}

static bool on_counted(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_counted *counted = &message->as.counted;
    if (!local->counting || counted->id != local->count_id)
        return false;
    amphi__local_count_answer(local, (amphi_status)counted->status, counted->tokens);
    return true;
}

static amphi_engine_event_kind text_kind(amphi_worker_event kind)
{
    return kind == AMPHI_WORKER_REASONING   ? AMPHI_ENGINE_REASONING
           : kind == AMPHI_WORKER_TOOL_CALL ? AMPHI_ENGINE_TOOL_CALL
                                            : AMPHI_ENGINE_TEXT;
}

static bool on_usage(amphi_engine_run *run, const amphi_worker_usage *message)
{
    const amphi_usage usage = {
        message->prompt_tokens, message->completion_tokens, message->cached_tokens};
    amphi__run_usage(run, &usage);
    return true;
}

static bool on_certainty(amphi_engine_run *run, const amphi_worker_certainty *message)
{
    const amphi_certainty certainty = {message->entropy, message->margin, message->top};
    return amphi__run_certainty(run, message->index, &certainty);
}

/* Text of all kinds, LOGPROBS, STATE, CERTAINTY, USAGE, FINISH and FAIL of the current run. */
static bool on_run_event(amphi_local *local, const amphi_worker_message *message)
{
    amphi_engine_run *run = local->runs.current;
    amphi_engine_event event = {.kind = AMPHI_ENGINE_FINISH};
    if (run == NULL || message->run != run->id)
        return false;
    amphi_error error;
    switch (message->kind) {
    case AMPHI_WORKER_TEXT:
    case AMPHI_WORKER_REASONING:
    case AMPHI_WORKER_TOOL_CALL:
        return amphi__run_text(run, text_kind(message->kind), message->text);
    case AMPHI_WORKER_LOGPROBS:
        return amphi__run_logprobs(run, message->text);
    case AMPHI_WORKER_STATE:
        return amphi__run_state(
            run, message->as.state.index, message->as.state.depth, message->text);
    case AMPHI_WORKER_CERTAINTY:
        return on_certainty(run, &message->as.certainty);
    case AMPHI_WORKER_USAGE:
        return on_usage(run, &message->as.usage);
    case AMPHI_WORKER_FINISH:
        event.finish = (amphi_finish)message->as.finish.finish;
        amphi__local_set_state(local, AMPHI_LOCAL_READY);
        amphi__local_run_end(local, run, &event);
        return true;
    default:
        fail_as_reported(&error, message->as.fail.status, message->as.fail.message);
        amphi__local_set_state(local, AMPHI_LOCAL_READY);
        if (message->as.fail.prefix_refused != 0) {
            event.kind = AMPHI_ENGINE_FAIL;
            event.error = &error;
            event.prefix_refused = true;
            amphi__local_run_end(local, run, &event);
        } else {
            amphi__local_run_fail(local, run, &error);
        }
        return true;
    }
}

/* The events of a run that was cancelled: they are dropped. */
static bool on_drained_event(amphi_local *local, const amphi_worker_message *message)
{
    if (message->run != local->draining_id)
        return false;
    if (message->kind == AMPHI_WORKER_FINISH || message->kind == AMPHI_WORKER_FAIL)
        amphi__local_set_state(local, AMPHI_LOCAL_READY);
    return true;
}

/* false: the message does not fit the moment. */
static bool on_message(amphi_local *local, const amphi_worker_message *message)
{
    switch (message->kind) {
    case AMPHI_WORKER_HELLO:
        return on_hello(local, message);
    case AMPHI_WORKER_DESCRIBED:
        return on_described(local, message);
    case AMPHI_WORKER_PROGRESS:
        return on_progress(local, message);
    case AMPHI_WORKER_READY:
        return on_ready(local, message);
    case AMPHI_WORKER_COUNTED:
        return on_counted(local, message);
    default:
        return local->state == AMPHI_LOCAL_RUNNING    ? on_run_event(local, message)
               : local->state == AMPHI_LOCAL_DRAINING ? on_drained_event(local, message)
                                                      : false;
    }
}

/* Takes up to `events_max` events; true when there may be more. */
bool amphi__local_receive(amphi_local *local, unsigned events_max)
{
    amphi_worker_message message;
    for (unsigned i = 0; i < events_max; i++) {
        if (local->state == AMPHI_LOCAL_NONE)
            return false;
        amphi_status status = amphi__worker_receive(&local->worker, &message, local->event);
        if (status == AMPHI_E_NOT_FOUND)
            return false;
        local->progress_us = amphi__local_now_us(local);
        local->empty_wakes = 0;
        if (status != AMPHI_OK || !on_message(local, &message)) {
            amphi__local_worker_broke_rules(local);
            return false;
        }
    }
    return true;
}

/* Everything that was written before it died, but no more than one ring full: another thread of a
 * hostile worker may still be writing. */
void amphi__local_receive_last(amphi_local *local)
{
    amphi__local_receive(local, AMPHI_WORKER_EVENTS_BYTES / sizeof(amphi_ring_frame));
}
