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
#include "remote/http_curl_error.h"
#include "remote/http_request.h"
#include "remote/http_response.h"
#include "remote/remote.h"

#include "sdk/core/alloc.h"
#include "sdk/core/buf.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#include <curl/curl.h>

#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    WARM_TIMEOUT_MS = 10000,
    IDLE_CONNECTION_S = 60, /* older idle connections aren't trusted to be alive */
    CONNECTIONS_MAX = 8,
    POLL_MS = 1000, /* only a net under the wake-ups */
    SENDS_MAX = 2,  /* of one request, by curl's own second tries */
};

/* A connection that said nothing for so long is not trusted with another request. */
static const uint64_t silent_us = 1000000;

typedef struct transport {
    CURLM *multi;
    amphi_thread thread;
    amphi_mutex mutex;
    amphi_cond ended;           /* some exchange has ended */
    amphi_http_exchange *queue; /* under the mutex: what the I/O thread has to look at */
    bool stop;                  /* under the mutex */
    amphi_http_exchange *warm;  /* I/O thread: those that nobody waits for */
    unsigned in_multi;          /* I/O thread: how many exchanges are in the multi handle */
    bool has_brotli;
} transport;

struct amphi_http_exchange {
    transport *owner;
    CURL *easy;
    struct curl_slist *request_headers;
    char *body;
    bool is_warm;          /* nobody's: freed by the I/O thread */
    bool is_loopback_http; /* plain http: connects to loopback or not at all */

    /* The I/O thread's. */
    bool in_multi;
    bool has_spoken; /* a piece of its body has come */
    amphi_http_response response;
    char curl_message[CURL_ERROR_SIZE];
    int sends;         /* how often curl was about to send the request */
    uint64_t heard_us; /* when the last byte came, or else when it was started */
    amphi_http_exchange *next_warm;

    atomic_bool cancelled;
    /* Under the mutex. */
    amphi_http_exchange *next_queued;
    bool is_queued;
    bool has_ended;
};

/* ---- curl's callbacks, on the I/O thread ---------------------------------------------------- */

static bool stop_if_cancelled(amphi_http_exchange *exchange)
{
    if (!atomic_load(&exchange->cancelled))
        return false;
    amphi__fail(&exchange->response.failure, AMPHI_E_CANCELLED, 0, "cancelled");
    return true;
}

/* curl is about to send the request, on whatever connection. */
static int on_request(void *user, char *to, char *from, int to_port, int from_port)
{
    amphi_http_exchange *exchange = user;
    if (++exchange->sends <= SENDS_MAX)
        return CURL_PREREQFUNC_OK;
    amphi__fail(&exchange->response.failure, AMPHI_E_NETWORK, 0,
        "the server closed the connection without an answer, more than once");
    return CURL_PREREQFUNC_ABORT;
}

/* Both return anything but `bytes` to stop curl. */
static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    amphi_http_exchange *exchange = user;
    size_t bytes = size * count;
    exchange->heard_us = amphi__clock_us(NULL);
    bool goes_on = !stop_if_cancelled(exchange) && amphi__http_response_line(&exchange->response,
                                                       amphi_str_make(data, bytes)) == AMPHI_OK;
    return goes_on ? bytes : bytes + 1;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    amphi_http_exchange *exchange = user;
    size_t bytes = size * count;
    exchange->heard_us = amphi__clock_us(NULL);
    bool goes_on = !stop_if_cancelled(exchange) && amphi__http_response_body(&exchange->response,
                                                       amphi_str_make(data, bytes)) == AMPHI_OK;
    /* Who was woken by these first words may stand behind us in the queue of this core. If nobody
     * else waits for us, he comes first. */
    if (!exchange->has_spoken && exchange->owner->in_multi == 1)
        sched_yield();
    exchange->has_spoken = true;
    return goes_on ? bytes : bytes + 1;
}

static bool is_loopback_address(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    return false;
}

/* No socket is inherited by the worker process; plain http has one more check that it stays here,
 * whatever "localhost" resolves to. */
static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    const amphi_http_exchange *exchange = user;
    if (exchange->is_loopback_http && !is_loopback_address(&address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- Setting up an exchange, on the caller's thread ----------------------------------------- */

static void wipe_list(struct curl_slist *list)
{
    for (struct curl_slist *node = list; node != NULL; node = node->next)
        amphi__wipe(node->data, strlen(node->data)); /* one of them is the API key */
    curl_slist_free_all(list);
}

static amphi_status add_header_line(amphi_http_exchange *exchange, const char *line)
{
    struct curl_slist *longer = curl_slist_append(exchange->request_headers, line);
    if (longer == NULL)
        return AMPHI_E_NO_MEMORY;
    exchange->request_headers = longer;
    return AMPHI_OK;
}

static amphi_status add_headers(
    amphi_http_exchange *exchange, const amphi_http_request *request, amphi_error *error)
{
    /* No waiting for "100 Continue", which some servers never send. */
    if (add_header_line(exchange, "Expect:") != AMPHI_OK)
        return amphi__fail_no_memory(error);
    for (size_t i = 0; i < request->headers_count; i++) {
        const amphi_http_header *header = &request->headers[i];
        amphi_buf line;
        amphi__buf_init(&line, 64u << 10);
        amphi__buf_reserve(&line, header->name.size + header->value.size + 2);
        amphi__buf_append_str(&line, header->name);
        amphi__buf_append_c(&line, ": ");
        amphi__buf_append_str(&line, header->value);
        amphi_status status =
            line.status == AMPHI_OK ? add_header_line(exchange, line.data) : line.status;
        amphi__buf_wipe(&line);
        if (status != AMPHI_OK)
            return amphi__fail(error, status, 0, "headers: number %zu is too long", i);
    }
    return AMPHI_OK;
}

/* setopt remembers the first failure: only lack of memory is possible where types are right. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(easy, option, value);                                          \
    } while (0)

static CURLcode set_string(CURL *easy, CURLoption option, amphi_str value)
{
    char *copy = amphi__str_copy(value);
    CURLcode code = copy != NULL ? curl_easy_setopt(easy, option, copy) : CURLE_OUT_OF_MEMORY;
    amphi__free(copy);
    return code;
}

static CURLcode set_tls(CURL *easy, const amphi_http_request *request)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION,
        request->tls12 ? (long)CURL_SSLVERSION_TLSv1_2 : (long)CURL_SSLVERSION_TLSv1_3);
    if (code == CURLE_OK && request->ca_file.size > 0) {
        code = set_string(easy, CURLOPT_CAINFO, request->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* the system's directory would still be accepted */
    }
    if (code == CURLE_OK && request->pins.size > 0)
        code = set_string(easy, CURLOPT_PINNEDPUBLICKEY, request->pins);
    return code;
}

static CURLcode set_limits(CURL *easy, const amphi_http_request *request, bool is_warm)
{
    CURLcode code = CURLE_OK;
    uint32_t connect_ms = request->connect_timeout_ms;
    uint32_t total_ms = is_warm ? WARM_TIMEOUT_MS : request->total_timeout_ms;
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_ms > 0 ? connect_ms : CONNECT_TIMEOUT_MS));
    SET(CURLOPT_TIMEOUT_MS, (long)total_ms);
    SET(CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_S);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a hanging name look-up must not hold the I/O thread */
    return code;
}

static CURLcode set_callbacks(CURL *easy, amphi_http_exchange *exchange)
{
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PRIVATE, exchange);
    SET(CURLOPT_ERRORBUFFER, exchange->curl_message);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_PREREQFUNCTION, on_request);
    SET(CURLOPT_PREREQDATA, exchange);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, exchange);
    return code;
}

static CURLcode set_request(
    amphi_http_exchange *exchange, const amphi_http_request *request, const amphi_url *url)
{
    CURL *easy = exchange->easy;
    CURLcode code = set_string(easy, CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, url->is_https ? "https" : "http");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_ACCEPT_ENCODING, exchange->owner->has_brotli ? "gzip, br" : "gzip");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HTTPHEADER, exchange->request_headers);
    if (url->is_loopback)
        SET(CURLOPT_NOPROXY, "*");
    if (exchange->is_warm) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (amphi__str_equal_c(request->method, "POST")) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        SET(CURLOPT_POSTFIELDS, exchange->body);
    }
    return code;
}

static void exchange_free(amphi_http_exchange *exchange)
{
    if (exchange == NULL)
        return;
    curl_easy_cleanup(exchange->easy);
    wipe_list(exchange->request_headers);
    amphi__free(exchange->body);
    amphi__http_response_clear(&exchange->response);
    amphi__free(exchange);
}

static void sink_ignores_headers(
    void *self, int http_status, const amphi_http_header *headers, size_t count)
{
}

static void sink_ignores_body(void *self, amphi_str piece)
{
}

static void sink_ignores_end(void *self, const amphi_error *error)
{
}

static const amphi_http_sink warm_sink = {
    NULL, sink_ignores_headers, sink_ignores_body, sink_ignores_end};

/* sink NULL: a warm-up, which nobody waits for. */
static amphi_status exchange_new(amphi_http_exchange **out, transport *owner,
    const amphi_http_request *request, const amphi_http_sink *sink, amphi_error *error)
{
    amphi_url url;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    amphi_status status = amphi__http_request_check(request, &url, error);
    if (status != AMPHI_OK)
        return status;
    amphi_http_exchange *exchange = amphi__calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return amphi__fail_no_memory(error);
    exchange->owner = owner;
    exchange->is_warm = sink == NULL;
    exchange->is_loopback_http = !url.is_https;
    amphi__http_response_init(&exchange->response, request, sink != NULL ? sink : &warm_sink);
    exchange->easy = curl_easy_init();
    exchange->body = amphi__str_copy(request->body);
    if (exchange->easy == NULL || exchange->body == NULL) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = add_headers(exchange, request, error);
    if (status != AMPHI_OK)
        goto cleanup;
    code = set_callbacks(exchange->easy, exchange);
    code = code == CURLE_OK ? set_limits(exchange->easy, request, exchange->is_warm) : code;
    code = code == CURLE_OK ? set_tls(exchange->easy, request) : code;
    code = code == CURLE_OK ? set_request(exchange, request, &url) : code;
    if (code != CURLE_OK) {
        status =
            amphi__fail(error, code == CURLE_OUT_OF_MEMORY ? AMPHI_E_NO_MEMORY : AMPHI_E_ARGUMENT,
                code, "the HTTP library refused an option (curl %d)", (int)code);
        goto cleanup;
    }
    *out = exchange;
    exchange = NULL;
cleanup:
    exchange_free(exchange);
    return status;
}

/* ---- The I/O thread -------------------------------------------------------------------------- */

static void unlink_queued(transport *http, amphi_http_exchange *exchange)
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

static void unlink_warm(transport *http, amphi_http_exchange *exchange)
{
    for (amphi_http_exchange **at = &http->warm; *at != NULL; at = &(*at)->next_warm) {
        if (*at == exchange) {
            *at = exchange->next_warm;
            return;
        }
    }
}

/* The one end of an exchange. `error` NULL: whole. The exchange may be gone afterwards. */
static void finish(transport *http, amphi_http_exchange *exchange, const amphi_error *error)
{
    if (exchange->in_multi) {
        if (error != NULL && error->status == AMPHI_E_CANCELLED &&
            amphi__clock_us(NULL) - exchange->heard_us > silent_us)
            curl_easy_setopt(exchange->easy, CURLOPT_FORBID_REUSE, 1L);
        curl_multi_remove_handle(http->multi, exchange->easy);
        exchange->in_multi = false;
        http->in_multi--;
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
        exchange_free(exchange);
    }
}

static void start_or_cancel(transport *http, amphi_http_exchange *exchange)
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
    http->in_multi++;
    exchange->heard_us = amphi__clock_us(NULL);
}

/* false: the transport is being freed. */
static bool take_commands(transport *http)
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

static void take_results(transport *http)
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
        bool failed = amphi__http_curl_error_explain(exchange->easy, code, &exchange->response,
                          exchange->curl_message, &error) != AMPHI_OK;
        finish(http, exchange, failed ? &error : NULL);
    }
}

static void io_main(void *arg)
{
    transport *http = arg;
    while (take_commands(http)) {
        int running;
        curl_multi_perform(http->multi, &running);
        take_results(http);
        curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);
    }
    amphi_error error;
    amphi__fail(&error, AMPHI_E_CANCELLED, 0, "cancelled");
    while (http->warm != NULL)
        finish(http, http->warm, &error);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void enqueue(transport *http, amphi_http_exchange *exchange)
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
    transport *http = self;
    *out = NULL;
    amphi_http_exchange *exchange = NULL;
    amphi_status status = exchange_new(&exchange, http, request, sink, error);
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
    transport *http = self;
    if (exchange == NULL)
        return;
    transport_cancel(http, exchange);
    amphi__mutex_lock(&http->mutex);
    while (!exchange->has_ended)
        amphi__cond_wait(&http->ended, &http->mutex);
    amphi__mutex_unlock(&http->mutex);
    exchange_free(exchange);
}

/* A HEAD request without body or credentials: the connection stays in curl's pool, whatever the
 * server thinks of the request. (curl's CONNECT_ONLY connections can't be used again.) */
static void transport_warm(void *self, const amphi_http_request *request)
{
    amphi_http_request bare = *request;
    bare.headers = NULL;
    bare.headers_count = 0;
    bare.body = amphi_str_make(NULL, 0);
    amphi_http_exchange *exchange = NULL;
    if (exchange_new(&exchange, self, &bare, NULL, NULL) == AMPHI_OK)
        enqueue(self, exchange);
}

static void transport_free(void *self)
{
    transport *http = self;
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

/* Once per process and never undone: the app may use curl itself. */
static CURLcode global_code;

static void global_init(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

amphi_status amphi__http_new(amphi_http *out, amphi_error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    transport *http = amphi__calloc(1, sizeof *http);
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
