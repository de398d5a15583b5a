/* SPDX-License-Identifier: Apache-2.0
 *
 * Asked only after a failure, so the answer may be a little later than what it explains: a disk
 * that has room again by then keeps SQLite's own words.
 */
#include "storage/store_fault.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A commit of a turn, or the files that SQLite makes beside a database, need more than this. */
#define ROOM_BYTES (128u << 10)

/* Cuts `path` back to a folder that is there. */
static bool find_parent(char *path, struct statvfs *info)
{
    while (statvfs(path, info) != 0) {
        char *slash = strrchr(path, '/');
        if ((errno != ENOENT && errno != ENOTDIR) || slash == NULL || slash[1] == '\0')
            return false;
        slash[slash == path ? 1 : 0] = '\0';
    }
    return true;
}

static const char *words(char *path)
{
    struct statvfs info;
    if (!find_parent(path, &info))
        return NULL;
    if ((info.f_flag & ST_RDONLY) != 0)
        return "the data folder is on a read-only medium; nothing can be kept there";
    if (info.f_blocks > 0 && /* /proc has none */
        (unsigned long long)info.f_bavail * info.f_frsize < ROOM_BYTES)
        return "the disk is full; make room on it";
    if (access(path, W_OK | X_OK) != 0)
        return "the data folder may not be written to; change its owner or mode";
    return NULL;
}

void amphi__store_fault_explain(amphi_error *error, const char *dir)
{
    if (error == NULL || error->status != AMPHI_E_IO)
        return;
    char *path = amphi__str_copy(amphi_str_from(dir));
    if (path == NULL)
        return;
    const char *what = words(path);
    int32_t code = error->native_code;
    if (what != NULL)
        (void)amphi__fail(error, AMPHI_E_IO, code, "store: %s (code %d)", what, (int)code);
    amphi__free(path);
}
