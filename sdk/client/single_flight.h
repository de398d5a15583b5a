/* SPDX-License-Identifier: Apache-2.0
 *
 * Equal requests at the same time: the first one asks, the others wait for its answer and find it
 * in the cache. When it gave none, each of them asks for itself. Any thread.
 */
#ifndef AMPHI_CLIENT_SINGLE_FLIGHT_H
#define AMPHI_CLIENT_SINGLE_FLIGHT_H

#include <amphi/ext/store.h>

typedef struct amphi_single_flight amphi_single_flight;

typedef enum amphi_flight {
    AMPHI_FLIGHT_ALONE = 0, /* too many are under way: neither waits nor is waited for */
    AMPHI_FLIGHT_FIRST,     /* must land */
    AMPHI_FLIGHT_JOINED     /* another one is under way: wait for it */
} amphi_flight;

amphi_single_flight *amphi__single_flight_new(void); /* NULL: no memory */
void amphi__single_flight_free(amphi_single_flight *flights);

amphi_flight amphi__single_flight_enter(
    amphi_single_flight *flights, const uint8_t key[AMPHI_CACHE_KEY_BYTES]);
void amphi__single_flight_land(
    amphi_single_flight *flights, const uint8_t key[AMPHI_CACHE_KEY_BYTES]);
/* Until the one under way has landed, or stop(arg), which is asked every 20 ms and is called
 * without a lock. Returns whether it has landed. */
bool amphi__single_flight_wait(amphi_single_flight *flights,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], bool (*stop)(void *arg), void *arg);

#endif
