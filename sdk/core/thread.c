/* SPDX-License-Identifier: Apache-2.0
 *
 * POSIX threads under the names of thread.h.
 */
#include "sdk/core/thread.h"

#include "sdk/core/alloc.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <time.h>

amphi_status amphi__mutex_init(amphi_mutex *mutex)
{
    mutex->is_ready = pthread_mutex_init(&mutex->native, NULL) == 0;
    return mutex->is_ready ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

void amphi__mutex_clear(amphi_mutex *mutex)
{
    if (mutex->is_ready)
        pthread_mutex_destroy(&mutex->native);
    mutex->is_ready = false;
}

void amphi__mutex_lock(amphi_mutex *mutex)
{
    int rc = pthread_mutex_lock(&mutex->native);
    assert(rc == 0);
    (void)rc;
}

void amphi__mutex_unlock(amphi_mutex *mutex)
{
    int rc = pthread_mutex_unlock(&mutex->native);
    assert(rc == 0);
    (void)rc;
}

amphi_status amphi__cond_init(amphi_cond *cond)
{
    pthread_condattr_t attributes;
    cond->is_ready = false;
    if (pthread_condattr_init(&attributes) != 0)
        return AMPHI_E_NO_MEMORY;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    cond->is_ready = pthread_cond_init(&cond->native, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return cond->is_ready ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

void amphi__cond_clear(amphi_cond *cond)
{
    if (cond->is_ready)
        pthread_cond_destroy(&cond->native);
    cond->is_ready = false;
}

void amphi__cond_broadcast(amphi_cond *cond)
{
    pthread_cond_broadcast(&cond->native);
}

void amphi__cond_wait(amphi_cond *cond, amphi_mutex *mutex)
{
    pthread_cond_wait(&cond->native, &mutex->native);
}

bool amphi__cond_wait_us(amphi_cond *cond, amphi_mutex *mutex, uint64_t timeout_us)
{
    const uint64_t year_us = 365ull * 24 * 3600 * 1000000;
    if (timeout_us > year_us) {
        amphi__cond_wait(cond, mutex);
        return true;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t nanoseconds = (uint64_t)until.tv_nsec + timeout_us % 1000000u * 1000u;
    until.tv_sec += (time_t)(timeout_us / 1000000u + nanoseconds / 1000000000u);
    until.tv_nsec = (long)(nanoseconds % 1000000000u);
    return pthread_cond_timedwait(&cond->native, &mutex->native, &until) != ETIMEDOUT;
}

typedef struct start {
    void (*run)(void *arg);
    void *arg;
    char name[16];
} start;

/* glibc keeps the stacks of ended threads for later ones, and the last 16 KiB that were in use
 * with what they hold. */
__attribute__((noinline)) static void wipe_stack(void)
{
    char below[24 << 10];
    amphi__wipe(below, sizeof below);
}

static void *thread_main(void *opaque)
{
    start begin = *(start *)opaque;
    amphi__free(opaque);
    pthread_setname_np(pthread_self(), begin.name);
    begin.run(begin.arg);
    wipe_stack();
    return NULL;
}

amphi_status amphi__thread_start(
    amphi_thread *thread, const char *name, void (*run)(void *arg), void *arg)
{
    thread->started = false;
    start *begin = amphi__calloc(1, sizeof *begin);
    if (begin == NULL)
        return AMPHI_E_NO_MEMORY;
    begin->run = run;
    begin->arg = arg;
    strncpy(begin->name, name, sizeof begin->name - 1);

    /* Signals belong to the app's own threads; synchronous faults are not blocked. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread->native, NULL, thread_main, begin);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        amphi__free(begin);
        return AMPHI_E_NO_MEMORY;
    }
    thread->started = true;
    return AMPHI_OK;
}

void amphi__thread_join(amphi_thread *thread)
{
    if (!thread->started)
        return;
    pthread_join(thread->native, NULL);
    thread->started = false;
}
