/* SPDX-License-Identifier: Apache-2.0
 *
 * The encrypted store's two connections, and what stands in for them. Readers share one and take
 * turns; a reader sees the last commit and waits for no writer. A database that can't be opened is
 * not the end of the store: what can be read is read, where there is none yet an empty one is read,
 * every write says what is wrong, and all is tried again every few seconds.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/schema.h"
#include "storage/store_fault.h"
#include "storage/store_leftovers.h"
#include "storage/store_made.h"
#include "storage/store_reserve.h"
#include "storage/store_sqlcipher.h"

#include <errno.h>
#include <sys/stat.h>

/* How long a version's change waits for other processes. */
#define MIGRATION_PATIENCE_MS 2000u

/* ---- Which file ---- */

static bool identify(const char *path, amphi_file_id *out)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return false;
    *out = (amphi_file_id){info.st_dev, info.st_ino};
    return true;
}

static bool is_at(const char *path, amphi_file_id file)
{
    amphi_file_id now;
    return identify(path, &now) && now.device == file.device && now.inode == file.inode;
}

/* Is there surely no database? Where that can't be known there may be one. */
static bool is_absent(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0)
        return info.st_size == 0;
    return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG;
}

/* ---- Opening ---- */

static amphi_status open_writer(
    amphi_db **out, const amphi_store_sqlcipher *store, const amphi_db_key *key, amphi_error *error)
{
    amphi_str dir = amphi_str_from(store->dir);
    bool is_lost = amphi__store_is_lost(dir);
    bool is_new = is_absent(store->path);
    amphi_status status = amphi__db_open(out, store->path, key, error);
    if (status == AMPHI_OK && is_new)
        status = amphi__data_dir_sync(store->dir, error);
    if (status == AMPHI_OK) {
        amphi__db_set_patience(*out, MIGRATION_PATIENCE_MS);
        status = amphi__schema_migrate(*out, error);
    }
    if (status == AMPHI_OK && is_lost)
        status = amphi__store_lost_mark(*out, error);
    else if (status == AMPHI_OK && !amphi__store_replaces_lost(*out))
        amphi__store_lost_forget(dir); /* what is here was restored */
    if (status == AMPHI_OK)
        amphi__store_made_note(dir, is_lost);
    if (status == AMPHI_OK && is_lost)
        amphi__log(&store->log, AMPHI_LOG_ERROR,
            "store: " AMPHI_STORE_FILE " was removed or emptied; a new, empty one was made");
    return status;
}

static amphi_status open_empty(amphi_db **out, amphi_error *error)
{
    amphi_status status = amphi__db_open_empty(out, error);
    return status == AMPHI_OK ? amphi__schema_migrate(*out, error) : status;
}

/* Must the app mend this before anything else? All else is a store that can't be used now. */
static bool is_final(amphi_status status)
{
    return status == AMPHI_E_KEY || status == AMPHI_E_UNSUPPORTED || status == AMPHI_E_ARGUMENT ||
           status == AMPHI_E_NO_MEMORY;
}

typedef struct connections {
    amphi_db *reader;
    amphi_db *writer;
    amphi_error unreadable;
    amphi_error unwritable;
    bool is_empty;
    amphi_file_id file;
} connections;

/* Where nothing can be written, or the log is damaged, what is there can be read. */
static amphi_status open_read_only(
    connections *out, const amphi_store_sqlcipher *store, const amphi_db_key *key)
{
    amphi_db *db = NULL;
    amphi_status status = out->unwritable.status;
    if (status == AMPHI_E_IO)
        status = amphi__db_open_read_only(&db, store->path, key, NULL);
    else if (status == AMPHI_E_CORRUPT)
        status = amphi__db_open_past_damage(&db, store->path, key, NULL);
    if (status == AMPHI_OK)
        status = amphi__schema_expect(db, NULL);
    if (status == AMPHI_OK && !identify(store->path, &out->file))
        status = AMPHI_E_IO;
    if (status == AMPHI_OK) {
        out->reader = db;
        db = NULL;
    }
    amphi__db_close(db);
    return status;
}

/* When there is no writer: something to read, or why there is nothing. */
static amphi_status open_stand_in(connections *out, const amphi_store_sqlcipher *store,
    const amphi_db_key *key, amphi_error *error)
{
    out->is_empty = is_absent(store->path);
    if (out->is_empty)
        return open_empty(&out->reader, error);
    if (open_read_only(out, store, key) != AMPHI_OK)
        out->unreadable = out->unwritable;
    return AMPHI_OK;
}

/* The connections are open, so no process is at work on what an interrupted rekey left. That it
 * can't be removed is no reason to keep nothing: each deletion tries again. */
static void remove_leftovers(const amphi_store_sqlcipher *store)
{
    amphi_error why;
    if (amphi__store_leftovers_remove(amphi_str_from(store->dir), &why) != AMPHI_OK)
        amphi__log(&store->log, AMPHI_LOG_WARNING, "%s", why.message);
}

static void close_both(connections *made)
{
    amphi__db_close(made->reader);
    amphi__db_close(made->writer);
    made->reader = made->writer = NULL;
}

typedef struct opening {
    connections *made;
    const amphi_store_sqlcipher *store;
    amphi_db_key *key;
    uint8_t *master;
} opening;

static amphi_status open_with(
    void *user, const amphi_db_key *key, const uint8_t master[32], amphi_error *error)
{
    const opening *o = user;
    *o->key = *key;
    memcpy(o->master, master, AMPHI_STORE_KEY_BYTES);
    amphi_status status = open_writer(&o->made->writer, o->store, key, error);
    if (status == AMPHI_OK)
        status = amphi__db_open(&o->made->reader, o->store->path, key, error);
    if (status != AMPHI_OK)
        close_both(o->made);
    return status;
}

static amphi_status open_all(
    connections *out, amphi_store_sqlcipher *store, uint8_t master[32], amphi_error *error)
{
    amphi_db_key key = {{0}, {0}};
    amphi_status status = amphi__data_dir_make(amphi_str_from(store->dir), &out->unwritable);
    if (status == AMPHI_OK || (!is_final(status) && !is_absent(store->path)))
        status = amphi__store_with_key(&store->keys, amphi_str_from(store->dir), open_with,
            &(opening){out, store, &key, master}, &out->unwritable);
    if (status == AMPHI_OK && !identify(store->path, &out->file))
        status = amphi__fail(&out->unwritable, AMPHI_E_IO, errno, "store: the file vanished");
    if (status == AMPHI_OK)
        remove_leftovers(store);
    if (status == AMPHI_OK)
        amphi__store_reserve_keep(store->dir);
    if (is_final(status) && error != NULL)
        *error = out->unwritable;
    if (status != AMPHI_OK) {
        close_both(out);
        amphi__store_fault_explain(&out->unwritable, store->dir);
        if (!is_final(status))
            status = open_stand_in(out, store, &key, error);
    }
    amphi__wipe(&key, sizeof key);
    return status;
}

/* Old connections go after the new ones came: closing the last one empties the log. */
static void replace(amphi_store_sqlcipher *store, const connections *made)
{
    amphi_db *old_writer = store->writer;
    amphi__mutex_lock(&store->read_lock);
    amphi_db *old_reader = store->reader;
    store->reader = made->reader;
    store->reader_is_stand_in = made->writer == NULL;
    store->unreadable = made->unreadable;
    store->read_file = made->file;
    amphi__mutex_unlock(&store->read_lock);
    store->writer = made->writer;
    store->unwritable = made->unwritable;
    store->written_file = made->file;
    amphi__db_close(old_reader);
    amphi__db_close(old_writer);
}

static bool is_due(amphi_store_sqlcipher *store)
{
    amphi__mutex_lock(&store->gate_lock);
    bool due = amphi__clock_us(NULL) >= store->retry_us;
    amphi__mutex_unlock(&store->gate_lock);
    return due;
}

static void retry_later(amphi_store_sqlcipher *store)
{
    amphi__mutex_lock(&store->gate_lock);
    store->retry_us = amphi__clock_us(NULL) + AMPHI_STORE_RETRY_US;
    amphi__mutex_unlock(&store->gate_lock);
}

void amphi__store_retry_now(amphi_store_sqlcipher *store)
{
    amphi__mutex_lock(&store->gate_lock);
    store->retry_us = 0;
    amphi__mutex_unlock(&store->gate_lock);
}

amphi_status amphi__store_connect(
    amphi_store_sqlcipher *store, uint8_t master[32], amphi_error *error)
{
    connections made = {.reader = NULL};
    retry_later(store);
    amphi_status status = open_all(&made, store, master, error);
    if (status == AMPHI_OK)
        replace(store, &made);
    return status;
}

static void lose(amphi_store_sqlcipher *store)
{
    connections none = {.is_empty = true};
    amphi_error ignored;
    (void)amphi__fail(
        &none.unwritable, AMPHI_E_IO, 0, "store: its file was deleted or replaced while in use");
    none.unreadable = none.unwritable;
    retry_later(store);
    if (is_absent(store->path))
        (void)open_empty(&none.reader, &ignored);
    replace(store, &none);
}

/* Inside the gate. A key that has become wrong, or no memory, leaves things as they are. */
static void reconnect(amphi_store_sqlcipher *store)
{
    uint8_t ignored[32];
    amphi_error why;
    if (amphi__store_connect(store, ignored, &why) != AMPHI_OK)
        store->unwritable = why;
    amphi__wipe(ignored, sizeof ignored);
}

bool amphi__store_is_writable(amphi_store_sqlcipher *store, amphi_error *error)
{
    if (store->writer != NULL && !is_at(store->path, store->written_file))
        lose(store);
    else if (store->writer == NULL && is_due(store))
        reconnect(store);
    if (store->writer == NULL && error != NULL)
        *error = store->unwritable;
    return store->writer != NULL;
}

/* ---- Reading ---- */

static bool reads_the_file(amphi_store_sqlcipher *store)
{
    amphi__mutex_lock(&store->read_lock);
    bool good =
        store->reader != NULL && !store->reader_is_stand_in && is_at(store->path, store->read_file);
    amphi__mutex_unlock(&store->read_lock);
    return good;
}

/* When what can be read is not the database, tries for it; not while others write. */
static void look_for_file(amphi_store_sqlcipher *store)
{
    if (reads_the_file(store) || !amphi__store_gate_enter(store, AMPHI_PATIENCE_NONE_MS))
        return;
    (void)amphi__store_is_writable(store, NULL);
    amphi__store_gate_leave(store);
}

amphi_status amphi__store_read_begin(
    amphi_store_sqlcipher *store, amphi_db **db, amphi_error *error)
{
    look_for_file(store);
    amphi__mutex_lock(&store->read_lock);
    *db = store->reader;
    if (*db != NULL)
        return AMPHI_OK;
    amphi_error why = store->unreadable;
    amphi__mutex_unlock(&store->read_lock);
    if (error != NULL)
        *error = why;
    return why.status;
}

void amphi__store_read_end(amphi_store_sqlcipher *store)
{
    amphi__mutex_unlock(&store->read_lock);
}

void amphi__store_disconnect(amphi_store_sqlcipher *store)
{
    const connections none = {.reader = NULL};
    replace(store, &none);
}

/* A thread that writes for longer than this can write. */
amphi_status amphi__store_health(void *self, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__store_read_end(store);
    if (!amphi__store_gate_enter(store, AMPHI_PATIENCE_ANSWER_MS))
        return AMPHI_OK;
    if (!amphi__store_is_writable(store, error))
        status = store->unwritable.status;
    amphi__store_gate_leave(store);
    return status;
}
