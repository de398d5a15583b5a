/* SPDX-License-Identifier: Apache-2.0
 *
 * The process's one allocator. It is set before anything else runs, so it needs no lock.
 */
#include "sdk/core/alloc.h"

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

void amphi__alloc_use(const amphi_allocator *allocator)
{
    own = allocator != NULL ? *allocator : malloc_allocator;
    current = allocator != NULL ? &own : &malloc_allocator;
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
