/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection's inside, shared by storage/sqlcipher*.c.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_DB_H
#define AMPHI_STORAGE_SQLCIPHER_DB_H

#include "storage/sqlcipher.h"
#include "storage/sqlcipher_guard.h"
#include "storage/sqlcipher_library.h"

#define AMPHI_DB_STATEMENTS_MAX 128

typedef struct amphi_kept_statement {
    const char *sql; /* compared by address */
    sqlite3_stmt *statement;
} amphi_kept_statement;

struct amphi_db {
    const amphi_sqlite *lib;
    sqlite3 *handle;
    amphi_db_guard *guard;
    amphi_kept_statement kept[AMPHI_DB_STATEMENTS_MAX];
    size_t kept_count;
    uint64_t commits;
};

/* A SQLite code as a status, with the reason and the remedy in words; AMPHI_OK for what is no
 * failure. The text never holds a value. */
amphi_status amphi__db_fail(amphi_db *db, amphi_error *error, int native_code);
/* AMPHI_E_BUSY: another file stands at the path by now. */
amphi_status amphi__db_fail_moved(amphi_error *error);

/* A connection whose file was looked at but not keyed: its guard lets nothing through. Does not
 * make the file. AMPHI_E_KEY and so on, as amphi__db_open. */
amphi_status amphi__db_open_unkeyed(amphi_db **out, const char *path, const amphi_db_key *key,
    amphi_page_format *format, amphi_error *error);

#endif
