/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of a test's own under $TMPDIR or /tmp, and small things to do with its files. Failures
 * end the test program: they are the machine's, not the test's.
 */
#ifndef AMPHI_TESTS_SCRATCH_DIR_H
#define AMPHI_TESTS_SCRATCH_DIR_H

#include <amphi/types.h>

typedef struct scratch_dir {
    char path[256];
} scratch_dir;

void scratch_dir_make(scratch_dir *dir);
void scratch_dir_remove(scratch_dir *dir); /* with everything in it */
/* For tests whose *state is a scratch_dir of their own. */
int scratch_dir_set_up(void **state);
int scratch_dir_tear_down(void **state);
/* A folder inside, which is not made. */
void scratch_dir_inner(scratch_dir *out, const scratch_dir *dir, const char *name);
/* "path/name" in a static ring of buffers: valid for a few calls. */
const char *scratch_dir_file(const scratch_dir *dir, const char *name);

bool scratch_exists(const char *path);
unsigned scratch_mode(const char *path); /* 0: not there */
/* The whole file on the heap (free()); NULL with *size 0 when it is not there. */
char *scratch_read(const char *path, size_t *size);
void scratch_write(const char *path, const void *data, size_t size, unsigned mode);
/* How many files in the folder hold these bytes. */
int scratch_files_with(const scratch_dir *dir, const char *words);

#endif
