/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP exchange as curl sees it. The options are set by the thread that calls `start`: TLS
 * (http_curl_tls.c), time limits, headers, body. The callbacks run on the I/O thread; they count
 * every byte and stop curl when the exchange was cancelled, a limit is passed, or curl is about to
 * send the same request a third time.
 */
#include "remote/http_curl.h"

#include "remote/http_request.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

enum {
    CONNECT_TIMEOUT_MS = 10000,
    WARM_TIMEOUT_MS = 10000,
    IDLE_CONNECTION_S = 60, /* older idle connections aren't trusted to be alive */
    SENDS_MAX = 2,          /* of one request, by curl's own second tries */
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
    /* The thread that these first bytes woke may be queued behind this one on the same core. It
     * goes first unless another exchange is waiting. */
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
            return amphi__fail_grown(error, status, "headers: one of them is too long");
    }
    return AMPHI_OK;
}

/* setopt remembers the first failure: only lack of memory is possible where types are right. */
#define SET(option, value) AMPHI__CURL_SET(easy, code, option, value)

static long limit_ms(uint32_t ms, uint64_t more_ms)
{
    return ms + more_ms < INT_MAX ? (long)(ms + more_ms) : INT_MAX; /* curl takes no more */
}

static CURLcode set_time_limits(const amphi_http_exchange *exchange, uint64_t more_ms)
{
    CURL *easy = exchange->easy;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_CONNECTTIMEOUT_MS, limit_ms(exchange->connect_ms, more_ms));
    if (exchange->total_ms > 0)
        SET(CURLOPT_TIMEOUT_MS, limit_ms(exchange->total_ms, more_ms));
    return code;
}

void amphi__http_curl_exchange_give_time(amphi_http_exchange *exchange, uint64_t lost_us)
{
    (void)set_time_limits(exchange, lost_us / 1000); /* numbers need no memory */
}

static CURLcode set_limits(amphi_http_exchange *exchange, const amphi_http_request *request)
{
    CURL *easy = exchange->easy;
    uint32_t connect_ms = request->connect_timeout_ms;
    exchange->connect_ms = connect_ms > 0 ? connect_ms : CONNECT_TIMEOUT_MS;
    exchange->total_ms = exchange->is_warm ? WARM_TIMEOUT_MS : request->total_timeout_ms;
    CURLcode code = set_time_limits(exchange, 0);
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
    CURLcode code = amphi__http_curl_set_string(easy, CURLOPT_URL, request->url);
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
        SET(CURLOPT_POSTFIELDS, exchange->body != NULL ? exchange->body : request->body.data);
    }
    return code;
}

void amphi__http_curl_exchange_free(amphi_http_exchange *exchange)
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

amphi_status amphi__http_curl_exchange_new(amphi_http_exchange **out, amphi_http_curl *owner,
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
    bool is_kept = request->body_is_kept && request->body.size > 0;
    exchange->body = is_kept ? NULL : amphi__str_copy(request->body);
    if (exchange->easy == NULL || (exchange->body == NULL && !is_kept)) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = add_headers(exchange, request, error);
    if (status != AMPHI_OK)
        goto cleanup;
    code = set_callbacks(exchange->easy, exchange);
    code = code == CURLE_OK ? set_limits(exchange, request) : code;
    code = code == CURLE_OK ? amphi__http_curl_tls_set(exchange->easy, request) : code;
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
    amphi__http_curl_exchange_free(exchange);
    return status;
}
