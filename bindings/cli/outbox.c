/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi outbox: what waits for a route, and sending it now.
 */
#include "cli.h"

#include <inttypes.h>
#include <time.h>

typedef struct printer {
    bool json;
    bool first;
} printer;

static bool print_entry(void *user, const amphi_outbox_entry *item)
{
    printer *p = user;
    if (p->json) {
        fputs(p->first ? "{\"id\":" : ",{\"id\":", stdout);
        cli_print_json_string(stdout, item->id);
        fputs(",\"conversation_id\":", stdout);
        cli_print_json_string(stdout, item->conversation_id);
        printf(",\"created_ms\":%" PRId64 ",\"attempts\":%u,\"being_sent\":%s}", item->created_ms,
            item->attempts, item->is_being_sent ? "true" : "false");
    } else {
        printf("%.*s  conversation %.*s, %u attempts%s\n", (int)item->id.size, item->id.data,
            (int)item->conversation_id.size, item->conversation_id.data, item->attempts,
            item->is_being_sent ? ", being sent" : "");
    }
    p->first = false;
    return true;
}

/* Why entries still wait. */
typedef struct left {
    unsigned total;
    unsigned being_sent; /* by another process, or by us: the wait has an end */
    unsigned put_off;    /* not to be tried yet */
    int64_t next_ms;     /* when the first of those may go again */
} left;

static bool count_left(void *user, const amphi_outbox_entry *item)
{
    left *l = user;
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    l->total++;
    l->being_sent += item->is_being_sent;
    if (!item->is_being_sent && item->not_before_ms > now_ms) {
        l->next_ms = l->put_off++ == 0 || item->not_before_ms < l->next_ms ? item->not_before_ms
                                                                           : l->next_ms;
    }
    return true;
}

static void print_left(const left *l)
{
    const char *gap = ": ";
    printf("%u still wait", l->total);
    if (l->being_sent > 0) {
        printf("%s%u being sent", gap, l->being_sent);
        gap = ", ";
    }
    if (l->put_off > 0) {
        long long minutes = ((long long)l->next_ms / 1000 - (long long)time(NULL)) / 60 + 1;
        printf("%s%u put off, the next try in %lld min", gap, l->put_off, minutes);
        gap = ", ";
    }
    if (l->total > l->being_sent + l->put_off)
        printf("%sno route answered", gap);
    putchar('\n');
}

static int send_all(amphi_client *client, bool json)
{
    enum { WAIT_MS = 60000 };
    left l = {0, 0, 0, 0};
    amphi_error error;
    if (amphi_outbox_flush(client, WAIT_MS, NULL, &error) != AMPHI_OK ||
        amphi_outbox_entries(client, count_left, &l, &error) != AMPHI_OK)
        return cli_fail(&error);
    if (json)
        printf(
            "{\"left\":%u,\"being_sent\":%u,\"put_off\":%u}\n", l.total, l.being_sent, l.put_off);
    else if (l.total == 0)
        puts("the outbox is empty");
    else
        print_left(&l);
    return l.total == 0 ? CLI_OK : CLI_QUEUED;
}

static int run(cli_options *options)
{
    printer p = {.json = options->json, .first = true};
    amphi_error error;
    int rc = CLI_OK;
    const char *verb = options->words_count > 0 ? options->words[0] : "list";
    if (strcmp(verb, "list") != 0 && strcmp(verb, "send") != 0)
        return cli_usage("outbox: list or send is what it takes");
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    if (strcmp(verb, "send") == 0) {
        rc = send_all(client, options->json);
    } else {
        if (options->json)
            fputs("{\"entries\":[", stdout);
        if (amphi_outbox_entries(client, print_entry, &p, &error) != AMPHI_OK)
            rc = cli_fail(&error);
        if (options->json)
            puts("]}");
        else if (p.first && rc == CLI_OK)
            puts("the outbox is empty");
    }
    amphi_client_free(client);
    return rc;
}

const cli_command cli_outbox = {
    .name = "outbox",
    .summary = "messages that wait for a route: list, send",
    .help = "usage: amphi outbox [list|send] [flags]\n"
            "\n"
            "A message that no route could answer waits here, encrypted, and is sent once when a\n"
            "route returns: by any client that runs, or at once by send. Without a word: list.\n"
            "Exit status of send: 0 the outbox is empty, 3 some messages still wait.\n"
            "\n"
            "Example: amphi outbox send --endpoint work=https://api.example.com/v1\n",
    .run = run,
};
