/* SPDX-License-Identifier: Apache-2.0
 *
 * Erasing for other parts of the client: retention, and what an earlier erasure left in the log.
 */
#ifndef AMPHI_CLIENT_HISTORY_ERASE_H
#define AMPHI_CLIENT_HISTORY_ERASE_H

#include "sdk/client/client.h"

/* Sets what->now_ms. `receipt` may be NULL. */
amphi_status amphi__history_erase(amphi_client *client, amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error);
/* May the conversation have been deleted since a request noted this epoch? Then nothing of it is
 * queued either. (Also true of one that was never there, when another was deleted meanwhile.) */
bool amphi__history_was_erased(amphi_client *client, amphi_str conversation_id, int64_t epoch);

#endif
