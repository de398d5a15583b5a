/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer in the terms of the Responses API: items that grow as the stream's events come, and the
 * typed events that tell of it. Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_RESPONSES_ANSWER_H
#define AMPHI_GATEWAY_RESPONSES_ANSWER_H

#include "json_writer.h"

#include <amphi/amphi.h>

typedef enum responses_item_kind {
    RESPONSES_REASONING_ITEM,
    RESPONSES_MESSAGE_ITEM,
    RESPONSES_CALL_ITEM
} responses_item_kind;

typedef struct responses_item {
    responses_item_kind kind;
    const char *status;    /* NULL: under way */
    bool is_refusal;       /* a message's part */
    bool is_custom;        /* a call of a custom tool */
    int64_t call_index;    /* of the stream's tool calls */
    gateway_json text;     /* escaped, without quotes: text, thoughts, arguments, input */
    gateway_json logprobs; /* elements */
    gateway_json name;     /* of a call: JSON string */
    gateway_json call_id;  /* likewise */
} responses_item;

typedef struct responses_answer {
    char id[640];
    char key[640]; /* in the ids of items: the response's id without its prefix */
    int64_t created_s;
    gateway_json echo; /* members that repeat the request */
    char model[128];
    bool emits;    /* events are wanted */
    bool has_text; /* something was shown that can't be taken back */
    bool takes_replace;
    gateway_json events; /* server-sent events that were not sent yet */
    int64_t sequence;
    responses_item *items;
    size_t items_count;
    size_t items_capacity;
    bool failed; /* out of memory, or more items than an answer may have */
} responses_answer;

void responses_answer_clear(responses_answer *answer);
/* response.created and response.in_progress. */
void responses_answer_begin(responses_answer *answer);
/* An event that is not terminal. false: the answer starts over, and words can't be taken back from
 * this client. */
bool responses_answer_take(responses_answer *answer, const amphi_event *event);

/* How a response ends. */
typedef struct responses_end {
    const char *status;     /* "completed", "incomplete", "failed", "queued" */
    const char *reason;     /* of an incomplete one */
    amphi_str usage;        /* chat completions' usage, JSON; or empty */
    amphi_str amphi;        /* the "amphi" member, JSON; or empty */
    amphi_str service_tier; /* that the provider used, JSON; or empty */
    amphi_str error_code;   /* of a failed one: JSON strings */
    amphi_str error_message;
} responses_end;

/* The events that end it. */
void responses_answer_end(responses_answer *answer, const responses_end *end);
/* The response object. */
void responses_answer_write(
    const responses_answer *answer, const responses_end *end, gateway_json *out);

#endif
