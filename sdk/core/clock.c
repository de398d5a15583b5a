/* SPDX-License-Identifier: Apache-2.0
 *
 * The system's clocks.
 */
#include "sdk/core/clock.h"

#include <time.h>

static uint64_t system_monotonic_us(void *self)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static int64_t system_wall_ms(void *self)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const amphi_clock amphi__clock_system = {
    .struct_size = sizeof(amphi_clock),
    .name = "system",
    .self = NULL,
    .monotonic_us = system_monotonic_us,
    .wall_ms = system_wall_ms,
};

uint64_t amphi__clock_us(const amphi_clock *clock)
{
    clock = clock != NULL ? clock : &amphi__clock_system;
    return clock->monotonic_us(clock->self);
}

uint64_t amphi__clock_ms(const amphi_clock *clock)
{
    return amphi__clock_us(clock) / 1000u;
}

int64_t amphi__clock_wall_ms(const amphi_clock *clock)
{
    clock = clock != NULL ? clock : &amphi__clock_system;
    return clock->wall_ms(clock->self);
}
