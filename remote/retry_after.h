/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a provider asks to wait before the next try. It says so in the header Retry-After (RFC
 * 9110, 10.2.3), in retry-after-ms or x-ratelimit-reset-*, in a member of the error object, or only
 * in its prose ("Please try again in 1.2s"). Every function returns milliseconds, at most a day; 0
 * means that nothing was found or that the time has passed. Pure but for the clock; any thread.
 */
#ifndef AMPHI_REMOTE_RETRY_AFTER_H
#define AMPHI_REMOTE_RETRY_AFTER_H

#include "sdk/core/json.h"

#include <amphi/ext/clock.h>
#include <amphi/ext/http.h>

/* From a response's headers: retry-after-ms, else Retry-After (seconds, or a date measured against
 * the response's own Date when it has one), else x-ratelimit-reset-requests and -tokens of what is
 * used up. clock NULL: the system's. */
uint32_t amphi__retry_after_ms(
    const amphi_http_header *headers, size_t count, const amphi_clock *clock);
/* From an error object: "retry_after" in seconds, or Google's "details"[]."retryDelay". */
uint32_t amphi__retry_after_error_ms(const amphi_json *error);
/* From an error's prose, in lower case: "try again in 1.2s", "retry after 3 seconds". */
uint32_t amphi__retry_after_prose_ms(amphi_str text);

/* "1.2s", "20ms", "6m0s", "3 seconds" at the beginning of `text`. */
uint32_t amphi__duration_ms(amphi_str text);
/* An HTTP date (RFC 9110, 5.6.7, in its three forms) as Unix seconds, or -1. */
int64_t amphi__http_date(amphi_str text);

#endif
