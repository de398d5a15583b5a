/* SPDX-License-Identifier: Apache-2.0
 *
 * The form that a request demands of its answer, as a grammar: response_format (JSON, or JSON of a
 * schema), or a tool_choice that requires a call. Such a call is written as JSON,
 * {"name": ..., "arguments": {...}}, which the parser of tool calls (tool_call_parser.h) turns into
 * one.
 */
#ifndef AMPHI_CONSTRAINT_ANSWER_GRAMMAR_H
#define AMPHI_CONSTRAINT_ANSWER_GRAMMAR_H

#include "local/constraint/grammar.h"
#include "sdk/core/json.h"

typedef enum amphi_answer_grammar_kind {
    AMPHI_ANSWER_GRAMMAR_FREE = 0, /* no grammar is made */
    AMPHI_ANSWER_GRAMMAR_JSON,
    AMPHI_ANSWER_GRAMMAR_CALL
} amphi_answer_grammar_kind;

/* A call, when tool_choice says "required", names a function, or is an object of an unknown form,
 * which compiling refuses. */
amphi_answer_grammar_kind amphi__answer_grammar_kind(const amphi_json *request);
/* Are there tools, and does tool_choice not say "none"? */
bool amphi__answer_grammar_may_call(const amphi_json *request);
/* The grammar of the form; clear it also after a failure. AMPHI_E_REQUEST, _UNSUPPORTED with the
 * field's or the schema's place. */
amphi_status amphi__answer_grammar_compile(
    amphi_grammar *out, const amphi_json *request, amphi_error *error);

#endif
