/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes that ask for a data folder's key at the same time.
 */
#ifndef AMPHI_TESTS_KEY_RACE_H
#define AMPHI_TESTS_KEY_RACE_H

#include "tests/support/scratch_dir.h"

#include <amphi/error.h>

typedef amphi_status key_race_fn(
    const scratch_dir *dir, uint8_t out[32], bool *created, amphi_error *error);

/* All get the same key, and one of them says that it made it. No other thread may exist yet: each
 * is a fork. */
void key_race(const scratch_dir *dir, key_race_fn *get_key);

#endif
