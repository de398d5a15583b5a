/* SPDX-License-Identifier: Apache-2.0
 *
 * Every connection to a database with a log holds a shared lock on byte 128 of the -shm file, the
 * "dead man switch" (os_unix.c in SQLite). Asking for it needs no right to write.
 */
#include "storage/sqlcipher_heap_index.h"

#include "sdk/core/alloc.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEAD_MAN_SWITCH 128

bool amphi__heap_index_is_shared(amphi_heap_index *index)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = DEAD_MAN_SWITCH, .l_len = 1};
    if (index->shm < 0)
        return access(index->shm_path, F_OK) == 0;
    return fcntl(index->shm, F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool amphi__heap_index_begin(amphi_heap_index *index, const char *path)
{
    size_t size = strlen(path) + sizeof "-shm";
    index->shm_path = amphi__alloc(size);
    if (index->shm_path == NULL)
        return false;
    snprintf(index->shm_path, size, "%s-shm", path);
    index->shm = open(index->shm_path, O_RDONLY | O_CLOEXEC);
    return !amphi__heap_index_is_shared(index);
}

void amphi__heap_index_clear(amphi_heap_index *index)
{
    for (size_t i = 0; i < AMPHI_INDEX_REGIONS_MAX; i++) {
        amphi__free(index->regions[i]);
        index->regions[i] = NULL;
    }
}

void amphi__heap_index_end(amphi_heap_index *index)
{
    amphi__heap_index_clear(index);
    if (index->shm_path != NULL && index->shm >= 0)
        close(index->shm);
    amphi__free(index->shm_path);
    index->shm_path = NULL;
}

int amphi__heap_index_map(
    amphi_heap_index *index, int region, int size, int extend, void volatile **out)
{
    *out = NULL;
    if (region < 0 || region >= AMPHI_INDEX_REGIONS_MAX)
        return SQLITE_IOERR_SHMSIZE;
    if (index->regions[region] == NULL && extend) {
        index->regions[region] = amphi__calloc(1, (size_t)size);
        if (index->regions[region] == NULL)
            return SQLITE_NOMEM;
    }
    *out = index->regions[region];
    return SQLITE_OK;
}
