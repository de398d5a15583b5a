/* SPDX-License-Identifier: Apache-2.0
 *
 * mkdir -p with mode 0700. Several processes may do it at once.
 */
#include "storage/data_dir.h"

#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

const char *amphi__data_dir_reason(int failed_errno)
{
    switch (failed_errno) {
    case ENOSPC:
        return ": the disk is full, make room";
    case EDQUOT:
        return ": the disk quota is used up, make room";
    case EROFS:
        return ": the file system is read-only";
    case EACCES:
    case EPERM:
        return ": no permission";
    case EFBIG:
        return ": the file may not grow further (ulimit -f)";
    default:
        return "";
    }
}

amphi_status amphi__data_dir_sync(const char *dir, amphi_error *error)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return amphi__fail(error, AMPHI_E_IO, errno, "data folder: can't open it to sync it");
    /* EINVAL: a file system that can't sync folders keeps their entries in its own order. */
    int failed = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
    close(fd);
    if (failed != 0)
        return amphi__fail(error, AMPHI_E_IO, failed, "data folder: sync failed%s",
            amphi__data_dir_reason(failed));
    return AMPHI_OK;
}

/* path is cut at its last slash for the moment of the call. */
static amphi_status sync_parent(char *path, amphi_error *error)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return amphi__data_dir_sync(".", error);
    if (slash == path)
        return amphi__data_dir_sync("/", error);
    *slash = '\0';
    amphi_status status = amphi__data_dir_sync(path, error);
    *slash = '/';
    return status;
}

static amphi_status make_one(char *path, amphi_error *error)
{
    if (mkdir(path, S_IRWXU) == 0)
        return sync_parent(path, error);
    struct stat info;
    int failed = errno; /* EEXIST mostly, but EROFS or EACCES for folders that are there as well */
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return AMPHI_OK;
    return amphi__fail(error, AMPHI_E_IO, failed, "data folder: can't create %.100s (errno %d)%s",
        path, failed, amphi__data_dir_reason(failed));
}

amphi_status amphi__data_dir_make(amphi_str dir, amphi_error *error)
{
    if (dir.size == 0 || memchr(dir.data, '\0', dir.size) != NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "data_dir: empty, or with a NUL in it");
    char *path = amphi__str_copy(dir);
    if (path == NULL)
        return amphi__fail_no_memory(error);
    amphi_status status = AMPHI_OK;
    for (size_t i = dir.size; i > 1 && path[i - 1] == '/'; i--)
        path[i - 1] = '\0';
    for (char *slash = strchr(path + 1, '/'); status == AMPHI_OK && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = make_one(path, error);
        *slash = '/';
    }
    if (status == AMPHI_OK)
        status = make_one(path, error);
    amphi__free(path);
    return status;
}

amphi_status amphi__data_dir_path(char **out, amphi_str dir, const char *name, amphi_error *error)
{
    size_t size = dir.size + 1 + strlen(name) + 1;
    *out = amphi__alloc(size);
    if (*out == NULL)
        return amphi__fail_no_memory(error);
    snprintf(*out, size, "%.*s/%s", (int)dir.size, dir.data, name);
    return AMPHI_OK;
}
