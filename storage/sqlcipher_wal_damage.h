/* SPDX-License-Identifier: Apache-2.0
 *
 * Is what lies behind the place where SQLite stops to replay a log the end of a write that was cut
 * off, which is normal, or does the log hold commits that were acknowledged?
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_WAL_DAMAGE_H
#define AMPHI_STORAGE_SQLCIPHER_WAL_DAMAGE_H

#include "storage/sqlcipher_pages.h"
#include "storage/sqlcipher_wal.h"

/* `pages` shows the log up to `reach`; `file_count`: pages in the database's own file. */
bool amphi__wal_is_damaged(const amphi_wal *wal, amphi_db_pages *pages, uint32_t file_count);

#endif
