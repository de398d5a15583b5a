/* SPDX-License-Identifier: Apache-2.0
 *
 * Which HTTP status a failed request gets: 4xx where the client can correct it, 429 and 503 where
 * trying again later may help, 502 and 504 where a route failed behind the gateway. (401, 404, 405
 * and 413 are chosen in gateway.c, before there is a request; 200 and 202 after it.)
 */
#include "json_response.h"

unsigned gateway_http_status(amphi_status status)
{
    switch (status) {
    case AMPHI_E_ARGUMENT:
    case AMPHI_E_FORMAT:
    case AMPHI_E_LIMIT:
    case AMPHI_E_REQUEST:
    case AMPHI_E_CONTEXT_LENGTH:
    case AMPHI_E_CONTENT_FILTER:
    case AMPHI_E_UNSUPPORTED:
        return MHD_HTTP_BAD_REQUEST;
    case AMPHI_E_REFUSED:
        return MHD_HTTP_FORBIDDEN;
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_FULL:
        return MHD_HTTP_TOO_MANY_REQUESTS;
    case AMPHI_E_TIMEOUT:
        return MHD_HTTP_GATEWAY_TIMEOUT;
    case AMPHI_E_OFFLINE:
    case AMPHI_E_BUSY:
    case AMPHI_E_RESOURCE:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case AMPHI_E_INTERNAL:
    case AMPHI_E_NO_MEMORY:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    default:
        return MHD_HTTP_BAD_GATEWAY;
    }
}
