/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite's memory, for the instance of the library that we load: malloc, with two differences. What
 * is freed is wiped, because page caches and values hold prompts and answers. And inside a reserve
 * section small blocks come from a static reserve when malloc has none: SQLCipher 3.4 frees memory
 * twice, or writes through NULL, when an allocation fails while a connection is keyed.
 */
#ifndef AMPHI_STORAGE_SQLCIPHER_MEMORY_H
#define AMPHI_STORAGE_SQLCIPHER_MEMORY_H

#include "storage/sqlcipher_library.h"

/* Before the library is initialized. An app that uses the same library may have done that already:
 * then its memory stays as it is, and this does nothing. */
void amphi__sqlite_memory_install(const amphi_sqlite *lib);

/* For the calling thread; sections do not nest. */
void amphi__sqlite_reserve_enter(void);
void amphi__sqlite_reserve_leave(void);

/* For tests: how many blocks lie in the reserve; and whether the thread's section takes every block
 * from there, as if malloc had none. */
size_t amphi__sqlite_reserve_blocks(void);
void amphi__sqlite_reserve_only(bool only);

#endif
