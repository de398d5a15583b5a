/* SPDX-License-Identifier: Apache-2.0
 *
 * Names are made on the stack, so that a want of memory leaves nothing behind.
 */
#include "storage/store_leftovers.h"

#include "sdk/core/error.h"
#include "storage/data_dir.h"
#include "storage/storage.h"
#include "storage/wrapped_key.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_BYTES 4200

static amphi_status name_in(
    char out[NAME_BYTES], amphi_str data_dir, const char *name, amphi_error *error)
{
    int size = snprintf(out, NAME_BYTES, "%.*s/%s", (int)data_dir.size, data_dir.data, name);
    if (size < 0 || size >= NAME_BYTES)
        return amphi__fail(error, AMPHI_E_LIMIT, 0, "data_dir: its path is too long");
    return AMPHI_OK;
}

static amphi_status remove_one(amphi_str data_dir, const char *name, bool *any, amphi_error *error)
{
    char path[NAME_BYTES];
    amphi_status status = name_in(path, data_dir, name, error);
    if (status == AMPHI_OK && unlink(path) == 0)
        *any = true;
    else if (status == AMPHI_OK && errno != ENOENT)
        status = amphi__fail(error, AMPHI_E_IO, errno,
            "store: what an interrupted rekey or repair left can't be removed: %.100s", path);
    return status;
}

amphi_status amphi__store_unfinished_remove(amphi_str data_dir, amphi_error *error)
{
#define ALL_OF(name) name, name "-wal", name "-shm", name "-journal"
    static const char *const names[] = {
        ALL_OF(AMPHI_STORE_FILE ".rekey"), ALL_OF(AMPHI_STORE_FILE ".repair")};
#undef ALL_OF
    bool any = false;
    char dir[NAME_BYTES];
    amphi_status status = AMPHI_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == AMPHI_OK; i++)
        status = remove_one(data_dir, names[i], &any, error);
    if (status == AMPHI_OK && any)
        status = name_in(dir, data_dir, "", error);
    return status == AMPHI_OK && any ? amphi__data_dir_sync(dir, error) : status;
}

amphi_status amphi__store_leftovers_remove(amphi_str data_dir, amphi_error *error)
{
    char pending[NAME_BYTES];
    amphi_status status = amphi__store_unfinished_remove(data_dir, error);
    amphi_status found = name_in(pending, data_dir, AMPHI_WRAP_NEW_FILE, error);
    if (found == AMPHI_OK)
        found = amphi__wrapped_key_shred_file(pending, error);
    return status == AMPHI_OK ? found : status;
}
