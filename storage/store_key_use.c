/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's key, and work that needs it. A repair or a new key may replace the database between
 * the moment when the key is taken and the one when the database is open: then both are done anew.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "storage/store_sqlcipher.h"
#include "storage/wrapped_key.h"

/* How often what waited for a repair, or for a new key, is begun anew. */
#define REOPENS_MAX 5

amphi_status amphi__store_take_key(amphi_db_key *key, uint8_t master[32], const amphi_keys *keys,
    amphi_str data_dir, amphi_error *error)
{
    bool created = false;
    amphi_status status = keys->ops->store_key(keys->self, key->key, &created, error);
    return status == AMPHI_OK ? amphi__store_unwrap_key(key, master, data_dir, error) : status;
}

amphi_status amphi__store_unwrap_key(
    amphi_db_key *key, uint8_t master[32], amphi_str data_dir, amphi_error *error)
{
    amphi_status status = amphi__wrapped_key_open(key->key, data_dir, error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__wrapped_key_salt(key->key, key->salt);
    if (status == AMPHI_OK)
        status = amphi__hkdf_sha256(key->key, AMPHI_STR("amphi/store/derive/1"), master);
    if (status != AMPHI_OK)
        return amphi__fail(error, status, 0, "store: HKDF failed");
    return AMPHI_OK;
}

/* Did it fail, with `used`, only because the database was replaced, or has another key, since the
 * key was taken? */
static bool was_replaced(
    const amphi_error *why, const amphi_db_key *used, const amphi_keys *keys, amphi_str data_dir)
{
    uint8_t master[32];
    amphi_db_key now = {{0}, {0}};
    if (why->status != AMPHI_E_KEY)
        return amphi__db_has_moved(why);
    bool is_other = amphi__store_take_key(&now, master, keys, data_dir, NULL) == AMPHI_OK &&
                    !amphi__bytes_equal(now.key, used->key, sizeof now.key);
    amphi__wipe(master, sizeof master);
    amphi__wipe(&now, sizeof now);
    return is_other;
}

static amphi_status try_once(const amphi_keys *keys, amphi_str data_dir, amphi_store_work_fn *work,
    void *user, bool *again, amphi_error *error)
{
    uint8_t master[AMPHI_STORE_KEY_BYTES];
    amphi_db_key key = {{0}, {0}};
    *again = false;
    amphi_status status = amphi__store_take_key(&key, master, keys, data_dir, error);
    if (status == AMPHI_OK) {
        status = work(user, &key, master, error);
        *again = status != AMPHI_OK && was_replaced(error, &key, keys, data_dir);
    }
    amphi__wipe(master, sizeof master);
    amphi__wipe(&key, sizeof key);
    return status;
}

amphi_status amphi__store_with_key(const amphi_keys *keys, amphi_str data_dir,
    amphi_store_work_fn *work, void *user, amphi_error *error)
{
    amphi_error why = {0};
    bool again = true;
    amphi_status status = AMPHI_E_BUSY;
    for (int tries = 0; again && tries < REOPENS_MAX; tries++)
        status = try_once(keys, data_dir, work, user, &again, &why);
    if (status != AMPHI_OK && error != NULL)
        *error = why;
    return status;
}
