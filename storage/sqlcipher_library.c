/* SPDX-License-Identifier: Apache-2.0
 *
 * Loads SQLCipher with dlopen (RTLD_LOCAL | RTLD_DEEPBIND): linking it beside libsqlite3 crashes,
 * or silently gives the app SQLCipher's older SQLite. It is loaded once and stays loaded. An app
 * that uses the same SQLCipher shares this instance with us, and with it the library's globals.
 */
#include "storage/sqlcipher_library.h"

#include "sdk/core/error.h"
#include "storage/sqlcipher_memory.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSING_LIBRARY                                                                            \
    "SQLCipher is missing: install libsqlcipher0 (Debian) or sqlcipher, or build with "            \
    "AMPHI_STORE=memory"

static amphi_sqlite lib;
static bool lib_is_loaded;
static pthread_mutex_t lib_lock = PTHREAD_MUTEX_INITIALIZER;

#ifdef RTLD_DEEPBIND
/* Whether the app runs under a sanitizer that ends the process at a dlopen with RTLD_DEEPBIND.
 * Asked at run time: the library of a release build serves sanitized apps too. Without the flag, an
 * app that links SQLite as well may lend SQLCipher its functions; check_after() refuses that. */
static bool runs_under_sanitizer(void)
{
    static const char *const runtimes[] = {"__asan_init", "__tsan_init", "__msan_init"};
    for (size_t i = 0; i < sizeof runtimes / sizeof runtimes[0]; i++)
        if (dlsym(RTLD_DEFAULT, runtimes[i]) != NULL)
            return true;
    return false;
}
#endif

/* The loader only has words for what went wrong. */
static amphi_status loader_failed(amphi_error *error)
{
    const char *words = dlerror();
    if (words != NULL && (strstr(words, "memory") != NULL || strstr(words, "map segment") != NULL))
        return amphi__fail_no_memory(error);
    return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, MISSING_LIBRARY);
}

static void *open_library(amphi_status *status, amphi_error *error)
{
#if defined(__APPLE__)
    static const char *const names[] = {"libsqlcipher.0.dylib", "libsqlcipher.dylib"};
#else
    static const char *const names[] = {
        "libsqlcipher.so.0", "libsqlcipher.so.1", "libsqlcipher.so.2", "libsqlcipher.so"};
#endif
    int flags = RTLD_NOW | RTLD_LOCAL;
#ifdef RTLD_DEEPBIND
    if (!runs_under_sanitizer())
        flags |= RTLD_DEEPBIND;
#endif
    void *handle = NULL;
    *status = AMPHI_E_UNSUPPORTED;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && handle == NULL; i++) {
        handle = dlopen(names[i], flags);
        if (handle == NULL && *status != AMPHI_E_NO_MEMORY)
            *status = loader_failed(error);
    }
    return handle;
}

typedef struct answer {
    char *text;
    size_t capacity;
    bool has_row;
} answer;

static int take_answer(void *user, int columns, char **values, char **names)
{
    answer *out = user;
    (void)names;
    if (columns > 0 && values[0] != NULL && !out->has_row) {
        snprintf(out->text, out->capacity, "%s", values[0]);
        out->has_row = true;
    }
    return 0;
}

int amphi__sqlite_ask(sqlite3 *handle, const char *sql, char *out, size_t capacity, bool *has_row)
{
    answer got = {.text = out, .capacity = capacity};
    out[0] = '\0';
    int rc = lib.exec(handle, sql, take_answer, &got, NULL);
    if (has_row != NULL)
        *has_row = got.has_row;
    return rc == SQLITE_OK ? rc : lib.extended_errcode(handle);
}

/* A database in memory without a key: nothing of the library's cryptography is touched. */
static amphi_status learn_version(amphi_error *error)
{
    sqlite3 *handle = NULL;
    bool has_row = false;
    int rc = lib.open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = amphi__sqlite_ask(handle, "PRAGMA cipher_version", lib.cipher_version,
            sizeof lib.cipher_version, &has_row);
    lib.close(handle);
    if (rc == SQLITE_NOMEM)
        return amphi__fail_no_memory(error);
    lib.cipher_major = atoi(lib.cipher_version);
    if (rc != SQLITE_OK || !has_row)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, rc, MISSING_LIBRARY);
    if (lib.cipher_major < 3)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "store: SQLCipher %s is too old: version 3 or 4 is needed", lib.cipher_version);
    return AMPHI_OK;
}

static amphi_status load_locked(amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    void *handle = open_library(&status, error);
    if (handle == NULL)
        return status;
    const char *missing = NULL;
    /* POSIX lets a symbol's address become a function pointer through memory. */
#define X(name, type, parameters)                                                                  \
    *(void **)&lib.name = dlsym(handle, "sqlite3_" #name);                                         \
    if (lib.name == NULL)                                                                          \
        missing = "sqlite3_" #name;
    AMPHI_SQLITE_FUNCTIONS(X)
#undef X
    if (missing != NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "libsqlcipher has no %s: it is not a SQLCipher", missing);
    amphi__sqlite_memory_install(&lib);
    status = learn_version(error);
    if (status == AMPHI_OK && strncmp(lib.cipher_version, "3.4.", 4) == 0) {
        /* Other versions have another table. */
        *(void **)&lib.register_provider = dlsym(handle, "sqlcipher_register_provider");
        *(void **)&lib.get_provider = dlsym(handle, "sqlcipher_get_provider");
        *(void **)&lib.stock_provider_setup = dlsym(handle, "sqlcipher_openssl_setup");
    }
    return status;
}

/* What failed is tried again by the next call: memory may have been short. */
amphi_status amphi__sqlite_load(const amphi_sqlite **out, amphi_error *error)
{
    pthread_mutex_lock(&lib_lock);
    amphi_status status = lib_is_loaded ? AMPHI_OK : load_locked(error);
    lib_is_loaded = status == AMPHI_OK;
    pthread_mutex_unlock(&lib_lock);
    *out = &lib;
    return status;
}

const amphi_sqlite *amphi__sqlite(void)
{
    return &lib;
}
