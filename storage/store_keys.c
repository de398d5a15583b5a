/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's key without opening the store: which it is, a new one, and its end.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/sqlcipher_pages.h"
#include "storage/sqlcipher_rekey.h"
#include "storage/store_fault.h"
#include "storage/store_hint.h"
#include "storage/store_leftovers.h"
#include "storage/store_made.h"
#include "storage/store_reserve.h"
#include "storage/store_sqlcipher.h"
#include "storage/stores.h"
#include "storage/wrapped_key.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

amphi_status amphi__store_find_path(
    char **path, const amphi_storage_options *options, amphi_error *error)
{
    struct stat ignored;
    if (options->keys.ops == NULL || options->keys.ops->store_key == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "keys: no provider");
    amphi_status status = amphi__data_dir_path(path, options->data_dir, AMPHI_STORE_FILE, error);
    if (status == AMPHI_OK && stat(*path, &ignored) != 0)
        status =
            amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "store: there is none in this data folder");
    return status;
}

amphi_status amphi__store_find(
    char **path, amphi_db_key *key, const amphi_storage_options *options, amphi_error *error)
{
    uint8_t master[AMPHI_STORE_KEY_BYTES];
    amphi_status status = amphi__store_find_path(path, options, error);
    if (status == AMPHI_OK)
        status = amphi__store_take_key(key, master, &options->keys, options->data_dir, error);
    amphi__wipe(master, sizeof master);
    return status;
}

typedef struct wrapped {
    const uint8_t *provider;
    amphi_str data_dir;
} wrapped;

static amphi_status prepare(void *self, amphi_db_key *key, amphi_error *error)
{
    const wrapped *w = self;
    amphi_status status = amphi__wrapped_key_prepare(key->key, w->provider, w->data_dir, error);
    if (status == AMPHI_OK && amphi__wrapped_key_salt(key->key, key->salt) != AMPHI_OK)
        status = amphi__fail(error, AMPHI_E_INTERNAL, 0, "store: HKDF failed");
    return status;
}

static amphi_status commit(void *self, amphi_error *error)
{
    return amphi__wrapped_key_commit(((const wrapped *)self)->data_dir, error);
}

static void discard(void *self)
{
    const wrapped *w = self;
    amphi__wrapped_key_discard(w->provider, w->data_dir);
}

/* The provider's key once it was given: it is asked once, since that may take a fingerprint. */
static amphi_status give_again(
    void *self, uint8_t key[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error)
{
    memcpy(key, self, AMPHI_STORE_KEY_BYTES);
    *created = false;
    return AMPHI_OK;
}

static const amphi_keys_ops given_ops = {
    .struct_size = sizeof given_ops, .name = "given", .store_key = give_again};

typedef struct rekeying {
    const char *path;
    const amphi_db_new_key *source;
} rekeying;

static amphi_status rekey_with(
    void *user, const amphi_db_key *key, const uint8_t master[32], amphi_error *error)
{
    const rekeying *r = user;
    return amphi__db_rekey(r->path, key, r->source, error);
}

amphi_status amphi__store_rekey(const amphi_storage_options *options, amphi_error *error)
{
    char *path = NULL, *dir = NULL;
    uint8_t provider[AMPHI_STORE_KEY_BYTES] = {0};
    bool created = false;
    const amphi_keys *keys = &options->keys;
    const amphi_keys given = {&given_ops, provider};
    wrapped new_key = {provider, options->data_dir};
    const amphi_db_new_key source = {&new_key, prepare, commit, discard};
    amphi_status status = amphi__store_find_path(&path, options, error);
    rekeying r = {path, &source};
    if (status == AMPHI_OK)
        status = keys->ops->store_key(keys->self, provider, &created, error);
    if (status == AMPHI_OK)
        status = amphi__store_with_key(&given, options->data_dir, rekey_with, &r, error);
    if (status == AMPHI_OK) /* no backup of the lost store opens with the new key */
        amphi__store_lost_forget(options->data_dir);
    if (status == AMPHI_E_IO && amphi__data_dir_path(&dir, options->data_dir, "", NULL) == AMPHI_OK)
        amphi__store_fault_explain(error, dir);
    amphi__wipe(provider, sizeof provider);
    amphi__free(path);
    amphi__free(dir);
    return status;
}

/* ---- shred ---- */

static amphi_status remove_store(amphi_str data_dir, amphi_error *error)
{
    static const char *const names[] = {AMPHI_STORE_FILE "-wal", AMPHI_STORE_FILE "-journal",
        AMPHI_STORE_FILE "-shm", AMPHI_STORE_FILE, AMPHI_RESERVE_FILE, AMPHI_HINT_FILE};
    amphi_status status = amphi__store_unfinished_remove(data_dir, error);
    if (status == AMPHI_OK)
        status = amphi__store_made_remove(data_dir, error);
    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == AMPHI_OK; i++) {
        char *path = NULL;
        status = amphi__data_dir_path(&path, data_dir, names[i], error);
        if (status == AMPHI_OK && unlink(path) != 0 && errno != ENOENT)
            status = amphi__fail(error, AMPHI_E_IO, errno,
                "store: its keys are destroyed, but %.80s can't be removed", path);
        amphi__free(path);
    }
    return status;
}

static amphi_status destroy_keys(const amphi_storage_options *options, amphi_error *error)
{
    const amphi_keys *keys = &options->keys;
    if (keys->ops == NULL || keys->ops->destroy == NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "keys: the provider \"%.40s\" can't destroy its key",
            keys->ops != NULL ? keys->ops->name : "none");
    amphi_status status = amphi__wrapped_key_destroy(options->data_dir, error);
    return status == AMPHI_OK ? keys->ops->destroy(keys->self, error) : status;
}

amphi_status amphi__store_shred(const amphi_storage_options *options, amphi_error *error)
{
    char *path = NULL;
    amphi_db_key key = {{0}, {0}};
    amphi_db_pages *pages = NULL;
    /* A store whose key is wrong or gone, or that is damaged, can be shredded as well. */
    amphi_status status = amphi__store_find(&path, &key, options, NULL);
    if (status == AMPHI_OK)
        status = amphi__db_pages_open(&pages, path, &key, NULL);
    if (status == AMPHI_OK)
        status = amphi__db_pages_lock(pages, error);
    if (status != AMPHI_E_BUSY)
        status = destroy_keys(options, error);
    if (status == AMPHI_OK)
        status = remove_store(options->data_dir, error);
    amphi__db_pages_close(pages);
    amphi__wipe(&key, sizeof key);
    amphi__free(path);
    return status;
}
