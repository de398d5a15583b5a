/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening: what the file is (sqlcipher_look.h); then the key, the format and the settings, each
 * chosen by us and read back, because an unknown PRAGMA answers OK without a row and an app that
 * shares the library may have changed its defaults. Until the guard knows the seal nothing can be
 * written.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_look.h"
#include "storage/sqlcipher_memory.h"
#include "storage/sqlcipher_pages.h"
#include "storage/sqlcipher_provider.h"
#include "storage/sqlcipher_wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUSY_TIMEOUT_MS 10000

amphi_status amphi__db_version(char *out, size_t capacity, amphi_error *error)
{
    const amphi_sqlite *lib;
    amphi_status status = amphi__sqlite_load(&lib, error);
    if (status == AMPHI_OK)
        snprintf(out, capacity, "SQLCipher %s (SQLite %s)", lib->cipher_version, lib->libversion());
    return status;
}

/* ---- Key, format, settings ---- */

/* Key and salt as the raw-key literal x'96 digits': no passphrase hashing (52 ms) on any open. */
static int set_key(sqlite3 *handle, const amphi_db_key *key)
{
    char literal[2 + 2 * (AMPHI_DB_KEY_BYTES + AMPHI_DB_SALT_BYTES) + 2] = "x'";
    amphi__hex(literal + 2, key->key, AMPHI_DB_KEY_BYTES);
    amphi__hex(literal + 2 + 2 * AMPHI_DB_KEY_BYTES, key->salt, AMPHI_DB_SALT_BYTES);
    literal[sizeof literal - 2] = '\'';
    literal[sizeof literal - 1] = '\0';
    int rc = amphi__sqlcipher_key(handle, literal, sizeof literal - 1);
    amphi__wipe(literal, sizeof literal);
    return rc;
}

static amphi_status require(
    amphi_db *db, const char *pragma, const char *wanted, const char *otherwise, amphi_error *error)
{
    char got[64];
    bool has_row;
    int rc = amphi__sqlite_ask(db->handle, pragma, got, sizeof got, &has_row);
    if (rc != SQLITE_OK)
        return amphi__db_fail(db, error, rc);
    bool ok = has_row && (wanted == NULL || strcmp(got, wanted) == 0 ||
                             (otherwise != NULL && strcmp(got, otherwise) == 0));
    if (!ok)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "store: this SQLCipher does not follow \"%s\" (answer: %s)", pragma,
            has_row ? got : "none");
    return AMPHI_OK;
}

/* From its first key on SQLCipher 4 writes of damaged pages to standard error, unless an app has
 * chosen otherwise. */
static void silence(amphi_db *db)
{
    char level[16];
    if (db->lib->cipher_major >= 4 &&
        amphi__sqlite_ask(db->handle, "PRAGMA cipher_log_level", level, sizeof level, NULL) ==
            SQLITE_OK &&
        strcmp(level, "WARN") == 0)
        db->lib->exec(db->handle, "PRAGMA cipher_log_level=NONE", NULL, NULL, NULL);
}

/* Everything that shapes a page, whatever the library's defaults are. Then the first read, which
 * derives the keys. */
static amphi_status set_format(amphi_db *db, amphi_page_format format, amphi_error *error)
{
    static const char version_3[] = "PRAGMA cipher_use_hmac=ON; PRAGMA cipher_page_size=4096";
    static const char version_3_by_4[] =
        "PRAGMA cipher_compatibility=3; PRAGMA cipher_use_hmac=ON;"
        "PRAGMA cipher_plaintext_header_size=0; PRAGMA cipher_page_size=4096";
    static const char version_4[] =
        "PRAGMA cipher_compatibility=4; PRAGMA cipher_use_hmac=ON;"
        "PRAGMA cipher_plaintext_header_size=0; PRAGMA cipher_page_size=4096";
    const char *sql = db->lib->cipher_major == 3      ? version_3
                      : format == AMPHI_PAGE_FORMAT_3 ? version_3_by_4
                                                      : version_4;
    amphi_status status = amphi__db_exec(db, sql, error);
    /* SQLCipher 3.4 does not report that it could not set the size, and would then write past the
     * end of a smaller page. */
    if (status == AMPHI_OK)
        status = require(db, "PRAGMA cipher_page_size", "4096", NULL, error);
    if (status == AMPHI_OK)
        status = require(db, "PRAGMA page_size", "4096", NULL, error);
    if (status == AMPHI_OK)
        status = require(db, "SELECT count(*) FROM sqlite_master", NULL, NULL, error);
    return status;
}

/* Switching to WAL needs the file alone for a moment, and SQLite does not always wait for it. */
static amphi_status enter_wal(amphi_db *db, amphi_error *error)
{
    static const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    amphi_status status = AMPHI_E_BUSY;
    for (int tries = 0; tries < BUSY_TIMEOUT_MS / 5 && status == AMPHI_E_BUSY; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        /* Where shared memory is not to be had the answer stays "delete": as durable, slower. */
        status = require(db, "PRAGMA journal_mode=WAL", "wal", "delete", error);
    }
    return status;
}

/* Key, format and the first read. */
static amphi_status unlock(
    amphi_db *db, const amphi_db_key *key, amphi_page_format format, amphi_error *error)
{
    amphi__db_guard_seal(db->guard, format, key);
    db->lib->busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    amphi__sqlite_reserve_enter();
    amphi_status status = amphi__db_fail(db, error, set_key(db->handle, key));
    silence(db);
    if (status == AMPHI_OK)
        status = set_format(db, format, error);
    amphi__sqlite_reserve_leave();
    if (status == AMPHI_OK)
        status = amphi__db_exec(db, "PRAGMA temp_store=MEMORY", error);
    return status;
}

static amphi_status configure(
    amphi_db *db, const amphi_db_key *key, amphi_page_format format, amphi_error *error)
{
    amphi_status status = unlock(db, key, format, error);
    /* A new file has its first page, and SQLCipher the keys that it derives then, only here. Where
     * memory ends in between, SQLCipher 3.4.1 frees a key twice. */
    amphi__sqlite_reserve_enter();
    if (status == AMPHI_OK)
        status = enter_wal(db, error);
    amphi__sqlite_reserve_leave();
    if (status == AMPHI_OK)
        status = amphi__db_exec(db, "PRAGMA synchronous=FULL", error);
    if (status == AMPHI_OK) /* with WAL, FULL (2) syncs the log at every commit */
        status = require(db, "PRAGMA synchronous", "2", NULL, error);
    if (status == AMPHI_OK)
        status = require(db, "PRAGMA secure_delete=ON", "1", NULL, error);
    return status;
}

/* Never trust a library that says it encrypts: the bytes on disk have to say it too. */
static amphi_status check_after(amphi_db *db, const amphi_db_key *key, amphi_error *error)
{
    amphi_file_look look;
    int rc = amphi__file_look_pages(db, &look, key);
    if (rc != SQLITE_OK)
        return amphi__db_fail(db, error, rc);
    if (look.kind != AMPHI_FILE_OURS)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "store: this SQLCipher does not encrypt the file as it should; nothing was stored");
    return AMPHI_OK;
}

/* Without a file. The caller closes it, whatever comes. */
static amphi_status make_db(amphi_db **out, amphi_error *error)
{
    const amphi_sqlite *lib;
    amphi_status status = amphi__sqlite_load(&lib, error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db = amphi__calloc(1, sizeof *db);
    *out = db;
    if (db != NULL) {
        db->lib = lib;
        db->guard = amphi__db_guard_new(lib);
    }
    if (db == NULL || db->guard == NULL) {
        (void)amphi__fail_no_memory(error);
        return AMPHI_E_NO_MEMORY;
    }
    return AMPHI_OK;
}

/* The connection, and what the file is; nothing is keyed or written. */
static amphi_status connect(amphi_db *db, const char *path, int flags, const amphi_db_key *key,
    amphi_file_look *look, amphi_error *error)
{
    if (flags & SQLITE_OPEN_READONLY)
        amphi__db_guard_read_only(db->guard);
    int rc = db->lib->open_v2(
        path, &db->handle, SQLITE_OPEN_NOMUTEX | flags, amphi__db_guard_name(db->guard));
    if (rc == SQLITE_OK)
        rc = amphi__file_look(db, path, look, key);
    return rc == SQLITE_OK ? amphi__file_look_check(db, look, error)
                           : amphi__db_fail(db, error, rc);
}

static amphi_status begin_open(amphi_db **out, const char *path, int flags, const amphi_db_key *key,
    amphi_file_look *look, amphi_error *error)
{
    amphi_status status = make_db(out, error);
    return status == AMPHI_OK ? connect(*out, path, flags, key, look, error) : status;
}

amphi_status amphi__db_open_unkeyed(amphi_db **out, const char *path, const amphi_db_key *key,
    amphi_page_format *format, amphi_error *error)
{
    amphi_file_look look = {.kind = AMPHI_FILE_EMPTY};
    amphi_db *db = NULL;
    amphi_status status = begin_open(&db, path, SQLITE_OPEN_READWRITE, key, &look, error);
    if (status == AMPHI_OK) {
        *format = look.format;
        *out = db;
        db = NULL;
    }
    amphi__db_close(db);
    return status;
}

/* A repair puts another file in this one's place; a connection that waited for it has the old. */
static bool has_moved(amphi_db *db)
{
    int moved = 0;
    return db != NULL && db->handle != NULL &&
           db->lib->file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
           moved != 0;
}

/* By its path and before anything is written; the log files take over this mode. */
static amphi_status make_private(const char *path, amphi_error *error)
{
    struct stat info;
    if (stat(path, &info) == 0 && (info.st_mode & 0777) == (S_IRUSR | S_IWUSR))
        return AMPHI_OK;
    if (chmod(path, S_IRUSR | S_IWUSR) != 0)
        return amphi__fail(error, AMPHI_E_IO, errno, "store: can't set mode 0600 on the file");
    return AMPHI_OK;
}

static amphi_status open_once(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    amphi_file_look look = {.kind = AMPHI_FILE_EMPTY};
    amphi_db *db = NULL;
    amphi_status status =
        begin_open(&db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, key, &look, error);
    if (status == AMPHI_OK)
        status = make_private(path, error);
    if (status == AMPHI_OK)
        status = configure(db, key, look.format, error);
    if (status == AMPHI_OK && look.kind == AMPHI_FILE_EMPTY)
        status = check_after(db, key, error);
    if (status != AMPHI_E_NO_MEMORY && has_moved(db)) /* what failed may have failed for it */
        status = amphi__db_fail_moved(error);
    if (status == AMPHI_OK) {
        *out = db;
        db = NULL;
    }
    amphi__db_close(db);
    return status;
}

/* ---- The log, before SQLite reads it ---- */

/* The first connection lets SQLite replay the log, up to the first frame that does not follow from
 * the one before, and the next write overwrites the rest. */
static bool log_is_suspect(const char *path)
{
    char log[4200];
    struct stat info;
    if (snprintf(log, sizeof log, "%s-wal", path) >= (int)sizeof log)
        return false;
    bool has_database = stat(path, &info) == 0 && info.st_size > 0;
    if (has_database)
        return amphi__wal_is_suspect(log);
    if (stat(log, &info) != 0 || info.st_size == 0)
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0) /* beside nothing the log can't be looked at */
        close(fd);
    return true;
}

/* What another process is just writing looks damaged for a moment. Other errors come again when
 * the database is opened. */
static amphi_status check_log(const char *path, const amphi_db_key *key, amphi_error *error)
{
    static const struct timespec pause = {.tv_nsec = 3 * 1000 * 1000};
    char what[120];
    for (int tries = 0; tries < 4; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        if (!log_is_suspect(path))
            return AMPHI_OK;
        amphi_db_pages *pages = NULL;
        bool is_damaged = amphi__db_pages_open(&pages, path, key, NULL) == AMPHI_OK &&
                          amphi__db_pages_log_damage(pages, what, sizeof what);
        amphi__db_pages_close(pages);
        if (!is_damaged)
            return AMPHI_OK;
    }
    return amphi__fail(error, AMPHI_E_CORRUPT, 0, "store: %s: run `amphi history repair`", what);
}

amphi_status amphi__db_open(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    amphi_status status = check_log(path, key, error);
    return status == AMPHI_OK ? open_once(out, path, key, error) : status;
}

amphi_status amphi__db_open_read_only(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    amphi_file_look look = {.kind = AMPHI_FILE_EMPTY};
    amphi_db *db = NULL;
    amphi_status status = check_log(path, key, error);
    if (status == AMPHI_OK)
        status = begin_open(&db, path, SQLITE_OPEN_READONLY, key, &look, error);
    if (status == AMPHI_OK && look.kind == AMPHI_FILE_EMPTY)
        status = amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "store: the database is empty");
    if (status == AMPHI_OK)
        status = unlock(db, key, look.format, error);
    if (status == AMPHI_OK) {
        *out = db;
        db = NULL;
    }
    amphi__db_close(db);
    return status;
}

amphi_status amphi__db_open_past_damage(
    amphi_db **out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    amphi_file_look look = {.kind = AMPHI_FILE_EMPTY};
    amphi_db *db = NULL;
    amphi_db_pages *pages = NULL;
    amphi_status status = amphi__db_pages_open(&pages, path, key, error);
    if (status == AMPHI_OK && !amphi__db_pages_has_all_commits(pages))
        status = amphi__fail(error, AMPHI_E_CORRUPT, 0,
            "store: a commit in its log can't be read: run `amphi history repair`");
    if (status == AMPHI_OK)
        status = make_db(&db, error);
    if (status == AMPHI_OK) {
        amphi__db_guard_read_past_damage(db->guard, pages);
        pages = NULL; /* the guard's now */
        status = connect(db, path, SQLITE_OPEN_READONLY, key, &look, error);
    }
    if (status == AMPHI_OK)
        status = unlock(db, key, look.format, error);
    if (status == AMPHI_OK) {
        *out = db;
        db = NULL;
    }
    amphi__db_close(db);
    amphi__db_pages_close(pages);
    return status;
}

void amphi__db_forbid_writes(amphi_db *db)
{
    amphi__db_guard_forbid_writes(db->guard);
}

amphi_status amphi__db_open_empty(amphi_db **out, amphi_error *error)
{
    amphi_db *db = NULL;
    amphi_status status = make_db(&db, error);
    if (status == AMPHI_OK)
        status = amphi__db_fail(db, error,
            db->lib->open_v2(":memory:", &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                amphi__db_guard_name(db->guard)));
    if (status == AMPHI_OK) {
        *out = db;
        db = NULL;
    }
    amphi__db_close(db);
    return status;
}

/* Without a key, and so without a guard's checks of what is written. */
amphi_status amphi__db_open_plain(amphi_db **out, const char *path, amphi_error *error)
{
    static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_CREATE;
    amphi_db *db = NULL;
    amphi_status status = make_db(&db, error);
    if (status == AMPHI_OK)
        status = amphi__db_fail(db, error, db->lib->open_v2(path, &db->handle, flags, NULL));
    if (status == AMPHI_OK)
        status = amphi__db_exec(db, "PRAGMA page_size=4096", error);
    if (status == AMPHI_OK)
        status = require(db, "PRAGMA journal_mode=WAL", "wal", NULL, error);
    if (status == AMPHI_OK)
        status = require(db, "PRAGMA page_size", "4096", NULL, error);
    if (status == AMPHI_OK)
        status = amphi__db_exec(db, "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY", error);
    if (status == AMPHI_OK) {
        *out = db;
        db = NULL;
    }
    amphi__db_close(db);
    return status;
}

amphi_status amphi__db_copy(amphi_db *to, amphi_db *from, amphi_error *error)
{
    const amphi_sqlite *lib = to->lib;
    sqlite3_backup *backup = lib->backup_init(to->handle, "main", from->handle, "main");
    if (backup == NULL)
        return amphi__db_fail(to, error, lib->extended_errcode(to->handle));
    int rc = lib->backup_step(backup, -1);
    int finished = lib->backup_finish(backup);
    if (rc == SQLITE_DONE)
        rc = finished;
    return amphi__db_fail(to, error, rc);
}

void amphi__db_close(amphi_db *db)
{
    if (db == NULL)
        return;
    for (size_t i = 0; i < db->kept_count; i++)
        db->lib->finalize(db->kept[i].statement);
    db->lib->close(db->handle); /* NULL is fine */
    amphi__db_guard_free(db->guard);
    amphi__free(db);
}
