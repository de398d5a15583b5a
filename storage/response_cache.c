/* SPDX-License-Identifier: Apache-2.0
 *
 * The response cache's table: bounded by entries and bytes, the least recently used go first.
 * Order is a counter, not a time, so a clock that jumps changes nothing. A hit writes nothing: it
 * is remembered and written along with the next put, or at the end.
 */
#include "storage/rows.h"
#include "storage/store_sqlcipher.h"

#include "sdk/core/error.h"

static amphi_status next_use(amphi_db *db, int64_t *out, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT max(used) FROM cache");
    *out = amphi__query_row(&q) ? amphi__query_int(&q, 0) + 1 : 1;
    return amphi__query_end(&q, error);
}

/* Inside a transaction. *use is the next free place in the order. */
static amphi_status write_touches(amphi_store_sqlcipher *store, int64_t *use, amphi_error *error)
{
    amphi_status status = next_use(store->db, use, error);
    for (size_t i = 0; status == AMPHI_OK && i < store->touched_count; i++) {
        amphi_query q;
        amphi__query_begin(&q, store->db, "UPDATE cache SET used = ?1 WHERE id = ?2");
        amphi__query_bind_int(&q, 1, (*use)++);
        amphi__query_bind_int(&q, 2, store->touched[i]);
        status = amphi__query_run(&q, error);
    }
    return status;
}

amphi_status amphi__store_cache_flush(amphi_store_sqlcipher *store, amphi_error *error)
{
    int64_t use;
    if (store->touched_count == 0)
        return AMPHI_OK;
    amphi_status status = amphi__db_begin(store->db, error);
    if (status == AMPHI_OK) {
        status = write_touches(store, &use, error);
        status = amphi__db_finish(store->db, status, error);
    }
    store->touched_count = 0; /* also when it failed: an order is not worth a second try */
    return status;
}

/* A row that is touched again moves to the end. A full list forgets its oldest: the order is then
 * a little wrong for rows that were hit long ago, and no hit ever waits for a disk. */
static void touch(amphi_store_sqlcipher *store, int64_t id)
{
    size_t count = 0;
    for (size_t i = 0; i < store->touched_count; i++)
        if (store->touched[i] != id)
            store->touched[count++] = store->touched[i];
    if (count == AMPHI_CACHE_TOUCHES_MAX)
        memmove(store->touched, store->touched + 1, --count * sizeof store->touched[0]);
    store->touched[count++] = id;
    store->touched_count = count;
}

amphi_status amphi__store_cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    int64_t now_ms, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows copy;
    amphi_query q;
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    amphi__query_begin(
        &q, store->db, "SELECT id, value FROM cache WHERE key = ?1 AND expires_ms > ?2");
    amphi__query_bind_blob(&q, 1, key, AMPHI_CACHE_KEY_BYTES);
    amphi__query_bind_int(&q, 2, now_ms);
    int64_t id = 0;
    bool found = amphi__query_row(&q);
    if (found) {
        id = amphi__query_int(&q, 0);
        amphi__rows_put_str(&copy, amphi__query_str(&q, 1));
    }
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && !found)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "cache: not there");
    else if (status == AMPHI_OK && copy.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    else if (status == AMPHI_OK)
        touch(store, id);
    amphi__mutex_unlock(&store->lock);
    if (status == AMPHI_OK)
        visit(user, amphi__rows_take_str(&copy));
    amphi__rows_clear(&copy);
    return status;
}

static amphi_status drop_old(amphi_db *db, const uint8_t *key, int64_t now_ms, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "DELETE FROM cache WHERE expires_ms <= ?1");
    amphi__query_bind_int(&q, 1, now_ms);
    amphi_status status = amphi__query_run(&q, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db, "DELETE FROM cache WHERE key = ?1");
    amphi__query_bind_blob(&q, 1, key, AMPHI_CACHE_KEY_BYTES);
    return amphi__query_run(&q, error);
}

/* Until the table is inside its bounds. The entry just put was used last, so it stays. */
static amphi_status evict(amphi_store_sqlcipher *store, amphi_error *error)
{
    for (;;) {
        amphi_query q;
        amphi__query_begin(&q, store->db, "SELECT entries, bytes FROM cache_totals");
        bool over = amphi__query_row(&q) &&
                    (amphi__query_int(&q, 0) > (int64_t)store->limits.cache_entries ||
                        (uint64_t)amphi__query_int(&q, 1) > store->limits.cache_bytes);
        amphi_status status = amphi__query_end(&q, error);
        if (status != AMPHI_OK || !over)
            return status;
        amphi__query_begin(&q, store->db,
            "DELETE FROM cache WHERE id = (SELECT id FROM cache ORDER BY used LIMIT 1)");
        status = amphi__query_run(&q, error);
        if (status == AMPHI_OK && amphi__db_changes(store->db) == 0)
            status = amphi__fail(error, AMPHI_E_CORRUPT, 0, "cache: its totals are wrong");
        if (status != AMPHI_OK)
            return status;
    }
}

/* Inside a transaction. */
static amphi_status put(amphi_store_sqlcipher *store, const uint8_t *key, amphi_str value,
    int64_t now_ms, int64_t expires_ms, amphi_error *error)
{
    amphi_query q;
    int64_t use = 0;
    amphi_status status = drop_old(store->db, key, now_ms, error);
    if (status == AMPHI_OK)
        status = write_touches(store, &use, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, store->db,
        "INSERT INTO cache (key, used, expires_ms, size, value) VALUES (?1, ?2, ?3, ?4, ?5)");
    amphi__query_bind_blob(&q, 1, key, AMPHI_CACHE_KEY_BYTES);
    amphi__query_bind_int(&q, 2, use);
    amphi__query_bind_int(&q, 3, expires_ms);
    amphi__query_bind_int(&q, 4, (int64_t)value.size);
    amphi__query_bind_blob(&q, 5, value.data, value.size);
    status = amphi__query_run(&q, error);
    return status == AMPHI_OK ? evict(store, error) : status;
}

amphi_status amphi__store_cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_status status = amphi__check_cache_value(&store->limits, value, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    status = amphi__db_begin(store->db, error);
    if (status == AMPHI_OK) {
        status = put(store, key, value, now_ms, expires_ms, error);
        status = amphi__db_finish(store->db, status, error);
    }
    if (status == AMPHI_OK)
        store->touched_count = 0;
    amphi__mutex_unlock(&store->lock);
    return status;
}

amphi_status amphi__store_cache_clear(void *self, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi__mutex_lock(&store->lock);
    amphi_status status = amphi__db_exec(store->db, "DELETE FROM cache", error);
    if (status == AMPHI_OK) {
        store->touched_count = 0;
        amphi__db_exec(store->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL);
    }
    amphi__mutex_unlock(&store->lock);
    return status;
}
