/* SPDX-License-Identifier: Apache-2.0
 *
 * A response cache that several clients share, such as the gateways of one team: a level behind the
 * client's memory, in place of the store's table. It sees neither questions nor answers: keys are
 * HMACs and values are sealed (AES-256-GCM) under the team's secret before they come here.
 */
#ifndef AMPHI_EXT_CACHE_H
#define AMPHI_EXT_CACHE_H

#include <amphi/ext/store.h>

#define AMPHI_CACHE_SECRET_BYTES 32

/* TABLE. secret, get and put are required. All of them may be called from any thread, several at a
 * time. A request waits for get on the way to its first token, so it gives up within about 50 ms,
 * and answers at once for a while after the cache was out of reach. */
typedef struct amphi_shared_cache_ops {
    size_t struct_size;
    const char *name;
    /* The same 32 bytes for every client that shares the cache; called once. The caller wipes. */
    amphi_status (*secret)(void *self, uint8_t out[AMPHI_CACHE_SECRET_BYTES], amphi_error *error);
    /* NOT_FOUND when absent; OFFLINE when the cache is out of reach. */
    amphi_status (*get)(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
        amphi_store_value_fn *visit, void *user, amphi_error *error);
    /* Kept for ttl_ms at most. An equal key is replaced. */
    amphi_status (*put)(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value,
        uint64_t ttl_ms, amphi_error *error);
    /* Takes one answer out; NOT_FOUND when absent. Called when a history is deleted: no request
     * waits for it, so it may try a cache that was out of reach. NULL: unsupported. */
    amphi_status (*remove)(
        void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_error *error);
    /* Forgets every answer of this team. NULL: unsupported. */
    amphi_status (*clear)(void *self, amphi_error *error);
    /* Last call. NULL: nothing to free. */
    void (*free)(void *self);
} amphi_shared_cache_ops;

/* FROZEN. */
typedef struct amphi_shared_cache {
    const amphi_shared_cache_ops *ops;
    void *self;
} amphi_shared_cache;

#endif
