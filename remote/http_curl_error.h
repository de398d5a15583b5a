/* SPDX-License-Identifier: Apache-2.0
 *
 * What a finished transfer of curl means to Amphi.
 */
#ifndef AMPHI_REMOTE_HTTP_CURL_ERROR_H
#define AMPHI_REMOTE_HTTP_CURL_ERROR_H

#include "remote/http_response.h"

#include <curl/curl.h>

/* AMPHI_OK for a body that is whole by the rules of HTTP; otherwise one of the errors that
 * ext/http.h names for a sink's `end`. `response`: what was read of it; a failure that is noted
 * there counts. `curl_message`: curl's error buffer. `error` is not NULL. */
amphi_status amphi__http_curl_error_explain(CURL *easy, CURLcode code,
    const amphi_http_response *response, const char *curl_message, amphi_error *error);

#endif
