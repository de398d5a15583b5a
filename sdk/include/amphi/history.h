/* SPDX-License-Identifier: Apache-2.0
 *
 * What the encrypted store keeps, as an app shows and clears it: history, and the outbox
 * (amphi/outbox.h). Visitors are called on the calling thread, outside every lock; returning false
 * stops the walk. Strings are valid for the call.
 */
#ifndef AMPHI_HISTORY_H
#define AMPHI_HISTORY_H

#include <amphi/chat.h>
#include <amphi/outbox.h>

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
    amphi_str title;         /* its own, or the beginning of its first user message */
    bool title_is_own;       /* amphi_history_rename gave it */
    bool is_pinned;          /* stands before the others, and no retention takes it away */
    bool is_archived;        /* is listed only when asked for */
    amphi_privacy privacy;   /* the strictest of its messages */
    int64_t created_ms;      /* Unix time of its oldest message */
    uint64_t text_bytes;     /* of its messages, their further members and records */
    amphi_str cursor;        /* its place in the list, for amphi_history_query */
} amphi_history_conversation;

static inline void amphi_history_conversation_init(amphi_history_conversation *item)
{
    memset(item, 0, sizeof *item);
    item->struct_size = sizeof *item;
}

/* SIZED, handed out. */
typedef struct amphi_history_message {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    int64_t id;                /* unique in the store; grows */
    amphi_str role;            /* "user", "assistant", "system", "tool" */
    amphi_str content;         /* plain text, or the JSON of OpenAI's content parts */
    int64_t created_ms;        /* Unix time */
    amphi_str route;           /* which answered; empty for a user's message */
    amphi_str model;           /* as the route named it; empty for a user's message */
    amphi_str decision_json;   /* the record that amphi_stream_result_json gives; empty for a
                                  user's message */
    amphi_privacy privacy;     /* how far it may travel */
    amphi_message_state state; /* is it whole? */
    bool content_is_json;      /* content is the JSON of content parts */
} amphi_history_message;

static inline void amphi_history_message_init(amphi_history_message *item)
{
    memset(item, 0, sizeof *item);
    item->struct_size = sizeof *item;
}

typedef bool amphi_history_conversation_fn(void *user, const amphi_history_conversation *item);
typedef bool amphi_history_message_fn(void *user, const amphi_history_message *item);

/* ---- Reading ---- */

/* SIZED, read. Which conversations. The list has the pinned ones first, then those that were used
 * last. */
typedef struct amphi_history_query {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str conversation_id; /* this one alone, archived or not; empty: all */
    amphi_str cursor;          /* the item's behind which (backwards: before which) to go on; its
                                  conversation may be gone; empty: from the list's end */
    uint32_t limit;            /* 0: no limit */
    bool backwards;            /* towards the head of the list */
    bool with_archived;        /* archived ones as well */
} amphi_history_query;

static inline void amphi_history_query_init(amphi_history_query *query)
{
    memset(query, 0, sizeof *query);
    query->struct_size = sizeof *query;
}

/* SIZED, read. Which messages of a conversation. */
typedef struct amphi_history_message_query {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str conversation_id; /* required */
    int64_t from_id;           /* not 0: those behind this one, in the order asked for */
    uint32_t limit;            /* 0: no limit */
    bool newest_first;         /* else oldest first */
} amphi_history_message_query;

static inline void amphi_history_message_query_init(amphi_history_message_query *query)
{
    memset(query, 0, sizeof *query);
    query->struct_size = sizeof *query;
}

/* query NULL: all that are not archived. AMPHI_E_NOT_FOUND when query names one that is not there.
 * AMPHI_E_UNSUPPORTED: the app's store can't page. */
AMPHI_API amphi_status amphi_history_list(amphi_client *client, const amphi_history_query *query,
    amphi_history_conversation_fn *visit, void *user, amphi_error *error);
/* AMPHI_E_NOT_FOUND when there is no such conversation. */
AMPHI_API amphi_status amphi_history_read(amphi_client *client,
    const amphi_history_message_query *query, amphi_history_message_fn *visit, void *user,
    amphi_error *error);
/* All that are not archived, as amphi_history_list. */
AMPHI_API amphi_status amphi_history_conversations(
    amphi_client *client, amphi_history_conversation_fn *visit, void *user, amphi_error *error);
/* Oldest first. AMPHI_E_NOT_FOUND when there is no such conversation. */
AMPHI_API amphi_status amphi_history_messages(amphi_client *client, amphi_str conversation_id,
    amphi_history_message_fn *visit, void *user, amphi_error *error);

/* ---- Changing ---- */

/* An empty title: the beginning of the first user message again. Each of these three:
 * AMPHI_E_NOT_FOUND when there is no such conversation. */
AMPHI_API amphi_status amphi_history_rename(
    amphi_client *client, amphi_str conversation_id, amphi_str title, amphi_error *error);
AMPHI_API amphi_status amphi_history_pin(
    amphi_client *client, amphi_str conversation_id, bool pinned, amphi_error *error);
AMPHI_API amphi_status amphi_history_archive(
    amphi_client *client, amphi_str conversation_id, bool archived, amphi_error *error);

/* ---- Deleting ---- */

/* SIZED, filled in. What a deletion took away, in every place where the text stood. */
typedef struct amphi_history_receipt {
    size_t struct_size;           /* in bytes; see amphi/types.h */
    uint64_t conversations_count; /* that went whole */
    uint64_t messages_count;      /* answers' beginnings that were saved meanwhile included */
    uint64_t cached_count;        /* answers of the response cache */
    uint64_t outbox_count;        /* messages that waited there */
    uint64_t text_bytes;          /* of all of them */
    int64_t erased_ms;            /* Unix time */
    bool log_is_wiped;            /* false: somewhere another process was reading, so that the
                                     (encrypted) log still holds old pages. The next deletion, the
                                     client's background thread or the next start wipes it. */
} amphi_history_receipt;

static inline void amphi_history_receipt_init(amphi_history_receipt *receipt)
{
    memset(receipt, 0, sizeof *receipt);
    receipt->struct_size = sizeof *receipt;
}

/* A deletion takes every copy in one transaction: messages, answers in the response cache, what
 * waits in the outbox, saved beginnings of answers; and overwrites the place where they stood. A
 * request of a deleted conversation that is under way goes on, but leaves nothing (its result says
 * so in history_error). `receipt` may be NULL. AMPHI_E_NOT_FOUND when there is no such thing. */
AMPHI_API amphi_status amphi_history_delete(
    amphi_client *client, amphi_str conversation_id, amphi_error *error);
AMPHI_API amphi_status amphi_history_erase(amphi_client *client, amphi_str conversation_id,
    amphi_history_receipt *receipt, amphi_error *error);
/* One message; its question or answer stays. A conversation goes with its last message. */
AMPHI_API amphi_status amphi_history_erase_message(amphi_client *client, amphi_str conversation_id,
    int64_t message_id, amphi_history_receipt *receipt, amphi_error *error);
/* Every conversation, the response cache and the outbox. */
AMPHI_API amphi_status amphi_history_erase_all(
    amphi_client *client, amphi_history_receipt *receipt, amphi_error *error);

AMPHI_END_DECLS

#endif
