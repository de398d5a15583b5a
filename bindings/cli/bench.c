/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi bench: figures that the same command gives again.
 */
#include "bench_takeover.h"
#include "cli.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t rss_peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

typedef struct figures {
    double load_s;
    double prefill_s;
    double first_s; /* from open to the first generated token */
    double decode_s;
} figures;

static int measure(const cli_options *options, uint64_t prompt, uint64_t generate, figures *out)
{
    amphi_model_options model_options;
    amphi_model *model = NULL;
    amphi_error error;
    float *logits = NULL;
    int32_t *tokens = NULL;
    int rc = CLI_OK;
    amphi_model_options_init(&model_options);
    model_options.threads = options->threads;
    model_options.context_tokens_max = (uint32_t)(prompt + generate);
    model_options.kernels = amphi_str_from(cli_own(options, "--kernels"));
    double begin = now_s();
    if (amphi_model_open(&model, amphi_str_from(options->model), &model_options, &error) !=
        AMPHI_OK)
        return cli_fail(&error);
    out->load_s = now_s() - begin;
    uint32_t vocabulary = amphi_model_vocabulary_size(model);
    logits = malloc(sizeof *logits * vocabulary);
    tokens = malloc(sizeof *tokens * prompt);
    if (logits == NULL || tokens == NULL) {
        rc = cli_usage("out of memory");
        goto cleanup;
    }
    for (uint64_t i = 0; i < prompt; i++) /* the same arbitrary text every time */
        tokens[i] = (int32_t)((i * 7919 + 13) % vocabulary);
    double at = now_s();
    if (amphi_model_logits(model, tokens, prompt, true, false, logits, &error) != AMPHI_OK) {
        rc = cli_fail(&error);
        goto cleanup;
    }
    out->prefill_s = now_s() - at;
    out->first_s = now_s() - begin;
    at = now_s();
    for (uint64_t i = 0; i < generate; i++) {
        int32_t token = (int32_t)((i * 104729 + 7) % vocabulary);
        if (amphi_model_logits(model, &token, 1, false, false, logits, &error) != AMPHI_OK) {
            rc = cli_fail(&error);
            goto cleanup;
        }
    }
    out->decode_s = now_s() - at;
cleanup:
    free(logits);
    free(tokens);
    amphi_model_free(model);
    return rc;
}

static int run(cli_options *options)
{
    uint64_t prompt = 128;
    uint64_t generate = 64;
    figures f = {0};
    if (options->words_count == 1 && strcmp(options->words[0], "takeover") == 0)
        return cli_bench_takeover(options);
    if (options->words_count == 1 && strcmp(options->words[0], "remote") == 0)
        return cli_bench_remote(options);
    if (options->words_count == 1 && strcmp(options->words[0], "gateway") == 0)
        return cli_bench_gateway(options);
    if (options->words_count == 1 && strcmp(options->words[0], "storage") == 0)
        return cli_bench_storage(options);
    if (options->words_count == 1 && strcmp(options->words[0], "policy") == 0)
        return cli_bench_policy(options);
    if (options->words_count == 1 && strcmp(options->words[0], "cancel") == 0)
        return cli_bench_cancel(options);
    if (options->words_count != 1 || strcmp(options->words[0], "local") != 0)
        return cli_usage(
            "bench: local, takeover, cancel, remote, gateway, storage or policy is what it takes");
    if (options->model == NULL)
        return cli_usage("bench local: --model FILE is needed");
    if ((cli_own(options, "--prompt") != NULL &&
            !cli_number("--prompt", cli_own(options, "--prompt"), 1u << 20, &prompt)) ||
        (cli_own(options, "--gen") != NULL &&
            !cli_number("--gen", cli_own(options, "--gen"), 1u << 20, &generate)))
        return CLI_USAGE;
    if (prompt == 0 || generate == 0)
        return cli_usage("bench local: --prompt and --gen are 1 at least");
    int rc = measure(options, prompt, generate, &f);
    if (rc != CLI_OK)
        return rc;
    printf(
        options->json
            ? "{\"prefill_tps\":%.2f,\"decode_tps\":%.2f,\"load_ms\":%.2f,\"first_token_ms\":%.2f,"
              "\"rss_peak_bytes\":%llu}\n"
            : "prefill %.2f tokens/s, decode %.2f tokens/s, load %.2f ms, first token after %.2f "
              "ms, peak memory %llu bytes\n",
        (double)prompt / f.prefill_s, (double)generate / f.decode_s, f.load_s * 1e3,
        f.first_s * 1e3, (unsigned long long)rss_peak_bytes());
    return CLI_OK;
}

static const char *const own_flags[] = {
    "--prompt=", "--gen=", "--kernels=", "--runs=", "--isolation=", "--large=", NULL};

const cli_command cli_bench = {
    .name = "bench",
    .summary = "speed and memory of this machine: local, takeover, cancel, remote, gateway, "
               "storage, policy",
    .help =
        "usage: amphi bench local --model FILE [flags]\n"
        "       amphi bench takeover [flags]\n"
        "       amphi bench cancel [flags]\n"
        "       amphi bench remote [flags]\n"
        "       amphi bench gateway [flags]\n"
        "       amphi bench storage [flags]\n"
        "       amphi bench policy [flags]\n"
        "\n"
        "local: loads the model, reads P tokens (prefill), then G tokens one by one (decode).\n"
        "takeover: from the engine's crash in the middle of an answer to the cloud's request, "
        "with\n"
        "1 GiB resident in the engine process.\n"
        "cancel: from a stream's cancel, while the local model reads a long prompt, to the "
        "stream's\n"
        "terminal event, in both kinds of isolation. Without --model a model is made that takes\n"
        "seconds for the prompt, and all of it some two minutes.\n"
        "remote: what Amphi adds to plain libcurl (amphi-bench-curl), in turns over one loopback\n"
        "stream: to the first words, to each event on its way, and to the first words through\n"
        "`amphi serve`.\n"
        "gateway: the same requests to a loopback stream and through `amphi serve`, in turns: "
        "what\n"
        "it adds; then 200 streams at the same time; then GET /healthz beside 1,000 idle "
        "connections.\n"
        "storage: hits of the response cache in memory and in its table, a turn's commit beside "
        "the\n"
        "same rows without encryption, turns per second from several threads, a search, opening "
        "a\n"
        "large store.\n"
        "policy: a decision over six routes, the same with its words, what is known of the device\n"
        "from a moment ago, and probed again.\n"
        "Single runs vary with the load of the machine: alternate what you compare, take medians.\n"
        "  --prompt P            local, cancel: tokens (128, 4000)\n"
        "  --gen G               local: tokens (64)\n"
        "  --kernels NAME        local: avx512, avx2 or reference (the best of this machine)\n"
        "  --runs N              takeover, cancel: how many (50, 10)\n"
        "  --isolation KIND      cancel: process or thread (both)\n"
        "  --large MIB           storage: size of the store that is opened (1024)\n"
        "\n"
        "Example: amphi bench local --model model.gguf --threads 2 --prompt 256 --gen 64 --json\n",
    .own_flags = own_flags,
    .run = run,
};
