/* SPDX-License-Identifier: Apache-2.0
 *
 * Where keys come from: Keystore, Keychain, libsecret, a file.
 */
#ifndef AMPHI_EXT_KEYS_H
#define AMPHI_EXT_KEYS_H

#include <amphi/error.h>

#define AMPHI_STORE_KEY_BYTES 32

/* TABLE. store_key is required where the store is the built-in one. */
typedef struct amphi_keys_ops {
    size_t struct_size;
    const char *name;
    /* The store's key: 32 random bytes, created by the provider on first use and the same ever
     * after. The caller wipes `out`. May block (a user's fingerprint). Any thread, one at a
     * time. */
    amphi_status (*store_key)(
        void *self, uint8_t out[AMPHI_STORE_KEY_BYTES], bool *created, amphi_error *error);
    /* The API key of an endpoint, into `out` (at most `capacity` bytes, *size_out of them). Called
     * for each request, so that a key can be rotated; the caller wipes `out`. NULL: key files. */
    amphi_status (*api_key)(void *self, amphi_str endpoint, char *out, size_t capacity,
        size_t *size_out, amphi_error *error);
    /* Last call. NULL: nothing to free. */
    void (*free)(void *self);
    /* Where the store's key lives, in words for a person (a path, "Keychain"); never the key.
     * *exists: false when it would have to be made. Makes nothing. NULL: not known. */
    void (*where)(void *self, char *out, size_t capacity, bool *exists);
    /* Destroys the store's key for good; AMPHI_OK as well when there was none. What it encrypted,
     * and what was wrapped by it, can't be read again. NULL: unsupported. */
    amphi_status (*destroy)(void *self, amphi_error *error);
} amphi_keys_ops;

/* FROZEN. */
typedef struct amphi_keys {
    const amphi_keys_ops *ops;
    void *self;
} amphi_keys;

#endif
