/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP transport over libcurl, which only the http_curl files know. One I/O thread drives one
 * multi handle; other threads put exchanges into a queue (to be started or cancelled) and wake it
 * up. An easy handle is set up by the thread that calls `start` and belongs to the I/O thread from
 * then on until `ended`. Connections are kept and shared, HTTP/2 is used where it is offered.
 *
 * What is never done: plain http (but to this machine, where the caller allows it, and then never
 * through a proxy), redirects, cookies, netrc, credentials other than the given headers. curl's
 * own size limits don't hold for streams, so bytes are counted here, after decompression.
 *
 * Known limits: a body without length that is cut without close_notify looks whole to curl; the
 * dialects know better, because an answer has a finish reason. When a kept connection turns out to
 * be dead before any byte of an answer, or the server refuses the HTTP/2 stream, curl sends the
 * request once more on a new one; that it would do so five times is stopped in on_request. A kept
 * connection that was silent when its exchange was cancelled is closed: HTTP/2 would only give up
 * the stream, and the next request would wait on the same dead line.
 */
#include "remote/http_curl.h"

#include "remote/http_curl_error.h"
#include "remote/remote.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/heap.h"
#include "sdk/core/sized.h"

#include <sched.h>

enum {
    CONNECTIONS_MAX = 8,
    POLL_IDLE_MS = 1000, /* only a net under the wake-ups */
    POLL_MS = AMPHI_AWAKE_SLICE_US / 1000,
};

/* A connection that said nothing for so long is not trusted with another request. */
static const uint64_t silent_us = 1000000;

/* ---- The I/O thread -------------------------------------------------------------------------- */

static void unlink_queued(amphi_http_curl *http, amphi_http_exchange *exchange)
{
    amphi_http_exchange **at = &http->queue;
    while (exchange->is_queued && *at != NULL) {
        if (*at == exchange) {
            *at = exchange->next_queued;
            exchange->is_queued = false;
            return;
        }
        at = &(*at)->next_queued;
    }
}

static void unlink_active(amphi_http_curl *http, amphi_http_exchange *exchange)
{
    for (amphi_http_exchange **at = &http->active; *at != NULL; at = &(*at)->next_active) {
        if (*at == exchange) {
            *at = exchange->next_active;
            return;
        }
    }
}

static void unlink_warm(amphi_http_curl *http, amphi_http_exchange *exchange)
{
    for (amphi_http_exchange **at = &http->warm; *at != NULL; at = &(*at)->next_warm) {
        if (*at == exchange) {
            *at = exchange->next_warm;
            return;
        }
    }
}

/* The one end of an exchange. `error` NULL: whole. The exchange may be gone afterwards. */
static void finish(amphi_http_curl *http, amphi_http_exchange *exchange, const amphi_error *error)
{
    if (exchange->in_multi) {
        if (error != NULL && error->status == AMPHI_E_CANCELLED &&
            amphi__clock_us(NULL) - exchange->heard_us > silent_us)
            curl_easy_setopt(exchange->easy, CURLOPT_FORBID_REUSE, 1L);
        curl_multi_remove_handle(http->multi, exchange->easy);
        exchange->in_multi = false;
        http->in_multi--;
        unlink_active(http, exchange);
    }
    exchange->response.sink.end(exchange->response.sink.self, error);
    amphi__mutex_lock(&http->mutex);
    unlink_queued(http, exchange);
    exchange->has_ended = true;
    bool is_warm = exchange->is_warm;
    amphi__cond_broadcast(&http->ended);
    amphi__mutex_unlock(&http->mutex);
    if (is_warm) {
        unlink_warm(http, exchange);
        amphi__http_curl_exchange_free(exchange);
    }
}

static void start_or_cancel(amphi_http_curl *http, amphi_http_exchange *exchange)
{
    amphi_error error;
    if (atomic_load(&exchange->cancelled)) {
        amphi__fail(&error, AMPHI_E_CANCELLED, 0, "cancelled");
        finish(http, exchange, &error);
        return;
    }
    if (exchange->is_warm) {
        exchange->next_warm = http->warm;
        http->warm = exchange;
    }
    if (curl_multi_add_handle(http->multi, exchange->easy) != CURLM_OK) {
        amphi__fail_no_memory(&error);
        finish(http, exchange, &error);
        return;
    }
    exchange->in_multi = true;
    if (http->in_multi++ == 0)
        http->awake = (amphi_awake){0}; /* not read since the last exchange ended */
    exchange->began_us = amphi__awake_us(&http->awake, NULL);
    exchange->lost_us = http->awake.lost_us;
    exchange->next_active = http->active;
    http->active = exchange;
    exchange->heard_us = amphi__clock_us(NULL);
}

/* false: the transport is being freed. */
static bool take_commands(amphi_http_curl *http)
{
    for (;;) {
        amphi__mutex_lock(&http->mutex);
        bool stop = http->stop;
        amphi_http_exchange *exchange = http->queue;
        if (exchange != NULL)
            unlink_queued(http, exchange);
        amphi__mutex_unlock(&http->mutex);
        if (exchange == NULL)
            return !stop;
        start_or_cancel(http, exchange);
    }
}

/* curl gave up connecting, but awake time is left: the app was frozen while curl had its turn. The
 * exchange begins again, with what is left. */
static bool connect_again(amphi_http_curl *http, amphi_http_exchange *exchange, CURLcode code)
{
    uint64_t now_us = amphi__awake_us(&http->awake, NULL);
    uint64_t used_ms = (now_us - exchange->began_us) / 1000;
    if (code != CURLE_OPERATION_TIMEDOUT || exchange->sends > 0 ||
        http->awake.lost_us == exchange->lost_us || used_ms >= exchange->connect_ms)
        return false;
    exchange->connect_ms -= (uint32_t)used_ms;
    exchange->began_us = now_us;
    exchange->lost_us = http->awake.lost_us;
    amphi__http_curl_exchange_give_time(exchange, 0);
    curl_multi_remove_handle(http->multi, exchange->easy);
    return curl_multi_add_handle(http->multi, exchange->easy) == CURLM_OK;
}

static void take_results(amphi_http_curl *http)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        amphi_error error;
        char *opaque = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &opaque);
        amphi_http_exchange *exchange = (amphi_http_exchange *)(void *)opaque;
        if (connect_again(http, exchange, code))
            continue;
        bool failed = amphi__http_curl_error_explain(exchange->easy, code, &exchange->response,
                          exchange->curl_message, &error) != AMPHI_OK;
        finish(http, exchange, failed ? &error : NULL);
    }
}

/* curl's limits go by a clock that goes on while the app is frozen: what was lost is given back
 * before curl looks at it. */
static void give_back_frozen_time(amphi_http_curl *http)
{
    uint64_t lost_us = http->awake.lost_us;
    if (http->in_multi > 0)
        (void)amphi__awake_us(&http->awake, NULL);
    if (http->awake.lost_us == lost_us)
        return;
    for (amphi_http_exchange *at = http->active; at != NULL; at = at->next_active)
        amphi__http_curl_exchange_give_time(at, http->awake.lost_us - at->lost_us);
}

static void io_main(void *arg)
{
    amphi_http_curl *http = arg;
    while (take_commands(http)) {
        int running;
        give_back_frozen_time(http);
        curl_multi_perform(http->multi, &running);
        take_results(http);
        curl_multi_poll(http->multi, NULL, 0, http->in_multi > 0 ? POLL_MS : POLL_IDLE_MS, NULL);
    }
    amphi_error error;
    amphi__fail(&error, AMPHI_E_CANCELLED, 0, "cancelled");
    while (http->warm != NULL)
        finish(http, http->warm, &error);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void enqueue(amphi_http_curl *http, amphi_http_exchange *exchange)
{
    amphi__mutex_lock(&http->mutex);
    if (!exchange->has_ended && !exchange->is_queued) {
        exchange->is_queued = true;
        exchange->next_queued = http->queue;
        http->queue = exchange;
    }
    amphi__mutex_unlock(&http->mutex);
    curl_multi_wakeup(http->multi);
}

static amphi_status transport_start(void *self, amphi_http_exchange **out,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    amphi_http_curl *http = self;
    amphi_http_request own;
    *out = NULL;
    amphi_http_exchange *exchange = NULL;
    amphi_status status = AMPHI__SIZED_READ(amphi_http_request, &own, request, "request", error);
    if (status == AMPHI_OK)
        status = amphi__http_curl_exchange_new(&exchange, http, &own, sink, error);
    if (status == AMPHI_OK) {
        *out = exchange;
        enqueue(http, exchange);
        sched_yield(); /* the I/O thread may stand behind us on this core */
    }
    return status;
}

static void transport_cancel(void *self, amphi_http_exchange *exchange)
{
    if (!atomic_exchange(&exchange->cancelled, true))
        enqueue(self, exchange);
}

static void transport_release(void *self, amphi_http_exchange *exchange)
{
    amphi_http_curl *http = self;
    if (exchange == NULL)
        return;
    transport_cancel(http, exchange);
    amphi__mutex_lock(&http->mutex);
    while (!exchange->has_ended)
        amphi__cond_wait(&http->ended, &http->mutex);
    amphi__mutex_unlock(&http->mutex);
    amphi__http_curl_exchange_free(exchange);
}

/* A HEAD request without body or credentials: the connection stays in curl's pool, whatever the
 * server thinks of the request. (curl's CONNECT_ONLY connections can't be used again.) */
static void transport_warm(void *self, const amphi_http_request *request)
{
    amphi_http_request bare;
    if (AMPHI__SIZED_READ(amphi_http_request, &bare, request, "request", NULL) != AMPHI_OK)
        return;
    bare.headers = NULL;
    bare.headers_count = 0;
    bare.body = amphi_str_make(NULL, 0);
    amphi_http_exchange *exchange = NULL;
    if (amphi__http_curl_exchange_new(&exchange, self, &bare, NULL, NULL) == AMPHI_OK)
        enqueue(self, exchange);
}

static void transport_free(void *self)
{
    amphi_http_curl *http = self;
    if (http == NULL)
        return;
    if (http->thread.started) {
        amphi__mutex_lock(&http->mutex);
        http->stop = true;
        amphi__mutex_unlock(&http->mutex);
        curl_multi_wakeup(http->multi);
        amphi__thread_join(&http->thread);
    }
    curl_multi_cleanup(http->multi); /* NULL is fine */
    amphi__cond_clear(&http->ended);
    amphi__mutex_clear(&http->mutex);
    amphi__free(http);
}

static const amphi_http_ops transport_ops = {
    .struct_size = sizeof transport_ops,
    .name = "curl",
    .start = transport_start,
    .cancel = transport_cancel,
    .release = transport_release,
    .warm = transport_warm,
    .free = transport_free,
};

/* Once per process and never undone: the app may use curl itself. Its memory is wiped when freed,
 * because requests and answers pass through it, unless the app has initialized curl before. */
static CURLcode global_code;

static void global_init(void)
{
    global_code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, amphi__heap_alloc, amphi__heap_free,
        amphi__heap_realloc, amphi__heap_strdup, amphi__heap_calloc);
}

amphi_status amphi__http_new(amphi_http *out, amphi_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    amphi_http_curl *http = amphi__calloc(1, sizeof *http);
    if (http == NULL)
        return amphi__fail_no_memory(error);
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    http->has_brotli = (version->features & CURL_VERSION_BROTLI) != 0;
    amphi_status status = AMPHI_E_NO_MEMORY;
    if (global_code != CURLE_OK || amphi__mutex_init(&http->mutex) != AMPHI_OK ||
        amphi__cond_init(&http->ended) != AMPHI_OK)
        goto cleanup;
    http->multi = curl_multi_init();
    if (http->multi == NULL)
        goto cleanup;
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    status = amphi__thread_start(&http->thread, "amphi-http", io_main, http);
    if (status != AMPHI_OK)
        goto cleanup;
    out->ops = &transport_ops;
    out->self = http;
    http = NULL; /* the caller owns it now */
cleanup:
    transport_free(http);
    return status == AMPHI_OK ? AMPHI_OK : amphi__fail_no_memory(error);
}
