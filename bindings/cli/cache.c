/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi cache: the answers that are kept for the same question.
 */
#include "cli.h"

static int run(cli_options *options)
{
    amphi_error error;
    if (options->words_count != 1 || strcmp(options->words[0], "clear") != 0)
        return cli_usage("cache: clear is what it takes");
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    int rc = amphi_cache_clear(client, &error) == AMPHI_OK ? CLI_OK : cli_fail(&error);
    amphi_client_free(client);
    if (rc == CLI_OK)
        puts(options->json ? "{\"cleared\":true}" : "The response cache is empty.");
    return rc;
}

const cli_command cli_cache = {
    .name = "cache",
    .summary = "answers that are kept for the same question: clear",
    .help = "usage: amphi cache clear [flags]\n"
            "\n"
            "Forgets every answer of the response cache. History and outbox stay.\n"
            "\n"
            "Example: amphi cache clear\n",
    .run = run,
};
