/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory in front of a table. The memory part is an array with linear search: comparing a thousand
 * 32-byte keys is fast enough, and there is no other structure to keep right.
 */
#include "sdk/client/response_cache.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

typedef struct entry {
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    char *value; /* JSON; NULL: free slot */
    int64_t expires_ms;
    uint64_t used; /* larger is later */
} entry;

struct amphi_response_cache {
    amphi_store store;
    const amphi_clock *clock;
    uint8_t hmac_key[32];
    amphi_mutex lock; /* guards what follows */
    entry entries[AMPHI_RESPONSE_CACHE_MEMORY_ENTRIES];
    uint64_t uses;
    uint64_t generation; /* grows whenever everything is forgotten */
    int64_t epoch;       /* of the store's erasures, as last seen; 0: not yet */
    uint64_t epoch_ms;   /* monotonic; when that was */
};

#define EPOCH_CHECK_MS 1000u

amphi_status amphi__response_cache_new(
    amphi_response_cache **out, amphi_store store, const amphi_clock *clock, amphi_error *error)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    amphi_response_cache *cache = amphi__calloc(1, sizeof *cache);
    if (cache == NULL || amphi__mutex_init(&cache->lock) != AMPHI_OK) {
        amphi__fail_no_memory(error);
        goto cleanup;
    }
    cache->store = store;
    cache->clock = clock;
    status = store.ops->derive_key(store.self, AMPHI_STR("response cache"), cache->hmac_key, error);
    if (status != AMPHI_OK)
        goto cleanup;
    *out = cache;
    cache = NULL;
cleanup:
    amphi__response_cache_free(cache);
    return status;
}

static void free_value(char *value)
{
    if (value != NULL)
        amphi__wipe(value, strlen(value));
    amphi__free(value);
}

void amphi__response_cache_free(amphi_response_cache *cache)
{
    if (cache == NULL)
        return;
    amphi__response_cache_forget(cache);
    amphi__mutex_clear(&cache->lock);
    amphi__wipe(cache->hmac_key, sizeof cache->hmac_key);
    amphi__free(cache);
}

/* Fields that affect how an answer is delivered, not its content. */
static bool is_about_delivery(amphi_str key)
{
    return amphi__str_equal_c(key, "stream") || amphi__str_equal_c(key, "stream_options") ||
           amphi__str_equal_c(key, "user") || amphi__str_equal_c(key, "metadata") ||
           amphi__str_equal_c(key, "messages") || amphi__str_equal_c(key, "amphi");
}

amphi_status amphi__response_cache_key(amphi_response_cache *cache, const amphi_request *request,
    amphi_privacy privacy, amphi_str history, uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_buf canonical;
    amphi__buf_init(&canonical, 0);
    const char *routes = privacy >= AMPHI_PRIVACY_PRIVATE         ? "private"
                         : privacy != AMPHI_PRIVACY_NONE          ? "local"
                         : request->mode == AMPHI_MODE_ONLY_CLOUD ? "cloud"
                                                                  : "any";
    amphi__buf_printf(&canonical, "v1 %s [%zu ", routes, history.size);
    amphi__buf_append_str(&canonical, history);
    amphi__buf_append_char(&canonical, ']');
    amphi__json_write_sorted(&canonical, amphi__json_get(request->body, "messages"));
    amphi__json_write_sorted_but(&canonical, request->body, is_about_delivery);
    amphi_status status = canonical.status != AMPHI_OK ? canonical.status
                                                       : amphi__hmac_sha256(cache->hmac_key,
                                                             amphi__buf_str(&canonical), key);
    amphi__buf_wipe(&canonical);
    return status;
}

/* Another process may have deleted what this one holds in memory. Asked at most once a second,
 * since an answer from memory takes less time than the store's. */
static void notice_erasures(amphi_response_cache *cache)
{
    const amphi_store store = cache->store;
    int64_t epoch = 0;
    uint64_t now_ms = amphi__clock_ms(cache->clock);
    if (store.ops->erasure_epoch == NULL)
        return;
    amphi__mutex_lock(&cache->lock);
    bool is_due = cache->epoch == 0 || now_ms - cache->epoch_ms >= EPOCH_CHECK_MS;
    if (is_due)
        cache->epoch_ms = now_ms;
    amphi__mutex_unlock(&cache->lock);
    if (!is_due || store.ops->erasure_epoch(store.self, &epoch, NULL) != AMPHI_OK)
        return;
    amphi__mutex_lock(&cache->lock);
    bool has_changed = cache->epoch != 0 && cache->epoch != epoch;
    cache->epoch = epoch;
    amphi__mutex_unlock(&cache->lock);
    if (has_changed)
        amphi__response_cache_forget(cache);
}

/* Copies the value out of memory, or NULL. */
static char *memory_get(amphi_response_cache *cache, const uint8_t *key, int64_t now_ms)
{
    char *copy = NULL;
    amphi__mutex_lock(&cache->lock);
    for (size_t i = 0; i < AMPHI_RESPONSE_CACHE_MEMORY_ENTRIES; i++) {
        entry *e = &cache->entries[i];
        if (e->value == NULL || memcmp(e->key, key, AMPHI_CACHE_KEY_BYTES) != 0)
            continue;
        if (e->expires_ms > now_ms) {
            e->used = ++cache->uses;
            copy = amphi__str_copy(amphi_str_from(e->value));
        }
        break;
    }
    amphi__mutex_unlock(&cache->lock);
    return copy;
}

/* Takes `value`. An equal key, a free slot, or else the least recently used one. */
static void memory_put(amphi_response_cache *cache, uint64_t generation, const uint8_t *key,
    char *value, int64_t expires_ms)
{
    amphi__mutex_lock(&cache->lock);
    if (generation != cache->generation) { /* it was deleted meanwhile */
        amphi__mutex_unlock(&cache->lock);
        free_value(value);
        return;
    }
    entry *slot = &cache->entries[0];
    for (size_t i = 0; i < AMPHI_RESPONSE_CACHE_MEMORY_ENTRIES; i++) {
        entry *e = &cache->entries[i];
        if (e->value != NULL && memcmp(e->key, key, AMPHI_CACHE_KEY_BYTES) == 0) {
            slot = e;
            break;
        }
        if (slot->value != NULL && (e->value == NULL || e->used < slot->used))
            slot = e;
    }
    char *old = slot->value;
    memcpy(slot->key, key, AMPHI_CACHE_KEY_BYTES);
    slot->value = value;
    slot->expires_ms = expires_ms;
    slot->used = ++cache->uses;
    amphi__mutex_unlock(&cache->lock);
    free_value(old);
}

static void copy_value(void *user, amphi_str value)
{
    *(char **)user = amphi__str_copy(value);
}

static amphi_status parse_answer(amphi_str json, amphi_cached_answer *out)
{
    amphi_json *root = NULL;
    memset(out, 0, sizeof *out);
    amphi_status status = amphi__json_parse(&root, json, "cached answer", NULL);
    if (status != AMPHI_OK)
        return status;
    out->text = amphi__str_copy(amphi__json_string(amphi__json_get(root, "text")));
    out->model = amphi__str_copy(amphi__json_string(amphi__json_get(root, "model")));
    out->route = amphi__str_copy(amphi__json_string(amphi__json_get(root, "route")));
    out->identity = amphi__str_copy(amphi__json_string(amphi__json_get(root, "identity")));
    out->usage.prompt_tokens = (uint32_t)amphi__json_int(amphi__json_get(root, "prompt"), 0);
    out->usage.completion_tokens =
        (uint32_t)amphi__json_int(amphi__json_get(root, "completion"), 0);
    amphi__json_free(root);
    if (out->text != NULL && out->model != NULL && out->route != NULL && out->identity != NULL)
        return AMPHI_OK;
    amphi__cached_answer_clear(out);
    return AMPHI_E_NO_MEMORY;
}

amphi_status amphi__response_cache_get(
    amphi_response_cache *cache, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_cached_answer *out)
{
    int64_t now_ms = amphi__clock_wall_ms(cache->clock);
    notice_erasures(cache);
    char *value = memory_get(cache, key, now_ms);
    bool from_table = value == NULL;
    if (from_table) {
        amphi_status status =
            cache->store.ops->cache_get(cache->store.self, key, now_ms, copy_value, &value, NULL);
        if (status != AMPHI_OK || value == NULL)
            return status != AMPHI_OK ? status : AMPHI_E_NO_MEMORY;
    }
    amphi_status status = parse_answer(amphi_str_from(value), out);
    free_value(value);
    return status;
}

amphi_status amphi__response_cache_encode(
    const amphi_chat_result *answer, amphi_str identity, amphi_buf *out)
{
    amphi_json_writer writer;
    amphi__buf_init(out, AMPHI_RESPONSE_CACHE_ANSWER_BYTES_MAX);
    amphi__json_writer_init(&writer, out);
    amphi__json_open(&writer, NULL, '{');
    amphi__json_put_str(&writer, "text", answer->text);
    amphi__json_put_str(&writer, "model", answer->model);
    amphi__json_put_str(&writer, "route", answer->route);
    amphi__json_put_str(&writer, "identity", identity);
    amphi__json_put_int(&writer, "prompt", answer->usage.prompt_tokens);
    amphi__json_put_int(&writer, "completion", answer->usage.completion_tokens);
    amphi__json_close(&writer, '}');
    return out->status; /* too long to store, or no memory: not an error for the caller */
}

uint64_t amphi__response_cache_generation(amphi_response_cache *cache)
{
    amphi__mutex_lock(&cache->lock);
    uint64_t generation = cache->generation;
    amphi__mutex_unlock(&cache->lock);
    return generation;
}

void amphi__response_cache_remember(amphi_response_cache *cache, uint64_t generation,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value, int64_t expires_ms)
{
    char *copy = amphi__str_copy(value);
    if (copy != NULL)
        memory_put(cache, generation, key, copy, expires_ms);
}

amphi_status amphi__response_cache_put(amphi_response_cache *cache,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], const amphi_chat_result *answer, amphi_str identity,
    uint32_t ttl_s)
{
    amphi_buf json;
    uint64_t generation = amphi__response_cache_generation(cache);
    amphi_status status = amphi__response_cache_encode(answer, identity, &json);
    int64_t now_ms = amphi__clock_wall_ms(cache->clock);
    int64_t expires_ms = now_ms + (int64_t)ttl_s * 1000;
    if (status == AMPHI_OK) {
        status = cache->store.ops->cache_put(
            cache->store.self, key, amphi__buf_str(&json), now_ms, expires_ms, NULL);
        amphi__response_cache_remember(cache, generation, key, amphi__buf_str(&json), expires_ms);
    }
    amphi__buf_wipe(&json);
    return status;
}

void amphi__response_cache_forget(amphi_response_cache *cache)
{
    amphi__mutex_lock(&cache->lock);
    cache->generation++;
    for (size_t i = 0; i < AMPHI_RESPONSE_CACHE_MEMORY_ENTRIES; i++) {
        free_value(cache->entries[i].value);
        cache->entries[i].value = NULL;
    }
    amphi__mutex_unlock(&cache->lock);
}

amphi_status amphi__response_cache_clear(amphi_response_cache *cache, amphi_error *error)
{
    const amphi_store store = cache->store;
    amphi_status status =
        store.ops->cache_clear != NULL
            ? store.ops->cache_clear(store.self, error)
            : amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "the app's store cannot clear its cache");
    amphi__response_cache_forget(cache);
    return status;
}

void amphi__cached_answer_clear(amphi_cached_answer *answer)
{
    amphi__free(answer->text);
    amphi__free(answer->model);
    amphi__free(answer->route);
    amphi__free(answer->identity);
    memset(answer, 0, sizeof *answer);
}
