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
    amphi_str extra_json;      /* an object with the message's further members (tool_calls,
                                  tool_call_id, name); or empty */
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
/* Can the history be read and written? AMPHI_OK, or what is wrong and what to do, as the last try
 * showed it. AMPHI_E_CORRUPT: the store or its log is damaged; the calls here still give what can
 * be read, and nothing new is kept until amphi_history_repair. Asks the disk for a moment at most:
 * a page that nothing has read yet is not looked at (amphi_history_check does that). AMPHI_OK as
 * well for a store of the app's that does not say. */
AMPHI_API amphi_status amphi_history_health(amphi_client *client, amphi_error *error);
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
                                     (encrypted) log still holds old pages. The next deletion or
                                     the next start wipes it. */
    uint64_t damaged_count;       /* damaged stores that repairs kept aside: amphi_history_erase_all
                                     took them away; after other deletions they are still there */
    char damaged_path[1024];      /* one that is still there and may hold the deleted text; or "" */
    uint64_t shared_count;        /* answers that were taken out of the shared cache
                                     (amphi_parts.shared_cache) */
    uint64_t shared_left_count;   /* that it may still have, since it did not answer or this client
                                     has none: they go when a client of this store reaches it, or
                                     when their time is over */
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
/* Every conversation, the response cache, the outbox, and the damaged stores that repairs kept
 * aside. AMPHI_E_IO: one of these is still there (the rest is gone); the message names it. */
AMPHI_API amphi_status amphi_history_erase_all(
    amphi_client *client, amphi_history_receipt *receipt, amphi_error *error);

/* ---- Retention ---- */

/* SIZED, read. What may stay; pinned conversations always do. */
typedef struct amphi_history_retention {
    size_t struct_size;  /* in bytes; see amphi/types.h */
    uint64_t max_age_ms; /* older messages go; 0: of any age */
    uint64_t max_bytes;  /* conversations used longest ago go while texts take more; 0: any size */
} amphi_history_retention;

static inline void amphi_history_retention_init(amphi_history_retention *keep)
{
    memset(keep, 0, sizeof *keep);
    keep->struct_size = sizeof *keep;
}

/* Takes away what is older or more, in small transactions. Ages are by the wall clock, unless it
 * has jumped: AMPHI_E_BUSY when, since the store last looked at it in this boot, it moved by five
 * minutes more than the machine's own clock did, and nothing goes. Once the two have agreed for an
 * hour it is believed. `receipt` may be NULL. */
AMPHI_API amphi_status amphi_history_prune(amphi_client *client,
    const amphi_history_retention *keep, amphi_history_receipt *receipt, amphi_error *error);

/* ---- Export and import ---- */

/* SIZED, filled in. */
typedef struct amphi_history_transfer {
    size_t struct_size;           /* in bytes; see amphi/types.h */
    uint64_t conversations_count; /* written, or read */
    uint64_t messages_count;      /* written, or added */
    uint64_t skipped_count;       /* import: messages that were there already */
    uint64_t left_out_count;      /* export: messages that may not leave the device */
} amphi_history_transfer;

static inline void amphi_history_transfer_init(amphi_history_transfer *transfer)
{
    memset(transfer, 0, sizeof *transfer);
    transfer->struct_size = sizeof *transfer;
}

/* One line of JSON without its end of line. false: it could not be written, and the export ends. */
typedef bool amphi_history_line_fn(void *user, amphi_str line);
/* Of one line in an import; longer ones are refused, so a reader need not read on behind it. */
#define AMPHI_HISTORY_LINE_BYTES_MAX (64u << 20)
/* The next line, without its end of line, valid until the next call. false: there is none. */
typedef bool amphi_history_next_line_fn(void *user, amphi_str *line);

/* All conversations as JSON Lines (sdk/docs/history.md has the form). What was said privately or in
 * mode only_local is left out, and counted, unless include_private. `transfer` may be NULL.
 * AMPHI_E_NOT_FOUND: the store is lost (amphi_history_lost), and an export of the new, empty one
 * would be taken for one of it; nothing is written. */
AMPHI_API amphi_status amphi_history_export(amphi_client *client, bool include_private,
    amphi_history_line_fn *write, void *user, amphi_history_transfer *transfer, amphi_error *error);
/* Puts exported conversations back, each in one transaction: into an empty store they are the same,
 * ids included; messages that are there already are skipped. AMPHI_E_FORMAT names the line that is
 * not understood, or says that there is none; the conversations before it stay. `transfer` may be
 * NULL. */
AMPHI_API amphi_status amphi_history_import(amphi_client *client, amphi_history_next_line_fn *next,
    void *user, amphi_history_transfer *transfer, amphi_error *error);

/* ---- Records ---- */

/* The record of every answer as JSON Lines (sdk/docs/replay.md has the form): what was decided, and
 * what came of it. No line holds a question, an answer, a title or the name of a conversation, so
 * private answers are among them. transfer->skipped_count: answers without a record. `transfer` may
 * be NULL. AMPHI_E_NOT_FOUND: the store is lost, as above. */
AMPHI_API amphi_status amphi_history_export_records(amphi_client *client,
    amphi_history_line_fn *write, void *user, amphi_history_transfer *transfer, amphi_error *error);
/* The same of one answer: one object, on one line. AMPHI_E_NOT_FOUND: there is no answer of this
 * id, or it has no record. Free *out with amphi_string_free. */
AMPHI_API amphi_status amphi_history_record(
    amphi_client *client, int64_t message_id, char **out, amphi_error *error);

/* ---- Backup ---- */

/* A copy of the store (history, response cache, outbox) in a new file, while it is in use: under
 * the same key (where there is a store.key or store.wrap, keep it too), whole whenever the process
 * is killed. Blocks for as long as it takes to copy. AMPHI_E_ARGUMENT: there is a file of
 * that name. AMPHI_E_NOT_FOUND: the store is lost, as above. AMPHI_E_UNSUPPORTED: the client's
 * store can't. */
AMPHI_API amphi_status amphi_history_backup(
    amphi_client *client, amphi_str path, amphi_error *error);

/* ---- JSON form ---- */

/* All of the above but the backup, and amphi_history_search, as JSON: {"op":"list", ...} in, the
 * result out (sdk/docs/history.md). An unknown op or member is refused by name. Free *out with
 * amphi_string_free. */
AMPHI_API amphi_status amphi_history_json(
    amphi_client *client, amphi_str request_json, char **out, amphi_error *error);

AMPHI_END_DECLS

#endif
