/* SPDX-License-Identifier: Apache-2.0
 *
 * The database's own key, wrapped by the provider's: AES-256-GCM in store.wrap, mode 0600. Where
 * there is no such file the provider's key is the database's. A new key (rekey) is written as
 * store.wrap.new first; which of the two is meant, the database itself says, whose first bytes come
 * from its key. So a rekey that is killed at any moment leaves a store that opens.
 */
#ifndef AMPHI_STORAGE_WRAPPED_KEY_H
#define AMPHI_STORAGE_WRAPPED_KEY_H

#include <amphi/ext/keys.h>

#define AMPHI_WRAP_FILE     "store.wrap"
#define AMPHI_WRAP_NEW_FILE "store.wrap.new"

/* The first bytes of a database with this key. */
amphi_status amphi__wrapped_key_salt(const uint8_t key[32], uint8_t out[16]);

/* In: the provider's key; out: the database's. AMPHI_E_KEY: another key wrapped it.
 * AMPHI_E_CORRUPT: the file is damaged. */
amphi_status amphi__wrapped_key_open(
    uint8_t key[AMPHI_STORE_KEY_BYTES], amphi_str data_dir, amphi_error *error);

/* Makes a key and keeps it as store.wrap.new, on the disk when this returns. */
amphi_status amphi__wrapped_key_prepare(uint8_t fresh[AMPHI_STORE_KEY_BYTES],
    const uint8_t provider[AMPHI_STORE_KEY_BYTES], amphi_str data_dir, amphi_error *error);
/* Removes store.wrap.new, unless the database has its key, or that can't be known. */
void amphi__wrapped_key_discard(const uint8_t provider[AMPHI_STORE_KEY_BYTES], amphi_str data_dir);
/* After the database has the new key. */
amphi_status amphi__wrapped_key_commit(amphi_str data_dir, amphi_error *error);

/* Overwrites and removes a small file with a key in it; none is fine. Here and in keys_file.c. */
amphi_status amphi__wrapped_key_shred_file(const char *path, amphi_error *error);
/* Both files. */
amphi_status amphi__wrapped_key_destroy(amphi_str data_dir, amphi_error *error);

#endif
