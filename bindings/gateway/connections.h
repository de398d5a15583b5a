/* SPDX-License-Identifier: Apache-2.0
 *
 * The connections of the gateway and what each of them is about: how many there are, since when
 * each one is silent or sends its request, which are closed when there are too many. Insides of
 * the gateway: only its files include this.
 */
#ifndef AMPHI_GATEWAY_CONNECTIONS_H
#define AMPHI_GATEWAY_CONNECTIONS_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum gateway_phase {
    GATEWAY_IDLE,   /* no header is complete: between two requests, or while one arrives */
    GATEWAY_BODY,   /* a request's body arrives */
    GATEWAY_REPLIES /* an answer is written */
} gateway_phase;

typedef struct gateway_connection gateway_connection;

typedef struct gateway_limits {
    unsigned connections_max;
    unsigned running_max;            /* requests at the same time */
    unsigned running_per_client_max; /* of those, from one address */
    unsigned headers_ms; /* from the connection, or the last answer, to a whole header */
    unsigned body_ms;    /* from there to the body's last byte */
} gateway_limits;

typedef struct gateway_connections {
    gateway_limits limits;
    bool is_tls;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t watcher;
    gateway_connection *first;
    unsigned count;
    unsigned running;
    bool stops;
} gateway_connections;

bool gateway_connections_start(
    gateway_connections *connections, const gateway_limits *limits, bool is_tls);
/* After the daemon's end. */
void gateway_connections_stop(gateway_connections *connections);

/* MHD_OPTION_NOTIFY_CONNECTION; `opaque` is the gateway_connections. */
void gateway_connections_notify(void *opaque, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code);
/* NULL: it was opened without memory. */
gateway_connection *gateway_connection_of(struct MHD_Connection *connection);
void gateway_connection_enter(
    gateway_connections *connections, gateway_connection *connection, gateway_phase phase);
/* Is there room for one more request, in all and from this address? Counts it if so. */
bool gateway_connection_admit(gateway_connections *connections, gateway_connection *connection);
/* An admitted request is over. */
void gateway_connection_leave(gateway_connections *connections, gateway_connection *connection);
/* Was it opened although there were too many, none of them idle? */
bool gateway_connection_is_too_many(const gateway_connection *connection);
/* Requests that were admitted and are not over. */
unsigned gateway_connections_running(gateway_connections *connections);
/* Those that are open. */
unsigned gateway_connections_count(gateway_connections *connections);
/* Closes those that are between two requests: the gateway will end. */
void gateway_connections_close_idle(gateway_connections *connections);

#endif
