/* SPDX-License-Identifier: Apache-2.0
 *
 * The order that lets a repair be killed anywhere. Under the database's exclusive lock: where the
 * log is damaged both files are copied aside; the log's
 * committed pages go to their places (a checkpoint), so that the old file stands alone; the fresh
 * file is made beside it, complete and synced; the old file gets a second name and its log and
 * journal are moved to that name; then one rename puts the fresh file in its place. Who waited for
 * the old file notices that it has moved (amphi__db_open).
 */
#include "storage/sqlcipher_repair.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_db.h"
#include "storage/sqlcipher_pages.h"
#include "storage/sqlcipher_salvage.h"
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_BYTES 4200

static amphi_status fail_file(amphi_error *error, const char *what)
{
    return amphi__fail(error, AMPHI_E_IO, errno, "store: %s: %s", what, strerror(errno));
}

static amphi_status sync_folder_of(const char *path, amphi_error *error)
{
    char folder[NAME_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    amphi_status status = AMPHI_OK;
    if (fd < 0 || fsync(fd) != 0)
        status = fail_file(error, "the folder can't be synced");
    if (fd >= 0)
        close(fd);
    return status;
}

/* For file systems without hard links. */
static amphi_status copy_file(const char *from, const char *to, amphi_error *error)
{
    char bytes[16384];
    ssize_t got = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = in >= 0 && out >= 0;
    while (ok && (got = read(in, bytes, sizeof bytes)) > 0)
        ok = write(out, bytes, (size_t)got) == got;
    ok = ok && got == 0 && fsync(out) == 0;
    amphi_status status = ok ? AMPHI_OK : fail_file(error, "the old database can't be kept aside");
    if (in >= 0)
        close(in);
    if (out >= 0)
        close(out);
    if (!ok && out >= 0)
        unlink(to);
    return status;
}

/* A name that is free: amphi.db.damaged-20261130T154800Z, with -2 and so on. `as_copy`: the file
 * will be written to. */
static amphi_status keep_old(
    const char *path, bool as_copy, char *kept, size_t capacity, amphi_error *error)
{
    char stamp[24];
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    for (int i = 1; i < 1000; i++) {
        char number[8] = "";
        struct stat ignored;
        if (i > 1)
            snprintf(number, sizeof number, "-%d", i);
        snprintf(kept, capacity, "%s" AMPHI_STORE_ASIDE "%s%s", path, stamp, number);
        if (lstat(kept, &ignored) == 0)
            continue;
        if (!as_copy && link(path, kept) == 0)
            return AMPHI_OK;
        if (as_copy || errno != EEXIST)
            return copy_file(path, kept, error);
    }
    return fail_file(error, "the old database can't be kept aside");
}

/* Of a database whose log is damaged both are kept as they are, before anything is written. */
static amphi_status keep_pair(
    const char *path, amphi_history_repair_report *out, amphi_error *error)
{
    char from[NAME_BYTES], to[NAME_BYTES];
    amphi_status status = keep_old(path, true, out->kept_path, sizeof out->kept_path, error);
    if (status != AMPHI_OK)
        return status;
    snprintf(from, sizeof from, "%s-wal", path);
    snprintf(to, sizeof to, "%s-wal", out->kept_path);
    status = copy_file(from, to, error);
    if (status != AMPHI_OK)
        unlink(out->kept_path);
    return status == AMPHI_OK ? sync_folder_of(path, error) : status;
}

/* A log or journal of the old file would be taken for the fresh one's. */
static amphi_status move_aside(
    const char *path, const char *kept, const char *suffix, amphi_error *error)
{
    char from[NAME_BYTES], to[NAME_BYTES];
    snprintf(from, sizeof from, "%s%s", path, suffix);
    snprintf(to, sizeof to, "%s%s", kept, suffix);
    if (rename(from, to) != 0 && errno != ENOENT)
        return fail_file(error, "the old database's log can't be moved");
    return AMPHI_OK;
}

static amphi_status put_in_place(
    const char *fresh, const char *path, amphi_history_repair_report *out, amphi_error *error)
{
    char shm[NAME_BYTES];
    amphi_status status = AMPHI_OK;
    snprintf(shm, sizeof shm, "%s-shm", path);
    if (out->kept_path[0] == '\0') {
        status = keep_old(path, false, out->kept_path, sizeof out->kept_path, error);
        if (status == AMPHI_OK)
            status = sync_folder_of(path, error);
    }
    if (status == AMPHI_OK) /* a copy that was kept before is the same log */
        status = move_aside(path, out->kept_path, "-wal", error);
    if (status == AMPHI_OK)
        status = move_aside(path, out->kept_path, "-journal", error);
    if (status == AMPHI_OK) {
        unlink(shm); /* its content is made anew from the log */
        status = sync_folder_of(path, error);
    }
    if (status == AMPHI_OK && rename(fresh, path) != 0)
        status = fail_file(error, "the repaired database can't be put in place");
    return status == AMPHI_OK ? sync_folder_of(path, error) : status;
}

amphi_status amphi__db_repair(
    amphi_history_repair_report *out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    char fresh[NAME_BYTES], what[120];
    amphi_db *db = NULL;
    amphi_db_pages *pages = NULL;
    amphi_history_repair_report_init(out);
    if (strlen(path) + 64 > sizeof out->kept_path)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "data_dir: its path is too long");
    snprintf(fresh, sizeof fresh, "%s.repair", path);
    amphi_status status = amphi__db_pages_open(&pages, path, key, error);
    /* What SQLite itself recovers is recovered, a journal; but not with a damaged log: this fails
     * then. */
    if (status == AMPHI_OK && amphi__db_open(&db, path, key, NULL) == AMPHI_OK)
        amphi__db_close(db);
    if (status == AMPHI_OK)
        status = amphi__db_pages_lock(pages, error);
    if (status == AMPHI_OK && amphi__db_pages_log_damage(pages, what, sizeof what))
        status = keep_pair(path, out, error);
    if (status == AMPHI_OK)
        status = amphi__db_pages_settle(pages, error);
    if (status == AMPHI_OK)
        status = amphi__db_salvage(out, pages, fresh, key, error);
    if (status == AMPHI_OK)
        status = put_in_place(fresh, path, out, error);
    amphi__db_pages_close(pages);
    return status;
}
