/* SPDX-License-Identifier: Apache-2.0
 *
 * AMPHI_STORE=sqlcipher: the store of this build is the encrypted one.
 */
#include "storage/stores.h"

amphi_status amphi__store_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error)
{
    return amphi__store_sqlcipher_new(out, options, error);
}

amphi_status amphi__storage_measure(
    amphi_storage_figures *out, amphi_str dir, uint64_t large_bytes, amphi_error *error)
{
    return amphi__storage_measure_sqlcipher(out, dir, large_bytes, error);
}

amphi_status amphi__storage_version(char *out, size_t capacity, amphi_error *error)
{
    return amphi__store_sqlcipher_version(out, capacity, error);
}
