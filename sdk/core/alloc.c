/* SPDX-License-Identifier: Apache-2.0
 *
 * The process's one allocator. It is set before anything else runs, so it needs no lock. Whatever
 * is freed is wiped first, because any of it may hold what was said; and so is what a block that
 * grows leaves behind. (What that costs: sdk/docs/decisions/0013-wiped-memory.md.)
 */
#include "sdk/core/alloc.h"

#include "sdk/core/heap.h"

#include <stddef.h>
#include <stdlib.h>

/* gcc says so itself; clang is asked. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

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

/* ---- blocks ---- */

/* Stands in front of each block, for the wiping. */
typedef union front {
    size_t size_bytes;
    max_align_t alignment;
} front;

/* AddressSanitizer reports who writes in front of a block. */
#ifdef __SANITIZE_ADDRESS__
static void guard(front *block)
{
    ASAN_POISON_MEMORY_REGION(block, sizeof *block);
}

static front *front_of(void *memory)
{
    front *block = (front *)memory - 1;
    ASAN_UNPOISON_MEMORY_REGION(block, sizeof *block);
    return block;
}
#else
static void guard(front *block)
{
}

static front *front_of(void *memory)
{
    return (front *)memory - 1;
}
#endif

static void *hand_out(front *block, size_t size_bytes)
{
    if (block == NULL)
        return NULL;
    block->size_bytes = size_bytes;
    guard(block);
    return block + 1;
}

void *amphi__alloc(size_t size_bytes)
{
    size_t total = 0;
    if (__builtin_add_overflow(size_bytes, sizeof(front), &total))
        return NULL;
    return hand_out(current->alloc(current->self, total), size_bytes);
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

/* A large block is moved by the kernel, which leaves nothing behind. */
static void *move_large(front *block, size_t size_bytes)
{
    size_t total = 0;
    front *moved = NULL;
    if (!__builtin_add_overflow(size_bytes, sizeof(front), &total))
        moved = current->realloc(current->self, block, total);
    if (moved == NULL)
        guard(block);
    return hand_out(moved, size_bytes);
}

void *amphi__realloc(void *old, size_t size_bytes)
{
    if (old == NULL)
        return amphi__alloc(size_bytes);
    front *block = front_of(old);
    size_t had = block->size_bytes;
    if (had >= AMPHI_HEAP_MAPPED_BYTES)
        return move_large(block, size_bytes);
    guard(block);
    void *memory = amphi__alloc(size_bytes);
    if (memory == NULL)
        return NULL;
    memcpy(memory, old, had < size_bytes ? had : size_bytes);
    amphi__free(old);
    return memory;
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
    if (memory == NULL)
        return;
    front *block = front_of(memory);
    if (block->size_bytes < AMPHI_HEAP_MAPPED_BYTES)
        amphi__wipe(memory, block->size_bytes);
    current->free(current->self, block);
}

void amphi__wipe(void *memory, size_t size_bytes)
{
    if (memory != NULL && size_bytes > 0)
        explicit_bzero(memory, size_bytes);
}
