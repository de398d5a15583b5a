/* SPDX-License-Identifier: Apache-2.0
 *
 * Another process that holds the write lock of a store: the test's program started again. Its main
 * begins with
 *
 *     if (lock_holder_is_role(argc, argv))
 *         return lock_holder_main(argv);
 */
#ifndef AMPHI_TESTS_LOCK_HOLDER_H
#define AMPHI_TESTS_LOCK_HOLDER_H

#include "storage/storage.h"

#include <sys/types.h>

typedef struct lock_holder {
    pid_t pid;
    int in, out;
} lock_holder;

bool lock_holder_is_role(int argc, char **argv);
int lock_holder_main(char **argv);

/* Returns once the lock is held. Failures end the program. */
void lock_holder_begin(lock_holder *holder, const char *data_dir);
/* Lets go, also when it was stopped, and waits for its end. */
void lock_holder_end(lock_holder *holder);

/* The store in a data folder, with keys in a file. */
amphi_status lock_holder_open(amphi_store *store, amphi_keys *keys, const char *data_dir);

#endif
