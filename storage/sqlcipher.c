/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions and queries. Statements are prepared once and kept under their literal's address.
 */
#include "storage/sqlcipher_db.h"

#include "sdk/core/error.h"

/* ---- Transactions ---- */

amphi_status amphi__db_exec(amphi_db *db, const char *sql, amphi_error *error)
{
    int rc = db->lib->exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? AMPHI_OK
                           : amphi__db_fail(db, error, db->lib->extended_errcode(db->handle));
}

void amphi__db_set_patience(amphi_db *db, uint32_t patience_ms)
{
    db->lib->busy_timeout(db->handle, (int)patience_ms);
}

amphi_status amphi__db_begin(amphi_db *db, amphi_error *error)
{
    return amphi__db_exec(db, "BEGIN IMMEDIATE", error);
}

amphi_status amphi__db_finish(amphi_db *db, amphi_status status, amphi_error *error)
{
    if (status == AMPHI_OK)
        status = amphi__db_exec(db, "COMMIT", error);
    db->commits += status == AMPHI_OK;
    /* Some failures have rolled back already; a second ROLLBACK would only complain. */
    if (status != AMPHI_OK && !db->lib->get_autocommit(db->handle))
        db->lib->exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

uint64_t amphi__db_commits(const amphi_db *db)
{
    return db->commits;
}

bool amphi__db_in_transaction(amphi_db *db)
{
    return !db->lib->get_autocommit(db->handle);
}

uint32_t amphi__db_changes(amphi_db *db)
{
    return (uint32_t)db->lib->changes(db->handle);
}

int64_t amphi__db_last_id(amphi_db *db)
{
    return db->lib->last_insert_rowid(db->handle);
}

/* ---- Queries ---- */

static void note(amphi_query *query, int rc)
{
    if (rc != SQLITE_OK && query->native_code == 0)
        query->native_code = rc;
}

void amphi__query_begin(amphi_query *query, amphi_db *db, const char *sql)
{
    *query = (amphi_query){.db = db};
    for (size_t i = 0; i < db->kept_count; i++) {
        if (db->kept[i].sql == sql) {
            query->statement = db->kept[i].statement;
            return;
        }
    }
    if (db->kept_count == AMPHI_DB_STATEMENTS_MAX) { /* more literals than places: our mistake */
        note(query, SQLITE_MISUSE);
        return;
    }
    sqlite3_stmt *statement = NULL;
    if (db->lib->prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK) {
        note(query, db->lib->extended_errcode(db->handle));
        return;
    }
    db->kept[db->kept_count++] = (amphi_kept_statement){sql, statement};
    query->statement = statement;
}

void amphi__query_bind_int(amphi_query *query, int index, int64_t value)
{
    if (query->native_code == 0)
        note(query, query->db->lib->bind_int64(query->statement, index, value));
}

void amphi__query_bind_str(amphi_query *query, int index, amphi_str value)
{
    if (query->native_code != 0)
        return;
    if (value.size > INT32_MAX)
        note(query, SQLITE_TOOBIG);
    else /* NULL would be SQL's NULL; ours is the empty string */
        note(query, query->db->lib->bind_text(query->statement, index,
                        value.size > 0 ? value.data : "", (int)value.size, SQLITE_STATIC));
}

void amphi__query_bind_blob(amphi_query *query, int index, const void *data, size_t size)
{
    if (query->native_code != 0)
        return;
    if (size > INT32_MAX)
        note(query, SQLITE_TOOBIG);
    else
        note(query, query->db->lib->bind_blob(
                        query->statement, index, size > 0 ? data : "", (int)size, SQLITE_STATIC));
}

/* SQLCipher's word for a bad page in the middle of a file is that for bad SQL; asked at once, while
 * the page is among the last that were read. */
static int error_of(amphi_db *db)
{
    int rc = db->lib->extended_errcode(db->handle);
    return (rc & 0xff) == SQLITE_ERROR && amphi__db_guard_saw_bad_page(db->guard) ? SQLITE_CORRUPT
                                                                                  : rc;
}

bool amphi__query_row(amphi_query *query)
{
    if (query->native_code != 0)
        return false;
    int rc = query->db->lib->step(query->statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        note(query, error_of(query->db));
    return rc == SQLITE_ROW;
}

int64_t amphi__query_int(amphi_query *query, int column)
{
    return query->db->lib->column_int64(query->statement, column);
}

amphi_str amphi__query_str(amphi_query *query, int column)
{
    const void *data =
        query->db->lib->column_blob(query->statement, column); /* before its size, says SQLite */
    int size = query->db->lib->column_bytes(query->statement, column);
    return data != NULL ? amphi_str_make(data, (size_t)size) : amphi_str_make("", 0);
}

amphi_status amphi__query_end(amphi_query *query, amphi_error *error)
{
    if (query->statement != NULL) {
        query->db->lib->reset(query->statement);
        query->db->lib->clear_bindings(query->statement); /* they point to the caller's memory */
        query->statement = NULL;
    }
    return amphi__db_fail(query->db, error, query->native_code);
}

amphi_status amphi__query_run(amphi_query *query, amphi_error *error)
{
    while (amphi__query_row(query))
        ;
    return amphi__query_end(query, error);
}
