/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiving side of an exchange, between a transport's raw callbacks and the caller's sink:
 * header lines are gathered until the final answer's are complete, and every byte is counted. A
 * transport stops when one of these functions does not return AMPHI_OK, and ends the exchange with
 * `failure`. One thread at a time.
 */
#ifndef AMPHI_REMOTE_HTTP_RESPONSE_H
#define AMPHI_REMOTE_HTTP_RESPONSE_H

#include "sdk/core/buf.h"

#include <amphi/ext/http.h>

typedef struct amphi_http_response {
    amphi_http_sink sink;       /* where it is reported to */
    uint64_t body_limit_bytes;  /* decompressed */
    size_t headers_limit_bytes; /* of all answers */
    amphi_buf headers;          /* of the answer that is being read: lines with an LF behind each */
    size_t headers_count;       /* lines in `headers` */
    size_t headers_bytes;       /* of all answers, interim ones and trailers included */
    uint64_t body_bytes;        /* so far */
    int http_status;            /* 0: no status line yet */
    bool headers_done;          /* the final answer's headers were reported */
    amphi_error failure;        /* status AMPHI_OK: none */
} amphi_http_response;

void amphi__http_response_init(
    amphi_http_response *response, const amphi_http_request *request, const amphi_http_sink *sink);
void amphi__http_response_clear(amphi_http_response *response);
/* One line as it came ("HTTP/1.1 200 OK", a header, or the blank line behind them). */
amphi_status amphi__http_response_line(amphi_http_response *response, amphi_str line);
/* A piece of the body, decompressed. */
amphi_status amphi__http_response_body(amphi_http_response *response, amphi_str piece);

#endif
