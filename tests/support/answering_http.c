/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/answering_http.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

static amphi_status start(void *self, amphi_http_exchange **out, const amphi_http_request *request,
    const amphi_http_sink *sink, amphi_error *error)
{
    answering_http *http = self;
    amphi_error failure;
    atomic_fetch_add(&http->starts, 1);
    const answering_http_reply reply = http->answer(request);
    amphi_str body = amphi_str_from(reply.body);
    const amphi_http_header headers[] = {{AMPHI_STR("x-request-id"), AMPHI_STR("req_42")},
        {AMPHI_STR("content-type"), amphi__str_starts_with(body, AMPHI_STR("data:"))
                                        ? AMPHI_STR("text/event-stream")
                                        : AMPHI_STR("application/json")}};
    *out = self;
    if (reply.http_status != 0) {
        sink->headers(sink->self, reply.http_status, headers, 2);
        sink->body(sink->self, body);
        sink->end(sink->self, NULL);
    } else {
        amphi__fail(&failure, AMPHI_E_NETWORK, 0, "no route to it");
        sink->end(sink->self, &failure);
    }
    return AMPHI_OK;
}

static void cancel(void *self, amphi_http_exchange *exchange)
{
}

static void release(void *self, amphi_http_exchange *exchange)
{
    answering_http *http = self;
    atomic_fetch_add(&http->releases, 1);
}

static void free_nothing(void *self)
{
}

amphi_http answering_http_value(answering_http *http)
{
    static const amphi_http_ops ops = {.struct_size = sizeof ops,
        .name = "answering",
        .start = start,
        .cancel = cancel,
        .release = release,
        .free = free_nothing};
    return (amphi_http){&ops, http};
}
