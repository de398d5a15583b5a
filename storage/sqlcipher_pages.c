/* SPDX-License-Identifier: Apache-2.0
 *
 * The database's file is read through SQLite's descriptor, the log through one of our own: that
 * file is never locked.
 */
#include "storage/sqlcipher_pages.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto_page.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_db.h"
#include "storage/sqlcipher_wal.h"
#include "storage/sqlcipher_wal_damage.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE         AMPHI_DB_PAGE_BYTES
#define LOCK_WAIT_MS 2000

struct amphi_db_pages {
    amphi_db *db; /* opened, never keyed: SQLite reads no page of it */
    sqlite3_file *file;
    char *log_path;
    amphi_wal wal;
    bool log_is_damaged;
    amphi_db_key key;
    amphi_page_seal seal;
    uint32_t count, file_count; /* pages: of the last commit, and in the file itself */
    uint32_t *frames;           /* by page number less 1: frame in the log, from 1; 0: none */
    uint32_t frames_capacity;
    uint32_t log_count, log_bad;
    bool log_lacks_page; /* a frame that counts can't be read, nor mended */
    bool is_locked;
};

/* ---- The log ---- */

static bool note_frame(amphi_db_pages *pages, uint32_t number, uint32_t frame)
{
    if (number > pages->frames_capacity) {
        uint32_t capacity = number + number / 2 + 64;
        uint32_t *grown = amphi__realloc_array(pages->frames, capacity, sizeof *grown);
        if (grown == NULL)
            return false;
        memset(
            grown + pages->frames_capacity, 0, (capacity - pages->frames_capacity) * sizeof *grown);
        pages->frames = grown;
        pages->frames_capacity = capacity;
    }
    pages->frames[number - 1] = frame;
    return true;
}

/* The pages of the log's committed frames, the newest of each: up to what SQLite replays or, of a
 * damaged log, up to the last commit that is there. */
static amphi_status note_frames(amphi_db_pages *pages, uint32_t end, amphi_error *error)
{
    uint8_t page[PAGE];
    pages->log_count = end;
    pages->log_bad = 0;
    pages->log_lacks_page = false;
    memset(pages->frames, 0, pages->frames_capacity * sizeof *pages->frames);
    for (uint32_t i = 1; i <= end; i++) {
        uint32_t number = amphi__wal_number(&pages->wal, i);
        bool is_good = number != 0 && amphi__wal_page(&pages->wal, i, page) &&
                       amphi__page_seal_holds(&pages->seal, number, page);
        bool is_whole =
            i <= pages->wal.last || pages->wal.tail[i - pages->wal.last - 1].is_untouched;
        pages->log_lacks_page |= !is_good;
        if (!is_good || !is_whole)
            pages->log_bad++; /* what stands in the database is older, and perhaps whole */
        if (is_good && !note_frame(pages, number, i))
            return amphi__fail_no_memory(error);
    }
    return AMPHI_OK;
}

amphi_status amphi__db_pages_refresh(amphi_db_pages *pages, amphi_error *error)
{
    sqlite3_int64 size = 0;
    int rc = pages->file->pMethods->xFileSize(pages->file, &size);
    if (rc != SQLITE_OK)
        return amphi__db_fail(pages->db, error, rc);
    amphi__wal_clear(&pages->wal);
    amphi_status status = amphi__wal_read(&pages->wal, pages->log_path, &pages->seal, error);
    if (status != AMPHI_OK)
        return status;
    const amphi_wal *wal = &pages->wal;
    pages->file_count = (uint32_t)((size + PAGE - 1) / PAGE);
    pages->count = wal->reach != 0 ? wal->reach_size : pages->file_count;
    status = note_frames(pages, wal->reach, error);
    if (status != AMPHI_OK)
        return status;
    pages->log_is_damaged = amphi__wal_is_damaged(wal, pages, pages->file_count);
    if (pages->log_is_damaged || wal->reach == wal->last)
        return AMPHI_OK;
    pages->count = wal->last != 0 ? wal->size : pages->file_count;
    return note_frames(pages, wal->last, error);
}

/* ---- Opening ---- */

void amphi__db_pages_close(amphi_db_pages *pages)
{
    if (pages == NULL)
        return;
    if (pages->is_locked)
        pages->file->pMethods->xUnlock(pages->file, SQLITE_LOCK_NONE);
    amphi__wal_clear(&pages->wal);
    amphi__db_close(pages->db);
    amphi__free(pages->log_path);
    amphi__free(pages->frames);
    amphi__wipe(pages, sizeof *pages);
    amphi__free(pages);
}

static amphi_status open_pages(
    amphi_db_pages *pages, const char *path, const amphi_db_key *key, amphi_error *error)
{
    size_t size = strlen(path) + sizeof "-wal";
    amphi_page_format format = AMPHI_PAGE_FORMAT_3;
    pages->log_path = amphi__alloc(size);
    pages->frames = amphi__calloc(64, sizeof *pages->frames);
    if (pages->log_path == NULL || pages->frames == NULL)
        return amphi__fail_no_memory(error);
    pages->frames_capacity = 64;
    snprintf(pages->log_path, size, "%s-wal", path);
    amphi_status status = amphi__db_open_unkeyed(&pages->db, path, key, &format, error);
    if (status != AMPHI_OK)
        return status;
    int rc = pages->db->lib->file_control(
        pages->db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &pages->file);
    if (rc != SQLITE_OK)
        return amphi__db_fail(pages->db, error, rc);
    amphi__page_seal_init(&pages->seal, format, key);
    pages->key = *key;
    return amphi__db_pages_refresh(pages, error);
}

amphi_status amphi__db_pages_open(
    amphi_db_pages **out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    struct stat ignored;
    if (stat(path, &ignored) != 0 && errno == ENOENT)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, errno, "store: there is no database");
    amphi_db_pages *pages = amphi__calloc(1, sizeof *pages);
    if (pages == NULL)
        return amphi__fail_no_memory(error);
    pages->wal.fd = -1;
    amphi_status status = open_pages(pages, path, key, error);
    if (status == AMPHI_OK) {
        *out = pages;
        pages = NULL;
    }
    amphi__db_pages_close(pages);
    return status;
}

/* A connection of SQLite holds the shared lock as long as it is open in WAL mode. */
amphi_status amphi__db_pages_lock(amphi_db_pages *pages, amphi_error *error)
{
    static const int levels[] = {SQLITE_LOCK_SHARED, SQLITE_LOCK_RESERVED, SQLITE_LOCK_EXCLUSIVE};
    static const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int rc = SQLITE_BUSY;
    for (int waited_ms = 0; rc == SQLITE_BUSY && waited_ms < LOCK_WAIT_MS; waited_ms += 20) {
        rc = SQLITE_OK;
        for (size_t i = 0; i < sizeof levels / sizeof levels[0] && rc == SQLITE_OK; i++)
            rc = pages->file->pMethods->xLock(pages->file, levels[i]);
        if (rc != SQLITE_OK)
            pages->file->pMethods->xUnlock(pages->file, SQLITE_LOCK_NONE);
        if (rc == SQLITE_BUSY)
            nanosleep(&pause, NULL);
    }
    if ((rc & 0xff) == SQLITE_BUSY)
        return amphi__fail(error, AMPHI_E_BUSY, rc,
            "store: it is open elsewhere: end the programs that use this data folder, then try "
            "again");
    if (rc != SQLITE_OK)
        return amphi__db_fail(pages->db, error, rc);
    pages->is_locked = true;
    return amphi__db_pages_refresh(pages, error);
}

/* ---- Reading ---- */

uint32_t amphi__db_pages_count(const amphi_db_pages *pages)
{
    return pages->count;
}

uint32_t amphi__db_pages_usable(const amphi_db_pages *pages)
{
    return PAGE - amphi__page_seal_bytes(pages->seal.format);
}

void amphi__db_pages_log(const amphi_db_pages *pages, uint32_t *count, uint32_t *bad)
{
    *count = pages->log_count;
    *bad = pages->log_bad;
}

uint32_t amphi__db_pages_frame(const amphi_db_pages *pages, uint32_t number)
{
    return number > 0 && number <= pages->frames_capacity ? pages->frames[number - 1] : 0;
}

bool amphi__db_pages_log_damage(const amphi_db_pages *pages, char *out, size_t capacity)
{
    const amphi_wal *wal = &pages->wal;
    uint32_t cut = 0;
    if (!pages->log_is_damaged)
        return false;
    for (uint32_t i = 0; i < wal->tail_count; i++)
        cut += wal->tail[i].commit != 0;
    if (wal->is_headless)
        snprintf(out, capacity,
            "the beginning of its log (amphi.db-wal) is damaged, before %u commits", cut);
    else if (wal->broken == 0)
        snprintf(out, capacity, "the database is empty, but its log (amphi.db-wal) is not");
    else
        snprintf(out, capacity,
            "its log (amphi.db-wal) is damaged at page %u of %u, before %u commits", wal->broken,
            wal->last + wal->tail_count, cut);
    return true;
}

/* Behind the last commit there may be frames of one that look like what never was one. */
bool amphi__db_pages_has_all_commits(const amphi_db_pages *pages)
{
    const amphi_wal *wal = &pages->wal;
    return pages->log_is_damaged && pages->file_count > 0 && !pages->log_lacks_page &&
           wal->reach == wal->last + wal->tail_count;
}

amphi_page_state amphi__db_pages_read_file(amphi_db_pages *pages, uint32_t number, uint8_t *out)
{
    memset(out, 0, PAGE);
    int rc =
        pages->file->pMethods->xRead(pages->file, out, PAGE, (sqlite3_int64)(number - 1) * PAGE);
    return rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ ? AMPHI_PAGE_GOOD : AMPHI_PAGE_IO;
}

static bool is_zero(const uint8_t *page)
{
    for (size_t i = 0; i < PAGE; i++)
        if (page[i] != 0)
            return false;
    return true;
}

/* What can't be read now is tried once more: a page that is given up is lost to a repair. */
amphi_page_state amphi__db_pages_read_sealed(amphi_db_pages *pages, uint32_t number, uint8_t *out)
{
    uint32_t frame = amphi__db_pages_frame(pages, number);
    amphi_page_state state = AMPHI_PAGE_IO;
    for (int tries = 0; tries < 2 && state == AMPHI_PAGE_IO; tries++)
        if (frame == 0)
            state = amphi__db_pages_read_file(pages, number, out);
        else if (amphi__wal_page(&pages->wal, frame, out))
            state = AMPHI_PAGE_GOOD;
    if (state == AMPHI_PAGE_GOOD && is_zero(out))
        return AMPHI_PAGE_ZERO;
    return state == AMPHI_PAGE_GOOD && !amphi__page_seal_holds(&pages->seal, number, out)
               ? AMPHI_PAGE_BAD
               : state;
}

amphi_page_state amphi__db_pages_read(amphi_db_pages *pages, uint32_t number, uint8_t *out)
{
    uint8_t sealed[PAGE];
    if (number == 0)
        return AMPHI_PAGE_BAD;
    amphi_page_state state = amphi__db_pages_read_sealed(pages, number, sealed);
    if (state != AMPHI_PAGE_GOOD)
        return state;
    uint32_t usable = amphi__db_pages_usable(pages);
    uint32_t start = number == 1 ? AMPHI_DB_SALT_BYTES : 0;
    memset(out, 0, PAGE);
    bool ok = amphi__page_cipher(pages->key.key, sealed + usable, AMPHI_PAGE_DECRYPT,
        (amphi_bytes){sealed + start, usable - start}, out + start);
    return ok ? AMPHI_PAGE_GOOD : AMPHI_PAGE_BAD;
}

amphi_status amphi__db_pages_settle(amphi_db_pages *pages, amphi_error *error)
{
    uint8_t page[PAGE];
    int rc = SQLITE_OK;
    amphi__db_guard_seal(pages->db->guard, pages->seal.format, &pages->key);
    for (uint32_t i = 0; i < pages->frames_capacity && rc == SQLITE_OK; i++) {
        if (pages->frames[i] == 0)
            continue;
        if (amphi__db_pages_read_sealed(pages, i + 1, page) != AMPHI_PAGE_GOOD)
            return amphi__fail(error, AMPHI_E_IO, 0, "store: the log can't be read");
        rc = pages->file->pMethods->xWrite(pages->file, page, PAGE, (sqlite3_int64)i * PAGE);
    }
    if (rc == SQLITE_OK)
        rc = pages->file->pMethods->xSync(pages->file, SQLITE_SYNC_NORMAL);
    return amphi__db_fail(pages->db, error, rc);
}
