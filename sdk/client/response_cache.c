/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys, the two levels, and the counters. Questions in other words have a key in common, under
 * which the table has the way to an answer; whether it really serves is for cache_lookup.c to
 * say.
 */
#include "sdk/client/response_cache.h"

#include "sdk/client/cache_counters.h"
#include "sdk/client/cache_memory.h"
#include "sdk/client/shared_removals.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"
#include "sdk/near/near.h"

#include <stdlib.h>

/* Another client may clear the shared level, so what came from there is not believed for long. */
#define SHARED_MEMORY_MS 30000
#define EPOCH_CHECK_MS   1000u
/* A deletion waits for the shared level for so long, and for one that is out of reach once. */
#define SHARED_REMOVAL_US (3u * 1000 * 1000)

struct amphi_response_cache {
    amphi_store store;
    amphi_shared_cache shared; /* ops NULL: none */
    const amphi_clock *clock;
    uint8_t own_key[32];    /* for HMACs; the store's */
    uint8_t shared_key[32]; /* likewise; the team's */
    uint8_t seal_key[32];   /* for what goes into the shared level */
    amphi_cache_memory *memory;
    amphi_mutex lock;  /* guards what follows */
    int64_t epoch;     /* of the store's erasures, as last seen; 0: not yet */
    uint64_t epoch_ms; /* monotonic; when that was */
    uint64_t hint;     /* the store's, then */
    /* What this client counted. */
    uint64_t counts[AMPHI_CACHE_COUNTS];
    uint64_t tokens_saved;
    uint64_t ms_saved;
};

static amphi_status take_secret(amphi_response_cache *cache, amphi_error *error)
{
    uint8_t secret[AMPHI_CACHE_SECRET_BYTES] = {0};
    amphi_status status = cache->shared.ops->secret(cache->shared.self, secret, error);
    if (status == AMPHI_OK)
        status = amphi__hkdf_sha256(secret, AMPHI_STR("amphi/cache/keys/1"), cache->shared_key);
    if (status == AMPHI_OK)
        status = amphi__hkdf_sha256(secret, AMPHI_STR("amphi/cache/values/1"), cache->seal_key);
    amphi__wipe(secret, sizeof secret);
    return status;
}

/* ---- removing from the shared level ---- */

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, AMPHI_CACHE_KEY_BYTES);
}

/* Sorts `keys`; those whose answers may still be there come into `undone`. */
static void remove_each(
    amphi_response_cache *cache, amphi_buf *keys, amphi_buf *undone, uint64_t *removed)
{
    const amphi_shared_cache_ops *ops = cache->shared.ops;
    uint8_t *all = (uint8_t *)keys->data;
    size_t count = keys->size / AMPHI_CACHE_KEY_BYTES;
    uint64_t until_us = amphi__clock_us(NULL) + SHARED_REMOVAL_US;
    bool answers = ops != NULL && ops->remove != NULL;
    if (count > 0)
        qsort(all, count, AMPHI_CACHE_KEY_BYTES, by_key);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *key = all + i * AMPHI_CACHE_KEY_BYTES;
        if (i > 0 && memcmp(key - AMPHI_CACHE_KEY_BYTES, key, AMPHI_CACHE_KEY_BYTES) == 0)
            continue;
        answers = answers && amphi__clock_us(NULL) < until_us;
        amphi_status status =
            answers ? ops->remove(cache->shared.self, key, NULL) : AMPHI_E_OFFLINE;
        answers = answers && status != AMPHI_E_OFFLINE;
        *removed += status == AMPHI_OK;
        if (status != AMPHI_OK && status != AMPHI_E_NOT_FOUND)
            amphi__buf_append(undone, key, AMPHI_CACHE_KEY_BYTES);
    }
}

/* What earlier deletions left there. */
static void finish_removals(amphi_response_cache *cache)
{
    uint64_t removed = 0, left = 0;
    amphi_buf none;
    amphi__buf_init(&none, 0);
    amphi__response_cache_remove_shared(cache, &none, &removed, &left);
    amphi__buf_clear(&none);
}

amphi_status amphi__response_cache_new(amphi_response_cache **out, amphi_store store,
    amphi_shared_cache shared, const amphi_clock *clock, amphi_error *error)
{
    amphi_status status = AMPHI_E_NO_MEMORY;
    amphi_response_cache *cache = amphi__calloc(1, sizeof *cache);
    if (cache == NULL || amphi__mutex_init(&cache->lock) != AMPHI_OK ||
        (cache->memory = amphi__cache_memory_new()) == NULL) {
        amphi__fail_no_memory(error);
        goto cleanup;
    }
    cache->store = store;
    cache->shared = shared;
    cache->clock = clock;
    status = store.ops->derive_key(store.self, AMPHI_STR("response cache"), cache->own_key, error);
    if (status == AMPHI_OK && shared.ops != NULL)
        status = take_secret(cache, error);
    if (status != AMPHI_OK)
        goto cleanup;
    if (shared.ops != NULL)
        finish_removals(cache);
    *out = cache;
    cache = NULL;
cleanup:
    amphi__response_cache_free(cache);
    return status;
}

/* ---- keys ---- */

/* Fields that affect how an answer is delivered, not its content. */
static bool is_about_delivery(amphi_str key)
{
    return amphi__str_equal_c(key, "stream") || amphi__str_equal_c(key, "stream_options") ||
           amphi__str_equal_c(key, "user") || amphi__str_equal_c(key, "metadata") ||
           amphi__str_equal_c(key, "messages") || amphi__str_equal_c(key, "amphi");
}

static bool is_content(amphi_str key)
{
    return amphi__str_equal_c(key, "content");
}

/* The message whose text is folded: the last one, where it is a user's plain text. */
static const amphi_json *find_question(const amphi_json *messages)
{
    const amphi_json *last = NULL;
    for (const amphi_json *m = amphi__json_first(messages); m != NULL; m = amphi__json_next(m))
        last = m;
    bool is_text = amphi__json_is_string(amphi__json_get(last, "content")) &&
                   amphi__str_equal_c(amphi__json_string(amphi__json_get(last, "role")), "user");
    return is_text ? last : NULL;
}

/* The request without its question. */
static amphi_status digest_rest(const uint8_t hmac_key[32], const amphi_request *request,
    amphi_privacy privacy, amphi_str history, const amphi_json *question, uint8_t out[32])
{
    amphi_buf canonical;
    amphi__buf_init(&canonical, 0);
    const char *routes = privacy >= AMPHI_PRIVACY_PRIVATE         ? "private"
                         : privacy != AMPHI_PRIVACY_NONE          ? "local"
                         : request->mode == AMPHI_MODE_ONLY_CLOUD ? "cloud"
                                                                  : "any";
    amphi__buf_printf(&canonical, "v2 %s [%zu ", routes, history.size);
    amphi__buf_append_str(&canonical, history);
    amphi__buf_append_char(&canonical, ']');
    const amphi_json *messages = amphi__json_get(request->body, "messages");
    for (const amphi_json *m = amphi__json_first(messages); m != NULL; m = amphi__json_next(m))
        if (m == question)
            amphi__json_write_sorted_but(&canonical, m, is_content);
        else
            amphi__json_write_sorted(&canonical, m);
    amphi__json_write_sorted_but(&canonical, request->body, is_about_delivery);
    amphi_status status = canonical.status;
    if (status == AMPHI_OK)
        status = amphi__hmac_sha256(hmac_key, amphi__buf_str(&canonical), out);
    amphi__buf_wipe(&canonical);
    return status;
}

/* A key from the rest's digest and what stands for the question. */
static amphi_status make_key(const uint8_t hmac_key[32], char kind, const uint8_t rest[32],
    amphi_str question, uint8_t out[AMPHI_CACHE_KEY_BYTES])
{
    amphi_buf all;
    amphi__buf_init(&all, 0);
    amphi__buf_append_char(&all, kind);
    amphi__buf_append(&all, rest, 32);
    amphi__buf_append_str(&all, question);
    amphi_status status = all.status;
    if (status == AMPHI_OK)
        status = amphi__hmac_sha256(hmac_key, amphi__buf_str(&all), out);
    amphi__buf_wipe(&all);
    return status;
}

static amphi_status make_keys(
    const uint8_t hmac_key[32], const uint8_t rest[32], amphi_cache_keys *out)
{
    amphi_buf fold;
    amphi_near_signature near;
    amphi__buf_init(&fold, 0);
    amphi_status status = amphi__near_fold(&fold, out->question);
    if (status == AMPHI_OK)
        status = make_key(hmac_key, 'e', rest, amphi__buf_str(&fold), out->exact);
    if (status == AMPHI_OK)
        status = amphi__near_signature(&near, out->question, rest);
    out->has_near = status == AMPHI_OK && near.is_near_able;
    if (out->has_near) /* near questions have every band in common */
        status = make_key(hmac_key, 'n', rest,
            amphi_str_make((const char *)near.bands, sizeof near.bands), out->near_to);
    amphi__buf_wipe(&fold);
    return status;
}

/* A message remembers its answer's key: it says where the answer lies also to a client without a
 * shared level. */
static void mark_level(uint8_t key[AMPHI_CACHE_KEY_BYTES], bool is_shared)
{
    uint8_t *last = &key[AMPHI_CACHE_KEY_BYTES - 1];
    *last = (uint8_t)((*last & ~1u) | is_shared);
}

amphi_status amphi__response_cache_keys(amphi_response_cache *cache, const amphi_request *request,
    amphi_privacy privacy, amphi_str history, amphi_cache_keys *out)
{
    uint8_t rest[32];
    const amphi_json *question = find_question(amphi__json_get(request->body, "messages"));
    memset(out, 0, sizeof *out);
    out->question = amphi__json_string(amphi__json_get(question, "content"));
    out->is_shareable = privacy == AMPHI_PRIVACY_NONE;
    const uint8_t *hmac_key =
        cache->shared.ops != NULL && out->is_shareable ? cache->shared_key : cache->own_key;
    amphi_status status = digest_rest(hmac_key, request, privacy, history, question, rest);
    if (status == AMPHI_OK && question == NULL)
        status = make_key(hmac_key, 'e', rest, out->question, out->exact);
    else if (status == AMPHI_OK)
        status = make_keys(hmac_key, rest, out);
    mark_level(out->exact, hmac_key == cache->shared_key);
    return status;
}

/* ---- the second level ---- */

static bool is_shared(const amphi_response_cache *cache, const amphi_cache_keys *keys)
{
    return cache->shared.ops != NULL && keys->is_shareable;
}

static amphi_str key_text(const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    return amphi_str_make((const char *)key, AMPHI_CACHE_KEY_BYTES);
}

static void copy_value(void *user, amphi_str value)
{
    amphi__buf_append_str(user, value);
}

static amphi_status read_shared(amphi_response_cache *cache, const uint8_t *key, amphi_buf *json)
{
    amphi_buf sealed;
    amphi__buf_init(&sealed, AMPHI_CACHED_ANSWER_BYTES_MAX + AMPHI_SEAL_BYTES);
    amphi_status status =
        cache->shared.ops->get(cache->shared.self, key, copy_value, &sealed, NULL);
    if (status == AMPHI_OK)
        status = sealed.status;
    if (status == AMPHI_OK)
        status = amphi__open(cache->seal_key, key_text(key), amphi__buf_str(&sealed), json);
    amphi__buf_clear(&sealed);
    return status;
}

/* `value` is for amphi__buf_wipe in any case. */
static amphi_status read_table(
    amphi_response_cache *cache, bool shared, const uint8_t *key, int64_t now_ms, amphi_buf *value)
{
    amphi__buf_init(value, 0);
    amphi_status status = shared ? read_shared(cache, key, value)
                                 : cache->store.ops->cache_get(
                                       cache->store.self, key, now_ms, copy_value, value, NULL);
    return status == AMPHI_OK ? value->status : status;
}

static void write_shared(
    amphi_response_cache *cache, const uint8_t *key, amphi_str json, uint64_t keep_ms)
{
    amphi_buf sealed;
    amphi__buf_init(&sealed, 0);
    if (amphi__seal(cache->seal_key, key_text(key), json, &sealed) == AMPHI_OK)
        (void)cache->shared.ops->put(
            cache->shared.self, key, amphi__buf_str(&sealed), keep_ms, NULL);
    amphi__buf_clear(&sealed);
}

/* ---- finding ---- */

/* Another process may have deleted what this one holds in memory. The epoch is asked when the hint
 * says so, and once a second, since an answer from memory takes less time than the store's. The
 * hint is read first: what is deleted while the epoch is read is noticed at the next look. */
static void notice_erasures(amphi_response_cache *cache)
{
    const amphi_store store = cache->store;
    int64_t epoch = 0;
    uint64_t now_ms = amphi__clock_ms(cache->clock);
    if (store.ops->erasure_epoch == NULL)
        return;
    uint64_t hint = store.ops->erasure_hint != NULL ? store.ops->erasure_hint(store.self) : 0;
    amphi__mutex_lock(&cache->lock);
    bool is_due =
        cache->epoch == 0 || hint != cache->hint || now_ms - cache->epoch_ms >= EPOCH_CHECK_MS;
    if (is_due)
        cache->epoch_ms = now_ms;
    cache->hint = hint;
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

static amphi_status find_in_table(amphi_response_cache *cache, bool shared, const uint8_t *key,
    int64_t now_ms, amphi_cached_answer *out)
{
    amphi_buf json;
    uint64_t generation = amphi__cache_memory_generation(cache->memory);
    amphi_status status = read_table(cache, shared, key, now_ms, &json);
    if (status == AMPHI_OK)
        status = amphi__cached_answer_from_json(out, amphi__buf_str(&json));
    if (status == AMPHI_OK && shared)
        amphi__cache_memory_put(cache->memory, key, out, now_ms + SHARED_MEMORY_MS, generation);
    amphi__buf_wipe(&json);
    return status;
}

amphi_status amphi__response_cache_find(amphi_response_cache *cache, const amphi_cache_keys *keys,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], bool stale, amphi_cached_answer *out)
{
    int64_t now_ms = amphi__clock_wall_ms(cache->clock);
    notice_erasures(cache);
    amphi_status status = amphi__cache_memory_get(cache->memory, key, now_ms, out);
    if (status != AMPHI_OK)
        status = find_in_table(cache, is_shared(cache, keys), key, now_ms, out);
    if (status == AMPHI_OK && !stale && out->expires_ms <= now_ms) {
        amphi__cached_answer_clear(out);
        status = AMPHI_E_NOT_FOUND;
    }
    return status;
}

/* What lies under a near key: the letter and the key of the answer itself. Deleting that one leaves
 * nothing of it here. */
#define WAY 'w'

amphi_status amphi__response_cache_find_near(
    amphi_response_cache *cache, const amphi_cache_keys *keys, uint8_t out[AMPHI_CACHE_KEY_BYTES])
{
    amphi_buf way;
    if (!keys->has_near)
        return AMPHI_E_NOT_FOUND;
    amphi_status status = read_table(
        cache, is_shared(cache, keys), keys->near_to, amphi__clock_wall_ms(cache->clock), &way);
    if (status == AMPHI_OK && (way.size != 1 + AMPHI_CACHE_KEY_BYTES || way.data[0] != WAY))
        status = AMPHI_E_CORRUPT;
    if (status == AMPHI_OK)
        memcpy(out, way.data + 1, AMPHI_CACHE_KEY_BYTES);
    amphi__buf_clear(&way);
    return status;
}

/* ---- keeping ---- */

void amphi__response_cache_prepare(amphi_cache_keeping *keeping, amphi_response_cache *cache,
    amphi_cached_answer *answer, const amphi_cache_terms *terms)
{
    int64_t now_ms = amphi__clock_wall_ms(cache->clock);
    answer->expires_ms = now_ms + (int64_t)terms->ttl_s * 1000;
    keeping->answer = *answer;
    memset(answer, 0, sizeof *answer);
    keeping->until_ms = keeping->answer.expires_ms + (int64_t)terms->stale_s * 1000;
    keeping->generation = amphi__cache_memory_generation(cache->memory);
    amphi__buf_init(&keeping->value, 0);
    if (amphi__cached_answer_to_json(&keeping->answer, &keeping->value) != AMPHI_OK)
        amphi__cache_keeping_clear(keeping);
    else
        amphi__response_cache_count(cache, AMPHI_CACHE_COUNT_KEPT, NULL);
}

void amphi__response_cache_remember(
    amphi_response_cache *cache, const amphi_cache_keys *keys, const amphi_cache_keeping *keeping)
{
    int64_t until_ms = keeping->until_ms;
    int64_t believed_ms = amphi__clock_wall_ms(cache->clock) + SHARED_MEMORY_MS;
    if (is_shared(cache, keys) && until_ms > believed_ms)
        until_ms = believed_ms;
    amphi__cache_memory_put(
        cache->memory, keys->exact, &keeping->answer, until_ms, keeping->generation);
}

static void write_under(amphi_response_cache *cache, const amphi_cache_keys *keys,
    const uint8_t *key, amphi_str value, int64_t until_ms)
{
    int64_t now_ms = amphi__clock_wall_ms(cache->clock);
    if (is_shared(cache, keys))
        write_shared(cache, key, value, until_ms > now_ms ? (uint64_t)(until_ms - now_ms) : 1);
    else
        (void)cache->store.ops->cache_put(cache->store.self, key, value, now_ms, until_ms, NULL);
}

void amphi__response_cache_write(amphi_response_cache *cache, const amphi_cache_keys *keys,
    const amphi_cache_keeping *keeping, bool is_near, bool is_in_table)
{
    char way[1 + AMPHI_CACHE_KEY_BYTES] = {WAY};
    if (!is_in_table)
        write_under(cache, keys, keys->exact, amphi__buf_str(&keeping->value), keeping->until_ms);
    memcpy(way + 1, keys->exact, AMPHI_CACHE_KEY_BYTES);
    if (is_near && keys->has_near)
        write_under(cache, keys, keys->near_to, amphi_str_make(way, sizeof way), keeping->until_ms);
}

void amphi__cache_keeping_clear(amphi_cache_keeping *keeping)
{
    amphi__cached_answer_clear(&keeping->answer);
    amphi__buf_wipe(&keeping->value);
}

bool amphi__response_cache_is_own(const amphi_response_cache *cache, const amphi_cache_keys *keys)
{
    return !is_shared(cache, keys);
}

void amphi__response_cache_forget(amphi_response_cache *cache)
{
    amphi__cache_memory_clear(cache->memory);
}

static void forget_removals(amphi_store store)
{
    amphi_buf keys;
    amphi__buf_init(&keys, 0);
    amphi__shared_removals_read(store, &keys);
    (void)amphi__shared_removals_change(store, amphi__buf_str(&keys), amphi_str_make(NULL, 0));
    amphi__buf_clear(&keys);
}

amphi_status amphi__response_cache_clear(amphi_response_cache *cache, amphi_error *error)
{
    const amphi_store store = cache->store;
    amphi_status status =
        store.ops->cache_clear != NULL
            ? store.ops->cache_clear(store.self, error)
            : amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "the app's store cannot clear its cache");
    amphi_status shared = AMPHI_OK; /* the one is cleared whatever becomes of the other */
    if (cache->shared.ops != NULL) {
        amphi_error *why = status == AMPHI_OK ? error : NULL;
        shared = cache->shared.ops->clear != NULL
                     ? cache->shared.ops->clear(cache->shared.self, why)
                     : amphi__fail(why, AMPHI_E_UNSUPPORTED, 0, "the shared cache cannot clear");
        if (shared == AMPHI_OK)
            forget_removals(store);
    }
    amphi__response_cache_forget(cache);
    return status != AMPHI_OK ? status : shared;
}

void amphi__response_cache_remove_shared(
    amphi_response_cache *cache, amphi_buf *keys, uint64_t *removed, uint64_t *left)
{
    amphi_buf undone;
    if (cache->shared.ops != NULL)
        amphi__shared_removals_read(cache->store, keys);
    if (keys->size == 0)
        return;
    amphi_str all = amphi__buf_str(keys);
    amphi__buf_init(&undone, 0);
    remove_each(cache, keys, &undone, removed);
    *left += undone.size / AMPHI_CACHE_KEY_BYTES + (undone.status != AMPHI_OK);
    /* Without a shared level nothing is done, and what is kept stays. */
    (void)amphi__shared_removals_change(cache->store,
        cache->shared.ops != NULL ? all : amphi_str_make(NULL, 0), amphi__buf_str(&undone));
    amphi__buf_clear(&undone);
}

bool amphi__response_cache_is_shared_key(const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    return (key[AMPHI_CACHE_KEY_BYTES - 1] & 1) != 0;
}

/* ---- counters ---- */

void amphi__response_cache_count(
    amphi_response_cache *cache, amphi_cache_count what, const amphi_cached_answer *answer)
{
    amphi__mutex_lock(&cache->lock);
    cache->counts[what]++;
    if (answer != NULL) {
        cache->tokens_saved +=
            (uint64_t)answer->usage.prompt_tokens + answer->usage.completion_tokens;
        cache->ms_saved += answer->took_ms;
    }
    amphi__mutex_unlock(&cache->lock);
}

static void own_counts(amphi_response_cache *cache, amphi_cache_stats *out)
{
    amphi_cache_stats_init(out);
    amphi__mutex_lock(&cache->lock);
    out->misses = cache->counts[AMPHI_CACHE_COUNT_MISS];
    out->hits_exact = cache->counts[AMPHI_CACHE_COUNT_EXACT];
    out->hits_folded = cache->counts[AMPHI_CACHE_COUNT_FOLDED];
    out->hits_near = cache->counts[AMPHI_CACHE_COUNT_NEAR];
    out->hits_stale = cache->counts[AMPHI_CACHE_COUNT_STALE];
    out->joined = cache->counts[AMPHI_CACHE_COUNT_JOINED];
    out->kept = cache->counts[AMPHI_CACHE_COUNT_KEPT];
    out->tokens_saved = cache->tokens_saved;
    out->ms_saved = cache->ms_saved;
    amphi__mutex_unlock(&cache->lock);
}

void amphi__response_cache_stats(amphi_response_cache *cache, amphi_cache_stats *out)
{
    own_counts(cache, out);
    amphi__cache_counters_read(cache->store, out);
}

/* Adds this client's counts to the kept ones. What can't be added is lost with the client: the
 * counts are for people to look at. */
static void keep_counts(amphi_response_cache *cache)
{
    amphi_cache_stats own;
    bool any = false;
    for (size_t i = 0; i < AMPHI_CACHE_COUNTS; i++)
        any |= cache->counts[i] != 0;
    if (!any)
        return;
    own_counts(cache, &own);
    (void)amphi__cache_counters_add(cache->store, &own);
}

void amphi__response_cache_free(amphi_response_cache *cache)
{
    if (cache == NULL)
        return;
    if (cache->store.ops != NULL)
        keep_counts(cache);
    amphi__cache_memory_free(cache->memory);
    amphi__mutex_clear(&cache->lock);
    amphi__wipe(cache->own_key, sizeof cache->own_key);
    amphi__wipe(cache->shared_key, sizeof cache->shared_key);
    amphi__wipe(cache->seal_key, sizeof cache->seal_key);
    amphi__free(cache);
}
