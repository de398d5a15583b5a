/* SPDX-License-Identifier: Apache-2.0
 *
 * Tool calls in the forms that models write, turned into OpenAI's: JSON or XML-like parameters in
 * <tool_call>...</tool_call> (Hermes, Qwen, GLM), <function=name>...</function> (Qwen3-Coder, and
 * with JSON inside Llama 3.1), [TOOL_CALLS][...] and [TOOL_CALLS]name[ARGS]{...} (Mistral),
 * <|python_tag|>{...} and an answer that is only {"name": ..., "parameters": ...} (Llama 3).
 * Text streams through; what may be a call is held back until it is whole, and what turns out to
 * be none is text again: nothing is lost.
 */
#ifndef AMPHI_TEXT_TOOL_CALL_PARSER_H
#define AMPHI_TEXT_TOOL_CALL_PARSER_H

#include "sdk/core/json.h"

#define AMPHI_TOOL_ID_SIZE 9 /* letters and digits: what the strictest template (Mistral) takes */

/* One call: name and its arguments, a JSON object's text. Strings are valid for the call. */
typedef struct amphi_tool_call_sink {
    void *self;
    amphi_status (*text)(void *self, amphi_str text);
    amphi_status (*call)(void *self, amphi_str name, amphi_str arguments);
} amphi_tool_call_sink;

typedef struct amphi_tool_call_parser {
    const amphi_json *tools; /* the request's; borrowed */
    amphi_tool_call_sink sink;
    amphi_buf held;
    int state;
    int marker; /* the one that opened the call */
    uint32_t calls;
} amphi_tool_call_parser;

/* at_start: nothing of the answer exists yet. */
void amphi__tool_call_parser_init(amphi_tool_call_parser *parser, const amphi_json *tools,
    bool at_start, const amphi_tool_call_sink *sink);
void amphi__tool_call_parser_clear(amphi_tool_call_parser *parser);
amphi_status amphi__tool_call_parser_feed(amphi_tool_call_parser *parser, amphi_str text);
amphi_status amphi__tool_call_parser_finish(amphi_tool_call_parser *parser);
/* Is this a control token's text that a call begins or ends with? */
bool amphi__tool_call_marker(amphi_str text);

#endif
