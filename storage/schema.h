/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables, and how older files come up to them.
 */
#ifndef AMPHI_STORAGE_SCHEMA_H
#define AMPHI_STORAGE_SCHEMA_H

#include "storage/sqlcipher.h"

/* Brings the file to the current version in one transaction; any number of processes may try at
 * once. AMPHI_E_UNSUPPORTED: written by a newer Amphi (nothing changes). */
amphi_status amphi__schema_migrate(amphi_db *db, amphi_error *error);
/* The one that this build makes. */
int64_t amphi__schema_version(void);
/* Nothing is changed: AMPHI_E_UNSUPPORTED when it is not of this version. */
amphi_status amphi__schema_expect(amphi_db *db, amphi_error *error);
/* Up to an earlier version only, as that version of Amphi left its files: for tests. */
amphi_status amphi__schema_migrate_to(amphi_db *db, int64_t wanted, amphi_error *error);
/* After rows were lost: what is kept about other rows (counts, sums) is made true again, and
 * messages without a conversation get one. Any version; inside a transaction, without triggers. */
amphi_status amphi__schema_recount(amphi_db *db, amphi_error *error);

#endif
