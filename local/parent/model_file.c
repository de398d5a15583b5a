/* SPDX-License-Identifier: Apache-2.0
 *
 * The model file from outside, as the parent sees it: which file it is, and how errors name it.
 */
#include "local/parent/supervisor.h"

#include "sdk/core/error.h"

#include <errno.h>
#include <sys/stat.h>

void amphi__model_line(
    const amphi_local *local, const char *what, char out[AMPHI_WORKER_MESSAGE_MAX])
{
    static const char said_already[] = "model file: ";
    const size_t shown_max = 72;
    size_t size = strlen(local->model_path);
    bool cut = size > shown_max;
    const char *shown = cut ? local->model_path + size - shown_max : local->model_path;
    int begun = snprintf(out, AMPHI_WORKER_MESSAGE_MAX, "model %s%.72s: ", cut ? "..." : "", shown);

    if (strncmp(what, said_already, sizeof said_already - 1) == 0)
        what += sizeof said_already - 1;
    snprintf(out + begun, (size_t)(AMPHI_WORKER_MESSAGE_MAX - begun), "%s", what);
}

static void fill_key(amphi_model_key *out, const struct stat *info)
{
    out->device = (uint64_t)info->st_dev;
    out->inode = (uint64_t)info->st_ino;
    out->size = (uint64_t)info->st_size;
    out->mtime_ns = (uint64_t)info->st_mtim.tv_sec * 1000000000u + (uint64_t)info->st_mtim.tv_nsec;
}

amphi_status amphi__model_key(const amphi_local *local, amphi_model_key *out, amphi_error *error)
{
    struct stat info;
    const char *what = NULL;
    char line[AMPHI_WORKER_MESSAGE_MAX];

    memset(out, 0, sizeof *out);
    if (local->model_path[0] == '\0') {
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0,
            "no model: none was given and the embedded one is not installed");
    }
    if (stat(local->model_path, &info) != 0) {
        what = errno == ENOENT || errno == ENOTDIR ? "no such file"
               : errno == EACCES                   ? "permission denied"
                                                   : "can't be read";
    } else if (!S_ISREG(info.st_mode)) {
        what = "not a regular file";
    }
    if (what != NULL) {
        amphi__model_line(local, what, line);
        return amphi__fail(error, AMPHI_E_NOT_FOUND, errno, "%s", line);
    }
    fill_key(out, &info);
    return AMPHI_OK;
}

void amphi__file_key(const char *path, amphi_model_key *out)
{
    struct stat info;

    memset(out, 0, sizeof *out);
    if (stat(path, &info) == 0)
        fill_key(out, &info);
}

bool amphi__model_key_equal(const amphi_model_key *a, const amphi_model_key *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime_ns == b->mtime_ns;
}
