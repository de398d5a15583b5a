/* SPDX-License-Identifier: Apache-2.0
 *
 * The response cache's table: bounded by entries and bytes, the least recently used go first.
 * Order is a counter, not a time, so a clock that jumps changes nothing. A hit writes nothing: it
 * is remembered and written along with the next put, or at the end.
 */
#include "storage/history_steps.h"
#include "storage/rows.h"
#include "storage/store_hint.h"
#include "storage/store_reserve.h"
#include "storage/store_sqlcipher.h"

#include "sdk/core/error.h"

static amphi_status next_use(amphi_db *db, int64_t *out, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT max(used) FROM cache");
    *out = amphi__query_row(&q) ? amphi__query_int(&q, 0) + 1 : 1;
    return amphi__query_end(&q, error);
}

/* Takes the list of rows that were hit; if writing them fails they are forgotten, because an order
 * is not worth a second try. */
static size_t take_touches(amphi_store_sqlcipher *store, int64_t out[AMPHI_CACHE_TOUCHES_MAX])
{
    amphi__mutex_lock(&store->touch_lock);
    size_t count = store->touched_count;
    memcpy(out, store->touched, count * sizeof out[0]);
    store->touched_count = 0;
    amphi__mutex_unlock(&store->touch_lock);
    return count;
}

/* Inside a transaction. *use is the next free place in the order. */
static amphi_status write_touches(
    amphi_store_sqlcipher *store, amphi_db *db, int64_t *use, amphi_error *error)
{
    int64_t touched[AMPHI_CACHE_TOUCHES_MAX];
    size_t count = take_touches(store, touched);
    amphi_status status = next_use(db, use, error);
    for (size_t i = 0; status == AMPHI_OK && i < count; i++) {
        amphi_query q;
        amphi__query_begin(&q, db, "UPDATE cache SET used = ?1 WHERE id = ?2");
        amphi__query_bind_int(&q, 1, (*use)++);
        amphi__query_bind_int(&q, 2, touched[i]);
        status = amphi__query_run(&q, error);
    }
    return status;
}

void amphi__store_cache_flush(amphi_store_sqlcipher *store)
{
    amphi_db *db;
    int64_t use;
    amphi__mutex_lock(&store->touch_lock);
    bool is_empty = store->touched_count == 0;
    amphi__mutex_unlock(&store->touch_lock);
    if (is_empty || amphi__store_write_begin(store, AMPHI_PATIENCE_NONE_MS, &db, NULL) != AMPHI_OK)
        return;
    (void)amphi__store_write_end(store, write_touches(store, db, &use, NULL), NULL);
}

/* A row that is touched again moves to the end. A full list forgets its oldest: the order is then
 * a little wrong for rows that were hit long ago, and no hit ever waits for a disk. */
static void touch(amphi_store_sqlcipher *store, int64_t id)
{
    size_t count = 0;
    amphi__mutex_lock(&store->touch_lock);
    for (size_t i = 0; i < store->touched_count; i++)
        if (store->touched[i] != id)
            store->touched[count++] = store->touched[i];
    if (count == AMPHI_CACHE_TOUCHES_MAX)
        memmove(store->touched, store->touched + 1, --count * sizeof store->touched[0]);
    store->touched[count++] = id;
    store->touched_count = count;
    amphi__mutex_unlock(&store->touch_lock);
}

amphi_status amphi__store_cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    int64_t now_ms, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_rows copy;
    amphi_query q;
    amphi_db *db;
    amphi_status status = amphi__store_read_begin(store, &db, error);
    if (status != AMPHI_OK)
        return status;
    amphi__rows_init(&copy);
    amphi__query_begin(&q, db, "SELECT id, value FROM cache WHERE key = ?1 AND expires_ms > ?2");
    amphi__query_bind_blob(&q, 1, key, AMPHI_CACHE_KEY_BYTES);
    amphi__query_bind_int(&q, 2, now_ms);
    int64_t id = 0;
    bool found = amphi__query_row(&q);
    if (found) {
        id = amphi__query_int(&q, 0);
        amphi__rows_put_str(&copy, amphi__query_str(&q, 1));
    }
    status = amphi__query_end(&q, error);
    amphi__store_read_end(store);
    if (status == AMPHI_OK && !found)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "cache: not there");
    else if (status == AMPHI_OK && copy.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    else if (status == AMPHI_OK)
        touch(store, id);
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
static amphi_status evict(amphi_store_sqlcipher *store, amphi_db *db, amphi_error *error)
{
    for (;;) {
        amphi_query q;
        amphi__query_begin(&q, db, "SELECT entries, bytes FROM cache_totals");
        bool over = amphi__query_row(&q) &&
                    (amphi__query_int(&q, 0) > (int64_t)store->limits.cache_entries ||
                        (uint64_t)amphi__query_int(&q, 1) > store->limits.cache_bytes);
        amphi_status status = amphi__query_end(&q, error);
        if (status != AMPHI_OK || !over)
            return status;
        amphi__query_begin(
            &q, db, "DELETE FROM cache WHERE id = (SELECT id FROM cache ORDER BY used LIMIT 1)");
        status = amphi__query_run(&q, error);
        if (status == AMPHI_OK && amphi__db_changes(db) == 0)
            status = amphi__fail(error, AMPHI_E_CORRUPT, 0, "cache: its totals are wrong");
        if (status != AMPHI_OK)
            return status;
    }
}

/* Inside a transaction. */
static amphi_status put(amphi_store_sqlcipher *store, amphi_db *db, const uint8_t *key,
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error)
{
    amphi_query q;
    int64_t use = 0;
    amphi_status status = drop_old(db, key, now_ms, error);
    if (status == AMPHI_OK)
        status = write_touches(store, db, &use, error);
    if (status != AMPHI_OK)
        return status;
    amphi__query_begin(&q, db,
        "INSERT INTO cache (key, used, expires_ms, size, value) VALUES (?1, ?2, ?3, ?4, ?5)");
    amphi__query_bind_blob(&q, 1, key, AMPHI_CACHE_KEY_BYTES);
    amphi__query_bind_int(&q, 2, use);
    amphi__query_bind_int(&q, 3, expires_ms);
    amphi__query_bind_int(&q, 4, (int64_t)value.size);
    amphi__query_bind_blob(&q, 5, value.data, value.size);
    status = amphi__query_run(&q, error);
    return status == AMPHI_OK ? evict(store, db, error) : status;
}

amphi_status amphi__store_cache_put_within(amphi_store_sqlcipher *store, amphi_db *db,
    const amphi_store_cache_entry *entry, int64_t now_ms, amphi_error *error)
{
    return put(store, db, entry->key, entry->value, now_ms, entry->expires_ms, error);
}

amphi_status amphi__store_cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_status status = amphi__check_cache_value(&store->limits, value, error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db;
    /* No answer's end waits for it, and a power cut may take it. */
    status = amphi__store_write_begin_unsynced(store, AMPHI_PATIENCE_SHORT_MS, &db, error);
    if (status == AMPHI_OK) {
        status = put(store, db, key, value, now_ms, expires_ms, error);
        status = amphi__store_write_end(store, status, error);
    }
    return status;
}

static amphi_status clear_at_once(amphi_store_sqlcipher *store, amphi_error *error)
{
    amphi_db *db;
    amphi_status status = amphi__store_write_begin(store, AMPHI_PATIENCE_PERSON_MS, &db, error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__db_exec(db, "DELETE FROM cache", error);
    if (status == AMPHI_OK)
        status = amphi__history_grow_epoch(db, error);
    return amphi__store_write_end(store, status, error);
}

amphi_status amphi__store_cache_clear(void *self, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    int64_t touched[AMPHI_CACHE_TOUCHES_MAX];
    amphi_status status = clear_at_once(store, error);
    if (amphi__store_reserve_give(store, status)) {
        status = clear_at_once(store, error);
        if (status == AMPHI_E_IO)
            status = amphi__cache_clear_in_steps(store, error);
    }
    amphi__store_hint_change(store);
    if (status == AMPHI_OK) {
        (void)take_touches(store, touched);
        amphi__store_empty_log(store);
    }
    amphi__store_reserve_restore(store);
    return status;
}
