/* SPDX-License-Identifier: Apache-2.0
 *
 * Small named values, such as the install id and the last payload of the rollout. They are written
 * while a client is made and freed, too, and so do not wait for another process: who writes one
 * writes it again. A swap waits: what it keeps is written once.
 */
#include "storage/rows.h"
#include "storage/store_sqlcipher.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

amphi_status amphi__store_setting_get(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows copy;
    amphi_query q;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__rows_init(&copy);
    amphi__query_begin(&q, db, "SELECT value FROM settings WHERE name = ?1");
    amphi__query_bind_str(&q, 1, name);
    bool found = amphi__query_row(&q);
    if (found)
        amphi__rows_put_str(&copy, amphi__query_str(&q, 0));
    status = amphi__query_end(&q, error);
    amphi__store_read_end(store);
    if (status == AMPHI_OK && !found)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "settings: no such name");
    else if (status == AMPHI_OK && copy.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        visit(user, amphi__rows_take_str(&copy));
    amphi__rows_clear(&copy);
    return status;
}

static amphi_status put(amphi_db *db, amphi_str name, amphi_str value, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)");
    amphi__query_bind_str(&q, 1, name);
    amphi__query_bind_blob(&q, 2, value.data, value.size);
    return amphi__query_run(&q, error);
}

amphi_status amphi__store_setting_put(
    void *self, amphi_str name, amphi_str value, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_status status = amphi__check_setting(name, value, error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db;
    status = amphi__store_write_begin(store, AMPHI_PATIENCE_SHORT_MS, &db, error);
    return status == AMPHI_OK ? amphi__store_write_end(store, put(db, name, value, error), error)
                              : status;
}

/* Read where it is written: until the transaction ends no other process writes it. */
static amphi_status expect(amphi_db *db, amphi_str name, amphi_str value, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT value FROM settings WHERE name = ?1");
    amphi__query_bind_str(&q, 1, name);
    bool found = amphi__query_row(&q);
    bool is_same = found ? amphi__str_equal(amphi__query_str(&q, 0), value) : value.size == 0;
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && !is_same)
        status = amphi__fail(error, AMPHI_E_BUSY, 0, "settings: it was changed meanwhile");
    return status;
}

amphi_status amphi__store_setting_swap(
    void *self, amphi_str name, amphi_str before, amphi_str after, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_db *db;
    amphi_status status = amphi__check_setting(name, after, error);
    if (status == AMPHI_OK) /* tried again while it is busy: for how long is the caller's */
        status = amphi__store_write_begin(store, AMPHI_PATIENCE_SHORT_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = expect(db, name, before, error);
    if (status == AMPHI_OK)
        status = put(db, name, after, error);
    return amphi__store_write_end(store, status, error);
}
