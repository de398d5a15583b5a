/* SPDX-License-Identifier: Apache-2.0
 *
 * An engine process that is alive and slow, for tests that freeze an app in a known phase. The
 * "model" is a file that holds the phase: load, prefill or decode. There it works for 4 s of time
 * in which it runs, with a heartbeat every 20 ms; each phase reports progress when it begins.
 */
#include "tests/support/scripted_worker.h"

#include <stdio.h>
#include <time.h>

enum { STEPS = 200, STEP_MS = 20, WORDS = 40 };

static void work(scripted_worker *worker, int steps)
{
    const struct timespec pause = {.tv_nsec = STEP_MS * 1000000l};
    for (int i = 0; i < steps; i++) {
        atomic_fetch_add(&worker->control->heartbeat, 1);
        nanosleep(&pause, NULL);
    }
}

static void report(scripted_worker *worker, uint32_t phase)
{
    const amphi_worker_progress progress = {.phase = phase, .permille = 1};
    atomic_store(&worker->control->phase, phase);
    scripted_send(worker, AMPHI_WORKER_PROGRESS, &progress, sizeof progress);
}

static bool step(scripted_worker *worker, const char *script, const char *at, uint32_t run)
{
    if (strcmp(at, "ready") == 0) {
        report(worker, AMPHI_PHASE_LOAD);
        work(worker, strcmp(script, "load") == 0 ? STEPS : 0);
    }
    if (strcmp(at, "run") != 0)
        return false;
    report(worker, AMPHI_PHASE_PREFILL);
    work(worker, strcmp(script, "prefill") == 0 ? STEPS : 0);
    atomic_store(&worker->control->phase, AMPHI_PHASE_TOKEN);
    for (int i = 0; i < WORDS; i++) {
        char word[24];
        snprintf(word, sizeof word, "word%02d ", i);
        scripted_text(worker, run, word);
        work(worker, strcmp(script, "decode") == 0 ? STEPS / WORDS : 0);
    }
    scripted_finish(worker, run, AMPHI_FINISH_STOP);
    return true;
}

int main(int argc, char **argv)
{
    scripted_worker_main(argc, argv, step);
    return 2; /* not started as an engine process */
}
