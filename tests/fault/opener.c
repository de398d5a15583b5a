/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens data folders as an app does after a restart: for each line on standard input, the path of a
 * data folder, it makes a client, walks through everything that the store keeps, and frees it. One
 * line answers: "ok CONVERSATIONS MESSAGES ENTRIES", or what went wrong; none: it crashed.
 */
#include <amphi/amphi.h>

#include <stdio.h>
#include <string.h>

enum { CONVERSATIONS_MAX = 64, ID_BYTES = 64 };

typedef struct walk {
    char ids[CONVERSATIONS_MAX][ID_BYTES];
    unsigned conversations, messages, entries;
} walk;

static bool take_conversation(void *user, const amphi_history_conversation *item)
{
    walk *w = user;
    if (w->conversations < CONVERSATIONS_MAX)
        snprintf(w->ids[w->conversations], ID_BYTES, "%.*s", (int)item->id.size, item->id.data);
    w->conversations++;
    return true;
}

static bool take_message(void *user, const amphi_history_message *item)
{
    walk *w = user;
    w->messages += item->content.size > 0;
    return true;
}

static bool take_entry(void *user, const amphi_outbox_entry *item)
{
    walk *w = user;
    w->entries += item->id.size > 0;
    return true;
}

static amphi_status walk_store(walk *w, const char *folder, amphi_error *error)
{
    amphi_client_options options;
    amphi_client *client = NULL;
    amphi_client_options_init(&options);
    options.data_dir = amphi_str_from(folder);
    amphi_status status = amphi_client_new(&client, &options, error);
    if (status == AMPHI_OK)
        status = amphi_history_conversations(client, take_conversation, w, error);
    for (unsigned i = 0; status == AMPHI_OK && i < w->conversations && i < CONVERSATIONS_MAX; i++)
        status = amphi_history_messages(client, amphi_str_from(w->ids[i]), take_message, w, error);
    if (status == AMPHI_OK)
        status = amphi_outbox_entries(client, take_entry, w, error);
    amphi_client_free(client);
    return status;
}

static void open_one(const char *folder)
{
    static walk w;
    amphi_error error;
    memset(&w, 0, sizeof w);
    if (walk_store(&w, folder, &error) == AMPHI_OK)
        printf("ok %u %u %u\n", w.conversations, w.messages, w.entries);
    else
        printf("error %s\n", error.message);
    fflush(stdout);
}

int main(void)
{
    char line[512];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        open_one(line);
    }
    return 0;
}
