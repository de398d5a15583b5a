/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of an entry of the outbox (outbox.c): what its sender may change under its lease,
 * what the app may, and how it leaves with its answer.
 */
#include "storage/outbox_rows.h"

#include "sdk/core/clock.h"
#include "sdk/core/error.h"

#define SENT_NOTES_MAX 1000 /* entries that were sent and whose event was not reported */

static amphi_status run_on_entry(amphi_db *db, amphi_query *q, amphi_error *error)
{
    amphi_status status = amphi__query_run(q, error);
    if (status == AMPHI_OK && amphi__db_changes(db) == 0)
        status = amphi__fail(
            error, AMPHI_E_NOT_FOUND, 0, "outbox: no such entry, or another sender has it now");
    return status;
}

/* That a watched entry was sent is still to be reported to its app: what stays has no text. */
static amphi_status keep_note(amphi_db *db, const amphi_store_turn *turn, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "UPDATE outbox SET state = 1, request_json = '', reason = '', size_bytes = 0,"
        " lease_holder = '' WHERE id = ?1 AND state = 0 AND (?2 = '' OR lease_holder = ?2)");
    amphi__query_bind_str(&q, 1, turn->outbox_id);
    amphi__query_bind_str(&q, 2, turn->outbox_lease);
    amphi_status status = amphi__query_run(&q, error);
    if (status == AMPHI_OK && amphi__db_changes(db) == 0)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "outbox: the entry is gone; it was delivered or removed elsewhere");
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "DELETE FROM outbox WHERE state = 1 AND seq <= (SELECT seq FROM outbox WHERE state = 1"
        " ORDER BY seq DESC LIMIT 1 OFFSET ?1)");
    amphi__query_bind_int(&q, 1, SENT_NOTES_MAX);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_outbox_take(
    amphi_db *db, const amphi_store_turn *turn, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "DELETE FROM outbox WHERE id = ?1 AND state = 0 AND is_watched = 0"
        " AND (?2 = '' OR lease_holder = ?2)");
    amphi__query_bind_str(&q, 1, turn->outbox_id);
    amphi__query_bind_str(&q, 2, turn->outbox_lease);
    amphi_status status = amphi__query_run(&q, error);
    return status != AMPHI_OK || amphi__db_changes(db) > 0 ? status : keep_note(db, turn, error);
}

/* What the sender that has the lease may change. */
static const char *leased_sql(amphi_outbox_change_kind kind)
{
#define OF_LEASE " WHERE id = ?3 AND lease_holder = ?4 AND state = 0"
#define TRIED    "attempts = attempts + 1, tried = (SELECT max(tried) + 1 FROM outbox)"
    switch (kind) {
    case AMPHI_OUTBOX_CHANGE_RENEW:
        return "UPDATE outbox SET " OUTBOX_OBSERVED ", lease_age_ms = " OUTBOX_AGE " + ?5" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_RETURNED:
        return "UPDATE outbox SET " OUTBOX_OBSERVED ", lease_holder = ''" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_FAILED:
        return "UPDATE outbox SET " OUTBOX_OBSERVED ", lease_holder = '', " TRIED ","
               " state = CASE WHEN " OUTBOX_AGE " > ?5 THEN 2 ELSE 0 END,"
               " reason = CASE WHEN " OUTBOX_AGE " > ?5 THEN ?7 ELSE ?6 END" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_REFUSED:
        return "UPDATE outbox SET " OUTBOX_OBSERVED ", lease_holder = '', " TRIED ","
               " refusals = refusals + 1, pause_age_ms = " OUTBOX_AGE " + ?5, reason = ?6" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_EXPIRED:
        return "UPDATE outbox SET " OUTBOX_OBSERVED ", lease_holder = '', " TRIED ","
               " state = 2, reason = ?6" OF_LEASE;
    default:
        return NULL;
    }
#undef OF_LEASE
#undef TRIED
}

static amphi_status change_leased(const amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_outbox_change *change, amphi_error *error)
{
    amphi_query q;
    char too_old[AMPHI_OUTBOX_REASON_MAX];
    int64_t number = change->kind == AMPHI_OUTBOX_CHANGE_RENEW    ? (int64_t)change->lease_ms
                     : change->kind == AMPHI_OUTBOX_CHANGE_FAILED ? store->limits.outbox_age_ms
                                                                  : (int64_t)change->pause_ms;
    amphi__query_begin(&q, db, leased_sql(change->kind));
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_str(&q, 3, change->id);
    amphi__query_bind_str(&q, 4, change->lease);
    if (change->kind != AMPHI_OUTBOX_CHANGE_RETURNED && change->kind != AMPHI_OUTBOX_CHANGE_EXPIRED)
        amphi__query_bind_int(&q, 5, number);
    if (change->kind >= AMPHI_OUTBOX_CHANGE_FAILED)
        amphi__query_bind_str(&q, 6, change->reason);
    if (change->kind == AMPHI_OUTBOX_CHANGE_FAILED) {
        amphi__outbox_too_old(too_old, &store->limits, change->reason);
        amphi__query_bind_str(&q, 7, amphi_str_from(too_old));
    }
    return run_on_entry(db, &q, error);
}

static amphi_status run_with_id(amphi_db *db, const char *sql, amphi_str id, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, sql);
    amphi__query_bind_str(&q, 1, id);
    return run_on_entry(db, &q, error);
}

static amphi_status collect(amphi_db *db, amphi_str id, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT state FROM outbox WHERE id = ?1");
    amphi__query_bind_str(&q, 1, id);
    bool waits = amphi__query_row(&q) && amphi__query_int(&q, 0) == AMPHI_OUTBOX_QUEUED;
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && waits)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "outbox: the entry still waits: cancel it instead");
    if (status != AMPHI_OK)
        return status;
    return run_with_id(db, "DELETE FROM outbox WHERE id = ?1 AND state = 2", id, error);
}

/* An entry of which everything is reported, and which was sent, is done with. */
static amphi_status report(
    amphi_db *db, const amphi_store_outbox_change *change, amphi_error *error)
{
    amphi_status status =
        change->state == AMPHI_OUTBOX_QUEUED
            ? run_with_id(db, "UPDATE outbox SET reported = max(reported, 1) WHERE id = ?1",
                  change->id, error)
            : run_with_id(db, "UPDATE outbox SET reported = 2 WHERE id = ?1", change->id, error);
    if (status != AMPHI_OK)
        return status;
    amphi_query q;
    amphi__query_begin(&q, db, "DELETE FROM outbox WHERE id = ?1 AND state = 1 AND reported = 2");
    amphi__query_bind_str(&q, 1, change->id);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_outbox_change(
    void *self, const amphi_store_outbox_change *given, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_store_outbox_change own;
    amphi_db *db;
    amphi_status status = amphi__read_outbox_change(&own, given, error);
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    if (own.kind == AMPHI_OUTBOX_CHANGE_CANCEL)
        status = run_with_id(db, "DELETE FROM outbox WHERE id = ?1 AND state <> 1", own.id, error);
    else if (own.kind == AMPHI_OUTBOX_CHANGE_COLLECT)
        status = collect(db, own.id, error);
    else if (own.kind == AMPHI_OUTBOX_CHANGE_REPORTED)
        status = report(db, &own, error);
    else
        status = change_leased(store, db, &own, error);
    return amphi__store_write_end(store, status, error);
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
        "UPDATE outbox SET " OUTBOX_OBSERVED ", lease_holder = '', attempts = attempts + 1,"
        " tried = (SELECT max(tried) + 1 FROM outbox), pause_age_ms = " OUTBOX_AGE " + max(?4, 0)"
        " WHERE id = ?3 AND state = 0");
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_str(&q, 3, id);
    amphi__query_bind_int(&q, 4, not_before_ms - amphi__clock_wall_ms(store->clock));
    return amphi__store_write_end(store, run_on_entry(db, &q, error), error);
}

amphi_status amphi__store_outbox_remove(void *self, amphi_str id, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_db *db;
    amphi_status status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = run_with_id(db, "DELETE FROM outbox WHERE id = ?1 AND state <> 1", id, error);
    return amphi__store_write_end(store, status, error);
}
