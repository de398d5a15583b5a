/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI streams tool calls as deltas: an index, now and then an id and a name, and pieces of the
 * arguments cut anywhere. This merges them into the array that a whole answer has.
 */
#ifndef AMPHI_CLIENT_TOOL_CALLS_H
#define AMPHI_CLIENT_TOOL_CALLS_H

#include "sdk/core/buf.h"

/* `merged` is empty or a JSON array (message.tool_calls); `delta` a JSON array
 * (delta.tool_calls). AMPHI_E_FORMAT when the delta is no such array; `merged` is then unchanged. */
amphi_status amphi__tool_calls_merge(amphi_buf *merged, amphi_str delta);

#endif
