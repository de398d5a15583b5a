/* SPDX-License-Identifier: Apache-2.0
 *
 * Who writes, and when it is synced. Writers take turns at a gate, with a limit on how long they
 * wait for each other and for other processes. A writer that is done while others wait does not
 * commit: it hands its transaction on to the next and waits, and the last of them commits for all,
 * so that threads which write at the same time share one sync. Each stands for itself inside the
 * group: what one fails is rolled back to where it began (a savepoint), and only a failure that
 * ends the whole transaction ends it for all.
 */
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "storage/store_fault.h"
#include "storage/store_sqlcipher.h"

/* A group commits when it is this large or this old, however many wait. */
#define GROUP_MAX    16u
#define GROUP_MAX_US 20000u

/* A member of the open transaction, on the stack of its thread. */
typedef struct amphi_commit {
    struct amphi_commit *next;
    amphi_status status;
    amphi_error error;
    bool is_over;
} amphi_commit;

/* ---- The gate ---- */

/* Under the lock. Only a member may come in while a group's transaction is open. */
static bool may_enter(const amphi_store_sqlcipher *store, bool as_member)
{
    return !store->is_writing && (as_member || store->members_count == 0);
}

static bool enter(amphi_store_sqlcipher *store, uint64_t until_us, bool as_member)
{
    amphi__mutex_lock(&store->gate_lock);
    store->waiting += as_member;
    while (!may_enter(store, as_member)) {
        uint64_t now_us = amphi__clock_us(NULL);
        if (now_us >= until_us)
            break;
        (void)amphi__cond_wait_us(&store->gate_open, &store->gate_lock, until_us - now_us);
    }
    store->waiting -= as_member;
    bool entered = may_enter(store, as_member);
    store->is_writing |= entered;
    amphi__mutex_unlock(&store->gate_lock);
    return entered;
}

bool amphi__store_gate_enter(amphi_store_sqlcipher *store, uint32_t patience_ms)
{
    return enter(store, amphi__clock_us(NULL) + (uint64_t)patience_ms * 1000, false);
}

void amphi__store_gate_leave(amphi_store_sqlcipher *store)
{
    amphi__mutex_lock(&store->gate_lock);
    store->is_writing = false;
    amphi__cond_broadcast(&store->gate_open);
    amphi__mutex_unlock(&store->gate_lock);
}

/* ---- Beginning ---- */

/* Executed each time as text: a prepared PRAGMA takes effect when it is prepared, not when it is
 * stepped. Outside of a transaction. */
static void set_sync(amphi_store_sqlcipher *store, bool full)
{
    (void)amphi__db_exec(
        store->writer, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL);
}

static void note_beginning(amphi_store_sqlcipher *store, bool begins)
{
    amphi__mutex_lock(&store->gate_lock);
    store->is_beginning = begins;
    amphi__mutex_unlock(&store->gate_lock);
}

static amphi_status fail_busy(amphi_error *error, bool is_own)
{
    return amphi__fail(error, AMPHI_E_BUSY, 0, "store: another %s is writing to it; try again",
        is_own ? "thread" : "process");
}

typedef enum write_kind { WRITE_GROUPED, WRITE_ALONE, WRITE_UNSYNCED } write_kind;

static amphi_status begin_first(
    amphi_store_sqlcipher *store, uint64_t until_us, write_kind kind, amphi_error *error)
{
    bool is_unsynced = kind == WRITE_UNSYNCED;
    uint64_t now_us = amphi__clock_us(NULL);
    uint32_t left_ms = now_us < until_us ? (uint32_t)((until_us - now_us) / 1000) : 0;
    amphi__db_set_patience(store->writer, left_ms);
    store->is_unsynced = is_unsynced;
    store->is_alone = kind != WRITE_GROUPED;
    if (is_unsynced)
        set_sync(store, false);
    note_beginning(store, true);
    amphi_status status = amphi__db_begin(store->writer, error);
    note_beginning(store, false);
    if (status != AMPHI_OK && is_unsynced)
        set_sync(store, true);
    /* What waited goes along; it is no reason for the rest to fail. */
    if (status == AMPHI_OK && amphi__store_ledger_is_dirty(store))
        (void)amphi__store_ledger_write(store, store->writer, NULL);
    store->group_us = now_us;
    return status;
}

static amphi_status begin(amphi_store_sqlcipher *store, uint32_t patience_ms, write_kind kind,
    amphi_db **db, amphi_error *error)
{
    uint64_t until_us = amphi__clock_us(NULL) + (uint64_t)patience_ms * 1000;
    if (!enter(store, until_us, kind == WRITE_GROUPED)) {
        amphi__mutex_lock(&store->gate_lock);
        bool is_own = !store->is_beginning;
        amphi__mutex_unlock(&store->gate_lock);
        return fail_busy(error, is_own);
    }
    amphi_status status = AMPHI_OK;
    if (store->members_count > 0) /* of an open transaction: its writer was there a moment ago */
        status = amphi__db_exec(store->writer, "SAVEPOINT member", error);
    else if (amphi__store_is_writable(store, error))
        status = begin_first(store, until_us, kind, error);
    else
        status = store->unwritable.status;
    *db = store->writer;
    if (status == AMPHI_OK)
        return AMPHI_OK;
    if (status == AMPHI_E_BUSY)
        (void)fail_busy(error, false);
    amphi__store_fault_explain(error, store->dir);
    if (store->members_count > 0)
        return amphi__store_write_end(store, status, error);
    amphi__store_gate_leave(store);
    return status;
}

amphi_status amphi__store_write_begin(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error)
{
    return begin(store, patience_ms, WRITE_GROUPED, db, error);
}

amphi_status amphi__store_write_begin_unsynced(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error)
{
    return begin(store, patience_ms, WRITE_UNSYNCED, db, error);
}

amphi_status amphi__store_write_begin_alone(
    amphi_store_sqlcipher *store, uint32_t patience_ms, amphi_db **db, amphi_error *error)
{
    return begin(store, patience_ms, WRITE_ALONE, db, error);
}

/* ---- Ending ---- */

/* Under the lock: tells every member of the group how it ended. */
static void tell_members(
    amphi_store_sqlcipher *store, amphi_status status, const amphi_error *error)
{
    for (amphi_commit *member = store->members; member != NULL; member = member->next) {
        member->status = status;
        member->error = *error;
        member->is_over = true;
    }
    store->members = NULL;
    store->members_count = 0;
    amphi__cond_broadcast(&store->committed);
}

/* Commits or rolls back the open transaction. A file that was deleted meanwhile keeps nothing. */
static amphi_status finish(amphi_store_sqlcipher *store, amphi_status status, amphi_error *error)
{
    status = amphi__db_finish(store->writer, status, error);
    if (store->is_unsynced)
        set_sync(store, true);
    amphi__store_ledger_written(store, status == AMPHI_OK);
    if (status == AMPHI_OK && !amphi__store_is_writable(store, error))
        status = store->unwritable.status;
    else
        amphi__store_fault_explain(error, store->dir);
    return status;
}

/* Hands the open transaction to the next that waits, and waits for the group's end. false: none
 * waits, or the group is full, and it is ours to finish. own NULL: we failed, and do not wait. */
static bool hand_on(amphi_store_sqlcipher *store, amphi_commit *own)
{
    amphi__mutex_lock(&store->gate_lock);
    bool handed = store->waiting > 0 && store->members_count < GROUP_MAX && !store->is_alone &&
                  amphi__clock_us(NULL) - store->group_us < GROUP_MAX_US;
    if (handed && own != NULL) {
        own->next = store->members;
        store->members = own;
        store->members_count++;
    }
    if (handed) {
        store->is_writing = false;
        amphi__cond_broadcast(&store->gate_open);
    }
    while (handed && own != NULL && !own->is_over)
        amphi__cond_wait(&store->committed, &store->gate_lock);
    amphi__mutex_unlock(&store->gate_lock);
    return handed;
}

/* Undoes our part of a group. false: the transaction ended with it. */
static bool undo_own(amphi_store_sqlcipher *store)
{
    return amphi__db_in_transaction(store->writer) &&
           amphi__db_exec(store->writer, "ROLLBACK TO member; RELEASE member", NULL) == AMPHI_OK;
}

/* The end of the group's last member, which finishes it for all. own_status: of our part. */
static void finish_group(amphi_store_sqlcipher *store, amphi_status status, amphi_error *error)
{
    amphi_error ended = {.status = AMPHI_OK};
    if (status != AMPHI_OK)
        ended = *error;
    status = finish(store, status, &ended);
    *error = ended;
    amphi__mutex_lock(&store->gate_lock);
    tell_members(store, status, &ended);
    store->is_writing = false;
    amphi__cond_broadcast(&store->gate_open);
    amphi__mutex_unlock(&store->gate_lock);
}

amphi_status amphi__store_write_end(
    amphi_store_sqlcipher *store, amphi_status status, amphi_error *error)
{
    amphi_error none;
    amphi_error ended = {.status = AMPHI_OK};
    amphi_commit own = {.status = AMPHI_OK};
    bool is_member = store->members_count > 0;
    bool stands = true; /* the transaction */
    error = error != NULL ? error : &none;
    if (is_member && status == AMPHI_OK)
        status = amphi__db_exec(store->writer, "RELEASE member", error);
    if (is_member && status != AMPHI_OK)
        stands = undo_own(store);
    else if (status != AMPHI_OK)
        stands = false;
    if (stands && hand_on(store, status == AMPHI_OK ? &own : NULL)) {
        if (status == AMPHI_OK && own.status != AMPHI_OK)
            *error = own.error;
        return status != AMPHI_OK ? status : own.status;
    }
    if (!stands)
        ended = *error;
    finish_group(store, stands ? AMPHI_OK : status, &ended);
    if (status == AMPHI_OK && ended.status != AMPHI_OK)
        *error = ended;
    else if (status != AMPHI_OK)
        amphi__store_fault_explain(error, store->dir);
    return status != AMPHI_OK ? status : ended.status;
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

/* Others who read keep their pages until they are done; then the file stays as it is. */
void amphi__store_shrink(amphi_store_sqlcipher *store)
{
    if (!amphi__store_gate_enter(store, AMPHI_PATIENCE_ANSWER_MS))
        return;
    if (store->writer != NULL) {
        amphi__db_set_patience(store->writer, AMPHI_PATIENCE_ANSWER_MS);
        if (amphi__db_exec(store->writer, "VACUUM", NULL) == AMPHI_OK)
            (void)truncate_log(store->writer);
    }
    amphi__store_gate_leave(store);
}

bool amphi__store_empty_log(amphi_store_sqlcipher *store)
{
    if (!amphi__store_gate_enter(store, AMPHI_PATIENCE_ANSWER_MS))
        return false;
    bool is_empty = false;
    if (store->writer != NULL) {
        amphi__db_set_patience(store->writer, AMPHI_PATIENCE_ANSWER_MS);
        is_empty = truncate_log(store->writer);
    }
    amphi__store_gate_leave(store);
    return is_empty;
}
