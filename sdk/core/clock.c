/* SPDX-License-Identifier: Apache-2.0
 *
 * The system's clocks.
 */
#include "sdk/core/clock.h"

#include <time.h>

/* On Linux CLOCK_MONOTONIC stands still while the machine is suspended and CLOCK_BOOTTIME goes on.
 * On Apple's systems CLOCK_UPTIME_RAW stands still and CLOCK_MONOTONIC goes on. */
#ifdef __APPLE__
#define CLOCK_AWAKE     CLOCK_UPTIME_RAW
#define CLOCK_SUSPENDED CLOCK_MONOTONIC
#else
#define CLOCK_AWAKE     CLOCK_MONOTONIC
#define CLOCK_SUSPENDED CLOCK_BOOTTIME
#endif

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t system_monotonic_us(void *self)
{
    return read_us(CLOCK_AWAKE);
}

static uint64_t system_boot_us(void *self)
{
    return read_us(CLOCK_SUSPENDED);
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
    .boot_us = system_boot_us,
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

uint64_t amphi__clock_boot_us(const amphi_clock *clock)
{
    clock = clock != NULL ? clock : &amphi__clock_system;
    return clock->boot_us != NULL ? clock->boot_us(clock->self) : amphi__clock_us(clock);
}

uint64_t amphi__clock_boot_ms(const amphi_clock *clock)
{
    return amphi__clock_boot_us(clock) / 1000u;
}

int64_t amphi__clock_wall_ms(const amphi_clock *clock)
{
    clock = clock != NULL ? clock : &amphi__clock_system;
    return clock->wall_ms(clock->self);
}
