/* SPDX-License-Identifier: Apache-2.0
 *
 * Another process that has a file open and waits for its lock, while the test puts another file in
 * that one's place. It is made before the test opens the file itself: what SQLite notes of a
 * process's locks would be taken along.
 */
#ifndef AMPHI_TESTS_FILE_WAITER_H
#define AMPHI_TESTS_FILE_WAITER_H

#include <sys/types.h>

typedef struct file_waiter {
    pid_t pid;
    int go;
} file_waiter;

/* Failures end the program. `work` runs in the other process, which then exits with its answer. */
void file_waiter_make(file_waiter *waiter, int (*work)(void));
/* Lets it run, and returns once it has the file open that is at `path` now. */
void file_waiter_begin(const file_waiter *waiter, const char *path);
/* Waits for its end; what it answered. */
int file_waiter_end(const file_waiter *waiter);

#endif
