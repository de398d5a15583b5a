/* SPDX-License-Identifier: Apache-2.0
 *
 * Why the disk refuses, in words: SQLite has many codes for a full disk and a read-only medium, and
 * none of them names it where only a helper file could not be made.
 */
#ifndef AMPHI_STORAGE_STORE_FAULT_H
#define AMPHI_STORAGE_STORE_FAULT_H

#include <amphi/error.h>

/* When `error` is AMPHI_E_IO and the file system at `dir` (or, when there is no such folder, at its
 * nearest parent) is full, read-only or closed to this user, the message says so. The status and
 * the native code stay. NULL is fine. */
void amphi__store_fault_explain(amphi_error *error, const char *dir);

#endif
