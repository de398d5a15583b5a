/* SPDX-License-Identifier: Apache-2.0
 *
 * How a reply gets from the thread that computes it to libmicrohttpd's. While nothing is there to
 * be sent the connection is suspended; the thread that answers leaves a response, or more bytes of
 * it, and resumes the connection. libmicrohttpd then asks for them (server.c; read_pending here).
 */
#include "exchange_state.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PENDING_MAX = 256 << 10, /* a client that reads slowly gets no further ahead of itself */
    KEEP_ALIVE_MS = 10000,   /* between two signs of life in a stream without words */
    BLOCK = 16 << 10
};

uint64_t gateway_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

gateway_exchange *gateway_exchange_new(
    gateway_server *server, struct MHD_Connection *connection, const char *url, const char *method)
{
    pthread_condattr_t monotonic;
    gateway_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->server = server;
    exchange->connection = connection;
    exchange->entry = gateway_connection_of(connection);
    exchange->began_ms = gateway_now_ms();
    exchange->body_expected = SIZE_MAX;
    atomic_store(&exchange->references, 1);
    snprintf(exchange->method, sizeof exchange->method, "%s", method);
    snprintf(exchange->url, sizeof exchange->url, "%s", url);
    exchange->url_rest = "";
    snprintf(exchange->id, sizeof exchange->id, "req_%016llx%08llx",
        (unsigned long long)server->ids_from,
        (unsigned long long)atomic_fetch_add(&server->counted, 1));
    pthread_mutex_init(&exchange->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&exchange->drained, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return exchange;
}

/* Large bodies take turns in being read: all of them at the same time would leave no processor to
 * the connections' thread, and need room for as many trees. */
void gateway_turn_begin(gateway_exchange *exchange)
{
    if (exchange->body.size < GATEWAY_BODY_LARGE)
        return;
    while (sem_wait(&exchange->server->turns) != 0)
        continue; /* a signal */
    exchange->has_turn = true;
}

void gateway_turn_end(gateway_exchange *exchange)
{
    if (exchange->has_turn)
        sem_post(&exchange->server->turns);
    exchange->has_turn = false;
}

void gateway_body_drop(gateway_exchange *exchange)
{
    size_t size = exchange->body.size;
    gateway_body_free(&exchange->body);
    atomic_fetch_sub(&exchange->server->bodies_bytes, size);
}

void gateway_exchange_unref(gateway_exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->references, 1) > 1)
        return;
    gateway_body_drop(exchange);
    free(exchange->settings);
    if (exchange->response != NULL)
        MHD_destroy_response(exchange->response);
    gateway_wipe_and_free(exchange->pending, exchange->pending_capacity);
    pthread_cond_destroy(&exchange->drained);
    pthread_mutex_destroy(&exchange->lock);
    free(exchange);
}

/* ---- the request ---- */

amphi_client *gateway_client(const gateway_exchange *exchange)
{
    return exchange->server->options.client;
}

const char *gateway_url_of(const gateway_exchange *exchange)
{
    return exchange->url;
}

const char *gateway_url_rest(const gateway_exchange *exchange)
{
    return exchange->url_rest;
}

const char *gateway_request_id(const gateway_exchange *exchange)
{
    return exchange->id;
}

const char *gateway_header(const gateway_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

const char *gateway_method(const gateway_exchange *exchange)
{
    return exchange->method;
}

const char *gateway_argument(const gateway_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

amphi_str gateway_settings(const gateway_exchange *exchange)
{
    return amphi_str_from(exchange->settings != NULL ? exchange->settings : "");
}

amphi_str gateway_body(const gateway_exchange *exchange)
{
    return amphi_str_make(exchange->body.data, exchange->body.size);
}

/* Closing the sending side counts as gone: no HTTP client that wants its answer does that. Under
 * the lock, so that the socket is still this connection's. */
static bool has_hung_up(const gateway_exchange *exchange)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL)
        return false;
    struct pollfd end = {.fd = info->connect_fd, .events = POLLRDHUP};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool gateway_is_unwanted(gateway_exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
    bool unwanted =
        atomic_load(&exchange->server->stopping) || exchange->is_over || has_hung_up(exchange);
    pthread_mutex_unlock(&exchange->lock);
    return unwanted;
}

unsigned gateway_patience_ms(const gateway_exchange *exchange)
{
    unsigned patience_ms = exchange->server->options.client_timeout_s * 1000 / 3;
    return patience_ms < KEEP_ALIVE_MS ? patience_ms : KEEP_ALIVE_MS;
}

void gateway_note_answer(
    gateway_exchange *exchange, amphi_event_kind kind, const amphi_chat_result *result)
{
    snprintf(exchange->route, sizeof exchange->route, "%.*s", (int)result->route.size,
        result->route.data != NULL ? result->route.data : "");
    exchange->takeovers = result->takeovers_count;
    gateway_metrics_count_answer(exchange->server->metrics, kind, result);
}

void gateway_note_refused(gateway_exchange *exchange, amphi_status status)
{
    gateway_metrics_count_refused(exchange->server->metrics, status);
}

/* ---- the reply ---- */

/* Under the lock. */
static void resume(gateway_exchange *exchange)
{
    if (!exchange->is_suspended)
        return;
    exchange->is_suspended = false;
    MHD_resume_connection(exchange->connection);
}

static void add_common_headers(gateway_exchange *exchange, struct MHD_Response *response)
{
    const gateway_server *server = exchange->server;
    const char *origin = gateway_header(exchange, MHD_HTTP_HEADER_ORIGIN);
    MHD_add_response_header(response, "X-Request-Id", exchange->id);
    if (atomic_load(&server->draining) || exchange->discarded > 0 ||
        gateway_connection_is_too_many(exchange->entry))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (exchange->allows_origin && origin != NULL) {
        MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
        MHD_add_response_header(response, "Access-Control-Expose-Headers",
            "X-Request-Id, Retry-After, Retry-After-Ms, X-Should-Retry");
        MHD_add_response_header(response, "Vary", "Origin");
    }
}

/* Takes the response. NULL: the connection is cut. */
static void deliver(gateway_exchange *exchange, unsigned http_status, struct MHD_Response *response)
{
    pthread_mutex_lock(&exchange->lock);
    exchange->response = response;
    exchange->http_status = http_status;
    exchange->is_replied = true;
    if (!exchange->is_streamed)
        resume(exchange); /* a stream goes out with its first bytes, not before */
    pthread_mutex_unlock(&exchange->lock);
}

void gateway_reply_response(
    gateway_exchange *exchange, unsigned http_status, struct MHD_Response *response)
{
    if (response != NULL)
        add_common_headers(exchange, response);
    deliver(exchange, http_status, response);
}

static struct MHD_Response *json_response(gateway_exchange *exchange, char *json)
{
    struct MHD_Response *response =
        json != NULL ? MHD_create_response_from_buffer(strlen(json), json, MHD_RESPMEM_MUST_FREE)
                     : NULL;
    if (response == NULL) {
        free(json);
        return NULL;
    }
    exchange->bytes_sent = strlen(json);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    add_common_headers(exchange, response);
    return response;
}

void gateway_reply_json(gateway_exchange *exchange, unsigned http_status, char *json)
{
    deliver(exchange, http_status, json_response(exchange, json));
}

void gateway_write_escaped(char *out, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text != '\0' && at + 3 < size; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = (unsigned char)*text < 0x20 ? ' ' : *text;
    }
    while (*text != '\0' && at > 0 && ((unsigned char)*text & 0xC0) == 0x80) {
        text--;
        at--;
    }
    out[at] = '\0';
}

/* "text" with its quotes, or null. */
static void write_string(char *out, size_t size, const char *text)
{
    if (text == NULL) {
        snprintf(out, size, "null");
        return;
    }
    out[0] = '"';
    gateway_write_escaped(out + 1, size - 2, text);
    strcat(out, "\"");
}

static void add_retry_headers(
    struct MHD_Response *response, unsigned http_status, uint32_t retry_after_ms, bool try_again)
{
    char number[16];
    if (http_status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (retry_after_ms > 0) {
        snprintf(number, sizeof number, "%u", (retry_after_ms + 999) / 1000);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, number);
        snprintf(number, sizeof number, "%u", retry_after_ms);
        MHD_add_response_header(response, "Retry-After-Ms", number);
    }
    MHD_add_response_header(response, "X-Should-Retry", try_again ? "true" : "false");
}

/* Takes `json`. */
static void deliver_failure(gateway_exchange *exchange, unsigned http_status, char *json,
    uint32_t retry_after_ms, bool try_again)
{
    struct MHD_Response *response = json_response(exchange, json);
    if (response != NULL) {
        if (exchange->allow[0] != '\0')
            MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, exchange->allow);
        add_retry_headers(response, http_status, retry_after_ms, try_again);
    }
    deliver(exchange, http_status, response);
}

void gateway_reply_error(
    gateway_exchange *exchange, const amphi_error *error, const amphi_provider_error *provider)
{
    char *json = NULL;
    uint32_t http_status = 0;
    bool try_again = false;
    if (amphi_error_json(&json, &http_status, &try_again, error, provider, NULL) != AMPHI_OK)
        json = NULL;
    char *copy = json != NULL ? strdup(json) : NULL;
    amphi_string_free(json);
    deliver_failure(exchange, http_status, copy, error->retry_after_ms, try_again);
}

void gateway_reply_failure(gateway_exchange *exchange, const gateway_failure *failure)
{
    enum { MESSAGE_MAX = 2048, SIZE = MESSAGE_MAX + 768 };
    char message[MESSAGE_MAX], type[128], code[128], param[256];
    char *json = malloc(SIZE);
    if (json != NULL) {
        write_string(message, sizeof message, failure->message);
        write_string(type, sizeof type, failure->type);
        write_string(code, sizeof code, failure->code);
        write_string(param, sizeof param, failure->param);
        snprintf(json, SIZE, "{\"error\":{\"message\":%s,\"type\":%s,\"code\":%s,\"param\":%s}}",
            message, type, code, param);
    }
    deliver_failure(
        exchange, failure->http_status, json, failure->retry_after_ms, failure->try_again);
}

/* ---- a streamed reply ---- */

/* libmicrohttpd's thread: what is there, or nothing and the connection waits. */
static ssize_t read_pending(void *opaque, uint64_t position, char *buffer, size_t capacity)
{
    gateway_exchange *exchange = opaque;
    ssize_t size = 0;
    pthread_mutex_lock(&exchange->lock);
    size_t there = exchange->pending_size - exchange->pending_at;
    if (there > 0) {
        size = (ssize_t)(there < capacity ? there : capacity);
        memcpy(buffer, exchange->pending + exchange->pending_at, (size_t)size);
        exchange->pending_at += (size_t)size;
        exchange->bytes_sent += (size_t)size;
        pthread_cond_signal(&exchange->drained);
    } else if (exchange->is_ended) {
        size = exchange->is_whole ? MHD_CONTENT_READER_END_OF_STREAM
                                  : MHD_CONTENT_READER_END_WITH_ERROR;
    } else {
        exchange->is_suspended = true;
        MHD_suspend_connection(exchange->connection);
    }
    pthread_mutex_unlock(&exchange->lock);
    return size;
}

static void release(void *opaque)
{
    gateway_exchange_unref(opaque);
}

bool gateway_reply_begin(gateway_exchange *exchange, const char *content_type)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_pending, exchange, release);
    if (response == NULL) {
        deliver(exchange, 0, NULL);
        return false;
    }
    atomic_fetch_add(&exchange->references, 1);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    add_common_headers(exchange, response);
    exchange->is_streamed = true;
    deliver(exchange, MHD_HTTP_OK, response);
    return true;
}

/* Under the lock. */
static bool append(gateway_exchange *exchange, const char *data, size_t size)
{
    if (exchange->pending_at == exchange->pending_size)
        exchange->pending_at = exchange->pending_size = 0;
    size_t needed = exchange->pending_size + size;
    if (needed > exchange->pending_capacity) {
        size_t capacity = needed < 4096 ? 4096 : needed + needed / 2;
        char *larger = realloc(exchange->pending, capacity);
        if (larger == NULL)
            return false;
        exchange->pending = larger;
        exchange->pending_capacity = capacity;
    }
    memcpy(exchange->pending + exchange->pending_size, data, size);
    exchange->pending_size = needed;
    return true;
}

bool gateway_reply_write(gateway_exchange *exchange, const char *data, size_t size)
{
    pthread_mutex_lock(&exchange->lock);
    while (exchange->pending_size - exchange->pending_at > PENDING_MAX && !exchange->is_over &&
           !atomic_load(&exchange->server->stopping)) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&exchange->drained, &exchange->lock, &until);
    }
    bool good = !exchange->is_over && append(exchange, data, size);
    if (good)
        resume(exchange);
    pthread_mutex_unlock(&exchange->lock);
    return good;
}

void gateway_reply_end(gateway_exchange *exchange, bool whole)
{
    pthread_mutex_lock(&exchange->lock);
    exchange->is_ended = true;
    exchange->is_whole = whole;
    resume(exchange);
    pthread_mutex_unlock(&exchange->lock);
}
