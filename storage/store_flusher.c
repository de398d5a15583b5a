/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes what had to wait because others were writing: turns, and the ledger's starts. One thread,
 * started at the first such moment; most stores never have it.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "storage/waiting_turns.h"

#define PATIENCE_MS  50u /* at a time, so that others who write are not kept from it */
#define PAUSE_MIN_US (100u * 1000)
#define PAUSE_MAX_US (3000u * 1000)

struct amphi_store_flusher {
    amphi_store_sqlcipher *store;
    amphi_thread thread;
    amphi_mutex lock; /* guards what follows */
    amphi_cond changed;
    bool has_work;
    bool closing;
    bool is_started;
};

static bool wait_for_work(amphi_store_flusher *flusher, uint64_t pause_us)
{
    amphi__mutex_lock(&flusher->lock);
    while (!flusher->closing && !flusher->has_work)
        amphi__cond_wait(&flusher->changed, &flusher->lock);
    if (!flusher->closing)
        (void)amphi__cond_wait_us(&flusher->changed, &flusher->lock, pause_us);
    flusher->has_work = false;
    bool closing = flusher->closing;
    amphi__mutex_unlock(&flusher->lock);
    return !closing;
}

static amphi_status flush(amphi_store_sqlcipher *store)
{
    amphi_error why;
    amphi_status turns = amphi__waiting_turns_flush(store, PATIENCE_MS, &why);
    amphi_status starts = amphi__store_ledger_flush(store, PATIENCE_MS, &why);
    return turns != AMPHI_OK ? turns : starts;
}

static void run(void *arg)
{
    amphi_store_flusher *flusher = arg;
    uint64_t pause_us = PAUSE_MIN_US;
    while (wait_for_work(flusher, pause_us)) {
        if (flush(flusher->store) == AMPHI_OK) {
            pause_us = PAUSE_MIN_US;
            continue;
        }
        pause_us = pause_us * 2 < PAUSE_MAX_US ? pause_us * 2 : PAUSE_MAX_US;
        amphi__mutex_lock(&flusher->lock);
        flusher->has_work = true;
        amphi__mutex_unlock(&flusher->lock);
    }
}

amphi_status amphi__store_flusher_new(
    amphi_store_flusher **out, amphi_store_sqlcipher *store, amphi_error *error)
{
    amphi_store_flusher *flusher = amphi__calloc(1, sizeof *flusher);
    if (flusher == NULL)
        return amphi__fail_no_memory(error);
    flusher->store = store;
    if (amphi__mutex_init(&flusher->lock) != AMPHI_OK ||
        amphi__cond_init(&flusher->changed) != AMPHI_OK) {
        amphi__store_flusher_free(flusher);
        return amphi__fail_no_memory(error);
    }
    *out = flusher;
    return AMPHI_OK;
}

void amphi__store_flusher_free(amphi_store_flusher *flusher)
{
    if (flusher == NULL)
        return;
    if (flusher->is_started) {
        amphi__mutex_lock(&flusher->lock);
        flusher->closing = true;
        amphi__cond_broadcast(&flusher->changed);
        amphi__mutex_unlock(&flusher->lock);
        amphi__thread_join(&flusher->thread);
    }
    amphi__cond_clear(&flusher->changed);
    amphi__mutex_clear(&flusher->lock);
    amphi__free(flusher);
}

void amphi__store_flusher_wake(amphi_store_flusher *flusher)
{
    amphi__mutex_lock(&flusher->lock);
    flusher->has_work = true;
    if (!flusher->is_started) /* without a thread the next write takes it along */
        flusher->is_started =
            amphi__thread_start(&flusher->thread, "amphi-flusher", run, flusher) == AMPHI_OK;
    amphi__cond_broadcast(&flusher->changed);
    amphi__mutex_unlock(&flusher->lock);
}
