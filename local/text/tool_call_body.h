/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands inside a call's markers: JSON of several shapes, or parameters between tags. The
 * arguments keep the model's own text where it is JSON, so that no digit is lost.
 */
#ifndef AMPHI_TEXT_TOOL_CALL_BODY_H
#define AMPHI_TEXT_TOOL_CALL_BODY_H

#include "sdk/core/json.h"

typedef struct amphi_tool_call {
    amphi_buf name;
    amphi_buf arguments;
} amphi_tool_call;

void amphi__tool_call_clear(amphi_tool_call *call);
/* Reads up to `most` calls; *count 0: it is none (then nothing has to be cleared). known_only: a
 * name has to be among the tools. Fails only without memory. */
amphi_status amphi__tool_call_body_read(amphi_tool_call *calls, size_t most, size_t *count,
    amphi_str body, const amphi_json *tools, bool known_only);

#endif
