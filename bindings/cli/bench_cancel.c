/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench cancel: from amphi_stream_cancel, while the local model reads a long prompt, to the
 * stream's terminal event, which comes when the engine has stopped computing. Each run cancels at
 * another place of the prompt; no two prompts begin alike, so none is found in the KV cache.
 */
#include "bench_takeover.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    PROMPT_DEFAULT = 4000, /* tokens */
    PROMPT_MAX = 1 << 16,
    RUNS_DEFAULT = 10,
    RUNS_MAX = 1000,
    ANSWER_ROOM = 512, /* tokens of context beside the prompt */
    TARGET_MS = 100
};

typedef struct bench {
    const cli_options *options;
    char folder[64];
    char own_model[96];
    const char *model;
    uint64_t model_bytes;
    uint64_t prompt; /* tokens, as wanted */
    uint64_t runs;
    uint64_t prompts_count; /* asked so far */
    char *text;             /* of the prompt */
    size_t words;           /* so many tokens about as are wanted */
    uint32_t prompt_tokens; /* of a whole one, as the engine counted them */
} bench;

typedef struct figures {
    uint64_t prefill_us; /* a whole prompt, up to the first token */
    double *took_us;     /* from the cancel to the terminal event */
} figures;

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static amphi_client *open_client(const bench *b, amphi_isolation isolation)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_error error;
    char policy[320];
    snprintf(policy, sizeof policy,
        "{\"mode\":\"only_local\",\"total_ms\":600000,"
        "\"memory\":{\"max_percent\":100,\"unload_percent\":100},"
        "\"local\":{\"context_tokens_max\":%llu,"
        "\"budgets\":{\"first_token_ms\":600000,\"idle_ms\":600000}}}",
        (unsigned long long)b->prompt + ANSWER_ROOM);
    amphi_client_options_init(&options);
    options.data_dir = amphi_str_from(b->folder);
    options.model_path = amphi_str_from(b->model);
    options.policy_json = amphi_str_from(policy);
    options.threads = b->options->threads;
    options.isolation = isolation;
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        cli_fail(&error);
    return client;
}

static amphi_stream *ask(bench *b, amphi_client *client, size_t words)
{
    amphi_message message = {.role = AMPHI_ROLE_USER};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_error error;
    size_t size = (size_t)sprintf(b->text, "%llu", (unsigned long long)++b->prompts_count * 7919);
    for (size_t i = 0; i < words; i++) {
        memcpy(b->text + size, " tick", 5);
        size += 5;
    }
    message.content = amphi_str_make(b->text, size);
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.no_cache = request.no_queue = true;
    request.sampling.tokens_max = 1;
    request.sampling.temperature = 0;
    if (amphi_chat_start(&stream, client, &request, &error) != AMPHI_OK)
        cli_fail(&error);
    return stream;
}

/* Reads to the next terminal event, or to a progress event of the prompt if that is wanted; true:
 * it came. `out` as by amphi_stream_next. */
static bool read_until(amphi_stream *stream, bool progress, amphi_event *out)
{
    while (amphi_stream_next(stream, AMPHI_WAIT_FOREVER, out, NULL) == AMPHI_OK)
        if (amphi_event_is_terminal(out))
            return !progress;
        else if (progress && out->kind == AMPHI_EVENT_PROGRESS &&
                 strncmp(out->text.data, "reading", 7) == 0)
            return true;
    return false;
}

/* The tokens of a whole prompt; 0 with a line on standard error. */
static uint32_t read_whole(bench *b, amphi_client *client, size_t words, uint64_t *took_us)
{
    amphi_event event = {0};
    uint64_t began_us = now_us();
    amphi_stream *stream = ask(b, client, words);
    uint32_t tokens = 0;
    if (stream != NULL && read_until(stream, false, &event)) {
        if (event.kind == AMPHI_EVENT_DONE)
            tokens = event.usage.prompt_tokens;
        else
            cli_fail(event.error);
    }
    *took_us = now_us() - began_us;
    amphi_stream_free(stream);
    return tokens;
}

/* Microseconds; 0: the prompt had ended before the cancel, which came `after_us` its first part. */
static uint64_t cancel_once(bench *b, amphi_client *client, uint64_t after_us)
{
    amphi_event event = {0};
    uint64_t took_us = 0;
    amphi_stream *stream = ask(b, client, b->words);
    if (stream != NULL && read_until(stream, true, &event)) {
        usleep((useconds_t)after_us);
        uint64_t cancelled_us = now_us();
        amphi_stream_cancel(stream);
        if (read_until(stream, false, &event) && event.kind == AMPHI_EVENT_ERROR &&
            event.error->status == AMPHI_E_CANCELLED)
            took_us = now_us() - cancelled_us;
    }
    amphi_stream_free(stream);
    return took_us;
}

/* How many words make so many tokens, by two short prompts; the first one loads the model. */
static bool find_words(bench *b, amphi_client *client)
{
    enum { FEW = 16, MORE = 80 };
    uint64_t ignored;
    uint32_t few = read_whole(b, client, FEW, &ignored);
    uint32_t more = few == 0 ? 0 : read_whole(b, client, MORE, &ignored);
    if (more <= few)
        return false;
    double per_word = (double)(more - few) / (MORE - FEW);
    double frame = few - FEW * per_word;
    double words = ((double)b->prompt - frame) / per_word;
    b->words = words < 1 ? 1 : words > (double)b->prompt ? b->prompt : (size_t)words;
    return true;
}

static int measure(bench *b, amphi_isolation isolation, figures *out)
{
    int rc = CLI_FAILED;
    amphi_client *client = open_client(b, isolation);
    if (client == NULL || !find_words(b, client))
        goto cleanup;
    b->prompt_tokens = read_whole(b, client, b->words, &out->prefill_us);
    if (b->prompt_tokens == 0)
        goto cleanup;
    uint64_t done = 0;
    for (uint64_t tries = 0; done < b->runs && tries < 2 * b->runs + 8; tries++) {
        uint64_t percent = 5 + tries * 37 % 60; /* of the whole prompt's time */
        uint64_t took_us = cancel_once(b, client, out->prefill_us * percent / 100);
        out->took_us[done] = (double)took_us;
        done += took_us != 0;
    }
    if (done < b->runs) {
        cli_usage("bench cancel: the prompt is read too soon to be cancelled; --prompt makes it "
                  "longer");
        goto cleanup;
    }
    rc = CLI_OK;
cleanup:
    amphi_client_free(client);
    return rc;
}

static void print_figures(const bench *b, const char *name, const figures *f)
{
    double p50_us = amphi_bench_median(f->took_us, b->runs); /* sorts */
    printf(b->options->json
               ? ",\"%s\":{\"p50_ms\":%.2f,\"max_ms\":%.2f,\"runs\":%llu,\"prefill_ms\":%.0f}"
               : "%s: p50 %.2f ms, max %.2f ms, %llu runs; without a cancel the prompt takes "
                 "%.0f ms\n",
        name, p50_us / 1e3, f->took_us[b->runs - 1] / 1e3, (unsigned long long)b->runs,
        (double)f->prefill_us / 1e3);
}

/* The model's file, made where none is given. */
static bool find_model(bench *b)
{
    struct stat file;
    b->model = b->options->model;
    if (b->model == NULL) {
        snprintf(b->own_model, sizeof b->own_model, "%s/model.gguf", b->folder);
        b->model = b->own_model;
        if (!bench_model_write(b->model, 1, (uint32_t)b->prompt + ANSWER_ROOM)) {
            cli_usage("bench cancel: %s can't be written", b->model);
            return false;
        }
    }
    if (stat(b->model, &file) != 0) {
        cli_usage("bench cancel: %s is not there", b->model);
        return false;
    }
    b->model_bytes = (uint64_t)file.st_size;
    return true;
}

/* The kinds of isolation that were asked for; 0: no such kind. */
static unsigned wanted_kinds(const cli_options *options)
{
    const char *name = cli_own(options, "--isolation");
    if (name == NULL)
        return 1u << AMPHI_ISOLATION_PROCESS | 1u << AMPHI_ISOLATION_THREAD;
    if (strcmp(name, "process") == 0)
        return 1u << AMPHI_ISOLATION_PROCESS;
    return strcmp(name, "thread") == 0 ? 1u << AMPHI_ISOLATION_THREAD : 0;
}

static int measure_kinds(bench *b, unsigned kinds)
{
    static const char *const names[] = {"process", "thread"};
    figures all[2] = {{0}, {0}};
    int rc = find_model(b) ? CLI_OK : CLI_FAILED;
    for (int kind = 0; kind < 2 && rc == CLI_OK; kind++) {
        if ((kinds & 1u << kind) == 0)
            continue;
        all[kind].took_us = calloc(b->runs + 1, sizeof *all[kind].took_us);
        rc = all[kind].took_us == NULL ? cli_usage("out of memory")
                                       : measure(b, (amphi_isolation)kind, &all[kind]);
    }
    if (rc == CLI_OK) {
        printf(b->options->json ? "{\"model_bytes\":%llu,\"prompt_tokens\":%u,\"target_ms\":%d"
                                : "a cancel while a model of %llu bytes reads %u tokens, to the "
                                  "stream's end (target: %d ms)\n",
            (unsigned long long)b->model_bytes, b->prompt_tokens, TARGET_MS);
        for (int kind = 0; kind < 2; kind++)
            if (all[kind].took_us != NULL)
                print_figures(b, names[kind], &all[kind]);
        if (b->options->json)
            puts("}");
    }
    free(all[0].took_us);
    free(all[1].took_us);
    return rc;
}

int cli_bench_cancel(const cli_options *options)
{
    bench b = {.options = options,
        .folder = "/tmp/amphi-bench-XXXXXX",
        .prompt = PROMPT_DEFAULT,
        .runs = RUNS_DEFAULT};
    const char *prompt = cli_own(options, "--prompt");
    const char *runs = cli_own(options, "--runs");
    unsigned kinds = wanted_kinds(options);
    if ((prompt != NULL && !cli_number("--prompt", prompt, PROMPT_MAX, &b.prompt)) ||
        (runs != NULL && !cli_number("--runs", runs, RUNS_MAX, &b.runs)))
        return CLI_USAGE;
    if (b.prompt < 100 || b.runs == 0)
        return cli_usage("bench cancel: --prompt is 100 at least, --runs 1");
    if (kinds == 0)
        return cli_usage("--isolation: process or thread");
    b.text = malloc(b.prompt * 5 + 512);
    if (b.text == NULL || mkdtemp(b.folder) == NULL) {
        free(b.text);
        return cli_usage("bench cancel: no memory, or no room in /tmp");
    }
    int rc = measure_kinds(&b, kinds);
    bench_folder_remove(b.folder);
    free(b.text);
    return rc;
}
