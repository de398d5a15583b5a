/* SPDX-License-Identifier: Apache-2.0
 *
 * The damaged databases that repairs kept aside. They are as they were: what was deleted since
 * stands in them.
 */
#include "sdk/core/error.h"
#include "storage/storage.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define BEGINNING AMPHI_STORE_FILE AMPHI_STORE_ASIDE

static bool is_aside(const char *name)
{
    return strncmp(name, BEGINNING, sizeof BEGINNING - 1) == 0;
}

/* Its log and journal go by its own name and more. */
static bool is_database(const char *name)
{
    const char *dash = strrchr(name, '-');
    return strcmp(dash, "-wal") != 0 && strcmp(dash, "-journal") != 0 && strcmp(dash, "-shm") != 0;
}

static DIR *open_dir(amphi_str data_dir)
{
    char dir[4200];
    int size = snprintf(dir, sizeof dir, "%.*s/", (int)data_dir.size, data_dir.data);
    return size > 0 && size < (int)sizeof dir ? opendir(dir) : NULL;
}

uint64_t amphi__store_aside_find(amphi_str data_dir, char *path, size_t capacity)
{
    uint64_t count = 0;
    DIR *dir = open_dir(data_dir);
    const struct dirent *entry;
    path[0] = '\0';
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (!is_aside(entry->d_name) || !is_database(entry->d_name))
            continue;
        if (count++ == 0)
            snprintf(path, capacity, "%.*s/%s", (int)data_dir.size, data_dir.data, entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

amphi_status amphi__store_aside_remove(amphi_str data_dir, amphi_error *error)
{
    amphi_status status = AMPHI_OK;
    DIR *dir = open_dir(data_dir);
    const struct dirent *entry;
    if (dir == NULL)
        return amphi__fail(error, AMPHI_E_IO, errno, "store: can't list the data folder");
    while ((entry = readdir(dir)) != NULL)
        if (is_aside(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) != 0 &&
            errno != ENOENT)
            status = amphi__fail(error, AMPHI_E_IO, errno,
                "store: all that it had is gone, but not %.80s, a damaged store that was kept "
                "aside: delete it",
                entry->d_name);
    if (status == AMPHI_OK && fsync(dirfd(dir)) != 0 && errno != EINVAL)
        status = amphi__fail(error, AMPHI_E_IO, errno, "data folder: sync failed");
    closedir(dir);
    return status;
}
