/* SPDX-License-Identifier: Apache-2.0
 *
 * From a whole request to the path that answers it, on libmicrohttpd's thread: what needs no client
 * is answered at once, for the rest the connection is suspended and a thread takes over.
 */
#include "exchange_state.h"
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What may follow the path's own name: "/ID". */
typedef enum rest { NO_REST, MAY_HAVE_REST, HAS_REST } rest;

typedef struct path {
    const char *method;
    const char *url;
    rest rest;
    gateway_path_fn *answer;
} path;

static const path paths[] = {
    {MHD_HTTP_METHOD_POST, "/v1/chat/completions", NO_REST, gateway_path_chat_completions},
    {MHD_HTTP_METHOD_POST, "/v1/completions", NO_REST, gateway_path_completions},
    {MHD_HTTP_METHOD_POST, "/v1/embeddings", NO_REST, gateway_path_embeddings},
    {MHD_HTTP_METHOD_POST, "/v1/responses", NO_REST, gateway_path_responses},
    {MHD_HTTP_METHOD_GET, "/v1/responses", HAS_REST, gateway_path_response},
    {MHD_HTTP_METHOD_DELETE, "/v1/responses", HAS_REST, gateway_path_response},
    {MHD_HTTP_METHOD_GET, "/v1/models", MAY_HAVE_REST, gateway_path_models},
    {MHD_HTTP_METHOD_GET, "/metrics", NO_REST, gateway_path_metrics},
};

bool gateway_is_health(const char *url)
{
    return strcmp(url, "/healthz") == 0 || strcmp(url, "/health") == 0;
}

/* Readiness: a load balancer sends nothing new to a server that is about to end. */
static void answer_health(gateway_exchange *exchange)
{
    bool draining = atomic_load(&exchange->server->draining);
    gateway_reply_json(exchange, draining ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
        strdup(draining ? "{\"status\":\"draining\"}" : "{\"status\":\"ok\"}"));
}

static void refuse_for_now(gateway_exchange *exchange, const char *code, const char *message)
{
    const gateway_failure failure = {.http_status = MHD_HTTP_SERVICE_UNAVAILABLE,
        .type = "server_error",
        .code = code,
        .message = message,
        .retry_after_ms = 1000,
        .try_again = true};
    gateway_reply_failure(exchange, &failure);
}

static bool matches(const path *p, gateway_exchange *exchange)
{
    size_t size = strlen(p->url);
    if (strncmp(exchange->url, p->url, size) != 0 ||
        (exchange->url[size] == '\0' ? p->rest == HAS_REST
                                     : p->rest == NO_REST || exchange->url[size] != '/'))
        return false;
    exchange->url_rest = exchange->url + size;
    return true;
}

/* HEAD is answered as GET; libmicrohttpd leaves the body out. */
static bool has_method(const path *p, const gateway_exchange *exchange)
{
    return strcmp(p->method, exchange->method) == 0 ||
           (strcmp(p->method, MHD_HTTP_METHOD_GET) == 0 &&
               strcmp(exchange->method, MHD_HTTP_METHOD_HEAD) == 0);
}

/* "GET, DELETE": of the paths that match; empty: none does. */
static void write_methods(gateway_exchange *exchange, char *out, size_t size)
{
    out[0] = '\0';
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (matches(&paths[i], exchange)) {
            size_t at = strlen(out);
            snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "", paths[i].method);
        }
}

/* What a browser asks before it lets a page send a request with a key (CORS). */
static void answer_preflight(gateway_exchange *exchange)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    const char *headers = gateway_header(exchange, "Access-Control-Request-Headers");
    char methods[sizeof exchange->allow];
    char allow[64];
    write_methods(exchange, methods, sizeof methods);
    snprintf(allow, sizeof allow, "%s%s, OPTIONS", methods,
        strstr(methods, MHD_HTTP_METHOD_GET) != NULL ? ", HEAD" : "");
    if (response != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
        MHD_add_response_header(response, "Access-Control-Allow-Methods", allow);
        MHD_add_response_header(response, "Access-Control-Max-Age", "600");
        if (headers != NULL)
            MHD_add_response_header(response, "Access-Control-Allow-Headers", headers);
    }
    gateway_reply_response(exchange, MHD_HTTP_NO_CONTENT, response);
}

/* NULL: it was answered already. */
static const path *find(gateway_exchange *exchange)
{
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (matches(&paths[i], exchange) && has_method(&paths[i], exchange))
            return &paths[i];
    write_methods(exchange, exchange->allow, sizeof exchange->allow);
    bool is_known = exchange->allow[0] != '\0';
    if (is_known && strcmp(exchange->method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        answer_preflight(exchange);
        return NULL;
    }
    const gateway_failure failure = {
        .http_status = is_known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
        .type = "invalid_request_error",
        .code = is_known ? "method_not_allowed" : "unknown_url",
        .message = is_known ? "another method is expected here"
                            : "no such path: use POST /v1/chat/completions, "
                              "/v1/responses, /v1/completions or "
                              "/v1/embeddings, GET /v1/models, GET /metrics or GET /health"};
    gateway_reply_failure(exchange, &failure);
    return NULL;
}

/* On a thread of its own. */
static void answer(void *opaque)
{
    gateway_exchange *exchange = opaque;
    gateway_turn_begin(exchange);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (matches(&paths[i], exchange) && has_method(&paths[i], exchange)) {
            paths[i].answer(exchange);
            break;
        }
    gateway_turn_end(exchange);
    gateway_exchange_unref(exchange);
}

static void hand_over(gateway_exchange *exchange)
{
    if (!gateway_connection_admit(&exchange->server->connections, exchange->entry)) {
        refuse_for_now(exchange, "overloaded", "too many requests at the same time");
        return;
    }
    atomic_fetch_add(&exchange->references, 1);
    pthread_mutex_lock(&exchange->lock);
    exchange->is_suspended = true;
    MHD_suspend_connection(exchange->connection);
    pthread_mutex_unlock(&exchange->lock);
    if (gateway_workers_do(exchange->server->workers, answer, exchange))
        return;
    refuse_for_now(exchange, "overloaded", "no thread could be started for this request");
    gateway_exchange_unref(exchange);
}

/* For the metrics, also where the request is refused. */
static const char *name_of_path(gateway_exchange *exchange)
{
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (matches(&paths[i], exchange))
            return paths[i].url;
    return gateway_is_health(exchange->url) ? "/health" : "other";
}

void gateway_dispatch(gateway_exchange *exchange)
{
    exchange->path_name = name_of_path(exchange);
    if (gateway_is_health(exchange->url))
        answer_health(exchange);
    else if (exchange->refusal.http_status != 0)
        gateway_reply_failure(exchange, &exchange->refusal);
    else if (atomic_load(&exchange->server->draining))
        refuse_for_now(exchange, "shutting_down", "this server is about to end");
    else if (gateway_connection_is_too_many(exchange->entry))
        refuse_for_now(exchange, "overloaded", "too many connections at the same time");
    else if (find(exchange) != NULL)
        hand_over(exchange);
}
