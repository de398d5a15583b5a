/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping the policy in force up to date with the rollout.
 */
#ifndef AMPHI_CLIENT_ROLLOUT_H
#define AMPHI_CLIENT_ROLLOUT_H

#include "sdk/client/client.h"

/* The app's document with the payload's value on top becomes the policy in force. */
amphi_status amphi__client_rollout_apply(amphi_client *client, amphi_error *error);
/* Fetches the payload again and applies it; a failure is logged. On the background thread, in every
 * round. */
void amphi__client_rollout_refresh(amphi_client *client);

#endif
