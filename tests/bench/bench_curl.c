/* SPDX-License-Identifier: Apache-2.0
 *
 * The other side of `amphi bench remote`: plain libcurl, and the loopback stream that it and Amphi
 * both read. A program of its own, because the command and its bindings know only Amphi's headers.
 *
 *     amphi-bench-curl        prints "port N", then obeys standard input, one line per command:
 *       first URL EVENTS PAUSE_US   one POST; prints the time to the first words, in ns
 *       whole URL EVENTS PAUSE_US   one POST; prints the ns from the first words to the end
 *       events URL EVENTS PAUSE_US  one POST; prints each event's delay, in ns, in one line
 *
 * The server answers POST .../chat/completions with as many events as the body's "max_tokens" says,
 * "seed" microseconds apart; with 0 they come as fast as the reader takes them. The words of an
 * event are the moment of its sending (CLOCK_MONOTONIC, ns), so every reader can measure how long
 * the way was. One handle and one connection are kept, as a good program would.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 1 << 16, REQUEST_MAX = 1 << 16 };

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- The server ------------------------------------------------------------------------------ */

/* false: the client has gone. */
static int send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return 0;
        data += sent;
        size -= (size_t)sent;
    }
    return 1;
}

/* As one chunk of a chunked body. */
static int send_chunk(int fd, const char *data, size_t size)
{
    char head[32];
    int head_size = snprintf(head, sizeof head, "%zx\r\n", size);
    return send_all(fd, head, (size_t)head_size) && send_all(fd, data, size) &&
           send_all(fd, "\r\n", 2);
}

#define CHUNK                                                                                      \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"    \
    "\"model\":\"bench-1\",\"system_fingerprint\":\"fp_1\",\"choices\":["

static size_t write_event(char *out, size_t size)
{
    return (size_t)snprintf(out, size,
        CHUNK "{\"index\":0,\"delta\":{\"content\":\"%llu \"},\"logprobs\":null,"
              "\"finish_reason\":null}]}\n\n",
        (unsigned long long)now_ns());
}

/* One event a packet and a pause, or as many as fit into a block and no pause. */
static int send_events(int fd, unsigned events, unsigned pause_us)
{
    enum { BLOCK = 60000, EVENT_MAX = 512 };
    static _Thread_local char block[BLOCK + EVENT_MAX];
    const struct timespec pause = {.tv_nsec = (long)pause_us * 1000};
    size_t used = 0;
    for (unsigned i = 0; i < events; i++) {
        if (pause_us > 0 && i > 0)
            nanosleep(&pause, NULL);
        used += write_event(block + used, EVENT_MAX);
        if (pause_us > 0 || used > BLOCK || i + 1 == events) {
            if (!send_chunk(fd, block, used))
                return 0;
            used = 0;
        }
    }
    return 1;
}

static int send_answer(int fd, unsigned events, unsigned pause_us)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    static const char tail[] =
        CHUNK "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n" CHUNK
              "],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":9,\"total_tokens\":18}}\n\n"
              "data: [DONE]\n\n";
    return send_all(fd, head, sizeof head - 1) && send_events(fd, events, pause_us) &&
           send_chunk(fd, tail, sizeof tail - 1) && send_all(fd, "0\r\n\r\n", 5);
}

static unsigned number_behind(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at != NULL ? (unsigned)strtoul(at + strlen(key), NULL, 10) : 0;
}

/* Reads one request into `data`; 0: the client has gone. Nothing is pipelined here. */
static int read_request(int fd, char data[REQUEST_MAX])
{
    size_t size = 0;
    for (;;) {
        ssize_t got = recv(fd, data + size, REQUEST_MAX - 1 - size, 0);
        if (got <= 0)
            return 0;
        size += (size_t)got;
        data[size] = '\0';
        const char *body = strstr(data, "\r\n\r\n");
        const char *length = strcasestr(data, "\r\ncontent-length:");
        if (body != NULL &&
            (length == NULL || length > body || strlen(body + 4) >= strtoul(length + 17, NULL, 10)))
            return 1;
    }
}

static void *serve_connection(void *opaque)
{
    static const char no[] = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n";
    int fd = (int)(intptr_t)opaque;
    int yes = 1;
    char *request = malloc(REQUEST_MAX);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    for (int good = request != NULL; good && read_request(fd, request);)
        good = strncmp(request, "POST", 4) == 0
                   ? send_answer(fd, number_behind(request, "\"max_tokens\":"),
                         number_behind(request, "\"seed\":"))
                   : send_all(fd, no, sizeof no - 1); /* a warm-up's HEAD */
    free(request);
    close(fd);
    return NULL;
}

static void *accept_connections(void *opaque)
{
    int listener = (int)(intptr_t)opaque;
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return NULL;
}

/* The port, or 0. */
static unsigned start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    pthread_t thread;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 1024) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&thread, NULL, accept_connections, (void *)(intptr_t)fd) != 0)
        return 0;
    pthread_detach(thread);
    return ntohs(address.sin_port);
}

/* ---- Plain libcurl --------------------------------------------------------------------------- */

typedef struct reading {
    uint64_t first_ns; /* when the first words came; 0: not yet */
    unsigned count;
    uint64_t delays_ns[EVENTS_MAX];
    char tail[64]; /* what a write ended with: words may be cut */
    size_t tail_size;
} reading;

/* Looks for "content":"NUMBER in what came, and no more: this is the floor. */
static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    static const char key[] = "\"content\":\"";
    reading *r = user;
    size_t bytes = size * count;
    uint64_t now = now_ns();
    char *text = malloc(r->tail_size + bytes + 1);
    if (text == NULL)
        return 0;
    memcpy(text, r->tail, r->tail_size);
    memcpy(text + r->tail_size, data, bytes);
    text[r->tail_size + bytes] = '\0';
    const char *at = text;
    for (const char *found; (found = strstr(at, key)) != NULL;) {
        char *end;
        uint64_t sent = strtoull(found + sizeof key - 1, &end, 10);
        if (*end == '\0')
            break;
        at = end;
        if (r->first_ns == 0 && sent > 0)
            r->first_ns = now;
        if (sent > 0 && r->count < EVENTS_MAX)
            r->delays_ns[r->count++] = now - sent;
    }
    size_t left = strlen(at);
    size_t keep = left < sizeof r->tail ? left : sizeof r->tail;
    memcpy(r->tail, at + left - keep, keep);
    r->tail_size = keep;
    free(text);
    return bytes;
}

static void post(
    CURL *easy, reading *r, const char *url, unsigned events, unsigned pause_us, const char *verb)
{
    char body[512];
    memset(r, 0, offsetof(reading, delays_ns));
    r->tail_size = 0;
    snprintf(body, sizeof body,
        "{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hi?\"}],"
        "\"max_tokens\":%u,\"seed\":%u,\"amphi\":{\"mode\":\"only_cloud\",\"no_cache\":true,"
        "\"no_queue\":true}}",
        events, pause_us);
    uint64_t began = now_ns();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    CURLcode code = curl_easy_perform(easy);
    if (code != CURLE_OK || r->count != events) {
        printf("error curl %d, %u of %u events\n", (int)code, r->count, events);
    } else if (strcmp(verb, "first") == 0) {
        printf("%llu\n", (unsigned long long)(r->first_ns - began));
    } else if (strcmp(verb, "whole") == 0) {
        printf("%llu\n", (unsigned long long)(now_ns() - r->first_ns));
    } else {
        for (unsigned i = 0; i < r->count; i++)
            printf("%llu ", (unsigned long long)r->delays_ns[i]);
        printf("\n");
    }
    fflush(stdout);
}

int main(void)
{
    static reading r;
    char line[512], verb[16], url[256];
    unsigned events, pause_us;
    unsigned port = start_server();
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (port == 0 || easy == NULL || headers == NULL)
        return 1;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    printf("port %u\n", port);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL)
        if (sscanf(line, "%15s %255s %u %u", verb, url, &events, &pause_us) == 4)
            post(easy, &r, url, events, pause_us, verb);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return 0;
}
