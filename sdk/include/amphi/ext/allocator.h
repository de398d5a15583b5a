/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's memory comes from one allocator for the process, malloc by default. (libcurl,
 * SQLCipher and mbedTLS use their own.) Every block is wiped before `free` is called. Tests use it
 * to make every allocation fail in turn.
 */
#ifndef AMPHI_EXT_ALLOCATOR_H
#define AMPHI_EXT_ALLOCATOR_H

#include <amphi/error.h>

AMPHI_BEGIN_DECLS

/* TABLE. Every entry is required. */
typedef struct amphi_allocator {
    size_t struct_size;
    const char *name;
    void *self;
    /* Any thread. NULL when there is no memory. size > 0. */
    void *(*alloc)(void *self, size_t size_bytes);
    /* As realloc. Called for blocks of 32 MiB and more only: smaller ones are copied and wiped. On
     * failure NULL, and old stays valid. */
    void *(*realloc)(void *self, void *old, size_t size_bytes);
    /* memory may be NULL. */
    void (*free)(void *self, void *memory);
} amphi_allocator;

/* Call before anything else of this library, and only while none of its objects exist. The table is
 * copied; NULL restores malloc. AMPHI_E_ARGUMENT names an entry that is missing; the allocator then
 * stays as it was. */
AMPHI_API amphi_status amphi_allocator_set(const amphi_allocator *allocator, amphi_error *error);

AMPHI_END_DECLS

#endif
