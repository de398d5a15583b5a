/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a database whole, and what of it can be saved?
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_REPAIR_H
#define AMPHI_STORAGE_SQLCIPHER_REPAIR_H

#include "storage/page_seal.h"
#include "storage/storage.h"

/* Every page's seal, in the database and its log; then, unless `is_quick`, SQLite's own check of
 * what is in them. Others may go on using it. A damaged database is AMPHI_OK. */
amphi_status amphi__db_check(amphi_history_check_report *out, const char *path,
    const amphi_db_key *key, bool is_quick, amphi_error *error);

/* Everything that can be read goes into a fresh file, which then takes the database's name; the old
 * file stays beside it, under out->kept_path. No other connection may be open (AMPHI_E_BUSY).
 * Killed at any moment, the old file or the new one has the name. */
amphi_status amphi__db_repair(amphi_history_repair_report *out, const char *path,
    const amphi_db_key *key, amphi_error *error);

#endif
