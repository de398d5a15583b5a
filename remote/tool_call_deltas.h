/* SPDX-License-Identifier: Apache-2.0
 *
 * Which tool call does a piece of delta.tool_calls belong to? OpenAI says: to the one of its
 * "index". Other servers leave the index out, give every call the index 0, begin with 1, or send
 * arguments as an object. What goes up to the client is OpenAI's form again, with indices that
 * count from 0 without gaps.
 */
#ifndef AMPHI_REMOTE_TOOL_CALL_DELTAS_H
#define AMPHI_REMOTE_TOOL_CALL_DELTAS_H

#include "sdk/core/json.h"

#include <amphi/ext/engine.h>

typedef enum amphi_tool_form {
    AMPHI_TOOL_DELTA, /* delta.tool_calls: pieces of calls */
    AMPHI_TOOL_WHOLE, /* message.tool_calls: every element is a call */
    AMPHI_TOOL_ONE    /* function_call: pieces of the one call that is */
} amphi_tool_form;

typedef struct amphi_tool_call_state {
    int64_t index;      /* the server's; -1: it gave none */
    uint64_t id_hash;   /* 0: no id so far */
    uint64_t name_hash; /* 0: no name so far */
    size_t depth;       /* brackets of the arguments that are open */
    bool has_arguments; /* some came */
    bool in_string;     /* of the arguments */
    bool after_backslash;
} amphi_tool_call_state;

typedef struct amphi_tool_call_deltas {
    amphi_tool_call_state calls[AMPHI_TOOL_CALLS_MAX];
    size_t count;
    size_t last; /* the call of the last piece */
} amphi_tool_call_deltas;

/* Writes the elements of `calls` as array elements; those that say nothing are left out. Returns
 * how many were written. SIZE_MAX: more than AMPHI_TOOL_CALLS_MAX calls, an error. */
size_t amphi__tool_call_deltas_write(amphi_tool_call_deltas *deltas, amphi_json_writer *writer,
    const amphi_json *calls, amphi_tool_form form);

/* The same for delta.function_call, the form before tool_calls: the one call there is. */
size_t amphi__tool_call_deltas_write_function(
    amphi_tool_call_deltas *deltas, amphi_json_writer *writer, const amphi_json *function);

#endif
