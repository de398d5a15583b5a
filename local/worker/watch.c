/* SPDX-License-Identifier: Apache-2.0
 *
 * Signs of death: the note of the worker's own fatal-signal handler, its end as the kernel tells
 * it, a process that was stopped (SIGSTOP, a tracer), and silence beyond the limit of what it is
 * doing.
 */
#include "local/worker/life.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"

enum { STOPPED_TICKS = 2 }; /* seen stopped that often in a row: stalled */

bool amphi__local_is_busy(const amphi_local *local)
{
    return local->state == AMPHI_LOCAL_STARTING || local->state == AMPHI_LOCAL_DESCRIBING ||
           local->state == AMPHI_LOCAL_LOADING || local->state == AMPHI_LOCAL_RUNNING ||
           local->state == AMPHI_LOCAL_DRAINING || local->counting;
}

void amphi__local_check_death(amphi_local *local, bool process_ended)
{
    amphi_process_end end = {0};
    amphi_last_words words;

    if (local->state == AMPHI_LOCAL_NONE) {
        return;
    }
    words = amphi__worker_last_words(&local->worker);
    if (words.signal != 0) {
        amphi__local_receive_last(local);
        if (local->state != AMPHI_LOCAL_NONE) {
            words.signal > 0 ? amphi__local_worker_died(local, &words, &end)
                             : amphi__local_worker_broke_rules(local);
        }
    } else if ((process_ended || local->worker.process.pidfd < 0) &&
               amphi__process_reap(&local->worker.process, false, &end)) {
        amphi__local_receive_last(local);
        if (local->state != AMPHI_LOCAL_NONE) {
            /* The handler's note may have come between the two looks. One about another signal
             * than the one that killed was of no use: the kernel does not lie. */
            words = amphi__worker_last_words(&local->worker);
            if (end.signal != 0 && words.signal != end.signal) {
                words = (amphi_last_words){0};
            }
            amphi__local_worker_died(local, &words, &end);
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

void amphi__local_check_stall(amphi_local *local)
{
    uint64_t now_us = amphi__clock_us(NULL);
    uint32_t heartbeat = 0;
    uint64_t away_us = now_us - local->tick_us;

    local->tick_us = now_us;
    if (local->state == AMPHI_LOCAL_NONE || !amphi__local_is_busy(local)) {
        return;
    }
    heartbeat = atomic_load(&local->worker.control->heartbeat);
    local->stopped_ticks =
        heartbeat == local->heartbeat && amphi__process_is_stopped(&local->worker.process)
            ? local->stopped_ticks + 1
            : 0;
    /* If we ourselves were not running (a frozen app, a laptop's lid), it could not either. */
    if (heartbeat != local->heartbeat || away_us > (uint64_t)AMPHI_LOCAL_TICK_MS * 20 * 1000) {
        local->heartbeat = heartbeat;
        local->progress_us = now_us;
    }
    if (now_us > local->progress_us && now_us - local->progress_us > stall_limit_us(local)) {
        amphi__process_has_stopped_thread(&local->worker.process)
            ? amphi__local_worker_stalled(local, "was held from outside", AMPHI_CAUSE_OUTSIDE)
            : amphi__local_worker_stalled(local, "went silent", AMPHI_CAUSE_ITSELF);
    } else if (local->stopped_ticks >= STOPPED_TICKS) {
        amphi__local_worker_stalled(local, "was stopped from outside", AMPHI_CAUSE_OUTSIDE);
    }
}
