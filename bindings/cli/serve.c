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

/* Waits for ctrl-C or a polite kill. The signals are blocked in every thread but arrive here. */
static void wait_for_signal(const sigset_t *signals)
{
    int number = 0;
    sigwait(signals, &number);
}

static char *read_optional(const char *path, bool *failed)
{
    char *text = path != NULL ? cli_read_file(path, NULL) : NULL;
    *failed |= path != NULL && text == NULL;
    return text;
}

static int run(cli_options *options)
{
    gateway_options gateway = {.host = cli_own(options, "--host")};
    amphi_error error;
    uint64_t port = 8080;
    uint64_t client_timeout_s = 0;
    sigset_t signals;
    bool failed = false;
    int rc = CLI_FAILED;
    const char *port_text = cli_own(options, "--port");
    if (port_text != NULL && !cli_number("--port", port_text, 65535, &port))
        return CLI_USAGE;
    const char *timeout_text = cli_own(options, "--client-timeout");
    if (timeout_text != NULL &&
        !cli_number("--client-timeout", timeout_text, 86400, &client_timeout_s))
        return CLI_USAGE;
    if (options->conversation != NULL || options->tokens_max > 0 || options->seed >= 0 ||
        !isnan(options->temperature) || options->cache != AMPHI_CACHE_DEFAULT || options->no_store)
        return cli_usage("serve: --conversation, --max-tokens, --seed, --temperature, --cache and "
                         "--no-store are for each request to say, in its JSON");
    if ((cli_own(options, "--tls-cert") == NULL) != (cli_own(options, "--tls-key") == NULL))
        return cli_usage("--tls-cert and --tls-key go together");
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
    gateway.client = client;
    gateway.port = (uint16_t)port;
    gateway.tls_cert_pem = cert;
    gateway.tls_key_pem = key;
    gateway.bearer = bearer;
    gateway.client_timeout_s = (unsigned)client_timeout_s;
    if (gateway_start(&server, &gateway, &error) != AMPHI_OK) {
        rc = cli_fail(&error);
        goto cleanup;
    }
    (void)amphi_client_prewarm(client, NULL);
    if (options->json)
        printf("{\"url\":\"%s\"}\n", gateway_url(server));
    else
        printf("serving %s (ctrl-C ends)\n", gateway_url(server));
    fflush(stdout);
    wait_for_signal(&signals);
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
    "--require-key-file=", "--client-timeout=", "--shared-cache=", "--shared-cache-key=", NULL};

const cli_command cli_serve = {
    .name = "serve",
    .summary = "this machine as an OpenAI-compatible endpoint",
    .help =
        "usage: amphi serve [flags]\n"
        "\n"
        "Serves POST /v1/chat/completions (streaming and not), GET /v1/models and GET /healthz,\n"
        "with the same routes, policy, cache and takeover as everywhere. A trailing assistant\n"
        "message is continued. --private, --no-cache and --no-queue hold for every request,\n"
        "whatever it says; --mode for those that name none.\n"
        "  --port N              to listen on (8080); 0: a free one, which is printed\n"
        "  --host ADDRESS        to listen on (127.0.0.1)\n"
        "  --tls-cert FILE       PEM; with --tls-key: https\n"
        "  --tls-key FILE        PEM\n"
        "  --require-key-file FILE\n"
        "                        clients must send the key in this file\n"
        "  --client-timeout SECONDS\n"
        "                        a client that neither sends nor reads for so long is cut off "
        "(30);\n"
        "                        waiting for an answer is not silence\n"
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
