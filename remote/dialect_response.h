/* SPDX-License-Identifier: Apache-2.0
 *
 * What every dialect has in common in reading an HTTP response. The three forms are distinguished
 * here (server-sent events, one whole object, an error), bytes are kept as far as the form needs
 * it, and engine events are reported to the sink, the last one exactly once. Each dialect's answer
 * has one of these inside and feeds it in the same order: headers, body*, end. One thread at a
 * time.
 */
#ifndef AMPHI_REMOTE_DIALECT_RESPONSE_H
#define AMPHI_REMOTE_DIALECT_RESPONSE_H

#include "remote/dialect.h"
#include "remote/json_repair.h"
#include "remote/sse.h"

#include "sdk/core/json.h"

#define AMPHI_RESPONSE_BYTES_MAX (8u << 20) /* of one whole object */

typedef enum amphi_dialect_response_form {
    AMPHI_RESPONSE_UNKNOWN = 0, /* nothing but blanks so far */
    AMPHI_RESPONSE_EVENTS,      /* an event stream */
    AMPHI_RESPONSE_WHOLE,       /* one JSON object */
    AMPHI_RESPONSE_ERROR        /* an HTTP status that is no success: its body explains */
} amphi_dialect_response_form;

typedef struct amphi_dialect_response {
    /* Only the size of its prefix is used. */
    amphi_answer_options options;
    amphi_answer_phase phase;
    amphi_dialect_response_form form;
    bool promised_events; /* by its content type */
    bool at_end;          /* of the body: an event that is no JSON is one that was cut */
    bool model_reported;
    int http_status;
    uint32_t retry_ms;
    amphi_tristate should_retry; /* by its headers */
    char request_id[128];        /* likewise; empty: it named none */
    amphi_sse sse;
    /* AMPHI_RESPONSE_WHOLE and _ERROR: the body. */
    amphi_buf whole;
    amphi_buf repaired;            /* the event under way, where it had to be */
    bool is_repaired;              /* its texts may hold halves of pairs (json_repair.h) */
    amphi_surrogates pair;         /* of the answer's text */
    amphi_surrogates thought_pair; /* of the thinking */
} amphi_dialect_response;

/* `visit(user, ...)` gets the events. */
void amphi__dialect_response_init(amphi_dialect_response *response,
    const amphi_answer_options *options, amphi_sse_fn *visit, void *user);
void amphi__dialect_response_clear(amphi_dialect_response *response);

amphi_answer_phase amphi__dialect_response_headers(amphi_dialect_response *response,
    int http_status, const amphi_http_header *headers, size_t count);
amphi_answer_phase amphi__dialect_response_body(amphi_dialect_response *response, amphi_str piece);

void amphi__dialect_response_report(
    const amphi_dialect_response *response, const amphi_engine_event *event);
/* Nothing when the text is empty. */
void amphi__dialect_response_text(
    amphi_dialect_response *response, amphi_engine_event_kind kind, amphi_str text);
/* Checks an event's JSON, repaired where that has one meaning. AMPHI_OK: *text may be parsed. */
amphi_status amphi__dialect_response_check(
    amphi_dialect_response *response, amphi_str *text, bool *has_special);
/* A sign of life without words. */
void amphi__dialect_response_alive(const amphi_dialect_response *response);
/* The model's name, the first time that there is one. */
void amphi__dialect_response_model(amphi_dialect_response *response, amphi_str model);
/* A count of tokens; 0 for anything else. */
uint32_t amphi__dialect_response_tokens(const amphi_json *value);
/* The usage, if there is one, and FINISH. */
void amphi__dialect_response_finish(
    amphi_dialect_response *response, const amphi_usage *usage, amphi_finish finish);

/* FAIL; nothing once the response has ended. */
void amphi__dialect_response_fail(
    amphi_dialect_response *response, amphi_status status, const char *message);
void amphi__dialect_response_fail_with(amphi_dialect_response *response, const amphi_error *error);
/* FAIL for an event that is not JSON or could not be read: `status` is AMPHI_E_NO_MEMORY or else
 * AMPHI_E_PROTOCOL, at the end of the body AMPHI_E_TRUNCATED. Nothing where the answer is complete
 * and the event could only have held its usage. */
void amphi__dialect_response_fail_event(amphi_dialect_response *response, amphi_status status);
/* FAIL with the reason that the provider gives in `body`. */
void amphi__dialect_response_fail_from_body(amphi_dialect_response *response, amphi_str body);

#endif
