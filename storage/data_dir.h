/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder that everything of one install lives in.
 */
#ifndef AMPHI_STORAGE_DATA_DIR_H
#define AMPHI_STORAGE_DATA_DIR_H

#include <amphi/error.h>

/* Makes the folder and its missing parents, mode 0700, and their entries durable. A folder that is
 * there already keeps its mode. */
amphi_status amphi__data_dir_make(amphi_str dir, amphi_error *error);
/* "dir/name" on the heap. */
amphi_status amphi__data_dir_path(char **out, amphi_str dir, const char *name, amphi_error *error);
/* For the end of a message about a failed call: ": the disk is full, make room" and the like, or
 * "". */
const char *amphi__data_dir_reason(int failed_errno);
/* Makes created and renamed entries of a folder durable. */
amphi_status amphi__data_dir_sync(const char *dir, amphi_error *error);

#endif
