/* SPDX-License-Identifier: Apache-2.0
 *
 * The process's one allocator. It is set before anything else runs, so it needs no lock.
 */
#include "sdk/core/alloc.h"

#include "sdk/core/error.h"
#include "sdk/core/sized.h"

#include <stdlib.h>

static void *malloc_alloc(void *self, size_t size_bytes)
{
    return malloc(size_bytes);
}

static void *malloc_realloc(void *self, void *old, size_t size_bytes)
{
    return realloc(old, size_bytes);
}

static void malloc_free(void *self, void *memory)
{
    free(memory);
}

static const amphi_allocator malloc_allocator = {
    .struct_size = sizeof(amphi_allocator),
    .name = "malloc",
    .self = NULL,
    .alloc = malloc_alloc,
    .realloc = malloc_realloc,
    .free = malloc_free,
};

static amphi_allocator own;                                /* a copy of the app's table */
static const amphi_allocator *current = &malloc_allocator; /* or &own */

amphi_status amphi_allocator_set(const amphi_allocator *allocator, amphi_error *error)
{
    amphi__error_clear(error);
    if (allocator == NULL) {
        current = &malloc_allocator;
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
    own = table;
    current = &own;
    return AMPHI_OK;
}

void *amphi__alloc(size_t size_bytes)
{
    return current->alloc(current->self, size_bytes > 0 ? size_bytes : 1);
}

void *amphi__calloc(size_t count, size_t size_bytes)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size_bytes, &total))
        return NULL;
    void *memory = amphi__alloc(total);
    if (memory != NULL)
        memset(memory, 0, total);
    return memory;
}

void *amphi__realloc(void *old, size_t size_bytes)
{
    return current->realloc(current->self, old, size_bytes > 0 ? size_bytes : 1);
}

void *amphi__realloc_array(void *old, size_t count, size_t size_bytes)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size_bytes, &total))
        return NULL;
    return amphi__realloc(old, total);
}

void amphi__free(void *memory)
{
    if (memory != NULL)
        current->free(current->self, memory);
}

void amphi__wipe(void *memory, size_t size_bytes)
{
    if (memory != NULL && size_bytes > 0)
        explicit_bzero(memory, size_bytes);
}
