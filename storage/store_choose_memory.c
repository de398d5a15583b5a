/* SPDX-License-Identifier: Apache-2.0
 *
 * AMPHI_STORE=memory: the store of this build forgets everything when it is closed.
 */
#include "storage/stores.h"

#include <stdio.h>

amphi_status amphi__store_new(
    amphi_store *out, const amphi_storage_options *options, amphi_error *error)
{
    return amphi__store_memory_new(out, options, error);
}

amphi_status amphi__storage_version(char *out, size_t capacity, amphi_error *error)
{
    (void)error;
    snprintf(out, capacity, "memory (nothing is kept)");
    return AMPHI_OK;
}
