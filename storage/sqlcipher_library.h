/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLCipher as a table of function pointers. Only storage/sqlcipher*.c include this header, and
 * with it SQLCipher's own.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_LIBRARY_H
#define AMPHI_STORAGE_SQLCIPHER_LIBRARY_H

#define SQLITE_HAS_CODEC 1
#include <amphi/error.h>

#include <sqlcipher/sqlite3.h>

/* Name, return type, parameters of each function that we take from the library. */
#define AMPHI_SQLITE_FUNCTIONS(X)                                                                  \
    X(open_v2, int, (const char *, sqlite3 **, int, const char *))                                 \
    X(close, int, (sqlite3 *))                                                                     \
    X(key, int, (sqlite3 *, const void *, int))                                                    \
    X(libversion, const char *, (void))                                                            \
    X(errstr, const char *, (int))                                                                 \
    X(extended_errcode, int, (sqlite3 *))                                                          \
    X(busy_timeout, int, (sqlite3 *, int))                                                         \
    X(exec, int,                                                                                   \
        (sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **))        \
    X(prepare_v2, int, (sqlite3 *, const char *, int, sqlite3_stmt **, const char **))             \
    X(finalize, int, (sqlite3_stmt *))                                                             \
    X(step, int, (sqlite3_stmt *))                                                                 \
    X(reset, int, (sqlite3_stmt *))                                                                \
    X(clear_bindings, int, (sqlite3_stmt *))                                                       \
    X(bind_int64, int, (sqlite3_stmt *, int, sqlite3_int64))                                       \
    X(bind_text, int, (sqlite3_stmt *, int, const char *, int, void (*)(void *)))                  \
    X(bind_blob, int, (sqlite3_stmt *, int, const void *, int, void (*)(void *)))                  \
    X(bind_double, int, (sqlite3_stmt *, int, double))                                             \
    X(bind_null, int, (sqlite3_stmt *, int))                                                       \
    X(column_int64, sqlite3_int64, (sqlite3_stmt *, int))                                          \
    X(column_blob, const void *, (sqlite3_stmt *, int))                                            \
    X(column_bytes, int, (sqlite3_stmt *, int))                                                    \
    X(changes, int, (sqlite3 *))                                                                   \
    X(last_insert_rowid, sqlite3_int64, (sqlite3 *))                                               \
    X(get_autocommit, int, (sqlite3 *))                                                            \
    X(backup_init, sqlite3_backup *, (sqlite3 *, const char *, sqlite3 *, const char *))           \
    X(backup_step, int, (sqlite3_backup *, int))                                                   \
    X(backup_finish, int, (sqlite3_backup *))                                                      \
    X(file_control, int, (sqlite3 *, const char *, int, void *))                                   \
    X(config, int, (int, ...))                                                                     \
    X(malloc, void *, (int))                                                                       \
    X(realloc, void *, (void *, int))                                                              \
    X(free, void, (void *))                                                                        \
    X(mutex_alloc, sqlite3_mutex *, (int))                                                         \
    X(mutex_enter, void, (sqlite3_mutex *))                                                        \
    X(mutex_leave, void, (sqlite3_mutex *))                                                        \
    X(vfs_find, sqlite3_vfs *, (const char *))                                                     \
    X(vfs_register, int, (sqlite3_vfs *, int))                                                     \
    X(vfs_unregister, int, (sqlite3_vfs *))

/* The crypto provider of SQLCipher 3.4, as its sqlcipher.h declares it; that header is not
 * installed. SQLCipher copies the table for each connection and frees the registered one itself. */
typedef struct amphi_sqlcipher_provider {
    int (*activate)(void *context);
    int (*deactivate)(void *context);
    const char *(*name)(void *context);
    int (*add_random)(void *context, void *buffer, int length);
    int (*random)(void *context, void *buffer, int length);
    int (*hmac)(void *context, unsigned char *key, int key_size, unsigned char *a, int a_size,
        unsigned char *b, int b_size, unsigned char *out);
    int (*kdf)(void *context, const unsigned char *password, int password_size, unsigned char *salt,
        int salt_size, int rounds, int key_size, unsigned char *key);
    int (*cipher)(void *context, int encrypt, unsigned char *key, int key_size, unsigned char *iv,
        unsigned char *in, int in_size, unsigned char *out);
    int (*set_cipher)(void *context, const char *name);
    const char *(*get_cipher)(void *context);
    int (*key_size)(void *context);
    int (*iv_size)(void *context);
    int (*block_size)(void *context);
    int (*hmac_size)(void *context);
    int (*context_copy)(void *target, void *source);
    int (*context_equal)(void *a, void *b); /* true: the same */
    int (*context_init)(void **context);
    int (*context_free)(void **context);
    int (*fips_status)(void *context);
    const char *(*version)(void *context);
} amphi_sqlcipher_provider;

typedef struct amphi_sqlite {
#define X(name, type, parameters) type(*name) parameters;
    AMPHI_SQLITE_FUNCTIONS(X)
#undef X
    /* These are SQLCipher 3.4's; NULL in another one. */
    int (*register_provider)(amphi_sqlcipher_provider *);
    amphi_sqlcipher_provider *(*get_provider)(void);
    int (*stock_provider_setup)(amphi_sqlcipher_provider *);
    char cipher_version[32];
    int cipher_major; /* 3 or 4 */
} amphi_sqlite;

/* Loads it once, on any thread. AMPHI_E_UNSUPPORTED with the package's name when there is none. */
amphi_status amphi__sqlite_load(const amphi_sqlite **out, amphi_error *error);
/* After a load that succeeded. */
const amphi_sqlite *amphi__sqlite(void);

/* Returns the SQLite code. `out` is the first column of the first row, cut to its size; `has_row`
 * (NULL is fine) is false when the PRAGMA is unknown or the value is NULL. */
int amphi__sqlite_ask(sqlite3 *handle, const char *sql, char *out, size_t capacity, bool *has_row);

#endif
