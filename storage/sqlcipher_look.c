/* SPDX-License-Identifier: Apache-2.0
 *
 * The right key is known by any page that has its seal, or by the salt, which is derived from it:
 * so a wrong key, a plain file and a damaged one can be kept apart, even when the first page or its
 * header is what is damaged.
 */
#include "storage/sqlcipher_look.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_wal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PLAIN_HEADER      "SQLite format 3" /* 16 bytes with its NUL */
#define SAMPLED_PAGES_MAX 64

/* Reads through SQLite's descriptor: closing one of our own would drop the locks that another
 * connection of this process holds on the file (POSIX record locks). */
static int read_page(amphi_db *db, amphi_file_look *look, uint32_t number)
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
static bool has_seal(amphi_file_look *look, uint32_t number, const amphi_db_key *key)
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

static bool has_our_salt(const amphi_file_look *look, const amphi_db_key *key)
{
    size_t same = 0;
    for (size_t i = 0; i < AMPHI_DB_SALT_BYTES; i++)
        same += look->page[i] == key->salt[i];
    return same >= AMPHI_DB_SALT_BYTES / 2;
}

/* Page 1 again while it looks bad: another process may be writing it. */
static int read_first_page(
    amphi_db *db, amphi_file_look *look, const amphi_db_key *key, bool *is_sealed)
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

int amphi__file_look_pages(amphi_db *db, amphi_file_look *look, const amphi_db_key *key)
{
    bool is_sealed = false;
    look->format = db->lib->cipher_major == 3 ? AMPHI_PAGE_FORMAT_3 : AMPHI_PAGE_FORMAT_4;
    int rc = read_first_page(db, look, key, &is_sealed);
    if (rc != SQLITE_OK)
        return rc;
    memcpy(look->salt, look->page, sizeof look->salt);
    look->kind = AMPHI_FILE_FOREIGN;
    if (look->pages == 0)
        look->kind = AMPHI_FILE_EMPTY;
    else if (is_sealed || (!is_plain(look->page) && has_our_salt(look, key)))
        look->kind = AMPHI_FILE_OURS;
    else if (is_plain(look->page))
        look->kind = AMPHI_FILE_PLAIN;
    bool go_on = look->kind == AMPHI_FILE_FOREIGN || (look->kind == AMPHI_FILE_OURS && !is_sealed);
    uint32_t step = look->pages / SAMPLED_PAGES_MAX + 1;
    for (uint32_t number = 2; go_on && rc == SQLITE_OK && number <= look->pages; number += step) {
        rc = read_page(db, look, number);
        if (rc == SQLITE_OK && has_seal(look, number, key)) {
            look->kind = AMPHI_FILE_OURS;
            go_on = false;
        }
    }
    return rc;
}

/* The power went while the database was made: of its first page nothing or a part arrived, and the
 * journal, which is synced before, says that there was nothing. SQLite takes it back. */
static bool is_half_made(const char *path, const amphi_file_look *look)
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
static bool log_is_ours(const char *log, const amphi_file_look *look, const amphi_db_key *key)
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
static bool is_half_settled(const char *path, amphi_file_look *look, const amphi_db_key *key)
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

int amphi__file_look(amphi_db *db, const char *path, amphi_file_look *look, const amphi_db_key *key)
{
    int rc = amphi__file_look_pages(db, look, key);
    if (rc == SQLITE_OK && look->kind == AMPHI_FILE_FOREIGN && is_half_made(path, look))
        look->kind = AMPHI_FILE_EMPTY;
    if (rc == SQLITE_OK && look->kind == AMPHI_FILE_FOREIGN && is_half_settled(path, look, key))
        look->kind = AMPHI_FILE_OURS;
    return rc;
}

amphi_status amphi__file_look_check(
    const amphi_db *db, const amphi_file_look *look, amphi_error *error)
{
    if (look->kind == AMPHI_FILE_PLAIN)
        return amphi__fail(error, AMPHI_E_KEY, 0,
            "store: the file is a plain, unencrypted SQLite database, not one of ours; it was "
            "left as it is: move it away");
    if (look->kind == AMPHI_FILE_FOREIGN)
        return amphi__fail(error, AMPHI_E_KEY, 0,
            "store: the key does not open this database (it was left as it is): restore the right "
            "key (with store.wrap, after a rekey), or move it away");
    if (look->kind == AMPHI_FILE_OURS && (int)look->format > db->lib->cipher_major)
        return amphi__fail(error, AMPHI_E_UNSUPPORTED, 0,
            "store: SQLCipher 4 wrote this database, and here is version %s: install a newer one",
            db->lib->cipher_version);
    return AMPHI_OK;
}
