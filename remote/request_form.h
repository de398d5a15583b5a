/* SPDX-License-Identifier: Apache-2.0
 *
 * How requests for one endpoint and model have to look. A request goes out as the app wrote it;
 * when the provider refuses it because of one field, it is written once more in the other form, or
 * without the field, and what then succeeded is remembered. Only fields that steer or report are
 * ever left out: what an answer means never changes (no tool, format, stop string or message goes).
 */
#ifndef AMPHI_REMOTE_REQUEST_FORM_H
#define AMPHI_REMOTE_REQUEST_FORM_H

#include "sdk/core/buf.h"

/* The longest answer's field. */
typedef enum amphi_limit_form {
    AMPHI_LIMIT_AS_WRITTEN = 0,
    AMPHI_LIMIT_TOKENS,           /* "max_tokens" */
    AMPHI_LIMIT_COMPLETION_TOKENS /* "max_completion_tokens" */
} amphi_limit_form;

/* How this endpoint's streams end. */
typedef enum amphi_ending {
    AMPHI_ENDING_UNKNOWN = 0,
    AMPHI_ENDING_REASON, /* with a finish reason, once at least: without one an answer is cut */
    AMPHI_ENDING_DONE    /* never with one; [DONE] is the end */
} amphi_ending;

typedef struct amphi_request_form {
    amphi_limit_form limit;
    uint32_t left_out; /* fields that are not sent: bits by their place in a list */
    bool whole;        /* not streamed */
    amphi_ending ending;
} amphi_request_form;

bool amphi__request_form_equal(const amphi_request_form *a, const amphi_request_form *b);
/* Is this member of the app's body (its key between the quotes) not to be sent? */
bool amphi__request_form_leaves_out(const amphi_request_form *form, amphi_str key);

/* What a provider said of a request that it refused with 400 or 422. */
typedef struct amphi_request_refusal {
    amphi_str body;      /* the app's request */
    const char *message; /* the provider's */
    const char *param;   /* likewise; may be empty */
    bool streamed;       /* "stream" and "stream_options" were sent */
} amphi_request_refusal;

/* Changes the form so that the field that the provider names is sent otherwise. false: it names
 * none that was sent and may be changed, or the field's value is what is wrong. */
bool amphi__request_form_change(amphi_request_form *form, const amphi_request_refusal *refusal);

/* As a JSON object, for amphi_engine_request.learned; `url` is the one that it is true of. */
amphi_status amphi__request_form_write(
    amphi_buf *out, const amphi_request_form *form, const char *url);
/* Zero for what is unknown, malformed, or was learned of another URL. */
void amphi__request_form_read(amphi_request_form *out, amphi_str json, const char *url);

#define AMPHI_REQUEST_FORMS_MAX 16

/* What an endpoint has learned of its models. A caller's lock guards it. */
typedef struct amphi_request_forms {
    struct {
        uint64_t model; /* hash of its name; 0: free */
        amphi_request_form form;
    } places[AMPHI_REQUEST_FORMS_MAX];
    size_t next; /* the place that is given up next */
} amphi_request_forms;

uint64_t amphi__request_forms_model(amphi_str configured, amphi_str body);
/* NULL: nothing is known. */
const amphi_request_form *amphi__request_forms_find(
    const amphi_request_forms *forms, uint64_t model);
void amphi__request_forms_put(
    amphi_request_forms *forms, uint64_t model, const amphi_request_form *form);

#endif
