/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider's error response means: HTTP status and body in, one amphi_error out. Providers
 * agree on little here, so the wording of their messages is matched as well. Nothing of that
 * wording reaches our message except a short identifier ("rate_limit_exceeded"): it may quote
 * prompts and keys. Pure; any thread. (How long to wait: retry_after.h.)
 */
#ifndef AMPHI_REMOTE_PROVIDER_ERROR_H
#define AMPHI_REMOTE_PROVIDER_ERROR_H

#include <amphi/error.h>

typedef struct amphi_provider_verdict {
    amphi_error error;
    bool prefix_refused; /* the trailing assistant message was the reason */
} amphi_provider_verdict;

/* `body` may be anything; http_status 200 stands for an error object inside a stream.
 * header_retry_ms: from amphi__retry_after_ms; 0: a delay in the body counts. */
void amphi__provider_error_explain(amphi_provider_verdict *out, int http_status, amphi_str body,
    uint32_t header_retry_ms, bool prefix_sent);

#endif
