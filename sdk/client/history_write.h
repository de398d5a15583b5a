/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes a finished request to the history: its own messages and the answer with its decision
 * record, in one transaction.
 */
#ifndef AMPHI_CLIENT_HISTORY_WRITE_H
#define AMPHI_CLIENT_HISTORY_WRITE_H

#include "sdk/client/stream.h"

/* AMPHI_OK as well when the request belongs to no conversation. */
amphi_status amphi__history_write_turn(
    amphi_stream *stream, const amphi_chat_result *result, amphi_error *error);

#endif
