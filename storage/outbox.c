/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox: turns that wait for a route. An entry is leased before it is sent, so that of all
 * threads and processes one sends it (outbox_lease.c), and it leaves in the transaction that stores
 * its answer, which also asks whether the lease still holds (outbox_change.c): a sender that was
 * frozen for longer than its lease brings its answer too late. Only the first waiting entry of a
 * conversation can be claimed: the order of a conversation holds. A lease ends with its process;
 * where the death of a process cannot be seen, the lease runs out.
 *
 * No wall clock is asked. Each entry has an age, and leases and pauses are ages at which they end.
 * An age is the time between observations on the clock that goes on while the device is suspended.
 * What lies between the last observation and a reboot is not counted (an entry is observed at least
 * every hour in which a client is open, so that is an hour, the rest of that boot without a client,
 * and the time for which the device was off); a new boot counts from its start. So an entry may
 * live longer than the bound says, never shorter.
 */
#include "storage/outbox_rows.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"

/* ---- Time ---- */

static int64_t boot_ms(const amphi_store_sqlcipher *store)
{
    return amphi__store_boot_ms(store->clock);
}

void amphi__outbox_bind_now(const amphi_store_sqlcipher *store, amphi_query *q)
{
    amphi__query_bind_int(q, 1, boot_ms(store));
    amphi__query_bind_str(q, 2, amphi_str_from(store->boot));
}

amphi_status amphi__outbox_observe(
    const amphi_store_sqlcipher *store, amphi_db *db, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "UPDATE outbox SET " OUTBOX_OBSERVED ","
        " lease_holder = CASE WHEN boot = ?2 THEN lease_holder ELSE '' END"
        " WHERE state <> 1 AND (boot <> ?2 OR seen_ms > ?1 OR seen_ms < ?1 - ?3)");
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_int(&q, 3, OUTBOX_OBSERVE_EVERY_MS);
    return amphi__query_run(&q, error);
}

/* ---- Adding ---- */

static amphi_status check_room(const amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_outbox_item *item, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT count(*), total(size_bytes), total(state = 2),"
        " (SELECT count(*) FROM outbox WHERE id = ?1) FROM outbox WHERE state <> 1");
    amphi__query_bind_str(&q, 1, item->id);
    int64_t count = 0;
    int64_t bytes = 0;
    int64_t expired = 0;
    int64_t same = 0;
    if (amphi__query_row(&q)) {
        count = amphi__query_int(&q, 0);
        bytes = amphi__query_int(&q, 1);
        expired = amphi__query_int(&q, 2);
        same = amphi__query_int(&q, 3);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status != AMPHI_OK)
        return status;
    return amphi__check_outbox_room(&store->limits, item,
        &(amphi_outbox_room){.entries = (uint64_t)count,
            .bytes = (uint64_t)bytes,
            .expired = (uint64_t)expired,
            .has_same_id = same > 0},
        error);
}

static amphi_status insert(const amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_outbox_item *item, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "INSERT INTO outbox (id, conversation, created_ms, is_watched, reported, boot, seen_ms,"
        " pause_age_ms, size_bytes, reason, request_json) VALUES (?3, ?4, ?5, ?6, ?7, ?2, ?1, ?8,"
        " ?9, ?10, ?11)");
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_str(&q, 3, item->id);
    amphi__query_bind_str(&q, 4, item->conversation_id);
    amphi__query_bind_int(&q, 5, item->created_ms);
    amphi__query_bind_int(&q, 6, item->is_watched);
    amphi__query_bind_int(&q, 7, item->is_watched ? 0 : 1);
    amphi__query_bind_int(&q, 8, amphi__outbox_hold_ms(item));
    amphi__query_bind_int(&q, 9, (int64_t)item->request_json.size);
    amphi__query_bind_str(&q, 10, item->reason);
    amphi__query_bind_str(&q, 11, item->request_json);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_outbox_add(
    void *self, const amphi_store_outbox_item *given, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_outbox_item own;
    amphi_db *db;
    amphi_status status = amphi__read_outbox_item(&own, given, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_ANSWER_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = check_room(store, db, &own, error);
    if (status == AMPHI_OK)
        status = amphi__outbox_observe(store, db, error);
    if (status == AMPHI_OK)
        status = insert(store, db, &own, error);
    return amphi__store_write_end(store, status, error);
}

/* ---- Rows ---- */

void amphi__outbox_put_item(const amphi_store_sqlcipher *store, amphi_rows *rows, amphi_query *q,
    const char *lease, int64_t state)
{
    int64_t pause_ms = amphi__query_int(q, 7);
    amphi__rows_put_int(rows, amphi__query_int(q, 0));
    for (int column = 1; column <= 4; column++)
        amphi__rows_put_str(rows, amphi__query_str(q, column));
    amphi__rows_put_str(rows, amphi_str_from(lease));
    amphi__rows_put_int(rows, amphi__query_int(q, 5));
    amphi__rows_put_int(rows, amphi__query_int(q, 6));
    amphi__rows_put_int(rows, pause_ms > 0 ? amphi__clock_wall_ms(store->clock) + pause_ms : 0);
    for (int column = 8; column <= 11; column++)
        amphi__rows_put_int(rows, amphi__query_int(q, column));
    amphi__rows_put_int(rows, state);
}

/* ---- Listing, and events ---- */

/* The next page behind `after`: everything, or what waits in one conversation. */
static amphi_status read_page(const amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_str *conversation, int64_t after, amphi_rows *page, bool *more, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        conversation == NULL
            ? "SELECT " OUTBOX_COLUMNS("request_json") ", state FROM outbox"
                                                       " WHERE seq > ?3 AND state <> 1 ORDER BY seq"
            : "SELECT " OUTBOX_COLUMNS(
                  "''") ", state FROM outbox"
                        " WHERE conversation = ?4 AND seq > ?3 AND state = 0 ORDER BY seq");
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_int(&q, 3, after);
    if (conversation != NULL)
        amphi__query_bind_str(&q, 4, *conversation);
    *more = false;
    while (!*more && amphi__query_row(&q)) {
        amphi__outbox_put_item(store, page, &q, "", amphi__query_int(&q, 12));
        *more = !amphi__rows_end(page);
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && page->bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    return status;
}

static amphi_status visit_pages(amphi_store_sqlcipher *store, const amphi_str *conversation,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_rows page;
    int64_t last = 0;
    bool more = true;
    amphi__rows_init(&page);
    amphi_status status = AMPHI_OK;
    while (status == AMPHI_OK && more) {
        amphi_db *db;
        amphi__rows_reset(&page);
        status = amphi__store_read_begin(store, &db, error);
        if (status != AMPHI_OK)
            break;
        status = read_page(store, db, conversation, last, &page, &more, error);
        amphi__store_read_end(store);
        if (status == AMPHI_OK && !amphi__visit_outbox_items(&page, visit, user, &last))
            more = false;
    }
    amphi__rows_clear(&page);
    return status;
}

amphi_status amphi__store_outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    (void)amphi__outbox_take_care(self, NULL); /* a store that can't be written can be listed */
    return visit_pages(self, NULL, visit, user, error);
}

amphi_status amphi__store_outbox_waiting(void *self, amphi_str conversation_id,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    return visit_pages(self, &conversation_id, visit, user, error);
}

/* reported: 0 nothing, 1 "queued", 2 what became of it. An entry that is only held while its
 * request runs in this app is no queued one yet. */
amphi_status amphi__store_outbox_event(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows rows;
    amphi_query q;
    int64_t seq = 0;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__rows_init(&rows);
    amphi__query_begin(&q, db,
        "SELECT " OUTBOX_COLUMNS(
            "request_json") ", CASE WHEN reported = 0 THEN 0 ELSE state END FROM outbox"
                            " WHERE (reported = 0 AND (state <> 0 OR attempts > 0 OR pause_age_ms "
                            "<= " OUTBOX_AGE "))"
                            " OR (reported = 1 AND state <> 0) ORDER BY seq LIMIT 1");
    amphi__outbox_bind_now(store, &q);
    bool found = amphi__query_row(&q);
    if (found) {
        amphi__outbox_put_item(store, &rows, &q, "", amphi__query_int(&q, 12));
        (void)amphi__rows_end(&rows);
    }
    status = amphi__query_end(&q, error);
    amphi__store_read_end(store);
    if (status == AMPHI_OK && !found)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "outbox: no event");
    else if (status == AMPHI_OK && rows.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        (void)amphi__visit_outbox_items(&rows, visit, user, &seq);
    amphi__rows_clear(&rows);
    return status;
}
