/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox: turns that wait for a route. An entry is leased before it is sent, so that of all
 * threads and processes one sends it, and it leaves in the transaction that stores its answer,
 * which also asks whether the lease still holds: a sender that was frozen for longer than its lease
 * brings its answer too late. Only the first waiting entry of a conversation can be claimed: the
 * order of a conversation holds. A lease ends with its process; where the death of a process cannot
 * be seen, the lease runs out.
 *
 * No wall clock is asked. Each entry has an age, and leases and pauses are ages at which they end.
 * An age is the time between observations on the clock that goes on while the device is suspended.
 * What lies between the last observation and a reboot is not counted (an entry is observed at least
 * every hour in which a client is open, so that is an hour, the rest of that boot without a client,
 * and the time for which the device was off); a new boot counts from its start. So an entry may
 * live longer than the bound says, never shorter.
 */
#include "storage/store_sqlcipher.h"
#include "storage/store_visit.h"

#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/str.h"

#include <stdio.h>

#define OBSERVE_EVERY_MS (60 * 60 * 1000)
#define SENT_NOTES_MAX   1000 /* entries that were sent and whose event was not reported */

/* A lease's name: the process, '#', and a random number. */
#define LEASE_MAX (AMPHI_PROCESS_IDENTITY_MAX + 20)

/* ---- Time: ?1 is now, ?2 the boot, in every query that has one of these ---- */

/* boot '?': an entry of an earlier version, not observed yet. */
#define AGE                                                                                        \
    "(age_ms + CASE WHEN boot = '?' THEN 0 WHEN boot = ?2 AND seen_ms <= ?1 THEN ?1 - seen_ms"     \
    " ELSE ?1 END)"
#define LEASED   "(lease_holder <> '' AND boot = ?2 AND lease_age_ms > " AGE ")"
#define OBSERVED "age_ms = " AGE ", boot = ?2, seen_ms = ?1"

static int64_t boot_ms(const amphi_store_sqlcipher *store)
{
    return amphi__store_boot_ms(store->clock);
}

static void bind_now(const amphi_store_sqlcipher *store, amphi_query *q)
{
    amphi__query_bind_int(q, 1, boot_ms(store));
    amphi__query_bind_str(q, 2, amphi_str_from(store->boot));
}

/* Inside a transaction. A lease of an earlier boot is none: its process ended with it. */
static amphi_status observe(const amphi_store_sqlcipher *store, amphi_db *db, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "UPDATE outbox SET " OBSERVED ","
        " lease_holder = CASE WHEN boot = ?2 THEN lease_holder ELSE '' END"
        " WHERE state <> 1 AND (boot <> ?2 OR seen_ms > ?1 OR seen_ms < ?1 - ?3)");
    bind_now(store, &q);
    amphi__query_bind_int(&q, 3, OBSERVE_EVERY_MS);
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
        " pause_age_ms, size_bytes, request_json) VALUES (?3, ?4, ?5, ?6, ?7, ?2, ?1, ?8, ?9,"
        " ?10)");
    bind_now(store, &q);
    amphi__query_bind_str(&q, 3, item->id);
    amphi__query_bind_str(&q, 4, item->conversation_id);
    amphi__query_bind_int(&q, 5, item->created_ms);
    amphi__query_bind_int(&q, 6, item->is_watched);
    amphi__query_bind_int(&q, 7, item->is_watched ? 0 : 1);
    amphi__query_bind_int(&q, 8, amphi__outbox_hold_ms(item));
    amphi__query_bind_int(&q, 9, (int64_t)item->request_json.size);
    amphi__query_bind_str(&q, 10, item->request_json);
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
        status = observe(store, db, error);
    if (status == AMPHI_OK)
        status = insert(store, db, &own, error);
    return amphi__store_write_end(store, status, error);
}

/* ---- Reading entries ---- */

#define ITEM_COLUMNS                                                                               \
    "seq, id, conversation, request_json, reason, created_ms, attempts,"                           \
    " CASE WHEN pause_age_ms > " AGE " THEN pause_age_ms - " AGE " ELSE 0 END, " LEASED ", " AGE   \
    ", refusals, is_watched"

/* In the order of amphi__visit_outbox_items. A pause is shown by the wall clock, from now on. */
static void put_item(const amphi_store_sqlcipher *store, amphi_rows *rows, amphi_query *q,
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

/* ---- Claiming ---- */

/* An entry whose lease is of a process that is gone, and that lease; 0: there is none. */
static amphi_status find_dead_lease(
    amphi_db *db, int64_t *seq, char lease[LEASE_MAX], amphi_error *error)
{
    amphi_query q;
    *seq = 0;
    amphi__query_begin(&q, db, "SELECT seq, lease_holder FROM outbox WHERE lease_holder <> ''");
    while (*seq == 0 && amphi__query_row(&q)) {
        amphi_str rest;
        amphi_str name = amphi__query_str(&q, 1);
        if (!amphi__process_has_ended(amphi__str_cut(name, '#', &rest)))
            continue;
        *seq = amphi__query_int(&q, 0);
        amphi__str_copy_to(lease, LEASE_MAX, name);
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
        char lease[LEASE_MAX];
        amphi_query q;
        amphi_status status = find_dead_lease(db, &seq, lease, error);
        if (status != AMPHI_OK || seq == 0)
            return status;
        amphi__query_begin(
            &q, db, "UPDATE outbox SET lease_holder = '' WHERE seq = ?1 AND lease_holder = ?2");
        amphi__query_bind_int(&q, 1, seq);
        amphi__query_bind_str(&q, 2, amphi_str_from(lease));
        status = amphi__query_run(&q, error);
        if (status != AMPHI_OK)
            return status;
    }
}

static amphi_status needs_care(
    amphi_store_sqlcipher *store, amphi_db *db, bool *out, amphi_error *error)
{
    int64_t seq = 0;
    char lease[LEASE_MAX];
    amphi_query q;
    amphi_status status = find_dead_lease(db, &seq, lease, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "SELECT count(*) FROM outbox"
        " WHERE state <> 1 AND (boot <> ?2 OR seen_ms > ?1 OR seen_ms < ?1 - ?3)");
    bind_now(store, &q);
    amphi__query_bind_int(&q, 3, OBSERVE_EVERY_MS);
    *out = seq > 0 || (amphi__query_row(&q) && amphi__query_int(&q, 0) > 0);
    return amphi__query_end(&q, error);
}

/* Dead leases end and ages are written down; mostly there is nothing to do, and reading without
 * writing disturbs no other process. */
static amphi_status take_care(amphi_store_sqlcipher *store, amphi_error *error)
{
    bool is_needed = false;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = needs_care(store, db, &is_needed, error);
    amphi__store_read_end(store);
    if (status != AMPHI_OK || !is_needed)
        return status;
    status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = end_dead_leases(db, error);
    if (status == AMPHI_OK)
        status = observe(store, db, error);
    return amphi__store_write_end(store, status, error);
}

/* The entry that may go now, into `rows`, with the name of its lease to be. */
static amphi_status find_claimable(const amphi_store_sqlcipher *store, amphi_db *db,
    const char *lease, amphi_rows *rows, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi__rows_reset(rows);
    amphi__query_begin(&q, db,
        "SELECT " ITEM_COLUMNS " FROM outbox o WHERE state = 0 AND pause_age_ms <= " AGE
        " AND NOT " LEASED " AND (conversation = '' OR NOT EXISTS (SELECT 1 FROM outbox e"
        "  WHERE e.conversation = o.conversation AND e.seq < o.seq AND e.state = 0))"
        " ORDER BY tried, seq LIMIT 1");
    bind_now(store, &q);
    bool found = amphi__query_row(&q);
    if (found) {
        *seq = amphi__query_int(&q, 0);
        put_item(store, rows, &q, lease, AMPHI_OUTBOX_QUEUED);
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
static amphi_status claim(const amphi_store_sqlcipher *store, amphi_db *db, const char *lease,
    uint32_t lease_ms, amphi_rows *rows, amphi_error *error)
{
    amphi_query q;
    int64_t seq = 0;
    amphi_status status = find_claimable(store, db, lease, rows, &seq, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "UPDATE outbox SET " OBSERVED ", lease_holder = ?3, lease_age_ms = " AGE
        " + ?4 WHERE seq = ?5");
    bind_now(store, &q);
    amphi__query_bind_str(&q, 3, amphi_str_from(lease));
    amphi__query_bind_int(&q, 4, lease_ms);
    amphi__query_bind_int(&q, 5, seq);
    return amphi__query_run(&q, error);
}

static amphi_status name_lease(char lease[LEASE_MAX], amphi_error *error)
{
    char holder[AMPHI_PROCESS_IDENTITY_MAX];
    uint64_t random = 0;
    amphi_status status = amphi__random(&random, sizeof random);
    amphi__process_identity(holder);
    snprintf(lease, LEASE_MAX, "%s#%016llx", holder, (unsigned long long)random);
    return status == AMPHI_OK ? status : amphi__fail(error, status, 0, "outbox: no random numbers");
}

amphi_status amphi__store_outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows rows;
    int64_t seq = 0;
    char lease[LEASE_MAX];
    amphi_db *db;
    amphi__rows_init(&rows);
    amphi_status status = name_lease(lease, error);
    if (status == AMPHI_OK)
        status = take_care(store, error);
    if (status == AMPHI_OK)
        status = amphi__store_read_begin(store, &db, error);
    if (status == AMPHI_OK) {
        status = find_claimable(store, db, lease, &rows, &seq, error);
        amphi__store_read_end(store);
    }
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status == AMPHI_OK) {
        status = claim(store, db, lease, lease_ms, &rows, error);
        status = amphi__store_write_end(store, status, error);
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
        return "UPDATE outbox SET " OBSERVED ", lease_age_ms = " AGE " + ?5" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_RETURNED:
        return "UPDATE outbox SET " OBSERVED ", lease_holder = ''" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_FAILED:
        return "UPDATE outbox SET " OBSERVED ", lease_holder = '', " TRIED ","
               " state = CASE WHEN " AGE " > ?5 THEN 2 ELSE 0 END,"
               " reason = CASE WHEN " AGE " > ?5 THEN ?7 ELSE ?6 END" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_REFUSED:
        return "UPDATE outbox SET " OBSERVED ", lease_holder = '', " TRIED ","
               " refusals = refusals + 1, pause_age_ms = " AGE " + ?5, reason = ?6" OF_LEASE;
    case AMPHI_OUTBOX_CHANGE_EXPIRED:
        return "UPDATE outbox SET " OBSERVED ", lease_holder = '', " TRIED ","
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
    bind_now(store, &q);
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
        "UPDATE outbox SET " OBSERVED ", lease_holder = '', attempts = attempts + 1,"
        " tried = (SELECT max(tried) + 1 FROM outbox), pause_age_ms = " AGE " + max(?4, 0)"
        " WHERE id = ?3 AND state = 0");
    bind_now(store, &q);
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

/* ---- Listing, and events ---- */

static amphi_status read_entries(const amphi_store_sqlcipher *store, amphi_db *db, int64_t after,
    amphi_rows *page, bool *more, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db,
        "SELECT " ITEM_COLUMNS ", state FROM outbox WHERE seq > ?3 AND state <> 1 ORDER BY seq");
    bind_now(store, &q);
    amphi__query_bind_int(&q, 3, after);
    *more = false;
    while (!*more && amphi__query_row(&q)) {
        put_item(store, page, &q, "", amphi__query_int(&q, 12));
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
    (void)take_care(store, NULL); /* a store that can't be written can be listed */
    amphi__rows_init(&page);
    amphi_status status = AMPHI_OK;
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
        "SELECT " ITEM_COLUMNS ", CASE WHEN reported = 0 THEN 0 ELSE state END FROM outbox"
        " WHERE (reported = 0 AND (state <> 0 OR attempts > 0 OR pause_age_ms <= " AGE "))"
        " OR (reported = 1 AND state <> 0) ORDER BY seq LIMIT 1");
    bind_now(store, &q);
    bool found = amphi__query_row(&q);
    if (found) {
        put_item(store, &rows, &q, "", amphi__query_int(&q, 12));
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
