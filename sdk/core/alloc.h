/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory through the one allocator of ext/allocator.h. Every function may return NULL, and every
 * caller checks. Freed memory is wiped, and so is the old place of a block that grows.
 */
#ifndef AMPHI_CORE_ALLOC_H
#define AMPHI_CORE_ALLOC_H

#include <amphi/ext/allocator.h>

/* size 0 gives a unique pointer. */
void *amphi__alloc(size_t size_bytes);
/* Zeroed; NULL as well when count * size overflows. */
void *amphi__calloc(size_t count, size_t size_bytes);
void *amphi__realloc(void *old, size_t size_bytes);
/* NULL when count * size overflows; old stays valid on failure. */
void *amphi__realloc_array(void *old, size_t count, size_t size_bytes);
void amphi__free(void *memory);
/* Overwrites with zeros in a way that no compiler removes; for what is not on this heap. */
void amphi__wipe(void *memory, size_t size_bytes);

/* For allocator.c: a whole table, which is copied; NULL: malloc. */
void amphi__alloc_use(const amphi_allocator *allocator);

#endif
