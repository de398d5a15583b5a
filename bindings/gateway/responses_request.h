/* SPDX-License-Identifier: Apache-2.0
 *
 * A request of OpenAI's Responses API in the terms of chat completions. Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_RESPONSES_REQUEST_H
#define AMPHI_GATEWAY_RESPONSES_REQUEST_H

#include "exchange.h"
#include "json_writer.h"

/* Members of a request that this path reads; all others go on as they are. */
typedef enum responses_field {
    RESPONSES_INPUT,
    RESPONSES_INSTRUCTIONS,
    RESPONSES_MODEL,
    RESPONSES_STREAM,
    RESPONSES_STORE,
    RESPONSES_PREVIOUS,
    RESPONSES_TOOLS,
    RESPONSES_TOOL_CHOICE,
    RESPONSES_PARALLEL,
    RESPONSES_TEXT,
    RESPONSES_REASONING,
    RESPONSES_TOKENS_MAX,
    RESPONSES_TEMPERATURE,
    RESPONSES_TOP_P,
    RESPONSES_TOP_LOGPROBS,
    RESPONSES_METADATA,
    RESPONSES_INCLUDE,
    RESPONSES_TRUNCATION,
    RESPONSES_BACKGROUND,
    RESPONSES_CONVERSATION,
    RESPONSES_PROMPT,
    RESPONSES_MAX_TOOL_CALLS,
    RESPONSES_STREAM_OPTIONS,
    RESPONSES_AMPHI,
    RESPONSES_FIELD_COUNT
} responses_field;

typedef struct responses_request {
    amphi_str fields[RESPONSES_FIELD_COUNT]; /* pieces of the body; empty: missing */
    bool streams;
    bool stores;
    amphi_client *client;    /* whose history item references are looked up in */
    amphi_privacy privacy;   /* of what they brought */
    gateway_json others;     /* the members that go on as they are */
    gateway_failure failure; /* http_status 0: there is none */
    char param[64];          /* of the failure */
    char words[256];         /* likewise */
} responses_request;

/* Takes the body apart and refuses by name what can't be done. false: request->failure says why. */
bool responses_request_read(responses_request *request, amphi_str body);
void responses_request_clear(responses_request *request);
/* The chat-completions body into `out`. `history`: JSON of messages before those of the input,
 * without brackets; may be empty. *unkept_count: of its first messages, those that are not for the
 * conversation (the instructions). false: as above. */
bool responses_request_write(
    responses_request *request, amphi_str history, gateway_json *out, unsigned *unkept_count);
/* The members of a response that repeat the request. */
void responses_request_echo(const responses_request *request, gateway_json *out);

/* The beginning of the ids of reasoning items that come from here. */
#define RESPONSES_OWN_REASONING "rs_amphi"

/* responses_input.c: "input" as chat messages. */
bool responses_input_write(responses_request *request, gateway_json *out);
/* A refusal: param and words as printf has them. Always false. */
bool responses_refuse(responses_request *request, const char *param, const char *format, ...)
    AMPHI_PRINTF(3, 4);

#endif
