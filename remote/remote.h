/* SPDX-License-Identifier: Apache-2.0
 *
 * Front header of the cloud half: the HTTP transport, and one amphi_engine value per endpoint.
 */
#ifndef AMPHI_REMOTE_H
#define AMPHI_REMOTE_H

#include "sdk/core/log.h"

#include <amphi/ext/clock.h>
#include <amphi/ext/engine.h>
#include <amphi/ext/http.h>
#include <amphi/ext/keys.h>

/* libcurl (or, in builds without it, a transport that refuses everything): one I/O thread. */
amphi_status amphi__http_new(amphi_http *out, amphi_error *error);

/* Which wire format an endpoint speaks; one per file, all of them behind remote/dialect.h. */
typedef struct amphi_remote_options {
    amphi_endpoint_options endpoint; /* its strings are copied */
    bool allow_http_loopback;        /* accept http:// for this machine itself */
    amphi_http http;                 /* borrowed; outlives the engine */
    amphi_keys keys;                 /* borrowed; ops NULL or api_key NULL: the key file */
    const amphi_clock *clock;        /* NULL: the system's */
    amphi_log log;                   /* the client's */
} amphi_remote_options;

/* AMPHI_E_ARGUMENT names the field: an http URL that is not loopback, a bad pin, ... */
amphi_status amphi__remote_engine_new(
    amphi_engine *out, const amphi_remote_options *options, amphi_error *error);

#endif
