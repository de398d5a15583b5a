/* SPDX-License-Identifier: Apache-2.0
 *
 * The C library's heap, wiped: what is freed, or left behind by a block that moved, is overwritten.
 * Blocks are malloc's and free() takes them, so other libraries may be given these functions
 * (libcurl): an app that uses them too frees what it always freed.
 */
#ifndef AMPHI_CORE_HEAP_H
#define AMPHI_CORE_HEAP_H

#include <amphi/types.h>

/* From this size on malloc gives memory back to the kernel as soon as it is freed (mallopt(3):
 * M_MMAP_THRESHOLD is never above it), and a block moves without being copied. */
#define AMPHI_HEAP_MAPPED_BYTES ((size_t)32 << 20)

void *amphi__heap_alloc(size_t size_bytes);
void *amphi__heap_calloc(size_t count, size_t size_bytes);
void *amphi__heap_realloc(void *old, size_t size_bytes);
void amphi__heap_free(void *memory); /* NULL is fine */
char *amphi__heap_strdup(const char *text);
/* At least what was asked for. NULL: 0. */
size_t amphi__heap_size(const void *memory);

#endif
