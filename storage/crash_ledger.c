/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger of local starts. A row is written before each phase, on the way to the first token,
 * so a write must cost well under a millisecond: its transactions are not synced. The bytes are in
 * the kernel's hands then, which survives this process; the next durable write syncs them along
 * with its own.
 */
#include "storage/store_sqlcipher.h"
#include "storage/store_visit.h"

#include "sdk/core/error.h"

enum { PRUNE_EVERY = 64 };

static amphi_status prune(amphi_db *db, int64_t newest, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "DELETE FROM ledger WHERE id <= ?1");
    amphi__query_bind_int(&q, 1, newest - AMPHI_LEDGER_ROWS_MAX);
    return amphi__query_run(&q, error);
}

static amphi_status insert(amphi_db *db, const amphi_store_start *start, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "INSERT INTO ledger (fingerprint, build, kernels, host, in_process, started_ms, changed_ms,"
        " phase, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    amphi__query_bind_str(&q, 1, start->fingerprint);
    amphi__query_bind_str(&q, 2, start->build);
    amphi__query_bind_str(&q, 3, start->kernels);
    amphi__query_bind_str(&q, 4, start->host);
    amphi__query_bind_int(&q, 5, start->in_process);
    amphi__query_bind_int(&q, 6, start->started_ms);
    amphi__query_bind_int(&q, 7, start->changed_ms);
    amphi__query_bind_int(&q, 8, start->phase);
    amphi__query_bind_int(&q, 9, start->outcome);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_ledger_add(
    void *self, const amphi_store_start *given, int64_t *id, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_start own;
    const amphi_store_start *start = &own;
    amphi_status status = amphi__read_start(&own, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db;
    status = amphi__store_write_begin_unsynced(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = insert(db, start, error);
    if (status == AMPHI_OK) {
        *id = amphi__db_last_id(db);
        if (*id % PRUNE_EVERY == 0)
            status = prune(db, *id, error);
    }
    return amphi__store_write_end(store, status, error);
}

amphi_status amphi__store_ledger_set(void *self, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_query q;
    amphi_db *db;
    amphi_status status =
        amphi__store_write_begin_unsynced(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(
        &q, db, "UPDATE ledger SET phase = ?2, outcome = ?3, changed_ms = ?4 WHERE id = ?1");
    amphi__query_bind_int(&q, 1, id);
    amphi__query_bind_int(&q, 2, phase);
    amphi__query_bind_int(&q, 3, outcome);
    amphi__query_bind_int(&q, 4, now_ms);
    status = amphi__query_run(&q, error);
    if (status == AMPHI_OK && amphi__db_changes(db) == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "ledger: no such start");
    return amphi__store_write_end(store, status, error);
}

/* In the order of amphi__visit_starts. */
static void put_start(amphi_rows *rows, amphi_query *q)
{
    amphi__rows_put_int(rows, amphi__query_int(q, 0));
    for (int column = 1; column <= 4; column++)
        amphi__rows_put_str(rows, amphi__query_str(q, column));
    for (int column = 5; column <= 9; column++)
        amphi__rows_put_int(rows, amphi__query_int(q, column));
}

amphi_status amphi__store_ledger_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows rows;
    amphi_query q;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__rows_init(&rows);
    amphi__query_begin(&q, db,
        "SELECT id, fingerprint, build, kernels, host, in_process, started_ms, changed_ms, phase,"
        " outcome FROM ledger WHERE fingerprint = ?1 AND changed_ms >= ?2"
        " ORDER BY changed_ms DESC, id DESC LIMIT ?3");
    amphi__query_bind_str(&q, 1, fingerprint);
    amphi__query_bind_int(&q, 2, since_ms);
    amphi__query_bind_int(&q, 3, AMPHI_LEDGER_LIST_MAX);
    while (amphi__query_row(&q)) {
        put_start(&rows, &q);
        rows.count++;
    }
    status = amphi__query_end(&q, error);
    amphi__store_read_end(store);
    if (status == AMPHI_OK && rows.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        (void)amphi__visit_starts(&rows, visit, user);
    amphi__rows_clear(&rows);
    return status;
}
