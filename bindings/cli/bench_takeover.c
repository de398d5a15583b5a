/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench takeover: from the engine's crash to the cloud request, with a gigabyte resident in
 * the engine process. Each run: an answer begins on the device, the process gets SIGSEGV in the
 * middle of it, and the clock stops when the request's headers have come out of TLS at a server on
 * this machine, over a connection that was open before. Both ends read the same clock.
 */
#include "bench_takeover.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MODEL_BYTES    (1ull << 30)
#define CONTEXT_TOKENS 2048
#define RUNS_DEFAULT   50
#define RUNS_MAX       10000

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* The engine process: the only child. Every thread has its own list. */
static pid_t find_worker(void)
{
    DIR *threads = opendir("/proc/self/task");
    struct dirent *thread = NULL;
    int found = 0;
    while (threads != NULL && found == 0 && (thread = readdir(threads)) != NULL) {
        char path[320];
        snprintf(path, sizeof path, "/proc/self/task/%s/children", thread->d_name);
        FILE *file = thread->d_name[0] != '.' ? fopen(path, "re") : NULL;
        if (file != NULL && fscanf(file, "%d", &found) != 1)
            found = 0;
        if (file != NULL)
            fclose(file);
    }
    if (threads != NULL)
        closedir(threads);
    return (pid_t)found;
}

static uint64_t resident_bytes(pid_t pid)
{
    char path[64];
    unsigned long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

typedef struct bench {
    char folder[64];
    char model[96];
    char certificate[96];
    char url[64];
    bench_cloud *cloud;
    amphi_client *client;
    uint64_t resident_least;
} bench;

/* The ledger would give an engine up that dies that often. */
static const char policy[] = "{\"mode\":\"prefer_local\",\"crash\":{\"limit\":1000,\"outside_"
                             "limit\":0},\"memory\":{\"max_percent\":100,"
                             "\"unload_percent\":100},\"local\":{\"context_tokens_max\":256,"
                             "\"budgets\":{\"first_token_ms\":120000,\"idle_ms\":60000}}}";

static bool open_client(bench *b, uint32_t threads)
{
    amphi_client_options options;
    amphi_endpoint_options endpoint;
    amphi_error error;
    amphi_client_options_init(&options);
    amphi_endpoint_options_init(&endpoint);
    snprintf(b->certificate, sizeof b->certificate, "%s/cert.pem", b->folder);
    snprintf(b->url, sizeof b->url, "https://localhost:%u/v1", bench_cloud_port(b->cloud));
    endpoint.name = AMPHI_STR("cloud");
    endpoint.url = amphi_str_from(b->url);
    endpoint.ca_file = amphi_str_from(b->certificate);
    options.data_dir = amphi_str_from(b->folder);
    options.model_path = amphi_str_from(b->model);
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.policy_json = amphi_str_from(policy);
    options.threads = threads;
    if (amphi_client_new(&b->client, &options, &error) == AMPHI_OK)
        return true;
    cli_fail(&error);
    return false;
}

/* One takeover: microseconds, or 0 with a line on standard error. */
static uint64_t take_over(bench *b)
{
    const amphi_message message = {AMPHI_ROLE_USER, AMPHI_STR("Tick?")};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_event event;
    amphi_error error;
    uint64_t struck_us = 0;
    int deltas = 0;
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = request.no_queue = true;
    request.sampling.temperature = 0;
    bench_cloud_reset(b->cloud);
    if (amphi_chat_start(&stream, b->client, &request, &error) != AMPHI_OK) {
        cli_fail(&error);
        return 0;
    }
    bool done = false;
    while (amphi_stream_next(stream, AMPHI_WAIT_FOREVER, &event, NULL) == AMPHI_OK) {
        done = event.kind == AMPHI_EVENT_DONE;
        deltas += event.kind == AMPHI_EVENT_DELTA;
        if (event.kind == AMPHI_EVENT_ERROR)
            cli_fail(event.error);
        pid_t worker = deltas == 2 && struck_us == 0 ? find_worker() : 0;
        if (worker > 0) {
            uint64_t resident = resident_bytes(worker);
            b->resident_least = resident < b->resident_least ? resident : b->resident_least;
            struck_us = now_us();
            kill(worker, SIGSEGV);
        }
    }
    amphi_stream_free(stream);
    uint64_t arrived_us = bench_cloud_arrival_us(b->cloud);
    if (done && struck_us > 0 && arrived_us > struck_us)
        return arrived_us - struck_us;
    cli_usage("bench takeover: a run had no takeover (%d pieces of text came)", deltas);
    return 0;
}

static void print_figures(const bench *b, double *took_us, uint64_t runs, bool json)
{
    double p50_us = amphi_bench_median(took_us, runs); /* sorts */
    double p99_us = took_us[(runs * 99 + 99) / 100 - 1];
    printf(json ? "{\"p50_us\":%.0f,\"p99_us\":%.0f,\"worst_us\":%.0f,\"worker_rss_bytes\":%llu,"
                  "\"runs\":%llu}\n"
                : "from the crash to the cloud request: p50 %.0f us, p99 %.0f us, worst %.0f us, "
                  "with %llu bytes resident in the engine process, %llu runs\n",
        p50_us, p99_us, took_us[runs - 1], (unsigned long long)b->resident_least,
        (unsigned long long)runs);
}

void bench_folder_remove(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf -- '%s'", folder);
    if (folder[0] != '\0' && system(command) != 0)
        cli_usage("bench: %s could not be removed", folder);
}

int cli_bench_takeover(const cli_options *options)
{
    bench b = {.folder = "/tmp/amphi-bench-XXXXXX", .resident_least = UINT64_MAX};
    uint64_t runs = RUNS_DEFAULT;
    double *took_us = NULL;
    int rc = CLI_FAILED;
    const char *wanted = cli_own(options, "--runs");
    if (wanted != NULL && (!cli_number("--runs", wanted, RUNS_MAX, &runs) || runs == 0))
        return CLI_USAGE;
    took_us = calloc(runs, sizeof *took_us);
    if (took_us == NULL || mkdtemp(b.folder) == NULL) {
        free(took_us);
        return cli_usage("bench takeover: no memory, or no room in /tmp");
    }
    snprintf(b.model, sizeof b.model, "%s/model.gguf", b.folder);
    b.cloud = bench_cloud_new(b.folder);
    if (b.cloud == NULL)
        goto cleanup;
    if (!bench_model_write(b.model, MODEL_BYTES, CONTEXT_TOKENS)) {
        cli_usage("bench takeover: %s can't be written", b.model);
        goto cleanup;
    }
    if (!open_client(&b, options->threads) || take_over(&b) == 0) /* the first one connects */
        goto cleanup;
    for (uint64_t i = 0; i < runs; i++) {
        took_us[i] = (double)take_over(&b);
        if (took_us[i] == 0)
            goto cleanup;
    }
    print_figures(&b, took_us, runs, options->json);
    rc = CLI_OK;
cleanup:
    amphi_client_free(b.client);
    bench_cloud_free(b.cloud);
    bench_folder_remove(b.folder);
    free(took_us);
    return rc;
}
