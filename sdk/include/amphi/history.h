/* SPDX-License-Identifier: Apache-2.0
 *
 * What the encrypted store keeps, as an app shows and clears it: history, outbox, answers that are
 * kept for the same question. Visitors are called on the calling
 * thread, outside every lock; returning false stops the walk. Strings are valid for the call.
 */
#ifndef AMPHI_HISTORY_H
#define AMPHI_HISTORY_H

#include <amphi/chat.h>

AMPHI_BEGIN_DECLS

typedef enum amphi_message_state {
    AMPHI_MESSAGE_COMPLETE = 0,
    AMPHI_MESSAGE_PARTIAL = 1 /* an answer whose app ended before it did: its beginning */
} amphi_message_state;

/* SIZED, handed out; a store hands it to the client as well. */
typedef struct amphi_history_conversation {
    size_t struct_size;      /* in bytes; see amphi/types.h */
    amphi_str id;            /* as requests name it */
    int64_t updated_ms;      /* Unix time */
    uint64_t messages_count; /* of every role */
    amphi_str title;         /* the beginning of its first user message */
} amphi_history_conversation;

static inline void amphi_history_conversation_init(amphi_history_conversation *item)
{
    memset(item, 0, sizeof *item);
    item->struct_size = sizeof *item;
}

/* SIZED, handed out. */
typedef struct amphi_history_message {
    size_t struct_size;      /* in bytes; see amphi/types.h */
    int64_t id;              /* unique in the store; grows */
    amphi_str role;          /* "user", "assistant", "system", "tool" */
    amphi_str content;       /* plain text, or the JSON of OpenAI's content parts */
    int64_t created_ms;      /* Unix time */
    amphi_str route;         /* which answered; empty for a user's message */
    amphi_str model;         /* as the route named it; empty for a user's message */
    amphi_str decision_json; /* the record that amphi_stream_result_json gives; empty for a
                                user's message */
    amphi_privacy privacy;   /* how far it may travel; NONE where the app's store has no `rows` */
    amphi_message_state state;
} amphi_history_message;

static inline void amphi_history_message_init(amphi_history_message *item)
{
    memset(item, 0, sizeof *item);
    item->struct_size = sizeof *item;
}

/* SIZED, handed out. */
typedef struct amphi_outbox_entry {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str id;              /* also the idempotency key */
    amphi_str conversation_id; /* may be empty */
    int64_t created_ms;        /* Unix time */
    uint32_t attempts;         /* deliveries that failed */
    bool is_being_sent;        /* now, by this process or another one */
    /* Unix time until which it is put off: it was refused, or its request still runs in an engine
     * inside the app; 0: not put off. */
    int64_t not_before_ms;
} amphi_outbox_entry;

static inline void amphi_outbox_entry_init(amphi_outbox_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    entry->struct_size = sizeof *entry;
}

typedef bool amphi_history_conversation_fn(void *user, const amphi_history_conversation *item);
typedef bool amphi_history_message_fn(void *user, const amphi_history_message *item);
typedef bool amphi_outbox_entry_fn(void *user, const amphi_outbox_entry *item);

/* Newest first. */
AMPHI_API amphi_status amphi_history_conversations(
    amphi_client *client, amphi_history_conversation_fn *visit, void *user, amphi_error *error);
/* Oldest first. AMPHI_E_NOT_FOUND when there is no such conversation. */
AMPHI_API amphi_status amphi_history_messages(amphi_client *client, amphi_str conversation_id,
    amphi_history_message_fn *visit, void *user, amphi_error *error);
AMPHI_API amphi_status amphi_history_delete(
    amphi_client *client, amphi_str conversation_id, amphi_error *error);

/* Oldest first. */
AMPHI_API amphi_status amphi_outbox_entries(
    amphi_client *client, amphi_outbox_entry_fn *visit, void *user, amphi_error *error);
/* Tries to deliver what waits, now, and waits up to timeout_ms for it. *left_out is what still
 * waits afterwards. (A client delivers in the background anyway when a route returns.) */
AMPHI_API amphi_status amphi_outbox_flush(
    amphi_client *client, uint32_t timeout_ms, uint32_t *left_out, amphi_error *error);

/* Forgets every answer of the response cache: the store's, and what this client holds in memory.
 * (Another process that uses the same store forgets what it holds in memory when it ends.)
 * AMPHI_E_UNSUPPORTED: a store of the app's without cache_clear; memory is cleared nevertheless. */
AMPHI_API amphi_status amphi_cache_clear(amphi_client *client, amphi_error *error);

AMPHI_END_DECLS

#endif
