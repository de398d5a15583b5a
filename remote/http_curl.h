/* SPDX-License-Identifier: Apache-2.0
 *
 * Insides of the curl transport, shared by its files: http_curl.c (the I/O thread and the table),
 * http_curl_exchange.c (one exchange: what curl is to do, and what it calls) and http_curl_tls.c.
 * Nothing else includes this.
 */
#ifndef AMPHI_REMOTE_HTTP_CURL_H
#define AMPHI_REMOTE_HTTP_CURL_H

#include "remote/http_response.h"

#include "sdk/core/awake.h"
#include "sdk/core/thread.h"

#include <curl/curl.h>

#include <stdatomic.h>

typedef struct amphi_http_curl {
    CURLM *multi;
    amphi_thread thread;
    amphi_mutex mutex;
    amphi_cond ended;            /* some exchange has ended */
    amphi_http_exchange *queue;  /* under the mutex: commands for the I/O thread */
    bool stop;                   /* under the mutex */
    amphi_http_exchange *warm;   /* I/O thread: the warm-ups under way */
    amphi_http_exchange *active; /* I/O thread: those in the multi handle */
    unsigned in_multi;           /* I/O thread: how many they are */
    amphi_awake awake;           /* I/O thread: while there are any */
    bool has_brotli;
} amphi_http_curl;

struct amphi_http_exchange {
    amphi_http_curl *owner;
    CURL *easy;
    struct curl_slist *request_headers;
    char *body;
    bool is_warm;          /* a warm-up: freed by the I/O thread */
    bool is_loopback_http; /* plain http: connects to loopback or not at all */
    uint32_t connect_ms;   /* limits of awake time */
    uint32_t total_ms;     /* 0: none */

    /* The I/O thread's. */
    bool in_multi;   /* added to the multi handle */
    bool has_spoken; /* a piece of its body has come */
    amphi_http_response response;
    char curl_message[CURL_ERROR_SIZE];
    int sends;         /* how often curl was about to send the request */
    uint64_t heard_us; /* when the last byte came, or else when it was started */
    uint64_t began_us; /* awake time: when it was started */
    uint64_t lost_us;  /* owner->awake.lost_us when it was started */
    amphi_http_exchange *next_warm;
    amphi_http_exchange *next_active;

    atomic_bool cancelled;
    /* Under the mutex. */
    amphi_http_exchange *next_queued;
    bool is_queued;
    bool has_ended;
};

/* Sets an option of `easy` unless `code` (a CURLcode) says that an earlier one was refused. */
#define AMPHI__CURL_SET(easy, code, option, value)                                                 \
    do {                                                                                           \
        if ((code) == CURLE_OK)                                                                    \
            (code) = curl_easy_setopt((easy), option, (value));                                    \
    } while (0)

/* http_curl_tls.c; the second copies `value`, which need not end in NUL. */
CURLcode amphi__http_curl_tls_set(CURL *easy, const amphi_http_request *request);
CURLcode amphi__http_curl_set_string(CURL *easy, CURLoption option, amphi_str value);

/* On the caller's thread. sink NULL: a warm-up, which has no caller and is freed by the I/O
 * thread. */
amphi_status amphi__http_curl_exchange_new(amphi_http_exchange **out, amphi_http_curl *owner,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error);
void amphi__http_curl_exchange_free(amphi_http_exchange *exchange); /* NULL is fine */
/* On the I/O thread: the limits of an exchange under way grow by the time in which the app was
 * frozen since it began. */
void amphi__http_curl_exchange_give_time(amphi_http_exchange *exchange, uint64_t lost_us);

#endif
