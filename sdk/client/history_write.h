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

/* The turn as it is so far, as a draft: its own messages and the answer's beginning. Any thread;
 * what of the request is read does not change. A draft that can't be written is not missed. */
void amphi__history_write_draft(amphi_stream *stream, amphi_str text);
/* Of a request that has failed: its draft goes, for nothing of it is kept; but when the app ends
 * (amphi_client_free), what the user saw is kept as a partial answer. */
void amphi__history_end_draft(amphi_stream *stream);

#endif
