/* SPDX-License-Identifier: Apache-2.0
 *
 * The encrypted store's inside, shared by its five files: history.c, response_cache.c, outbox.c,
 * settings.c and crash_ledger.c. Each function below is one entry of amphi_store_ops (see
 * ext/store.h for what it promises); self is the store. They lock, gather what a visitor shall see,
 * unlock, and visit.
 */
#ifndef AMPHI_STORAGE_STORE_SQLCIPHER_H
#define AMPHI_STORAGE_STORE_SQLCIPHER_H

#include "sdk/core/thread.h"
#include "storage/sqlcipher.h"
#include "storage/store_checks.h"

#define AMPHI_CACHE_TOUCHES_MAX 1024

typedef struct amphi_store_sqlcipher {
    amphi_mutex lock;          /* guards everything below */
    amphi_db *db;              /* the one connection */
    amphi_store_limits limits; /* resolved */
    amphi_log log;             /* the client's */
    uint8_t master[32];        /* for derive_key; the store's own key is not kept */
    /* Rows that were read since the last write: their turn in the cache's order is written with
     * it, so that a hit costs no sync. */
    int64_t touched[AMPHI_CACHE_TOUCHES_MAX];
    size_t touched_count;
} amphi_store_sqlcipher;

amphi_status amphi__store_history_append(
    void *self, const amphi_store_turn *turn, amphi_error *error);
amphi_status amphi__store_history_messages(void *self, amphi_str conversation_id,
    amphi_store_message_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_history_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_history_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_history_delete(void *self, amphi_str id, amphi_error *error);

amphi_status amphi__store_cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    int64_t now_ms, amphi_store_value_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error);
amphi_status amphi__store_cache_clear(void *self, amphi_error *error);
/* Writes what `touched` holds, in a transaction of its own. The caller holds the lock. */
amphi_status amphi__store_cache_flush(amphi_store_sqlcipher *store, amphi_error *error);

amphi_status amphi__store_outbox_add(
    void *self, const amphi_store_outbox_item *item, amphi_error *error);
amphi_status amphi__store_outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_outbox_release(
    void *self, amphi_str id, int64_t not_before_ms, amphi_error *error);
amphi_status amphi__store_outbox_remove(void *self, amphi_str id, amphi_error *error);
amphi_status amphi__store_outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error);

amphi_status amphi__store_setting_get(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error);
amphi_status amphi__store_setting_put(
    void *self, amphi_str name, amphi_str value, amphi_error *error);

amphi_status amphi__store_ledger_add(
    void *self, const amphi_store_start *start, int64_t *id, amphi_error *error);
amphi_status amphi__store_ledger_set(void *self, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error);
amphi_status amphi__store_ledger_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error);

#endif
