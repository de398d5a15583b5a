/* SPDX-License-Identifier: Apache-2.0
 *
 * Room that is kept for deletions. Even what deletes must write first: pages without the text into
 * the log, the log's index. On a full disk that fails, just when a user wants to make room. So a
 * file of nothing lies beside the database, and a write that deletes gives it up when the disk
 * refuses, is done in its place, and puts it back.
 */
#ifndef AMPHI_STORAGE_STORE_RESERVE_H
#define AMPHI_STORAGE_STORE_RESERVE_H

#include "storage/store_sqlcipher.h"

#define AMPHI_RESERVE_FILE "amphi.reserve"

/* Makes the file, or makes it larger, where an eighth of what is free is more than it has (at most
 * AMPHI_RESERVE_BYTES_MAX). That it can't be made is no failure. */
#define AMPHI_RESERVE_BYTES_MAX (4u << 20)
void amphi__store_reserve_keep(const char *dir);

/* After a write failed with `status`: gives the room up, empties the log, and opens the store where
 * that had failed. true: it may be tried again. Outside of the gate. */
bool amphi__store_reserve_give(amphi_store_sqlcipher *store, amphi_status status);
/* Is there room inside the database for rows of so many bytes, so that it need not grow? */
bool amphi__store_reserve_fits(amphi_store_sqlcipher *store, uint64_t bytes);
/* Afterwards, and when the store is closed: as much as was given up, if it is there. */
void amphi__store_reserve_restore(amphi_store_sqlcipher *store);

#endif
