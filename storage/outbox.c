/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox: turns that wait for a route. An entry is leased before it is sent, so that of all
 * threads and processes one sends it, and it leaves in the transaction that stores its answer. Only
 * the first entry of a conversation can be claimed: the order of a conversation holds. A lease ends
 * with its process; where the death of a process cannot be seen, the lease runs out.
 *
 * Times are wall clock and a clock can be set back: a lease or a pause that ends later than an
 * entry can live is no promise but such a jump, and does not count.
 */
#include "storage/store_sqlcipher.h"
#include "storage/store_visit.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/str.h"

/* Entries that are too old and not leased. Inside a transaction. */
static amphi_status drop_old(
    amphi_store_sqlcipher *store, amphi_db *db, int64_t now_ms, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "DELETE FROM outbox WHERE created_ms < ?1 AND lease_until_ms <= ?2");
    amphi__query_bind_int(&q, 1, now_ms - store->limits.outbox_age_ms);
    amphi__query_bind_int(&q, 2, now_ms);
    amphi_status status = amphi__query_run(&q, error);
    uint32_t dropped = status == AMPHI_OK ? amphi__db_changes(db) : 0;
    if (dropped > 0)
        amphi__log(&store->log, AMPHI_LOG_WARNING,
            "outbox: %u entries were too old and were dropped", (unsigned)dropped);
    return status;
}

static amphi_status check_room(
    amphi_store_sqlcipher *store, amphi_db *db, amphi_str id, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(
        &q, db, "SELECT count(*), (SELECT count(*) FROM outbox WHERE id = ?1) FROM outbox");
    amphi__query_bind_str(&q, 1, id);
    int64_t count = 0;
    int64_t same = 0;
    if (amphi__query_row(&q)) {
        count = amphi__query_int(&q, 0);
        same = amphi__query_int(&q, 1);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && same > 0)
        status = amphi__fail(error, AMPHI_E_ARGUMENT, 0, "id: already in the outbox");
    else if (status == AMPHI_OK && count >= (int64_t)store->limits.outbox_entries)
        status = amphi__fail(error, AMPHI_E_FULL, 0, "outbox: full (%u entries)",
            (unsigned)store->limits.outbox_entries);
    return status;
}

static amphi_status insert(amphi_db *db, const amphi_store_outbox_item *item, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "INSERT INTO outbox (id, conversation, request_json, created_ms, attempts, not_before_ms,"
        " lease_until_ms) VALUES (?1, ?2, ?3, ?4, 0, ?5, 0)");
    amphi__query_bind_str(&q, 1, item->id);
    amphi__query_bind_str(&q, 2, item->conversation_id);
    amphi__query_bind_str(&q, 3, item->request_json);
    amphi__query_bind_int(&q, 4, item->created_ms);
    amphi__query_bind_int(&q, 5, item->not_before_ms);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_outbox_add(
    void *self, const amphi_store_outbox_item *given, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_outbox_item own;
    const amphi_store_outbox_item *item = &own;
    amphi_status status = amphi__read_outbox_item(&own, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db;
    status = amphi__store_write_begin(store, AMPHI_PATIENCE_ANSWER_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = drop_old(store, db, item->created_ms, error);
    if (status == AMPHI_OK)
        status = check_room(store, db, item->id, error);
    if (status == AMPHI_OK)
        status = insert(db, item, error);
    return amphi__store_write_end(store, status, error);
}

/* ---- Claiming ---- */

/* ?1: now, ?2: a lease that ends later is none. */
#define ITEM_COLUMNS                                                                               \
    "seq, id, conversation, request_json, created_ms, attempts, not_before_ms,"                    \
    " lease_until_ms > ?1 AND lease_until_ms <= ?2"

/* In the order of amphi__visit_outbox_items. */
static void put_item(amphi_rows *rows, amphi_query *q)
{
    amphi__rows_put_int(rows, amphi__query_int(q, 0));
    for (int column = 1; column <= 3; column++)
        amphi__rows_put_str(rows, amphi__query_str(q, column));
    for (int column = 4; column <= 7; column++)
        amphi__rows_put_int(rows, amphi__query_int(q, column));
}

/* Leases whose process is gone, the first one of them and that process; 0: there is none. */
static amphi_status find_dead_lease(
    amphi_db *db, int64_t *seq, char holder[AMPHI_PROCESS_IDENTITY_MAX], amphi_error *error)
{
    amphi_query q;
    *seq = 0;
    amphi__query_begin(&q, db,
        "SELECT seq, lease_holder FROM outbox WHERE lease_until_ms > 0 AND lease_holder <> ''");
    while (*seq == 0 && amphi__query_row(&q)) {
        amphi_str name = amphi__query_str(&q, 1);
        if (!amphi__process_has_ended(name))
            continue;
        *seq = amphi__query_int(&q, 0);
        amphi__str_copy_to(holder, AMPHI_PROCESS_IDENTITY_MAX, name);
    }
    return amphi__query_end(&q, error);
}

/* A process that was killed while it sent does not come back for its entry: the next claim may have
 * it at once, rather than when the lease runs out. Another process may do the same at the same time
 * and lease the entry before we write: only the dead process's lease is ended. */
static amphi_status end_dead_leases(amphi_db *db, amphi_error *error)
{
    for (;;) {
        int64_t seq;
        char holder[AMPHI_PROCESS_IDENTITY_MAX];
        amphi_query q;
        amphi_status status = find_dead_lease(db, &seq, holder, error);
        if (status != AMPHI_OK || seq == 0)
            return status;
        amphi__query_begin(&q, db,
            "UPDATE outbox SET lease_until_ms = 0,"
            " lease_holder = '' WHERE seq = ?1 AND lease_holder = ?2");
        amphi__query_bind_int(&q, 1, seq);
        amphi__query_bind_str(&q, 2, amphi_str_from(holder));
        status = amphi__query_run(&q, error);
        if (status != AMPHI_OK)
            return status;
    }
}

/* The same, writing only when there is one. */
static amphi_status release_dead_leases(amphi_store_sqlcipher *store, amphi_error *error)
{
    int64_t seq = 0;
    char holder[AMPHI_PROCESS_IDENTITY_MAX];
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = find_dead_lease(db, &seq, holder, error);
    amphi__store_read_end(store);
    if (status != AMPHI_OK || seq == 0)
        return status;
    status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    return amphi__store_write_end(store, end_dead_leases(db, error), error);
}

/* The oldest entry that may go now, into `rows`. */
static amphi_status find_claimable(amphi_store_sqlcipher *store, amphi_db *db, int64_t now_ms,
    amphi_rows *rows, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT " ITEM_COLUMNS " FROM outbox o WHERE"
        " (lease_until_ms <= ?1 OR lease_until_ms > ?2)"
        " AND (not_before_ms <= ?1 OR not_before_ms > ?2)"
        " AND (conversation = '' OR NOT EXISTS (SELECT 1 FROM outbox e"
        "  WHERE e.conversation = o.conversation AND e.seq < o.seq))"
        " ORDER BY seq LIMIT 1");
    amphi__query_bind_int(&q, 1, now_ms);
    amphi__query_bind_int(&q, 2, now_ms + store->limits.outbox_age_ms);
    bool found = amphi__query_row(&q);
    if (found) {
        *seq = amphi__query_int(&q, 0);
        put_item(rows, &q);
        (void)amphi__rows_end(rows);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && !found)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: nothing to send now");
    else if (status == AMPHI_OK && rows->bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

/* Inside a transaction. */
static amphi_status claim(amphi_store_sqlcipher *store, amphi_db *db, int64_t now_ms,
    uint32_t lease_ms, amphi_rows *rows, amphi_error *error)
{
    amphi_query q;
    int64_t seq = 0;
    amphi__rows_reset(rows);
    amphi_status status = find_claimable(store, db, now_ms, rows, &seq, error);
    if (status != AMPHI_OK)
        return status;
    int64_t lease = lease_ms;
    if (lease > store->limits.outbox_age_ms)
        lease = store->limits.outbox_age_ms;
    char holder[AMPHI_PROCESS_IDENTITY_MAX];
    amphi__process_identity(holder);
    amphi__query_begin(
        &q, db, "UPDATE outbox SET lease_until_ms = ?1, lease_holder = ?2 WHERE seq = ?3");
    amphi__query_bind_int(&q, 1, now_ms + lease);
    amphi__query_bind_str(&q, 2, amphi_str_from(holder));
    amphi__query_bind_int(&q, 3, seq);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows rows;
    int64_t seq = 0;
    amphi_db *db;
    amphi__rows_init(&rows);
    amphi_status status = release_dead_leases(store, error);
    /* Mostly there is nothing, and reading without writing disturbs no other process. */
    if (status == AMPHI_OK)
        status = amphi__store_read_begin(store, &db, error);
    if (status == AMPHI_OK) {
        status = find_claimable(store, db, now_ms, &rows, &seq, error);
        amphi__store_read_end(store);
    }
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status == AMPHI_OK) {
        status = drop_old(store, db, now_ms, error);
        if (status == AMPHI_OK)
            status = claim(store, db, now_ms, lease_ms, &rows, error);
        /* What was dropped stays dropped, also when nothing is left to send. */
        amphi_status finished =
            amphi__store_write_end(store, status == AMPHI_E_NOT_FOUND ? AMPHI_OK : status, error);
        status = finished != AMPHI_OK ? finished : status;
    }
    if (status == AMPHI_OK)
        (void)amphi__visit_outbox_items(&rows, visit, user, &seq);
    amphi__rows_clear(&rows);
    return status;
}

/* ---- Afterwards ---- */

static amphi_status run_on_entry(amphi_db *db, amphi_query *q, amphi_error *error)
{
    amphi_status status = amphi__query_run(q, error);
    if (status == AMPHI_OK && amphi__db_changes(db) == 0)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: no such entry");
    return status;
}

amphi_status amphi__store_outbox_release(
    void *self, amphi_str id, int64_t not_before_ms, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_query q;
    amphi_db *db;
    amphi_status status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "UPDATE outbox SET lease_until_ms = 0, not_before_ms = ?1, attempts = attempts + 1"
        " WHERE id = ?2");
    amphi__query_bind_int(&q, 1, not_before_ms);
    amphi__query_bind_str(&q, 2, id);
    return amphi__store_write_end(store, run_on_entry(db, &q, error), error);
}

amphi_status amphi__store_outbox_remove(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_query q;
    amphi_db *db;
    amphi_status status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "DELETE FROM outbox WHERE id = ?1");
    amphi__query_bind_str(&q, 1, id);
    return amphi__store_write_end(store, run_on_entry(db, &q, error), error);
}

/* ---- Listing ---- */

static amphi_status read_entries(amphi_store_sqlcipher *store, amphi_db *db, int64_t after,
    amphi_rows *page, bool *more, amphi_error *error)
{
    amphi_query q;
    int64_t now_ms = amphi__clock_wall_ms(NULL);
    amphi__query_begin(&q, db, "SELECT " ITEM_COLUMNS " FROM outbox WHERE seq > ?3 ORDER BY seq");
    amphi__query_bind_int(&q, 1, now_ms);
    amphi__query_bind_int(&q, 2, now_ms + store->limits.outbox_age_ms);
    amphi__query_bind_int(&q, 3, after);
    *more = false;
    while (!*more && amphi__query_row(&q)) {
        put_item(page, &q);
        *more = !amphi__rows_end(page);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && page->bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

amphi_status amphi__store_outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows page;
    int64_t last = 0;
    bool more = true;
    amphi__rows_init(&page);
    amphi_status status = release_dead_leases(store, error);
    while (status == AMPHI_OK && more) {
        amphi_db *db;
        amphi__rows_reset(&page);
        status = amphi__store_read_begin(store, &db, error);
        if (status != AMPHI_OK)
            break;
        status = read_entries(store, db, last, &page, &more, error);
        amphi__store_read_end(store);
        if (status == AMPHI_OK && !amphi__visit_outbox_items(&page, visit, user, &last))
            more = false;
    }
    amphi__rows_clear(&page);
    return status;
}
