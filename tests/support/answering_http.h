/* SPDX-License-Identifier: Apache-2.0
 *
 * A transport whose exchanges are over before their start returns, each with the reply that the
 * test gives to its request.
 */
#ifndef AMPHI_TESTS_ANSWERING_HTTP_H
#define AMPHI_TESTS_ANSWERING_HTTP_H

#include <amphi/ext/http.h>

#include <stdatomic.h>

typedef struct answering_http_reply {
    int http_status;  /* 0: the exchange itself fails, with AMPHI_E_NETWORK */
    const char *body; /* JSON, or the events of a stream */
} answering_http_reply;

/* On the thread that starts the exchange. */
typedef answering_http_reply answering_http_fn(const amphi_http_request *request);

typedef struct answering_http {
    answering_http_fn *answer;
    atomic_uint starts;
    atomic_uint releases;
} answering_http;

/* Each reply has the header "x-request-id: req_42". */
amphi_http answering_http_value(answering_http *http);

#endif
