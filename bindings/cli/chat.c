/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi chat: a conversation in the terminal. Line editing and arrow keys are libedit's; ctrl-C
 * cancels an answer, ctrl-D ends.
 */
#include "cli.h"

#include <editline/readline.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A line without its end; NULL at the end of input. free() it. */
static char *read_line(bool interactive)
{
    char *line = NULL;
    size_t capacity = 0;
    if (interactive) {
        line = readline("> ");
        if (line != NULL && line[0] != '\0')
            add_history(line);
        return line;
    }
    ssize_t size = getline(&line, &capacity, stdin);
    if (size < 0) {
        free(line);
        return NULL;
    }
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        line[--size] = '\0';
    return line;
}

static void greet(amphi_client *client, const cli_options *options)
{
    amphi_chat_request request;
    amphi_decision decision;
    amphi_message message = {.role = AMPHI_ROLE_USER, .content = AMPHI_STR("Hello")};
    cli_request_init(options, &request, &message);
    printf("%sconversation %s; ctrl-C cancels an answer, ctrl-D ends%s\n", cli_dim(stdout),
        options->conversation, cli_plain(stdout));
    if (amphi_route_explain(client, &request, &decision, NULL) != AMPHI_OK)
        return;
    for (size_t i = 0; i < decision.routes_count; i++)
        printf("%s%s %s: %s%s\n", cli_dim(stdout), decision.routes[i].kept ? "+" : "-",
            decision.routes[i].route, decision.routes[i].why, cli_plain(stdout));
}

static int run(cli_options *options)
{
    char id[48];
    bool interactive = isatty(STDIN_FILENO) != 0;
    int rc = CLI_OK;
    if (options->conversation == NULL) {
        time_t now = time(NULL);
        struct tm local;
        localtime_r(&now, &local);
        strftime(id, sizeof id, "chat-%Y%m%d-%H%M%S", &local);
        options->conversation = id;
    }
    amphi_client *client = cli_client_new(options);
    if (client == NULL)
        return CLI_FAILED;
    if (interactive)
        greet(client, options);
    (void)amphi_client_prewarm(client, NULL);
    for (char *line = read_line(interactive); line != NULL; line = read_line(interactive)) {
        amphi_chat_request request;
        amphi_stream *stream = NULL;
        amphi_error error;
        amphi_message message = {.role = AMPHI_ROLE_USER, .content = amphi_str_from(line)};
        cli_request_init(options, &request, &message);
        if (line[0] == '\0') {
            free(line);
            continue;
        }
        if (amphi_chat_start(&stream, client, &request, &error) != AMPHI_OK)
            rc = cli_fail(&error);
        else
            rc = cli_play(stream, options);
        amphi_stream_free(stream);
        free(line);
    }
    amphi_client_free(client);
    return interactive ? CLI_OK : rc;
}

const cli_command cli_chat = {
    .name = "chat",
    .summary = "a conversation in the terminal",
    .help = "usage: amphi chat [flags]\n\n"
            "Streams answers; a dim line says which route answered and why. The conversation is\n"
            "kept in the history, under --conversation or a name made from the time.\n\n"
            "Example: amphi chat --endpoint work=https://api.example.com/v1,model=m,key-file=key\n",
    .run = run,
};
