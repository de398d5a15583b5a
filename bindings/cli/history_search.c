/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history search WORDS: messages by their words, newest first.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static void print_line(const amphi_search_hit *hit)
{
    char day[32];
    time_t seconds = (time_t)(hit->created_ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(day, sizeof day, "%Y-%m-%d %H:%M", &local);
    printf("%s%s  ", cli_dim(stdout), day);
    cli_print_text(stdout, hit->conversation_id);
    printf(", %.*s%s\n  ", (int)hit->role.size, hit->role.data, cli_plain(stdout));
    cli_print_text(stdout, hit->snippet);
    fputs("\n\n", stdout);
}

static bool print_hit(void *user, const amphi_search_hit *hit)
{
    ++*(uint64_t *)user;
    print_line(hit);
    return true;
}

static char *join_words(const cli_options *options)
{
    size_t size = 1;
    for (size_t i = 1; i < options->words_count; i++)
        size += strlen(options->words[i]) + 1;
    char *text = calloc(1, size);
    for (size_t i = 1; text != NULL && i < options->words_count; i++) {
        if (i > 1)
            strcat(text, " ");
        strcat(text, options->words[i]);
    }
    return text;
}

static int print_json(amphi_client *client, const amphi_search_query *query, amphi_error *error)
{
    char *request = NULL;
    char *answer = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&request, &size);
    if (to == NULL)
        return cli_usage("out of memory");
    fprintf(to, "{\"op\":\"search\",\"limit\":%" PRIu32 ",\"before_id\":%" PRId64 ",\"words\":",
        query->limit, query->before_id);
    cli_print_json_string(to, query->words);
    fputs(",\"conversation_id\":", to);
    cli_print_json_string(to, query->conversation_id);
    fputc('}', to);
    fclose(to);
    amphi_status status = amphi_history_json(client, amphi_str_make(request, size), &answer, error);
    if (status == AMPHI_OK)
        puts(answer);
    amphi_string_free(answer);
    free(request);
    return status == AMPHI_OK ? CLI_OK : cli_fail(error);
}

static int print_lines(amphi_client *client, const amphi_search_query *query, amphi_error *error)
{
    uint64_t count = 0;
    amphi_status status = amphi_history_search(client, query, print_hit, &count, error);
    if (count == 0 && status == AMPHI_OK)
        puts("nothing found");
    return status == AMPHI_OK ? CLI_OK : cli_fail(error);
}

int cli_history_search(const cli_options *options)
{
    amphi_search_query query;
    amphi_error error;
    uint64_t limit = 0;
    uint64_t before = 0;
    const char *given_limit = cli_own(options, "--limit");
    const char *given_before = cli_own(options, "--before");
    if ((given_limit != NULL && !cli_number("--limit", given_limit, 1000, &limit)) ||
        (given_before != NULL && !cli_number("--before", given_before, INT64_MAX, &before)))
        return CLI_USAGE;
    char *words = join_words(options);
    amphi_client *client = words != NULL ? cli_client_new(options) : NULL;
    if (client == NULL) {
        free(words);
        return CLI_FAILED;
    }
    amphi_search_query_init(&query);
    query.words = amphi_str_from(words);
    query.conversation_id = amphi_str_from(options->conversation);
    query.limit = (uint32_t)limit;
    query.before_id = (int64_t)before;
    int rc =
        options->json ? print_json(client, &query, &error) : print_lines(client, &query, &error);
    amphi_client_free(client);
    free(words);
    return rc;
}
