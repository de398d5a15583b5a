/* SPDX-License-Identifier: Apache-2.0
 *
 * One POST to a telemetry collector, which the calling thread waits for.
 */
#ifndef AMPHI_CLIENT_TELEMETRY_POST_H
#define AMPHI_CLIENT_TELEMETRY_POST_H

#include "sdk/core/awake.h"
#include "sdk/core/buf.h"
#include "sdk/core/thread.h"

#include <amphi/ext/http.h>

#include <stdatomic.h>

typedef struct amphi_telemetry_post {
    const amphi_http *http;
    amphi_http_request request; /* without its body */
    uint32_t timeout_ms;
    const atomic_bool *cancel; /* set: it ends at once with AMPHI_E_CANCELLED */
    /* Out: */
    int http_status;         /* 0: none came */
    uint32_t retry_after_ms; /* 0: it names none, or a date */
    amphi_buf answer;        /* bounded; cleared by the caller */
} amphi_telemetry_post;

/* AMPHI_OK for any answer, whatever its status; otherwise how the exchange ended. */
amphi_status amphi__telemetry_post(
    amphi_telemetry_post *post, amphi_str url, amphi_str body, amphi_error *error);

#endif
