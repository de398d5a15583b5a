/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi outbox: what waits for a route, and sending it now.
 */
#include "cli.h"

#include <inttypes.h>

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
        printf(",\"created_ms\":%" PRId64 ",\"attempts\":%u}", item->created_ms, item->attempts);
    } else {
        printf("%.*s  conversation %.*s, %u attempts\n", (int)item->id.size, item->id.data,
            (int)item->conversation_id.size, item->conversation_id.data, item->attempts);
    }
    p->first = false;
    return true;
}

static int send_all(amphi_client *client, bool json)
{
    enum { WAIT_MS = 60000 };
    uint32_t left = 0;
    amphi_error error;
    if (amphi_outbox_flush(client, WAIT_MS, &left, &error) != AMPHI_OK)
        return cli_fail(&error);
    if (json)
        printf("{\"left\":%u}\n", left);
    else if (left == 0)
        puts("the outbox is empty");
    else
        printf("%u still wait: no route yet\n", left);
    return left == 0 ? CLI_OK : CLI_QUEUED;
}

static int run(cli_options *options)
{
    printer p = {.json = options->json, .first = true};
    amphi_error error;
    int rc = CLI_OK;
    const char *verb = options->words_count > 0 ? options->words[0] : "list";
    if (strcmp(verb, "list") != 0 && strcmp(verb, "send") != 0)
        return cli_usage("outbox: list or send");
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
    .help = "usage: amphi outbox [list|send] [flags]\n\n"
            "A message that no route could answer waits here, encrypted, and is sent once when a\n"
            "route returns: by any client that runs, or at once by `send`.\n"
            "Exit status of send: 0 empty now, 3 some still wait.\n\n"
            "Example: amphi outbox send --endpoint work=https://api.example.com/v1\n",
    .run = run,
};
