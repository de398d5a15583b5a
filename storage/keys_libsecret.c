/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's key with the desktop's secret service (GNOME Keyring, KWallet), through libsecret,
 * which is loaded when it is asked for: neither the build nor other places for keys need it. What
 * this file declares of it is its stable interface (libsecret 0.18 and later).
 */
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/keys_place.h"

#include <dlfcn.h>
#include <stdio.h>

#define LIBRARY    "libsecret-1.so.0"
#define HEX_DIGITS ((size_t)2 * AMPHI_STORE_KEY_BYTES)

/* SecretSchema. */
typedef struct secret_schema {
    const char *name;
    int flags;
    struct {
        const char *name;
        int type; /* 0: a string */
    } attributes[32];
    int reserved;
    void *reserved_more[7];
} secret_schema;

/* GError. */
typedef struct g_error {
    uint32_t domain;
    int code;
    char *message;
} g_error;

typedef struct secret_library {
    char *(*lookup)(const secret_schema *, void *cancellable, g_error **, ...);
    int (*store)(const secret_schema *, const char *collection, const char *label,
        const char *password, void *cancellable, g_error **, ...);
    int (*clear)(const secret_schema *, void *cancellable, g_error **, ...);
    void (*free_password)(char *); /* wipes it */
    void (*free_error)(g_error *);
} secret_library;

static const secret_schema schema = {
    .name = "org.amphi.store",
    .attributes = {{"data_dir", 0}},
};

static bool find_function(void *handle, const char *name, void *function, size_t size)
{
    void *found = dlsym(handle, name);
    memcpy(function, &found, size); /* ISO C has no cast from an object to a function */
    return found != NULL;
}

/* The library stays: GLib can't be unloaded. */
static amphi_status load(secret_library *out, const char *dir, amphi_error *error)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "libsecret: " LIBRARY " is not on this machine: install it (libsecret-1-0), or choose "
            "another place for the key, such as \"file\"");
    if (!find_function(handle, "secret_password_lookup_sync", &out->lookup, sizeof out->lookup) ||
        !find_function(handle, "secret_password_store_sync", &out->store, sizeof out->store) ||
        !find_function(handle, "secret_password_clear_sync", &out->clear, sizeof out->clear) ||
        !find_function(
            handle, "secret_password_free", &out->free_password, sizeof out->free_password) ||
        !find_function(handle, "g_error_free", &out->free_error, sizeof out->free_error))
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "libsecret: " LIBRARY " lacks a function that it should have");
    if (!amphi__utf8_is_valid(amphi_str_from(dir))) /* GLib would say so on standard error */
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "libsecret: the data folder's path is not in UTF-8, as the secret service needs it");
    return AMPHI_OK;
}

/* The service's own words, as one line. Frees `why`. */
static amphi_status explain(const secret_library *library, g_error *why, amphi_error *error)
{
    char words[100];
    snprintf(words, sizeof words, "%s",
        why != NULL && why->message != NULL ? why->message : "it does not say why");
    for (size_t i = 0; words[i] != '\0'; i++)
        if ((unsigned char)words[i] < ' ')
            words[i] = ' ';
    if (why != NULL)
        library->free_error(why);
    return amphi__fail(error, AMPHI_E_KEY, 0,
        "libsecret: the secret service does not do it (%s): start or unlock it, or choose another "
        "place for the key",
        words);
}

static int digit_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = memchr(digits, c, 16);
    return found != NULL ? (int)(found - digits) : -1;
}

static bool parse_key(uint8_t out[AMPHI_STORE_KEY_BYTES], const char *text)
{
    if (strlen(text) != HEX_DIGITS)
        return false;
    for (size_t i = 0; i < AMPHI_STORE_KEY_BYTES; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static amphi_status get(const char *dir, uint8_t out[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    secret_library library;
    g_error *why = NULL;
    amphi_status status = load(&library, dir, error);
    if (status != AMPHI_OK)
        return status;
    char *text = library.lookup(&schema, NULL, &why, "data_dir", dir, NULL);
    if (text == NULL && why != NULL)
        return explain(&library, why, error);
    if (text == NULL)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "libsecret: no key for %.100s", dir);
    if (!parse_key(out, text))
        status = amphi__fail(error, AMPHI_E_CORRUPT, 0, "libsecret: not 64 hex digits");
    library.free_password(text);
    return status;
}

static amphi_status put(
    const char *dir, const uint8_t key[AMPHI_STORE_KEY_BYTES], amphi_error *error)
{
    secret_library library;
    g_error *why = NULL;
    char text[HEX_DIGITS + 1];
    amphi_status status = load(&library, dir, error);
    if (status != AMPHI_OK)
        return status;
    amphi__hex(text, key, AMPHI_STORE_KEY_BYTES);
    if (!library.store(
            &schema, NULL, "Amphi: the store's key", text, NULL, &why, "data_dir", dir, NULL))
        status = explain(&library, why, error);
    amphi__wipe(text, sizeof text);
    return status;
}

static amphi_status remove_key(const char *dir, amphi_error *error)
{
    secret_library library;
    g_error *why = NULL;
    amphi_status status = load(&library, dir, error);
    if (status != AMPHI_OK)
        return status;
    /* False without an error: there was none. */
    if (!library.clear(&schema, NULL, &why, "data_dir", dir, NULL) && why != NULL)
        status = explain(&library, why, error);
    return status;
}

const amphi_key_place amphi__libsecret_place = {
    .name = "libsecret",
    .words = "the secret service: org.amphi.store, data_dir=",
    .loss = "unlock it, move the folder back to its old path, or move the database away",
    .get = get,
    .put = put,
    .remove = remove_key,
};
