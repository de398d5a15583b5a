/* SPDX-License-Identifier: Apache-2.0
 *
 * Death and stalls of the worker: the report of its own fatal-signal handler, its end as the kernel
 * reports it, a process that was stopped (SIGSTOP, a tracer), and silence beyond the limit of its
 * phase.
 */
#include "local/parent/process_stat.h"
#include "local/parent/supervisor_state.h"

#include "sdk/core/error.h"

enum {
    SAMPLE_MS = 40,
    STOPPED_MS = 90,   /* so long a stop is no accident: two samples after the first */
    STARVED_SHARE = 8, /* it got less than this part of one processor */
    /* A starting worker waits for nothing and has milliseconds of work before its first message;
     * the app waits 2 s for it. Counted in processor time, so that a busy machine is no reason. */
    ASLEEP_MS = 1500,
#ifdef AMPHI_SANITIZE
    SPINS_MS = 1800,
#else
    SPINS_MS = 600,
#endif
};

bool amphi__local_is_busy(const amphi_local *local)
{
    return local->state == AMPHI_LOCAL_STARTING || local->state == AMPHI_LOCAL_DESCRIBING ||
           local->state == AMPHI_LOCAL_LOADING || local->state == AMPHI_LOCAL_RUNNING ||
           local->state == AMPHI_LOCAL_DRAINING || local->counting;
}

void amphi__local_check_death(amphi_local *local, bool process_ended)
{
    if (local->state == AMPHI_LOCAL_NONE)
        return;
    amphi_death_report report = amphi__worker_death_report(&local->worker);
    amphi_process_end end = {0};
    if (report.signal != 0) {
        amphi__local_receive_last(local);
        if (local->state != AMPHI_LOCAL_NONE) {
            report.signal > 0 ? amphi__local_worker_died(local, &report, &end)
                              : amphi__local_worker_broke_rules(local);
        }
    } else if ((process_ended || local->worker.process.pidfd < 0) &&
               amphi__process_reap(&local->worker.process, &end)) {
        amphi__local_receive_last(local);
        if (local->state != AMPHI_LOCAL_NONE) {
            /* The handler's report may have come between the two reads. One about another signal
             * than the one that killed is void: the kernel's status counts. */
            report = amphi__worker_death_report(&local->worker);
            if (end.signal != 0 && report.signal != end.signal)
                report = (amphi_death_report){0};
            amphi__local_worker_died(local, &report, &end);
        }
    }
}

static uint64_t stall_limit_us(const amphi_local *local)
{
    const amphi_local_limits *limits = &local->limits;
    uint32_t ms = limits->token_ms;
    if (local->state == AMPHI_LOCAL_STARTING || local->state == AMPHI_LOCAL_DESCRIBING)
        ms = limits->start_ms;
    else if (local->state == AMPHI_LOCAL_LOADING)
        ms = limits->load_ms;
    else if (atomic_load(&local->worker.control->phase) == AMPHI_PHASE_PREFILL)
        ms = limits->prefill_ms;
    return (uint64_t)ms * 1000;
}

/* Samples the state of a silent worker's process now and then. */
static void sample_silence(amphi_local *local, uint64_t now_us)
{
    struct amphi_local_silence *silence = &local->silence;
    if (now_us - silence->sampled_us < (uint64_t)SAMPLE_MS * 1000)
        return;
    amphi_process_stat seen = amphi__process_stat(&local->worker.process);
    if (seen.state == 0) { /* unknown (hidepid, no descriptors): then nothing is held against it */
        silence->sampled_us = now_us;
        return;
    }
    if (silence->progress_us != local->progress_us) { /* a message came since the last sample */
        *silence = (struct amphi_local_silence){.progress_us = local->progress_us,
            .cpu_ms = seen.cpu_ms,
            .sampled_cpu_ms = seen.cpu_ms};
    }
    bool asleep = seen.state == 'S' && seen.cpu_ms == silence->sampled_cpu_ms;
    silence->asleep_us = !asleep ? 0 : silence->asleep_us != 0 ? silence->asleep_us : now_us;
    if (seen.state != 'T' && seen.state != 't')
        silence->stopped_us = 0;
    else if (silence->stopped_us == 0)
        silence->stopped_us = now_us;
    silence->sampled_us = now_us;
    silence->sampled_cpu_ms = seen.cpu_ms;
}

static bool lasts(uint64_t since_us, uint64_t now_us, unsigned ms)
{
    return since_us != 0 && now_us - since_us >= (uint64_t)ms * 1000;
}

/* Why is it silent for longer than it may? A worker that is runnable but gets no processor, or
 * waits for its pages, does not hang. */
static void end_silent(amphi_local *local, uint64_t now_us)
{
    const amphi_process *process = &local->worker.process;
    uint64_t silent_ms = (now_us - local->progress_us) / 1000;
    uint64_t used_ms = amphi__process_stat(process).cpu_ms - local->silence.cpu_ms;
    if (amphi__process_stat_any_thread(process, "Tt"))
        amphi__local_worker_stalled(local, "was held from outside", AMPHI_CAUSE_OUTSIDE);
    else if (used_ms * STARVED_SHARE < silent_ms && amphi__process_stat_any_thread(process, "RD"))
        amphi__local_worker_stalled(local, "got no processor time", AMPHI_CAUSE_OUTSIDE);
    else
        amphi__local_worker_stalled(local, "went silent", AMPHI_CAUSE_ITSELF);
}

void amphi__local_check_stall(amphi_local *local)
{
    uint64_t now_us = amphi__local_now_us(local);
    bool thawed = local->awake.freezes != local->freezes;
    bool starting = local->state == AMPHI_LOCAL_STARTING || local->state == AMPHI_LOCAL_DESCRIBING;
    local->freezes = local->awake.freezes;
    if (local->state == AMPHI_LOCAL_NONE || !amphi__local_is_busy(local))
        return;
    uint32_t heartbeat = 0;
    heartbeat = atomic_load(&local->worker.control->heartbeat);
    if (heartbeat != local->heartbeat || thawed) {
        local->heartbeat = heartbeat;
        local->progress_us = now_us;
    }
    if (thawed) /* it was frozen with us, and wakes up while awake time stands still */
        memset(&local->silence, 0, sizeof local->silence);
    sample_silence(local, now_us);
    if (lasts(local->silence.stopped_us, now_us, STOPPED_MS))
        amphi__local_worker_stalled(local, "was stopped from outside", AMPHI_CAUSE_OUTSIDE);
    else if (now_us > local->progress_us && now_us - local->progress_us > stall_limit_us(local))
        end_silent(local, now_us);
    else if (starting && (lasts(local->silence.asleep_us, now_us, ASLEEP_MS) ||
                             local->silence.sampled_cpu_ms - local->silence.cpu_ms >= SPINS_MS))
        amphi__local_worker_stalled(local, "went silent", AMPHI_CAUSE_ITSELF);
}
