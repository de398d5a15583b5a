/* SPDX-License-Identifier: Apache-2.0
 *
 * The same rows under another key.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_REKEY_H
#define AMPHI_STORAGE_SQLCIPHER_REKEY_H

#include "storage/sqlcipher.h"

/* Where the new key comes from. Both are called under the database's exclusive lock: `prepare`
 * before anything is written with the key, `commit` when the database has it. */
typedef struct amphi_db_new_key {
    void *self;
    amphi_status (*prepare)(void *self, amphi_db_key *key, amphi_error *error);
    amphi_status (*commit)(void *self, amphi_error *error);
    /* It failed in between: the new key goes, unless the database has it already. */
    void (*discard)(void *self);
} amphi_db_new_key;

/* Copies everything into a fresh file with the new key, which then takes the database's name; the
 * old file is gone. AMPHI_E_BUSY: another connection is open. AMPHI_E_CORRUPT: a page can't be
 * read, so nothing was done: repair first. Killed at any moment, the old file or the new one has
 * the name. */
amphi_status amphi__db_rekey(const char *path, const amphi_db_key *old_key,
    const amphi_db_new_key *source, amphi_error *error);

#endif
