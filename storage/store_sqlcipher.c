/* SPDX-License-Identifier: Apache-2.0
 *
 * The encrypted store: one file, a connection that reads and one that writes. Any number of
 * processes may have the same file open. From the provider's key come, by HKDF, the file's salt
 * (see sqlcipher.c) and the master of derive_key; the key itself goes to SQLCipher and is wiped
 * here.
 */
#include "storage/store_sqlcipher.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/process_identity.h"
#include "sdk/core/str.h"
#include "storage/data_dir.h"
#include "storage/search.h"
#include "storage/store_hint.h"
#include "storage/store_reserve.h"
#include "storage/stores.h"
#include "storage/waiting_turns.h"

static amphi_status derive_key(void *self, amphi_str purpose, uint8_t out[32], amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_status status = amphi__hkdf_sha256(store->master, purpose, out);
    return status == AMPHI_OK ? status : amphi__fail(error, status, 0, "store: HKDF failed");
}

static void store_free(void *self)
{
    amphi_store_sqlcipher *store = self;
    if (store == NULL)
        return;
    amphi__store_flusher_free(store->flusher);
    if (store->turns != NULL)
        (void)amphi__waiting_turns_flush(store, AMPHI_PATIENCE_END_MS, NULL);
    uint32_t lost = amphi__waiting_turns_clear(store);
    if (lost > 0)
        amphi__log(&store->log, AMPHI_LOG_ERROR,
            "store: %u turns could not be written to the last and are gone", (unsigned)lost);
    if (store->writer != NULL) {
        (void)amphi__store_ledger_flush(
            store, lost > 0 ? AMPHI_PATIENCE_NONE_MS : AMPHI_PATIENCE_END_MS, NULL);
        amphi__store_cache_flush(store); /* only the order of eviction: no harm if it is lost */
    }
    if (store->read_lock.is_ready)
        amphi__store_disconnect(store);
    if (store->reserve_given > 0)
        amphi__store_reserve_restore(store);
    amphi__store_hint_close(store);
    amphi__list_clear(&store->ledger);
    amphi__wipe(store->master, sizeof store->master);
    amphi__free(store->dir);
    amphi__free(store->path);
    amphi__cond_clear(&store->committed);
    amphi__cond_clear(&store->gate_open);
    amphi__mutex_clear(&store->turns_lock);
    amphi__mutex_clear(&store->ledger_lock);
    amphi__mutex_clear(&store->touch_lock);
    amphi__mutex_clear(&store->gate_lock);
    amphi__mutex_clear(&store->read_lock);
    amphi__free(store);
}

static const amphi_store_ops sqlcipher_ops = {
    .struct_size = sizeof(amphi_store_ops),
    .name = "sqlcipher",
    .turn_append = amphi__store_history_append,
    .messages = amphi__store_history_messages,
    .conversations = amphi__store_history_conversations,
    .conversation_delete = amphi__store_history_delete,
    .cache_get = amphi__store_cache_get,
    .cache_put = amphi__store_cache_put,
    .cache_clear = amphi__store_cache_clear,
    .outbox_add = amphi__store_outbox_add,
    .outbox_claim = amphi__store_outbox_claim,
    .outbox_release = amphi__store_outbox_release,
    .outbox_remove = amphi__store_outbox_remove,
    .outbox_entries = amphi__store_outbox_entries,
    .setting_get = amphi__store_setting_get,
    .setting_put = amphi__store_setting_put,
    .derive_key = derive_key,
    .free = store_free,
    .ledger_add = amphi__store_ledger_add,
    .ledger_set = amphi__store_ledger_set,
    .ledger_list = amphi__store_ledger_list,
    .outbox_change = amphi__store_outbox_change,
    .outbox_event = amphi__store_outbox_event,
    .outbox_claim_head = amphi__store_outbox_claim_head,
    .outbox_waiting = amphi__store_outbox_waiting,
    .rows = amphi__store_history_rows,
    .list = amphi__store_history_list,
    .change = amphi__store_history_change,
    .erase = amphi__store_history_erase,
    .erasure_epoch = amphi__store_history_epoch,
    .health = amphi__store_health,
    .import = amphi__store_history_import,
    .search = amphi__store_search,
    .backup = amphi__store_backup,
    .draft_put = amphi__store_draft_put,
    .draft_end = amphi__store_draft_end,
    .erasure_hint = amphi__store_hint,
    .setting_swap = amphi__store_setting_swap,
    .lost = amphi__store_refuse_lost,
};

static void name_boot(char *out, size_t size)
{
    char identity[AMPHI_PROCESS_IDENTITY_MAX];
    amphi_str rest;
    amphi__process_identity(identity);
    amphi__str_copy_to(out, size, amphi__str_cut(amphi_str_from(identity), '/', &rest));
}

static amphi_status init(
    amphi_store_sqlcipher *store, const amphi_storage_options *options, amphi_error *error)
{
    store->limits = amphi__store_limits(options);
    store->log = options->log;
    store->clock = options->clock;
    name_boot(store->boot, sizeof store->boot);
    store->keys = options->keys;
    store->dir = amphi__str_copy(options->data_dir);
    if (store->dir == NULL || amphi__mutex_init(&store->read_lock) != AMPHI_OK ||
        amphi__mutex_init(&store->gate_lock) != AMPHI_OK ||
        amphi__mutex_init(&store->turns_lock) != AMPHI_OK ||
        amphi__mutex_init(&store->ledger_lock) != AMPHI_OK ||
        amphi__mutex_init(&store->touch_lock) != AMPHI_OK ||
        amphi__cond_init(&store->gate_open) != AMPHI_OK ||
        amphi__cond_init(&store->committed) != AMPHI_OK)
        return amphi__fail_no_memory(error);
    amphi_status status =
        amphi__data_dir_path(&store->path, options->data_dir, AMPHI_STORE_FILE, error);
    if (status == AMPHI_OK)
        status = amphi__store_flusher_new(&store->flusher, store, error);
    /* Where the key is not to be had; what is kept under this one is never found again. */
    if (status == AMPHI_OK && amphi__random(store->master, sizeof store->master) != AMPHI_OK)
        status = amphi__fail(error, AMPHI_E_INTERNAL, 0, "store: no random numbers");
    return status;
}

amphi_status amphi__store_sqlcipher_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error)
{
    if (options->keys.ops == NULL || options->keys.ops->store_key == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "keys: no provider");
    if (options->data_dir.size == 0 ||
        memchr(options->data_dir.data, '\0', options->data_dir.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "data_dir: empty, or with a NUL in it");
    amphi_store_sqlcipher *store = amphi__calloc(1, sizeof *store);
    if (store == NULL)
        return amphi__fail_no_memory(error);
    store->hint_fd = -1;
    amphi_status status = init(store, options, error);
    if (status == AMPHI_OK)
        status = amphi__store_connect(store, store->master, error);
    if (status != AMPHI_OK)
        goto cleanup;
    amphi__store_hint_open(store);
    if (store->writer != NULL)
        status = amphi__store_history_resume(store, error);
    if (status == AMPHI_OK && store->writer != NULL)
        (void)amphi__store_drafts_resume(store, NULL); /* at the next opening, then */
    if (status == AMPHI_E_NO_MEMORY)
        goto cleanup;
    status = AMPHI_OK;
    if (store->writer == NULL)
        amphi__log(&store->log, AMPHI_LOG_WARNING, "%s", store->unwritable.message);
    *out = (amphi_store){.ops = &sqlcipher_ops, .self = store};
    store = NULL; /* the caller owns it now */
cleanup:
    store_free(store);
    return status;
}

amphi_status amphi__store_sqlcipher_version(char *out, size_t capacity, amphi_error *error)
{
    return amphi__db_version(out, capacity, error);
}
