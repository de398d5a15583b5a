/* SPDX-License-Identifier: Apache-2.0
 *
 * Work waits in no queue: it is handed to an idle thread, last in first out, or to a new one.
 * Threads are detached; the last one to leave wakes the thread that frees the workers.
 */
#include "workers.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { IDLE_S = 10 };

typedef struct worker {
    struct gateway_workers *owner;
    pthread_cond_t changed;
    void (*run)(void *arg); /* NULL: idle */
    void *arg;
    struct worker *next; /* idle */
} worker;

struct gateway_workers {
    pthread_mutex_t lock;
    pthread_cond_t none_left;
    worker *idle;
    unsigned threads;
    bool ends;
};

static void leave_idle(worker *self)
{
    worker **at = &self->owner->idle;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
}

/* Waits for work, under the lock. false: none came, or the workers end. */
static bool wait_for_work(worker *self)
{
    struct timespec until;
    self->next = self->owner->idle;
    self->owner->idle = self;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_S;
    int rc = 0;
    while (self->run == NULL && rc == 0 && !self->owner->ends)
        rc = pthread_cond_timedwait(&self->changed, &self->owner->lock, &until);
    if (self->run == NULL)
        leave_idle(self);
    return self->run != NULL;
}

static void *work(void *arg)
{
    worker *self = arg;
    gateway_workers *owner = self->owner;
    pthread_mutex_lock(&owner->lock);
    do {
        pthread_mutex_unlock(&owner->lock);
        self->run(self->arg);
        pthread_mutex_lock(&owner->lock);
        self->run = NULL;
    } while (wait_for_work(self));
    pthread_cond_destroy(&self->changed);
    free(self);
    if (--owner->threads == 0)
        pthread_cond_broadcast(&owner->none_left);
    pthread_mutex_unlock(&owner->lock);
    return NULL;
}

gateway_workers *gateway_workers_new(void)
{
    gateway_workers *workers = calloc(1, sizeof *workers);
    if (workers == NULL)
        return NULL;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->none_left, NULL);
    return workers;
}

static worker *worker_new(gateway_workers *workers, void (*run)(void *arg), void *arg)
{
    pthread_condattr_t monotonic;
    worker *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->owner = workers;
    self->run = run;
    self->arg = arg;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return self;
}

static bool start(worker *self)
{
    pthread_t thread;
    if (self == NULL)
        return false;
    if (pthread_create(&thread, NULL, work, self) == 0) {
        pthread_detach(thread);
        return true;
    }
    pthread_cond_destroy(&self->changed);
    free(self);
    return false;
}

bool gateway_workers_do(gateway_workers *workers, void (*run)(void *arg), void *arg)
{
    bool good = true;
    pthread_mutex_lock(&workers->lock);
    worker *self = workers->idle;
    if (workers->ends) {
        good = false;
    } else if (self != NULL) {
        workers->idle = self->next;
        self->run = run;
        self->arg = arg;
        pthread_cond_signal(&self->changed);
    } else {
        good = start(worker_new(workers, run, arg));
        workers->threads += good;
    }
    pthread_mutex_unlock(&workers->lock);
    return good;
}

void gateway_workers_end(gateway_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->ends = true;
    for (worker *w = workers->idle; w != NULL; w = w->next)
        pthread_cond_signal(&w->changed);
    while (workers->threads > 0)
        pthread_cond_wait(&workers->none_left, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
}

void gateway_workers_free(gateway_workers *workers)
{
    if (workers == NULL)
        return;
    pthread_cond_destroy(&workers->none_left);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}
