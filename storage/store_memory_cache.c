/* SPDX-License-Identifier: Apache-2.0
 *
 * The response cache of the memory store: one list, the least recently used entry first. Bounded by
 * entries and by the bytes of the values.
 */
#include "storage/rows.h"
#include "storage/store_checks.h"
#include "storage/store_memory.h"

#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* Which number and string of an entry is what. */
enum { CACHE_EXPIRES };
enum { CACHE_KEY, CACHE_VALUE };

static void cache_drop(amphi_store_memory *store, amphi_entry **link)
{
    amphi_entry *old = amphi__list_unlink(&store->cache, link);
    store->cache_bytes -= old->strings[CACHE_VALUE].size;
    amphi__entry_free(old);
}

amphi_status amphi__memory_cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    int64_t now_ms, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_rows copy;
    amphi_status status = AMPHI_OK;
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(
        &store->cache, CACHE_KEY, amphi_str_make((const char *)key, AMPHI_CACHE_KEY_BYTES));
    if (found == NULL || (*found)->numbers[CACHE_EXPIRES] <= now_ms) {
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "cache: not there");
    } else {
        amphi_entry *used = amphi__list_unlink(&store->cache, found);
        amphi__list_append(&store->cache, used);
        amphi__rows_put_str(&copy, used->strings[CACHE_VALUE]);
        if (copy.bytes.status != AMPHI_OK)
            status = amphi__fail_no_memory(error);
    }
    amphi__mutex_unlock(&store->lock);
    if (status == AMPHI_OK)
        visit(user, amphi__rows_take_str(&copy));
    amphi__rows_clear(&copy);
    return status;
}

amphi_status amphi__memory_cache_make(
    amphi_entry **out, const amphi_store_cache_entry *entry, amphi_error *error)
{
    amphi_str strings[] = {
        amphi_str_make((const char *)entry->key, AMPHI_CACHE_KEY_BYTES), entry->value};
    *out = amphi__entry_new(strings, 2);
    if (*out == NULL)
        return amphi__fail_no_memory(error);
    (*out)->numbers[CACHE_EXPIRES] = entry->expires_ms;
    return AMPHI_OK;
}

void amphi__memory_cache_add(amphi_store_memory *store, amphi_entry *made, int64_t now_ms)
{
    for (amphi_entry **link = &store->cache.first; *link != NULL;)
        if ((*link)->numbers[CACHE_EXPIRES] <= now_ms ||
            amphi__str_equal((*link)->strings[CACHE_KEY], made->strings[CACHE_KEY]))
            cache_drop(store, link);
        else
            link = &(*link)->next;
    amphi__list_append(&store->cache, made);
    store->cache_bytes += made->strings[CACHE_VALUE].size;
    while (store->cache.count > store->limits.cache_entries ||
           store->cache_bytes > store->limits.cache_bytes)
        cache_drop(store, &store->cache.first);
}

bool amphi__memory_cache_take(amphi_store_memory *store, amphi_str key, uint64_t *bytes)
{
    amphi_entry **found = amphi__list_find(&store->cache, CACHE_KEY, key);
    if (found == NULL)
        return false;
    *bytes += (*found)->strings[CACHE_VALUE].size;
    cache_drop(store, found);
    return true;
}

amphi_status amphi__memory_cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_store_cache_entry entry = {
        .struct_size = sizeof entry, .key = key, .value = value, .expires_ms = expires_ms};
    amphi_entry *made = NULL;
    amphi_status status = amphi__check_cache_value(&store->limits, value, error);
    if (status == AMPHI_OK)
        status = amphi__memory_cache_make(&made, &entry, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    amphi__memory_cache_add(store, made, now_ms);
    amphi__mutex_unlock(&store->lock);
    return AMPHI_OK;
}

amphi_status amphi__memory_cache_clear(void *self, amphi_error *error)
{
    amphi_store_memory *store = self;
    (void)error;
    amphi__mutex_lock(&store->lock);
    amphi__list_clear(&store->cache);
    store->cache_bytes = 0;
    amphi__mutex_unlock(&store->lock);
    return AMPHI_OK;
}
