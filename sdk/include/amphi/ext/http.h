/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP transport. One exchange: headers, body pieces as they arrive, and exactly one end.
 */
#ifndef AMPHI_EXT_HTTP_H
#define AMPHI_EXT_HTTP_H

#include <amphi/error.h>

typedef struct amphi_http_exchange amphi_http_exchange; /* the transport's own */

/* FROZEN: an element of arrays. */
typedef struct amphi_http_header {
    amphi_str name;
    amphi_str value;
} amphi_http_header;

/* SIZED, read by the transport. */
typedef struct amphi_http_request {
    size_t struct_size;               /* in bytes; see amphi/types.h */
    amphi_str method;                 /* "GET" or "POST" */
    amphi_str url;                    /* https, or http to loopback where allow_http_loopback */
    const amphi_http_header *headers; /* in the order to be sent */
    size_t headers_count;             /* of `headers` */
    amphi_str body;                   /* of a POST; may be empty */
    amphi_str ca_file;                /* PEM; empty: the system's */
    amphi_str pins;                   /* "sha256//...;sha256//..."; empty: no pinning */
    bool tls12;                       /* accept TLS 1.2; default 1.3 only */
    bool allow_http_loopback;         /* accept http:// for 127.0.0.0/8, ::1 and localhost */
    uint32_t connect_timeout_ms;      /* 0: 10,000 */
    uint32_t total_timeout_ms;        /* 0: none */
    uint64_t body_limit_bytes;        /* of the answer, decompressed; 0: 64 MiB */
    uint32_t headers_limit_bytes;     /* 0: 64 KiB */
    /* `body` stays as it is until `end` has come, or `release` returned: it need not be copied. */
    bool body_is_kept;
} amphi_http_request;

static inline void amphi_http_request_init(amphi_http_request *request)
{
    memset(request, 0, sizeof *request);
    request->struct_size = sizeof *request;
}

/* FROZEN. Where an exchange reports to. Calls come from one thread of the transport, in order:
 * headers once, body any number of times, end exactly once and last. They must not block and must
 * not call `release` on their own exchange. Strings are valid for the call. */
typedef struct amphi_http_sink {
    void *self;
    /* The final answer's status line and headers (not those of 1xx). */
    void (*headers)(void *self, int http_status, const amphi_http_header *headers, size_t count);
    void (*body)(void *self, amphi_str piece);
    /* NULL error: the body is complete by the rules of HTTP. Otherwise AMPHI_E_OFFLINE, _NETWORK,
     * _TLS, _TIMEOUT, _LIMIT, _PROTOCOL, _TRUNCATED, _CANCELLED. */
    void (*end)(void *self, const amphi_error *error);
} amphi_http_sink;

/* TABLE. start, cancel and release are required; free is for the owner. */
typedef struct amphi_http_ops {
    size_t struct_size;
    const char *name;
    /* Any thread; never blocks. Everything in *request is copied. */
    amphi_status (*start)(void *self, amphi_http_exchange **out, const amphi_http_request *request,
        const amphi_http_sink *sink, amphi_error *error);
    /* Any thread, never blocks; `end` follows soon with AMPHI_E_CANCELLED if it had not come. */
    void (*cancel)(void *self, amphi_http_exchange *exchange);
    /* Any thread but the transport's: cancels if need be, waits until no sink call runs or will
     * come, frees. */
    void (*release)(void *self, amphi_http_exchange *exchange);
    /* Opens a connection ahead of use. Never blocks. NULL: unsupported. */
    void (*warm)(void *self, const amphi_http_request *request);
    /* Last call, after every exchange was released. */
    void (*free)(void *self);
} amphi_http_ops;

/* FROZEN. */
typedef struct amphi_http {
    const amphi_http_ops *ops;
    void *self;
} amphi_http;

#endif
