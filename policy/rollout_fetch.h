/* SPDX-License-Identifier: Apache-2.0
 *
 * Getting a rollout's files: a file's bytes, or one HTTPS exchange waited for.
 */
#ifndef AMPHI_POLICY_ROLLOUT_FETCH_H
#define AMPHI_POLICY_ROLLOUT_FETCH_H

#include "policy/policy.h"
#include "sdk/core/cancel.h"

#define AMPHI_ROLLOUT_PAYLOAD_MAX (1u << 20)
#define AMPHI_ROLLOUT_ETAG_MAX    256

/* How the server is reached. */
typedef struct amphi_rollout_transport {
    amphi_http http;
    bool allow_http_loopback;
    bool tls12;
    char *ca_file, *pins; /* never NULL */
    char *key_file;       /* likewise; read for each exchange */
} amphi_rollout_transport;

typedef struct amphi_rollout_fetch {
    amphi_buf body;
    size_t limit;                      /* in: most bytes of the body */
    char etag[AMPHI_ROLLOUT_ETAG_MAX]; /* in: to send, empty: none; out: the answer's */
    bool not_modified;                 /* 304: body is empty, what the caller has is fresh */
    amphi_cancel cancel;               /* in: ends a fetch from a URL early; word NULL: never */
} amphi_rollout_fetch;

/* The caller clears fetch->body, also after a failure. Blocks up to timeout_ms. `suffix` goes
 * behind the path (of a URL in front of its query). AMPHI_E_NOT_FOUND: there is no such file. */
amphi_status amphi__rollout_fetch(amphi_rollout_fetch *fetch,
    const amphi_rollout_transport *transport, const char *source, const char *suffix,
    uint32_t timeout_ms, amphi_error *error);

#endif
