/* SPDX-License-Identifier: Apache-2.0
 *
 * rollout_schedule.h. A failure is not worth asking more often than a success would be: the longest
 * pause is the ordinary one.
 */
#include "sdk/client/rollout_schedule.h"

#define FAILURES_MAX 20u

/* From `low` to `high`, evenly. */
static uint64_t between(uint64_t low, uint64_t high, uint64_t draw)
{
    return low + draw % (high - low + 1);
}

uint32_t amphi__jitter_ms(uint32_t pause_ms, uint64_t draw)
{
    return (uint32_t)between(pause_ms - pause_ms / 4, (uint64_t)pause_ms + pause_ms / 4, draw);
}

uint64_t amphi__rollout_schedule_left_ms(const amphi_rollout_schedule *schedule, uint64_t now_ms)
{
    return schedule->due_ms > now_ms ? schedule->due_ms - now_ms : 0;
}

void amphi__rollout_schedule_next(amphi_rollout_schedule *schedule, uint64_t now_ms,
    uint32_t poll_s, bool failed, uint32_t retry_after_ms, uint64_t draw)
{
    uint64_t poll_ms = (uint64_t)poll_s * 1000;
    uint64_t pause_ms = between(poll_ms - poll_ms / 10, poll_ms + poll_ms / 10, draw);
    if (failed) {
        uint64_t longest_ms = (uint64_t)AMPHI_ROLLOUT_RETRY_S * 1000 << schedule->failures;
        if (longest_ms < poll_ms)
            pause_ms = between(longest_ms / 2, longest_ms, draw);
        if (schedule->failures < FAILURES_MAX)
            schedule->failures++;
        if (retry_after_ms > pause_ms)
            pause_ms = retry_after_ms < 4 * poll_ms ? retry_after_ms : 4 * poll_ms;
    } else {
        schedule->failures = 0;
    }
    schedule->due_ms = now_ms + pause_ms;
}
