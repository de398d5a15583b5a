/* SPDX-License-Identifier: Apache-2.0
 *
 * The encrypted store's inside, shared by its files: history_*.c, response_cache.c, outbox.c,
 * settings.c and crash_ledger.c. Each function below is one entry of amphi_store_ops (see
 * ext/store.h for what it promises); self is the store. They take a connection, gather what a
 * visitor shall see, give it back, and visit:
 *
 *     amphi_db *db;
 *     amphi_status status = amphi__store_read_begin(store, &db, error);
 *     if (status != AMPHI_OK)
 *         return status;
 *     status = find(db, ..., error);
 *     amphi__store_read_end(store);
 *
 *     status = amphi__store_write_begin(store, AMPHI_PATIENCE_ANSWER_MS, &db, error);
 *     if (status == AMPHI_OK) {
 *         status = change(db, ..., error);
 *         status = amphi__store_write_end(store, status, error);
 *     }
 */
#ifndef AMPHI_STORAGE_STORE_SQLCIPHER_H
#define AMPHI_STORAGE_STORE_SQLCIPHER_H

#include "sdk/core/thread.h"
#include "storage/sqlcipher.h"
#include "storage/store_checks.h"
#include "storage/store_memory_list.h"

#include <sys/types.h>

#define AMPHI_CACHE_TOUCHES_MAX 1024

/* Which file it is, whatever its name. */
typedef struct amphi_file_id {
    dev_t device;
    ino_t inode;
} amphi_file_id;

typedef struct amphi_store_flusher amphi_store_flusher;

typedef struct amphi_store_sqlcipher {
    /* Constant. */
    amphi_store_limits limits; /* resolved */
    amphi_log log;             /* the client's */
    const amphi_clock *clock;  /* of the outbox's ages; NULL: the system's */
    char boot[48];             /* names this boot; empty: the system does not say */
    amphi_keys keys;           /* borrowed */
    char *dir;
    char *path;         /* of the database */
    uint8_t master[32]; /* for derive_key; the store's own key is not kept */
    int hint_fd;        /* of store_hint.c; -1: none */

    /* Connections: taken by the functions below only. Either is NULL while there is none; then the
     * error says why. The writer and what follows it belong to the thread inside the gate. */
    amphi_mutex read_lock; /* held while reader is in use; guards the next four */
    amphi_db *reader;
    bool reader_is_stand_in; /* there is no database yet, and it reads an empty one in memory; or
                                the database can't be written to now */
    amphi_error unreadable;
    amphi_file_id read_file; /* what reader has open */
    amphi_db *writer;
    amphi_error unwritable;
    amphi_file_id written_file; /* what writer has open */
    bool is_unsynced;           /* the transaction under way is not synced */
    bool is_alone;              /* it is of one thread only */

    /* The gate (store_commits.c): one thread at a time writes. */
    amphi_mutex gate_lock; /* guards what follows */
    amphi_cond gate_open;  /* is_writing became false */
    amphi_cond committed;  /* a group's members know how it ended */
    bool is_writing;
    bool is_beginning;            /* the thread inside waits for other processes */
    uint64_t retry_us;            /* monotonic: not to be connected again before */
    uint32_t waiting;             /* threads that wait to write and may join a group */
    struct amphi_commit *members; /* of the open transaction: they wait for its commit */
    uint32_t members_count;
    uint64_t group_us;      /* monotonic: when it began */
    uint64_t reserve_given; /* bytes, of store_reserve.c; belongs to the thread inside */

    amphi_mutex turns_lock; /* guards the next two (waiting_turns.c) */
    struct amphi_waiting_turn *turns;
    int64_t turn_messages;   /* that ever waited */
    amphi_mutex ledger_lock; /* guards the next */
    amphi_list ledger;       /* starts that are under way, or not in the table yet */
    amphi_store_flusher *flusher;

    amphi_mutex touch_lock; /* guards what follows */
    /* Rows that were read since the last write: their turn in the cache's order is written with
     * it, so that a hit costs no sync. */
    int64_t touched[AMPHI_CACHE_TOUCHES_MAX];
    size_t touched_count;
} amphi_store_sqlcipher;

/* How long a write may wait for other threads and processes. */
#define AMPHI_PATIENCE_NONE_MS   0    /* at once or not at all: on the way to the first token */
#define AMPHI_PATIENCE_SHORT_MS  50   /* what can be written another time */
#define AMPHI_PATIENCE_DRAFT_MS  200  /* an answer's end may have to wait for it */
#define AMPHI_PATIENCE_ANSWER_MS 2000 /* what an answer's end waits for */
#define AMPHI_PATIENCE_PERSON_MS                                                                   \
    3000 /* a deletion: a person watches, and nothing is lost by "busy" */
#define AMPHI_PATIENCE_LONG_MS 10000 /* work that no answer waits for */
/* What the end of a store waits for, in all: each turn that still waits then has been tried for
 * AMPHI_PATIENCE_ANSWER_MS and is known as not kept (history_error), so this is for a lock that was
 * let go just now; a lock that is held for longer is not waited for a second time. */
#define AMPHI_PATIENCE_END_MS 250

/* Takes the reading connection; every function between begin and end is given *db. Each statement
 * sees what was committed before it began, by this process or another, and waits for no writer. Not
 * to be nested, nor to be called between write_begin and write_end (there, *db of write_begin reads
 * what was just written). When it fails nothing is held, and *error says why the store can't be
 * read. */
amphi_status amphi__store_read_begin(
    amphi_store_sqlcipher *store, amphi_db **db, amphi_error *error);
void amphi__store_read_end(amphi_store_sqlcipher *store);

/* Takes the writing connection and begins a transaction (BEGIN IMMEDIATE). AMPHI_E_BUSY when others
 * held either for longer than patience_ms; AMPHI_E_IO and others when the store can't be written
 * now. When it fails nothing is held. */
amphi_status amphi__store_write_begin(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error);
/* The same for rows that need not survive a power cut until something durable is written after them
 * (the ledger's): the commit costs no sync. */
amphi_status amphi__store_write_begin_unsynced(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error);
/* The same, but synced, and never handed on to another thread: it is committed when write_end
 * returns, however many wait. */
amphi_status amphi__store_write_begin_alone(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error);
/* Commits when `status` is AMPHI_OK, else rolls back; gives the connection back. Returns `status`,
 * or why the commit failed: then nothing of the transaction stands. */
amphi_status amphi__store_write_end(
    amphi_store_sqlcipher *store, amphi_status status, amphi_error *error);
/* store_connections.c. Opens whatever can be opened, anew: the caller is inside the gate, or alone.
 * AMPHI_OK also when the store can't be written, or not be read: it says why and is tried again.
 * Fails for a wrong key, without SQLCipher, for a newer version's database, without memory. master
 * is written when the key is to be had. */
amphi_status amphi__store_connect(
    amphi_store_sqlcipher *store, uint8_t master[32], amphi_error *error);
void amphi__store_disconnect(amphi_store_sqlcipher *store);
/* Inside the gate: what can't be opened is tried again at once. */
void amphi__store_retry_now(amphi_store_sqlcipher *store);
/* Inside the gate: is there a writer whose file is the one at its path? Tries to open one when that
 * is due. When the file was deleted or replaced, both connections go. */
bool amphi__store_is_writable(amphi_store_sqlcipher *store, amphi_error *error);

/* store_commits.c: inside the gate alone, without a transaction. */
bool amphi__store_gate_enter(amphi_store_sqlcipher *store, uint32_t patience_ms);
void amphi__store_gate_leave(amphi_store_sqlcipher *store);
/* While a store can't be opened it is tried again this often. */
#define AMPHI_STORE_RETRY_US (3u * 1000 * 1000)

/* store_flusher.c: a thread that writes what had to wait, started when it is first needed. */
amphi_status amphi__store_flusher_new(
    amphi_store_flusher **out, amphi_store_sqlcipher *store, amphi_error *error);
void amphi__store_flusher_free(amphi_store_flusher *flusher);
void amphi__store_flusher_wake(amphi_store_flusher *flusher);

/* After a deletion: the log still holds the old pages (encrypted). Empties it unless others are
 * reading or writing: then false. Outside of begin and end. */
bool amphi__store_empty_log(amphi_store_sqlcipher *store);
/* After everything was erased: the disk gets the file's free pages back. */
void amphi__store_shrink(amphi_store_sqlcipher *store);

/* store_key_use.c. The database's key and salt, and the master, from the provider's key and what it
 * wraps in data_dir. The caller wipes both. */
amphi_status amphi__store_take_key(amphi_db_key *key, uint8_t master[32], const amphi_keys *keys,
    amphi_str data_dir, amphi_error *error);
/* The same where key->key is the provider's already. */
amphi_status amphi__store_unwrap_key(
    amphi_db_key *key, uint8_t master[32], amphi_str data_dir, amphi_error *error);
/* Does `work` with the key and the master, which are wiped behind it. Where it failed only because
 * a repair or a new key replaced the database since the key was taken, it is done anew. */
typedef amphi_status amphi_store_work_fn(
    void *user, const amphi_db_key *key, const uint8_t master[32], amphi_error *error);
amphi_status amphi__store_with_key(const amphi_keys *keys, amphi_str data_dir,
    amphi_store_work_fn *work, void *user, amphi_error *error);
/* store_keys.c, for what works without opening the store: the database's path, which the caller
 * frees. AMPHI_E_NOT_FOUND: there is no database; the provider is not asked for a key then, and so
 * makes none. find: its key as well, which the caller wipes. */
amphi_status amphi__store_find_path(
    char **path, const amphi_storage_options *options, amphi_error *error);
amphi_status amphi__store_find(
    char **path, amphi_db_key *key, const amphi_storage_options *options, amphi_error *error);

amphi_status amphi__store_history_append(
    void *self, const amphi_store_turn *turn, amphi_error *error);
amphi_status amphi__store_history_messages(void *self, amphi_str conversation_id,
    amphi_store_message_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_history_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_history_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_history_list(void *self, const amphi_history_query *query,
    amphi_history_conversation_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_history_change(
    void *self, const amphi_store_change *change, amphi_error *error);
amphi_status amphi__store_history_delete(void *self, amphi_str id, amphi_error *error);
amphi_status amphi__store_history_erase(void *self, const amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error);
amphi_status amphi__store_history_import(
    void *self, const amphi_store_import *what, uint64_t *added, amphi_error *error);
amphi_status amphi__store_draft_put(
    void *self, amphi_str key, const amphi_store_turn *turn, amphi_error *error);
amphi_status amphi__store_draft_end(void *self, amphi_str key, bool keep, amphi_error *error);
/* After opening: keeps the drafts of processes that have ended. */
amphi_status amphi__store_drafts_resume(amphi_store_sqlcipher *store, amphi_error *error);
amphi_status amphi__store_history_epoch(void *self, int64_t *epoch, amphi_error *error);
/* After opening: does what an erasure had to leave. */
amphi_status amphi__store_history_resume(amphi_store_sqlcipher *store, amphi_error *error);

amphi_status amphi__store_cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    int64_t now_ms, amphi_store_value_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error);
/* Inside a transaction. */
amphi_status amphi__store_cache_put_within(amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_cache_entry *entry, int64_t now_ms, amphi_error *error);
amphi_status amphi__store_cache_clear(void *self, amphi_error *error);
/* Writes what `touched` holds, in a transaction of its own, unless others are writing. */
void amphi__store_cache_flush(amphi_store_sqlcipher *store);

amphi_status amphi__store_outbox_add(
    void *self, const amphi_store_outbox_item *item, amphi_error *error);
amphi_status amphi__store_outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_outbox_claim_head(void *self, amphi_str conversation_id,
    uint32_t lease_ms, amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_outbox_waiting(void *self, amphi_str conversation_id,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_outbox_release(
    void *self, amphi_str id, int64_t not_before_ms, amphi_error *error);
amphi_status amphi__store_outbox_remove(void *self, amphi_str id, amphi_error *error);
amphi_status amphi__store_outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_outbox_change(
    void *self, const amphi_store_outbox_change *change, amphi_error *error);
amphi_status amphi__store_outbox_event(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error);
/* Inside the transaction that stores a turn: removes the entry that it answers, if it is still
 * there and leased as the turn says; else AMPHI_E_NOT_FOUND. */
amphi_status amphi__store_outbox_take(
    amphi_db *db, const amphi_store_turn *turn, amphi_error *error);

amphi_status amphi__store_setting_get(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_setting_put(
    void *self, amphi_str name, amphi_str value, amphi_error *error);

amphi_status amphi__store_setting_swap(
    void *self, amphi_str name, amphi_str before, amphi_str after, amphi_error *error);

amphi_status amphi__store_backup(void *self, amphi_str path, amphi_error *error);
amphi_status amphi__store_refuse_lost(void *self, amphi_error *error);
amphi_status amphi__store_health(void *self, amphi_error *error);

amphi_status amphi__store_ledger_add(
    void *self, const amphi_store_start *start, int64_t *id, amphi_error *error);
amphi_status amphi__store_ledger_set(void *self, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error);
/* Inside a transaction: the starts that wait to be written. After its end: whether they stand. */
amphi_status amphi__store_ledger_write(
    amphi_store_sqlcipher *store, amphi_db *db, amphi_error *error);
void amphi__store_ledger_written(amphi_store_sqlcipher *store, bool stands);
bool amphi__store_ledger_is_dirty(amphi_store_sqlcipher *store);
/* In a transaction of its own. */
amphi_status amphi__store_ledger_flush(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_error *error);
amphi_status amphi__store_ledger_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error);

#endif
