/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history search WORDS: messages by their words, newest first.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

typedef struct hit_printer {
    bool json;
    uint64_t count;
} hit_printer;

static void print_member(const char *name, amphi_str value)
{
    printf("\"%s\":", name);
    cli_print_json_string(stdout, value);
    fputc(',', stdout);
}

static void print_json(const amphi_search_hit *hit, bool is_first)
{
    printf(is_first ? "{\"id\":%" PRId64 "," : ",{\"id\":%" PRId64 ",", hit->message_id);
    print_member("conversation_id", hit->conversation_id);
    print_member("title", hit->conversation_title);
    print_member("role", hit->role);
    print_member("snippet", hit->snippet);
    printf("\"created_ms\":%" PRId64 ",\"matches\":[", hit->created_ms);
    for (size_t i = 0; i < hit->matches_count; i++)
        printf("%s{\"offset\":%" PRIu32 ",\"size\":%" PRIu32 "}", i > 0 ? "," : "",
            hit->matches[i].offset, hit->matches[i].size);
    fputs("]}", stdout);
}

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
    hit_printer *p = user;
    if (p->json)
        print_json(hit, p->count == 0);
    else
        print_line(hit);
    p->count++;
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

int cli_history_search(const cli_options *options)
{
    hit_printer p = {.json = options->json};
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
    if (p.json)
        fputs("{\"hits\":[", stdout);
    amphi_status status = amphi_history_search(client, &query, print_hit, &p, &error);
    if (p.json)
        puts("]}");
    else if (p.count == 0 && status == AMPHI_OK)
        puts("nothing found");
    amphi_client_free(client);
    free(words);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&error);
}
