/* SPDX-License-Identifier: Apache-2.0
 *
 * A short array of the keys that are under way, searched from its beginning.
 */
#include "sdk/client/single_flight.h"

#include "sdk/core/alloc.h"
#include "sdk/core/thread.h"

enum { FLIGHTS_MAX = 256 };
#define SLICE_US 20000u

struct amphi_single_flight {
    amphi_mutex lock; /* guards what follows */
    amphi_cond landed;
    uint8_t keys[FLIGHTS_MAX][AMPHI_CACHE_KEY_BYTES];
    size_t count;
};

amphi_single_flight *amphi__single_flight_new(void)
{
    amphi_single_flight *flights = amphi__calloc(1, sizeof *flights);
    if (flights == NULL)
        return NULL;
    if (amphi__mutex_init(&flights->lock) == AMPHI_OK &&
        amphi__cond_init(&flights->landed) == AMPHI_OK)
        return flights;
    amphi__single_flight_free(flights);
    return NULL;
}

void amphi__single_flight_free(amphi_single_flight *flights)
{
    if (flights == NULL)
        return;
    amphi__cond_clear(&flights->landed);
    amphi__mutex_clear(&flights->lock);
    amphi__free(flights);
}

/* Under the lock; `count` when it is not there. */
static size_t place_of(const amphi_single_flight *flights, const uint8_t *key)
{
    size_t i = 0;
    while (i < flights->count && memcmp(flights->keys[i], key, AMPHI_CACHE_KEY_BYTES) != 0)
        i++;
    return i;
}

amphi_flight amphi__single_flight_enter(
    amphi_single_flight *flights, const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_flight flight = AMPHI_FLIGHT_ALONE;
    amphi__mutex_lock(&flights->lock);
    if (place_of(flights, key) < flights->count) {
        flight = AMPHI_FLIGHT_JOINED;
    } else if (flights->count < FLIGHTS_MAX) {
        memcpy(flights->keys[flights->count++], key, AMPHI_CACHE_KEY_BYTES);
        flight = AMPHI_FLIGHT_FIRST;
    }
    amphi__mutex_unlock(&flights->lock);
    return flight;
}

void amphi__single_flight_land(
    amphi_single_flight *flights, const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi__mutex_lock(&flights->lock);
    size_t i = place_of(flights, key);
    if (i < flights->count) {
        flights->count--;
        memmove(flights->keys[i], flights->keys[flights->count], AMPHI_CACHE_KEY_BYTES);
    }
    amphi__cond_broadcast(&flights->landed);
    amphi__mutex_unlock(&flights->lock);
}

bool amphi__single_flight_wait(amphi_single_flight *flights,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], bool (*stop)(void *arg), void *arg)
{
    bool stopped = false;
    amphi__mutex_lock(&flights->lock);
    while (!stopped && place_of(flights, key) < flights->count) {
        (void)amphi__cond_wait_us(&flights->landed, &flights->lock, SLICE_US);
        amphi__mutex_unlock(&flights->lock);
        stopped = stop(arg);
        amphi__mutex_lock(&flights->lock);
    }
    bool landed = place_of(flights, key) == flights->count;
    amphi__mutex_unlock(&flights->lock);
    return landed;
}
