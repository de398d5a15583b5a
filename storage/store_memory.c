/* SPDX-License-Identifier: Apache-2.0
 *
 * The store without a disk, for builds with AMPHI_STORE=memory: the same contract as the encrypted
 * one as long as the process lives, and nothing afterwards. Plain lists, oldest first; a look-up
 * walks them. One mutex; visitors get copies and run after it is released. What is freed is
 * overwritten first. History, cache, outbox and ledger have files of their own (store_memory_*.c).
 */
#include "storage/store_memory.h"

#include "storage/store_memory_ledger.h"
#include "storage/store_visit.h"
#include "storage/stores.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* Which string of a setting is what. */
enum { SETTING_NAME, SETTING_VALUE };

/* ---- Settings and keys ---- */

static amphi_status setting_get(
    void *self, amphi_str name, amphi_store_value_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_rows copy;
    amphi_status status = AMPHI_OK;
    amphi__rows_init(&copy);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->settings, SETTING_NAME, name);
    if (found != NULL)
        amphi__rows_put_str(&copy, (*found)->strings[SETTING_VALUE]);
    amphi__mutex_unlock(&store->lock);
    if (found == NULL)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "settings: no such name");
    else if (copy.bytes.status != AMPHI_OK)
        status = amphi__fail_no_memory(error);
    else
        visit(user, amphi__rows_take_str(&copy));
    amphi__rows_clear(&copy);
    return status;
}

static amphi_status setting_put(void *self, amphi_str name, amphi_str value, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_status status = amphi__check_setting(name, value, error);
    if (status != AMPHI_OK)
        return status;
    amphi_str strings[] = {name, value};
    amphi_entry *made = amphi__entry_new(strings, 2);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->settings, SETTING_NAME, name);
    if (found != NULL)
        amphi__entry_free(amphi__list_unlink(&store->settings, found));
    amphi__list_append(&store->settings, made);
    amphi__mutex_unlock(&store->lock);
    return AMPHI_OK;
}

static amphi_status setting_swap(
    void *self, amphi_str name, amphi_str before, amphi_str after, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_str strings[] = {name, after};
    amphi_status status = amphi__check_setting(name, after, error);
    if (status != AMPHI_OK)
        return status;
    amphi_entry *made = amphi__entry_new(strings, 2);
    if (made == NULL)
        return amphi__fail_no_memory(error);
    amphi__mutex_lock(&store->lock);
    amphi_entry **found = amphi__list_find(&store->settings, SETTING_NAME, name);
    bool is_same = found != NULL ? amphi__str_equal((*found)->strings[SETTING_VALUE], before)
                                 : before.size == 0;
    if (is_same && found != NULL)
        amphi__entry_free(amphi__list_unlink(&store->settings, found));
    if (is_same)
        amphi__list_append(&store->settings, made);
    amphi__mutex_unlock(&store->lock);
    if (is_same)
        return AMPHI_OK;
    amphi__entry_free(made);
    return amphi__fail(error, AMPHI_E_BUSY, 0, "settings: it was changed meanwhile");
}

static amphi_status derive_key(void *self, amphi_str purpose, uint8_t out[32], amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_status status = amphi__hkdf_sha256(store->master, purpose, out);
    return status == AMPHI_OK ? status : amphi__fail(error, status, 0, "store: HKDF failed");
}

/* ---- Ledger ---- */

static amphi_status ledger_add(
    void *self, const amphi_store_start *given, int64_t *id, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_store_start own;
    const amphi_store_start *start = &own;
    amphi_status status = amphi__read_start(&own, given, error);
    if (status != AMPHI_OK)
        return status;
    amphi__mutex_lock(&store->lock);
    *id = ++store->last_id;
    status = amphi__memory_ledger_add(&store->ledger, start, *id, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}

static amphi_status ledger_set(void *self, int64_t id, amphi_start_phase phase,
    amphi_start_outcome outcome, int64_t now_ms, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi__mutex_lock(&store->lock);
    amphi_status status =
        amphi__memory_ledger_set(&store->ledger, id, phase, outcome, now_ms, error);
    amphi__mutex_unlock(&store->lock);
    return status;
}

static amphi_status ledger_list(void *self, amphi_str fingerprint, int64_t since_ms,
    amphi_store_start_fn *visit, void *user, amphi_error *error)
{
    amphi_store_memory *store = self;
    amphi_rows rows;
    amphi__rows_init(&rows);
    amphi__mutex_lock(&store->lock);
    amphi__memory_ledger_copy(&store->ledger, fingerprint, since_ms, &rows);
    amphi__mutex_unlock(&store->lock);
    amphi_status status = AMPHI_OK;
    if (rows.bytes.status == AMPHI_OK)
        (void)amphi__visit_starts(&rows, visit, user);
    else
        status = amphi__fail_no_memory(error);
    amphi__rows_clear(&rows);
    return status;
}

static void store_free(void *self)
{
    amphi_store_memory *store = self;
    if (store == NULL)
        return;
    amphi__list_clear(&store->conversations);
    amphi__list_clear(&store->messages);
    amphi__list_clear(&store->outbox);
    amphi__list_clear(&store->settings);
    amphi__list_clear(&store->ledger);
    amphi__list_clear(&store->cache);
    amphi__list_clear(&store->erasures);
    amphi__wipe(store->master, sizeof store->master);
    amphi__mutex_clear(&store->lock);
    amphi__free(store);
}

static const amphi_store_ops memory_ops = {
    .struct_size = sizeof(amphi_store_ops),
    .name = "memory",
    .turn_append = amphi__memory_turn_append,
    .messages = amphi__memory_messages,
    .conversations = amphi__memory_conversations,
    .conversation_delete = amphi__memory_conversation_delete,
    .cache_get = amphi__memory_cache_get,
    .cache_put = amphi__memory_cache_put,
    .cache_clear = amphi__memory_cache_clear,
    .outbox_add = amphi__memory_outbox_add,
    .outbox_claim = amphi__memory_outbox_claim,
    .outbox_release = amphi__memory_outbox_release,
    .outbox_remove = amphi__memory_outbox_remove,
    .outbox_entries = amphi__memory_outbox_entries,
    .setting_get = setting_get,
    .setting_put = setting_put,
    .derive_key = derive_key,
    .free = store_free,
    .ledger_add = ledger_add,
    .ledger_set = ledger_set,
    .ledger_list = ledger_list,
    .outbox_change = amphi__memory_outbox_change,
    .outbox_event = amphi__memory_outbox_event,
    .outbox_claim_head = amphi__memory_outbox_claim_head,
    .outbox_waiting = amphi__memory_outbox_waiting,
    .rows = amphi__memory_rows,
    .list = amphi__memory_list,
    .change = amphi__memory_change,
    .erase = amphi__memory_erase,
    .erasure_epoch = amphi__memory_erasure_epoch,
    .search = amphi__memory_search,
    .setting_swap = setting_swap,
};

amphi_status amphi__store_memory_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error)
{
    amphi_store_memory *store = amphi__calloc(1, sizeof *store);
    if (store == NULL)
        return amphi__fail_no_memory(error);
    store->limits = amphi__store_limits(options);
    store->log = options->log;
    store->erasure_epoch = 1;
    store->clock = options->clock;
    amphi_status status = amphi__mutex_init(&store->lock);
    if (status != AMPHI_OK) {
        amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = amphi__random(store->master, sizeof store->master);
    if (status != AMPHI_OK) {
        amphi__fail(error, status, 0, "store: no random numbers");
        goto cleanup;
    }
    *out = (amphi_store){.ops = &memory_ops, .self = store};
    store = NULL; /* the caller owns it now */
cleanup:
    store_free(store);
    return status;
}
