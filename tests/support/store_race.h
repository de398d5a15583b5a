/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes that write to one store at the same time: the test's program started again. Its main
 * begins with
 *
 *     if (store_race_is_role(argc, argv))
 *         return store_race_main(argv, add_each);
 */
#ifndef AMPHI_TESTS_STORE_RACE_H
#define AMPHI_TESTS_STORE_RACE_H

#include "storage/storage.h"

/* What process `number` (from 0) writes. It never asserts. */
typedef amphi_status store_race_fn(amphi_store store, unsigned number);

bool store_race_is_role(int argc, char **argv);
int store_race_main(char **argv, store_race_fn *write_all);

enum { STORE_RACE_MAX = 8 };

/* So many processes open the store in this folder, begin once all have, and must all end well. */
void store_race(const char *data_dir, unsigned count);

#endif
