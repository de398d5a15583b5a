/* SPDX-License-Identifier: Apache-2.0
 *
 * A reply: what every dialect has in common in reading an HTTP answer. It tells the three forms
 * apart (events, one whole object, a refusal), keeps what has to be kept, and reports to the sink,
 * at the end exactly once. Fed like a dialect's answer, which has one inside.
 */
#ifndef AMPHI_REMOTE_DIALECT_RESPONSE_H
#define AMPHI_REMOTE_DIALECT_RESPONSE_H

#include "remote/dialect.h"
#include "remote/sse.h"

#include "sdk/core/json.h"

#define AMPHI_REPLY_BYTES_MAX (8u << 20) /* of one whole object */

typedef enum amphi_reply_form {
    AMPHI_REPLY_UNKNOWN = 0, /* nothing but blanks so far */
    AMPHI_REPLY_EVENTS,
    AMPHI_REPLY_WHOLE,  /* one JSON object */
    AMPHI_REPLY_REFUSAL /* an HTTP status that is no success: its body explains */
} amphi_reply_form;

typedef struct amphi_reply {
    amphi_answer_options options; /* of the prefix only the size is looked at */
    amphi_answer_phase phase;
    amphi_reply_form form;
    bool promised_events; /* by its content type */
    bool at_end;          /* of the body: an event that is no JSON is one that was cut */
    bool model_told;
    int http_status;
    uint32_t retry_ms;
    amphi_sse sse;
    amphi_buf whole; /* AMPHI_REPLY_WHOLE and _REFUSAL */
} amphi_reply;

/* `visit(user, ...)` gets the events. */
void amphi__reply_init(
    amphi_reply *reply, const amphi_answer_options *options, amphi_sse_fn *visit, void *user);
void amphi__reply_clear(amphi_reply *reply);

amphi_answer_phase amphi__reply_headers(
    amphi_reply *reply, int http_status, const amphi_http_header *headers, size_t count);
amphi_answer_phase amphi__reply_body(amphi_reply *reply, amphi_str piece);

void amphi__reply_report(const amphi_reply *reply, const amphi_engine_event *event);
/* Nothing when the text is empty. */
void amphi__reply_text(const amphi_reply *reply, amphi_engine_event_kind kind, amphi_str text);
/* The model's name, the first time that there is one. */
void amphi__reply_model(amphi_reply *reply, amphi_str model);
/* A count of tokens; 0 for anything else. */
uint32_t amphi__reply_tokens(const amphi_json *value);
/* The usage, if there is one, and FINISH. */
void amphi__reply_finish(amphi_reply *reply, const amphi_usage *usage, amphi_finish finish);

/* FAIL; nothing once the reply has ended. */
void amphi__reply_fail(amphi_reply *reply, amphi_status status, const char *message);
void amphi__reply_fail_with(amphi_reply *reply, const amphi_error *error);
/* With the reason that the provider gives in `body`. */
void amphi__reply_refused(amphi_reply *reply, amphi_str body);

#endif
