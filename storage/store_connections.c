/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may use which connection of the encrypted store. Readers share one connection and take turns;
 * a reader sees the last commit and waits for no writer. Writers take turns at a gate, with a limit
 * on how long they wait for each other and for other processes.
 */
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "storage/store_sqlcipher.h"

amphi_status amphi__store_read_begin(
    amphi_store_sqlcipher *store, amphi_db **db, amphi_error *error)
{
    (void)error;
    amphi__mutex_lock(&store->read_lock);
    *db = store->reader;
    return AMPHI_OK;
}

void amphi__store_read_end(amphi_store_sqlcipher *store)
{
    amphi__mutex_unlock(&store->read_lock);
}

/* ---- Writing ---- */

static bool enter_gate(amphi_store_sqlcipher *store, uint64_t until_us)
{
    amphi__mutex_lock(&store->gate_lock);
    while (store->is_writing) {
        uint64_t now_us = amphi__clock_us(NULL);
        if (now_us >= until_us)
            break;
        (void)amphi__cond_wait_us(&store->gate_open, &store->gate_lock, until_us - now_us);
    }
    bool entered = !store->is_writing;
    store->is_writing = true;
    amphi__mutex_unlock(&store->gate_lock);
    return entered;
}

static void leave_gate(amphi_store_sqlcipher *store)
{
    amphi__mutex_lock(&store->gate_lock);
    store->is_writing = false;
    amphi__cond_signal(&store->gate_open);
    amphi__mutex_unlock(&store->gate_lock);
}

/* Executed each time as text: a prepared PRAGMA takes effect when it is prepared, not when it is
 * stepped. Outside of a transaction. */
static void set_sync(amphi_store_sqlcipher *store, bool full)
{
    (void)amphi__db_exec(
        store->writer, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL);
}

static amphi_status begin(amphi_store_sqlcipher *store, uint32_t patience_ms, bool is_unsynced,
    amphi_db **db, amphi_error *error)
{
    uint64_t until_us = amphi__clock_us(NULL) + (uint64_t)patience_ms * 1000;
    if (!enter_gate(store, until_us))
        return amphi__fail(error, AMPHI_E_BUSY, 0,
            "store: this process is writing to it already, for longer than %u ms; try again",
            (unsigned)patience_ms);
    uint64_t now_us = amphi__clock_us(NULL);
    amphi__db_set_patience(
        store->writer, now_us < until_us ? (uint32_t)((until_us - now_us) / 1000) : 0);
    store->is_unsynced = is_unsynced;
    if (is_unsynced)
        set_sync(store, false);
    amphi_status status = amphi__db_begin(store->writer, error);
    *db = store->writer;
    if (status != AMPHI_OK) {
        if (is_unsynced)
            set_sync(store, true);
        leave_gate(store);
    }
    return status;
}

amphi_status amphi__store_write_begin(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error)
{
    return begin(store, patience_ms, false, db, error);
}

amphi_status amphi__store_write_begin_unsynced(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error)
{
    return begin(store, patience_ms, true, db, error);
}

amphi_status amphi__store_write_end(
    amphi_store_sqlcipher *store, amphi_status status, amphi_error *error)
{
    status = amphi__db_finish(store->writer, status, error);
    if (store->is_unsynced)
        set_sync(store, true);
    leave_gate(store);
    return status;
}

/* "busy, frames in the log, frames written back": all zero, or -1 where there is no log. */
static bool truncate_log(amphi_db *db)
{
    amphi_query q;
    amphi__query_begin(&q, db, "PRAGMA wal_checkpoint(TRUNCATE)");
    bool is_empty =
        amphi__query_row(&q) && amphi__query_int(&q, 0) == 0 && amphi__query_int(&q, 1) <= 0;
    return amphi__query_end(&q, NULL) == AMPHI_OK && is_empty;
}

bool amphi__store_empty_log(amphi_store_sqlcipher *store)
{
    if (!enter_gate(store, amphi__clock_us(NULL) + (uint64_t)AMPHI_PATIENCE_ANSWER_MS * 1000))
        return false;
    amphi__db_set_patience(store->writer, AMPHI_PATIENCE_ANSWER_MS);
    bool is_empty = truncate_log(store->writer);
    leave_gate(store);
    return is_empty;
}
