/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sends an entry of the outbox (outbox.c). A lease's name is the process and a random number;
 * the sender that has it may change the entry (outbox_change.c).
 */
#include "storage/outbox_rows.h"

#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* A lease's name: the process, '#', and a random number. */
#define LEASE_MAX (AMPHI_PROCESS_IDENTITY_MAX + 20)

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
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_int(&q, 3, OUTBOX_OBSERVE_EVERY_MS);
    *out = seq > 0 || (amphi__query_row(&q) && amphi__query_int(&q, 0) > 0);
    return amphi__query_end(&q, error);
}

amphi_status amphi__outbox_take_care(amphi_store_sqlcipher *store, amphi_error *error)
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
        status = amphi__outbox_observe(store, db, error);
    return amphi__store_write_end(store, status, error);
}

/* ---- Claiming ---- */

typedef struct wanted {
    amphi_str conversation; /* empty: of any */
    bool though_put_off;    /* after a failure; never while its request runs in an engine inside an
                               app, which is before its first try */
    uint32_t lease_ms;
    char lease[LEASE_MAX]; /* its name */
} wanted;

/* The entry that may go now, into `rows`, with the name of its lease to be. */
static amphi_status find_claimable(const amphi_store_sqlcipher *store, amphi_db *db,
    const wanted *w, amphi_rows *rows, int64_t *seq, amphi_error *error)
{
    amphi_query q;
    amphi__rows_reset(rows);
    amphi__query_begin(&q, db,
        "SELECT " OUTBOX_COLUMNS(
            "request_json") " FROM outbox o WHERE state = 0"
                            " AND (?3 = '' OR conversation = ?3)"
                            " AND (pause_age_ms <= " OUTBOX_AGE
                            " OR (?4 AND attempts > 0)) AND NOT " OUTBOX_LEASED
                            " AND (conversation = '' OR NOT EXISTS (SELECT 1 FROM outbox e"
                            "  WHERE e.conversation = o.conversation AND e.seq < o.seq AND e.state "
                            "= 0))"
                            " ORDER BY tried, seq LIMIT 1");
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_str(&q, 3, w->conversation);
    amphi__query_bind_int(&q, 4, w->though_put_off);
    bool found = amphi__query_row(&q);
    if (found) {
        *seq = amphi__query_int(&q, 0);
        amphi__outbox_put_item(store, rows, &q, w->lease, AMPHI_OUTBOX_QUEUED);
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
static amphi_status claim_within(const amphi_store_sqlcipher *store, amphi_db *db, const wanted *w,
    amphi_rows *rows, amphi_error *error)
{
    amphi_query q;
    int64_t seq = 0;
    amphi_status status = find_claimable(store, db, w, rows, &seq, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "UPDATE outbox SET " OUTBOX_OBSERVED ", lease_holder = ?3, lease_age_ms = " OUTBOX_AGE
        " + ?4 WHERE seq = ?5");
    amphi__outbox_bind_now(store, &q);
    amphi__query_bind_str(&q, 3, amphi_str_from(w->lease));
    amphi__query_bind_int(&q, 4, w->lease_ms);
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

/* What is not there is found by reading: only an entry that can be had is written to. */
static amphi_status claim(amphi_store_sqlcipher *store, wanted *w, amphi_store_outbox_fn *visit,
    void *user, amphi_error *error)
{
    amphi_rows rows;
    int64_t seq = 0;
    amphi_db *db;
    amphi__rows_init(&rows);
    amphi_status status = name_lease(w->lease, error);
    if (status == AMPHI_OK)
        status = amphi__outbox_take_care(store, error);
    if (status == AMPHI_OK)
        status = amphi__store_read_begin(store, &db, error);
    if (status == AMPHI_OK) {
        status = find_claimable(store, db, w, &rows, &seq, error);
        amphi__store_read_end(store);
    }
    if (status == AMPHI_OK)
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_LONG_MS, &db, error);
    if (status == AMPHI_OK) {
        status = claim_within(store, db, w, &rows, error);
        status = amphi__store_write_end(store, status, error);
    }
    if (status == AMPHI_OK)
        (void)amphi__visit_outbox_items(&rows, visit, user, &seq);
    amphi__rows_clear(&rows);
    return status;
}

amphi_status amphi__store_outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    return claim(self, &(wanted){.lease_ms = lease_ms}, visit, user, error);
}

amphi_status amphi__store_outbox_claim_head(void *self, amphi_str conversation_id,
    uint32_t lease_ms, amphi_store_outbox_fn *visit, void *user, amphi_error *error)
{
    wanted head = {.conversation = conversation_id, .though_put_off = true, .lease_ms = lease_ms};
    return claim(self, &head, visit, user, error);
}
