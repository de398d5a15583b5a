/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory store's inside, shared by its files. Each function below is one entry of
 * amphi_store_ops (see ext/store.h for what it promises); self is the store. They lock, gather what
 * a visitor shall see, unlock, and visit.
 */
#ifndef AMPHI_STORAGE_STORE_MEMORY_H
#define AMPHI_STORAGE_STORE_MEMORY_H

#include "sdk/core/thread.h"
#include "storage/store_checks.h"
#include "storage/store_memory_list.h"

typedef struct amphi_store_memory {
    amphi_mutex lock;          /* guards everything below */
    amphi_store_limits limits; /* resolved */
    amphi_log log;             /* the client's */
    const amphi_clock *clock;  /* of the outbox; NULL: the system's */
    uint8_t master[32];        /* random; for derive_key */
    int64_t last_id;           /* of conversations, messages, outbox entries and starts alike */
    int64_t erasure_epoch;     /* of the latest erasure */
    int64_t everything_epoch;  /* when everything was erased last; 0: never */
    amphi_list conversations, messages, outbox, settings, ledger;
    amphi_list erasures; /* oldest first */
    /* Least recently used first. */
    amphi_list cache;
    uint64_t cache_bytes;
} amphi_store_memory;

/* Which string of an outbox entry is what: the history looks for them as well. */
enum { OUTBOX_ID, OUTBOX_CONVERSATION, OUTBOX_REQUEST, OUTBOX_REASON };

/* store_memory_history.c */
amphi_status amphi__memory_turn_append(
    void *self, const amphi_store_turn *given, amphi_error *error);
amphi_status amphi__memory_messages(void *self, amphi_str conversation_id,
    amphi_store_message_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_rows(void *self, const amphi_store_row_query *query,
    amphi_store_row_fn *visit, void *user, amphi_error *error);

/* store_memory_conversations.c */
amphi_status amphi__memory_list(void *self, const amphi_history_query *query,
    amphi_history_conversation_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_conversations(
    void *self, amphi_history_conversation_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_change(void *self, const amphi_store_change *change, amphi_error *error);

/* store_memory_erase.c */
amphi_status amphi__memory_conversation_delete(void *self, amphi_str id, amphi_error *error);
amphi_status amphi__memory_erase(void *self, const amphi_store_erasure *what,
    amphi_history_receipt *receipt, amphi_error *error);
amphi_status amphi__memory_erasure_epoch(void *self, int64_t *epoch, amphi_error *error);

/* store_memory_search.c */
amphi_status amphi__memory_search(void *self, const amphi_search_query *query,
    amphi_search_hit_fn *visit, void *user, amphi_error *error);

/* store_memory_cache.c */
amphi_status amphi__memory_cache_get(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    int64_t now_ms, amphi_store_value_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_cache_put(void *self, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    amphi_str value, int64_t now_ms, int64_t expires_ms, amphi_error *error);
amphi_status amphi__memory_cache_clear(void *self, amphi_error *error);
/* Under the lock. make: an entry for add, which takes it. take: the value's size, when one of this
 * key was there. */
amphi_status amphi__memory_cache_make(
    amphi_entry **out, const amphi_store_cache_entry *entry, amphi_error *error);
void amphi__memory_cache_add(amphi_store_memory *store, amphi_entry *made, int64_t now_ms);
bool amphi__memory_cache_take(amphi_store_memory *store, amphi_str key, uint64_t *bytes);

/* store_memory_outbox.c */
amphi_status amphi__memory_outbox_add(
    void *self, const amphi_store_outbox_item *given, amphi_error *error);
amphi_status amphi__memory_outbox_claim(void *self, int64_t now_ms, uint32_t lease_ms,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_outbox_claim_head(void *self, amphi_str conversation_id,
    uint32_t lease_ms, amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_outbox_waiting(void *self, amphi_str conversation_id,
    amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_outbox_release(
    void *self, amphi_str id, int64_t not_before_ms, amphi_error *error);
amphi_status amphi__memory_outbox_remove(void *self, amphi_str id, amphi_error *error);
amphi_status amphi__memory_outbox_entries(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error);
amphi_status amphi__memory_outbox_change(
    void *self, const amphi_store_outbox_change *change, amphi_error *error);
amphi_status amphi__memory_outbox_event(
    void *self, amphi_store_outbox_fn *visit, void *user, amphi_error *error);
/* Under the lock: the link to the entry that a turn answers, if it is leased as the turn says; NULL
 * otherwise. */
amphi_entry **amphi__memory_outbox_find(amphi_store_memory *store, const amphi_store_turn *turn);
/* Under the lock: that entry was sent. */
void amphi__memory_outbox_take(amphi_store_memory *store, amphi_entry **link);

#endif
