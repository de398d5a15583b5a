/* SPDX-License-Identifier: Apache-2.0
 *
 * sdk/core/thread.h over fibers, in place of sdk/core/thread.c: this program is linked with this
 * file instead. What a mutex needs lies where the system's would.
 */
#include "sdk/core/thread.h"

#include "tests/simulate/fibers.h"

#include <stdlib.h>
#include <string.h>

typedef struct fiber_mutex {
    bool is_held;
} fiber_mutex;

_Static_assert(sizeof(fiber_mutex) <= sizeof(pthread_mutex_t), "it lies in its place");
_Static_assert(sizeof(sim_fiber *) <= sizeof(pthread_t), "likewise");

static fiber_mutex *inside(amphi_mutex *mutex)
{
    return (fiber_mutex *)(void *)&mutex->native;
}

amphi_status amphi__mutex_init(amphi_mutex *mutex)
{
    memset(mutex, 0, sizeof *mutex);
    mutex->is_ready = true;
    return AMPHI_OK;
}

void amphi__mutex_clear(amphi_mutex *mutex)
{
    mutex->is_ready = false;
}

/* Before and after a run there is one thread, which never waits. */
void amphi__mutex_lock(amphi_mutex *mutex)
{
    sim_fiber_pause();
    while (inside(mutex)->is_held && sim_fiber_self() != NULL)
        (void)sim_fiber_wait(mutex, UINT64_MAX);
    if (inside(mutex)->is_held)
        abort();
    inside(mutex)->is_held = true;
    sim_fiber_hold(1);
}

void amphi__mutex_unlock(amphi_mutex *mutex)
{
    if (!inside(mutex)->is_held)
        abort();
    inside(mutex)->is_held = false;
    sim_fiber_hold(-1);
    sim_fiber_wake(mutex);
    sim_fiber_pause();
}

amphi_status amphi__cond_init(amphi_cond *cond)
{
    memset(cond, 0, sizeof *cond);
    cond->is_ready = true;
    return AMPHI_OK;
}

void amphi__cond_clear(amphi_cond *cond)
{
    cond->is_ready = false;
}

void amphi__cond_broadcast(amphi_cond *cond)
{
    sim_fiber_wake(cond);
}

void amphi__cond_wait(amphi_cond *cond, amphi_mutex *mutex)
{
    (void)amphi__cond_wait_us(cond, mutex, UINT64_MAX);
}

/* From the unlock to the wait no other fiber runs. */
bool amphi__cond_wait_us(amphi_cond *cond, amphi_mutex *mutex, uint64_t timeout_us)
{
    inside(mutex)->is_held = false;
    sim_fiber_hold(-1);
    sim_fiber_wake(mutex);
    bool woken = sim_fiber_wait(cond, timeout_us);
    amphi__mutex_lock(mutex);
    return woken;
}

amphi_status amphi__thread_start(
    amphi_thread *thread, const char *name, void (*run)(void *arg), void *arg)
{
    sim_fiber *fiber = sim_fiber_start(name, run, arg);
    memcpy(&thread->native, &fiber, sizeof fiber);
    thread->started = fiber != NULL;
    return thread->started ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

void amphi__thread_join(amphi_thread *thread)
{
    sim_fiber *fiber;
    if (!thread->started)
        return;
    memcpy(&fiber, &thread->native, sizeof fiber);
    sim_fiber_join(fiber);
    thread->started = false;
}
