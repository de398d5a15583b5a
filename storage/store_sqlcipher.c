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
#include "storage/data_dir.h"
#include "storage/schema.h"
#include "storage/stores.h"

#include <unistd.h>

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
    if (store->writer != NULL)
        amphi__store_cache_flush(store); /* only the order of eviction: no harm if it is lost */
    amphi__db_close(store->reader);
    amphi__db_close(store->writer);
    amphi__wipe(store->master, sizeof store->master);
    amphi__cond_clear(&store->gate_open);
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
    .rows = amphi__store_history_rows,
    .list = amphi__store_history_list,
    .change = amphi__store_history_change,
    .erase = amphi__store_history_erase,
    .erasure_epoch = amphi__store_history_epoch,
};

/* The database's key and salt, and the master, from the provider's key. The caller wipes both. */
static amphi_status take_key(
    amphi_db_key *key, uint8_t master[32], const amphi_keys *keys, amphi_error *error)
{
    uint8_t salt[32] = {0};
    bool created = false;
    amphi_status status = keys->ops->store_key(keys->self, key->key, &created, error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__hkdf_sha256(key->key, AMPHI_STR("amphi/store/salt/1"), salt);
    if (status == AMPHI_OK)
        status = amphi__hkdf_sha256(key->key, AMPHI_STR("amphi/store/derive/1"), master);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "store: HKDF failed");
    memcpy(key->salt, salt, sizeof key->salt);
    return AMPHI_OK;
}

static amphi_status open_database(
    amphi_store_sqlcipher *store, const amphi_storage_options *options, amphi_error *error)
{
    char *dir = NULL;
    char *path = NULL;
    amphi_db_key key = {{0}, {0}};
    amphi_status status = amphi__data_dir_make(options->data_dir, error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&dir, options->data_dir, "", error);
    if (status == AMPHI_OK)
        status = amphi__data_dir_path(&path, options->data_dir, AMPHI_STORE_FILE, error);
    if (status == AMPHI_OK)
        status = take_key(&key, store->master, &options->keys, error);
    bool is_new = status == AMPHI_OK && access(path, F_OK) != 0;
    if (status == AMPHI_OK)
        status = amphi__db_open(&store->writer, path, &key, error);
    if (status == AMPHI_OK && is_new)
        status = amphi__data_dir_sync(dir, error);
    if (status == AMPHI_OK)
        status = amphi__schema_migrate(store->writer, error);
    if (status == AMPHI_OK)
        status = amphi__db_open(&store->reader, path, &key, error);
    if (status == AMPHI_OK)
        status = amphi__store_history_resume(store, error);
    amphi__wipe(&key, sizeof key);
    amphi__free(path);
    amphi__free(dir);
    return status;
}

amphi_status amphi__store_sqlcipher_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error)
{
    if (options->keys.ops == NULL || options->keys.ops->store_key == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "keys: no provider");
    amphi_store_sqlcipher *store = amphi__calloc(1, sizeof *store);
    if (store == NULL)
        return amphi__fail_no_memory(error);
    store->limits = amphi__store_limits(options);
    store->log = options->log;
    amphi_status status = amphi__mutex_init(&store->read_lock);
    if (status == AMPHI_OK)
        status = amphi__mutex_init(&store->gate_lock);
    if (status == AMPHI_OK)
        status = amphi__mutex_init(&store->touch_lock);
    if (status == AMPHI_OK)
        status = amphi__cond_init(&store->gate_open);
    if (status != AMPHI_OK) {
        amphi__fail_no_memory(error);
        goto cleanup;
    }
    status = open_database(store, options, error);
    if (status != AMPHI_OK)
        goto cleanup;
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
