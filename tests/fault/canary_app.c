/* SPDX-License-Identifier: Apache-2.0
 *
 * An app that lives on after its client: the memory that it has then is looked at from outside.
 * Each line on standard input is "MODE PRIVATE CONVERSATION QUESTION" (MODE: local or cloud) and is
 * answered by "done" or "failed"; "free" frees the client and is answered by "freed". It keeps
 * nothing of what it reads or is answered.
 *
 * usage: canary_app DATA_FOLDER ENDPOINT MODEL POLICY_FILE
 */
#include <amphi/amphi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 4096 };

static char line[LINE_BYTES];
static char policy[LINE_BYTES];

/* Byte by byte and without stdio, which would keep a copy. */
static bool read_line(void)
{
    size_t size = 0;
    explicit_bzero(line, sizeof line);
    while (size + 1 < sizeof line && read(STDIN_FILENO, line + size, 1) == 1 && line[size] != '\n')
        size++;
    line[size] = '\0';
    return size > 0;
}

static void say(const char *word)
{
    if (write(STDOUT_FILENO, word, strlen(word)) < 0)
        _exit(3);
}

static bool ask(amphi_client *client, bool is_local, bool is_private, const char *conversation,
    const char *question)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(question)};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_event event;
    bool done = false;
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.conversation_id = amphi_str_from(conversation);
    request.mode = is_local ? AMPHI_MODE_ONLY_LOCAL : AMPHI_MODE_ONLY_CLOUD;
    request.is_private = is_private;
    if (amphi_chat_start(&stream, client, &request, NULL) != AMPHI_OK)
        return false;
    while (amphi_stream_next(stream, 20000, &event, NULL) == AMPHI_OK)
        done = done || event.kind == AMPHI_EVENT_DONE;
    amphi_stream_free(stream);
    return done;
}

static bool obey(amphi_client *client)
{
    char *rest = NULL;
    const char *mode = strtok_r(line, " ", &rest);
    const char *is_private = strtok_r(NULL, " ", &rest);
    const char *conversation = strtok_r(NULL, " ", &rest);
    return mode != NULL && is_private != NULL && conversation != NULL &&
           ask(client, strcmp(mode, "local") == 0, strcmp(is_private, "private") == 0, conversation,
               rest);
}

static amphi_client *open_client(char **argv)
{
    amphi_client *client = NULL;
    amphi_endpoint_options endpoint;
    amphi_client_options options;
    amphi_error error;
    FILE *file = fopen(argv[4], "re");
    if (file == NULL || fgets(policy, sizeof policy, file) == NULL)
        return NULL;
    fclose(file);
    amphi_endpoint_options_init(&endpoint);
    amphi_client_options_init(&options);
    if (amphi_endpoint_parse(&endpoint, amphi_str_from(argv[2]), NULL, 0, &error) != AMPHI_OK)
        return NULL;
    options.data_dir = amphi_str_from(argv[1]);
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.allow_http_loopback = true;
    options.model_path = amphi_str_from(argv[3]);
    options.policy_json = amphi_str_from(policy);
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        fprintf(stderr, "canary_app: %s\n", error.message);
    return client;
}

int main(int argc, char **argv)
{
    amphi_client *client = argc == 5 ? open_client(argv) : NULL;
    if (client == NULL)
        return 2;
    say("ready\n");
    while (read_line() && strcmp(line, "free") != 0)
        say(obey(client) ? "done\n" : "failed\n");
    amphi_client_free(client);
    explicit_bzero(line, sizeof line);
    say("freed\n");
    read_line(); /* until it has been looked at */
    return 0;
}
