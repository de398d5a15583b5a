/* SPDX-License-Identifier: Apache-2.0
 *
 * Small named values, such as the install id and the last payload of the rollout.
 */
#include "storage/rows.h"
#include "storage/store_sqlcipher.h"

#include "sdk/core/error.h"

amphi_status amphi__store_setting_get(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows copy;
    amphi_query q;
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    amphi__query_begin(&q, store->db, "SELECT value FROM settings WHERE name = ?1");
    amphi__query_bind_str(&q, 1, name);
    bool found = amphi__query_row(&q);
    if (found)
        amphi__rows_put_str(&copy, amphi__query_str(&q, 0));
    amphi_status status = amphi__query_end(&q, error);
    amphi__mutex_unlock(&store->lock);
    if (status == AMPHI_OK && !found)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "settings: no such name");
    else if (status == AMPHI_OK && copy.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    if (status == AMPHI_OK)
        visit(user, amphi__rows_take_str(&copy));
    amphi__rows_clear(&copy);
    return status;
}

amphi_status amphi__store_setting_put(
    void *self, amphi_str name, amphi_str value, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_query q;
    amphi_status status = amphi__check_setting(name, value, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    amphi__query_begin(
        &q, store->db, "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)");
    amphi__query_bind_str(&q, 1, name);
    amphi__query_bind_blob(&q, 2, value.data, value.size);
    status = amphi__query_run(&q, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}
