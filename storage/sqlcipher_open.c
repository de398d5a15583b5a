/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening: what the file is, before a key is used on it; then the key, the format and the settings,
 * each chosen by us and read back, because an unknown PRAGMA answers OK without a row and an app
 * that shares the library may have changed its defaults. Until the guard knows the seal nothing can
 * be written.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_db.h"
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

#define BUSY_TIMEOUT_MS   10000
#define PLAIN_HEADER      "SQLite format 3" /* 16 bytes with its NUL */
#define SAMPLED_PAGES_MAX 64

amphi_status amphi__db_version(char *out, size_t capacity, amphi_error *error)
{
    const amphi_sqlite *lib;
    amphi_status status = amphi__sqlite_load(&lib, error);
    if (status == AMPHI_OK)
        snprintf(out, capacity, "SQLCipher %s (SQLite %s)", lib->cipher_version, lib->libversion());
    return status;
}

/* ---- What the file is ---- */

typedef enum file_kind {
    FILE_EMPTY,
    FILE_OURS,   /* perhaps damaged: the first read says so */
    FILE_PLAIN,  /* a SQLite database without encryption */
    FILE_FOREIGN /* another key's, or no database */
} file_kind;

typedef struct file_look {
    file_kind kind;
    amphi_page_format format;
    uint32_t pages;
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    uint8_t salt[AMPHI_DB_SALT_BYTES]; /* the file's first bytes */
} file_look;

/* Reads through SQLite's descriptor: closing one of our own would drop the locks that another
 * connection of this process holds on the file (POSIX record locks). */
static int read_page(amphi_db *db, file_look *look, uint32_t number)
{
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int rc = db->lib->file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK && (file == NULL || file->pMethods == NULL))
        rc = SQLITE_CANTOPEN;
    if (rc == SQLITE_OK)
        rc = file->pMethods->xFileSize(file, &size);
    look->pages = (uint32_t)((size + AMPHI_DB_PAGE_BYTES - 1) / AMPHI_DB_PAGE_BYTES);
    memset(look->page, 0, sizeof look->page);
    if (rc == SQLITE_OK && number <= look->pages)
        rc = file->pMethods->xRead(
            file, look->page, sizeof look->page, (sqlite3_int64)(number - 1) * AMPHI_DB_PAGE_BYTES);
    return rc == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : rc; /* the missing bytes are zero then */
}

/* Whether page `number`, in look->page, has our seal in either format. */
static bool has_seal(file_look *look, uint32_t number, const amphi_db_key *key)
{
    static const amphi_page_format formats[] = {AMPHI_PAGE_FORMAT_3, AMPHI_PAGE_FORMAT_4};
    bool found = false;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0] && !found; i++) {
        amphi_page_seal seal;
        amphi__page_seal_init(&seal, formats[i], key);
        found = amphi__page_seal_holds(&seal, number, look->page);
        amphi__wipe(&seal, sizeof seal);
        if (found)
            look->format = formats[i];
    }
    return found;
}

/* SQLite's header says so behind its first 16 bytes too: page size, versions, three fixed bytes. */
static bool is_plain(const uint8_t *page)
{
    static const uint8_t fixed[3] = {64, 32, 32};
    unsigned size = (unsigned)page[16] << 8 | page[17];
    if (memcmp(page, PLAIN_HEADER, 16) == 0)
        return true;
    return (size == 1 || (size >= 512 && (size & (size - 1)) == 0)) && page[18] >= 1 &&
           page[18] <= 2 && page[19] >= 1 && page[19] <= 2 &&
           memcmp(page + 21, fixed, sizeof fixed) == 0;
}

static bool has_our_salt(const file_look *look, const amphi_db_key *key)
{
    size_t same = 0;
    for (size_t i = 0; i < AMPHI_DB_SALT_BYTES; i++)
        same += look->page[i] == key->salt[i];
    return same >= AMPHI_DB_SALT_BYTES / 2;
}

/* Page 1 again while it looks bad: another process may be writing it. */
static int read_first_page(amphi_db *db, file_look *look, const amphi_db_key *key, bool *is_sealed)
{
    static const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};
    *is_sealed = false;
    for (int tries = 0; tries < 4; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        int rc = read_page(db, look, 1);
        if (rc != SQLITE_OK || look->pages == 0 || is_plain(look->page))
            return rc;
        *is_sealed = has_seal(look, 1, key);
        if (*is_sealed)
            return SQLITE_OK;
    }
    return SQLITE_OK;
}

/* The right key is known by any page that has its seal, or by the salt, which is derived from it:
 * so a wrong key, a plain file and a damaged one can be kept apart, even when the first page or its
 * header is what is damaged. */
static int look_at(amphi_db *db, file_look *look, const amphi_db_key *key)
{
    bool is_sealed = false;
    look->format = db->lib->cipher_major == 3 ? AMPHI_PAGE_FORMAT_3 : AMPHI_PAGE_FORMAT_4;
    int rc = read_first_page(db, look, key, &is_sealed);
    if (rc != SQLITE_OK)
        return rc;
    memcpy(look->salt, look->page, sizeof look->salt);
    look->kind = FILE_FOREIGN;
    if (look->pages == 0)
        look->kind = FILE_EMPTY;
    else if (is_sealed || (!is_plain(look->page) && has_our_salt(look, key)))
        look->kind = FILE_OURS;
    else if (is_plain(look->page))
        look->kind = FILE_PLAIN;
    bool go_on = look->kind == FILE_FOREIGN || (look->kind == FILE_OURS && !is_sealed);
    uint32_t step = look->pages / SAMPLED_PAGES_MAX + 1;
    for (uint32_t number = 2; go_on && rc == SQLITE_OK && number <= look->pages; number += step) {
        rc = read_page(db, look, number);
        if (rc == SQLITE_OK && has_seal(look, number, key)) {
            look->kind = FILE_OURS;
            go_on = false;
        }
    }
    return rc;
}

/* The power went while the database was made: of its first page nothing or a part arrived, and the
 * journal, which is synced before, says that there was nothing. SQLite takes it back. */
static bool is_half_made(const char *path, const file_look *look)
{
    static const uint8_t zeros[512];
    char journal[4200];
    struct stat info;
    if (look->pages != 1 || memcmp(look->page, zeros, sizeof zeros) != 0)
        return false;
    snprintf(journal, sizeof journal, "%s-journal", path);
    return stat(journal, &info) == 0 && info.st_size > 0;
}

/* Whether the log, of the look's format, has a page with our seal. */
static bool log_is_ours(const char *log, const file_look *look, const amphi_db_key *key)
{
    amphi_wal wal = {.fd = -1};
    amphi_page_seal seal;
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    bool found = false;
    amphi__page_seal_init(&seal, look->format, key);
    if (amphi__wal_read(&wal, log, &seal, NULL) == AMPHI_OK)
        for (uint32_t i = 1; i <= wal.reach && !found; i++) {
            uint32_t number = amphi__wal_number(&wal, i);
            found = number != 0 && amphi__wal_page(&wal, i, page) &&
                    amphi__page_seal_holds(&seal, number, page);
        }
    amphi__wal_clear(&wal);
    amphi__wipe(&seal, sizeof seal);
    return found;
}

/* The power went while a repair put a log's pages into an empty database: the beginning did not
 * arrive (no key makes a salt of zeros), and the log, which stays until then, has all of it. */
static bool is_half_settled(const char *path, file_look *look, const amphi_db_key *key)
{
    static const amphi_page_format formats[] = {AMPHI_PAGE_FORMAT_3, AMPHI_PAGE_FORMAT_4};
    static const uint8_t zeros[AMPHI_DB_SALT_BYTES];
    char log[4200];
    bool is_ours = false;
    if (look->pages == 0 || memcmp(look->salt, zeros, sizeof zeros) != 0)
        return false;
    snprintf(log, sizeof log, "%s-wal", path);
    amphi_page_format asked = look->format;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0] && !is_ours; i++) {
        look->format = formats[i];
        is_ours = log_is_ours(log, look, key);
    }
    if (!is_ours)
        look->format = asked;
    return is_ours;
}

static amphi_status check_kind(amphi_db *db, const file_look *look, amphi_error *error)
{
    if (look->kind == FILE_PLAIN)
        return amphi__fail(error, AMPHI_E_KEY, 0,
            "store: the file is a plain, unencrypted SQLite database, not one of ours; it was "
            "left as it is: move it away");
    if (look->kind == FILE_FOREIGN)
        return amphi__fail(error, AMPHI_E_KEY, 0,
            "store: the key does not open this database (it was left as it is): restore the right "
            "key (with store.wrap, after a rekey), or move it away");
    if (look->kind == FILE_OURS && (int)look->format > db->lib->cipher_major)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "store: SQLCipher 4 wrote this database, and here is version %s: install a newer one",
            db->lib->cipher_version);
    return AMPHI_OK;
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
    file_look look;
    int rc = look_at(db, &look, key);
    if (rc != SQLITE_OK)
        return amphi__db_fail(db, error, rc);
    if (look.kind != FILE_OURS)
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
static amphi_status begin_open(amphi_db **out, const char *path, int flags, const amphi_db_key *key,
    file_look *look, amphi_error *error)
{
    amphi_status status = make_db(out, error);
    if (status != AMPHI_OK)
        return status;
    amphi_db *db = *out;
    if (flags & SQLITE_OPEN_READONLY)
        amphi__db_guard_read_only(db->guard);
    int rc = db->lib->open_v2(
        path, &db->handle, SQLITE_OPEN_NOMUTEX | flags, amphi__db_guard_name(db->guard));
    if (rc == SQLITE_OK)
        rc = look_at(db, look, key);
    if (rc == SQLITE_OK && look->kind == FILE_FOREIGN && is_half_made(path, look))
        look->kind = FILE_EMPTY;
    if (rc == SQLITE_OK && look->kind == FILE_FOREIGN && is_half_settled(path, look, key))
        look->kind = FILE_OURS;
    return rc == SQLITE_OK ? check_kind(db, look, error) : amphi__db_fail(db, error, rc);
}

amphi_status amphi__db_open_unkeyed(amphi_db **out, const char *path, const amphi_db_key *key,
    amphi_page_format *format, amphi_error *error)
{
    file_look look = {.kind = FILE_EMPTY};
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
    file_look look = {.kind = FILE_EMPTY};
    amphi_db *db = NULL;
    amphi_status status =
        begin_open(&db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, key, &look, error);
    if (status == AMPHI_OK)
        status = make_private(path, error);
    if (status == AMPHI_OK)
        status = configure(db, key, look.format, error);
    if (status == AMPHI_OK && look.kind == FILE_EMPTY)
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
    file_look look = {.kind = FILE_EMPTY};
    amphi_db *db = NULL;
    amphi_status status = check_log(path, key, error);
    if (status == AMPHI_OK)
        status = begin_open(&db, path, SQLITE_OPEN_READONLY, key, &look, error);
    if (status == AMPHI_OK && look.kind == FILE_EMPTY)
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
