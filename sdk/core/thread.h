/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads, mutexes and condition variables over POSIX. Condition waits use the monotonic clock. A
 * zeroed mutex or condition was never initialized and clearing it does nothing, so a constructor
 * that fails half-way can use the same `free` as everything else.
 */
#ifndef AMPHI_CORE_THREAD_H
#define AMPHI_CORE_THREAD_H

#include <amphi/error.h>

#include <pthread.h>

typedef struct amphi_mutex {
    pthread_mutex_t native;
    bool is_ready;
} amphi_mutex;

typedef struct amphi_cond {
    pthread_cond_t native;
    bool is_ready;
} amphi_cond;

typedef struct amphi_thread {
    pthread_t native;
    bool started;
} amphi_thread;

amphi_status amphi__mutex_init(amphi_mutex *mutex);
void amphi__mutex_clear(amphi_mutex *mutex); /* a zeroed one is fine */
void amphi__mutex_lock(amphi_mutex *mutex);
void amphi__mutex_unlock(amphi_mutex *mutex);

amphi_status amphi__cond_init(amphi_cond *cond);
void amphi__cond_clear(amphi_cond *cond); /* a zeroed one is fine */
void amphi__cond_broadcast(amphi_cond *cond);
void amphi__cond_wait(amphi_cond *cond, amphi_mutex *mutex);
/* false when timeout_us passed first. UINT64_MAX waits for ever. */
bool amphi__cond_wait_us(amphi_cond *cond, amphi_mutex *mutex, uint64_t timeout_us);

/* The thread has every signal blocked that an app might handle, and is named `name` (15 bytes). */
amphi_status amphi__thread_start(
    amphi_thread *thread, const char *name, void (*run)(void *arg), void *arg);
/* Waits for its end; nothing happens when it never started. */
void amphi__thread_join(amphi_thread *thread);

#endif
