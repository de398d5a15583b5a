/* SPDX-License-Identifier: Apache-2.0
 *
 * Check and repair of the store in a data folder, without opening the store.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/sqlcipher_repair.h"
#include "storage/store_fault.h"
#include "storage/store_sqlcipher.h"
#include "storage/stores.h"

#include <sys/stat.h>

/* The database's path, which the caller frees, and its key. A key is not asked for, and so not
 * made, where there is no database. */
static amphi_status find_database(
    char **path, amphi_db_key *key, const amphi_storage_options *options, amphi_error *error)
{
    uint8_t master[32];
    struct stat ignored;
    if (options->keys.ops == NULL || options->keys.ops->store_key == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "keys: no provider");
    amphi_status status = amphi__data_dir_path(path, options->data_dir, AMPHI_STORE_FILE, error);
    if (status == AMPHI_OK && stat(*path, &ignored) != 0)
        status =
            amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "store: there is none in this data folder");
    if (status == AMPHI_OK)
        status = amphi__store_take_key(key, master, &options->keys, options->data_dir, error);
    amphi__wipe(master, sizeof master);
    return status;
}

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

amphi_status amphi__store_check(amphi_history_check_report *out,
    const amphi_storage_options *options, bool is_quick, amphi_error *error)
{
    char *path = NULL;
    amphi_db_key key = {{0}, {0}};
    amphi_history_check_report_init(out);
    amphi_status status = find_database(&path, &key, options, error);
    if (status == AMPHI_OK)
        status = amphi__db_check(out, path, &key, is_quick, error);
    explain(error, path);
    amphi__wipe(&key, sizeof key);
    amphi__free(path);
    return status;
}

amphi_status amphi__store_repair(
    amphi_history_repair_report *out, const amphi_storage_options *options, amphi_error *error)
{
    char *path = NULL;
    amphi_db_key key = {{0}, {0}};
    amphi_history_repair_report_init(out);
    amphi_status status = find_database(&path, &key, options, error);
    if (status == AMPHI_OK)
        status = amphi__db_repair(out, path, &key, error);
    explain(error, path);
    amphi__wipe(&key, sizeof key);
    amphi__free(path);
    return status;
}
