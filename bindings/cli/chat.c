/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi chat: a conversation in the terminal. Line editing and arrow keys are libedit's; ctrl-C
 * drops a half-typed line or cancels an answer, ctrl-D ends. Lines that arrive at once (a pasted
 * block) are one message: five pasted lines are one question. Prompts and notes go to
 * standard error, so that standard output holds nothing but answers.
 */
#include "cli.h"

#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

enum { LINES_REMEMBERED = 500, PASTE_GAP_MS = 30, MESSAGE_MAX = 4 << 20 };

/* The editor; all NULL when standard input is no terminal. */
typedef struct editor {
    EditLine *line;
    History *history;
    bool continued; /* the next line belongs to the message before it */
    bool dropped;   /* ctrl-C */
} editor;

static const char *prompt(EditLine *line)
{
    editor *e = NULL;
    el_get(line, EL_CLIENTDATA, &e);
    return e->continued ? "" : "> ";
}

/* ctrl-C at the prompt. */
static unsigned char drop_line(EditLine *line, wint_t key)
{
    editor *e = NULL;
    el_get(line, EL_CLIENTDATA, &e);
    e->dropped = true;
    fputs("^C\n", stderr);
    return CC_NEWLINE;
}

static void editor_close(editor *e)
{
    if (e->line != NULL)
        el_end(e->line);
    if (e->history != NULL)
        history_end(e->history);
}

static bool editor_open(editor *e)
{
    HistEvent event;
    setlocale(LC_CTYPE, ""); /* so that libedit knows how wide a character is */
    e->history = history_init();
    e->line = el_init("amphi", stdin, stderr, stderr);
    if (e->history == NULL || e->line == NULL)
        return false;
    history(e->history, &event, H_SETSIZE, (int)LINES_REMEMBERED);
    el_set(e->line, EL_CLIENTDATA, e);
    el_set(e->line, EL_PROMPT, prompt);
    el_set(e->line, EL_EDITOR, "emacs");
    el_set(e->line, EL_SIGNAL, 1);
    el_set(e->line, EL_HIST, history, e->history);
    el_set(e->line, EL_SETTY, "-d", "-isig", NULL); /* ctrl-C is a key while a line is edited */
    /* Wide, because the narrow call copies the two strings and never frees them. */
    el_wset(e->line, EL_ADDFN, L"drop-line", L"drops what was typed", drop_line);
    el_set(e->line, EL_BIND, "^C", "drop-line", NULL);
    /* A ctrl-D typed while an answer runs comes out of the terminal as NUL. */
    el_set(e->line, EL_BIND, "^@", "em-delete-or-list", NULL);
    el_set(e->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return true;
}

static bool more_is_waiting(void)
{
    struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&end, 1, PASTE_GAP_MS) > 0 && (end.revents & POLLIN) != 0;
}

/* A message from the terminal, "" when it was dropped; NULL at the end of input. free() it. */
static char *edit_message(editor *e)
{
    char *message = NULL;
    size_t size = 0;
    e->continued = e->dropped = false;
    do {
        int count = 0;
        /* libedit prompts first and takes over the terminal afterwards; keys typed in between would
         * be edited by the terminal itself, which knows nothing of arrows. */
        el_set(e->line, EL_PREP_TERM, 1);
        const char *text = el_gets(e->line, &count);
        if (e->dropped) {
            free(message);
            return strdup("");
        }
        if (text == NULL || count <= 0)
            break;
        char *larger =
            size + (size_t)count <= MESSAGE_MAX ? realloc(message, size + (size_t)count + 1) : NULL;
        if (larger == NULL)
            break;
        message = larger;
        memcpy(message + size, text, (size_t)count);
        size += (size_t)count;
        message[size] = '\0';
        e->continued = true;
    } while (more_is_waiting());
    while (size > 0 && (message[size - 1] == '\n' || message[size - 1] == '\r'))
        message[--size] = '\0';
    HistEvent event;
    if (size > 0)
        history(e->history, &event, H_ENTER, message);
    return message;
}

/* A message: from the editor, or a line of standard input; NULL at its end. free() it. */
static char *read_message(editor *e)
{
    char *line = NULL;
    size_t capacity = 0;
    if (e->line != NULL)
        return edit_message(e);
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
    amphi_decision_init(&decision);
    amphi_message message = {.role = AMPHI_ROLE_USER, .content = AMPHI_STR("Hello")};
    cli_request_init(options, &request, &message);
    fprintf(stderr, "%sconversation %s; ctrl-C cancels an answer, ctrl-D ends%s\n", cli_dim(stderr),
        options->conversation, cli_plain(stderr));
    if (amphi_route_explain(client, &request, &decision, NULL) != AMPHI_OK)
        return;
    for (size_t i = 0; i < decision.entries_count; i++) {
        const amphi_decision_route *route = &decision.entries[i].route;
        fprintf(stderr, "%s%s %s: %s%s\n", cli_dim(stderr), route->kept ? "+" : "-", route->route,
            route->why, cli_plain(stderr));
    }
}

/* One question and its answer. */
static int turn(amphi_client *client, const cli_options *options, const char *text)
{
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_error error;
    amphi_message message = {.role = AMPHI_ROLE_USER, .content = amphi_str_from(text)};
    cli_request_init(options, &request, &message);
    int rc = amphi_chat_start(&stream, client, &request, &error) == AMPHI_OK
                 ? cli_stream_view(stream, options)
                 : cli_fail(&error);
    amphi_stream_free(stream);
    return rc;
}

static int run(cli_options *options)
{
    char id[48];
    bool interactive = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
    editor ed = {0};
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
    if (interactive && !editor_open(&ed)) {
        editor_close(&ed);
        amphi_client_free(client);
        return cli_usage("this terminal can't be edited in: TERM is unknown, or memory ran out");
    }
    if (interactive) {
        /* A second ctrl-C that comes just after an answer's end must not end the program. */
        signal(SIGINT, SIG_IGN);
        greet(client, options);
    }
    (void)amphi_client_prewarm(client, NULL);
    for (char *text = read_message(&ed); text != NULL; text = read_message(&ed)) {
        if (text[strspn(text, " \t\r\n")] != '\0')
            rc = turn(client, options, text);
        free(text);
    }
    if (interactive)
        fputc('\n', stderr); /* the shell's prompt begins on a new line */
    editor_close(&ed);
    amphi_client_free(client);
    return interactive ? CLI_OK : rc;
}

const cli_command cli_chat = {
    .name = "chat",
    .summary = "a conversation in the terminal",
    .help =
        "usage: amphi chat [flags]\n"
        "\n"
        "Streams answers; a dim line says which route answered and why. The conversation is\n"
        "kept in the history, under --conversation or a name made from the time. ctrl-C cancels\n"
        "an answer or drops a line, ctrl-D ends.\n"
        "\n"
        "Example: amphi chat --endpoint work=https://api.example.com/v1,model=m,key-file=key\n",
    .run = run,
};
