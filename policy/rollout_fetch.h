/* SPDX-License-Identifier: Apache-2.0
 *
 * Getting a rollout payload: a file's bytes, or one HTTPS exchange waited for.
 */
#ifndef AMPHI_POLICY_ROLLOUT_FETCH_H
#define AMPHI_POLICY_ROLLOUT_FETCH_H

#include "policy/policy.h"
#include "sdk/core/cancel.h"

#define AMPHI_ROLLOUT_PAYLOAD_MAX (1u << 20)
#define AMPHI_ROLLOUT_ETAG_MAX    256

typedef struct amphi_rollout_fetch {
    amphi_buf body;
    char etag[AMPHI_ROLLOUT_ETAG_MAX]; /* in: to send, empty: none; out: the answer's */
    bool not_modified;                 /* 304: body is empty, what the caller has is fresh */
    amphi_cancel cancel;               /* in: ends a fetch from a URL early; word NULL: never */
} amphi_rollout_fetch;

/* The caller clears fetch->body. Blocks up to timeout_ms. */
amphi_status amphi__rollout_fetch_file(
    amphi_rollout_fetch *fetch, const char *path, amphi_error *error);
amphi_status amphi__rollout_fetch_url(amphi_rollout_fetch *fetch, const amphi_http *http,
    amphi_str url, bool allow_http_loopback, uint32_t timeout_ms, amphi_error *error);

#endif
