/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a store was here before: an empty file, store.made, is put beside the database after its
 * first commit. A database that is missing or empty beside it was lost, while without it a new
 * store is only about to be made. When a new store is made in the place of a lost one the mark
 * becomes store.lost, and a setting in the new database says the same: store.lost beside a database
 * without it is over, since a backup was restored. It is over as well when a person deletes it,
 * erases everything, or gives the store a new key.
 */
#ifndef AMPHI_STORAGE_STORE_MADE_H
#define AMPHI_STORAGE_STORE_MADE_H

#include "storage/sqlcipher.h"

#include <amphi/error.h>

#define AMPHI_MADE_FILE "store.made"
#define AMPHI_LOST_FILE "store.lost"

/* Before the database is opened for writing, which makes one: is it lost? */
bool amphi__store_is_lost(amphi_str data_dir);
/* After that. Where it can't be written, or there is no memory, it is done at the next opening. */
void amphi__store_made_note(amphi_str data_dir, bool was_lost);
/* What was lost, in words and with the remedy; false: nothing. By the files alone: where store.lost
 * is there, the database may be a restored one. */
bool amphi__store_lost_words(amphi_str data_dir, char *out, size_t capacity);

/* Says in the database that it was made in the place of a lost one; a backup does not say so. */
#define AMPHI_LOST_SETTING "store.replaces_lost"
amphi_status amphi__store_lost_mark(amphi_db *db, amphi_error *error);
amphi_status amphi__store_lost_unmark(amphi_db *db, amphi_error *error);
/* Also where that can't be read. */
bool amphi__store_replaces_lost(amphi_db *db);
/* Takes store.lost away. Where it can't be, it says less than it seems to. */
void amphi__store_lost_forget(amphi_str data_dir);
/* With the store itself. */
amphi_status amphi__store_made_remove(amphi_str data_dir, amphi_error *error);

#endif
