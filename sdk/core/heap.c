/* SPDX-License-Identifier: Apache-2.0
 *
 * malloc's family, with explicit_bzero before every free.
 */
#include "sdk/core/heap.h"

#include "sdk/core/alloc.h"

#include <stdlib.h>

#ifdef __APPLE__
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

size_t amphi__heap_size(const void *memory)
{
#ifdef __APPLE__
    return malloc_size(memory);
#else
    return malloc_usable_size((void *)(uintptr_t)memory);
#endif
}

void *amphi__heap_alloc(size_t size_bytes)
{
    return malloc(size_bytes);
}

void *amphi__heap_calloc(size_t count, size_t size_bytes)
{
    return calloc(count, size_bytes);
}

void *amphi__heap_realloc(void *old, size_t size_bytes)
{
    size_t had = amphi__heap_size(old);
    if (old == NULL || had >= AMPHI_HEAP_MAPPED_BYTES)
        return realloc(old, size_bytes);
    void *memory = malloc(size_bytes);
    if (memory == NULL)
        return NULL;
    memcpy(memory, old, had < size_bytes ? had : size_bytes);
    amphi__heap_free(old);
    return memory;
}

void amphi__heap_free(void *memory)
{
    size_t size = amphi__heap_size(memory);
    if (size < AMPHI_HEAP_MAPPED_BYTES)
        amphi__wipe(memory, size);
    free(memory);
}

char *amphi__heap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}
