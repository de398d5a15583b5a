/* SPDX-License-Identifier: Apache-2.0
 *
 * One request through the gateway: collect the body, start the chat, look at its first words (a
 * request that fails before them gets an honest HTTP status), then stream chunks or answer whole.
 * A client that hangs up cancels its answer: libmicrohttpd frees the response, which frees the
 * stream.
 */
#include "gateway.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODY_MAX = 16 << 20, KEEP_ALIVE_MS = 10000 };

struct gateway_server {
    gateway_options options;
    struct MHD_Daemon *daemon;
    char url[96];
};

/* A body while it arrives. */
typedef struct upload {
    char *data;
    size_t size;
    bool too_large;
} upload;

static void set_error(amphi_error *error, amphi_status status, const char *message)
{
    if (error == NULL)
        return;
    memset(error, 0, sizeof *error);
    error->status = status;
    snprintf(error->message, sizeof error->message, "%s", message);
}

/* ---- answers ---- */

/* Takes `json` (malloc). */
static enum MHD_Result answer_json(
    struct MHD_Connection *connection, unsigned http_status, char *json)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(json), json, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(json);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(connection, http_status, response);
    MHD_destroy_response(response);
    return result;
}

/* Our own messages have no quotes or control characters, except names that a caller chose. */
static void write_escaped(char *out, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text != '\0' && at + 3 < size; text++) {
        if (*text == '"' || *text == '\\')
            out[at++] = '\\';
        out[at++] = (unsigned char)*text < 0x20 ? ' ' : *text;
    }
    out[at] = '\0';
}

static enum MHD_Result answer_error(
    struct MHD_Connection *connection, unsigned http_status, const amphi_error *error)
{
    char message[2 * sizeof error->message];
    char *json = malloc(512 + sizeof message);
    if (json == NULL)
        return MHD_NO;
    write_escaped(message, sizeof message, error->message);
    snprintf(json, 512 + sizeof message,
        "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"code\":\"%s\",\"param\":null}}", message,
        http_status < 500 ? "invalid_request_error" : "amphi_error",
        amphi_status_name(error->status));
    return answer_json(connection, http_status, json);
}

static unsigned http_status_of(amphi_status status)
{
    switch (status) {
    case AMPHI_E_ARGUMENT:
    case AMPHI_E_FORMAT:
    case AMPHI_E_LIMIT:
    case AMPHI_E_REQUEST:
    case AMPHI_E_CONTEXT_LENGTH:
    case AMPHI_E_CONTENT_FILTER:
    case AMPHI_E_UNSUPPORTED:
        return MHD_HTTP_BAD_REQUEST;
    case AMPHI_E_REFUSED:
        return MHD_HTTP_FORBIDDEN;
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_FULL:
        return MHD_HTTP_TOO_MANY_REQUESTS;
    case AMPHI_E_TIMEOUT:
        return MHD_HTTP_GATEWAY_TIMEOUT;
    case AMPHI_E_OFFLINE:
    case AMPHI_E_BUSY:
    case AMPHI_E_RESOURCE:
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    case AMPHI_E_INTERNAL:
    case AMPHI_E_NO_MEMORY:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    default:
        return MHD_HTTP_BAD_GATEWAY;
    }
}

/* ---- a streamed answer ---- */

typedef struct sse {
    amphi_stream *stream;
    char *pending; /* bytes of "data: ...\n\n" on their way; malloc */
    size_t size;
    size_t at;
    bool ended;    /* "[DONE]" is in pending */
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

static bool sse_append_event(sse *s, amphi_str chunk, bool terminal)
{
    static const char done[] = "data: [DONE]\n\n";
    bool good = sse_append(s, "data: ", 6) && sse_append(s, chunk.data, chunk.size) &&
        sse_append(s, "\n\n", 2);
    /* An error ends the stream without the end marker: a client must not take it for whole. */
    bool error = chunk.size >= 9 && memcmp(chunk.data, "{\"error\":", 9) == 0;
    if (good && terminal && !error)
        good = sse_append(s, done, sizeof done - 1);
    s->ended |= terminal;
    return good;
}

static ssize_t sse_read(void *opaque, uint64_t position, char *buffer, size_t capacity)
{
    sse *s = opaque;
    if (s->at == s->size) {
        amphi_str chunk;
        bool terminal = false;
        if (s->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        free(s->pending);
        s->pending = NULL;
        s->size = s->at = 0;
        amphi_status status =
            amphi_stream_next_json(s->stream, KEEP_ALIVE_MS, &chunk, &terminal, NULL);
        bool good = status == AMPHI_E_TIMEOUT ? sse_append(s, ": keepalive\n\n", 13)
            : status == AMPHI_OK              ? sse_append_event(s, chunk, terminal)
                                              : false;
        if (!good)
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
    free(s);
}

static bool is_before_first_words(amphi_str chunk)
{
    static const char *const early[] = {"\"event\":\"route\"", "\"event\":\"progress\""};
    for (size_t i = 0; i < 2; i++)
        if (memmem(chunk.data, chunk.size, early[i], strlen(early[i])) != NULL)
            return true;
    return false;
}

/* Takes the stream. */
static enum MHD_Result answer_streamed(struct MHD_Connection *connection, amphi_stream *stream)
{
    sse *s = calloc(1, sizeof *s);
    amphi_str chunk;
    bool terminal = false;
    if (s == NULL) {
        amphi_stream_free(stream);
        return MHD_NO;
    }
    s->stream = stream;
    do {
        if (amphi_stream_next_json(stream, AMPHI_WAIT_FOREVER, &chunk, &terminal, NULL) !=
                AMPHI_OK ||
            !sse_append_event(s, chunk, terminal)) {
            sse_free(s);
            return MHD_NO;
        }
    } while (!terminal && is_before_first_words(chunk));
    amphi_chat_result result;
    if (terminal && amphi_stream_result(stream, &result, NULL) == AMPHI_OK &&
        result.error != NULL && memmem(chunk.data, chunk.size, "\"queued\"", 8) == NULL) {
        amphi_error error = *result.error;
        sse_free(s);
        return answer_error(connection, http_status_of(error.status), &error);
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
static enum MHD_Result answer_whole(struct MHD_Connection *connection, amphi_stream *stream)
{
    amphi_event event = {0};
    amphi_error error;
    char *json = NULL;
    unsigned http_status = MHD_HTTP_OK;
    amphi_status status;
    do {
        status = amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, &error);
    } while (status == AMPHI_OK && !amphi_event_is_terminal(&event));
    if (status == AMPHI_OK && event.kind == AMPHI_EVENT_ERROR)
        http_status = http_status_of(event.error->status);
    else if (status == AMPHI_OK && event.kind == AMPHI_EVENT_QUEUED)
        http_status = MHD_HTTP_ACCEPTED;
    if (status == AMPHI_OK)
        status = amphi_stream_completion_json(stream, &json, &error);
    char *copy = json != NULL ? strdup(json) : NULL;
    amphi_string_free(json);
    amphi_stream_free(stream);
    return copy != NULL ? answer_json(connection, http_status, copy) : MHD_NO;
}

static enum MHD_Result chat_completions(
    gateway_server *server, struct MHD_Connection *connection, const upload *body)
{
    amphi_stream *stream = NULL;
    amphi_error error;
    if (body->too_large) {
        set_error(&error, AMPHI_E_LIMIT, "the request is larger than 16 MiB");
        return answer_error(connection, MHD_HTTP_CONTENT_TOO_LARGE, &error);
    }
    amphi_status status = amphi_chat_start_json(
        &stream, server->options.client, amphi_str_make(body->data, body->size), &error);
    if (status != AMPHI_OK)
        return answer_error(connection, http_status_of(status), &error);
    return amphi_stream_wants_chunks(stream) ? answer_streamed(connection, stream)
                                             : answer_whole(connection, stream);
}

/* ---- routing ---- */

static enum MHD_Result models(struct MHD_Connection *connection)
{
    static const char json[] = "{\"object\":\"list\",\"data\":[{\"id\":\"amphi\",\"object\":"
                               "\"model\",\"created\":0,\"owned_by\":\"amphi\"}]}";
    char *copy = strdup(json);
    return copy != NULL ? answer_json(connection, MHD_HTTP_OK, copy) : MHD_NO;
}

static bool is_authorized(const gateway_server *server, struct MHD_Connection *connection)
{
    const char *wanted = server->options.bearer;
    if (wanted == NULL)
        return true;
    size_t size = strcspn(wanted, " \t\r\n");
    const char *given =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (given == NULL || strncmp(given, "Bearer ", 7) != 0 || strlen(given + 7) != size)
        return false;
    unsigned char difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(given[7 + i] ^ wanted[i]);
    return difference == 0;
}

static enum MHD_Result dispatch(gateway_server *server, struct MHD_Connection *connection,
    const char *url, const char *method, const upload *body)
{
    amphi_error error;
    bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;
    bool post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    if (get && strcmp(url, "/healthz") == 0)
        return answer_json(connection, MHD_HTTP_OK, strdup("{\"status\":\"ok\"}"));
    if (!is_authorized(server, connection)) {
        set_error(&error, AMPHI_E_AUTH, "this endpoint asks for its key");
        return answer_error(connection, MHD_HTTP_UNAUTHORIZED, &error);
    }
    if (strcmp(url, "/v1/models") == 0 && get)
        return models(connection);
    if (strcmp(url, "/v1/chat/completions") == 0 && post)
        return chat_completions(server, connection, body);
    set_error(&error, AMPHI_E_NOT_FOUND,
        "POST /v1/chat/completions, GET /v1/models and GET /healthz are what there is");
    return answer_error(connection, MHD_HTTP_NOT_FOUND, &error);
}

static enum MHD_Result on_request(void *opaque, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *data, size_t *data_size,
    void **state)
{
    upload *body = *state;
    if (body == NULL) {
        *state = calloc(1, sizeof *body);
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_size == 0)
        return dispatch(opaque, connection, url, method, body);
    if (body->size + *data_size > BODY_MAX) {
        body->too_large = true;
    } else {
        char *larger = realloc(body->data, body->size + *data_size);
        if (larger == NULL)
            return MHD_NO;
        memcpy(larger + body->size, data, *data_size);
        body->data = larger;
        body->size += *data_size;
    }
    *data_size = 0;
    return MHD_YES;
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
            MHD_OPTION_END);
    return MHD_start_daemon(flags | MHD_USE_TLS, options->port, NULL, NULL, on_request, server,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_HTTPS_MEM_CERT, options->tls_cert_pem, MHD_OPTION_HTTPS_MEM_KEY,
        options->tls_key_pem, MHD_OPTION_END);
}

amphi_status gateway_start(
    gateway_server **out, const gateway_options *options, amphi_error *error)
{
    *out = NULL;
    gateway_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        set_error(error, AMPHI_E_NO_MEMORY, "out of memory");
        return AMPHI_E_NO_MEMORY;
    }
    server->options = *options;
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
        set_error(error, address == NULL ? AMPHI_E_ARGUMENT : AMPHI_E_IO,
            address == NULL ? "--host: an IPv4 or IPv6 address is expected"
                            : "can't listen there: is the port taken, or a certificate wrong?");
        return address == NULL ? AMPHI_E_ARGUMENT : AMPHI_E_IO;
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(server->url, sizeof server->url, "%s://%s:%u/v1",
        options->tls_cert_pem != NULL ? "https" : "http",
        strcmp(host, "127.0.0.1") == 0 ? "localhost" : host,
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
    MHD_stop_daemon(server->daemon);
    free(server);
}
