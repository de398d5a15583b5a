/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread behind a local engine: one loop over a small state machine. Each turn takes the app's
 * wishes, moves the worker one step towards them, waits for something to happen, and then asks in
 * this order: what did the worker write, did it die, is it silent for too long. So text that was
 * written before a death is always delivered before the death.
 *
 * A worker is in use (local->worker) or was killed and is being collected (local->dying); the app
 * never waits for the kernel to take a dead gigabyte apart.
 */
#include "local/worker/supervisor.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    TICK_MS = 50,            /* how often a busy worker is looked at     */
    TICK_NO_PIDFD_MS = 1000, /* an idle one, where the kernel can't tell */
    STOPPED_TICKS = 2,       /* seen stopped that often in a row: stalled */
    EVENTS_PER_TURN = 256,   /* then wishes (a cancel) get their turn    */
    EMPTY_WAKES_MAX = 10000, /* in a row: somebody wants to keep us busy */
};

/* ---- the model file ---- */

void amphi__model_line(const amphi_local *local, const char *what, char out[160])
{
    const size_t shown_max = 72;
    size_t size = strlen(local->model_path);
    bool cut = size > shown_max;
    const char *shown = cut ? local->model_path + size - shown_max : local->model_path;

    snprintf(out, 160, "model %s%.72s: %.70s", cut ? "..." : "", shown, what);
}

amphi_status amphi__model_key(const amphi_local *local, amphi_model_key *out, amphi_error *error)
{
    struct stat info;
    const char *what = NULL;
    char line[160];

    memset(out, 0, sizeof *out);
    if (local->model_path[0] == '\0') {
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "no model: none was given and the embedded one is not installed");
    }
    if (stat(local->model_path, &info) != 0) {
        what = errno == ENOENT || errno == ENOTDIR ? "no such file"
               : errno == EACCES                   ? "permission denied"
                                                   : "can't be read";
    } else if (!S_ISREG(info.st_mode)) {
        what = "not a regular file";
    }
    if (what != NULL) {
        amphi__model_line(local, what, line);
        return amphi__fail(error, AMPHI_E_NOT_FOUND, errno, "%s", line);
    }
    out->device = (uint64_t)info.st_dev;
    out->inode = (uint64_t)info.st_ino;
    out->size = (uint64_t)info.st_size;
    out->mtime_ns =
        (uint64_t)info.st_mtim.tv_sec * 1000000000u + (uint64_t)info.st_mtim.tv_nsec;
    return AMPHI_OK;
}

bool amphi__model_key_equal(const amphi_model_key *a, const amphi_model_key *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime_ns == b->mtime_ns;
}

/* Remembers what became of looking at the model, and wakes whoever asked. */
static void set_described(amphi_local *local, const amphi_error *failure, bool passing,
    const amphi_worker_described *model)
{
    amphi_local_described described = {.known = true, .passing = passing};

    described.at_us = amphi__clock_us(NULL);
    described.key = local->worker_key;
    if (failure != NULL) {
        described.status = failure->status;
        snprintf(described.why, sizeof described.why, "%s", failure->message);
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
static void run_end(
    amphi_local *local, amphi_engine_run *run, const amphi_engine_event *terminal)
{
    run->sink.event(run->sink.self, terminal);
    amphi__mutex_lock(&local->lock);
    if (local->current == run) {
        local->current = NULL;
    }
    local->runs_count--;
    run->ended = true;
    amphi__cond_broadcast(&local->changed);
    amphi__mutex_unlock(&local->lock);
}

static void run_fail(amphi_local *local, amphi_engine_run *run, const amphi_error *error)
{
    const amphi_engine_event event = {.kind = AMPHI_ENGINE_FAIL, .error = error};

    run_end(local, run, &event);
}

static void run_fail_status(
    amphi_local *local, amphi_engine_run *run, amphi_status status, const char *message)
{
    amphi_error error;

    amphi__fail(&error, status, 0, "%s", message);
    run_fail(local, run, &error);
}

static void run_progress(amphi_local *local, uint32_t permille, const char *phase)
{
    const amphi_engine_event event = {
        .kind = AMPHI_ENGINE_PROGRESS, .permille = permille, .text = amphi_str_from(phase)};

    if (local->current != NULL) {
        local->current->sink.event(local->current->sink.self, &event);
    }
}

/* ---- the worker's life ---- */

static void set_ready(amphi_local *local, bool ready)
{
    amphi__mutex_lock(&local->lock);
    local->ready = ready;
    amphi__mutex_unlock(&local->lock);
}

static void set_state(amphi_local *local, amphi_local_state state)
{
    local->state = state;
    local->progress_us = amphi__clock_us(NULL);
    local->stopped_ticks = 0;
}

static void reap_dying(amphi_local *local, bool wait)
{
    amphi_process_end end;

    for (int i = 0; i < AMPHI_LOCAL_DYING_MAX; i++) {
        if (local->dying[i].pid > 0) {
            amphi__process_reap(&local->dying[i], wait, &end);
        }
    }
}

static void bury(amphi_local *local, amphi_process process)
{
    amphi_process_end end;

    if (amphi__process_reap(&process, false, &end)) {
        return;
    }
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < AMPHI_LOCAL_DYING_MAX; i++) {
            if (local->dying[i].pid == 0) {
                local->dying[i] = process;
                return;
            }
        }
        reap_dying(local, true); /* many deaths in no time: now we do wait */
    }
}

static void count_answer(amphi_local *local, amphi_status status, uint32_t tokens)
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
static void worker_end(amphi_local *local)
{
    amphi_process process;

    if (local->state == AMPHI_LOCAL_NONE) {
        return;
    }
    amphi__process_kill(&local->worker.process);
    amphi__worker_clear(&local->worker, &process);
    bury(local, process);
    set_state(local, AMPHI_LOCAL_NONE);
    set_ready(local, false);
    if (local->counting) {
        count_answer(local, AMPHI_E_ENGINE_DIED, 0);
    }
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

/* The worker is of no more use: bury it, and end whatever depended on it. */
static void worker_failed(amphi_local *local, const amphi_error *error)
{
    amphi_local_state state = local->state;
    amphi_engine_run *run = local->current;

    worker_end(local);
    if (state == AMPHI_LOCAL_STARTING || state == AMPHI_LOCAL_DESCRIBING) {
        set_described(local, error, true, NULL);
    } else {
        amphi__log(&local->log, AMPHI_LOG_WARNING, "local engine: %s", error->message);
    }
    amphi__mutex_lock(&local->lock);
    local->want_load = false; /* a prewarm is not worth a second try */
    amphi__mutex_unlock(&local->lock);
    /* A run that only just became current was not this worker's: it gets a new one. */
    if (run != NULL && state != AMPHI_LOCAL_READY && state != AMPHI_LOCAL_DRAINING &&
        state != AMPHI_LOCAL_HEADER) {
        run_fail(local, run, error);
    }
}

static void worker_died(amphi_local *local, int signal_number, int exit_code)
{
    amphi_error error;
    char scratch[24];

    if (signal_number == SIGKILL) {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, SIGKILL,
            "engine process ended by SIGKILL while %s; the system may be out of memory",
            activity(local));
    } else if (signal_number > 0) {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, signal_number, "engine process ended by %s while %s",
            amphi__signal_name(signal_number, scratch), activity(local));
    } else {
        amphi__fail(&error, AMPHI_E_ENGINE_DIED, 0, "engine process ended (exit code %d) while %s",
            exit_code, activity(local));
    }
    worker_failed(local, &error);
}

static void worker_broke_rules(amphi_local *local)
{
    amphi_error error;

    amphi__fail(&error, AMPHI_E_ENGINE_DIED, 0,
        "engine process sent nonsense while %s and was ended", activity(local));
    worker_failed(local, &error);
}

static void worker_stalled(amphi_local *local, const char *how)
{
    amphi_error error;

    amphi__fail(&error, AMPHI_E_ENGINE_STALLED, 0, "engine process %s while %s and was ended", how,
        activity(local));
    worker_failed(local, &error);
}

static amphi_status worker_start(amphi_local *local, amphi_error *error)
{
    char path[AMPHI_LOCAL_PATH_MAX];
    char line[160];
    int model_fd = -1;
    amphi_status status = amphi__model_key(local, &local->worker_key, error);

    if (status != AMPHI_OK) {
        return status;
    }
    if (local->worker_path[0] != '\0') {
        snprintf(path, sizeof path, "%s", local->worker_path);
    } else {
        status = amphi__local_worker_path(path, sizeof path, error);
        if (status != AMPHI_OK) {
            return status;
        }
    }
    model_fd = open(local->model_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (model_fd < 0) {
        amphi__model_line(local, errno == EACCES ? "permission denied" : "can't be opened", line);
        return amphi__fail(error, AMPHI_E_IO, errno, "%s", line);
    }
    status = amphi__worker_start(&local->worker, path, model_fd, error);
    close(model_fd);
    if (status == AMPHI_OK) {
        local->heartbeat = 0;
        local->empty_wakes = 0;
        set_state(local, AMPHI_LOCAL_STARTING);
    }
    return status;
}

/* ---- what the worker says ---- */

static bool on_hello(amphi_local *local, const amphi_worker_message *message)
{
    if (local->state != AMPHI_LOCAL_STARTING) {
        return false;
    }
    if (message->as.hello.version != AMPHI_WORKER_VERSION) {
        amphi_error error;

        amphi__fail(&error, AMPHI_E_ENGINE_DIED, 0,
            "the engine process is of another version (%u, this library speaks %u); reinstall",
            message->as.hello.version, AMPHI_WORKER_VERSION);
        worker_failed(local, &error);
        return true;
    }
    amphi__mutex_lock(&local->lock);
    local->cage_known = true;
    local->cage_missing = message->as.hello.cage_missing;
    amphi__mutex_unlock(&local->lock);
    set_state(local, AMPHI_LOCAL_DESCRIBING);
    return true;
}

static bool on_described(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_described *described = &message->as.described;
    amphi_engine_run *run = local->current;
    amphi_error error;
    char line[160];

    if (local->state != AMPHI_LOCAL_DESCRIBING) {
        return false;
    }
    if (described->status == AMPHI_OK) {
        set_state(local, AMPHI_LOCAL_HEADER);
        set_described(local, NULL, false, described);
        return true;
    }
    amphi__model_line(local, described->message, line);
    amphi__fail(&error, (amphi_status)described->status, 0, "%s", line);
    worker_end(local);
    set_described(local, &error, described->status == AMPHI_E_NO_MEMORY, NULL);
    if (run != NULL) {
        run_fail(local, run, &error);
    }
    return true;
}

static bool on_ready(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_ready *ready = &message->as.ready;
    amphi_engine_run *run = local->current;
    amphi_error error;
    char line[160];

    if (local->state != AMPHI_LOCAL_LOADING) {
        return false;
    }
    if (ready->status == AMPHI_OK) {
        set_state(local, AMPHI_LOCAL_READY);
        set_ready(local, true);
        return true;
    }
    amphi__model_line(local, ready->message, line);
    amphi__fail(&error, (amphi_status)ready->status, 0, "%s", line);
    worker_end(local);
    amphi__mutex_lock(&local->lock);
    local->want_load = false;
    amphi__mutex_unlock(&local->lock);
    set_described(local, &error, ready->status == AMPHI_E_NO_MEMORY, NULL);
    if (run != NULL) {
        run_fail(local, run, &error);
    }
    return true;
}

static bool on_progress(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_progress *progress = &message->as.progress;

    if (progress->phase == AMPHI_PHASE_LOAD && local->state == AMPHI_LOCAL_LOADING) {
        run_progress(local, progress->permille, "loading the model");
        return true;
    }
    if (progress->phase == AMPHI_PHASE_PREFILL && local->state == AMPHI_LOCAL_RUNNING) {
        run_progress(local, progress->permille, "reading the prompt");
        return true;
    }
    return local->state == AMPHI_LOCAL_DRAINING;
}

static bool on_counted(amphi_local *local, const amphi_worker_message *message)
{
    const amphi_worker_counted *counted = &message->as.counted;

    if (!local->counting || counted->id != local->count_id) {
        return false;
    }
    count_answer(local, (amphi_status)counted->status, counted->tokens);
    return true;
}

/* TEXT, USAGE, FINISH and FAIL of the current run. */
static bool on_run_event(amphi_local *local, const amphi_worker_message *message)
{
    amphi_engine_run *run = local->current;
    amphi_engine_event event = {.kind = AMPHI_ENGINE_TEXT};
    amphi_error error;

    if (run == NULL || message->run != run->id) {
        return false;
    }
    switch (message->kind) {
    case AMPHI_WORKER_TEXT:
        run->text_bytes += message->text.size;
        event.text = message->text;
        run->sink.event(run->sink.self, &event);
        return run->text_bytes <= AMPHI_WORKER_ANSWER_MAX;
    case AMPHI_WORKER_USAGE:
        event.kind = AMPHI_ENGINE_USAGE;
        event.usage.prompt_tokens = message->as.usage.prompt_tokens;
        event.usage.completion_tokens = message->as.usage.completion_tokens;
        event.usage.cached_tokens = message->as.usage.cached_tokens;
        run->sink.event(run->sink.self, &event);
        return true;
    case AMPHI_WORKER_FINISH:
        event.kind = AMPHI_ENGINE_FINISH;
        event.finish = (amphi_finish)message->as.finish.finish;
        set_state(local, AMPHI_LOCAL_READY);
        run_end(local, run, &event);
        return true;
    default:
        amphi__fail(
            &error, (amphi_status)message->as.fail.status, 0, "%s", message->as.fail.message);
        set_state(local, AMPHI_LOCAL_READY);
        run_fail(local, run, &error);
        return true;
    }
}

/* The events of a run that was cancelled: nobody hears them any more. */
static bool on_drained_event(amphi_local *local, const amphi_worker_message *message)
{
    if (message->run != local->draining_id) {
        return false;
    }
    if (message->kind == AMPHI_WORKER_FINISH || message->kind == AMPHI_WORKER_FAIL) {
        set_state(local, AMPHI_LOCAL_READY);
    }
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
static bool receive(amphi_local *local, unsigned events_max)
{
    amphi_worker_message message;

    for (unsigned i = 0; i < events_max; i++) {
        amphi_status status = AMPHI_OK;

        if (local->state == AMPHI_LOCAL_NONE) {
            return false;
        }
        status = amphi__worker_receive(&local->worker, &message, local->event);
        if (status == AMPHI_E_NOT_FOUND) {
            return false;
        }
        local->progress_us = amphi__clock_us(NULL);
        local->empty_wakes = 0;
        if (status != AMPHI_OK || !on_message(local, &message)) {
            worker_broke_rules(local);
            return false;
        }
    }
    return true;
}

/* Everything that was written before it died, but no more than one ring full: another thread of a
 * hostile worker may still be writing. */
static void receive_last(amphi_local *local)
{
    receive(local, AMPHI_WORKER_EVENTS_BYTES / sizeof(amphi_ring_frame));
}

/* ---- signs of death ---- */

static bool is_busy(const amphi_local *local)
{
    return local->state == AMPHI_LOCAL_STARTING || local->state == AMPHI_LOCAL_DESCRIBING ||
           local->state == AMPHI_LOCAL_LOADING || local->state == AMPHI_LOCAL_RUNNING ||
           local->state == AMPHI_LOCAL_DRAINING || local->counting;
}

static void check_death(amphi_local *local, bool process_ended)
{
    amphi_process_end end;
    int signal_number = 0;

    if (local->state == AMPHI_LOCAL_NONE) {
        return;
    }
    signal_number = amphi__worker_death_signal(&local->worker);
    if (signal_number != 0) {
        receive_last(local);
        if (local->state != AMPHI_LOCAL_NONE) {
            signal_number > 0 ? worker_died(local, signal_number, 0) : worker_broke_rules(local);
        }
    } else if ((process_ended || local->worker.process.pidfd < 0) &&
               amphi__process_reap(&local->worker.process, false, &end)) {
        receive_last(local);
        if (local->state != AMPHI_LOCAL_NONE) {
            /* The handler's note may have come between the two looks. */
            signal_number = amphi__worker_death_signal(&local->worker);
            worker_died(local, signal_number > 0 ? signal_number : end.signal, end.exit_code);
        }
    }
}

static uint64_t stall_limit_us(const amphi_local *local)
{
    const amphi_local_limits *limits = &local->limits;
    uint32_t ms = limits->token_ms;

    if (local->state == AMPHI_LOCAL_STARTING || local->state == AMPHI_LOCAL_DESCRIBING) {
        ms = limits->start_ms;
    } else if (local->state == AMPHI_LOCAL_LOADING) {
        ms = limits->load_ms;
    } else if (atomic_load(&local->worker.control->phase) == AMPHI_PHASE_PREFILL) {
        ms = limits->prefill_ms;
    }
    return (uint64_t)ms * 1000;
}

static void check_stall(amphi_local *local)
{
    uint64_t now_us = amphi__clock_us(NULL);
    uint32_t heartbeat = 0;
    uint64_t away_us = now_us - local->tick_us;

    local->tick_us = now_us;
    if (local->state == AMPHI_LOCAL_NONE || !is_busy(local)) {
        return;
    }
    heartbeat = atomic_load(&local->worker.control->heartbeat);
    /* If we ourselves were not running (a frozen app, a laptop's lid), it could not either. */
    if (heartbeat != local->heartbeat || away_us > (uint64_t)TICK_MS * 20 * 1000) {
        local->heartbeat = heartbeat;
        local->progress_us = now_us;
    }
    if (now_us > local->progress_us && now_us - local->progress_us > stall_limit_us(local)) {
        worker_stalled(local, "went silent");
        return;
    }
    local->stopped_ticks =
        amphi__process_is_stopped(&local->worker.process) ? local->stopped_ticks + 1 : 0;
    if (local->stopped_ticks >= STOPPED_TICKS) {
        worker_stalled(local, "was stopped");
    }
}

/* ---- the app's wishes ---- */

/* Takes the queued runs that are to end (with `all`, every one) out of the queue. */
static amphi_engine_run *take_queued(amphi_local *local, bool all)
{
    amphi_engine_run *taken = NULL;
    amphi_engine_run **taken_end = &taken;
    amphi_engine_run **link = &local->first;

    local->last = NULL;
    while (*link != NULL) {
        amphi_engine_run *run = *link;

        if (all || run->cancelled || run->evicted) {
            *link = run->next;
            run->next = NULL;
            *taken_end = run;
            taken_end = &run->next;
        } else {
            local->last = run;
            link = &run->next;
        }
    }
    return taken;
}

static void run_give_up(amphi_local *local, amphi_engine_run *run)
{
    if (run->evicted) {
        run_fail_status(
            local, run, AMPHI_E_RESOURCE, "the local answer was stopped to free memory");
    } else {
        run_fail_status(local, run, AMPHI_E_CANCELLED, "the request was cancelled");
    }
}

/* Leaves the current run alone with its worker, which keeps what it loaded. */
static void leave_current(amphi_local *local)
{
    amphi_engine_run *run = local->current;

    if (local->state == AMPHI_LOCAL_RUNNING) {
        amphi__worker_cancel(&local->worker, run->id);
        local->draining_id = run->id;
        set_state(local, AMPHI_LOCAL_DRAINING);
    }
    run_give_up(local, run);
}

/* false: the engine is being freed. */
static bool take_wishes(amphi_local *local)
{
    amphi_engine_run *queued = NULL;
    bool leave = false;
    bool unload = false;
    bool stop = false;

    amphi__mutex_lock(&local->lock);
    stop = local->want_stop;
    unload = local->want_unload;
    local->want_unload = false;
    queued = take_queued(local, stop);
    leave = local->current != NULL &&
            (local->current->cancelled || local->current->evicted || stop);
    amphi__mutex_unlock(&local->lock);

    if (unload || stop) {
        worker_end(local); /* first: its memory is wanted */
    }
    if (leave) {
        leave_current(local);
    }
    while (queued != NULL) {
        amphi_engine_run *next = queued->next; /* the end gives the run away */

        run_give_up(local, queued);
        queued = next;
    }
    return !stop;
}

/* ---- towards the wishes ---- */

static bool key_is_current(const amphi_local *local)
{
    amphi_model_key key;

    return amphi__model_key(local, &key, NULL) == AMPHI_OK &&
           amphi__model_key_equal(&key, &local->worker_key);
}

/* Is there a reason to have a worker? Makes the first queued run current. */
static bool take_work(amphi_local *local, bool *load)
{
    bool work = false;

    amphi__mutex_lock(&local->lock);
    if (local->current == NULL && local->first != NULL) {
        local->current = local->first;
        local->first = local->current->next;
        local->current->next = NULL;
        if (local->first == NULL) {
            local->last = NULL;
        }
    }
    if (local->state != AMPHI_LOCAL_NONE && local->want_describe && local->described.known &&
        local->described.status == AMPHI_OK && local->current != NULL) {
        local->want_describe = false; /* busy with the model that we know */
        amphi__cond_broadcast(&local->changed);
    }
    if (local->state >= AMPHI_LOCAL_READY) {
        local->want_load = false;
    }
    *load = local->current != NULL || local->want_load;
    work = *load || local->want_describe;
    amphi__mutex_unlock(&local->lock);
    return work;
}

static void send_load(amphi_local *local)
{
    amphi_worker_load load = {
        .threads = local->threads, .context_tokens_max = local->context_tokens_max};
    amphi_str part = amphi_str_make((const char *)&load, sizeof load);

    if (local->current != NULL) {
        load.threads = local->current->threads;
        load.context_tokens_max = local->current->context_tokens;
    }
    local->loaded_threads = load.threads;
    local->loaded_context = load.context_tokens_max;
    if (amphi__worker_send(&local->worker, AMPHI_REQUEST_LOAD, &part, 1) != AMPHI_OK) {
        worker_broke_rules(local);
        return;
    }
    set_state(local, AMPHI_LOCAL_LOADING);
    run_progress(local, 0, "loading the model");
}

/* Seconds of local civil time, for templates that print the date. */
static int64_t civil_now_s(void)
{
    time_t now = (time_t)(amphi__clock_wall_ms(NULL) / 1000);
    struct tm local_time;

    return localtime_r(&now, &local_time) != NULL ? (int64_t)now + local_time.tm_gmtoff
                                                  : (int64_t)now;
}

static void send_generate(amphi_local *local)
{
    amphi_engine_run *run = local->current;
    const amphi_worker_generate generate = {.run = run->id,
        .body_size = (uint32_t)run->body_size,
        .prefix_size = (uint32_t)run->prefix_size,
        .tokens_per_second_max = run->tokens_per_second_max,
        .now_s = civil_now_s()};
    const amphi_str parts[] = {amphi_str_make((const char *)&generate, sizeof generate),
        amphi_str_make(run->body, run->body_size), amphi_str_make(run->prefix, run->prefix_size)};
    const amphi_engine_event model = {.kind = AMPHI_ENGINE_MODEL,
        .text = amphi_str_from(local->described.model.name)};

    run->sink.event(run->sink.self, &model);
    set_state(local, AMPHI_LOCAL_RUNNING); /* a failure from here on is this run's */
    if (amphi__worker_send(&local->worker, AMPHI_REQUEST_GENERATE, parts, 3) != AMPHI_OK) {
        worker_broke_rules(local);
    }
}

static void send_count(amphi_local *local)
{
    amphi_worker_count count = {0};
    amphi_str parts[2];
    bool asked = false;
    amphi_status status = AMPHI_OK;

    amphi__mutex_lock(&local->lock);
    asked = local->count.step == AMPHI_COUNT_ASKED;
    if (asked) { /* the asker's bytes are ours only under the lock */
        count.id = ++local->count_id;
        count.body_size = (uint32_t)local->count.body_size;
        parts[0] = amphi_str_make((const char *)&count, sizeof count);
        parts[1] = amphi_str_make(local->count.body, local->count.body_size);
        status = amphi__worker_send(&local->worker, AMPHI_REQUEST_COUNT, parts, 2);
        local->count.step = AMPHI_COUNT_SENT;
        local->count.body = NULL;
    }
    amphi__mutex_unlock(&local->lock);
    if (asked) {
        local->counting = true;
        local->progress_us = amphi__clock_us(NULL);
    }
    if (status != AMPHI_OK) {
        worker_broke_rules(local);
    }
}

static void start_or_fail(amphi_local *local)
{
    amphi_engine_run *run = local->current;
    amphi_error error;

    if (worker_start(local, &error) == AMPHI_OK) {
        return;
    }
    set_described(local, &error, true, NULL);
    amphi__mutex_lock(&local->lock);
    local->want_load = false;
    amphi__mutex_unlock(&local->lock);
    if (run != NULL) {
        run_fail(local, run, &error);
    }
}

/* An idle worker that can't serve the wishes: another file, other threads, another context. */
static bool worker_is_unfit(const amphi_local *local)
{
    if (local->state != AMPHI_LOCAL_HEADER && local->state != AMPHI_LOCAL_READY) {
        return false;
    }
    if (!key_is_current(local)) {
        return true;
    }
    return local->state == AMPHI_LOCAL_READY && local->current != NULL &&
           (local->current->threads != local->loaded_threads ||
               local->current->context_tokens != local->loaded_context);
}

/* One step from where the worker is to where the wishes want it. */
static void advance(amphi_local *local)
{
    bool load = false;

    if (local->state == AMPHI_LOCAL_READY) {
        send_count(local);
    }
    if (!take_work(local, &load)) {
        return;
    }
    if (worker_is_unfit(local)) {
        worker_end(local);
    }
    switch (local->state) {
    case AMPHI_LOCAL_NONE:
        start_or_fail(local);
        break;
    case AMPHI_LOCAL_HEADER:
        if (load) {
            send_load(local);
        }
        break;
    case AMPHI_LOCAL_READY:
        if (local->current != NULL) {
            send_generate(local);
        }
        break;
    default:
        break;
    }
}

/* ---- the loop ---- */

static int wait_ms(amphi_local *local, bool more)
{
    bool queued = false;
    bool dying = false;

    amphi__mutex_lock(&local->lock);
    queued = local->current == NULL && local->first != NULL; /* the last one failed at once */
    amphi__mutex_unlock(&local->lock);
    if (more || queued) {
        return 0;
    }
    for (int i = 0; i < AMPHI_LOCAL_DYING_MAX; i++) {
        dying = dying || local->dying[i].pid > 0;
    }
    if (is_busy(local) || dying) {
        return TICK_MS;
    }
    return local->state != AMPHI_LOCAL_NONE && local->worker.process.pidfd < 0 ? TICK_NO_PIDFD_MS
                                                                               : -1;
}

static void drain_fd(int fd)
{
    uint64_t value = 0;
    ssize_t ignored = read(fd, &value, sizeof value);

    (void)ignored; /* non-blocking: it is empty or it was emptied */
}

void amphi__supervisor_wake(amphi_local *local)
{
    const uint64_t one = 1;
    ssize_t ignored = write(local->wake_fd, &one, sizeof one);

    (void)ignored; /* full means awake */
}

/* Waits, then looks at everything once. true: events are left. */
static bool turn(amphi_local *local, int timeout_ms)
{
    struct pollfd fds[4] = {{.fd = local->wake_fd, .events = POLLIN},
        {.fd = local->worker.events_fd, .events = POLLIN},
        {.fd = local->worker.death_fd, .events = POLLIN},
        {.fd = local->worker.process.pidfd, .events = POLLIN}};
    bool more = false;

    poll(fds, 4, timeout_ms); /* negative descriptors are passed over */
    if (fds[0].revents != 0) {
        drain_fd(local->wake_fd);
    }
    if (local->state != AMPHI_LOCAL_NONE) {
        if (fds[1].revents != 0) {
            drain_fd(local->worker.events_fd);
            local->empty_wakes++;
        }
        more = receive(local, EVENTS_PER_TURN);
        if (local->state != AMPHI_LOCAL_NONE && local->empty_wakes > EMPTY_WAKES_MAX) {
            worker_broke_rules(local);
        }
        check_death(local, fds[3].revents != 0);
    }
    check_stall(local);
    reap_dying(local, false);
    return more && local->state != AMPHI_LOCAL_NONE;
}

void amphi__supervisor_run(void *self)
{
    amphi_local *local = self;
    bool more = false;

    local->tick_us = amphi__clock_us(NULL);
    while (take_wishes(local)) {
        advance(local);
        more = turn(local, wait_ms(local, more));
    }
    reap_dying(local, true);
}
