/* SPDX-License-Identifier: Apache-2.0
 *
 * A chat request as the client works with it: owned, validated, and always in the form of OpenAI's
 * chat-completions JSON, whichever of the two public forms it came in. Messages, tools and unknown
 * fields are passed on as they are.
 */
#ifndef AMPHI_CLIENT_REQUEST_H
#define AMPHI_CLIENT_REQUEST_H

#include "sdk/core/json.h"

#include <amphi/chat.h>
#include <amphi/ext/store.h>

typedef struct amphi_request {
    amphi_json *body;      /* object; "messages" holds only what this request brought */
    char *conversation_id; /* "" : none */
    char *answer_prefix;   /* beginning of the answer that the caller brought; "" : none */
    char *outbox_id;       /* not NULL: sent from this entry of the outbox */
    char *outbox_lease;    /* the lease it is sent under; NULL or "": not checked */
    amphi_mode mode;       /* DEFAULT: the client's */
    bool is_private;       /* never leaves the device */
    bool no_cache;         /* neither reads nor writes the response cache */
    bool no_store;         /* does not write it */
    amphi_cache_use cache; /* how it is used otherwise */
    bool no_queue;         /* fails rather than goes to the outbox */
    bool is_shown;         /* the answer is read as it comes: "stream" is true, or in the C form not
                              false */
    bool takes_replace;    /* and can be taken back: the C form, or an "amphi" member */
    bool needs_tools;      /* the body has tools */
    bool has_functions;    /* in their older form, "functions": calls are answered in that form */
    bool has_tool_turns;   /* a message calls a tool, or has a tool's result */
    bool needs_images;     /* a message has an image part */
    bool needs_audio;      /* a message has an audio part */
    bool wants_logprobs;   /* "logprobs": true */
    uint32_t unkept_count; /* messages at the beginning that stand before the history, and are not
                              kept in it */
    uint32_t tokens_max;   /* 0: not set */
    int64_t history_end;   /* of an outbox entry: the newest message of its conversation when it
                              was said; -1: not known */
    uint64_t only_routes;  /* bits: no other route may answer; 0: any may */
    uint64_t input_bytes;  /* of an embeddings request's input, which is not in the body */
    amphi_budgets budgets;
} amphi_request;

amphi_status amphi__request_from_struct(
    amphi_request *out, const amphi_chat_request *request, amphi_error *error);
amphi_status amphi__request_from_json(amphi_request *out, amphi_str json, amphi_error *error);
/* Settings in the form of the body's "amphi" member; empty: none. They fill in what it leaves open,
 * and only make it stricter. */
amphi_status amphi__request_add_settings(amphi_request *out, amphi_str json, amphi_error *error);
void amphi__request_clear(amphi_request *request);

/* The JSON form again, "amphi" member included: what the outbox keeps. */
amphi_status amphi__request_to_json(const amphi_request *request, amphi_buf *out);

/* The body for an engine: `history` (JSON array members without brackets, may be empty) before the
 * request's own messages, and answer_tokens_max where the request set no limit (0: none). */
amphi_status amphi__request_engine_body(
    const amphi_request *request, amphi_str history, uint32_t answer_tokens_max, amphi_buf *out);

/* Appends one message object for a stored message (no comma). */
amphi_status amphi__request_put_stored(amphi_buf *out, const amphi_store_message *message);

/* A role that messages may have. */
bool amphi__request_role_is_known(amphi_str role);

#endif
