/* SPDX-License-Identifier: Apache-2.0
 *
 * From start to join a driver belongs to its request. Then it waits in the list of idle drivers,
 * last in first out, so that the thread with the warmest caches is used next. Only a few wait; one
 * that was unused for a while ends by itself, and the next start joins it. One lock for all of
 * them, held for a few instructions; no foreign code runs under it.
 */
#include "sdk/client/driver_threads.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/thread.h"

#include <sched.h>
#include <stdatomic.h>

/* Enough for one user's concurrent requests; a busy gateway starts threads beyond this number. */
#define IDLE_MAX 4u
/* How long a thread that expects work polls for it before it sleeps. */
#define EXPECT_US 50u

struct amphi_driver {
    amphi_drivers *owner;
    amphi_thread thread;
    amphi_cond changed;
    atomic_bool has_work; /* is run set? Written under the lock, also read without it */
    /* Under the lock. */
    void (*run)(void *arg); /* NULL: nothing to do */
    void *arg;
    bool is_idle; /* in the list of idle ones */
    bool expects; /* work, soon */
    bool leaves;
    amphi_driver *next;
};

struct amphi_drivers {
    uint64_t idle_us;
    amphi_mutex lock;
    amphi_driver *idle; /* most recent first */
    uint32_t idle_count;
    amphi_driver *ended; /* have ended by themselves, not joined yet */
};

/* ---- the thread ---- */

static void unlink_idle(amphi_driver *driver)
{
    amphi_driver **at = &driver->owner->idle;
    while (*at != driver)
        at = &(*at)->next;
    *at = driver->next;
    driver->is_idle = false;
    driver->owner->idle_count--;
}

/* Yields meanwhile: the thread that will start the work may need this core. */
static void poll_for_work(const amphi_driver *driver)
{
    uint64_t until_us = amphi__clock_us(NULL) + EXPECT_US;
    while (!driver->has_work && amphi__clock_us(NULL) < until_us)
        sched_yield();
}

static void driver_main(void *arg)
{
    amphi_driver *driver = arg;
    amphi_drivers *owner = driver->owner;
    amphi__mutex_lock(&owner->lock);
    while (!driver->leaves) {
        if (driver->run != NULL) {
            amphi__mutex_unlock(&owner->lock);
            driver->run(driver->arg);
            amphi__mutex_lock(&owner->lock);
            driver->run = NULL;
            driver->has_work = false;
            amphi__cond_broadcast(&driver->changed);
        } else if (driver->expects) {
            driver->expects = false;
            amphi__mutex_unlock(&owner->lock);
            poll_for_work(driver);
            amphi__mutex_lock(&owner->lock);
        } else if (!amphi__cond_wait_us(&driver->changed, &owner->lock, owner->idle_us) &&
                   driver->is_idle) {
            unlink_idle(driver);
            driver->leaves = true;
            driver->next = owner->ended;
            owner->ended = driver;
        }
    }
    amphi__mutex_unlock(&owner->lock);
}

/* ---- start and join ---- */

static void driver_free(amphi_driver *driver)
{
    amphi__thread_join(&driver->thread);
    amphi__cond_clear(&driver->changed);
    amphi__free(driver);
}

static void free_list(amphi_driver *list)
{
    while (list != NULL) {
        amphi_driver *driver = list;
        list = driver->next;
        driver_free(driver);
    }
}

/* A driver with a new thread, which has its work from the start. */
static amphi_driver *driver_new(amphi_drivers *drivers, void (*run)(void *arg), void *arg)
{
    amphi_driver *driver = amphi__calloc(1, sizeof *driver);
    if (driver == NULL)
        return NULL;
    driver->owner = drivers;
    driver->run = run;
    driver->arg = arg;
    driver->has_work = true;
    if (amphi__cond_init(&driver->changed) == AMPHI_OK &&
        amphi__thread_start(&driver->thread, "amphi-chat", driver_main, driver) == AMPHI_OK)
        return driver;
    driver_free(driver);
    return NULL;
}

void amphi__drivers_expect(amphi_drivers *drivers)
{
    amphi__mutex_lock(&drivers->lock);
    if (drivers->idle != NULL) {
        drivers->idle->expects = true;
        amphi__cond_broadcast(
            &drivers->idle->changed); /* after the unlock it could end and be freed */
    }
    amphi__mutex_unlock(&drivers->lock);
}

amphi_status amphi__driver_start(
    amphi_driver **out, amphi_drivers *drivers, void (*run)(void *arg), void *arg)
{
    amphi__mutex_lock(&drivers->lock);
    amphi_driver *ended = drivers->ended;
    drivers->ended = NULL;
    amphi_driver *driver = drivers->idle;
    if (driver != NULL) {
        unlink_idle(driver);
        driver->run = run;
        driver->arg = arg;
        driver->has_work = true;
        driver->expects = false;
    }
    amphi__mutex_unlock(&drivers->lock);
    if (driver != NULL)
        amphi__cond_broadcast(&driver->changed); /* the request's until it is joined */
    free_list(ended);
    if (driver == NULL)
        driver = driver_new(drivers, run, arg);
    *out = driver;
    return driver != NULL ? AMPHI_OK : AMPHI_E_NO_MEMORY;
}

void amphi__driver_join(amphi_driver *driver)
{
    if (driver == NULL)
        return;
    amphi_drivers *owner = driver->owner;
    amphi__mutex_lock(&owner->lock);
    while (driver->run != NULL)
        amphi__cond_wait(&driver->changed, &owner->lock);
    driver->is_idle = owner->idle_count < IDLE_MAX;
    driver->leaves = !driver->is_idle;
    if (driver->is_idle) {
        driver->next = owner->idle;
        owner->idle = driver;
        owner->idle_count++;
        driver = NULL; /* any start may take it from here on */
    } else {
        amphi__cond_broadcast(&driver->changed);
    }
    amphi__mutex_unlock(&owner->lock);
    if (driver != NULL)
        driver_free(driver);
}

/* ---- the drivers of a client ---- */

amphi_status amphi__drivers_new(amphi_drivers **out, uint64_t idle_us, amphi_error *error)
{
    amphi_drivers *drivers = amphi__calloc(1, sizeof *drivers);
    if (drivers == NULL || amphi__mutex_init(&drivers->lock) != AMPHI_OK) {
        amphi__free(drivers);
        return amphi__fail_no_memory(error);
    }
    drivers->idle_us = idle_us;
    *out = drivers;
    return AMPHI_OK;
}

void amphi__drivers_free(amphi_drivers *drivers)
{
    if (drivers == NULL)
        return;
    amphi__mutex_lock(&drivers->lock);
    amphi_driver *idle = drivers->idle;
    amphi_driver *ended = drivers->ended;
    drivers->idle = NULL;
    drivers->ended = NULL;
    for (amphi_driver *driver = idle; driver != NULL; driver = driver->next) {
        driver->is_idle = false;
        driver->leaves = true;
        amphi__cond_broadcast(&driver->changed);
    }
    amphi__mutex_unlock(&drivers->lock);
    free_list(idle);
    free_list(ended);
    amphi__mutex_clear(&drivers->lock);
    amphi__free(drivers);
}
