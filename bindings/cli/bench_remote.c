/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench remote: what Amphi adds to plain libcurl. Both read the same stream from a loopback
 * server in turns, in one run; the server and the plain side are amphi-bench-curl, a program of its
 * own beside this one (tests/bench/bench_curl.c). An event's words are the moment of its sending,
 * so its delay needs no second clock.
 */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
    REQUESTS = 200, /* of each side, one event each */
    BURSTS = 24,    /* of each side: whole streams without a pause */
    BURST_EVENTS = 4000,
    STREAMS = 8,    /* of each side, for the events */
    EVENTS = 150,   /* in each stream */
    PAUSE_US = 500, /* between two events */
    WARM_UPS = 10,
    SAMPLES_MAX = STREAMS * EVENTS
};

/* A child process with pipes to its standard input and output. */
typedef struct child {
    pid_t pid;
    FILE *to;
    FILE *from;
} child;

typedef struct samples {
    double us[SAMPLES_MAX];
    size_t count;
} samples;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void add(samples *s, double ns)
{
    if (s->count < SAMPLES_MAX)
        s->us[s->count++] = ns / 1e3;
}

static double median(samples *s)
{
    return amphi_bench_median(s->us, s->count);
}

/* ---- children ---- */

static bool start_child(child *c, char *const *arguments)
{
    int to[2], from[2];
    posix_spawn_file_actions_t actions;
    if (pipe(to) != 0)
        return false;
    if (pipe(from) != 0) {
        close(to[0]);
        close(to[1]);
        return false;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, to[1]); /* its own end would keep it waiting */
    posix_spawn_file_actions_addclose(&actions, from[0]);
    int rc = posix_spawn(&c->pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(to[0]);
    close(from[1]);
    c->to = fdopen(to[1], "w");
    c->from = fdopen(from[0], "r");
    if (rc != 0)
        c->pid = 0;
    return rc == 0 && c->to != NULL && c->from != NULL;
}

static void stop_child(child *c, int signal_number)
{
    if (c->to != NULL)
        fclose(c->to);
    if (c->pid > 0 && signal_number != 0)
        kill(c->pid, signal_number);
    if (c->from != NULL)
        fclose(c->from);
    while (c->pid > 0 && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* The path of this program. */
static bool find_self(char *out, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    if (length <= 0)
        return false;
    out[length] = '\0';
    return true;
}

/* amphi-bench-curl: beside this program in a build folder, in libexec in an installed prefix. */
static bool find_bench_curl(char *out, size_t size)
{
    static const char *const places[] = {"amphi-bench-curl", "../libexec/amphi/amphi-bench-curl"};
    char folder[400];
    char *slash = find_self(folder, sizeof folder) ? strrchr(folder, '/') : NULL;
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(out, size, "%s/%s", folder, places[i]);
        if (access(out, X_OK) == 0)
            return true;
    }
    return false;
}

/* ---- the two sides ---- */

/* One request by plain libcurl; its figures, in ns, go to `out`. */
static bool ask_curl(child *curl, const char *verb, const char *url, unsigned events,
    unsigned pause_us, samples *out)
{
    double ns;
    int end = ' ';
    fprintf(curl->to, "%s %s/chat/completions %u %u\n", verb, url, events, pause_us);
    fflush(curl->to);
    while (end != '\n' && fscanf(curl->from, "%lf", &ns) == 1) {
        add(out, ns);
        end = fgetc(curl->from);
        if (end == ' ') {
            end = fgetc(curl->from);
            ungetc(end, curl->from);
            if (end == '\n')
                fgetc(curl->from);
        }
    }
    return end == '\n';
}

/* The same by Amphi: the time to the first words, from there to the end, each event's delay. */
static bool ask_amphi(amphi_client *client, unsigned events, unsigned pause_us, samples *first,
    samples *whole, samples *delays)
{
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_event event = {0};
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Hi?")};
    unsigned seen = 0;
    uint64_t first_ns = 0;
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.mode = AMPHI_MODE_ONLY_CLOUD;
    request.no_cache = true;
    request.no_queue = true;
    request.sampling.tokens_max = events;
    request.sampling.seed = pause_us;
    uint64_t began = now_ns();
    if (amphi_chat_start(&stream, client, &request, NULL) != AMPHI_OK)
        return false;
    while (amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, NULL) == AMPHI_OK &&
           !amphi_event_is_terminal(&event)) {
        if (event.kind != AMPHI_EVENT_DELTA)
            continue;
        uint64_t now = now_ns();
        if (seen == 0)
            first_ns = now;
        for (size_t i = 0; i < event.text.size; i++) /* a late reader gets several in one */
            seen += event.text.data[i] == ' ';
        if (delays != NULL)
            add(delays, (double)(now - strtoull(event.text.data, NULL, 10)));
    }
    if (first != NULL)
        add(first, (double)(first_ns - began));
    if (whole != NULL)
        add(whole, (double)(now_ns() - first_ns));
    amphi_stream_free(stream);
    return event.kind == AMPHI_EVENT_DONE && seen == events;
}

/* ---- the run ---- */

typedef struct bench {
    child curl;
    child gateway;
    char url[128];         /* of the loopback server */
    char gateway_url[128]; /* of `amphi serve` */
    char folder[256];      /* the client's data */
    bool has_folder;
    amphi_client *client;
    samples direct_first, amphi_first, gateway_first, plain_first, direct_events, amphi_events;
    samples direct_whole, amphi_whole;
} bench;

static bool start_gateway(bench *b)
{
    char self[512], endpoint[160], data[300], line[256];
    char *arguments[] = {self, "serve", "--port", "0", "--json", "--allow-http-loopback",
        "--endpoint", endpoint, "--data", data, "--model", "/nowhere", NULL};
    snprintf(endpoint, sizeof endpoint, "bench=%s", b->url);
    snprintf(data, sizeof data, "%s/gateway", b->folder);
    const char *found;
    if (!find_self(self, sizeof self) || !start_child(&b->gateway, arguments) ||
        fgets(line, sizeof line, b->gateway.from) == NULL ||
        (found = strstr(line, "\"url\":\"")) == NULL)
        return false;
    snprintf(
        b->gateway_url, sizeof b->gateway_url, "%.*s", (int)strcspn(found + 7, "\""), found + 7);
    return true;
}

static int start(bench *b)
{
    char program[512], data[300];
    unsigned port = 0;
    amphi_client_options options;
    amphi_endpoint_options endpoint;
    amphi_error error;
    char *arguments[] = {program, NULL};
    if (!find_bench_curl(program, sizeof program))
        return cli_usage("bench remote: amphi-bench-curl is neither beside this program nor in "
                         "../libexec/amphi");
    const char *temporary = getenv("TMPDIR");
    snprintf(b->folder, sizeof b->folder, "%s/amphi-bench-XXXXXX",
        temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp");
    b->has_folder = mkdtemp(b->folder) != NULL;
    if (!b->has_folder || !start_child(&b->curl, arguments) ||
        fscanf(b->curl.from, "port %u", &port) != 1)
        return cli_usage("bench remote: the loopback server did not start");
    snprintf(b->url, sizeof b->url, "http://127.0.0.1:%u/v1", port);
    if (!start_gateway(b))
        return cli_usage("bench remote: the gateway did not start");
    amphi_client_options_init(&options);
    amphi_endpoint_options_init(&endpoint);
    endpoint.name = AMPHI_STR("bench");
    endpoint.url = amphi_str_from(b->url);
    snprintf(data, sizeof data, "%s/client", b->folder);
    options.data_dir = amphi_str_from(data);
    options.model_path = AMPHI_STR("/nowhere");
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.allow_http_loopback = true;
    return amphi_client_new(&b->client, &options, &error) == AMPHI_OK ? CLI_OK : cli_fail(&error);
}

static void stop(bench *b)
{
    char command[300];
    amphi_client_free(b->client);
    stop_child(&b->gateway, SIGTERM);
    stop_child(&b->curl, 0);
    if (b->has_folder) {
        snprintf(command, sizeof command, "rm -rf '%s'", b->folder);
        if (system(command) != 0)
            fprintf(stderr, "amphi: %s is left behind\n", b->folder);
    }
}

static bool measure(bench *b)
{
    samples warm = {.count = 0};
    bool good = true;
    for (int i = 0; i < WARM_UPS && good; i++)
        good = ask_curl(&b->curl, "first", b->url, 1, 0, &warm) &&
               ask_curl(&b->curl, "first", b->gateway_url, 1, 0, &warm) &&
               ask_amphi(b->client, 1, 0, NULL, NULL, NULL);
    for (int i = 0; i < REQUESTS && good; i++)
        good = ask_curl(&b->curl, "first", b->url, 1, 0, &b->direct_first) &&
               ask_amphi(b->client, 1, 0, &b->amphi_first, NULL, NULL);
    for (int i = 0; i < REQUESTS && good; i++)
        good = ask_curl(&b->curl, "first", b->url, 1, 0, &b->plain_first) &&
               ask_curl(&b->curl, "first", b->gateway_url, 1, 0, &b->gateway_first);
    for (int i = 0; i < BURSTS && good; i++)
        good = ask_curl(&b->curl, "whole", b->url, BURST_EVENTS, 0, &b->direct_whole) &&
               ask_amphi(b->client, BURST_EVENTS, 0, NULL, &b->amphi_whole, NULL);
    for (int i = 0; i < STREAMS && good; i++)
        good = ask_curl(&b->curl, "events", b->url, EVENTS, PAUSE_US, &b->direct_events) &&
               ask_amphi(b->client, EVENTS, PAUSE_US, NULL, NULL, &b->amphi_events);
    return good;
}

int cli_bench_remote(const cli_options *options)
{
    bench *b = calloc(1, sizeof *b);
    if (b == NULL)
        return cli_usage("out of memory");
    int rc = start(b);
    if (rc == CLI_OK && !measure(b))
        rc = cli_usage("bench remote: a request failed; nothing was measured");
    if (rc == CLI_OK) {
        double direct = median(&b->direct_first);
        double plain = median(&b->plain_first);
        double whole = median(&b->direct_whole) / BURST_EVENTS;
        double delay = median(&b->direct_events);
        printf(
            options->json
                ? "{\"request_added_us\":%.1f,\"event_added_us\":%.2f,\"gateway_added_us\":%.1f,"
                  "\"event_delay_added_us\":%.1f,\"curl_request_us\":%.1f,\"curl_event_us\":%.2f,"
                  "\"curl_event_delay_us\":%.1f}\n"
                : "added to plain libcurl at the median: %.1f us a request, %.2f us an event, "
                  "%.1f us by the gateway, %.1f us to a lone event's delay\n"
                  "(plain: %.1f us to the first words, %.2f us an event, %.1f us of delay)\n",
            median(&b->amphi_first) - direct, median(&b->amphi_whole) / BURST_EVENTS - whole,
            median(&b->gateway_first) - plain, median(&b->amphi_events) - delay, direct, whole,
            delay);
    }
    stop(b);
    free(b);
    return rc;
}
