/* SPDX-License-Identifier: Apache-2.0
 *
 * Fills a fresh database with the rows that a damaged one still holds.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_SALVAGE_H
#define AMPHI_STORAGE_SQLCIPHER_SALVAGE_H

#include "storage/sqlcipher_pages.h"
#include "storage/storage.h"

/* `fresh_path` is made anew and closed again; it has no log then. AMPHI_E_UNSUPPORTED: a newer
 * Amphi wrote the damaged one. */
amphi_status amphi__db_salvage(amphi_history_repair_report *out, amphi_db_pages *pages,
    const char *fresh_path, const amphi_db_key *key, amphi_error *error);

#endif
