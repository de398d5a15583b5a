/* SPDX-License-Identifier: Apache-2.0
 *
 * A store on disk in a folder of its own, with its keys in a file there.
 */
#ifndef AMPHI_TESTS_OWN_STORE_H
#define AMPHI_TESTS_OWN_STORE_H

#include "storage/storage.h"
#include "tests/support/scratch_dir.h"

typedef struct own_store {
    scratch_dir dir;
    amphi_keys keys;
    amphi_store store;
} own_store;

void own_store_begin(own_store *own);
void own_store_end(own_store *own);
/* The folder stays; opened again by own_store_open. */
void own_store_close(own_store *own);
void own_store_open(own_store *own);

#endif
