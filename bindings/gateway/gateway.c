/* SPDX-License-Identifier: Apache-2.0
 *
 * One request through the gateway: collect the body, start the chat, wait for its first text (a
 * request that fails before it gets an HTTP error status), then stream chunks or answer whole.
 * While it waits, the socket is checked every 250 ms: a client that hangs up, and the end of the
 * server, cancel the answer. One thread per connection (libmicrohttpd's).
 */
#include "gateway.h"

#include "json_response.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum {
    BODY_MAX = 16 << 20,
    DISCARD_MAX = 4 * BODY_MAX, /* of a body that is refused anyway; then the line is cut */
    CONNECTIONS_MAX = 256,
    CLIENT_TIMEOUT_S = 30, /* the default of gateway_options.client_timeout_s */
    KEEP_ALIVE_MS = 10000, /* between two comments in a stream without words */
    SLICE_MS = 250         /* between two checks of the client's socket */
};

struct gateway_server {
    gateway_options options;
    struct MHD_Daemon *daemon;
    atomic_bool stopping;
    char url[96];
};

/* A body while it arrives. */
typedef struct upload {
    char *data;
    size_t size;
    size_t capacity;
    size_t discarded;
    time_t began_s;
    bool refused; /* the key is wrong: what arrives is not kept */
    bool too_large;
} upload;

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static time_t now_s(void)
{
    return (time_t)(now_ms() / 1000);
}

/* ---- waiting for text ---- */

/* Closing the sending side counts as gone: no HTTP client that wants its answer does that. */
static bool has_hung_up(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL)
        return false;
    struct pollfd end = {.fd = info->connect_fd, .events = POLLRDHUP};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* After a wait without text: cancels the answer if its client is gone or the server stops. The
 * terminal event then comes at once. */
static void cancel_if_unwanted(
    gateway_server *server, struct MHD_Connection *connection, amphi_stream *stream)
{
    if (atomic_load(&server->stopping) || has_hung_up(connection))
        amphi_stream_cancel(stream);
}

/* libmicrohttpd's timeout of a silent client also runs while the answer is computed. This restarts
 * it; only setting a limit after having had none does that. */
static void restart_silence(const gateway_server *server, struct MHD_Connection *connection)
{
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    MHD_set_connection_option(
        connection, MHD_CONNECTION_OPTION_TIMEOUT, server->options.client_timeout_s);
}

/* ---- a streamed answer ---- */

typedef struct sse {
    gateway_server *server;
    struct MHD_Connection *connection;
    amphi_stream *stream;
    char *pending; /* bytes of "data: ...\n\n" on their way; malloc */
    size_t size;
    size_t at;
    bool ended;  /* "[DONE]" is in pending */
    char *usage; /* the chunk with the usage, until the end; malloc */
} sse;

static bool sse_append(sse *s, const char *text, size_t size)
{
    char *larger = realloc(s->pending, s->size + size);
    if (larger == NULL)
        return false;
    memcpy(larger + s->size, text, size);
    s->pending = larger;
    s->size += size;
    return true;
}

static bool has_event(amphi_str chunk, const char *event)
{
    return memmem(chunk.data, chunk.size, event, strlen(event)) != NULL;
}

static bool sse_append_data(sse *s, const char *text, size_t size)
{
    return sse_append(s, "data: ", 6) && sse_append(s, text, size) && sse_append(s, "\n\n", 2);
}

/* Usage is the last chunk, as OpenAI sends it, and only where the request asks for it. */
static bool sse_keep_usage(sse *s, amphi_str chunk)
{
    if (!amphi_stream_wants_usage(s->stream))
        return true;
    free(s->usage);
    s->usage = strndup(chunk.data, chunk.size);
    return s->usage != NULL;
}

static bool sse_append_event(sse *s, amphi_str chunk, bool terminal)
{
    if (has_event(chunk, "\"event\":\"usage\""))
        return sse_keep_usage(s, chunk);
    bool good = sse_append_data(s, chunk.data, chunk.size);
    /* An error ends the stream without the end marker: a client must not take it for whole. */
    bool error = chunk.size >= 9 && memcmp(chunk.data, "{\"error\":", 9) == 0;
    if (good && terminal && !error)
        good = (s->usage == NULL || sse_append_data(s, s->usage, strlen(s->usage))) &&
               sse_append_data(s, "[DONE]", 6);
    s->ended |= terminal;
    return good;
}

/* The next event, or a comment after a long wait, into `pending`. */
static bool sse_wait(sse *s)
{
    amphi_str chunk;
    bool terminal = false;
    amphi_status status = AMPHI_E_TIMEOUT;
    unsigned patience_ms = s->server->options.client_timeout_s * 1000 / 3;
    if (patience_ms > KEEP_ALIVE_MS)
        patience_ms = KEEP_ALIVE_MS;
    for (unsigned waited_ms = 0; waited_ms < patience_ms && status == AMPHI_E_TIMEOUT;
         waited_ms += SLICE_MS) {
        status = amphi_stream_next_json(s->stream, SLICE_MS, &chunk, &terminal, NULL);
        cancel_if_unwanted(s->server, s->connection, s->stream);
    }
    return status == AMPHI_E_TIMEOUT ? sse_append(s, ": keepalive\n\n", 13)
           : status == AMPHI_OK      ? sse_append_event(s, chunk, terminal)
                                     : false;
}

static ssize_t sse_read(void *opaque, uint64_t position, char *buffer, size_t capacity)
{
    sse *s = opaque;
    if (s->at == s->size) {
        if (s->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        free(s->pending);
        s->pending = NULL;
        s->size = s->at = 0;
        while (s->size == 0) /* some events write nothing */
            if (!sse_wait(s))
                return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t size = s->size - s->at < capacity ? s->size - s->at : capacity;
    memcpy(buffer, s->pending + s->at, size);
    s->at += size;
    return (ssize_t)size;
}

static void sse_free(void *opaque)
{
    sse *s = opaque;
    amphi_stream_free(s->stream);
    free(s->pending);
    free(s->usage);
    free(s);
}

static bool is_before_first_words(amphi_str chunk)
{
    return has_event(chunk, "\"event\":\"route\"") || has_event(chunk, "\"event\":\"progress\"");
}

/* Takes the stream. */
static enum MHD_Result answer_streamed(
    gateway_server *server, struct MHD_Connection *connection, amphi_stream *stream)
{
    sse *s = calloc(1, sizeof *s);
    amphi_str chunk;
    bool terminal = false;
    if (s == NULL) {
        amphi_stream_free(stream);
        return MHD_NO;
    }
    s->server = server;
    s->connection = connection;
    s->stream = stream;
    for (bool early = true; early && !terminal;) {
        amphi_status status = amphi_stream_next_json(stream, SLICE_MS, &chunk, &terminal, NULL);
        if (status == AMPHI_E_TIMEOUT) {
            cancel_if_unwanted(server, connection, stream);
            continue;
        }
        if (status != AMPHI_OK || !sse_append_event(s, chunk, terminal)) {
            sse_free(s);
            return MHD_NO;
        }
        early = is_before_first_words(chunk);
    }
    amphi_chat_result result;
    amphi_chat_result_init(&result);
    if (terminal && amphi_stream_result(stream, &result, NULL) == AMPHI_OK &&
        result.error != NULL && !has_event(chunk, "\"queued\"")) {
        amphi_error error = *result.error;
        sse_free(s);
        return gateway_answer_error(connection, gateway_http_status(error.status), &error);
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, sse_read, s, sse_free);
    if (response == NULL) {
        sse_free(s);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "text/event-stream");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    enum MHD_Result queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

/* Takes the stream. */
static enum MHD_Result answer_whole(
    gateway_server *server, struct MHD_Connection *connection, amphi_stream *stream)
{
    amphi_event event = {0};
    amphi_error error;
    char *json = NULL;
    unsigned http_status = MHD_HTTP_OK;
    amphi_status status;
    uint64_t checked_ms = now_ms();
    do {
        status = amphi_stream_next(stream, SLICE_MS, &event, &error);
        if (now_ms() - checked_ms >= SLICE_MS) { /* also where words keep coming */
            checked_ms = now_ms();
            cancel_if_unwanted(server, connection, stream);
        }
    } while (status == AMPHI_E_TIMEOUT || (status == AMPHI_OK && !amphi_event_is_terminal(&event)));
    gateway_extra extra = {NULL, 0};
    if (status == AMPHI_OK && event.kind == AMPHI_EVENT_ERROR) {
        http_status = gateway_http_status(event.error->status);
        extra.retry_after_ms = event.error->retry_after_ms;
    } else if (status == AMPHI_OK && event.kind == AMPHI_EVENT_QUEUED)
        http_status = MHD_HTTP_ACCEPTED;
    if (status == AMPHI_OK)
        (void)amphi_stream_completion_json(stream, &json, &error); /* json stays NULL on failure */
    char *copy = json != NULL ? strdup(json) : NULL;
    amphi_string_free(json);
    amphi_stream_free(stream);
    return copy != NULL ? gateway_answer_json(connection, http_status, copy, &extra) : MHD_NO;
}

static enum MHD_Result chat_completions(
    gateway_server *server, struct MHD_Connection *connection, const upload *body)
{
    amphi_stream *stream = NULL;
    amphi_error error;
    if (body->too_large) {
        gateway_set_error(&error, AMPHI_E_LIMIT, "the request is larger than 16 MiB");
        return gateway_answer_error(connection, MHD_HTTP_CONTENT_TOO_LARGE, &error);
    }
    amphi_status status = amphi_chat_start_json(
        &stream, server->options.client, amphi_str_make(body->data, body->size), &error);
    if (status != AMPHI_OK)
        return gateway_answer_error(connection, gateway_http_status(status), &error);
    enum MHD_Result result = amphi_stream_wants_chunks(stream)
                                 ? answer_streamed(server, connection, stream)
                                 : answer_whole(server, connection, stream);
    restart_silence(server, connection);
    return result;
}

/* ---- routing ---- */

static bool is_authorized(const gateway_server *server, struct MHD_Connection *connection)
{
    const char *wanted = server->options.bearer;
    if (wanted == NULL)
        return true;
    size_t size = strcspn(wanted, " \t\r\n");
    const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (header == NULL || strncmp(header, "Bearer ", 7) != 0 || strlen(header + 7) != size)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(header[7 + i] ^ wanted[i]);
    return difference == 0;
}

/* "localhost", "127.…" or "[::1]", with or without a port. */
static bool is_this_machine(const char *host)
{
    static const char *const names[] = {"localhost", "[::1]"};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(names[i]);
        if (strncasecmp(host, names[i], size) == 0 && (host[size] == '\0' || host[size] == ':'))
            return true;
    }
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.:") == strlen(host);
}

/* Without a key, what keeps a web page from using a server on this machine is what the browser
 * says about where the request comes from: a foreign Origin, or a foreign Host (DNS rebinding), is
 * refused. With a key the page would have to know it. */
static bool comes_from_a_foreign_page(
    const gateway_server *server, struct MHD_Connection *connection)
{
    const char *bound = server->options.host;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    const char *origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin");
    if (server->options.bearer != NULL)
        return false;
    if (origin != NULL) {
        const char *name = strstr(origin, "://");
        if (name == NULL || !is_this_machine(name + 3))
            return true;
    }
    bool on_loopback = bound == NULL || is_this_machine(bound) || strcmp(bound, "::1") == 0;
    return on_loopback && host != NULL && !is_this_machine(host);
}

static enum MHD_Result dispatch(gateway_server *server, struct MHD_Connection *connection,
    const char *url, const char *method, const upload *body)
{
    amphi_error error;
    bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    bool post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    if (get && strcmp(url, "/healthz") == 0) {
        char *json = strdup("{\"status\":\"ok\"}");
        return json != NULL ? gateway_answer_json(connection, MHD_HTTP_OK, json, NULL) : MHD_NO;
    }
    if (body->refused) {
        gateway_set_error(&error, AMPHI_E_AUTH, "this endpoint asks for its key");
        return gateway_answer_error(connection, MHD_HTTP_UNAUTHORIZED, &error);
    }
    if (comes_from_a_foreign_page(server, connection)) {
        gateway_set_error(&error, AMPHI_E_REFUSED,
            "a foreign Host or Origin is refused; --require-key-file lets it in with a key");
        return gateway_answer_error(connection, MHD_HTTP_FORBIDDEN, &error);
    }
    bool is_models = strncmp(url, "/v1/models", 10) == 0 && (url[10] == '\0' || url[10] == '/');
    bool is_chat = strcmp(url, "/v1/chat/completions") == 0;
    if (is_models && get)
        return gateway_answer_models(
            connection, server->options.client, url[10] == '/' ? url + 11 : NULL);
    if (is_chat && post)
        return chat_completions(server, connection, body);
    if (is_models || is_chat) {
        const gateway_extra extra = {is_chat ? "POST" : "GET", 0};
        char *json =
            strdup("{\"error\":{\"message\":\"another method is expected here\","
                   "\"type\":\"invalid_request_error\",\"code\":\"method\",\"param\":null}}");
        return json != NULL
                   ? gateway_answer_json(connection, MHD_HTTP_METHOD_NOT_ALLOWED, json, &extra)
                   : MHD_NO;
    }
    gateway_set_error(&error, AMPHI_E_NOT_FOUND,
        "no such path: use POST /v1/chat/completions, GET /v1/models or GET /healthz");
    return gateway_answer_error(connection, MHD_HTTP_NOT_FOUND, &error);
}

/* More of a body; MHD_NO cuts the connection, also of a client that drips byte by byte. */
static enum MHD_Result collect(
    const gateway_server *server, upload *body, const char *data, size_t size)
{
    if (now_s() - body->began_s > 4 * (time_t)server->options.client_timeout_s)
        return MHD_NO;
    body->too_large |= body->size + size > BODY_MAX;
    if (body->refused || body->too_large) {
        body->discarded += size;
        return body->discarded <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    if (body->size + size > body->capacity) {
        size_t capacity = 2 * (body->size + size);
        char *larger = realloc(body->data, capacity);
        if (larger == NULL)
            return MHD_NO;
        body->data = larger;
        body->capacity = capacity;
    }
    memcpy(body->data + body->size, data, size);
    body->size += size;
    return MHD_YES;
}

static enum MHD_Result on_request(void *opaque, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_size, void **state)
{
    upload *body = *state;
    if (body == NULL) {
        *state = body = calloc(1, sizeof *body);
        if (body == NULL)
            return MHD_NO;
        body->began_s = now_s();
        body->refused = !is_authorized(opaque, connection);
        return MHD_YES;
    }
    if (*data_size == 0)
        return dispatch(opaque, connection, url, method, body);
    enum MHD_Result result = collect(opaque, body, data, *data_size);
    *data_size = 0;
    return result;
}

static void on_completed(void *opaque, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
    upload *body = *state;
    if (body != NULL)
        free(body->data);
    free(body);
    *state = NULL;
}

/* ---- start and stop ---- */

static struct MHD_Daemon *start_daemon(gateway_server *server, const struct sockaddr *address)
{
    const gateway_options *options = &server->options;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD;
    if (address->sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    if (options->tls_cert_pem == NULL)
        return MHD_start_daemon(flags, options->port, NULL, NULL, on_request, server,
            MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
            options->client_timeout_s, MHD_OPTION_END);
    return MHD_start_daemon(flags | MHD_USE_TLS, options->port, NULL, NULL, on_request, server,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        options->client_timeout_s, MHD_OPTION_HTTPS_MEM_CERT, options->tls_cert_pem,
        MHD_OPTION_HTTPS_MEM_KEY, options->tls_key_pem, MHD_OPTION_END);
}

amphi_status gateway_start(gateway_server **out, const gateway_options *options, amphi_error *error)
{
    *out = NULL;
    gateway_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        gateway_set_error(error, AMPHI_E_NO_MEMORY, "out of memory");
        return AMPHI_E_NO_MEMORY;
    }
    server->options = *options;
    if (server->options.client_timeout_s == 0)
        server->options.client_timeout_s = CLIENT_TIMEOUT_S;
    const char *host = options->host != NULL ? options->host : "127.0.0.1";
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(options->port)};
    const struct sockaddr *address = NULL;
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        address = (const struct sockaddr *)&v4;
    else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        address = (const struct sockaddr *)&v6;
    server->daemon = address != NULL ? start_daemon(server, address) : NULL;
    if (server->daemon == NULL) {
        free(server);
        gateway_set_error(error, address == NULL ? AMPHI_E_ARGUMENT : AMPHI_E_IO,
            address == NULL ? "--host: an IPv4 or IPv6 address is expected"
                            : "can't listen there: is the port taken, or a certificate wrong?");
        return address == NULL ? AMPHI_E_ARGUMENT : AMPHI_E_IO;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    bool v6_host = strchr(host, ':') != NULL;
    snprintf(server->url, sizeof server->url, "%s://%s%s%s:%u/v1",
        options->tls_cert_pem != NULL ? "https" : "http", v6_host ? "[" : "",
        strcmp(host, "127.0.0.1") == 0 ? "localhost" : host, v6_host ? "]" : "",
        info != NULL ? (unsigned)info->port : options->port);
    *out = server;
    return AMPHI_OK;
}

const char *gateway_url(const gateway_server *server)
{
    return server->url;
}

void gateway_stop(gateway_server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->stopping, true);
    MHD_stop_daemon(server->daemon);
    free(server);
}
