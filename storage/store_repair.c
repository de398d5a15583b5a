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

static bool was_replaced(
    const amphi_error *why, const amphi_db_key *used, const amphi_storage_options *options)
{
    return amphi__store_was_replaced(why, used, &options->keys, options->data_dir);
}

static amphi_status check_store(amphi_history_check_report *out,
    const amphi_storage_options *options, bool is_quick, amphi_error *error)
{
    amphi_status status = AMPHI_E_BUSY;
    bool again = true;
    for (int tries = 0; again && tries < AMPHI_STORE_REOPENS_MAX; tries++) {
        char *path = NULL;
        amphi_db_key key = {{0}, {0}};
        status = amphi__store_find(&path, &key, options, error);
        again = status == AMPHI_OK;
        if (status == AMPHI_OK)
            status = amphi__db_check(out, path, &key, is_quick, error);
        again = again && status != AMPHI_OK && was_replaced(error, &key, options);
        explain(error, path);
        amphi__wipe(&key, sizeof key);
        amphi__free(path);
    }
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
    amphi_status status = check_store(out, options, is_quick, &why);
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

static amphi_status repair_store(
    amphi_history_repair_report *out, const amphi_storage_options *options, amphi_error *error)
{
    amphi_status status = AMPHI_E_BUSY;
    bool again = true;
    for (int tries = 0; again && tries < AMPHI_STORE_REOPENS_MAX; tries++) {
        char *path = NULL;
        amphi_db_key key = {{0}, {0}};
        status = amphi__store_find(&path, &key, options, error);
        again = status == AMPHI_OK;
        if (status == AMPHI_OK)
            status = amphi__db_repair(out, path, &key, error);
        again = again && status != AMPHI_OK && was_replaced(error, &key, options);
        explain(error, path);
        amphi__wipe(&key, sizeof key);
        amphi__free(path);
    }
    return status;
}

amphi_status amphi__store_repair(
    amphi_history_repair_report *out, const amphi_storage_options *options, amphi_error *error)
{
    amphi_error why = {0};
    char words[160];
    amphi_history_repair_report_init(out);
    make_empty(options->data_dir);
    amphi_status status = repair_store(out, options, &why);
    if (status == AMPHI_E_NOT_FOUND && amphi__store_lost(options, words, sizeof words))
        (void)amphi__fail(&why, status, 0, "store: %s", words);
    if (status != AMPHI_OK && error != NULL)
        *error = why;
    return status;
}
