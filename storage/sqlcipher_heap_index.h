/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of a database's log (WAL) in the heap instead of shared memory, for a connection that
 * only reads where no file can be made. That is safe while no other connection is there; this also
 * watches for one.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_HEAP_INDEX_H
#define AMPHI_STORAGE_SQLCIPHER_HEAP_INDEX_H

#include "storage/sqlcipher_library.h"

#define AMPHI_INDEX_REGIONS_MAX 512 /* of 32 KiB: a log of 8 GiB */

/* A zeroed one is off. */
typedef struct amphi_heap_index {
    bool is_on;
    void *regions[AMPHI_INDEX_REGIONS_MAX];
    char *shm_path; /* the file that others would share */
    int shm;        /* it, to look at its locks; -1: it was not there */
} amphi_heap_index;

/* False: another connection has the database at `path` open, or there is no memory. */
bool amphi__heap_index_begin(amphi_heap_index *index, const char *path);
void amphi__heap_index_end(amphi_heap_index *index);
/* Whether another connection has come. */
bool amphi__heap_index_is_shared(amphi_heap_index *index);
/* sqlite3_io_methods.xShmMap */
int amphi__heap_index_map(
    amphi_heap_index *index, int region, int size, int extend, void volatile **out);
void amphi__heap_index_clear(amphi_heap_index *index); /* frees the regions */

#endif
