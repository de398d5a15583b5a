/* SPDX-License-Identifier: Apache-2.0
 *
 * A copy of the encrypted store while it is in use: the pages of one commit, under the same key,
 * written beside the wanted name and given it at the end, so that a file of that name is whole
 * whenever the process is killed. Readers and writers go on meanwhile.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "storage/data_dir.h"
#include "storage/store_fault.h"
#include "storage/store_made.h"
#include "storage/store_sqlcipher.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PART           ".part"
#define PATH_BYTES_MAX 4000

/* What is copied stands in the copy's log, which does not get its name. */
static amphi_status empty_log(amphi_db *db, amphi_error *error)
{
    amphi_query q;
    amphi__query_begin(&q, db, "PRAGMA wal_checkpoint(TRUNCATE)");
    bool is_empty = amphi__query_row(&q) && amphi__query_int(&q, 0) == 0;
    amphi_status status = amphi__query_end(&q, error);
    if (status == AMPHI_OK && !is_empty)
        status = amphi__fail(error, AMPHI_E_BUSY, 0, "backup: another process has the copy open");
    return status;
}

typedef struct copy_source {
    const char *path;
    amphi_db *db;
    amphi_db_key key;
} copy_source;

static amphi_status open_source(
    void *user, const amphi_db_key *key, const uint8_t master[32], amphi_error *error)
{
    copy_source *from = user;
    from->key = *key;
    amphi_status status = amphi__db_open(&from->db, from->path, key, error);
    if (status == AMPHI_E_IO) /* nothing can be written here, or read */
        status = amphi__db_open_read_only(&from->db, from->path, key, error);
    return status;
}

/* A copy of a new, empty store would be taken for one of what was there. */
static amphi_status refuse_lost(const amphi_store_sqlcipher *store, amphi_error *error)
{
    char words[160];
    if (!amphi__store_lost_words(amphi_str_from(store->dir), words, sizeof words))
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "nothing was copied: %s", words);
}

/* What can't be read is for the export itself to say. */
amphi_status amphi__store_refuse_lost(void *self, amphi_error *error)
{
    amphi_store_sqlcipher *store = self;
    amphi_db *db;
    bool is_lost = amphi__store_is_lost(amphi_str_from(store->dir));
    if (!is_lost && amphi__store_read_begin(store, &db, NULL) == AMPHI_OK) {
        is_lost = amphi__store_replaces_lost(db);
        amphi__store_read_end(store);
    }
    return is_lost ? refuse_lost(store, error) : AMPHI_OK;
}

static amphi_status copy_to(
    const amphi_store_sqlcipher *store, const char *part, amphi_error *error)
{
    copy_source from = {.path = store->path};
    amphi_db *to = NULL;
    const amphi_str dir = amphi_str_from(store->dir);
    amphi_status status =
        amphi__store_is_lost(dir) ? refuse_lost(store, error) : AMPHI_OK; /* no new one is made */
    if (status == AMPHI_OK)
        status = amphi__store_with_key(&store->keys, dir, open_source, &from, error);
    if (status == AMPHI_OK && amphi__store_replaces_lost(from.db))
        status = refuse_lost(store, error);
    if (status == AMPHI_OK)
        status = amphi__db_open(&to, part, &from.key, error);
    if (status == AMPHI_OK)
        status = amphi__db_copy(to, from.db, error);
    if (status == AMPHI_OK)
        status = amphi__store_lost_unmark(to, error);
    if (status == AMPHI_OK)
        status = empty_log(to, error);
    amphi__db_close(to);
    amphi__db_close(from.db);
    amphi__wipe(&from.key, sizeof from.key);
    return status;
}

/* `path` is cut to its folder. */
static amphi_status sync_folder(char *path, amphi_error *error)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return amphi__data_dir_sync(".", error);
    slash[slash == path ? 1 : 0] = '\0';
    return amphi__data_dir_sync(path, error);
}

static void remove_part(const char *part)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char name[PATH_BYTES_MAX + 32];
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        snprintf(name, sizeof name, "%s%s", part, endings[i]);
        (void)unlink(name);
    }
}

amphi_status amphi__store_backup(void *self, amphi_str path, amphi_error *error)
{
    const amphi_store_sqlcipher *store = self;
    if (path.size == 0 || memchr(path.data, '\0', path.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "backup: no file's name");
    if (path.size > PATH_BYTES_MAX)
        return amphi__fail(
            error, AMPHI_E_ARGUMENT, 0, "backup: a name longer than %d bytes", PATH_BYTES_MAX);
    char *wanted = amphi__str_copy(path);
    char *part = amphi__alloc(path.size + sizeof PART);
    amphi_status status = AMPHI_OK;
    if (wanted == NULL || part == NULL) {
        status = amphi__fail_no_memory(error);
        goto cleanup;
    }
    snprintf(part, path.size + sizeof PART, "%s" PART, wanted);
    if (access(wanted, F_OK) == 0) {
        status = amphi__fail(error, AMPHI_E_ARGUMENT, EEXIST,
            "backup: there is a file of that name; move it away, or give another name");
        goto cleanup;
    }
    remove_part(part); /* of a backup that was killed */
    status = copy_to(store, part, error);
    if (status == AMPHI_OK && rename(part, wanted) != 0)
        status = amphi__fail(error, AMPHI_E_IO, errno, "backup: it could not be given its name");
    if (status != AMPHI_OK)
        remove_part(part);
    else
        status = sync_folder(wanted, error);
cleanup:
    amphi__free(part);
    amphi__free(wanted);
    return status;
}
