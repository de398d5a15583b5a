/* SPDX-License-Identifier: Apache-2.0
 *
 * An app whose messages wait in the outbox, for outbox_schedules.py, which kills it, freezes it and
 * starts it again. Its clocks are the system's plus what the file says: two 64-bit numbers, the
 * wall clock's offset in milliseconds and the boot clock's in microseconds, which the test changes
 * while the app runs. Standard input, one command a line:
 *
 *     ask CONVERSATION TEXT   without a network: "queued ID" or "failed WHY"
 *     flush                   with a network: "flushed LEFT"
 *     history CONVERSATION    "said TEXT" per message of the user, then "end"
 *     list                    "entry STATE ID TEXT" per entry, then "end"
 *     quit
 *
 * Whatever the app hears of its messages is a line "event STATE ID", when it hears it.
 *
 * usage: outbox_app DATA_FOLDER ENDPOINT CLOCK_FILE
 */
#include <amphi/amphi.h>
#include <amphi/ext/parts.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

static volatile int64_t *offsets; /* wall in ms, boot in us */

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t monotonic_us(void *self)
{
    return read_us(CLOCK_MONOTONIC);
}

static int64_t wall_ms(void *self)
{
    return (int64_t)(read_us(CLOCK_REALTIME) / 1000u) + offsets[0];
}

static uint64_t boot_us(void *self)
{
    return read_us(CLOCK_BOOTTIME) + (uint64_t)offsets[1];
}

static const amphi_clock test_clock = {.struct_size = sizeof test_clock,
    .name = "test",
    .monotonic_us = monotonic_us,
    .wall_ms = wall_ms,
    .boot_us = boot_us};

/* One write per line: what was said before a kill was said. */
static void say(const char *format, const char *first, amphi_str second, amphi_str third)
{
    char line[600];
    int size = snprintf(line, sizeof line, format, first, (int)second.size, second.data,
        (int)third.size, third.data);
    if (size > 0 && write(STDOUT_FILENO, line, (size_t)size) != size)
        _exit(3);
}

static void hear(void *user, const amphi_outbox_entry *entry)
{
    say("event %s %.*s%.*s\n", amphi_outbox_state_name(entry->state), entry->id, AMPHI_STR(""));
}

static bool map_clock(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    offsets = fd < 0 ? MAP_FAILED : mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);
    return offsets != MAP_FAILED;
}

/* A server on this machine needs no network, so what is asked without one goes to an address that
 * no network leads to; what then waits in the folder is sent by the client with the real endpoint.
 * */
#define NOWHERE "https://192.0.2.1/v1"

static amphi_client *open_client(const char *folder, const char *url)
{
    amphi_client *client = NULL;
    amphi_endpoint_options endpoint;
    amphi_client_options options;
    amphi_parts parts;
    amphi_error error;
    amphi_endpoint_options_init(&endpoint);
    amphi_client_options_init(&options);
    amphi_parts_init(&parts);
    parts.clock = &test_clock;
    endpoint.name = AMPHI_STR("cloud");
    endpoint.url = amphi_str_from(url);
    options.data_dir = amphi_str_from(folder);
    options.endpoints = &endpoint;
    options.endpoints_count = 1;
    options.allow_http_loopback = true;
    options.parts = &parts;
    options.outbox_event = hear;
    options.policy_json = AMPHI_STR("{\"local\":{\"enabled\":false},"
                                    "\"breaker\":{\"failures\":1000,\"failure_percent\":0}}");
    if (amphi_client_new(&client, &options, &error) != AMPHI_OK)
        fprintf(stderr, "outbox_app: %s\n", error.message);
    return client;
}

typedef struct app {
    amphi_client *online, *offline; /* over one folder */
} app;

static void ask(amphi_client *client, const char *conversation, const char *text)
{
    amphi_message message = {AMPHI_ROLE_USER, amphi_str_from(text)};
    amphi_chat_request request;
    amphi_stream *stream = NULL;
    amphi_event event = {.kind = AMPHI_EVENT_PROGRESS};
    amphi_error error = {.message = "no terminal event"};
    amphi_chat_request_init(&request);
    request.messages = &message;
    request.messages_count = 1;
    request.conversation_id = amphi_str_from(conversation);
    request.no_cache = true;
    if (amphi_chat_start(&stream, client, &request, &error) == AMPHI_OK)
        while (!amphi_event_is_terminal(&event) &&
               amphi_stream_next(stream, WAIT_MS, &event, &error) == AMPHI_OK)
            ;
    if (event.kind == AMPHI_EVENT_QUEUED)
        say("%s %.*s%.*s\n", "queued", event.text, AMPHI_STR(""));
    else
        say("%s %.*s%.*s\n", "failed",
            amphi_str_from(event.error != NULL ? event.error->message : error.message),
            AMPHI_STR(""));
    amphi_stream_free(stream);
}

static bool say_message(void *user, const amphi_history_message *item)
{
    if (item->role.size == 4 && memcmp(item->role.data, "user", 4) == 0)
        say("%s %.*s%.*s\n", "said", item->content, AMPHI_STR(""));
    return true;
}

static bool say_entry(void *user, const amphi_outbox_entry *item)
{
    char state[32];
    snprintf(state, sizeof state, "entry %s", amphi_outbox_state_name(item->state));
    say("%s %.*s %.*s\n", state, item->id, item->text);
    return true;
}

static void obey(const app *own, char *line)
{
    amphi_client *client = own->online;
    char *rest = NULL;
    const char *verb = strtok_r(line, " ", &rest);
    uint32_t left = 0;
    if (verb != NULL && strcmp(verb, "ask") == 0) {
        const char *conversation = strtok_r(NULL, " ", &rest);
        ask(own->offline, conversation, rest);
    } else if (verb != NULL && strcmp(verb, "flush") == 0) {
        char number[16];
        amphi_status status = amphi_outbox_flush(client, WAIT_MS, &left, NULL);
        snprintf(number, sizeof number, "%u", status == AMPHI_OK ? left : 999u);
        say("%s %.*s%.*s\n", "flushed", amphi_str_from(number), AMPHI_STR(""));
    } else if (verb != NULL) {
        if (strcmp(verb, "history") == 0)
            (void)amphi_history_messages(client, amphi_str_from(rest), say_message, NULL, NULL);
        else
            (void)amphi_outbox_entries(client, say_entry, NULL, NULL);
        say("%s%.*s%.*s\n", "end", AMPHI_STR(""), AMPHI_STR(""));
    }
}

int main(int argc, char **argv)
{
    char line[600];
    if (argc != 4 || !map_clock(argv[3]))
        return 2;
    app own = {open_client(argv[1], argv[2]), open_client(argv[1], NOWHERE)};
    if (own.online == NULL || own.offline == NULL ||
        amphi_device_push_json(own.offline, AMPHI_STR("{\"network\":\"none\"}"), NULL) != AMPHI_OK)
        return 1;
    say("%s%.*s%.*s\n", "ready", AMPHI_STR(""), AMPHI_STR(""));
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "quit") == 0)
            break;
        obey(&own, line);
    }
    amphi_client_free(own.offline);
    amphi_client_free(own.online);
    return 0;
}
