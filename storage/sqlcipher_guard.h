/* SPDX-License-Identifier: Apache-2.0
 *
 * A guard between SQLite and the disk: a VFS over the platform's own, made for one connection. It
 * lets through what is no page (headers, page numbers, checksums) and each page whose seal holds
 * under the connection's key; any other write is refused with SQLITE_IOERR_WRITE, so that the
 * transaction rolls back. So a page that was not encrypted and authenticated can't reach the
 * database, its log or its rollback journal, whatever the library did about an error. Temporary
 * files are refused altogether.
 *
 * Until a seal is set nothing can be written. Used by the connection's thread.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_GUARD_H
#define AMPHI_STORAGE_SQLCIPHER_GUARD_H

#include "storage/page_seal.h"
#include "storage/sqlcipher_library.h"
#include "storage/sqlcipher_pages.h"

typedef struct amphi_db_guard amphi_db_guard;

/* NULL: no memory. */
amphi_db_guard *amphi__db_guard_new(const amphi_sqlite *lib);
/* After the connection was closed. NULL is fine. */
void amphi__db_guard_free(amphi_db_guard *guard);
/* For sqlite3_open_v2. */
const char *amphi__db_guard_name(const amphi_db_guard *guard);
/* From now on pages with this seal may be written. */
void amphi__db_guard_seal(amphi_db_guard *guard, amphi_page_format format, const amphi_db_key *key);
/* Nothing may be written any more, not even what closing would tidy up. */
void amphi__db_guard_forbid_writes(amphi_db_guard *guard);
/* Before the open, for a medium that can't be written: no file is made or changed. SQLite keeps the
 * index of a log (WAL) in shared memory, which is a file; here it is in the heap, as no other
 * connection has the database open. When one comes, reading fails with SQLITE_IOERR_SHMLOCK. */
void amphi__db_guard_read_only(amphi_db_guard *guard);
/* Before the open: as read_only, but the database is read page by page from here, and the log not
 * at all. Takes `pages`. */
void amphi__db_guard_read_past_damage(amphi_db_guard *guard, amphi_db_pages *pages);
/* Whether a write was refused since the last call. */
bool amphi__db_guard_take_refusal(amphi_db_guard *guard);
/* Whether one of the last pages that were read has no good seal: so an error of the library is the
 * file's damage, and not our SQL or a lack of memory. Reads them again. */
bool amphi__db_guard_saw_bad_page(amphi_db_guard *guard);
/* The system's errno of the last call on a file that failed since the last call here; 0: none. */
int amphi__db_guard_take_errno(amphi_db_guard *guard);

#endif
