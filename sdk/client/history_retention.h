/* SPDX-License-Identifier: Apache-2.0
 *
 * Retention as the client's options ask for it, for the background thread.
 */
#ifndef AMPHI_CLIENT_HISTORY_RETENTION_H
#define AMPHI_CLIENT_HISTORY_RETENTION_H

#include "sdk/client/client.h"

/* Takes away what is too old or too much. Blocks for the store; does nothing where the options set
 * no limit. */
void amphi__history_retain(amphi_client *client);

#endif
