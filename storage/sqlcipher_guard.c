/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bytes are what, in the files of SQLite 3.15 to 3.46 (fileformat2.html on sqlite.org):
 *
 *   database    pages at multiples of the page size; SQLite extends a file by one page of zeros
 *   log (WAL)   32 bytes of header; then frames of 24 bytes (page number first) and a page
 *   journal     headers of 28 bytes, padded with zeros to a sector; then records of page number (4
 *               bytes), page, checksum (4 bytes)
 *
 * SQLite writes each of these pieces by one call; what is none of them is refused.
 */
#include "storage/sqlcipher_guard.h"

#include "sdk/core/alloc.h"
#include "storage/sqlcipher_absent_log.h"
#include "storage/sqlcipher_heap_index.h"
#include "storage/sqlcipher_provider.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOG_HEADER_BYTES   32
#define FRAME_HEADER_BYTES 24
/* What is no page is smaller than this: SQLite never cuts a page into such pieces. */
#define PIECE_BYTES_MAX 32

typedef enum guarded_kind { GUARDED_DATABASE, GUARDED_LOG, GUARDED_JOURNAL } guarded_kind;

/* The last pages that were read, for the question why a read failed. */
#define RECENT_READS 64

typedef struct recent_read {
    sqlite3_file *file; /* NULL: none */
    sqlite3_int64 offset;
} recent_read;

struct amphi_db_guard {
    sqlite3_vfs vfs; /* its pAppData is the guard */
    const amphi_sqlite *lib;
    sqlite3_vfs *below;
    char name[40];
    amphi_page_seal seal;
    uint8_t key[AMPHI_DB_KEY_BYTES];
    bool is_sealed;
    bool may_write;
    amphi_heap_index index; /* in use when index.is_on */
    amphi_db_pages *pages;  /* what the database's file is read from; NULL: the file itself */
    bool has_refused;
    bool could_not_ask; /* the number of a page could not be read: that is the medium's fault */
    uint32_t failures;  /* of the provider, when the seal was set */
    int last_errno;
    recent_read recent[RECENT_READS];
    size_t recent_next;
};

/* SQLite's file as it sees it; the platform's own follows in the same memory. */
typedef struct guarded_file {
    sqlite3_file base;
    amphi_db_guard *guard;
    guarded_kind kind;
    sqlite3_file *real;
} guarded_file;

static amphi_db_guard *guard_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static guarded_file *guarded(sqlite3_file *file)
{
    return (guarded_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
    return guarded(file)->real;
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return any == 0;
}

/* ---- What may be written ---- */

static bool page_may_pass(const amphi_db_guard *guard, uint32_t number, const uint8_t *page)
{
    return guard->failures == amphi__sqlcipher_provider_failures() && number > 0 &&
           amphi__page_seal_holds(&guard->seal, number, page) &&
           amphi__page_is_encrypted(&guard->seal, guard->key, number, page);
}

static bool database_write_may_pass(
    guarded_file *file, const uint8_t *data, int size, sqlite3_int64 offset)
{
    sqlite3_int64 end = 0;
    if (size != AMPHI_DB_PAGE_BYTES || offset % AMPHI_DB_PAGE_BYTES != 0)
        return false;
    if (page_may_pass(file->guard, (uint32_t)(offset / AMPHI_DB_PAGE_BYTES + 1), data))
        return true;
    return all_zero(data, (size_t)size) &&
           file->real->pMethods->xFileSize(file->real, &end) == SQLITE_OK && offset >= end;
}

/* The page number that stands `before` bytes in front of a page; 0: it can't be read. */
static uint32_t number_before(guarded_file *file, sqlite3_int64 offset, int before)
{
    uint8_t bytes[4];
    if (offset < before)
        return 0;
    int rc = file->real->pMethods->xRead(file->real, bytes, sizeof bytes, offset - before);
    if (rc == SQLITE_OK)
        return big_endian(bytes);
    file->guard->could_not_ask = rc != SQLITE_IOERR_SHORT_READ;
    file->guard->last_errno = errno;
    return 0;
}

static bool log_write_may_pass(
    guarded_file *file, const uint8_t *data, int size, sqlite3_int64 offset)
{
    static const int frame = FRAME_HEADER_BYTES + AMPHI_DB_PAGE_BYTES;
    if (offset == 0)
        return size == LOG_HEADER_BYTES;
    if (offset < LOG_HEADER_BYTES)
        return false;
    sqlite3_int64 at = (offset - LOG_HEADER_BYTES) % frame;
    if (size == FRAME_HEADER_BYTES)
        return at == 0;
    return size == AMPHI_DB_PAGE_BYTES && at == FRAME_HEADER_BYTES &&
           page_may_pass(file->guard, number_before(file, offset, FRAME_HEADER_BYTES), data);
}

/* The page size of a journal's header stands behind its magic, count, seed, size and sector. */
static bool is_journal_header(const uint8_t *data, int size)
{
    static const uint8_t magic[8] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};
    return size > 28 && (memcmp(data, magic, sizeof magic) == 0 || all_zero(data, sizeof magic)) &&
           big_endian(data + 24) == AMPHI_DB_PAGE_BYTES && all_zero(data + 28, (size_t)size - 28);
}

static bool journal_write_may_pass(
    guarded_file *file, const uint8_t *data, int size, sqlite3_int64 offset)
{
    if (size <= PIECE_BYTES_MAX || is_journal_header(data, size))
        return true;
    return size == AMPHI_DB_PAGE_BYTES &&
           page_may_pass(file->guard, number_before(file, offset, 4), data);
}

static bool may_pass(guarded_file *file, const uint8_t *data, int size, sqlite3_int64 offset)
{
    if (!file->guard->may_write)
        return false;
    switch (file->kind) {
    case GUARDED_DATABASE:
        return database_write_may_pass(file, data, size, offset);
    case GUARDED_LOG:
        return log_write_may_pass(file, data, size, offset);
    default:
        return journal_write_may_pass(file, data, size, offset);
    }
}

/* ---- Files ---- */

/* SQLite keeps little of what the system said. */
static int noted(amphi_db_guard *guard, int rc)
{
    int kind = rc & 0xff;
    if (rc != SQLITE_IOERR_SHORT_READ &&
        (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN || kind == SQLITE_FULL ||
            kind == SQLITE_READONLY || kind == SQLITE_PERM))
        guard->last_errno = errno;
    return rc;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    sqlite3_file *real = real_of(file);
    amphi_db_guard *guard = guarded(file)->guard;
    guard->could_not_ask = false;
    if (!may_pass(guarded(file), data, size, offset)) {
        guard->has_refused = !guard->could_not_ask;
        return SQLITE_IOERR_WRITE;
    }
    return noted(guarded(file)->guard, real->pMethods->xWrite(real, data, size, offset));
}

static int file_close(sqlite3_file *file)
{
    amphi_db_guard *guard = guarded(file)->guard;
    for (size_t i = 0; i < RECENT_READS; i++)
        if (guard->recent[i].file == file)
            guard->recent[i].file = NULL;
    sqlite3_file *real = real_of(file);
    int rc = real->pMethods->xClose(real);
    file->pMethods = NULL;
    return rc;
}

/* Pages instead of a file: SQLite reads one, or a part of one. */
static int pages_read(amphi_db_pages *pages, void *out, int size, sqlite3_int64 offset)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    sqlite3_int64 number = offset / AMPHI_DB_PAGE_BYTES + 1;
    int at = (int)(offset % AMPHI_DB_PAGE_BYTES);
    memset(out, 0, (size_t)size);
    if (number > amphi__db_pages_count(pages))
        return SQLITE_IOERR_SHORT_READ;
    if (size < 0 || size > AMPHI_DB_PAGE_BYTES - at)
        return SQLITE_IOERR_READ;
    amphi_page_state state = amphi__db_pages_read_sealed(pages, (uint32_t)number, page);
    if (state != AMPHI_PAGE_GOOD)
        return state == AMPHI_PAGE_IO ? SQLITE_IOERR_READ : SQLITE_CORRUPT;
    memcpy(out, page + at, (size_t)size);
    return SQLITE_OK;
}

static bool is_read_from_pages(const guarded_file *file)
{
    return file->guard->pages != NULL && file->kind == GUARDED_DATABASE;
}

static int read_below(guarded_file *file, void *out, int size, sqlite3_int64 offset)
{
    return is_read_from_pages(file) ? pages_read(file->guard->pages, out, size, offset)
                                    : file->real->pMethods->xRead(file->real, out, size, offset);
}

static int file_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    amphi_db_guard *guard = guarded(file)->guard;
    if (size == AMPHI_DB_PAGE_BYTES && guarded(file)->kind != GUARDED_JOURNAL)
        guard->recent[guard->recent_next++ % RECENT_READS] = (recent_read){file, offset};
    return noted(guard, read_below(guarded(file), out, size, offset));
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return noted(guarded(file)->guard, real_of(file)->pMethods->xTruncate(real_of(file), size));
}

static int file_sync(sqlite3_file *file, int flags)
{
    return noted(guarded(file)->guard, real_of(file)->pMethods->xSync(real_of(file), flags));
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    if (is_read_from_pages(guarded(file))) {
        *size =
            (sqlite3_int64)amphi__db_pages_count(guarded(file)->guard->pages) * AMPHI_DB_PAGE_BYTES;
        return SQLITE_OK;
    }
    return noted(guarded(file)->guard, real_of(file)->pMethods->xFileSize(real_of(file), size));
}

/* A repair, or a new key, may put another file in this one's place while the lock is waited for.
 * The log of that name is then the other's; SQLite would take it for this one's, and remove it.
 * What is read from pages needs no lock: while the log is damaged no connection writes, and what a
 * repair writes into the old file, before another takes its place, are these pages. */
static int file_lock(sqlite3_file *file, int level)
{
    int moved = 0;
    sqlite3_file *real = real_of(file);
    if (is_read_from_pages(guarded(file)))
        return SQLITE_OK;
    int rc = real->pMethods->xLock(real, level);
    if (rc == SQLITE_OK && level == SQLITE_LOCK_SHARED)
        (void)real->pMethods->xFileControl(real, SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved)
        return noted(guarded(file)->guard, rc);
    (void)real->pMethods->xUnlock(real, SQLITE_LOCK_NONE);
    return SQLITE_READONLY_DBMOVED;
}

static int file_unlock(sqlite3_file *file, int level)
{
    if (is_read_from_pages(guarded(file)))
        return SQLITE_OK;
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *is_reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_reserved);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    amphi_db_guard *guard = guarded(file)->guard;
    if (guard->index.is_on)
        return amphi__heap_index_map(&guard->index, region, size, extend, out);
    return noted(guard, real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, out));
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    amphi_db_guard *guard = guarded(file)->guard;
    if (guard->index.is_on)
        return (flags & SQLITE_SHM_LOCK) && amphi__heap_index_is_shared(&guard->index)
                   ? SQLITE_IOERR_SHMLOCK
                   : SQLITE_OK;
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    if (guarded(file)->guard->index.is_on)
        return; /* one connection, one thread at a time */
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    amphi_db_guard *guard = guarded(file)->guard;
    if (guard->index.is_on) {
        amphi__heap_index_clear(&guard->index);
        return SQLITE_OK;
    }
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

#define FILE_METHODS(version)                                                                      \
    .iVersion = (version), .xClose = file_close, .xRead = file_read, .xWrite = file_write,         \
    .xTruncate = file_truncate, .xSync = file_sync, .xFileSize = file_size, .xLock = file_lock,    \
    .xUnlock = file_unlock, .xCheckReservedLock = file_check_lock, .xFileControl = file_control,   \
    .xSectorSize = file_sector_size, .xDeviceCharacteristics = file_traits

/* Without shared memory, and with it. The third version maps files, past the codec. */
static const sqlite3_io_methods plain_methods = {FILE_METHODS(1)};
static const sqlite3_io_methods shm_methods = {
    FILE_METHODS(2),
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- The VFS ---- */

/* Read-only: what is there is opened as it is, a log that is not there is an empty one. */
static int open_read_only(
    amphi_db_guard *guard, const char *name, guarded_file *file, int flags, int *given)
{
    int exists = 1;
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    if (file->kind == GUARDED_DATABASE && !amphi__heap_index_begin(&guard->index, name))
        return SQLITE_BUSY; /* another connection has it open, and may write */
    if (file->kind == GUARDED_LOG && guard->pages != NULL)
        exists = 0;
    else if (file->kind == GUARDED_LOG)
        (void)guard->below->xAccess(guard->below, name, SQLITE_ACCESS_EXISTS, &exists);
    if (!exists) {
        file->base.pMethods = &amphi__absent_log_methods;
        if (given != NULL)
            *given = flags;
        return SQLITE_OK;
    }
    return noted(guard, guard->below->xOpen(guard->below, name, file->real, flags, given));
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *given)
{
    amphi_db_guard *guard = guard_of(vfs);
    guarded_file *file = guarded(base);
    *file = (guarded_file){.guard = guard, .real = (sqlite3_file *)(file + 1)};
    if (flags & SQLITE_OPEN_MAIN_DB)
        file->kind = GUARDED_DATABASE;
    else if (flags & SQLITE_OPEN_WAL)
        file->kind = GUARDED_LOG;
    else if (flags & SQLITE_OPEN_MAIN_JOURNAL)
        file->kind = GUARDED_JOURNAL;
    else
        return SQLITE_CANTOPEN; /* temporary files are not encrypted */
    memset(file->real, 0, (size_t)guard->below->szOsFile);
    int rc = guard->index.is_on
                 ? open_read_only(guard, name, file, flags, given)
                 : noted(guard, guard->below->xOpen(guard->below, name, file->real, flags, given));
    if (file->real->pMethods != NULL) /* SQLite closes what has methods, whatever the code */
        base->pMethods = file->real->pMethods->iVersion >= 2 ? &shm_methods : &plain_methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    sqlite3_vfs *below = guard_of(vfs)->below;
    if (guard_of(vfs)->index.is_on)
        return SQLITE_READONLY;
    return below->xDelete(below, name, sync_folder);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    sqlite3_vfs *below = guard_of(vfs)->below;
    return below->xAccess(below, name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int capacity, char *out)
{
    sqlite3_vfs *below = guard_of(vfs)->below;
    return below->xFullPathname(below, name, capacity, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    sqlite3_vfs *below = guard_of(vfs)->below;
    return below->xRandomness(below, size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    sqlite3_vfs *below = guard_of(vfs)->below;
    return below->xSleep(below, microseconds);
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
    sqlite3_vfs *below = guard_of(vfs)->below;
    return below->xCurrentTime(below, out);
}

static int vfs_last_error(sqlite3_vfs *vfs, int capacity, char *out)
{
    sqlite3_vfs *below = guard_of(vfs)->below;
    return below->xGetLastError(below, capacity, out);
}

amphi_db_guard *amphi__db_guard_new(const amphi_sqlite *lib)
{
    amphi_db_guard *guard = amphi__calloc(1, sizeof *guard);
    if (guard == NULL)
        return NULL;
    guard->lib = lib;
    guard->below = lib->vfs_find(NULL);
    if (guard->below == NULL) { /* SQLite could not begin: memory again */
        amphi__free(guard);
        return NULL;
    }
    snprintf(guard->name, sizeof guard->name, "amphi-%p", (void *)guard);
    guard->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(guarded_file) + guard->below->szOsFile,
        .mxPathname = guard->below->mxPathname,
        .zName = guard->name,
        .pAppData = guard,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    if (lib->vfs_register(&guard->vfs, 0) != SQLITE_OK) {
        amphi__free(guard);
        return NULL;
    }
    return guard;
}

void amphi__db_guard_free(amphi_db_guard *guard)
{
    if (guard == NULL)
        return;
    guard->lib->vfs_unregister(&guard->vfs);
    amphi__heap_index_end(&guard->index);
    amphi__db_pages_close(guard->pages);
    amphi__wipe(guard, sizeof *guard);
    amphi__free(guard);
}

const char *amphi__db_guard_name(const amphi_db_guard *guard)
{
    return guard->name;
}

void amphi__db_guard_seal(amphi_db_guard *guard, amphi_page_format format, const amphi_db_key *key)
{
    amphi__page_seal_init(&guard->seal, format, key);
    memcpy(guard->key, key->key, sizeof guard->key);
    guard->failures = amphi__sqlcipher_provider_failures();
    guard->is_sealed = true;
    guard->may_write = !guard->index.is_on;
}

void amphi__db_guard_forbid_writes(amphi_db_guard *guard)
{
    guard->may_write = false;
}

void amphi__db_guard_read_only(amphi_db_guard *guard)
{
    guard->index.is_on = true;
}

void amphi__db_guard_read_past_damage(amphi_db_guard *guard, amphi_db_pages *pages)
{
    guard->index.is_on = true;
    guard->pages = pages;
}

bool amphi__db_guard_take_refusal(amphi_db_guard *guard)
{
    bool refused = guard->has_refused;
    guard->has_refused = false;
    return refused;
}

int amphi__db_guard_take_errno(amphi_db_guard *guard)
{
    int last = guard->last_errno;
    guard->last_errno = 0;
    return last;
}

bool amphi__db_guard_saw_bad_page(amphi_db_guard *guard)
{
    uint8_t page[AMPHI_DB_PAGE_BYTES];
    bool found = false;
    for (size_t i = 0; i < RECENT_READS && !found && guard->is_sealed; i++) {
        guarded_file *file = (guarded_file *)guard->recent[i].file;
        sqlite3_int64 offset = guard->recent[i].offset;
        if (file == NULL)
            continue;
        int rc = read_below(file, page, sizeof page, offset);
        uint32_t number = file->kind == GUARDED_LOG
                              ? number_before(file, offset, FRAME_HEADER_BYTES)
                              : (uint32_t)(offset / AMPHI_DB_PAGE_BYTES + 1);
        found = (rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ) &&
                !all_zero(page, sizeof page) && /* behind the file's end */
                !amphi__page_seal_holds(&guard->seal, number, page);
    }
    return found;
}
