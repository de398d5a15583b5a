/* SPDX-License-Identifier: Apache-2.0
 *
 * amphi/ext/allocator.h: checks the app's table and hands it to alloc.c, which everything else in
 * core stands on and which therefore includes none of it.
 */
#include "sdk/core/alloc.h"
#include "sdk/core/error.h"
#include "sdk/core/sized.h"

amphi_status amphi_allocator_set(const amphi_allocator *allocator, amphi_error *error)
{
    amphi__error_clear(error);
    if (allocator == NULL) {
        amphi__alloc_use(NULL);
        return AMPHI_OK;
    }
    amphi_allocator table;
    amphi_status status = AMPHI__SIZED_READ_KNOWN(&table, allocator, "allocator", error);
    if (status != AMPHI_OK)
        return status;
    if (table.alloc == NULL || table.realloc == NULL || table.free == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0,
            "allocator.%s: NULL, or not within struct_size",
            table.alloc == NULL ? "alloc" : (table.realloc == NULL ? "realloc" : "free"));
    amphi__alloc_use(&table);
    return AMPHI_OK;
}
