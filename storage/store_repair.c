/* SPDX-License-Identifier: Apache-2.0
 *
 * Check and repair of the store in a data folder, without opening the store.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/sqlcipher_repair.h"
#include "storage/store_fault.h"
#include "storage/store_made.h"
#include "storage/store_sqlcipher.h"
#include "storage/stores.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* SQLite has no words for a full disk or a read-only medium. */
static void explain(amphi_error *error, char *path)
{
    char *slash = path != NULL ? strrchr(path, '/') : NULL;
    if (slash == NULL)
        return;
    *slash = '\0';
    amphi__store_fault_explain(error, path);
    *slash = '/';
}

/* Is the database beside store.lost surely one that was restored? */
static bool is_restored(const amphi_storage_options *options)
{
    char *path = NULL;
    amphi_db_key key = {{0}, {0}};
    amphi_db *db = NULL;
    amphi_status status = amphi__store_find(&path, &key, options, NULL);
    if (status == AMPHI_OK)
        status = amphi__db_open(&db, path, &key, NULL);
    if (status == AMPHI_E_IO) /* nothing can be written here */
        status = amphi__db_open_read_only(&db, path, &key, NULL);
    bool is_another = status == AMPHI_OK && !amphi__store_replaces_lost(db);
    amphi__db_close(db);
    amphi__wipe(&key, sizeof key);
    amphi__free(path);
    return is_another;
}

bool amphi__store_lost(const amphi_storage_options *options, char *out, size_t capacity)
{
    return amphi__store_lost_words(options->data_dir, out, capacity) &&
           (amphi__store_is_lost(options->data_dir) || !is_restored(options));
}

static void note_lost(amphi_history_check_report *out, const amphi_storage_options *options)
{
    char words[sizeof out->fault];
    out->is_lost = amphi__store_lost(options, words, sizeof words);
    if (out->is_lost && out->fault[0] == '\0')
        memcpy(out->fault, words, sizeof words);
    out->is_whole = out->is_whole && !out->is_lost;
}

typedef struct store_work {
    const char *path;
    bool is_quick;
    amphi_history_check_report *found;
    amphi_history_repair_report *done;
} store_work;

static amphi_status check_with(
    void *user, const amphi_db_key *key, const uint8_t master[32], amphi_error *error)
{
    const store_work *w = user;
    return amphi__db_check(w->found, w->path, key, w->is_quick, error);
}

static amphi_status repair_with(
    void *user, const amphi_db_key *key, const uint8_t master[32], amphi_error *error)
{
    const store_work *w = user;
    return amphi__db_repair(w->done, w->path, key, error);
}

/* On the database that is there; none is made, nor a key. */
static amphi_status work_on(store_work *w, amphi_store_work_fn *work,
    const amphi_storage_options *options, amphi_error *error)
{
    char *path = NULL;
    amphi_status status = amphi__store_find_path(&path, options, error);
    w->path = path;
    if (status == AMPHI_OK)
        status = amphi__store_with_key(&options->keys, options->data_dir, work, w, error);
    explain(error, path);
    amphi__free(path);
    return status;
}

amphi_status amphi__store_check(amphi_history_check_report *out,
    const amphi_storage_options *options, bool is_quick, amphi_error *error)
{
    amphi_error why = {0};
    amphi_history_check_report_init(out);
    if (amphi__store_is_lost(options->data_dir)) {
        note_lost(out, options);
        return AMPHI_OK;
    }
    store_work w = {.is_quick = is_quick, .found = out};
    amphi_status status = work_on(&w, check_with, options, &why);
    if (status == AMPHI_OK)
        note_lost(out, options);
    else if (error != NULL)
        *error = why;
    return status;
}

/* Where only the log of a database is left, which can be read beside an empty one. */
static void make_empty(amphi_str data_dir)
{
    char *path = NULL, *log = NULL;
    struct stat info;
    if (amphi__data_dir_path(&path, data_dir, AMPHI_STORE_FILE, NULL) == AMPHI_OK &&
        amphi__data_dir_path(&log, data_dir, AMPHI_STORE_FILE "-wal", NULL) == AMPHI_OK &&
        stat(log, &info) == 0 && info.st_size > 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd >= 0)
            close(fd);
    }
    amphi__free(path);
    amphi__free(log);
}

amphi_status amphi__store_repair(
    amphi_history_repair_report *out, const amphi_storage_options *options, amphi_error *error)
{
    amphi_error why = {0};
    char words[160];
    amphi_history_repair_report_init(out);
    make_empty(options->data_dir);
    store_work w = {.done = out};
    amphi_status status = work_on(&w, repair_with, options, &why);
    if (status == AMPHI_E_NOT_FOUND && amphi__store_lost(options, words, sizeof words))
        (void)amphi__fail(&why, status, 0, "store: %s", words);
    if (status != AMPHI_OK && error != NULL)
        *error = why;
    return status;
}
