/* SPDX-License-Identifier: Apache-2.0
 *
 * A chat cloud on loopback: one thread per connection, one exchange per connection. It keeps every
 * byte that it reads before it looks at any.
 */
#include "sdk/core/str.h"
#include "tests/sim/sim_cloud.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, SILENCE_MS = 60 };

typedef struct connection {
    sim_server *server;
    int fd;
    amphi_thread thread;
} connection;

struct sim_server {
    sim_wire *wire;
    int fd;
    atomic_bool closing;
    atomic_int behaviour;
    amphi_thread thread;
    connection connections[CONNECTIONS_MAX]; /* a ring: each is joined before it is used again */
    size_t count;
};

/* The whole request, or as much of it as came. */
static void read_request(sim_server *server, int fd, amphi_buf *request)
{
    char piece[4096];
    size_t wanted = SIZE_MAX;
    while (request->size < wanted) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&ready, 1, 2000) == 1 ? recv(fd, piece, sizeof piece, 0) : -1;
        if (got <= 0)
            break;
        amphi__buf_append(request, piece, (size_t)got);
        size_t end = amphi__str_find(amphi__buf_str(request), AMPHI_STR("\r\n\r\n"));
        size_t length = amphi__str_find(amphi__buf_str(request), AMPHI_STR("ontent-Length: "));
        if (end != SIZE_MAX && length != SIZE_MAX && length < end)
            wanted = end + 4 + strtoul(request->data + length + 15, NULL, 10);
    }
    sim_wire_add(server->wire, amphi__buf_str(request));
}

static void send_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        size -= (size_t)sent;
    }
}

static void answer(sim_server *server, int fd, amphi_str request)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Connection: close\r\n\r\n";
    static const char refused[] = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n"
                                  "Connection: close\r\n\r\n";
    static const char end[] = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
                              "\"stop\"}]}\n\ndata: [DONE]\n\n";
    sim_behaviour behaviour = (sim_behaviour)atomic_load(&server->behaviour);
    amphi_buf text;
    amphi__buf_init(&text, 0);
    amphi__buf_append_c(&text, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"");
    sim_say(&text, "cloud", request, AMPHI_STR(""));
    amphi__buf_append_c(&text, "\"}}]}\n\n");
    if (behaviour == SIM_FAILS || behaviour == SIM_REFUSES) {
        send_all(fd, refused, sizeof refused - 1);
    } else if (behaviour == SIM_IS_LATE) {
        (void)poll(NULL, 0, SILENCE_MS);
    } else {
        send_all(fd, head, sizeof head - 1);
        send_all(fd, text.data, text.size);
        if (behaviour == SIM_FREEZES)
            (void)poll(NULL, 0, SILENCE_MS);
        if (behaviour == SIM_ANSWERS)
            send_all(fd, end, sizeof end - 1);
    }
    amphi__buf_clear(&text);
}

static void serve(void *opaque)
{
    connection *c = opaque;
    amphi_buf request;
    amphi__buf_init(&request, 0);
    read_request(c->server, c->fd, &request);
    answer(c->server, c->fd, amphi__buf_str(&request));
    amphi__buf_clear(&request);
    close(c->fd);
}

static void accept_all(void *opaque)
{
    sim_server *server = opaque;
    while (!atomic_load(&server->closing)) {
        struct pollfd ready = {.fd = server->fd, .events = POLLIN};
        int fd = poll(&ready, 1, 20) == 1 ? accept(server->fd, NULL, NULL) : -1;
        if (fd < 0)
            continue;
        connection *c = &server->connections[server->count++ % CONNECTIONS_MAX];
        amphi__thread_join(&c->thread);
        *c = (connection){.server = server, .fd = fd};
        if (amphi__thread_start(&c->thread, "sim-cloud", serve, c) != AMPHI_OK)
            abort();
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        amphi__thread_join(&server->connections[i].thread);
}

sim_server *sim_server_start(sim_wire *wire, char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    sim_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        abort();
    server->wire = wire;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->fd, 64) != 0 ||
        getsockname(server->fd, (struct sockaddr *)&address, &size) != 0 ||
        amphi__thread_start(&server->thread, "sim-server", accept_all, server) != AMPHI_OK)
        abort();
    snprintf(url, 64, "http://127.0.0.1:%u/v1", ntohs(address.sin_port));
    return server;
}

void sim_server_set(sim_server *server, sim_behaviour behaviour)
{
    atomic_store(&server->behaviour, (int)behaviour);
}

void sim_server_stop(sim_server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->closing, true);
    amphi__thread_join(&server->thread);
    close(server->fd);
    free(server);
}
