/* SPDX-License-Identifier: Apache-2.0
 *
 * Names are made on the stack. The mark is read before the database is looked at: another process
 * that makes the first store at this moment writes them in the other order.
 */
#include "storage/store_made.h"

#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 4200

static bool name_in(char out[NAME_BYTES], amphi_str data_dir, const char *name)
{
    int size = snprintf(out, NAME_BYTES, "%.*s/%s", (int)data_dir.size, data_dir.data, name);
    return size > 0 && size < NAME_BYTES;
}

static bool is_there(amphi_str data_dir, const char *name)
{
    char path[NAME_BYTES];
    struct stat info;
    return name_in(path, data_dir, name) && stat(path, &info) == 0;
}

/* Surely: what can't be looked at may be there. */
static bool has_no_bytes(amphi_str data_dir, const char *name)
{
    char path[NAME_BYTES];
    struct stat info;
    if (!name_in(path, data_dir, name))
        return false;
    return stat(path, &info) == 0 ? info.st_size == 0 : errno == ENOENT;
}

bool amphi__store_is_lost(amphi_str data_dir)
{
    return is_there(data_dir, AMPHI_MADE_FILE) && has_no_bytes(data_dir, AMPHI_STORE_FILE);
}

void amphi__store_made_note(amphi_str data_dir, bool was_lost)
{
    char made[NAME_BYTES], lost[NAME_BYTES], dir[NAME_BYTES];
    if (!name_in(made, data_dir, AMPHI_MADE_FILE) || !name_in(lost, data_dir, AMPHI_LOST_FILE) ||
        !name_in(dir, data_dir, "") || (!was_lost && access(made, F_OK) == 0))
        return;
    if (was_lost && rename(made, lost) != 0 && errno != ENOENT)
        return;
    int fd = open(made, O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return;
    close(fd);
    (void)amphi__data_dir_sync(dir, NULL);
}

bool amphi__store_lost_words(amphi_str data_dir, char *out, size_t capacity)
{
    if (amphi__store_is_lost(data_dir)) {
        bool has_log = !has_no_bytes(data_dir, AMPHI_STORE_FILE "-wal");
        snprintf(out, capacity, "%s was removed or emptied: %s", AMPHI_STORE_FILE,
            has_log ? "amphi history repair saves what its log (amphi.db-wal) has"
                    : "restore it from a backup, or go on with a new, empty one");
        return true;
    }
    if (!is_there(data_dir, AMPHI_LOST_FILE))
        return false;
    snprintf(out, capacity,
        "an earlier %s was removed or emptied, and this one is new: restore a "
        "backup, or delete %s to go on with it",
        AMPHI_STORE_FILE, AMPHI_LOST_FILE);
    return true;
}

amphi_status amphi__store_lost_mark(amphi_db *db, amphi_error *error)
{
    return amphi__db_exec(db,
        "INSERT OR REPLACE INTO settings (name, value) VALUES ('" AMPHI_LOST_SETTING "', x'01')",
        error);
}

amphi_status amphi__store_lost_unmark(amphi_db *db, amphi_error *error)
{
    return amphi__db_exec(db, "DELETE FROM settings WHERE name = '" AMPHI_LOST_SETTING "'", error);
}

bool amphi__store_replaces_lost(amphi_db *db)
{
    amphi_query q;
    amphi__query_begin(&q, db, "SELECT 1 FROM settings WHERE name = '" AMPHI_LOST_SETTING "'");
    bool is_marked = amphi__query_row(&q);
    return amphi__query_end(&q, NULL) != AMPHI_OK || is_marked;
}

void amphi__store_lost_forget(amphi_str data_dir)
{
    char path[NAME_BYTES];
    if (name_in(path, data_dir, AMPHI_LOST_FILE))
        (void)unlink(path);
}

amphi_status amphi__store_made_remove(amphi_str data_dir, amphi_error *error)
{
    static const char *const names[] = {AMPHI_MADE_FILE, AMPHI_LOST_FILE};
    char path[NAME_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!name_in(path, data_dir, names[i]) || (unlink(path) != 0 && errno != ENOENT))
            return amphi__fail(error, AMPHI_E_IO, errno, "store: %s can't be removed", names[i]);
    return AMPHI_OK;
}
