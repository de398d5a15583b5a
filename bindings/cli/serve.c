/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi serve: this machine as an OpenAI-compatible endpoint.
 */
#include "../gateway/gateway.h"
#include "cli.h"
#include "shared_cache.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Waits for ctrl-C or a polite kill. The signals are blocked in every thread but arrive here. */
static void wait_for_signal(const sigset_t *signals)
{
    int number = 0;
    sigwait(signals, &number);
}

/* Lets the running answers end, for `seconds` at most; a second signal ends them at once. */
static void drain(gateway_server *server, const sigset_t *signals, uint64_t seconds)
{
    const struct timespec moment = {.tv_nsec = 50 * 1000 * 1000};
    struct timespec now, until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds;
    gateway_drain(server);
    do {
        if (gateway_running(server) == 0 || sigtimedwait(signals, NULL, &moment) > 0)
            return;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < until.tv_sec);
}

static char *read_optional(const char *path, bool *failed)
{
    char *text = path != NULL ? cli_read_file(path, NULL) : NULL;
    *failed |= path != NULL && text == NULL;
    return text;
}

/* The flags that are numbers. */
typedef struct numbers {
    uint64_t port;
    uint64_t client_timeout_s;
    uint64_t connections_max;
    uint64_t running_max;
    uint64_t running_per_client_max;
    uint64_t drain_s;
} numbers;

static bool read_numbers(const cli_options *options, numbers *out)
{
    const struct {
        const char *flag;
        uint64_t most;
        uint64_t *number;
    } flags[] = {
        {"--port", 65535, &out->port},
        {"--client-timeout", 86400, &out->client_timeout_s},
        {"--max-connections", 1000000, &out->connections_max},
        {"--max-requests", 100000, &out->running_max},
        {"--max-requests-per-client", 100000, &out->running_per_client_max},
        {"--drain", 86400, &out->drain_s},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        const char *text = cli_own(options, flags[i].flag);
        if (text != NULL && !cli_number(flags[i].flag, text, flags[i].most, flags[i].number))
            return false;
    }
    return true;
}

static int check(const cli_options *options)
{
    if (options->conversation != NULL || options->tokens_max > 0 || options->seed >= 0 ||
        !isnan(options->temperature) || options->cache != AMPHI_CACHE_DEFAULT || options->no_store)
        return cli_usage("serve: --conversation, --max-tokens, --seed, --temperature, --cache and "
                         "--no-store are for each request to say, in its JSON");
    if ((cli_own(options, "--tls-cert") == NULL) != (cli_own(options, "--tls-key") == NULL))
        return cli_usage("--tls-cert and --tls-key go together");
    if (!gateway_host_is_loopback(cli_own(options, "--host")) &&
        cli_own(options, "--require-key-file") == NULL && cli_own(options, "--no-key") == NULL)
        return cli_usage("--host %s is reachable from other machines: --require-key-file FILE asks "
                         "them for a key, --no-key lets everybody in",
            cli_own(options, "--host"));
    return CLI_OK;
}

static void announce(const cli_options *options, const gateway_server *server)
{
    if (options->json)
        printf("{\"url\":\"%s\"}\n", gateway_url(server));
    else
        printf("serving %s (ctrl-C ends)\n", gateway_url(server));
    fflush(stdout);
}

/* glibc raises the size above which a block is a mapping of its own to that of the largest one that
 * was freed; large bodies would then stay in its heaps. */
static void return_large_blocks(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
#endif
}

static int run(cli_options *options)
{
    numbers n = {.port = 8080, .drain_s = 30};
    amphi_error error;
    sigset_t signals;
    bool failed = false;
    int rc = CLI_FAILED;
    if (!read_numbers(options, &n) || check(options) != CLI_OK)
        return CLI_USAGE;
    return_large_blocks();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    char *cert = read_optional(cli_own(options, "--tls-cert"), &failed);
    char *key = read_optional(cli_own(options, "--tls-key"), &failed);
    char *bearer = read_optional(cli_own(options, "--require-key-file"), &failed);
    if (bearer != NULL && strcspn(bearer, " \t\r\n") == 0) {
        cli_usage("--require-key-file: the file must begin with the key"); /* else no key is one */
        failed = true;
    }
    gateway_server *server = NULL;
    amphi_client *client = NULL;
    cli_shared_cache shared;
    failed |= cli_shared_cache_open(&shared, options) != CLI_OK;
    if (!failed)
        client = cli_client_new(options);
    if (client == NULL)
        goto cleanup;
    const gateway_options gateway = {
        .client = client,
        .host = cli_own(options, "--host"),
        .port = (uint16_t)n.port,
        .tls_cert_pem = cert,
        .tls_key_pem = key,
        .bearer = bearer,
        .client_timeout_s = (unsigned)n.client_timeout_s,
        .connections_max = (unsigned)n.connections_max,
        .running_max = (unsigned)n.running_max,
        .running_per_client_max = (unsigned)n.running_per_client_max,
        .logs_requests = options->verbose,
    };
    if (gateway_start(&server, &gateway, &error) != AMPHI_OK) {
        rc = cli_fail(&error);
        goto cleanup;
    }
    (void)amphi_client_prewarm(client, NULL);
    announce(options, server);
    wait_for_signal(&signals);
    drain(server, &signals, n.drain_s);
    rc = CLI_OK;
cleanup:
    gateway_stop(server);
    amphi_client_free(client);
    cli_shared_cache_close(&shared);
    free(cert);
    free(key);
    free(bearer);
    return rc;
}

static const char *const own_flags[] = {"--port=", "--host=", "--tls-cert=", "--tls-key=",
    "--require-key-file=", "--no-key", "--client-timeout=", "--max-connections=", "--max-requests=",
    "--max-requests-per-client=", "--drain=", "--shared-cache=", "--shared-cache-key=", NULL};

const cli_command cli_serve = {
    .name = "serve",
    .summary = "this machine as an OpenAI-compatible endpoint",
    .help =
        "usage: amphi serve [flags]\n"
        "\n"
        "Serves POST /v1/chat/completions, /v1/responses and /v1/completions (streaming and not),\n"
        "POST /v1/embeddings (by endpoints that have the model), GET /v1/models, GET /health and\n"
        "GET /metrics (Prometheus), with the same routes, policy, cache and takeover as "
        "everywhere.\n"
        " A trailing assistant message of a chat is continued.\n"
        "--private, --no-cache and --no-queue hold for every request, whatever it says; --mode "
        "for\n"
        "those that name none. X-Amphi-Mode, -Private, -Conversation, -Cache, -No-Cache, "
        "-No-Store\n"
        "and -No-Queue say it in a request's headers. An endpoint with model=a|b|c, or\n"
        "model=a,model=b, lists these models and sends the one that is asked for.\n"
        "  --port N              to listen on (8080); 0: a free one, which is printed\n"
        "  --host ADDRESS        to listen on (127.0.0.1)\n"
        "  --tls-cert FILE       PEM; with --tls-key: https\n"
        "  --tls-key FILE        PEM\n"
        "  --require-key-file FILE\n"
        "                        clients must send the key in this file; pages of any origin may\n"
        "                        then ask (CORS)\n"
        "  --no-key              with --host beyond this machine: without a key all the same\n"
        "  --client-timeout SECONDS\n"
        "                        a client that neither sends nor reads for so long is cut off "
        "(30);\n"
        "                        waiting for an answer is not silence; a header may take so long\n"
        "                        in all, a body four times as long\n"
        "  --max-connections N   beyond it idle ones are closed (4096, or what may be opened)\n"
        "  --max-requests N      at the same time; the next one gets 503 and Retry-After (512)\n"
        "  --max-requests-per-client N\n"
        "                        of those, from one address (256)\n"
        "  --drain SECONDS       after ctrl-C or SIGTERM running answers have so long to end "
        "(30);\n"
        "                        new requests get 503; a second signal ends at once\n"
        "  --verbose             also a line for each request: method, path, status, route, "
        "bytes,\n"
        "                        milliseconds, takeovers; nothing of what was said\n"
        "  --shared-cache URL    answers are shared with the other gateways of a team:\n"
        "                        redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?prefix=NAME]\n"
        "                        or redis+unix:///PATH; it sees neither questions nor answers\n"
        "  --shared-cache-key FILE\n"
        "                        the team's secret, 64 hex digits (openssl rand -hex 32)\n"
        "\n"
        "Example: amphi serve --port 8080 --endpoint work=https://api.example.com/v1\n",
    .own_flags = own_flags,
    .run = run,
};
