/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight bytes in a file of their own, which every deletion replaces by others: by them each process
 * notices at once that what it holds in memory may be gone, and asks the database only then. The
 * file is read by a system call, not mapped: one that was cut would end the process.
 */
#ifndef AMPHI_STORAGE_STORE_HINT_H
#define AMPHI_STORAGE_STORE_HINT_H

#include "storage/store_sqlcipher.h"

#define AMPHI_HINT_FILE "amphi.erased"

/* Opens the file, and makes it where that is possible. Alone, before the store is used. */
void amphi__store_hint_open(amphi_store_sqlcipher *store);
void amphi__store_hint_close(amphi_store_sqlcipher *store);
/* After a deletion's commit. */
void amphi__store_hint_change(amphi_store_sqlcipher *store);
/* 0: there is no file. */
uint64_t amphi__store_hint(void *self);

#endif
