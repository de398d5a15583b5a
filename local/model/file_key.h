/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file lies at a path, without reading it: another file at the same path has another key.
 */
#ifndef AMPHI_MODEL_FILE_KEY_H
#define AMPHI_MODEL_FILE_KEY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct amphi_file_key {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    uint64_t mtime_ns;
} amphi_file_key;

/* All zero when there is no such file. */
void amphi__file_key(const char *path, amphi_file_key *out);
void amphi__file_key_of(const struct stat *info, amphi_file_key *out);
bool amphi__file_key_equal(const amphi_file_key *a, const amphi_file_key *b);

#endif
