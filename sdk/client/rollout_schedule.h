/* SPDX-License-Identifier: Apache-2.0
 *
 * When the rollout's URL is looked at again: every so many seconds, give or take a tenth, so that a
 * fleet that was started together does not ask together; after a failure sooner, and then ever
 * later. Pure.
 */
#ifndef AMPHI_CLIENT_ROLLOUT_SCHEDULE_H
#define AMPHI_CLIENT_ROLLOUT_SCHEDULE_H

#include <amphi/error.h>

#define AMPHI_ROLLOUT_POLL_S     600u
#define AMPHI_ROLLOUT_POLL_MIN_S 60u
#define AMPHI_ROLLOUT_POLL_MAX_S 604800u
#define AMPHI_ROLLOUT_RETRY_S    30u /* after the first failure; then twice as long each time */

/* All zero: due at once. Times are those of amphi__clock_boot_ms. */
typedef struct amphi_rollout_schedule {
    uint64_t due_ms;
    uint32_t failures; /* in a row */
} amphi_rollout_schedule;

/* 0: it is due. */
uint64_t amphi__rollout_schedule_left_ms(const amphi_rollout_schedule *schedule, uint64_t now_ms);
/* After a look: its outcome, and a random number. retry_after_ms: as the server asked; 0: it did
 * not. */
void amphi__rollout_schedule_next(amphi_rollout_schedule *schedule, uint64_t now_ms,
    uint32_t poll_s, bool failed, uint32_t retry_after_ms, uint64_t draw);
/* Of any pause: give or take a quarter. */
uint32_t amphi__jitter_ms(uint32_t pause_ms, uint64_t draw);

#endif
