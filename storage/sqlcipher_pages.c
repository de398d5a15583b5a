/* SPDX-License-Identifier: Apache-2.0
 *
 * The log's format is section 4 of fileformat2.html (sqlite.org): a frame counts when salts and the
 * running checksum agree, up to the last one that ends a transaction.
 */
#include "storage/sqlcipher_pages.h"

#include "sdk/core/alloc.h"
#include "sdk/core/crypto_page.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE               AMPHI_DB_PAGE_BYTES
#define LOG_HEADER_BYTES   32
#define FRAME_HEADER_BYTES 24
#define FRAME_BYTES        (FRAME_HEADER_BYTES + PAGE)
#define LOCK_WAIT_MS       2000

struct amphi_db_pages {
    amphi_db *db; /* opened, never keyed: SQLite reads no page of it */
    sqlite3_file *file;
    char *log_path;
    int log; /* -1: there is none */
    amphi_db_key key;
    amphi_page_seal seal;
    uint32_t count;
    uint32_t *frames; /* by page number less 1: frame in the log, from 1; 0: none */
    uint32_t frames_capacity;
    uint32_t log_count, log_bad;
    bool is_locked;
};

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* ---- The log ---- */

typedef struct log_sum {
    uint32_t a, b;
    bool is_big_endian;
} log_sum;

static uint32_t log_word(const log_sum *sum, const uint8_t *at)
{
    uint32_t word = big_endian(at);
    return sum->is_big_endian ? word : __builtin_bswap32(word);
}

static void log_sum_add(log_sum *sum, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        sum->a += log_word(sum, data + i) + sum->b;
        sum->b += log_word(sum, data + i + 4) + sum->a;
    }
}

static bool log_sum_is(const log_sum *sum, const uint8_t *at)
{
    return big_endian(at) == sum->a && big_endian(at + 4) == sum->b;
}

static bool log_read(amphi_db_pages *pages, uint8_t *out, size_t size, uint64_t offset)
{
    return pages->log >= 0 && pread(pages->log, out, size, (off_t)offset) == (ssize_t)size;
}

static uint64_t frame_offset(uint32_t frame)
{
    return LOG_HEADER_BYTES + (uint64_t)(frame - 1) * FRAME_BYTES;
}

static bool log_begin(amphi_db_pages *pages, uint8_t header[LOG_HEADER_BYTES], log_sum *sum)
{
    if (!log_read(pages, header, LOG_HEADER_BYTES, 0) || (big_endian(header) & ~1u) != 0x377f0682 ||
        big_endian(header + 8) != PAGE)
        return false;
    *sum = (log_sum){.is_big_endian = header[3] & 1};
    log_sum_add(sum, header, 24);
    return log_sum_is(sum, header + 24);
}

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

/* The last frame that ends a transaction, and the database's size there. */
static uint32_t find_last_commit(amphi_db_pages *pages, uint32_t *size)
{
    uint8_t header[LOG_HEADER_BYTES], frame[FRAME_BYTES];
    log_sum sum;
    uint32_t last = 0;
    if (!log_begin(pages, header, &sum))
        return 0;
    for (uint32_t i = 1; log_read(pages, frame, sizeof frame, frame_offset(i)); i++) {
        if (memcmp(frame + 8, header + 16, 8) != 0 || big_endian(frame) == 0)
            break;
        log_sum_add(&sum, frame, 8);
        log_sum_add(&sum, frame + FRAME_HEADER_BYTES, PAGE);
        if (!log_sum_is(&sum, frame + 16))
            break;
        if (big_endian(frame + 4) != 0) {
            last = i;
            *size = big_endian(frame + 4);
        }
    }
    return last;
}

amphi_status amphi__db_pages_refresh(amphi_db_pages *pages, amphi_error *error)
{
    uint8_t frame[FRAME_BYTES];
    sqlite3_int64 size = 0;
    int rc = pages->file->pMethods->xFileSize(pages->file, &size);
    if (rc != SQLITE_OK)
        return amphi__db_fail(pages->db, error, rc);
    pages->count = (uint32_t)((size + PAGE - 1) / PAGE);
    pages->log_count = 0;
    pages->log_bad = 0;
    memset(pages->frames, 0, pages->frames_capacity * sizeof *pages->frames);
    if (pages->log >= 0)
        close(pages->log);
    pages->log = open(pages->log_path, O_RDONLY | O_CLOEXEC);
    uint32_t last = find_last_commit(pages, &pages->count);
    for (uint32_t i = 1; i <= last; i++) {
        if (!log_read(pages, frame, sizeof frame, frame_offset(i)))
            break;
        uint32_t number = big_endian(frame);
        pages->log_count++;
        if (!amphi__page_seal_holds(&pages->seal, number, frame + FRAME_HEADER_BYTES))
            pages->log_bad++; /* what stands in the database is older, and perhaps whole */
        else if (!note_frame(pages, number, i))
            return amphi__fail_no_memory(error);
    }
    return AMPHI_OK;
}

/* ---- Opening ---- */

void amphi__db_pages_close(amphi_db_pages *pages)
{
    if (pages == NULL)
        return;
    if (pages->is_locked)
        pages->file->pMethods->xUnlock(pages->file, SQLITE_LOCK_NONE);
    if (pages->log >= 0)
        close(pages->log);
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
    pages->log = -1;
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

static bool is_zero(const uint8_t *page)
{
    for (size_t i = 0; i < PAGE; i++)
        if (page[i] != 0)
            return false;
    return true;
}

/* The page as it stands in the file or the log. */
static amphi_page_state read_sealed(amphi_db_pages *pages, uint32_t number, uint8_t *out)
{
    uint32_t frame = number <= pages->frames_capacity ? pages->frames[number - 1] : 0;
    memset(out, 0, PAGE);
    if (frame != 0)
        return log_read(pages, out, PAGE, frame_offset(frame) + FRAME_HEADER_BYTES)
                   ? AMPHI_PAGE_GOOD
                   : AMPHI_PAGE_IO;
    int rc =
        pages->file->pMethods->xRead(pages->file, out, PAGE, (sqlite3_int64)(number - 1) * PAGE);
    return rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ ? AMPHI_PAGE_GOOD : AMPHI_PAGE_IO;
}

amphi_page_state amphi__db_pages_read(amphi_db_pages *pages, uint32_t number, uint8_t *out)
{
    uint8_t sealed[PAGE];
    if (number == 0)
        return AMPHI_PAGE_BAD;
    amphi_page_state state = read_sealed(pages, number, sealed);
    if (state != AMPHI_PAGE_GOOD)
        return state;
    if (is_zero(sealed))
        return AMPHI_PAGE_ZERO;
    if (!amphi__page_seal_holds(&pages->seal, number, sealed))
        return AMPHI_PAGE_BAD;
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
        if (read_sealed(pages, i + 1, page) != AMPHI_PAGE_GOOD)
            return amphi__fail(error, AMPHI_E_IO, 0, "store: the log can't be read");
        rc = pages->file->pMethods->xWrite(pages->file, page, PAGE, (sqlite3_int64)i * PAGE);
    }
    if (rc == SQLITE_OK)
        rc = pages->file->pMethods->xSync(pages->file, SQLITE_SYNC_NORMAL);
    return amphi__db_fail(pages->db, error, rc);
}
