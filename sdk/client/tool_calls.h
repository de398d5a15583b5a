/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenAI streams tool calls as deltas: an index, now and then an id and a name, and pieces of the
 * arguments cut anywhere; a custom tool has a text, "input", in their place. This gathers them and
 * writes the array of a complete answer. Members that we do not know (Gemini's extra_content) are
 * kept as they came last.
 */
#ifndef AMPHI_CLIENT_TOOL_CALLS_H
#define AMPHI_CLIENT_TOOL_CALLS_H

#include "sdk/core/buf.h"
#include "sdk/core/json.h"

#define AMPHI_TOOL_CALLS_BYTES_MAX (8u << 20)
#define AMPHI_TOOL_OTHERS_MAX      8u /* unknown members of a call; more are left out */

typedef struct amphi_tool_other {
    amphi_buf key;
    amphi_buf json;
} amphi_tool_other;

typedef struct amphi_tool_call {
    amphi_buf id;
    amphi_buf type;
    amphi_buf name;
    amphi_buf arguments; /* of a custom tool: its input */
    bool is_custom;
    amphi_tool_other others[AMPHI_TOOL_OTHERS_MAX];
    size_t others_count;
} amphi_tool_call;

typedef struct amphi_tool_calls {
    amphi_tool_call *calls;
    size_t count;
    size_t bytes; /* of all deltas so far */
} amphi_tool_calls;

void amphi__tool_calls_clear(amphi_tool_calls *calls);
/* `delta` is a JSON array (delta.tool_calls). AMPHI_E_FORMAT when it is no such array,
 * AMPHI_E_LIMIT past 128 calls or 8 MiB of deltas. */
amphi_status amphi__tool_calls_add(amphi_tool_calls *calls, amphi_str delta);
/* Does the request's body offer the tool that this delta begins a call of? Not with tool_choice
 * "none"; a tool without a name (a provider's own) may be called by any. */
bool amphi__tool_calls_is_offered(const amphi_json *body, amphi_str delta);
/* Appends the array for message.tool_calls, or nothing when there are no calls. */
amphi_status amphi__tool_calls_write(const amphi_tool_calls *calls, amphi_buf *out);

#endif
