/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes a finished request to the history: its own messages and the answer with its decision
 * record, in one transaction.
 */
#ifndef AMPHI_CLIENT_HISTORY_WRITE_H
#define AMPHI_CLIENT_HISTORY_WRITE_H

#include "sdk/client/cache_lookup.h"
#include "sdk/client/stream.h"

/* AMPHI_OK as well when the request belongs to no conversation. *is_in_table: the same transaction
 * has put `cached` (NULL: none) into the cache's table. */
amphi_status amphi__history_write_turn(amphi_stream *stream, const amphi_chat_result *result,
    const amphi_store_cache_entry *cached, bool *is_in_table, amphi_error *error);

#endif
