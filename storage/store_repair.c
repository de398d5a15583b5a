/* SPDX-License-Identifier: Apache-2.0
 *
 * Check and repair of the store in a data folder, without opening the store.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "storage/sqlcipher_repair.h"
#include "storage/store_fault.h"
#include "storage/store_sqlcipher.h"
#include "storage/stores.h"

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
    amphi_status status = amphi__store_find(&path, &key, options, error);
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
    amphi_status status = amphi__store_find(&path, &key, options, error);
    if (status == AMPHI_OK)
        status = amphi__db_repair(out, path, &key, error);
    explain(error, path);
    amphi__wipe(&key, sizeof key);
    amphi__free(path);
    return status;
}
