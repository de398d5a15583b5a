/* SPDX-License-Identifier: Apache-2.0
 *
 * Drivers: the threads on which requests run, one per request in flight. A thread that has finished
 * a request waits a while for the next one, because starting a thread costs more than waking one.
 */
#ifndef AMPHI_CLIENT_DRIVER_THREADS_H
#define AMPHI_CLIENT_DRIVER_THREADS_H

#include <amphi/error.h>

#include <stdint.h>

typedef struct amphi_driver amphi_driver;
typedef struct amphi_drivers amphi_drivers;

/* A chat's next request often comes sooner than this; an idle app keeps no threads. */
#define AMPHI_DRIVER_IDLE_US 10000000u

/* A thread that had nothing to do for idle_us ends. */
amphi_status amphi__drivers_new(amphi_drivers **out, uint64_t idle_us, amphi_error *error);
/* Every driver that was started must have been joined. Accepts NULL. */
void amphi__drivers_free(amphi_drivers *drivers);

/* A start will follow within microseconds: an idle thread, if there is one, is woken now and polls
 * for its work for at most 50 us. */
void amphi__drivers_expect(amphi_drivers *drivers);
/* Runs `run(arg)` on a thread of its own; join it exactly once. */
amphi_status amphi__driver_start(
    amphi_driver **out, amphi_drivers *drivers, void (*run)(void *arg), void *arg);
/* Waits until `run` has returned. The driver is not the caller's any more. */
void amphi__driver_join(amphi_driver *driver);

#endif
