/* SPDX-License-Identifier: Apache-2.0
 *
 * A file's key from stat(2).
 */
#include "local/model/file_key.h"

#include <string.h>

void amphi__file_key_of(const struct stat *info, amphi_file_key *out)
{
    out->device = (uint64_t)info->st_dev;
    out->inode = (uint64_t)info->st_ino;
    out->size = (uint64_t)info->st_size;
    out->mtime_ns = (uint64_t)info->st_mtim.tv_sec * 1000000000u + (uint64_t)info->st_mtim.tv_nsec;
}

void amphi__file_key(const char *path, amphi_file_key *out)
{
    memset(out, 0, sizeof *out);
    struct stat info;
    if (stat(path, &info) == 0)
        amphi__file_key_of(&info, out);
}

bool amphi__file_key_equal(const amphi_file_key *a, const amphi_file_key *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime_ns == b->mtime_ns;
}
