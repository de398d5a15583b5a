/* SPDX-License-Identifier: Apache-2.0
 *
 * A small disk of a test's own, for full disks and read-only media. Needs the right to mount; the
 * mounts are the process's alone (a mount namespace) and go with it.
 */
#ifndef AMPHI_TESTS_SCRATCH_MOUNT_H
#define AMPHI_TESTS_SCRATCH_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

/* Called before any thread is started. false, with a line that says so: not allowed here. */
bool scratch_mount_begin(void);
/* A disk of so many bytes at `path`, which is made. Failures end the program. */
void scratch_mount_disk(const char *path, size_t bytes);
void scratch_mount_set_read_only(const char *path, bool read_only);
void scratch_mount_end(const char *path);
/* A file that takes all room that is left; unlink it to have it back. */
void scratch_mount_fill(const char *file);

#endif
