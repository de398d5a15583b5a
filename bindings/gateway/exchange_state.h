/* SPDX-License-Identifier: Apache-2.0
 *
 * What an exchange is made of. Two threads know it: libmicrohttpd's, which calls server.c, and the
 * one that answers. Insides of the gateway: for server.c, dispatch.c, access.c and exchange.c.
 */
#ifndef AMPHI_GATEWAY_EXCHANGE_STATE_H
#define AMPHI_GATEWAY_EXCHANGE_STATE_H

#include "body.h"
#include "connections.h"
#include "exchange.h"
#include "gateway.h"
#include "metrics.h"
#include "workers.h"

#include <microhttpd.h>
#include <semaphore.h>
#include <stdatomic.h>

struct gateway_server {
    gateway_options options;
    gateway_connections connections;
    gateway_workers *workers;
    struct MHD_Daemon *daemon;
    gateway_metrics *metrics;
    pthread_mutex_t places_lock;
    struct responses_place *places; /* conversations of responses that are in work */
    atomic_bool draining;           /* new requests are refused */
    atomic_bool stopping;           /* running ones end */
    atomic_size_t bodies_bytes;     /* of all requests, arriving and in work */
    atomic_uint_fast64_t counted;   /* requests so far: part of their ids */
    uint64_t ids_from;              /* random */
    sem_t turns;                    /* large bodies that may be read at the same time */
    char url[96];
};

struct gateway_exchange {
    gateway_server *server;
    struct MHD_Connection *connection;
    gateway_connection *entry;
    atomic_uint references;
    char id[40]; /* x-request-id */
    char method[16];
    char url[256];
    const char *url_rest;
    const char *path_name; /* in the table of paths; NULL: in none */
    uint64_t began_ms;
    /* The body, until it is whole. Only libmicrohttpd's thread. */
    gateway_body_bytes body;
    bool has_turn;        /* the other thread's */
    size_t body_expected; /* its Content-Length, or SIZE_MAX */
    size_t discarded;
    gateway_failure refusal; /* http_status 0: none so far; then what arrives is not kept */
    char refused_header[64];
    char refusal_words[256];
    char *settings; /* what X-Amphi-* headers say, as JSON; NULL: nothing */
    bool was_dispatched;
    bool body_waits;    /* behind an Expect, or for ever */
    char allow[32];     /* of a 405; empty: it is none */
    bool allows_origin; /* the page that asks may read the answer */
    /* What became of it, for the access log. */
    char route[AMPHI_NAME_MAX];
    size_t takeovers;
    /* The reply. Under the lock, as far as both threads touch it. */
    pthread_mutex_t lock;
    pthread_cond_t drained;
    struct MHD_Response *response;
    unsigned http_status;
    bool is_replied;
    bool is_suspended; /* in libmicrohttpd: it waits for the other thread */
    bool is_over;      /* libmicrohttpd is through with the request */
    bool is_streamed;
    bool is_ended; /* the last byte is in `pending` */
    bool is_whole;
    char *pending;
    size_t pending_size;
    size_t pending_at;
    size_t pending_capacity;
    uint64_t bytes_sent;
};

/* NULL: out of memory. One reference. */
gateway_exchange *gateway_exchange_new(
    gateway_server *server, struct MHD_Connection *connection, const char *url, const char *method);
void gateway_exchange_unref(gateway_exchange *exchange);

/* The other thread: waits for the turn of a large body, which the path ends, or its return. */
void gateway_turn_begin(gateway_exchange *exchange);

/* Takes the response, and adds the headers that all have. NULL: the connection is cut. */
void gateway_reply_response(
    gateway_exchange *exchange, unsigned http_status, struct MHD_Response *response);

/* access.c: who may ask. Sets exchange->refusal, and answers no one. */
void gateway_check_access(gateway_exchange *exchange);
/* Is this the path of the health check, which needs no key? */
bool gateway_is_health(const char *url);
/* dispatch.c: the request is whole. It replies, or suspends the connection and replies later. */
void gateway_dispatch(gateway_exchange *exchange);

#endif
