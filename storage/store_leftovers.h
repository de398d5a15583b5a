/* SPDX-License-Identifier: Apache-2.0
 *
 * Files beside the database that hold its rows, or a key to them, and that nothing uses: what a
 * rekey or a repair that was killed left there.
 */
#ifndef AMPHI_STORAGE_STORE_LEFTOVERS_H
#define AMPHI_STORAGE_STORE_LEFTOVERS_H

#include <amphi/error.h>

/* Removes the unfinished databases, and makes noise of the key that never came into use. Only
 * while a connection is open to the database at its path, with its key: a rekey and a repair hold
 * the exclusive lock all the while (so none is at work), and store.wrap.new is not what opened
 * it. */
amphi_status amphi__store_leftovers_remove(amphi_str data_dir, amphi_error *error);
/* The unfinished databases alone. */
amphi_status amphi__store_unfinished_remove(amphi_str data_dir, amphi_error *error);

#endif
