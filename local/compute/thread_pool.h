/* SPDX-License-Identifier: Apache-2.0
 *
 * A small thread pool for the engine's inner loops: one caller, a handful of helpers, jobs of 10
 * to 1,000 microseconds. Helpers spin for a moment after a job, because the next one comes at
 * once, and then sleep. Work is handed out in pieces from a shared counter, so a helper that the
 * system has put aside delays none of the others.
 */
#ifndef AMPHI_COMPUTE_THREAD_POOL_H
#define AMPHI_COMPUTE_THREAD_POOL_H

#include <amphi/error.h>

#define AMPHI_THREADS_MAX 64

typedef struct amphi_thread_pool amphi_thread_pool;

/* Called for [from, to) on some thread; `thread` is 0 (the caller) .. count - 1. */
typedef void (*amphi_thread_pool_work)(void *arg, size_t from, size_t to, uint32_t thread);

/* count includes the calling thread; 0: as many as there are cores, 4 at most. When the system
 * gives fewer threads, the pool is smaller. */
amphi_status amphi__thread_pool_new(amphi_thread_pool **out, uint32_t count, amphi_error *error);
void amphi__thread_pool_free(amphi_thread_pool *threads);
uint32_t amphi__thread_pool_count(const amphi_thread_pool *threads);

/* Runs work over [0, total) in pieces of at least `grain`; returns when all of it is done. Only
 * one thread at a time may call it. */
void amphi__thread_pool_run(
    amphi_thread_pool *threads, size_t total, size_t grain, amphi_thread_pool_work work, void *arg);

#endif
