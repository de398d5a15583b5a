/* SPDX-License-Identifier: Apache-2.0
 *
 * The wrapper around SQLCipher: only sqlcipher*.c see its header. The library is loaded at run time
 * into a scope of its own, so that an app with its own libsqlite3 does not notice ours.
 *
 * A connection is used by one thread at a time (the store's mutex sees to that). A query remembers
 * its first failure, so binding and stepping need one check, at its end:
 *
 *     amphi_query q;
 *     amphi__query_begin(&q, db, "SELECT value FROM settings WHERE name = ?1");
 *     amphi__query_bind_str(&q, 1, name);
 *     if (amphi__query_row(&q)) copy(amphi__query_str(&q, 0));
 *     status = amphi__query_end(&q, error);
 *
 * The SQL must be a string literal: statements are prepared once and kept under its address.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_H
#define AMPHI_STORAGE_SQLCIPHER_H

#include "storage/page_seal.h"

typedef struct amphi_db amphi_db;

typedef struct amphi_query {
    amphi_db *db;
    void *statement;
    int32_t native_code; /* the first failure; 0: none */
} amphi_query;

/* AMPHI_E_UNSUPPORTED with the package's name when there is no SQLCipher here. */
amphi_status amphi__db_version(char *out, size_t capacity, amphi_error *error);

/* Opens a file, or creates it (mode 0600). Page size 4096, WAL, every commit synced, deleted
 * content overwritten; each of these is read back, and the file's first bytes are checked.
 * AMPHI_E_KEY: another key's file, or a plain one; nothing was written to it. AMPHI_E_CORRUPT. */
amphi_status amphi__db_open(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error);
/* Was that AMPHI_E_BUSY because a repair, or a new key, put another file at the path while the lock
 * was waited for? That is over: take the key anew and open again. */
bool amphi__db_has_moved(const amphi_error *error);
/* Only to be read, where nothing can be written: a read-only medium, a folder of another user, a
 * full disk. No file is made or changed. AMPHI_E_BUSY: another connection has it open, and may
 * write. When one comes later, reading fails with AMPHI_E_IO: open it anew. AMPHI_E_NOT_FOUND: it
 * is empty. */
amphi_status amphi__db_open_read_only(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error);
/* Only to be read, where the log is damaged: SQLite would stop at that place, but every commit in
 * the log can be read, as a repair would. AMPHI_E_CORRUPT: one can't, so what is known of the last
 * state is not all of it. AMPHI_E_BUSY as above. */
amphi_status amphi__db_open_past_damage(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error);
/* Nothing is written through this connection any more, not even when it is closed. */
void amphi__db_forbid_writes(amphi_db *db);
/* An empty database in memory, not encrypted: nothing is ever written to it. */
amphi_status amphi__db_open_empty(amphi_db **out, amphi_error *error);
/* A file that is not encrypted, with the same settings: to measure against. */
amphi_status amphi__db_open_plain(amphi_db **out, const char *path, amphi_error *error);
/* Every page of `from`, as of one commit, into `to`, which is empty and has the same key. */
amphi_status amphi__db_copy(amphi_db *to, amphi_db *from, amphi_error *error);
void amphi__db_close(amphi_db *db); /* NULL is fine */

/* One or more statements without results or parameters. */
amphi_status amphi__db_exec(amphi_db *db, const char *sql, amphi_error *error);
/* How long statements of this connection wait for locks of other connections and processes; 10 s
 * from the open on. */
void amphi__db_set_patience(amphi_db *db, uint32_t patience_ms);
/* A write transaction; waits for other processes. AMPHI_E_BUSY when patience ends. */
amphi_status amphi__db_begin(amphi_db *db, amphi_error *error);
/* Commits when `status` is AMPHI_OK, else rolls back. Returns `status`, or why the commit failed
 * (after which nothing of the transaction stands). */
amphi_status amphi__db_finish(amphi_db *db, amphi_status status, amphi_error *error);
/* For tests: COMMITs so far that succeeded. */
uint64_t amphi__db_commits(const amphi_db *db);
/* Is a transaction open? Some failures end it on their own. */
bool amphi__db_in_transaction(amphi_db *db);
/* Rows that the last INSERT, UPDATE or DELETE touched. */
uint32_t amphi__db_changes(amphi_db *db);
int64_t amphi__db_last_id(amphi_db *db);

void amphi__query_begin(amphi_query *query, amphi_db *db, const char *sql);
/* Parameters count from 1. Bytes are borrowed until the query's end; they may hold NULs. */
void amphi__query_bind_int(amphi_query *query, int index, int64_t value);
void amphi__query_bind_str(amphi_query *query, int index, amphi_str value);
void amphi__query_bind_blob(amphi_query *query, int index, const void *data, size_t size);
/* Steps: true when there is a row. Columns count from 0; bytes are valid until the next step. */
bool amphi__query_row(amphi_query *query);
int64_t amphi__query_int(amphi_query *query, int column);
amphi_str amphi__query_str(amphi_query *query, int column);
/* Resets the statement and reports the first failure. */
amphi_status amphi__query_end(amphi_query *query, amphi_error *error);
/* For statements without rows: steps once, then ends. */
amphi_status amphi__query_run(amphi_query *query, amphi_error *error);

#endif
