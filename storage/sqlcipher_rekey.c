/* SPDX-License-Identifier: Apache-2.0
 *
 * A repair's steps without damage: under the exclusive lock the log's pages go to their places and
 * every row goes into a fresh file with the new key, complete and synced. The old file's log is
 * removed before the rename, since it would be taken for the fresh file's; it holds nothing by then
 * that the old file does not have.
 */
#include "storage/sqlcipher_rekey.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/sqlcipher_pages.h"
#include "storage/sqlcipher_salvage.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_BYTES 4200

static amphi_status remove_beside(const char *path, const char *suffix, amphi_error *error)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    if (unlink(name) != 0 && errno != ENOENT)
        return amphi__fail(error, AMPHI_E_IO, errno, "store: can't remove the old log");
    return AMPHI_OK;
}

static amphi_status sync_folder_of(const char *path, amphi_error *error)
{
    char folder[NAME_BYTES];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    return amphi__data_dir_sync(slash != NULL ? folder : ".", error);
}

static amphi_status put_in_place(const char *fresh, const char *path, amphi_error *error)
{
    amphi_status status = remove_beside(path, "-wal", error);
    if (status == AMPHI_OK)
        status = remove_beside(path, "-journal", error);
    if (status == AMPHI_OK)
        status = remove_beside(path, "-shm", error);
    if (status == AMPHI_OK)
        status = sync_folder_of(path, error);
    if (status == AMPHI_OK && rename(fresh, path) != 0)
        status = amphi__fail(error, AMPHI_E_IO, errno, "store: can't put the new file in place");
    return status == AMPHI_OK ? sync_folder_of(path, error) : status;
}

/* Opens the database's pages under the exclusive lock. */
static amphi_status open_locked(
    amphi_db_pages **out, const char *path, const amphi_db_key *key, amphi_error *error)
{
    amphi_db *db = NULL;
    amphi_status status = amphi__db_open(&db, path, key, error);
    if (status == AMPHI_OK)
        amphi__db_close(db); /* what SQLite itself recovers is recovered: a journal */
    if (status == AMPHI_OK)
        status = amphi__db_pages_open(out, path, key, error);
    if (status == AMPHI_OK)
        status = amphi__db_pages_lock(*out, error);
    return status;
}

/* Under the lock. */
static amphi_status copy_all(
    amphi_db_pages *pages, const char *fresh, const amphi_db_key *key, amphi_error *error)
{
    amphi_history_repair_report report;
    amphi_history_repair_report_init(&report);
    amphi_status status = amphi__db_pages_settle(pages, error);
    if (status == AMPHI_OK)
        status = amphi__db_salvage(&report, pages, fresh, key, error);
    if (status == AMPHI_OK && (report.pages_bad > 0 || report.rows_bad > 0)) {
        unlink(fresh);
        status = amphi__fail(error, AMPHI_E_CORRUPT, 0,
            "store: damaged (%llu pages, %llu rows); the key stays until it is repaired: "
            "amphi history repair",
            (unsigned long long)report.pages_bad, (unsigned long long)report.rows_bad);
    }
    return status;
}

amphi_status amphi__db_rekey(const char *path, const amphi_db_key *old_key,
    const amphi_db_new_key *source, amphi_error *error)
{
    char fresh[NAME_BYTES];
    amphi_db_key key = {{0}, {0}};
    amphi_db_pages *pages = NULL;
    if (strlen(path) + 64 > sizeof fresh)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "data_dir: its path is too long");
    snprintf(fresh, sizeof fresh, "%s.rekey", path);
    amphi_status status = open_locked(&pages, path, old_key, error);
    if (status == AMPHI_OK)
        status = source->prepare(source->self, &key, error);
    bool is_prepared = status == AMPHI_OK;
    if (status == AMPHI_OK)
        status = copy_all(pages, fresh, &key, error);
    if (status == AMPHI_OK)
        status = put_in_place(fresh, path, error);
    if (status == AMPHI_OK)
        status = source->commit(source->self, error);
    if (status != AMPHI_OK && is_prepared) /* under the lock: it is not another rekey's */
        source->discard(source->self);
    amphi__db_pages_close(pages);
    amphi__wipe(&key, sizeof key);
    return status;
}
