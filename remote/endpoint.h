/* SPDX-License-Identifier: Apache-2.0
 *
 * Insides of a cloud endpoint, shared by endpoint.c (the engine: options, description) and
 * endpoint_run.c (one request from start to release). Nothing else includes this.
 */
#ifndef AMPHI_REMOTE_ENDPOINT_H
#define AMPHI_REMOTE_ENDPOINT_H

#include "remote/credentials.h"
#include "remote/dialect.h"
#include "remote/remote.h"

#include "sdk/core/awake.h"
#include "sdk/core/thread.h"

#include <stdatomic.h>

typedef struct amphi_remote_endpoint {
    /* Fixed after creation. Strings are never NULL. */
    char *name;
    char *url;            /* with the dialect's path */
    char *embeddings_url; /* with that of AMPHI_TASK_EMBEDDINGS */
    char *model;
    char *key_file;
    char *headers; /* lines; a secret may be among them */
    char *headers_file;
    char *ca_file;
    char *pins;
    uint32_t context_tokens_max;
    uint32_t priority;
    uint32_t weight;
    bool tls12;
    bool allow_http_loopback;
    bool is_loopback; /* the URL names this machine */
    amphi_http http;
    amphi_keys keys;
    const amphi_clock *clock;
    amphi_log log;
    const amphi_dialect *dialect;

    amphi_tristate prefix;           /* as configured; NO where the dialect has no such thing */
    amphi_continuation continuation; /* as configured */
    atomic_int continuation_guess;   /* amphi_continuation; answers' headers may say more */
    _Atomic uint64_t last_used_us;   /* boot time; 0: no answer from there yet */

    /* Runs that wait for a time limit, and the thread that enforces it (endpoint_run.c). */
    amphi_mutex mutex;
    amphi_cond changed;
    amphi_engine_run *timed;
    amphi_awake awake;
    amphi_thread timer_thread;
    bool timer_runs;
    amphi_engine_run *resends; /* runs whose request is to be sent once more */
    amphi_thread resend_thread;
    bool resend_runs;
    bool stop;
    amphi_request_forms forms; /* what its models want */

    amphi_token_cache token; /* has a lock of its own */
} amphi_remote_endpoint;

/* Where its credentials come from. */
amphi_credential_source amphi__endpoint_credentials(amphi_remote_endpoint *endpoint);
/* Fills in everything that is the same for all requests to this endpoint. */
void amphi__endpoint_http_request(const amphi_remote_endpoint *endpoint, amphi_http_request *out);

/* The engine table's entries of the same names. */
amphi_status amphi__endpoint_run_start(amphi_remote_endpoint *endpoint, amphi_engine_run **out,
    const amphi_engine_request *request, const amphi_engine_sink *sink, amphi_error *error);
void amphi__endpoint_run_cancel(amphi_engine_run *run);
void amphi__endpoint_run_release(amphi_engine_run *run);
amphi_status amphi__endpoint_list_models(amphi_remote_endpoint *endpoint, uint32_t timeout_ms,
    amphi_engine_model_fn *model, void *user, amphi_provider_error *provider, amphi_error *error);
/* Ends the threads, and frees the runs that were left to the timer's. */
void amphi__endpoint_run_stop_threads(amphi_remote_endpoint *endpoint);

#endif
