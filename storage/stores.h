/* SPDX-License-Identifier: Apache-2.0
 *
 * The stores that there are. CMake picks which one amphi__store_new gives (store_choose_*.c); the
 * contract test runs over both.
 */
#ifndef AMPHI_STORAGE_STORES_H
#define AMPHI_STORAGE_STORES_H

#include "storage/storage.h"

amphi_status amphi__store_sqlcipher_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error);
amphi_status amphi__store_sqlcipher_version(char *out, size_t capacity, amphi_error *error);

amphi_status amphi__storage_measure_sqlcipher(
    amphi_storage_figures *out, amphi_str dir, uint64_t large_bytes, amphi_error *error);

/* data_dir and keys are not used: its key is random and goes with it. */
amphi_status amphi__store_memory_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error);

#endif
