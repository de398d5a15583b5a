/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history search WORDS: messages by their words, newest first.
 */
#include "history.h"

#include <time.h>

static bool print_hit(void *user, const amphi_search_hit *hit)
{
    char day[32];
    time_t seconds = (time_t)(hit->created_ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(day, sizeof day, "%Y-%m-%d %H:%M", &local);
    printf("%s%s  ", cli_dim(stdout), day);
    cli_print_name(stdout, hit->conversation_id);
    fputs(", ", stdout);
    cli_print_name(stdout, hit->role);
    printf("%s\n  ", cli_plain(stdout));
    cli_print_text(stdout, hit->snippet);
    fputs("\n\n", stdout);
    *(bool *)user = true;
    return true;
}

int cli_history_search(cli_history_call *c, const amphi_search_query *query)
{
    bool found = false;
    if (amphi_history_search(c->client, query, print_hit, &found, &c->error) != AMPHI_OK)
        return cli_fail(&c->error);
    if (!found)
        puts("nothing found");
    return CLI_OK;
}
