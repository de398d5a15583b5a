/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping the policy in force up to date with the rollout.
 */
#ifndef AMPHI_CLIENT_ROLLOUT_H
#define AMPHI_CLIENT_ROLLOUT_H

#include "sdk/client/client.h"
#include "sdk/client/rollout_schedule.h"

/* The app's document with the payload's value on top becomes the policy in force. */
amphi_status amphi__client_rollout_apply(amphi_client *client, amphi_error *error);
/* Reads the payload's file again, or looks at its URL when that is due and may be done; applies
 * it; a failure is logged. Returns in how many milliseconds it is due again. On the background
 * thread, in every round. */
uint64_t amphi__client_rollout_refresh(amphi_client *client, amphi_rollout_schedule *schedule);

#endif
