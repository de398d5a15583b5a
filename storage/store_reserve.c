/* SPDX-License-Identifier: Apache-2.0
 *
 * posix_fallocate where there is one, so that a file system that packs zeros keeps the room as
 * well. The sizes are multiples of a page, and too small ones are not worth a file: opening alone
 * takes 32 KiB for the log's index.
 */
#include "storage/store_reserve.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE_BYTES_MIN (128u << 10)
#define PIECE_BYTES       4096u
#define NAME_BYTES        4200
#define ROWS_BYTES        (64u << 10) /* of pages that a turn's rows begin */

static uint64_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && info.st_size > 0 ? (uint64_t)info.st_size : 0;
}

/* What this disk can spare. */
static uint64_t spare_bytes(const char *dir)
{
    struct statvfs info;
    struct rlimit limit;
    if (statvfs(dir, &info) != 0)
        return 0;
    uint64_t bytes = (uint64_t)info.f_bavail * info.f_frsize / 8;
    if (bytes > AMPHI_RESERVE_BYTES_MAX)
        bytes = AMPHI_RESERVE_BYTES_MAX;
    /* Above this limit a write ends the process. */
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes)
        bytes = 0;
    return bytes / PIECE_BYTES * PIECE_BYTES;
}

static bool take_room(int fd, uint64_t bytes)
{
#ifdef __APPLE__
    static const char zeros[PIECE_BYTES];
    for (uint64_t at = 0; at < bytes; at += PIECE_BYTES)
        if (pwrite(fd, zeros, sizeof zeros, (off_t)at) != (ssize_t)sizeof zeros)
            return false;
    return true;
#else
    return posix_fallocate(fd, 0, (off_t)bytes) == 0;
#endif
}

/* The file with at least so many bytes, or with what it had. */
static void grow(const char *path, uint64_t bytes)
{
    uint64_t had = size_of(path);
    if (bytes < RESERVE_BYTES_MIN || bytes <= had)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return;
    bool done = take_room(fd, bytes);
    if (!done) /* it may have got a part */
        done = had > 0 && ftruncate(fd, (off_t)had) == 0;
    close(fd);
    if (!done)
        unlink(path);
}

/* On the stack: a want of memory is no reason to go without. */
static bool name_in(char out[NAME_BYTES], const char *dir)
{
    int size = snprintf(out, NAME_BYTES, "%s/" AMPHI_RESERVE_FILE, dir);
    return size > 0 && size < NAME_BYTES;
}

static void keep_at(const char *dir, uint64_t wanted)
{
    char path[NAME_BYTES];
    if (!name_in(path, dir))
        return;
    for (uint64_t bytes = wanted; bytes >= RESERVE_BYTES_MIN && size_of(path) < bytes;
         bytes = bytes / 2 / PIECE_BYTES * PIECE_BYTES)
        grow(path, bytes);
}

void amphi__store_reserve_keep(const char *dir)
{
    keep_at(dir, spare_bytes(dir));
}

/* Inside the gate. */
static void give_up(amphi_store_sqlcipher *store)
{
    char path[NAME_BYTES];
    uint64_t bytes = name_in(path, store->dir) ? size_of(path) : 0;
    if (bytes > 0 && unlink(path) == 0 && bytes > store->reserve_given)
        store->reserve_given = bytes;
}

bool amphi__store_reserve_give(amphi_store_sqlcipher *store, amphi_status status)
{
    if (status != AMPHI_E_IO || !amphi__store_gate_enter(store, AMPHI_PATIENCE_ANSWER_MS))
        return false;
    give_up(store);
    if (store->writer == NULL)
        amphi__store_retry_now(store);
    bool is_writable = amphi__store_is_writable(store, NULL);
    amphi__store_gate_leave(store);
    if (is_writable)
        (void)amphi__store_empty_log(store);
    return is_writable;
}

bool amphi__store_reserve_fits(amphi_store_sqlcipher *store, uint64_t bytes)
{
    amphi_db *db;
    amphi_query q;
    if (amphi__store_read_begin(store, &db, NULL) != AMPHI_OK)
        return false;
    amphi__query_begin(&q, db, "PRAGMA freelist_count");
    uint64_t pages = amphi__query_row(&q) ? (uint64_t)amphi__query_int(&q, 0) : 0;
    bool fits =
        amphi__query_end(&q, NULL) == AMPHI_OK && pages * PIECE_BYTES >= 2 * bytes + ROWS_BYTES;
    amphi__store_read_end(store);
    return fits;
}

void amphi__store_reserve_restore(amphi_store_sqlcipher *store)
{
    if (!amphi__store_gate_enter(store, AMPHI_PATIENCE_SHORT_MS))
        return;
    if (store->reserve_given > 0)
        keep_at(store->dir, store->reserve_given);
    amphi__store_gate_leave(store);
}
