/* SPDX-License-Identifier: Apache-2.0
 *
 * sdk/core/clock.h over virtual time, in place of sdk/core/clock.c, and random numbers from the
 * seed in place of the system's (the linker's --wrap): a simulation has nothing else of its own
 * that two runs could differ in. What runs as a process is known by its number.
 */
#include "sdk/core/clock.h"

#include "sdk/core/crypto.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/str.h"
#include "tests/simulate/fibers.h"
#include "tests/simulate/virtual_system.h"

#include <stdio.h>

static uint64_t monotonic_us(void *self)
{
    return sim_time_us();
}

static uint64_t boot_us(void *self)
{
    return sim_time_boot_us();
}

static int64_t wall_ms(void *self)
{
    return sim_time_wall_ms();
}

const amphi_clock amphi__clock_system = {
    .struct_size = sizeof(amphi_clock),
    .name = "virtual",
    .monotonic_us = monotonic_us,
    .wall_ms = wall_ms,
    .boot_us = boot_us,
};

uint64_t amphi__clock_us(const amphi_clock *clock)
{
    return sim_time_us();
}

uint64_t amphi__clock_ms(const amphi_clock *clock)
{
    return sim_time_us() / 1000u;
}

uint64_t amphi__clock_boot_us(const amphi_clock *clock)
{
    return sim_time_boot_us();
}

uint64_t amphi__clock_boot_ms(const amphi_clock *clock)
{
    return sim_time_boot_us() / 1000u;
}

int64_t amphi__clock_wall_ms(const amphi_clock *clock)
{
    return sim_time_wall_ms();
}

/* ---- random numbers ---- */

amphi_status __wrap_amphi__random(void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)sim_dice_next(SIM_DICE_LIBRARY);
    return AMPHI_OK;
}

amphi_status __wrap_amphi__uuid(char out[37])
{
    uint64_t high = sim_dice_next(SIM_DICE_LIBRARY);
    uint64_t low = sim_dice_next(SIM_DICE_LIBRARY);
    snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(high >> 32),
        (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
        (unsigned)(0x8000 | (low >> 48 & 0x3fff)), (unsigned long long)(low & 0xffffffffffffu));
    return AMPHI_OK;
}

/* ---- processes ---- */

static unsigned launch;

void sim_launch_begins(void)
{
    launch++;
}

void sim_launches_reset(void)
{
    launch = 0;
}

void amphi__process_identity(char out[AMPHI_PROCESS_IDENTITY_MAX])
{
    snprintf(out, AMPHI_PROCESS_IDENTITY_MAX, "simulated/launch/%u", launch);
}

/* There is one process at a time. */
bool amphi__process_has_ended(amphi_str identity)
{
    char own[AMPHI_PROCESS_IDENTITY_MAX];
    amphi__process_identity(own);
    return identity.size > 0 && !amphi__str_equal_c(identity, own);
}
