/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi cache: the answers that are kept for the same question, and which questions are the same.
 */
#include "cli.h"

#include "shared_cache.h"

#include <stdlib.h>

static int clear(amphi_client *client, const cli_options *options)
{
    amphi_error error;
    if (amphi_cache_clear(client, &error) != AMPHI_OK)
        return cli_fail(&error);
    puts(options->json ? "{\"cleared\":true}" : "The response cache is empty.");
    return CLI_OK;
}

static int show_stats(amphi_client *client, const cli_options *options)
{
    amphi_cache_stats stats;
    amphi_error error;
    amphi_cache_stats_init(&stats);
    if (amphi_cache_stats_read(client, &stats, &error) != AMPHI_OK)
        return cli_fail(&error);
    const struct {
        const char *name, *words;
        uint64_t value;
    } rows[] = {
        {"misses", "could have been answered and were not", stats.misses},
        {"hits_exact", "the same question", stats.hits_exact},
        {"hits_folded", "but for blanks, case or final punctuation", stats.hits_folded},
        {"hits_near", "in other words", stats.hits_near},
        {"hits_stale", "past their time, as nothing else answered", stats.hits_stale},
        {"joined", "of these waited for an equal request under way", stats.joined},
        {"kept", "answers that went into the cache", stats.kept},
        {"tokens_saved", "tokens that were not computed again", stats.tokens_saved},
        {"ms_saved", "milliseconds that they had taken", stats.ms_saved},
    };
    cli_json json = {stdout, false};
    if (options->json)
        cli_json_open(&json, NULL, '{');
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (options->json)
            cli_json_uint(&json, rows[i].name, rows[i].value);
        else
            printf("%10llu %s\n", (unsigned long long)rows[i].value, rows[i].words);
    if (options->json)
        cli_json_end(&json);
    return CLI_OK;
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
    bool is_clear = strcmp(verb, "clear") == 0;
    if (strcmp(verb, "probe") == 0)
        return probe(options);
    if ((!is_clear && strcmp(verb, "stats") != 0) || cli_own(options, "--pairs") != NULL)
        return cli_usage("cache: clear, stats, or probe --pairs FILE, is what it takes");
    cli_shared_cache shared;
    int rc = cli_shared_cache_open(&shared, options);
    if (rc != CLI_OK)
        return rc;
    amphi_client *client = cli_client_new(options);
    rc = client == NULL ? CLI_FAILED
         : is_clear     ? clear(client, options)
                        : show_stats(client, options);
    amphi_client_free(client);
    cli_shared_cache_close(&shared);
    return rc;
}

static const char *const own_flags[] = {"--pairs=", "--shared-cache=", "--shared-cache-key=", NULL};

const cli_command cli_cache = {
    .name = "cache",
    .summary = "answers that are kept for the same question: clear, stats, probe",
    .help =
        "usage: amphi cache clear|stats [flags]\n"
        "       amphi cache probe --pairs FILE\n"
        "\n"
        "clear forgets every answer of the response cache; history and outbox stay. stats says\n"
        "how often an answer was given again, and what that saved. What is cached and for how\n"
        "long is for the policy (\"cache\") and each request (--cache) to say.\n"
        "probe measures which questions would share an answer by a near hit. FILE is\n"
        "JSON Lines, {\"a\": text, \"b\": text, \"same\": true or false} each; it prints JSON:\n"
        "counts, hit rate, precision, and each wrong hit with its score and reason.\n"
        "\n"
        "  --pairs FILE          of probe: the pairs (-: standard input)\n"
        "  --shared-cache URL    the cache that several gateways share, as for serve\n"
        "  --shared-cache-key FILE\n"
        "                        the team's secret\n"
        "\n"
        "Example: amphi cache stats\n",
    .own_flags = own_flags,
    .run = run,
};
