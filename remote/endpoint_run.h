/* SPDX-License-Identifier: Apache-2.0
 *
 * Insides of a run, shared by endpoint_run.c (one request from start to release), endpoint_timer.c
 * (its time limits) and endpoint_resend.c (its second form). Nothing else includes this.
 */
#ifndef AMPHI_REMOTE_ENDPOINT_RUN_H
#define AMPHI_REMOTE_ENDPOINT_RUN_H

#include "remote/endpoint.h"

/* First one, then: each of up to three fields in its other form, and new credentials. */
#define AMPHI_RUN_FIELDS_MAX 3
#define AMPHI_RUN_SENDS_MAX  (1 + AMPHI_RUN_FIELDS_MAX + 1)

/* Why a request is sent once more. */
typedef enum amphi_resend {
    AMPHI_RESEND_NO = 0,
    AMPHI_RESEND_FORM,       /* the provider named a field, which is sent otherwise now */
    AMPHI_RESEND_CREDENTIALS /* 401: they may have been renewed in between */
} amphi_resend;

struct amphi_engine_run {
    amphi_remote_endpoint *endpoint;
    amphi_engine_sink sink;
    const amphi_dialect *dialect; /* the endpoint's, or that of the request's task */
    const char *url;              /* likewise */
    amphi_answer *answer;         /* the transport's thread, or while none runs the resending one */
    amphi_credentials credentials; /* of the request under way: never repeated to the caller */

    /* The request, for as long as it may have to be sent again; strings are in `texts`. */
    amphi_engine_request request;
    amphi_buf texts[3];
    amphi_buf sent;           /* the body of the request under way: the transport reads it */
    amphi_buf model_name;     /* what is sent as "model"; empty: as the request says */
    uint64_t model;           /* what is learned belongs to it */
    amphi_request_form known; /* at the start */
    amphi_request_form form;  /* of the request under way */
    unsigned fields_changed;
    uint64_t bytes_sent;     /* as HTTP has it: bodies and header lines, of every send ... */
    uint64_t bytes_received; /* ... decompressed */
    bool wants_usage;        /* the client does, and waits for it */
    bool renewed;
    bool accepted;                      /* the server did not refuse the request under way */
    bool in_end;                        /* the transport's thread is in on_end */
    amphi_resend resend;                /* decided there */
    amphi_error failure;                /* of the request that is sent again ... */
    amphi_provider_error failure_words; /* ... in the provider's words */

    /* Under endpoint->mutex. */
    amphi_http_exchange *exchange;
    amphi_http_exchange *spent[AMPHI_RUN_SENDS_MAX]; /* of earlier sends; ended */
    size_t spent_count;
    unsigned sends; /* begun */
    bool cancelled; /* by the caller, or because it is being released */
    bool closing;
    bool closed;
    bool finished; /* its last event is FINISH */
    bool ended;
    bool released; /* the timer thread frees it */
    bool is_timed;
    bool is_held;         /* the timer thread is using it outside the mutex */
    bool is_to_be_resent; /* it is on the resending thread's list */
    bool is_resending;    /* that thread is using it outside the mutex */
    bool timed_out;       /* the timer thread has cancelled the rest of the exchange */
    uint64_t deadline_us; /* awake time */
    amphi_engine_run *next_timed;
    amphi_engine_run *next_resend;
};

/* Gathers credentials, writes and starts the request; events may come before it returns. */
amphi_status amphi__endpoint_run_send(
    amphi_engine_run *run, const amphi_credentials *refused, amphi_error *error);
/* Reports FAIL as the run's end, where no exchange is left to do it. */
void amphi__endpoint_run_fail(
    amphi_engine_run *run, const amphi_error *error, const amphi_provider_error *provider);
void amphi__endpoint_run_free(amphi_engine_run *run);

/* endpoint_timer.c, under the mutex. start: false: no thread could be started. */
bool amphi__endpoint_timer_start(amphi_engine_run *run, uint64_t limit_us);
void amphi__endpoint_timer_stop(amphi_engine_run *run);

/* endpoint_resend.c, under the mutex. queue: false: no thread could be started. */
bool amphi__endpoint_resend_queue(amphi_engine_run *run);
void amphi__endpoint_resend_unlink(amphi_engine_run *run);

#endif
