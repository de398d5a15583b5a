/* SPDX-License-Identifier: Apache-2.0
 *
 * Awake time, for every budget that is charged for waiting: what the monotonic clock says, less the
 * time in which this thread did not run, so that nothing could be noticed (the app was frozen or
 * stopped). A loop that waits has its own one, reads it after each wait, and waits no longer than a
 * slice at a time:
 *
 *     amphi_awake awake = {0};
 *     uint64_t until_us = amphi__awake_us(&awake, clock) + timeout_us;
 *     for (uint64_t now_us = amphi__awake_us(&awake, clock); !done && now_us < until_us;
 *          now_us = amphi__awake_us(&awake, clock))
 *         amphi__cond_wait_us(&changed, &lock, amphi__awake_slice_us(&awake, until_us - now_us));
 *
 * A reading later than AMPHI_AWAKE_GAP_US after the one before is taken for the end of a freeze.
 * Nothing is charged for that time, nor for AMPHI_AWAKE_THAW_US after it: what arrived meanwhile is
 * to be read first. Why no clock of the system does it: sdk/docs/decisions/0011-frozen-time.md.
 */
#ifndef AMPHI_CORE_AWAKE_H
#define AMPHI_CORE_AWAKE_H

#include <amphi/ext/clock.h>

/* The longest single wait. */
#define AMPHI_AWAKE_SLICE_US 250000u
/* So late is no thread of an app that runs, even on a busy machine. */
#define AMPHI_AWAKE_GAP_US 1000000u
/* For this thread's and the others' first look at what waits for them. */
#define AMPHI_AWAKE_THAW_US 1000000u

/* A zeroed one is ready. For one thread at a time. */
typedef struct amphi_awake {
    uint64_t seen_us;   /* the clock's last reading; 0: none yet */
    uint64_t thawed_us; /* the clock's reading up to which nothing is charged */
    uint64_t lost_us;   /* not charged so far */
    uint32_t freezes;   /* noticed so far */
} amphi_awake;

/* Microseconds of awake time since an arbitrary start; never goes back. clock NULL: the
 * system's. */
uint64_t amphi__awake_us(amphi_awake *awake, const amphi_clock *clock);
/* The next wait of a loop that has timeout_us left. */
uint64_t amphi__awake_slice_us(const amphi_awake *awake, uint64_t timeout_us);
/* No budget runs until the next reading, so that what passes meanwhile is no freeze. */
void amphi__awake_pause(amphi_awake *awake);
/* After work that took long without reading it: charged in full, but for most_us at most. */
void amphi__awake_charge(amphi_awake *awake, const amphi_clock *clock, uint64_t most_us);

#endif
