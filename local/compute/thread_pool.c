/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool's protocol. A job is open or closed. A helper first counts itself into `inside`, then
 * checks whether a job is open; the caller first closes the job, then waits until no helper is
 * inside. Both are sequentially consistent, so either the helper sees the closed job and leaves
 * without touching it, or the caller sees the helper and waits. The job's fields change only while
 * it is closed and no helper is inside.
 */
#include "local/compute/thread_pool.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/thread.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define SPINS_BEFORE_SLEEP 4000 /* some 50 to 200 microseconds */
#define SPINS_BEFORE_YIELD 2000
#define PIECES_PER_THREAD  8

typedef struct threads_helper {
    amphi_thread_pool *threads;
    amphi_thread thread;
    uint32_t index;
} threads_helper;

struct amphi_thread_pool {
    uint32_t count;
    threads_helper *helpers; /* count - 1 */
    amphi_mutex mutex;
    amphi_cond wake;
    atomic_uint sleepers;
    atomic_bool stop;

    /* the job */
    amphi_thread_pool_work work;
    void *arg;
    size_t piece;
    atomic_size_t total;
    atomic_bool open;
    char apart_1[64]; /* the three counters below are fought over: a cache line each */
    atomic_uint inside;
    char apart_2[64];
    atomic_size_t next;
};

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_pieces(amphi_thread_pool *threads, uint32_t index)
{
    for (;;) {
        size_t from = atomic_fetch_add(&threads->next, threads->piece);
        size_t total = atomic_load_explicit(&threads->total, memory_order_relaxed);
        if (from >= total)
            return;
        size_t left = total - from;
        threads->work(
            threads->arg, from, from + (left < threads->piece ? left : threads->piece), index);
    }
}

static void sleep_until_open(amphi_thread_pool *threads)
{
    amphi__mutex_lock(&threads->mutex);
    atomic_fetch_add(&threads->sleepers, 1);
    while (!atomic_load(&threads->open) && !atomic_load(&threads->stop))
        amphi__cond_wait(&threads->wake, &threads->mutex);
    atomic_fetch_sub(&threads->sleepers, 1);
    amphi__mutex_unlock(&threads->mutex);
}

static void helper_main(void *arg)
{
    threads_helper *helper = arg;
    amphi_thread_pool *threads = helper->threads;
    unsigned spins = 0;
    while (!atomic_load(&threads->stop)) {
        if (atomic_load_explicit(&threads->open, memory_order_acquire) &&
            atomic_load_explicit(&threads->next, memory_order_relaxed) <
                atomic_load_explicit(&threads->total, memory_order_relaxed)) {
            atomic_fetch_add(&threads->inside, 1);
            if (atomic_load(&threads->open))
                run_pieces(threads, helper->index);
            atomic_fetch_sub(&threads->inside, 1);
            spins = 0;
        } else if (++spins < SPINS_BEFORE_SLEEP) {
            spin_pause();
        } else {
            sleep_until_open(threads);
            spins = 0;
        }
    }
}

static uint32_t cores_count(void)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 0)
        online = CPU_COUNT(&allowed);
    return online < 1 ? 1 : (uint32_t)online;
}

amphi_status amphi__thread_pool_new(amphi_thread_pool **out, uint32_t count, amphi_error *error)
{
    *out = NULL;
    if (count == 0) {
        count = cores_count();
        count = count > 4 ? 4 : count;
    }
    if (count > AMPHI_THREADS_MAX)
        count = AMPHI_THREADS_MAX;
    amphi_thread_pool *threads = amphi__calloc(1, sizeof *threads);
    if (threads == NULL)
        return amphi__fail_no_memory(error);
    threads->helpers = amphi__calloc(count, sizeof *threads->helpers);
    amphi_status status = threads->helpers != NULL ? AMPHI_OK : AMPHI_E_NO_MEMORY;
    if (status == AMPHI_OK)
        status = amphi__mutex_init(&threads->mutex);
    if (status == AMPHI_OK)
        status = amphi__cond_init(&threads->wake);
    if (status != AMPHI_OK) {
        (void)amphi__fail_no_memory(error);
        goto cleanup;
    }
    threads->count = 1;
    for (uint32_t i = 1; i < count; i++) {
        threads_helper *helper = &threads->helpers[i - 1];
        helper->threads = threads;
        helper->index = i;
        if (amphi__thread_start(&helper->thread, "amphi-compute", helper_main, helper) != AMPHI_OK)
            break;
        threads->count++;
    }
    *out = threads;
    threads = NULL; /* the caller owns it now */
cleanup:
    amphi__thread_pool_free(threads);
    return status;
}

void amphi__thread_pool_free(amphi_thread_pool *threads)
{
    if (threads == NULL)
        return;
    if (threads->count > 1) { /* else no helper was started, nor perhaps the mutex made */
        amphi__mutex_lock(&threads->mutex);
        atomic_store(&threads->stop, true);
        amphi__cond_broadcast(&threads->wake);
        amphi__mutex_unlock(&threads->mutex);
    }
    for (uint32_t i = 1; i < threads->count; i++)
        amphi__thread_join(&threads->helpers[i - 1].thread);
    amphi__cond_clear(&threads->wake);
    amphi__mutex_clear(&threads->mutex);
    amphi__free(threads->helpers);
    amphi__free(threads);
}

uint32_t amphi__thread_pool_count(const amphi_thread_pool *threads)
{
    return threads->count;
}

static void open_job(amphi_thread_pool *threads)
{
    atomic_store(&threads->next, 0);
    atomic_store(&threads->open, true);
    if (atomic_load(&threads->sleepers) > 0) {
        amphi__mutex_lock(&threads->mutex);
        amphi__cond_broadcast(&threads->wake);
        amphi__mutex_unlock(&threads->mutex);
    }
}

static void close_job(amphi_thread_pool *threads)
{
    atomic_store(&threads->open, false);
    for (unsigned spins = 0; atomic_load(&threads->inside) > 0; spins++)
        if (spins < SPINS_BEFORE_YIELD)
            spin_pause();
        else
            sched_yield();
}

void amphi__thread_pool_run(
    amphi_thread_pool *threads, size_t total, size_t grain, amphi_thread_pool_work work, void *arg)
{
    if (total == 0)
        return;
    if (grain == 0)
        grain = 1;
    if (threads->count == 1 || total <= grain) {
        work(arg, 0, total, 0);
        return;
    }
    size_t piece = total / ((size_t)threads->count * PIECES_PER_THREAD);
    piece = (piece + grain - 1) / grain * grain;
    threads->work = work;
    threads->arg = arg;
    atomic_store_explicit(&threads->total, total, memory_order_relaxed);
    threads->piece = piece < grain ? grain : piece;
    open_job(threads);
    run_pieces(threads, 0);
    close_job(threads);
}
