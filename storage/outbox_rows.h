/* SPDX-License-Identifier: Apache-2.0
 *
 * What the outbox's files share: ages in SQL, and entries as rows (outbox.c).
 */
#ifndef AMPHI_STORAGE_OUTBOX_ROWS_H
#define AMPHI_STORAGE_OUTBOX_ROWS_H

#include "storage/store_sqlcipher.h"
#include "storage/store_visit.h"

#define OUTBOX_OBSERVE_EVERY_MS (60 * 60 * 1000)

/* ?1 is now, ?2 the boot, in every query that has one of these; bound by bind_now. boot '?': an
 * entry of an earlier version, not observed yet. */
#define OUTBOX_AGE                                                                                 \
    "(age_ms + CASE WHEN boot = '?' THEN 0 WHEN boot = ?2 AND seen_ms <= ?1 THEN ?1 - seen_ms"     \
    " ELSE ?1 END)"
#define OUTBOX_LEASED   "(lease_holder <> '' AND boot = ?2 AND lease_age_ms > " OUTBOX_AGE ")"
#define OUTBOX_OBSERVED "age_ms = " OUTBOX_AGE ", boot = ?2, seen_ms = ?1"
/* In the order of amphi__outbox_put_item. `request`: "request_json", or "''" without it. */
#define OUTBOX_COLUMNS(request)                                                                    \
    "seq, id, conversation, " request ", reason, created_ms, attempts,"                            \
    " CASE WHEN pause_age_ms > " OUTBOX_AGE " THEN pause_age_ms - " OUTBOX_AGE                     \
    " ELSE 0 END, " OUTBOX_LEASED ", " OUTBOX_AGE ", refusals, is_watched"

void amphi__outbox_bind_now(const amphi_store_sqlcipher *store, amphi_query *q);

/* Inside a transaction: writes down ages. A lease of an earlier boot is none: its process ended
 * with it. */
amphi_status amphi__outbox_observe(
    const amphi_store_sqlcipher *store, amphi_db *db, amphi_error *error);

/* A row of OUTBOX_COLUMNS, in the order of amphi__visit_outbox_items. A pause is shown by the
 * wall clock, from now on. */
void amphi__outbox_put_item(const amphi_store_sqlcipher *store, amphi_rows *rows, amphi_query *q,
    const char *lease, int64_t state);

/* outbox_lease.c: dead leases end and ages are written down; mostly there is nothing to do, and
 * reading without writing disturbs no other process. */
amphi_status amphi__outbox_take_care(amphi_store_sqlcipher *store, amphi_error *error);

#endif
