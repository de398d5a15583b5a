/* SPDX-License-Identifier: Apache-2.0
 *
 * The store: history, response cache, outbox, settings. Calls may come from any thread and may
 * block for a disk write; an implementation serializes as it needs. What returned AMPHI_OK is
 * durable. Visitors run on the calling thread, may not call the store, and return false to stop;
 * their strings are valid for the call.
 */
#ifndef AMPHI_EXT_STORE_H
#define AMPHI_EXT_STORE_H

#include <amphi/history.h>
#include <amphi/search.h>

#define AMPHI_CACHE_KEY_BYTES 32

/* FROZEN: an element of arrays. A message to be appended to a conversation, or one that was
 * read. */
typedef struct amphi_store_message {
    amphi_str role;          /* "system", "user", "assistant", "tool" */
    amphi_str content;       /* plain text, or JSON */
    bool content_is_json;    /* it is an array of OpenAI's content parts */
    amphi_str extra_json;    /* further members of the message object (tool_calls, ...) */
    amphi_str route;         /* assistant only: which answered */
    amphi_str model;         /* assistant only: as the route named it */
    amphi_str decision_json; /* assistant only: the whole record */
    amphi_usage usage;       /* assistant only */
} amphi_store_message;

/* SIZED, read by the store. An answer for the response cache. */
typedef struct amphi_store_cache_entry {
    size_t struct_size; /* in bytes; see amphi/types.h */
    const uint8_t *key; /* AMPHI_CACHE_KEY_BYTES */
    amphi_str value;    /* empty: the entry is there already, or not in this store */
    int64_t expires_ms; /* Unix time */
} amphi_store_cache_entry;

static inline void amphi_store_cache_entry_init(amphi_store_cache_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    entry->struct_size = sizeof *entry;
}

/* SIZED, read by the store. */
typedef struct amphi_store_turn {
    size_t struct_size;                  /* in bytes; see amphi/types.h */
    amphi_str conversation_id;           /* created when it is new */
    int64_t now_ms;                      /* Unix time */
    const amphi_store_message *messages; /* to be appended, in this order */
    size_t messages_count;               /* of `messages` */
    /* Not empty: this entry is removed in the same transaction; AMPHI_E_NOT_FOUND (and nothing
     * written) when it is gone. */
    amphi_str outbox_id;
    amphi_privacy privacy; /* of every message of this turn */
    /* What erasure_epoch gave before the turn began; 0: not asked. AMPHI_E_NOT_FOUND (and nothing
     * written) when the conversation was deleted since. */
    int64_t erasure_epoch;
    /* Not NULL: the last message is also this entry of the response cache; it is put there in the
     * same transaction, and goes with the conversation. */
    const amphi_store_cache_entry *cached;
    /* Not empty: outbox_id must still be leased with this lease; else AMPHI_E_NOT_FOUND. */
    amphi_str outbox_lease;
    amphi_str draft_key; /* not empty: this draft goes away in the same transaction */
} amphi_store_turn;

static inline void amphi_store_turn_init(amphi_store_turn *turn)
{
    memset(turn, 0, sizeof *turn);
    turn->struct_size = sizeof *turn;
}

/* SIZED, handed out by the store. A message as it is kept. */
typedef struct amphi_store_row {
    size_t struct_size; /* in bytes; see amphi/types.h */
    int64_t id;         /* unique in the store; grows */
    int64_t created_ms; /* Unix time */
    amphi_store_message message;
    amphi_privacy privacy;
    amphi_message_state state;
} amphi_store_row;

static inline void amphi_store_row_init(amphi_store_row *row)
{
    memset(row, 0, sizeof *row);
    row->struct_size = sizeof *row;
}

/* SIZED, read by the store. Which rows of a conversation. */
typedef struct amphi_store_row_query {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str conversation_id; /* required */
    bool newest_first;         /* else oldest first */
    int64_t from_id;           /* not 0: rows behind this one, in the order asked for */
    uint32_t limit;            /* 0: all */
} amphi_store_row_query;

static inline void amphi_store_row_query_init(amphi_store_row_query *query)
{
    memset(query, 0, sizeof *query);
    query->struct_size = sizeof *query;
}

/* SIZED, read by the store, and handed out by it. */
typedef struct amphi_store_outbox_item {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str id;              /* the idempotency key; unique */
    amphi_str conversation_id; /* may be empty */
    amphi_str request_json;    /* what to run again */
    int64_t created_ms;        /* Unix time */
    uint32_t attempts;         /* out only: deliveries that failed */
    /* Unix time; not to be claimed earlier; 0: at once. A store that measures time otherwise takes
     * the distance from created_ms, and gives the time that is left from now on. */
    int64_t not_before_ms;
    bool is_leased; /* out only: a process that is alive is sending it */
    /* In: why no route answered; empty: not known yet. Out: this, then why the last try failed, or
     * why it expired. */
    amphi_str reason;
    amphi_str lease;          /* out of outbox_claim only: names this lease in later calls */
    uint64_t age_ms;          /* out only: see amphi/outbox.h */
    amphi_outbox_state state; /* out only */
    uint32_t refusals;        /* out only: tries that ended with AMPHI_OUTBOX_CHANGE_REFUSED */
    bool is_watched;          /* keep it until outbox_event has reported what became of it */
} amphi_store_outbox_item;

static inline void amphi_store_outbox_item_init(amphi_store_outbox_item *item)
{
    memset(item, 0, sizeof *item);
    item->struct_size = sizeof *item;
}

/* SIZED, read by the store. What users do with a conversation; what is not set stays. */
typedef struct amphi_store_change {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str conversation_id; /* required */
    bool sets_title;           /* to title */
    bool sets_pinned;          /* to is_pinned */
    bool sets_archived;        /* to is_archived */
    bool is_pinned;            /* stands before the others */
    bool is_archived;          /* is listed only when asked for */
    amphi_str title;           /* empty: the beginning of the first user message */
} amphi_store_change;

static inline void amphi_store_change_init(amphi_store_change *change)
{
    memset(change, 0, sizeof *change);
    change->struct_size = sizeof *change;
}

typedef enum amphi_outbox_change_kind {
    AMPHI_OUTBOX_CHANGE_RENEW = 0,    /* the lease ends lease_ms from now */
    AMPHI_OUTBOX_CHANGE_RETURNED = 1, /* not tried: the lease ends */
    AMPHI_OUTBOX_CHANGE_FAILED = 2,   /* no route: the lease ends, attempts + 1; an entry that is
                                         older than the store's bound expires */
    AMPHI_OUTBOX_CHANGE_REFUSED = 3,  /* the request was refused: the lease ends, attempts + 1,
                                         refusals + 1, not claimable for pause_ms */
    AMPHI_OUTBOX_CHANGE_EXPIRED = 4,  /* becomes an expired one */
    AMPHI_OUTBOX_CHANGE_CANCEL = 5,   /* removes a queued or an expired one, leased or not */
    AMPHI_OUTBOX_CHANGE_COLLECT = 6,  /* removes an expired one; AMPHI_E_ARGUMENT: it waits */
    AMPHI_OUTBOX_CHANGE_REPORTED = 7  /* the app has seen the event `state` */
} amphi_outbox_change_kind;

/* SIZED, read by the store. */
typedef struct amphi_store_outbox_change {
    size_t struct_size;            /* in bytes; see amphi/types.h */
    amphi_str id;                  /* of the entry */
    amphi_outbox_change_kind kind; /* what happens to it */
    amphi_str lease;               /* RENEW to EXPIRED: required */
    uint32_t lease_ms;             /* RENEW */
    uint64_t pause_ms;             /* REFUSED */
    amphi_str reason;              /* FAILED, REFUSED, EXPIRED: for a person; 255 bytes at most */
    amphi_outbox_state state;      /* REPORTED */
} amphi_store_outbox_change;

static inline void amphi_store_outbox_change_init(amphi_store_outbox_change *change)
{
    memset(change, 0, sizeof *change);
    change->struct_size = sizeof *change;
}

/* A key of the response cache. */
typedef void amphi_store_key_fn(void *user, const uint8_t key[AMPHI_CACHE_KEY_BYTES]);

/* SIZED, read by the store. What to erase: everything; or one conversation; or a message of it; or
 * what is too old or too much; or (nothing set) only what an earlier erasure left in the log. */
typedef struct amphi_store_erasure {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    bool everything;           /* every conversation, the response cache, the outbox */
    amphi_str conversation_id; /* this conversation, also what waits for it in the outbox */
    int64_t message_id;        /* not 0: only this message of it */
    int64_t before_ms;         /* not 0: messages created before this Unix time, oldest first, */
    uint64_t bytes_max;        /* not 0: conversations used longest ago, while text takes more; */
    uint32_t messages_max;     /* of either, at most so many messages in this call; never of a
                                  pinned conversation */
    int64_t now_ms;            /* Unix time, for the receipt */
    /* Not NULL: gets the keys of the cached answers that go, those in no table of the store's as
     * well (a turn's `cached` without a value), so that they can be taken out elsewhere. Called
     * under the store's locks, also twice for a key, also when the erasure fails then. */
    amphi_store_key_fn *visit_key;
    void *user;
} amphi_store_erasure;

static inline void amphi_store_erasure_init(amphi_store_erasure *what)
{
    memset(what, 0, sizeof *what);
    what->struct_size = sizeof *what;
}

/* SIZED, read by the store. A conversation from elsewhere. */
typedef struct amphi_store_import {
    size_t struct_size;          /* in bytes; see amphi/types.h */
    amphi_str conversation_id;   /* required; an existing one is added to */
    amphi_str title;             /* the user's own; empty: the first user message's beginning */
    bool is_pinned;              /* an existing one that is pinned stays so */
    bool is_archived;            /* of a new one */
    const amphi_store_row *rows; /* in their order; ids as they were */
    size_t rows_count;           /* of `rows` */
} amphi_store_import;

static inline void amphi_store_import_init(amphi_store_import *what)
{
    memset(what, 0, sizeof *what);
    what->struct_size = sizeof *what;
}

/* How far a local engine's start came; the order is the order of events. */
typedef enum amphi_start_phase {
    AMPHI_START_LOAD = 0,    /* starting, reading the file, loading: no kernel has run yet */
    AMPHI_START_PREFILL = 1, /* reading the prompt */
    AMPHI_START_TOKEN = 2,   /* generating */
    AMPHI_START_PHASE_COUNT
} amphi_start_phase;

typedef enum amphi_start_outcome {
    AMPHI_START_RUNNING = 0,       /* has not ended */
    AMPHI_START_OK = 1,            /* a complete answer */
    AMPHI_START_CANCELLED = 2,     /* cancelled by the caller, or stopped to spare the device */
    AMPHI_START_FAILED = 3,        /* an orderly error */
    AMPHI_START_CRASHED = 4,       /* its code faulted */
    AMPHI_START_OUT_OF_MEMORY = 5, /* killed for its memory, or an allocation failed */
    AMPHI_START_STALLED = 6,       /* silent for longer than its phase allows */
    AMPHI_START_HOST_DIED = 7,     /* the app ended while it ran */
    AMPHI_START_KILLED = 8,        /* another process killed its process, or stopped it */
    AMPHI_START_OUTCOME_COUNT      /* not an outcome: how many there are */
} amphi_start_outcome;

/* SIZED, read by the store, and handed out by it. One start of a local engine: which model, which
 * code, how it ended. */
typedef struct amphi_store_start {
    size_t struct_size;          /* in bytes; see amphi/types.h */
    int64_t id;                  /* out only */
    amphi_str fingerprint;       /* of the model file */
    amphi_str build;             /* of the engine */
    amphi_str kernels;           /* "avx2", "reference" */
    amphi_str host;              /* the process that started it, in words that distinguish it
                                    from a later one with the same number */
    bool in_process;             /* no process of its own: its crash is the host's */
    int64_t started_ms;          /* Unix time */
    int64_t changed_ms;          /* of the last change: when it ended, once it has */
    amphi_start_phase phase;     /* how far it came */
    amphi_start_outcome outcome; /* how it ended; RUNNING: not yet */
} amphi_store_start;

static inline void amphi_store_start_init(amphi_store_start *start)
{
    memset(start, 0, sizeof *start);
    start->struct_size = sizeof *start;
}

typedef bool amphi_store_row_fn(void *user, const amphi_store_row *row);
typedef bool amphi_store_start_fn(void *user, const amphi_store_start *start);
typedef bool amphi_store_message_fn(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms);
typedef bool amphi_store_outbox_fn(void *user, const amphi_store_outbox_item *item);
typedef void amphi_store_value_fn(void *user, amphi_str value);

/* TABLE. The entries above free are required, but for cache_clear. */
typedef struct amphi_store_ops {
    size_t struct_size;
    const char *name;

    /* History. messages: oldest first; NOT_FOUND when there is no such conversation.
     * conversations: newest first. */
    amphi_status (*turn_append)(void *self, const amphi_store_turn *turn, amphi_error *error);
    amphi_status (*messages)(void *self, amphi_str conversation_id, amphi_store_message_fn *visit,
        void *user, amphi_error *error);
    amphi_status (*conversations)(
        void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error);
    amphi_status (*conversation_delete)(void *self, amphi_str id, amphi_error *error);

    /* Response cache. get: NOT_FOUND when absent or expired; put: expires_ms is Unix time. The
     * table is bounded: the least recently used entries go. */
    amphi_status (*cache_get)(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], int64_t now_ms,
        amphi_store_value_fn *visit, void *user, amphi_error *error);
    amphi_status (*cache_put)(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value,
        int64_t now_ms, int64_t expires_ms, amphi_error *error);
    amphi_status (*cache_clear)(void *self, amphi_error *error);

    /* Outbox. add: FULL above its bounds, with the reason. claim: of the entries that are the first
     * of their conversation to wait, neither leased nor put off, the one that was tried longest
     * ago, then the oldest; reserved for lease_ms across processes; NOT_FOUND when there is none.
     * now_ms is Unix time, for stores that know no better. release: not delivered; claimable again
     * from not_before_ms on, attempts + 1. An entry goes away through turn_append with its id, or
     * through remove. entries: what waits and what has expired. */
    amphi_status (*outbox_add)(void *self, const amphi_store_outbox_item *item, amphi_error *error);
    amphi_status (*outbox_claim)(void *self, int64_t now_ms, uint32_t lease_ms,
        amphi_store_outbox_fn *visit, void *user, amphi_error *error);
    amphi_status (*outbox_release)(
        void *self, amphi_str id, int64_t not_before_ms, amphi_error *error);
    amphi_status (*outbox_remove)(void *self, amphi_str id, amphi_error *error);
    amphi_status (*outbox_entries)(
        void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error);

    /* Small named values: install id, last good rollout payload, learnt capabilities. get:
     * NOT_FOUND when there is none of that name. */
    amphi_status (*setting_get)(
        void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error);
    amphi_status (*setting_put)(void *self, amphi_str name, amphi_str value, amphi_error *error);

    /* A key for HMACs (cache keys), derived from the store's own; the caller wipes it. */
    amphi_status (*derive_key)(void *self, amphi_str purpose, uint8_t out[32], amphi_error *error);

    /* Last call: flushes and closes. */
    void (*free)(void *self);

    /* The ledger of local starts. Written often and at moments that count, so it survives the
     * app's death at once but a power cut only once something durable was written after it: no
     * sync per write. Bounded: the oldest rows go. All three are NULL where there is no ledger.
     * set: NOT_FOUND when the row is gone. list: those of one model file that changed at since_ms
     * or later, newest first. */
    amphi_status (*ledger_add)(
        void *self, const amphi_store_start *start, int64_t *id, amphi_error *error);
    amphi_status (*ledger_set)(void *self, int64_t id, amphi_start_phase phase,
        amphi_start_outcome outcome, int64_t now_ms, amphi_error *error);
    amphi_status (*ledger_list)(void *self, amphi_str fingerprint, int64_t since_ms,
        amphi_store_start_fn *visit, void *user, amphi_error *error);

    /* History in rows that say how far they may travel. A store without it can't keep private turns
     * apart, so it is given none; of what it has, an answer whose decision_json is empty, and what
     * came after it, counts as private. NOT_FOUND when there is no such conversation. */
    amphi_status (*rows)(void *self, const amphi_store_row_query *query, amphi_store_row_fn *visit,
        void *user, amphi_error *error);

    /* What users do with their history; all four, or none. list: NOT_FOUND when the query names a
     * conversation that is not there. change: likewise. erase: every copy in one transaction, and
     * the log is wiped afterwards if no other process is reading; adds to *receipt; NOT_FOUND when
     * what it names is not there. erasure_epoch: grows with every erasure. A store with these also
     * understands a turn's erasure_epoch and cached. */
    amphi_status (*list)(void *self, const amphi_history_query *query,
        amphi_history_conversation_fn *visit, void *user, amphi_error *error);
    amphi_status (*change)(void *self, const amphi_store_change *change, amphi_error *error);
    amphi_status (*erase)(void *self, const amphi_store_erasure *what,
        amphi_history_receipt *receipt, amphi_error *error);
    amphi_status (*erasure_epoch)(void *self, int64_t *epoch, amphi_error *error);

    /* Can the store be read and written? AMPHI_OK, or what is wrong, as the last try showed it:
     * asks the disk at most for a moment. NULL: not known. */
    amphi_status (*health)(void *self, amphi_error *error);

    /* Both NULL: leases without names, no events, nothing expires; release and remove are used.
     * change: NOT_FOUND when there is no such entry, or it is not leased with `lease`. event: shows
     * the oldest event that was not reported (item->state says which); NOT_FOUND when there is
     * none. An entry that is removed by turn_append is kept, without its request, until its events
     * are reported, if it is_watched; it is shown by outbox_event only. */
    amphi_status (*outbox_change)(
        void *self, const amphi_store_outbox_change *change, amphi_error *error);
    amphi_status (*outbox_event)(
        void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error);
    /* Puts a conversation with its rows, in one transaction. A row whose id is free gets it; one
     * that is there already (same id or not, but the same conversation, time, role and content) is
     * skipped; another row's id is replaced by a new one. *added: rows that were not skipped. NULL:
     * unsupported. */
    amphi_status (*import)(
        void *self, const amphi_store_import *what, uint64_t *added, amphi_error *error);

    /* Finds messages by their words, see amphi/search.h: newest first. NOT_FOUND when there is no
     * such conversation. NULL: unsupported. */
    amphi_status (*search)(void *self, const amphi_search_query *query, amphi_search_hit_fn *visit,
        void *user, amphi_error *error);

    /* A copy of the whole store in a file of that name, which must not exist: under the same key,
     * as of one commit, while the store is in use. NULL: unsupported. */
    amphi_status (*backup)(void *self, amphi_str path, amphi_error *error);
    /* Answers under way; both, or none. put: the turn as it is so far, its last message the
     * answer's beginning; overwrites an earlier one of this key; survives a crash of the app at
     * once, a power cut only once something durable was written after it. end: nothing is left of
     * it, or (keep) it becomes part of its conversation, the answer as AMPHI_MESSAGE_PARTIAL. What
     * a process that died has left is kept likewise when the store is opened next. A store with
     * these also understands a turn's draft_key. */
    amphi_status (*draft_put)(
        void *self, amphi_str key, const amphi_store_turn *turn, amphi_error *error);
    amphi_status (*draft_end)(void *self, amphi_str key, bool keep, amphi_error *error);

    /* Both NULL: an explicit send can't make an entry go that is put off, and a request waits for
     * what its conversation has in the outbox until the next round. claim_head: as outbox_claim,
     * but an entry that was put off after a try may go as well; of this conversation only, unless
     * it is empty. waiting: what waits in a conversation, in its order, without the requests. */
    amphi_status (*outbox_claim_head)(void *self, amphi_str conversation_id, uint32_t lease_ms,
        amphi_store_outbox_fn *visit, void *user, amphi_error *error);
    amphi_status (*outbox_waiting)(void *self, amphi_str conversation_id,
        amphi_store_outbox_fn *visit, void *user, amphi_error *error);
    /* Asked before each answer from the client's memory, so it takes a microsecond at most: a value
     * that is another one once any process has erased something, or cleared the cache; 0: not
     * known. NULL: unsupported; erasure_epoch is asked once a second in any case. */
    uint64_t (*erasure_hint)(void *self);
    /* As setting_put, but only while the value is still `before` (empty: none, or an empty one), in
     * one step also among processes. BUSY: it is another one by now, or others kept the store: to
     * be read and tried again. NULL: unsupported. */
    amphi_status (*setting_swap)(
        void *self, amphi_str name, amphi_str before, amphi_str after, amphi_error *error);
    /* NOT_FOUND, with what to do: a store was here whose database is gone, so what is read now is
     * no copy of it, and is not exported. NULL: not known. */
    amphi_status (*lost)(void *self, amphi_error *error);
} amphi_store_ops;

/* FROZEN. */
typedef struct amphi_store {
    const amphi_store_ops *ops;
    void *self;
} amphi_store;

#endif
