/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd's side: one thread, over epoll, reads requests and writes answers. It collects a
 * body, hands the whole request to dispatch.c, and suspends the connection until the thread that
 * answers has something to send (exchange.c). Nothing here waits for anything else.
 */
#include "exchange_state.h"
#include "settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    BODY_MAX = 16 << 20,
    BODIES_MAX = 256 << 20,     /* of all requests together, arriving and in work */
    DISCARD_MAX = 4 * BODY_MAX, /* of a body that is refused anyway; then the line is cut */
    CLIENT_TIMEOUT_S = 30,      /* the defaults of gateway_options */
    CONNECTIONS_MAX = 4096,
    RUNNING_MAX = 512,
    RUNNING_PER_CLIENT_MAX = 256,
    SPARE_CONNECTIONS = 256, /* which hear that there are too many */
    SPARE_FILES = 128        /* the client's own: store, model, endpoints */
};

/* ---- a request arrives ---- */

/* Members of a message that decide where it ends. */
typedef struct framing {
    const char *length; /* Content-Length, or NULL */
    bool is_chunked;
    bool is_doubtful;  /* two that differ, or both kinds */
    bool is_unknown;   /* a Transfer-Encoding that is not "chunked" alone: its end can't be seen */
    bool is_coded;     /* a Content-Encoding */
    bool expects_word; /* Expect: 100-continue: the body comes when it is asked for */
} framing;

static enum MHD_Result read_framing(
    void *opaque, enum MHD_ValueKind kind, const char *name, const char *value)
{
    framing *f = opaque;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        f->is_doubtful |= f->length != NULL && strcmp(f->length, value) != 0;
        f->length = value;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        f->is_chunked = true;
        f->is_unknown |= strcasecmp(value != NULL ? value : "", "chunked") != 0;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_ENCODING) == 0) {
        f->is_coded |= strcasecmp(value != NULL ? value : "", "identity") != 0;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_EXPECT) == 0) {
        f->expects_word = true;
    }
    return MHD_YES;
}

static void refuse_framing(gateway_exchange *exchange, unsigned status, const char *message)
{
    exchange->refusal = (gateway_failure){
        .http_status = status, .type = "invalid_request_error", .message = message};
}

static void check_framing(gateway_exchange *exchange)
{
    framing f = {.length = NULL};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, read_framing, &f);
    exchange->body_waits = f.expects_word || f.is_unknown;
    if (f.is_doubtful || (f.length != NULL && f.is_chunked))
        refuse_framing(exchange, MHD_HTTP_BAD_REQUEST,
            "the length of the body is given twice: one Content-Length, or "
            "Transfer-Encoding, is expected");
    else if (f.is_unknown)
        refuse_framing(exchange, MHD_HTTP_NOT_IMPLEMENTED,
            "Transfer-Encoding: only \"chunked\" is known here");
    else if (f.is_coded)
        refuse_framing(exchange, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
            "Content-Encoding: send the body as it is, not compressed");
    else if (f.length != NULL)
        exchange->body_expected = strtoull(f.length, NULL, 10);
}

static void check_size(gateway_exchange *exchange, size_t size)
{
    if (size > BODY_MAX)
        exchange->refusal = (gateway_failure){.http_status = MHD_HTTP_CONTENT_TOO_LARGE,
            .type = "invalid_request_error",
            .code = "request_too_large",
            .message = "the request is larger than 16 MiB"};
}

static void refuse_for_now(gateway_exchange *exchange, const char *message)
{
    exchange->refusal = (gateway_failure){.http_status = MHD_HTTP_SERVICE_UNAVAILABLE,
        .type = "server_error",
        .code = "overloaded",
        .message = message,
        .retry_after_ms = 1000,
        .try_again = true};
}

/* More of a body; MHD_NO cuts the connection. */
static enum MHD_Result collect(gateway_exchange *exchange, const char *data, size_t size)
{
    if (exchange->refusal.http_status == 0)
        check_size(exchange, exchange->body.size + size);
    if (exchange->refusal.http_status == 0 &&
        atomic_load(&exchange->server->bodies_bytes) + size > BODIES_MAX)
        refuse_for_now(exchange, "too many large requests at the same time");
    if (exchange->refusal.http_status != 0) {
        exchange->discarded += size;
        gateway_body_drop(exchange);
        return exchange->discarded <= DISCARD_MAX ? MHD_YES : MHD_NO;
    }
    if (!gateway_body_append(&exchange->body, data, size, exchange->body_expected))
        return MHD_NO;
    atomic_fetch_add(&exchange->server->bodies_bytes, size);
    return MHD_YES;
}

/* The headers are complete. */
static gateway_exchange *begin(
    gateway_server *server, struct MHD_Connection *connection, const char *url, const char *method)
{
    gateway_exchange *exchange = gateway_exchange_new(server, connection, url, method);
    if (exchange == NULL || exchange->entry == NULL) {
        if (exchange != NULL)
            gateway_exchange_unref(exchange);
        return NULL;
    }
    gateway_connection_enter(&server->connections, exchange->entry, GATEWAY_BODY);
    check_framing(exchange);
    if (exchange->refusal.http_status == 0)
        gateway_check_access(exchange);
    if (exchange->refusal.http_status == 0)
        gateway_settings_read(exchange);
    if (exchange->refusal.http_status == 0 && exchange->body_expected != SIZE_MAX)
        check_size(exchange, exchange->body_expected);
    return exchange;
}

/* ---- its answer ---- */

/* Queues what was replied, if anything was. */
static enum MHD_Result queue_reply(gateway_exchange *exchange)
{
    pthread_mutex_lock(&exchange->lock);
    struct MHD_Response *response = exchange->response;
    exchange->response = NULL;
    bool waits = exchange->is_suspended;
    pthread_mutex_unlock(&exchange->lock);
    if (response == NULL)
        return waits ? MHD_YES : MHD_NO;
    enum MHD_Result queued =
        MHD_queue_response(exchange->connection, exchange->http_status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result dispatch(gateway_exchange *exchange)
{
    if (!exchange->was_dispatched) {
        exchange->was_dispatched = true;
        gateway_connection_enter(&exchange->server->connections, exchange->entry, GATEWAY_REPLIES);
        gateway_dispatch(exchange);
    }
    return queue_reply(exchange);
}

static enum MHD_Result on_request(void *opaque, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_size, void **state)
{
    gateway_server *server = opaque;
    gateway_exchange *exchange = *state;
    if (exchange == NULL) {
        *state = exchange = begin(server, connection, url, method);
        if (exchange == NULL)
            return MHD_NO;
        /* A refused body that has not begun is not asked for. */
        bool is_refused = exchange->refusal.http_status != 0 && exchange->body_waits;
        return is_refused ? dispatch(exchange) : MHD_YES;
    }
    if (*data_size > 0) {
        enum MHD_Result result = collect(exchange, data, *data_size);
        *data_size = 0;
        return result;
    }
    return dispatch(exchange);
}

/* Method, path, status and figures: nothing of what was said, and no query. */
static void log_request(const gateway_exchange *exchange)
{
    char url[2 * sizeof exchange->url];
    gateway_write_escaped(url, sizeof url, exchange->url);
    fprintf(stderr, "amphi: %s %s %u route=%s bytes=%llu ms=%llu takeovers=%zu id=%s\n",
        exchange->method, url, exchange->http_status,
        exchange->route[0] != '\0' ? exchange->route : "-",
        (unsigned long long)exchange->bytes_sent,
        (unsigned long long)(gateway_now_ms() - exchange->began_ms), exchange->takeovers,
        exchange->id);
}

static void on_completed(void *opaque, struct MHD_Connection *connection, void **state,
    enum MHD_RequestTerminationCode code)
{
    gateway_server *server = opaque;
    gateway_exchange *exchange = *state;
    *state = NULL;
    if (exchange == NULL)
        return;
    pthread_mutex_lock(&exchange->lock);
    exchange->is_over = true;
    struct MHD_Response *response = exchange->response;
    exchange->response = NULL;
    pthread_cond_signal(&exchange->drained);
    pthread_mutex_unlock(&exchange->lock);
    if (response != NULL)
        MHD_destroy_response(response);
    gateway_metrics_count_http(server->metrics,
        exchange->path_name != NULL ? exchange->path_name : "other", exchange->http_status,
        exchange->bytes_sent);
    if (server->options.logs_requests)
        log_request(exchange);
    gateway_connection_leave(&server->connections, exchange->entry);
    gateway_connection_enter(&server->connections, exchange->entry, GATEWAY_IDLE);
    gateway_exchange_unref(exchange);
}

/* ---- start and stop ---- */

static unsigned connections_limit(unsigned wanted)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return wanted;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            getrlimit(RLIMIT_NOFILE, &files);
    }
    /* A running request may have a socket to its endpoint. */
    rlim_t most = files.rlim_cur > 2 * (SPARE_FILES + SPARE_CONNECTIONS)
                      ? (files.rlim_cur - SPARE_FILES - SPARE_CONNECTIONS) * 3 / 4
                      : files.rlim_cur / 4;
    return most < wanted ? (unsigned)most : wanted;
}

static void set_defaults(gateway_options *options)
{
    if (options->client_timeout_s == 0)
        options->client_timeout_s = CLIENT_TIMEOUT_S;
    if (options->connections_max == 0)
        options->connections_max = CONNECTIONS_MAX;
    if (options->running_max == 0)
        options->running_max = RUNNING_MAX;
    if (options->running_per_client_max == 0)
        options->running_per_client_max = RUNNING_PER_CLIENT_MAX;
    options->connections_max = connections_limit(options->connections_max);
}

/* One processor is left to the connections' thread. */
static unsigned turns_at_once(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors > 2 ? (unsigned)processors - 1 : 1;
}

static struct MHD_Daemon *start_daemon(gateway_server *server, const struct sockaddr *address)
{
    const gateway_options *options = &server->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem more[4] = {{MHD_OPTION_END, 0, NULL}};
    if (address->sa_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    if (options->tls_cert_pem != NULL) {
        flags |= MHD_USE_TLS;
        more[0] = (struct MHD_OptionItem){
            MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->tls_cert_pem};
        more[1] = (struct MHD_OptionItem){
            MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key_pem};
        more[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    return MHD_start_daemon(flags, options->port, NULL, NULL, on_request, server,
        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, gateway_connections_notify, &server->connections,
        MHD_OPTION_CONNECTION_LIMIT, options->connections_max + SPARE_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, options->client_timeout_s, MHD_OPTION_LISTEN_BACKLOG_SIZE,
        1024u, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
}

static bool start_parts(gateway_server *server, const struct sockaddr *address)
{
    const gateway_options *options = &server->options;
    const gateway_limits limits = {
        .connections_max = options->connections_max,
        .running_max = options->running_max,
        .running_per_client_max = options->running_per_client_max,
        .headers_ms = 1000 * options->client_timeout_s,
        .body_ms = 4000 * options->client_timeout_s,
    };
    if (!gateway_connections_start(&server->connections, &limits, options->tls_cert_pem != NULL))
        return false;
    server->workers = gateway_workers_new();
    server->daemon = server->workers != NULL ? start_daemon(server, address) : NULL;
    if (server->daemon != NULL)
        return true;
    gateway_workers_free(server->workers);
    gateway_connections_stop(&server->connections);
    return false;
}

static void write_url(gateway_server *server, const char *host)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    bool v6_host = strchr(host, ':') != NULL;
    snprintf(server->url, sizeof server->url, "%s://%s%s%s:%u/v1",
        server->options.tls_cert_pem != NULL ? "https" : "http", v6_host ? "[" : "",
        strcmp(host, "127.0.0.1") == 0 ? "localhost" : host, v6_host ? "]" : "",
        info != NULL ? (unsigned)info->port : server->options.port);
}

static amphi_status fail(amphi_error *error, amphi_status status, const char *message)
{
    if (error != NULL) {
        memset(error, 0, sizeof *error);
        error->status = status;
        snprintf(error->message, sizeof error->message, "%s", message);
    }
    return status;
}

amphi_status gateway_start(gateway_server **out, const gateway_options *options, amphi_error *error)
{
    *out = NULL;
    const char *host = options->host != NULL ? options->host : "127.0.0.1";
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(options->port)};
    const struct sockaddr *address = NULL;
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        address = (const struct sockaddr *)&v4;
    else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
        address = (const struct sockaddr *)&v6;
    else
        return fail(error, AMPHI_E_ARGUMENT, "--host: an IPv4 or IPv6 address is expected");
    gateway_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return fail(error, AMPHI_E_NO_MEMORY, "out of memory");
    server->options = *options;
    set_defaults(&server->options);
    if (getrandom(&server->ids_from, sizeof server->ids_from, 0) < 0)
        server->ids_from = gateway_now_ms();
    pthread_mutex_init(&server->places_lock, NULL);
    sem_init(&server->turns, 0, turns_at_once());
    server->metrics = gateway_metrics_new();
    if (server->metrics == NULL || !start_parts(server, address)) {
        gateway_metrics_free(server->metrics);
        pthread_mutex_destroy(&server->places_lock);
        sem_destroy(&server->turns);
        free(server);
        return fail(
            error, AMPHI_E_IO, "can't listen there: is the port taken, or a certificate wrong?");
    }
    write_url(server, host);
    *out = server;
    return AMPHI_OK;
}

const char *gateway_url(const gateway_server *server)
{
    return server->url;
}

void gateway_drain(gateway_server *server)
{
    atomic_store(&server->draining, true);
    gateway_connections_close_idle(&server->connections);
}

unsigned gateway_running(gateway_server *server)
{
    return gateway_connections_running(&server->connections);
}

void gateway_stop(gateway_server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->draining, true);
    atomic_store(&server->stopping, true);
    MHD_socket listener = MHD_quiesce_daemon(server->daemon);
    gateway_workers_end(server->workers); /* now no connection stays suspended */
    MHD_stop_daemon(server->daemon);
    gateway_workers_free(server->workers);
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
    gateway_connections_stop(&server->connections);
    gateway_metrics_free(server->metrics);
    pthread_mutex_destroy(&server->places_lock);
    sem_destroy(&server->turns);
    free(server);
}
