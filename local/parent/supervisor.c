/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread behind a local engine: one loop over a small state machine. Each turn takes the
 * app's requests, moves the worker one step towards them, waits for something to happen, and then
 * checks in this order: what did the worker write (worker_events.c), did it die, is it silent for
 * too long (death_detection.c). So text that was written before a death is always delivered before
 * the death.
 */
#include "local/limits.h"
#include "local/parent/oom_kills.h"
#include "local/parent/supervisor_state.h"

#include "sdk/core/error.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert(sizeof(amphi_ring_frame) + sizeof(amphi_worker_generate) + AMPHI_LOCAL_BODY_MAX +
                       AMPHI_LOCAL_PREFIX_MAX <=
                   AMPHI_WORKER_REQUESTS_BYTES,
    "a request fits into the ring");

enum {
    TICK_NO_PIDFD_MS = 1000, /* an idle worker, where the kernel can't report its end */
    EVENTS_PER_TURN = 256,   /* then the app's requests (a cancel) get their turn */
    EMPTY_WAKES_MAX = 10000, /* in a row: a hostile worker keeps this thread busy */
};

/* ---- what the app wants ---- */

static void run_give_up(amphi_local *local, amphi_engine_run *run)
{
    amphi__mutex_lock(&local->lock);
    amphi_error error;
    amphi__run_abandoned_error(run, &error);
    amphi__mutex_unlock(&local->lock);
    amphi__local_run_fail(local, run, &error);
}

/* Leaves the current run alone with its worker, which keeps what it loaded. */
static void leave_current(amphi_local *local)
{
    amphi_engine_run *run = local->runs.current;
    if (local->state == AMPHI_LOCAL_RUNNING) {
        amphi__worker_cancel(&local->worker, run->id);
        local->draining_id = run->id;
        amphi__local_set_state(local, AMPHI_LOCAL_DRAINING);
    }
    run_give_up(local, run);
}

/* false: the engine is being freed. */
static bool take_requests(amphi_local *local)
{
    amphi__mutex_lock(&local->lock);
    bool stop = local->want_stop;
    bool unload = local->want_unload;
    local->want_unload = false;
    amphi_engine_run *queued = amphi__run_queue_take_abandoned(&local->runs, stop);
    bool leave = local->runs.current != NULL &&
                 (local->runs.current->cancelled || local->runs.current->evicted || stop);
    amphi__mutex_unlock(&local->lock);

    if (unload || stop)
        amphi__local_worker_end(local); /* first: its memory is wanted */
    if (leave)
        leave_current(local);
    while (queued != NULL) {
        amphi_engine_run *next = queued->next; /* the end gives the run away */

        run_give_up(local, queued);
        queued = next;
    }
    return !stop;
}

/* ---- towards it ---- */

static bool key_is_current(const amphi_local *local)
{
    amphi_file_key key;
    return amphi__model_key(local, &key, NULL) == AMPHI_OK &&
           amphi__file_key_equal(&key, &local->worker_key);
}

/* Is there a reason to have a worker? Makes the first queued run current. */
static bool take_work(amphi_local *local, bool *load)
{
    amphi__mutex_lock(&local->lock);
    (void)amphi__run_queue_next(&local->runs);
    if (local->state != AMPHI_LOCAL_NONE && local->want_describe && local->described.known &&
        local->described.status == AMPHI_OK && local->runs.current != NULL) {
        local->want_describe = false; /* busy with the model that we know */
        amphi__cond_broadcast(&local->changed);
    }
    if (local->state >= AMPHI_LOCAL_READY)
        local->want_load = false;
    *load = local->runs.current != NULL || local->want_load;
    bool work = *load || local->want_describe;
    amphi__mutex_unlock(&local->lock);
    return work;
}

static void send_load(amphi_local *local)
{
    amphi_worker_load load = {
        .threads = local->threads, .context_tokens_max = local->context_tokens_max};
    amphi_str part = amphi_str_make((const char *)&load, sizeof load);
    if (local->runs.current != NULL) {
        load.threads = local->runs.current->threads;
        load.context_tokens_max = local->runs.current->context_tokens;
        load.plain_kernels = local->runs.current->plain_kernels;
    }
    local->loaded_plain = load.plain_kernels != 0;
    local->loaded_threads = load.threads;
    local->loaded_context = load.context_tokens_max;
    if (amphi__worker_send(&local->worker, AMPHI_REQUEST_LOAD, &part, 1) != AMPHI_OK) {
        amphi__local_worker_broke_rules(local);
        return;
    }
    amphi__local_set_state(local, AMPHI_LOCAL_LOADING);
    amphi__local_run_progress(local, 0, "loading the model");
}

static void send_generate(amphi_local *local)
{
    amphi_engine_run *run = local->runs.current;
    const amphi_worker_generate generate = {.run = run->id,
        .body_size = (uint32_t)run->body_size,
        .prefix_size = (uint32_t)run->prefix_size,
        .tokens_per_second_max = run->tokens_per_second_max,
        .now_s = amphi__run_now_s(),
        .judge_tokens = run->evidence.tokens_max,
        .state_depths = run->evidence.depths};
    const amphi_str parts[] = {amphi_str_make((const char *)&generate, sizeof generate),
        amphi_str_make(run->body, run->body_size), amphi_str_make(run->prefix, run->prefix_size)};
    amphi__run_model(run, local->described.model.name);
    local->oom_kills = amphi__oom_kills();              /* earlier kills are no evidence */
    amphi__local_set_state(local, AMPHI_LOCAL_RUNNING); /* a failure from here on is this run's */
    if (amphi__worker_send(&local->worker, AMPHI_REQUEST_GENERATE, parts, 3) != AMPHI_OK)
        amphi__local_worker_broke_rules(local);
}

static void send_count(amphi_local *local)
{
    amphi__mutex_lock(&local->lock);
    bool asked = local->count.step == AMPHI_COUNT_ASKED;
    amphi_worker_count count = {0};
    amphi_str parts[2];
    amphi_status status = AMPHI_OK;
    if (asked) { /* the caller's bytes are valid under the lock only */
        count.id = ++local->count_id;
        count.body_size = (uint32_t)local->count.body.size;
        count.now_s = amphi__run_now_s();
        parts[0] = amphi_str_make((const char *)&count, sizeof count);
        parts[1] = local->count.body;
        status = amphi__worker_send(&local->worker, AMPHI_REQUEST_COUNT, parts, 2);
        amphi__token_count_take(&local->count);
    }
    amphi__mutex_unlock(&local->lock);
    if (asked) {
        local->counting = true;
        local->progress_us = amphi__local_now_us(local);
    }
    if (status != AMPHI_OK)
        amphi__local_worker_broke_rules(local);
}

static void start_or_fail(amphi_local *local)
{
    amphi_engine_run *run = local->runs.current;
    amphi_error error;
    if (amphi__local_worker_start(local, &error) == AMPHI_OK)
        return;
    amphi__local_set_described(local, &error, true, NULL);
    amphi__mutex_lock(&local->lock);
    local->want_load = false;
    amphi__mutex_unlock(&local->lock);
    if (run != NULL)
        amphi__local_run_fail(local, run, &error);
}

/* An idle worker that can't serve the current run: another file, other threads, another context. */
static bool worker_is_unfit(const amphi_local *local)
{
    if (local->state != AMPHI_LOCAL_HEADER && local->state != AMPHI_LOCAL_READY)
        return false;
    if (!key_is_current(local))
        return true;
    return local->state == AMPHI_LOCAL_READY && local->runs.current != NULL &&
           (local->runs.current->threads != local->loaded_threads ||
               local->runs.current->context_tokens != local->loaded_context ||
               local->runs.current->plain_kernels != local->loaded_plain);
}

/* One step of the worker towards what the app wants. */
static void advance(amphi_local *local)
{
    if (local->state == AMPHI_LOCAL_READY)
        send_count(local);
    bool load = false;
    if (!take_work(local, &load))
        return;
    if (worker_is_unfit(local))
        amphi__local_worker_end(local);
    switch (local->state) {
    case AMPHI_LOCAL_NONE:
        start_or_fail(local);
        break;
    case AMPHI_LOCAL_HEADER:
        if (load)
            send_load(local);
        break;
    case AMPHI_LOCAL_READY:
        if (local->runs.current != NULL)
            send_generate(local);
        break;
    default:
        break;
    }
}

/* ---- the loop ---- */

uint64_t amphi__local_now_us(amphi_local *local)
{
    return amphi__awake_us(&local->awake, NULL);
}

static int wait_ms(amphi_local *local, bool more)
{
    amphi__mutex_lock(&local->lock);
    bool queued =
        local->runs.current == NULL && local->runs.first != NULL; /* the last one failed at once */
    amphi__mutex_unlock(&local->lock);
    if (more || queued)
        return 0;
    bool dying = false;
    for (int i = 0; i < AMPHI_LOCAL_DYING_MAX; i++)
        dying = dying || local->dying[i].pid > 0;
    if (amphi__local_is_busy(local) || dying)
        return AMPHI_LOCAL_TICK_MS;
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

/* Waits, then checks everything once. true: events are left. */
static bool turn(amphi_local *local, int timeout_ms)
{
    struct pollfd fds[4] = {{.fd = local->wake_fd, .events = POLLIN},
        {.fd = local->worker.events_fd, .events = POLLIN},
        {.fd = local->worker.death_fd, .events = POLLIN},
        {.fd = local->worker.process.pidfd, .events = POLLIN}};
    if (!amphi__local_is_busy(local))
        amphi__awake_pause(&local->awake);
    poll(fds, 4, timeout_ms); /* negative descriptors are passed over */
    if (fds[0].revents != 0)
        drain_fd(local->wake_fd);
    bool more = false;
    if (local->state != AMPHI_LOCAL_NONE) {
        if (fds[1].revents != 0) {
            drain_fd(local->worker.events_fd);
            local->empty_wakes++;
        }
        more = amphi__local_receive(local, EVENTS_PER_TURN);
        if (local->state != AMPHI_LOCAL_NONE && local->empty_wakes > EMPTY_WAKES_MAX)
            amphi__local_worker_broke_rules(local);
        amphi__local_check_death(local, fds[3].revents != 0);
    }
    amphi__local_check_stall(local);
    (void)amphi__local_reap(local);
    return more && local->state != AMPHI_LOCAL_NONE;
}

void amphi__supervisor_run(void *self)
{
    amphi_local *local = self;
    bool more = false;
    while (take_requests(local)) {
        advance(local);
        more = turn(local, wait_ms(local, more));
    }
    if (amphi__local_reap_all(local) > 0) /* the app's end is theirs */
        for (int i = 0; i < AMPHI_LOCAL_DYING_MAX; i++)
            amphi__process_abandon(&local->dying[i]);
    amphi__mutex_lock(&local->lock);
    local->finished = true;
    amphi__cond_broadcast(&local->changed);
    amphi__mutex_unlock(&local->lock);
}
