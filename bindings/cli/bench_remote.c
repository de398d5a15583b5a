/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench remote: what Amphi adds to plain libcurl. Both read the same stream from a loopback
 * server in turns, in one run; the server and the plain side are amphi-bench-curl, a program of its
 * own beside this one (tests/bench/bench_curl.c). An event's words are the moment of its sending,
 * so its delay needs no second clock.
 */
#include "bench_processes.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

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

/* ---- the two sides ---- */

/* One request by plain libcurl; its figures, in ns, go to `out`. */
static bool ask_curl(bench_child *curl, const char *verb, const char *url, unsigned events,
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
    bench_child curl;
    bench_child gateway;
    char url[128];         /* of the loopback server */
    char gateway_url[128]; /* of `amphi serve` */
    char folder[256];      /* the client's data; "": none */
    amphi_client *client;
    samples direct_first, amphi_first, gateway_first, plain_first, direct_events, amphi_events;
    samples direct_whole, amphi_whole;
} bench;

static int start(bench *b)
{
    char data[300];
    amphi_client_options options;
    amphi_endpoint_options endpoint;
    amphi_error error;
    int rc = bench_start_loopback(&b->curl, b->url, sizeof b->url);
    if (rc == CLI_OK && !bench_make_folder(b->folder, sizeof b->folder))
        rc = cli_usage("bench: no folder for its data could be made");
    if (rc == CLI_OK)
        rc = bench_start_gateway(
            &b->gateway, b->url, b->folder, b->gateway_url, sizeof b->gateway_url);
    if (rc != CLI_OK)
        return rc;
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
    amphi_client_free(b->client);
    bench_stop_child(&b->gateway, SIGTERM);
    bench_stop_child(&b->curl, 0);
    bench_remove_folder(b->folder);
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
