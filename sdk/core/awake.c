/* SPDX-License-Identifier: Apache-2.0
 *
 * Monotonic time without its gaps.
 */
#include "sdk/core/awake.h"

#include "sdk/core/clock.h"

uint64_t amphi__awake_us(amphi_awake *awake, const amphi_clock *clock)
{
    uint64_t now_us = amphi__clock_us(clock);
    if (awake->seen_us == 0)
        awake->seen_us = now_us;
    uint64_t passed_us = now_us - awake->seen_us;
    if (passed_us > AMPHI_AWAKE_GAP_US) {
        awake->lost_us += passed_us;
        awake->thawed_us = now_us + AMPHI_AWAKE_THAW_US;
        awake->freezes++;
    } else if (awake->seen_us < awake->thawed_us) {
        uint64_t until_us = now_us < awake->thawed_us ? now_us : awake->thawed_us;
        awake->lost_us += until_us - awake->seen_us;
    }
    awake->seen_us = now_us;
    return now_us - awake->lost_us;
}

uint64_t amphi__awake_slice_us(const amphi_awake *awake, uint64_t timeout_us)
{
    /* While nothing is charged, a loop whose time is nearly up must not spin. */
    uint64_t held_us = awake->seen_us < awake->thawed_us ? awake->thawed_us - awake->seen_us : 0;
    uint64_t wait_us = timeout_us > held_us ? timeout_us : held_us;
    return wait_us < AMPHI_AWAKE_SLICE_US ? wait_us : AMPHI_AWAKE_SLICE_US;
}

void amphi__awake_pause(amphi_awake *awake)
{
    awake->seen_us = 0;
}

void amphi__awake_charge(amphi_awake *awake, const amphi_clock *clock, uint64_t most_us)
{
    uint64_t now_us = amphi__clock_us(clock);
    uint64_t passed_us = awake->seen_us != 0 ? now_us - awake->seen_us : 0;
    if (passed_us > most_us)
        awake->lost_us += passed_us - most_us;
    awake->seen_us = now_us;
}
