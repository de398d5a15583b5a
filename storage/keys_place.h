/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys outside of the data folder: what such a place has to do, and which place a store's key is
 * in. Each store has one place; the folder says which, in store.place, or by its key file.
 */
#ifndef AMPHI_STORAGE_KEYS_PLACE_H
#define AMPHI_STORAGE_KEYS_PLACE_H

#include <amphi/ext/keys.h>

#define AMPHI_PLACE_FILE "store.place"

/* `dir` is the data folder's path, absolute, without links, and names the key. */
typedef struct amphi_key_place {
    const char *name;
    const char *words; /* in front of the path, where a person reads where the key is */
    const char *loss;  /* how its key may have got lost, and what to do */
    /* AMPHI_E_NOT_FOUND: there is none. AMPHI_E_CORRUPT: what is kept there is no key. */
    amphi_status (*get)(const char *dir, uint8_t out[AMPHI_STORE_KEY_BYTES], amphi_error *error);
    /* Under a lock that every process takes, where there is none yet. */
    amphi_status (*put)(
        const char *dir, const uint8_t key[AMPHI_STORE_KEY_BYTES], amphi_error *error);
    /* AMPHI_OK as well when there was none. */
    amphi_status (*remove)(const char *dir, amphi_error *error);
} amphi_key_place;

/* keys_keyring.c: the user's keyring in the Linux kernel. It lasts until the next start of the
 * machine. */
extern const amphi_key_place amphi__keyring_place;
/* keys_libsecret.c: the desktop's secret service. */
extern const amphi_key_place amphi__libsecret_place;

/* Keys in a place. AMPHI_E_KEY: the store's are elsewhere. AMPHI_E_UNSUPPORTED: this machine has no
 * such place. */
amphi_status amphi__keys_in_place(
    amphi_keys *out, const amphi_key_place *place, amphi_str data_dir, amphi_error *error);

/* AMPHI_E_KEY: there is a database, and its key is in another place than `name`. */
amphi_status amphi__key_place_check(amphi_str data_dir, const char *name, amphi_error *error);
/* Before a new key is made: keeps in mind that it is in `name`, durably. */
amphi_status amphi__key_place_note(amphi_str data_dir, const char *name, amphi_error *error);
/* After the key was destroyed. */
amphi_status amphi__key_place_forget(amphi_str data_dir, amphi_error *error);

#endif
