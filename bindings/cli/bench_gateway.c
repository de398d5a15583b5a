/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench gateway: what `amphi serve` adds to an endpoint that answers at once. The same client
 * asks the loopback stream itself and through the gateway, in turns (A B B A), each over a
 * connection that stays open; then many at the same time; then health beside many idle connections.
 * HTTP is written here by hand, so that the client's own time is next to nothing on both sides.
 */
#include "bench_processes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    WARM_UPS = 20,
    PAIRS = 400,
    STREAMS = 200,
    STREAM_EVENTS = 20,
    STREAM_PAUSE_US = 1000,
    IDLE = 1000,
    HEALTH = 200,
    SAMPLES_MAX = 2 * PAIRS,
    WAIT_MS = 30000
};

typedef struct figures {
    double ms[SAMPLES_MAX];
    size_t count;
} figures;

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void add(figures *f, double ms)
{
    if (f->count < SAMPLES_MAX)
        f->ms[f->count++] = ms;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(figures *f, double share)
{
    if (f->count == 0)
        return 0;
    qsort(f->ms, f->count, sizeof f->ms[0], compare);
    size_t at = (size_t)(share * (double)f->count);
    return f->ms[at < f->count ? at : f->count - 1];
}

/* ---- one connection ---- */

typedef struct line {
    double began_ms;
    double first_ms; /* 0: no words yet */
    size_t tail_size;
    int socket;    /* -1: none */
    char tail[32]; /* of what came: a mark may be cut */
    bool ended;
} line;

/* "http://HOST:PORT/v1" */
static unsigned port_of(const char *url)
{
    const char *colon = strrchr(url, ':');
    return colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

static bool open_line(line *l, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)port)};
    int yes = 1;
    memset(l, 0, sizeof *l);
    l->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->socket < 0 || connect(l->socket, (const struct sockaddr *)&address, sizeof address) != 0)
        return false;
    setsockopt(l->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return true;
}

static void close_line(line *l)
{
    if (l->socket >= 0)
        close(l->socket);
    l->socket = -1;
}

static bool send_text(line *l, const char *text)
{
    size_t size = strlen(text);
    l->began_ms = now_ms();
    l->first_ms = 0;
    l->ended = false;
    l->tail_size = 0;
    return send(l->socket, text, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool ask(line *l, unsigned events, unsigned pause_us)
{
    char body[256], text[512];
    int size = snprintf(body, sizeof body,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi?\"}],\"stream\":true,"
        "\"amphi\":{\"no_cache\":true,\"no_queue\":true},\"max_tokens\":%u,\"seed\":%u}",
        events, pause_us);
    snprintf(text, sizeof text,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
        size, body);
    return send_text(l, text);
}

/* What is there now. false: the line broke. */
static bool read_some(line *l, const char *end)
{
    char text[8192];
    memcpy(text, l->tail, l->tail_size);
    ssize_t got = recv(l->socket, text + l->tail_size, sizeof text - l->tail_size - 1, 0);
    if (got <= 0)
        return false;
    size_t size = l->tail_size + (size_t)got;
    text[size] = '\0';
    if (l->first_ms == 0 && strstr(text, "\"content\":\"") != NULL)
        l->first_ms = now_ms() - l->began_ms;
    l->ended = strstr(text, end) != NULL;
    l->tail_size = size < sizeof l->tail - 1 ? size : sizeof l->tail - 1;
    memcpy(l->tail, text + size - l->tail_size, l->tail_size);
    return true;
}

/* One streamed answer; the time to its first words goes to `out`. */
static bool ask_once(line *l, figures *out)
{
    if (!ask(l, 1, 0))
        return false;
    while (!l->ended)
        if (!read_some(l, "\r\n0\r\n\r\n"))
            return false;
    add(out, l->first_ms);
    return l->first_ms > 0;
}

/* ---- the measurements ---- */

typedef struct bench {
    bench_child upstream;
    bench_child gateway;
    char url[128];
    char gateway_url[128];
    char folder[256];
    figures direct, served;
    double added_ms[PAIRS]; /* of each pair */
    figures direct_streams, served_streams;
    figures health, warm;
} bench;

static bool measure_pairs(bench *b)
{
    line direct, served;
    bool good = open_line(&direct, port_of(b->url));
    good = open_line(&served, port_of(b->gateway_url)) && good;
    for (int i = 0; i < WARM_UPS && good; i++)
        good = ask_once(&direct, &b->warm) && ask_once(&served, &b->warm);
    for (size_t i = 0; i < PAIRS && good; i++) {
        line *first = i % 2 == 0 ? &direct : &served;
        line *second = i % 2 == 0 ? &served : &direct;
        good = ask_once(first, first == &direct ? &b->direct : &b->served) &&
               ask_once(second, second == &direct ? &b->direct : &b->served);
        if (good)
            b->added_ms[i] = b->served.ms[i] - b->direct.ms[i];
    }
    close_line(&direct);
    close_line(&served);
    return good;
}

/* Reads all lines until each has ended. */
static bool read_all(line *lines, struct pollfd *polls, size_t count)
{
    for (size_t open = count; open > 0;) {
        if (poll(polls, count, WAIT_MS) <= 0)
            return false;
        for (size_t i = 0; i < count; i++) {
            if (polls[i].fd < 0 || polls[i].revents == 0)
                continue;
            if (!read_some(&lines[i], "data: [DONE]"))
                return false;
            if (lines[i].ended) {
                polls[i].fd = -1;
                open--;
            }
        }
    }
    return true;
}

static bool measure_streams(unsigned port, figures *out)
{
    static line lines[STREAMS];
    static struct pollfd polls[STREAMS];
    bool good = true;
    for (size_t i = 0; i < STREAMS; i++)
        good = open_line(&lines[i], port) && good;
    for (size_t i = 0; i < STREAMS && good; i++) {
        good = ask(&lines[i], STREAM_EVENTS, STREAM_PAUSE_US);
        polls[i] = (struct pollfd){.fd = lines[i].socket, .events = POLLIN};
    }
    good = good && read_all(lines, polls, STREAMS);
    for (size_t i = 0; i < STREAMS; i++) {
        add(out, lines[i].first_ms);
        good = good && lines[i].first_ms > 0;
        close_line(&lines[i]);
    }
    return good;
}

static bool measure_health(bench *b)
{
    static line idle[IDLE];
    unsigned port = port_of(b->gateway_url);
    bool good = true;
    for (size_t i = 0; i < IDLE; i++)
        good = open_line(&idle[i], port) && good;
    for (int i = 0; i < HEALTH && good; i++) {
        line l;
        double began_ms = now_ms();
        good = open_line(&l, port) &&
               send_text(&l, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        while (good && !l.ended)
            good = read_some(&l, "\"status\":\"ok\"");
        add(&b->health, now_ms() - began_ms);
        close_line(&l);
    }
    for (size_t i = 0; i < IDLE; i++)
        close_line(&idle[i]);
    return good;
}

static int start(bench *b)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    int rc = bench_start_loopback(&b->upstream, b->url, sizeof b->url);
    if (rc == CLI_OK && !bench_make_folder(b->folder, sizeof b->folder))
        rc = cli_usage("bench: no folder for its data could be made");
    if (rc == CLI_OK)
        rc = bench_start_gateway(
            &b->gateway, b->url, b->folder, b->gateway_url, sizeof b->gateway_url);
    return rc;
}

static void print(bench *b, bool json)
{
    printf(json
               ? "{\"added_ms\":%.3f,\"direct_ms\":%.3f,\"gateway_ms\":%.3f,\"pairs\":%d,"
                 "\"streams\":%d,\"first_chunk_median_ms\":%.1f,\"first_chunk_p99_ms\":%.1f,"
                 "\"direct_first_chunk_p99_ms\":%.1f,\"idle\":%d,\"health_median_ms\":%.2f,"
                 "\"health_p99_ms\":%.2f}\n"
               : "added at the median: %.3f ms to the first words (%.3f ms itself, %.3f ms through "
                 "the gateway; %d pairs)\n"
                 "%d streams at the same time: first chunk after %.1f ms at the median, %.1f ms at "
                 "p99 (%.1f ms itself)\n"
                 "beside %d idle connections: /healthz in %.2f ms at the median, %.2f ms at p99\n",
        amphi_bench_median(b->added_ms, PAIRS), percentile(&b->direct, 0.5),
        percentile(&b->served, 0.5), PAIRS, STREAMS, percentile(&b->served_streams, 0.5),
        percentile(&b->served_streams, 0.99), percentile(&b->direct_streams, 0.99), IDLE,
        percentile(&b->health, 0.5), percentile(&b->health, 0.99));
}

int cli_bench_gateway(const cli_options *options)
{
    bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        return cli_usage("out of memory");
    int rc = start(b);
    if (rc == CLI_OK &&
        (!measure_pairs(b) || !measure_streams(port_of(b->url), &b->direct_streams) ||
            !measure_streams(port_of(b->gateway_url), &b->served_streams) || !measure_health(b)))
        rc = cli_usage("bench gateway: a request failed; nothing was measured");
    if (rc == CLI_OK)
        print(b, options->json);
    bench_stop_child(&b->gateway, SIGTERM);
    bench_stop_child(&b->upstream, 0);
    bench_remove_folder(b->folder);
    free(b);
    return rc;
}
