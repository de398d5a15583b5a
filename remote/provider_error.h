/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider's refusal means: HTTP status, headers and error object in, one amphi_error out.
 * Providers agree on little here, so the words they use are looked at as well. Nothing of what
 * they say reaches the message except a short identifier ("rate_limit_exceeded"): their prose
 * quotes prompts and keys.
 */
#ifndef AMPHI_REMOTE_PROVIDER_ERROR_H
#define AMPHI_REMOTE_PROVIDER_ERROR_H

#include "sdk/core/json.h"

#include <amphi/ext/clock.h>
#include <amphi/ext/http.h>

typedef struct amphi_provider_error {
    amphi_error error;
    bool prefix_refused; /* it is the trailing assistant message that was not liked */
} amphi_provider_error;

/* Retry-After (seconds or a date, measured against the answer's own Date when it has one) or
 * retry-after-ms, or else x-ratelimit-reset-requests and -tokens where nothing of theirs remains;
 * 0: the headers don't say. At most a day. clock NULL: the system's. */
uint32_t amphi__retry_after_ms(
    const amphi_http_header *headers, size_t count, const amphi_clock *clock);

/* `body` may be anything; http_status 200 stands for an error object inside a stream.
 * header_retry_ms: from amphi__retry_after_ms; without it a delay in the body counts. */
void amphi__provider_error_explain(amphi_provider_error *out, int http_status, amphi_str body,
    uint32_t header_retry_ms, bool prefix_sent);

/* "1.2s", "20ms", "6m0s", "3 seconds" at the beginning of `text`; 0 when it is none. */
uint32_t amphi__duration_ms(amphi_str text);
/* An HTTP date (RFC 9110, in its three forms) as Unix seconds, or -1. */
int64_t amphi__http_date(amphi_str text);

#endif
