/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi cache: the answers that are kept for the same question, and which questions are the same.
 */
#include "cli.h"

#include <stdlib.h>

static int clear(const cli_options *options)
{
    amphi_error error;
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    int rc = amphi_cache_clear(client, &error) == AMPHI_OK ? CLI_OK : cli_fail(&error);
    amphi_client_free(client);
    if (rc == CLI_OK)
        puts(options->json ? "{\"cleared\":true}" : "The response cache is empty.");
    return rc;
}

static int probe(const cli_options *options)
{
    const char *path = cli_own(options, "--pairs");
    amphi_error error;
    char *report = NULL;
    size_t size = 0;
    if (path == NULL)
        return cli_usage("cache probe: --pairs FILE is missing (- reads standard input)");
    char *pairs = cli_read_file(path, &size);
    if (pairs == NULL)
        return CLI_USAGE;
    amphi_status status = amphi_cache_probe(amphi_str_make(pairs, size), &report, &error);
    free(pairs);
    if (status != AMPHI_OK)
        return status == AMPHI_E_FORMAT ? cli_usage("%s: %s", path, error.message)
                                        : cli_fail(&error);
    puts(report);
    amphi_string_free(report);
    return CLI_OK;
}

static int run(cli_options *options)
{
    const char *verb = options->words_count == 1 ? options->words[0] : "";
    if (strcmp(verb, "clear") == 0 && cli_own(options, "--pairs") == NULL)
        return clear(options);
    if (strcmp(verb, "probe") == 0)
        return probe(options);
    return cli_usage("cache: clear, or probe --pairs FILE, is what it takes");
}

static const char *const own_flags[] = {"--pairs=", NULL};

const cli_command cli_cache = {
    .name = "cache",
    .summary = "answers that are kept for the same question: clear, probe",
    .help =
        "usage: amphi cache clear [flags]\n"
        "       amphi cache probe --pairs FILE\n"
        "\n"
        "clear forgets every answer of the response cache. History and outbox stay.\n"
        "probe measures which questions would share an answer by a near hit. FILE is\n"
        "JSON Lines, {\"a\": text, \"b\": text, \"same\": true or false} each; it prints JSON:\n"
        "counts, hit rate, precision, and each wrong hit with its score and reason.\n"
        "\n"
        "  --pairs FILE          of probe: the pairs (-: standard input)\n"
        "\n"
        "Example: amphi cache clear\n",
    .own_flags = own_flags,
    .run = run,
};
