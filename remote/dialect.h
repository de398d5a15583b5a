/* SPDX-License-Identifier: Apache-2.0
 *
 * A dialect is a provider's wire format: how a chat request is written, and how its HTTP answer is
 * read into engine events. One per file; the rest of remote/ knows only this table.
 *
 * An answer object is fed by one thread at a time, in the order headers, body*, end, and reports
 * exactly one FINISH or FAIL to its sink, at the latest in `answer_end`.
 */
#ifndef AMPHI_REMOTE_DIALECT_H
#define AMPHI_REMOTE_DIALECT_H

#include "remote/request_form.h"

#include "sdk/core/buf.h"

#include <amphi/ext/clock.h>
#include <amphi/ext/engine.h>
#include <amphi/ext/http.h>

/* What the user says to a model that is to go on by AMPHI_CONTINUE_INSTRUCT; the message before it
 * is the answer's beginning. */
#define AMPHI_CONTINUE_INSTRUCTION                                                                 \
    "Your last message was cut off where it ends. Write only what comes next, starting with the "  \
    "very next character: if it ends inside a word, finish that word first. Do not repeat "        \
    "anything, do not greet, do not explain, and open no code block or list again."

typedef struct amphi_answer amphi_answer; /* the dialect's own */

/* What is still to come. */
typedef enum amphi_answer_phase {
    AMPHI_ANSWER_OPEN = 0, /* more of the answer */
    AMPHI_ANSWER_ENDING,   /* only trimmings (usage, the end marker, a refusal's words): wait for
                              them shortly, then call answer_end */
    AMPHI_ANSWER_ENDED     /* nothing: FINISH or FAIL was reported */
} amphi_answer_phase;

typedef struct amphi_dialect_request {
    amphi_str body;                  /* as in amphi_engine_request */
    amphi_str model;                 /* empty: the one that the body names */
    amphi_str prefix;                /* the answer's beginning; empty: from the start */
    amphi_continuation continuation; /* how to go on after it; AUTO: natively */
    amphi_request_form form;         /* what this endpoint and model want */
} amphi_dialect_request;

typedef struct amphi_answer_options {
    amphi_engine_sink sink;
    amphi_str prefix;         /* what was sent; copied */
    const amphi_clock *clock; /* NULL: the system's */
    /* That were sent, an LF behind each; taken out of what the provider says. Borrowed for the
     * answer's life. */
    amphi_str secrets;
    amphi_ending ending; /* how this endpoint's answers are known to end */
} amphi_answer_options;

typedef struct amphi_dialect {
    const char *name;
    const char *path; /* behind the endpoint's base URL */
    bool continues;   /* servers usually go on after a trailing assistant message */
    bool is_whole;    /* answers are one JSON object, never a stream of events */
    /* The HTTP request's JSON body. */
    amphi_status (*request_write)(
        amphi_buf *out, const amphi_dialect_request *request, amphi_error *error);
    amphi_status (*answer_new)(amphi_answer **out, const amphi_answer_options *options);
    amphi_answer_phase (*answer_headers)(
        amphi_answer *answer, int http_status, const amphi_http_header *headers, size_t count);
    amphi_answer_phase (*answer_body)(amphi_answer *answer, amphi_str piece);
    /* error NULL: the HTTP body ended cleanly, or the wait after ENDING is over. */
    void (*answer_end)(amphi_answer *answer, const amphi_error *error);
    /* What the answer has shown about this endpoint's ends; with FINISH and FAIL, and later. */
    amphi_ending (*answer_ending)(const amphi_answer *answer);
    void (*answer_free)(amphi_answer *answer); /* NULL is fine */
} amphi_dialect;

#endif
