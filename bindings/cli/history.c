/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi history: conversations, messages, and the reason behind each answer.
 */
#include "cli.h"

#include <inttypes.h>
#include <time.h>

typedef struct printer {
    bool json;
    bool first;
    bool why;
} printer;

static void print_time(int64_t ms)
{
    char text[32];
    time_t seconds = (time_t)(ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    fputs(text, stdout);
}

static void print_member(const char *name, amphi_str value, bool comma)
{
    printf("\"%s\":", name);
    cli_print_json_string(stdout, value);
    if (comma)
        fputc(',', stdout);
}

static bool print_conversation(void *user, const amphi_history_conversation *item)
{
    printer *p = user;
    if (p->json) {
        fputs(p->first ? "{" : ",{", stdout);
        print_member("id", item->id, true);
        print_member("title", item->title, true);
        printf("\"messages\":%" PRIu64 ",\"updated_ms\":%" PRId64 "}", item->messages_count,
            item->updated_ms);
    } else {
        print_time(item->updated_ms);
        fputs("  ", stdout);
        cli_print_text(stdout, item->id);
        printf("%*s %4" PRIu64 "  ", item->id.size < 24 ? 24 - (int)item->id.size : 0, "",
            item->messages_count);
        cli_print_text(stdout, item->title);
        putchar('\n');
    }
    p->first = false;
    return true;
}

static bool print_message(void *user, const amphi_history_message *item)
{
    printer *p = user;
    if (p->json) {
        fputs(p->first ? "{" : ",{", stdout);
        print_member("role", item->role, true);
        print_member("content", item->content, true);
        print_member("route", item->route, true);
        print_member("model", item->model, true);
        print_member("privacy", amphi_str_from(amphi_privacy_name(item->privacy)), true);
        printf("\"created_ms\":%" PRId64 ",\"record\":%.*s}", item->created_ms,
            item->decision_json.size > 0 ? (int)item->decision_json.size : 4,
            item->decision_json.size > 0 ? item->decision_json.data : "null");
    } else {
        printf("%s%.*s%s%.*s%s\n", cli_dim(stdout), (int)item->role.size, item->role.data,
            item->route.size > 0 ? ", " : "", (int)item->route.size, item->route.data,
            cli_plain(stdout));
        cli_print_text(stdout, item->content);
        fputs("\n\n", stdout);
        if (p->why && item->decision_json.size > 0)
            printf("%s%.*s%s\n\n", cli_dim(stdout), (int)item->decision_json.size,
                item->decision_json.data, cli_plain(stdout));
    }
    p->first = false;
    return true;
}

static int run(cli_options *options)
{
    printer p = {.json = options->json, .first = true, .why = cli_own(options, "--why") != NULL};
    amphi_error error;
    amphi_status status = AMPHI_OK;
    const char *id = options->words_count > 0 ? options->words[0] : options->conversation;
    if (options->words_count == 1 && strcmp(options->words[0], "check") == 0)
        return cli_history_check(options);
    if (options->words_count == 1 && strcmp(options->words[0], "repair") == 0)
        return cli_history_repair(options);
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    if (cli_own(options, "--delete") != NULL) {
        status = id == NULL ? AMPHI_E_ARGUMENT
                            : amphi_history_delete(client, amphi_str_from(id), &error);
        if (id == NULL) {
            amphi_client_free(client);
            return cli_usage("history --delete takes the conversation's id");
        }
        if (status == AMPHI_OK && options->json) {
            fputs("{", stdout);
            print_member("deleted", amphi_str_from(id), false);
            puts("}");
        }
    } else {
        if (options->json)
            fputs(id != NULL ? "{\"messages\":[" : "{\"conversations\":[", stdout);
        status = id != NULL
                     ? amphi_history_messages(client, amphi_str_from(id), print_message, &p, &error)
                     : amphi_history_conversations(client, print_conversation, &p, &error);
        if (options->json)
            puts("]}");
        else if (id == NULL && p.first && status == AMPHI_OK)
            puts("no conversations yet; --conversation ID keeps one");
    }
    amphi_client_free(client);
    return status == AMPHI_OK ? CLI_OK : cli_fail(&error);
}

static const char *const own_flags[] = {"--delete", "--why", NULL};

const cli_command cli_history = {
    .name = "history",
    .summary = "conversations, messages, and why each answer came from where",
    .help = "usage: amphi history [flags] [CONVERSATION]\n"
            "       amphi history check [flags]\n"
            "       amphi history repair [flags]\n"
            "\n"
            "check verifies every page of the store; repair saves what can be read of a damaged\n"
            "one and keeps the old file aside, under a name that it prints.\n"
            "\n"
            "Lists the messages of a conversation; without one, all conversations, newest first.\n"
            "  --why                 the whole record of each answer: decision, takeovers, timing\n"
            "  --delete              delete that conversation for good\n"
            "\n"
            "Example: amphi history holiday --why\n",
    .own_flags = own_flags,
    .run = run,
};
