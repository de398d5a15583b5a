/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLCipher through a table of function pointers (dlopen, RTLD_LOCAL | RTLD_DEEPBIND): linking it
 * beside libsqlite3 crashes, or silently gives the app SQLCipher's older SQLite. The library is
 * loaded once and stays loaded. Works with SQLCipher 3.4.1 (SQLite 3.15) and 4.x. An unknown PRAGMA
 * answers OK without a row, so every setting that matters must return its row.
 */
#define SQLITE_HAS_CODEC 1
#include "storage/sqlcipher.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sqlcipher/sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define STATEMENTS_MAX  128
#define BUSY_TIMEOUT_MS 10000
#define PLAIN_HEADER    "SQLite format 3" /* 16 bytes with its NUL */
#define MISSING_LIBRARY                                                                            \
    "SQLCipher is missing: install libsqlcipher0 (Debian) or sqlcipher, or build with "            \
    "AMPHI_STORE=memory"

/* Name, return type, parameters of each function that we take from the library. */
#define FUNCTIONS(X)                                                                               \
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
    X(column_int64, sqlite3_int64, (sqlite3_stmt *, int))                                          \
    X(column_blob, const void *, (sqlite3_stmt *, int))                                            \
    X(column_bytes, int, (sqlite3_stmt *, int))                                                    \
    X(changes, int, (sqlite3 *))                                                                   \
    X(last_insert_rowid, sqlite3_int64, (sqlite3 *))                                               \
    X(get_autocommit, int, (sqlite3 *))                                                            \
    X(file_control, int, (sqlite3 *, const char *, int, void *))

static struct {
#define X(name, type, parameters) type(*name) parameters;
    FUNCTIONS(X)
#undef X
    const char *missing; /* why it can't be used; NULL: it can */
} lib;

static pthread_once_t lib_once = PTHREAD_ONCE_INIT;

typedef struct kept_statement {
    const char *sql; /* compared by address */
    sqlite3_stmt *statement;
} kept_statement;

struct amphi_db {
    sqlite3 *handle;
    kept_statement kept[STATEMENTS_MAX];
    size_t kept_count;
    uint64_t commits;
};

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

static void *open_library(void)
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
    for (size_t i = 0; i < sizeof names / sizeof names[0] && handle == NULL; i++)
        handle = dlopen(names[i], flags);
    return handle;
}

static void load_library(void)
{
    void *handle = open_library();
    if (handle == NULL) {
        lib.missing = MISSING_LIBRARY;
        return;
    }
    /* POSIX lets a symbol's address become a function pointer through memory. */
#define X(name, type, parameters)                                                                  \
    *(void **)&lib.name = dlsym(handle, "sqlite3_" #name);                                         \
    if (lib.name == NULL)                                                                          \
        lib.missing = "libsqlcipher has no sqlite3_" #name ": it is not a SQLCipher";
    FUNCTIONS(X)
#undef X
}

static amphi_status library(amphi_error *error)
{
    pthread_once(&lib_once, load_library);
    if (lib.missing != NULL)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, "%s", lib.missing);
    return AMPHI_OK;
}

/* SQLite's codes as ours. The text is SQLite's own for the code: it never holds a value. */
static amphi_status fail(amphi_error *error, int native_code)
{
    amphi_status status = AMPHI_E_INTERNAL;
    const char *mend = "";
    switch (native_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return AMPHI_OK;
    case SQLITE_NOMEM:
        return amphi__fail_no_memory(error);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        status = AMPHI_E_BUSY;
        mend = "; another process holds it, try again";
        break;
    case SQLITE_NOTADB: /* a page that fails its HMAC: a wrong key is caught before (inspect) */
    case SQLITE_CORRUPT:
        status = AMPHI_E_CORRUPT;
        mend = "; restore it from a backup";
        break;
    case SQLITE_FULL:
        status = AMPHI_E_IO;
        mend = "; make room on the disk";
        break;
    case SQLITE_TOOBIG:
        status = AMPHI_E_LIMIT;
        break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_NOLFS:
    case SQLITE_PROTOCOL:
        status = AMPHI_E_IO;
        break;
    default:
        break;
    }
    return amphi__fail(error, status, native_code, "store: %s (SQLite %d)%s",
        lib.errstr(native_code), native_code, mend);
}

/* ---- One value from a PRAGMA ---- */

typedef struct answer {
    char text[64];
    bool has_row;
} answer;

static int take_answer(void *user, int columns, char **values, char **names)
{
    answer *out = user;
    (void)names;
    if (columns > 0 && values[0] != NULL) {
        snprintf(out->text, sizeof out->text, "%s", values[0]);
        out->has_row = true;
    }
    return 0;
}

/* Returns the SQLite code; out->has_row is false when the PRAGMA is unknown. */
static int ask(sqlite3 *handle, const char *pragma, answer *out)
{
    *out = (answer){.has_row = false};
    int rc = lib.exec(handle, pragma, take_answer, out, NULL);
    return rc == SQLITE_OK ? rc : lib.extended_errcode(handle);
}

amphi_status amphi__db_version(char *out, size_t capacity, amphi_error *error)
{
    amphi_status status = library(error);
    if (status != AMPHI_OK)
        return status;
    sqlite3 *handle = NULL;
    answer version = {.has_row = false};
    int rc = lib.open_v2(":memory:", &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = ask(handle, "PRAGMA cipher_version", &version);
    if (rc == SQLITE_OK && !version.has_row)
        status = amphi__fail(error, AMPHI_E_UNSUPPORTED, 0, MISSING_LIBRARY);
    else
        status = fail(error, rc);
    if (status == AMPHI_OK)
        snprintf(out, capacity, "SQLCipher %s (SQLite %s)", version.text, lib.libversion());
    lib.close(handle);
    return status;
}

/* ---- Opening ---- */

/* Key and salt as the raw-key literal x'96 digits': no passphrase hashing (52 ms) on any open. */
static int set_key(sqlite3 *handle, const amphi_db_key *key)
{
    char literal[2 + 2 * (AMPHI_DB_KEY_BYTES + AMPHI_DB_SALT_BYTES) + 2] = "x'";
    amphi__hex(literal + 2, key->key, AMPHI_DB_KEY_BYTES);
    amphi__hex(literal + 2 + 2 * AMPHI_DB_KEY_BYTES, key->salt, AMPHI_DB_SALT_BYTES);
    literal[sizeof literal - 2] = '\'';
    literal[sizeof literal - 1] = '\0';
    int rc = lib.key(handle, literal, (int)sizeof literal - 1);
    amphi__wipe(literal, sizeof literal);
    return rc;
}

static amphi_status require(sqlite3 *handle, const char *pragma, const char *wanted,
    const char *otherwise, amphi_error *error)
{
    answer got;
    int rc = ask(handle, pragma, &got);
    if (rc != SQLITE_OK)
        return fail(error, rc);
    bool ok = got.has_row && (wanted == NULL || strcmp(got.text, wanted) == 0 ||
                                 (otherwise != NULL && strcmp(got.text, otherwise) == 0));
    if (!ok)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "store: this SQLCipher does not follow \"%s\" (answer: %s)", pragma,
            got.has_row ? got.text : "none");
    return AMPHI_OK;
}

/* Switching to WAL needs the file alone for a moment, and SQLite does not always wait for it. */
static amphi_status enter_wal(sqlite3 *handle, amphi_error *error)
{
    static const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    amphi_status status = AMPHI_E_BUSY;
    for (int tries = 0; tries < BUSY_TIMEOUT_MS / 5 && status == AMPHI_E_BUSY; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        /* Where shared memory is not to be had the answer stays "delete": as durable, slower. */
        status = require(handle, "PRAGMA journal_mode=WAL", "wal", "delete", error);
    }
    return status;
}

static amphi_status configure(
    sqlite3 *handle, const amphi_db_key *key, bool version_3_format, amphi_error *error)
{
    lib.busy_timeout(handle, BUSY_TIMEOUT_MS);
    amphi_status status = fail(error, set_key(handle, key));
    if (status == AMPHI_OK)
        status = require(handle, "PRAGMA cipher_version", NULL, NULL, error);
    if (status == AMPHI_OK && version_3_format)
        status = fail(error, lib.exec(handle, "PRAGMA cipher_compatibility=3", NULL, NULL, NULL));
    if (status == AMPHI_OK)
        status = fail(error, lib.exec(handle, "PRAGMA cipher_page_size=4096", NULL, NULL, NULL));
    if (status == AMPHI_OK) /* the first read */
        status = require(handle, "SELECT count(*) FROM sqlite_master", NULL, NULL, error);
    if (status == AMPHI_OK)
        status = enter_wal(handle, error);
    if (status == AMPHI_OK)
        status = fail(error, lib.exec(handle, "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY",
                                 NULL, NULL, NULL));
    if (status == AMPHI_OK) /* with WAL, FULL (2) syncs the log at every commit */
        status = require(handle, "PRAGMA synchronous", "2", NULL, error);
    if (status == AMPHI_OK)
        status = require(handle, "PRAGMA secure_delete=ON", "1", NULL, error);
    return status;
}

/* What the file is, from its first bytes. They are our salt, which is derived from the key: so a
 * wrong key is known before anything is tried, and is not mistaken for a damaged page. The salt
 * itself comes from the key, so a file survives damage to it; hence the likeness by bytes. */
typedef enum file_kind { FILE_EMPTY, FILE_OURS, FILE_PLAIN, FILE_FOREIGN } file_kind;

/* Reads through SQLite's descriptor: closing one of our own would drop the locks that another
 * connection of this process holds on the file (POSIX record locks). */
static int read_file_kind(sqlite3 *handle, const amphi_db_key *key, file_kind *out)
{
    uint8_t bytes[AMPHI_DB_SALT_BYTES] = {0};
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int rc = lib.file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK && (file == NULL || file->pMethods == NULL))
        rc = SQLITE_CANTOPEN;
    if (rc == SQLITE_OK)
        rc = file->pMethods->xFileSize(file, &size);
    if (rc == SQLITE_OK && size > 0)
        rc = file->pMethods->xRead(file, bytes, sizeof bytes, 0);
    if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ) /* the missing bytes are zero then */
        return rc;
    size_t same = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        same += bytes[i] == key->salt[i];
    if (size == 0)
        *out = FILE_EMPTY;
    else if (memcmp(bytes, PLAIN_HEADER, sizeof bytes) == 0)
        *out = FILE_PLAIN;
    else
        *out = same >= sizeof bytes / 2 ? FILE_OURS : FILE_FOREIGN;
    return SQLITE_OK;
}

static amphi_status check_before(sqlite3 *handle, const amphi_db_key *key, amphi_error *error)
{
    file_kind kind = FILE_EMPTY;
    int rc = read_file_kind(handle, key, &kind);
    if (rc != SQLITE_OK)
        return fail(error, rc);
    if (kind == FILE_PLAIN)
        return amphi__fail(error, AMPHI_E_KEY, 0,
            "store: the file is a plain, unencrypted SQLite database, not one of ours; it was "
            "left as it is: move it away");
    if (kind == FILE_FOREIGN)
        return amphi__fail(error, AMPHI_E_KEY, 0,
            "store: the key does not open this database (it was left as it is): restore the "
            "right key, or move the database away");
    return AMPHI_OK;
}

/* Never trust a library that says it encrypts: the bytes on disk have to say it too. */
static amphi_status check_after(sqlite3 *handle, const amphi_db_key *key, amphi_error *error)
{
    file_kind kind = FILE_EMPTY;
    int rc = read_file_kind(handle, key, &kind);
    if (rc != SQLITE_OK)
        return fail(error, rc);
    if (kind != FILE_OURS)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "store: this SQLCipher does not encrypt the file as it should; nothing was stored");
    return AMPHI_OK;
}

static amphi_status open_as(amphi_db *db, const char *path, const amphi_db_key *key,
    bool version_3_format, amphi_error *error)
{
    int rc = lib.open_v2(
        path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    amphi_status status = fail(error, rc);
    /* By its path and before anything is written; the log files take over this mode. */
    if (status == AMPHI_OK && chmod(path, S_IRUSR | S_IWUSR) != 0)
        status = amphi__fail(error, AMPHI_E_IO, errno, "store: can't set mode 0600 on the file");
    if (status == AMPHI_OK)
        status = configure(db->handle, key, version_3_format, error);
    return status == AMPHI_OK ? check_after(db->handle, key, error) : status;
}

/* Before a key is used: nothing of the file changes but its time of access. */
static amphi_status inspect(const char *path, const amphi_db_key *key, amphi_error *error)
{
    sqlite3 *handle = NULL;
    int rc = lib.open_v2(
        path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    amphi_status status = rc == SQLITE_OK ? check_before(handle, key, error) : fail(error, rc);
    lib.close(handle);
    return status;
}

amphi_status amphi__db_open(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    amphi_status status = library(error);
    if (status == AMPHI_OK)
        status = inspect(path, key, error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db = amphi__calloc(1, sizeof *db);
    if (db == NULL)
        return amphi__fail_no_memory(error);
    status = open_as(db, path, key, false, error);
    if (status == AMPHI_E_CORRUPT) {
        /* A file of SQLCipher 3 needs a word before 4 reads it; 3.4.1 does not know the word. */
        lib.close(db->handle);
        db->handle = NULL;
        status = open_as(db, path, key, true, error);
    }
    if (status == AMPHI_OK) {
        *out = db;
        db = NULL;
        amphi__error_clear(error); /* of tries that did not count */
    }
    amphi__db_close(db);
    return status;
}

amphi_status amphi__db_open_empty(amphi_db **out, amphi_error *error)
{
    amphi_status status = library(error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db = amphi__calloc(1, sizeof *db);
    if (db == NULL)
        return amphi__fail_no_memory(error);
    status = fail(error,
        lib.open_v2(":memory:", &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    if (status == AMPHI_OK) {
        *out = db;
        db = NULL;
    }
    amphi__db_close(db);
    return status;
}

void amphi__db_close(amphi_db *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < db->kept_count; i++)
        lib.finalize(db->kept[i].statement);
    lib.close(db->handle); /* NULL is fine */
    amphi__free(db);
}

/* ---- Transactions ---- */

amphi_status amphi__db_exec(amphi_db *db, const char *sql, amphi_error *error)
{
    int rc = lib.exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? AMPHI_OK : fail(error, lib.extended_errcode(db->handle));
}

void amphi__db_set_patience(amphi_db *db, uint32_t patience_ms)
{
    lib.busy_timeout(db->handle, (int)patience_ms);
}

amphi_status amphi__db_begin(amphi_db *db, amphi_error *error)
{
    return amphi__db_exec(db, "BEGIN IMMEDIATE", error);
}

amphi_status amphi__db_finish(amphi_db *db, amphi_status status, amphi_error *error)
{
    if (status == AMPHI_OK)
        status = amphi__db_exec(db, "COMMIT", error);
    db->commits += status == AMPHI_OK;
    /* Some failures have rolled back already; a second ROLLBACK would only complain. */
    if (status != AMPHI_OK && !lib.get_autocommit(db->handle))
        lib.exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

uint64_t amphi__db_commits(const amphi_db *db)
{
    return db->commits;
}

bool amphi__db_in_transaction(amphi_db *db)
{
    return !lib.get_autocommit(db->handle);
}

uint32_t amphi__db_changes(amphi_db *db)
{
    return (uint32_t)lib.changes(db->handle);
}

int64_t amphi__db_last_id(amphi_db *db)
{
    return lib.last_insert_rowid(db->handle);
}

/* ---- Queries ---- */

static void note(amphi_query *query, int rc)
{
    if (rc != SQLITE_OK && query->native_code == 0)
        query->native_code = rc;
}

void amphi__query_begin(amphi_query *query, amphi_db *db, const char *sql)
{
    *query = (amphi_query){.db = db};
    for (size_t i = 0; i < db->kept_count; i++) {
        if (db->kept[i].sql == sql) {
            query->statement = db->kept[i].statement;
            return;
        }
    }
    if (db->kept_count == STATEMENTS_MAX) { /* more literals than places: our mistake */
        note(query, SQLITE_MISUSE);
        return;
    }
    sqlite3_stmt *statement = NULL;
    if (lib.prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK) {
        note(query, lib.extended_errcode(db->handle));
        return;
    }
    db->kept[db->kept_count++] = (kept_statement){sql, statement};
    query->statement = statement;
}

void amphi__query_bind_int(amphi_query *query, int index, int64_t value)
{
    if (query->native_code == 0)
        note(query, lib.bind_int64(query->statement, index, value));
}

void amphi__query_bind_str(amphi_query *query, int index, amphi_str value)
{
    if (query->native_code != 0)
        return;
    if (value.size > INT32_MAX)
        note(query, SQLITE_TOOBIG);
    else /* NULL would be SQL's NULL; ours is the empty string */
        note(query, lib.bind_text(query->statement, index, value.size > 0 ? value.data : "",
                        (int)value.size, SQLITE_STATIC));
}

void amphi__query_bind_blob(amphi_query *query, int index, const void *data, size_t size)
{
    if (query->native_code != 0)
        return;
    if (size > INT32_MAX)
        note(query, SQLITE_TOOBIG);
    else
        note(query,
            lib.bind_blob(query->statement, index, size > 0 ? data : "", (int)size, SQLITE_STATIC));
}

bool amphi__query_row(amphi_query *query)
{
    if (query->native_code != 0)
        return false;
    int rc = lib.step(query->statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        note(query, lib.extended_errcode(query->db->handle));
    return rc == SQLITE_ROW;
}

int64_t amphi__query_int(amphi_query *query, int column)
{
    return lib.column_int64(query->statement, column);
}

amphi_str amphi__query_str(amphi_query *query, int column)
{
    const void *data = lib.column_blob(query->statement, column); /* before its size, says SQLite */
    int size = lib.column_bytes(query->statement, column);
    return data != NULL ? amphi_str_make(data, (size_t)size) : amphi_str_make("", 0);
}

amphi_status amphi__query_end(amphi_query *query, amphi_error *error)
{
    if (query->statement != NULL) {
        lib.reset(query->statement);
        lib.clear_bindings(query->statement); /* they point to the caller's memory */
        query->statement = NULL;
    }
    return fail(error, query->native_code);
}

amphi_status amphi__query_run(amphi_query *query, amphi_error *error)
{
    while (amphi__query_row(query))
        ;
    return amphi__query_end(query, error);
}
