/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd's own timeout counts from the last byte, so a byte a second holds a connection for
 * ever. Here every connection has a phase, and a phase has a deadline from its beginning; a thread
 * looks once a second. When there are more connections than wanted, the one that has been idle for
 * longest is closed, first among those of an address that has a large share of them.
 *
 * A connection is closed by shutting its socket down, which libmicrohttpd's thread then notices; it
 * alone frees it, after its notification has taken the entry out of the list. So a socket in the
 * list is open, and is touched under the lock only.
 */
#include "connections.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { WATCH_MS = 1000 };

struct gateway_connection {
    int socket;
    uint8_t address[16]; /* IPv6, or IPv4 in its first four bytes */
    gateway_phase phase;
    uint64_t since_ms; /* of the phase */
    bool is_admitted;
    bool is_too_many;
    bool is_shut;
    gateway_connection *next;
    gateway_connection **at; /* what points to this one */
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- under the lock ---- */

static void shut(gateway_connection *connection)
{
    connection->is_shut = true;
    shutdown(connection->socket, SHUT_RDWR);
}

static bool is_same_address(const gateway_connection *a, const gateway_connection *b)
{
    return memcmp(a->address, b->address, sizeof a->address) == 0;
}

/* How many connections that are not being closed does this one's address have? */
static unsigned count_of_address(
    const gateway_connections *connections, const gateway_connection *one)
{
    unsigned count = 0;
    for (const gateway_connection *c = connections->first; c != NULL; c = c->next)
        count += !c->is_shut && is_same_address(c, one);
    return count;
}

static unsigned count_open(const gateway_connections *connections)
{
    unsigned count = 0;
    for (const gateway_connection *c = connections->first; c != NULL; c = c->next)
        count += !c->is_shut;
    return count;
}

/* Closes the connection that has been idle for longest; with `like`, only one of its address. */
static bool close_longest_idle(
    gateway_connections *connections, const gateway_connection *like, const gateway_connection *but)
{
    gateway_connection *longest = NULL;
    for (gateway_connection *c = connections->first; c != NULL; c = c->next) {
        if (c->phase != GATEWAY_IDLE || c->is_shut || c == but ||
            (like != NULL && !is_same_address(c, like)))
            continue;
        if (longest == NULL || c->since_ms < longest->since_ms)
            longest = c;
    }
    if (longest != NULL)
        shut(longest);
    return longest != NULL;
}

/* An answer in words, as far as the socket takes it: libmicrohttpd can't answer in mid-body. */
static void say_timeout(
    const gateway_connections *connections, const gateway_connection *connection)
{
    static const char answer[] =
        "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: 121\r\n\r\n{\"error\":{\"message\":\"the request's body did not arrive in "
        "time\",\"type\":\"invalid_request_error\",\"code\":\"timeout\",\"param\":null}}";
    if (!connections->is_tls && connection->phase == GATEWAY_BODY)
        (void)send(connection->socket, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void close_late(gateway_connections *connections)
{
    uint64_t now = now_ms();
    for (gateway_connection *c = connections->first; c != NULL; c = c->next) {
        uint64_t limit_ms = c->phase == GATEWAY_IDLE   ? connections->limits.headers_ms
                            : c->phase == GATEWAY_BODY ? connections->limits.body_ms
                                                       : UINT64_MAX;
        if (c->is_shut || now - c->since_ms < limit_ms)
            continue;
        say_timeout(connections, c);
        shut(c);
    }
}

/* ---- the watcher ---- */

static void *watch(void *opaque)
{
    gateway_connections *connections = opaque;
    pthread_mutex_lock(&connections->lock);
    while (!connections->stops) {
        struct timespec until;
        if (connections->first == NULL) {
            pthread_cond_wait(&connections->changed, &connections->lock);
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(WATCH_MS % 1000) * 1000000;
        until.tv_sec += WATCH_MS / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        int rc = 0;
        while (!connections->stops && rc != ETIMEDOUT)
            rc = pthread_cond_timedwait(&connections->changed, &connections->lock, &until);
        close_late(connections);
    }
    pthread_mutex_unlock(&connections->lock);
    return NULL;
}

bool gateway_connections_start(
    gateway_connections *connections, const gateway_limits *limits, bool is_tls)
{
    pthread_condattr_t monotonic;
    memset(connections, 0, sizeof *connections);
    connections->limits = *limits;
    connections->is_tls = is_tls;
    pthread_mutex_init(&connections->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&connections->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&connections->watcher, NULL, watch, connections) == 0)
        return true;
    pthread_cond_destroy(&connections->changed);
    pthread_mutex_destroy(&connections->lock);
    return false;
}

void gateway_connections_stop(gateway_connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    connections->stops = true;
    pthread_cond_broadcast(&connections->changed);
    pthread_mutex_unlock(&connections->lock);
    pthread_join(connections->watcher, NULL);
    pthread_cond_destroy(&connections->changed);
    pthread_mutex_destroy(&connections->lock);
}

/* ---- libmicrohttpd's thread ---- */

static void read_address(gateway_connection *out, const struct sockaddr *address)
{
    if (address != NULL && address->sa_family == AF_INET)
        memcpy(out->address, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address != NULL && address->sa_family == AF_INET6)
        memcpy(out->address, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
}

static gateway_connection *opened(
    gateway_connections *connections, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *socket_info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    gateway_connection *entry = calloc(1, sizeof *entry);
    if (entry == NULL || socket_info == NULL) {
        free(entry);
        return NULL;
    }
    entry->socket = socket_info->connect_fd;
    entry->since_ms = now_ms();
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    read_address(entry, address != NULL ? address->client_addr : NULL);
    pthread_mutex_lock(&connections->lock);
    bool is_first = connections->first == NULL;
    entry->next = connections->first;
    entry->at = &connections->first;
    if (entry->next != NULL)
        entry->next->at = &entry->next;
    connections->first = entry;
    connections->count++;
    if (connections->count > connections->limits.connections_max &&
        count_open(connections) > connections->limits.connections_max) {
        bool greedy =
            count_of_address(connections, entry) > connections->limits.connections_max / 2;
        entry->is_too_many = !close_longest_idle(connections, greedy ? entry : NULL, entry) &&
                             !close_longest_idle(connections, NULL, entry);
    }
    if (is_first) /* the watcher is not woken for each: it holds the lock while it looks */
        pthread_cond_broadcast(&connections->changed);
    pthread_mutex_unlock(&connections->lock);
    return entry;
}

static void closed(gateway_connections *connections, gateway_connection *entry)
{
    pthread_mutex_lock(&connections->lock);
    *entry->at = entry->next;
    if (entry->next != NULL)
        entry->next->at = entry->at;
    connections->count--;
    connections->running -= entry->is_admitted;
    pthread_mutex_unlock(&connections->lock);
    free(entry);
}

void gateway_connections_notify(void *opaque, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
    gateway_connections *connections = opaque;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = opened(connections, connection);
    } else if (*context != NULL) {
        closed(connections, *context);
        *context = NULL;
    }
}

gateway_connection *gateway_connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

void gateway_connection_enter(
    gateway_connections *connections, gateway_connection *connection, gateway_phase phase)
{
    pthread_mutex_lock(&connections->lock);
    connection->phase = phase;
    connection->since_ms = now_ms();
    pthread_mutex_unlock(&connections->lock);
}

bool gateway_connection_admit(gateway_connections *connections, gateway_connection *connection)
{
    const gateway_limits *limits = &connections->limits;
    unsigned same = 0;
    pthread_mutex_lock(&connections->lock);
    if (connections->running >= limits->running_per_client_max)
        for (const gateway_connection *c = connections->first; c != NULL; c = c->next)
            same += c->is_admitted && is_same_address(c, connection);
    bool admitted =
        connections->running < limits->running_max && same < limits->running_per_client_max;
    if (admitted) {
        connections->running++;
        connection->is_admitted = true;
    }
    pthread_mutex_unlock(&connections->lock);
    return admitted;
}

void gateway_connection_leave(gateway_connections *connections, gateway_connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    connections->running -= connection->is_admitted;
    connection->is_admitted = false;
    pthread_mutex_unlock(&connections->lock);
}

bool gateway_connection_is_too_many(const gateway_connection *connection)
{
    return connection->is_too_many;
}

unsigned gateway_connections_running(gateway_connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    unsigned running = connections->running;
    pthread_mutex_unlock(&connections->lock);
    return running;
}

unsigned gateway_connections_count(gateway_connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    unsigned count = count_open(connections);
    pthread_mutex_unlock(&connections->lock);
    return count;
}

void gateway_connections_close_idle(gateway_connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    for (gateway_connection *c = connections->first; c != NULL; c = c->next)
        if (c->phase == GATEWAY_IDLE && !c->is_shut)
            shut(c);
    pthread_mutex_unlock(&connections->lock);
}
