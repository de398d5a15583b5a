/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of the template interpreter: one arena for a compiled template, one for each render.
 * Allocations are freed together, never one by one, so no error path can leak. The limit holds from
 * the first allocation on, and `status` holds the reason of the first failure.
 */
#ifndef AMPHI_JINJA_ARENA_H
#define AMPHI_JINJA_ARENA_H

#include <amphi/error.h>

typedef struct jinja_chunk jinja_chunk;

typedef struct jinja_arena {
    jinja_chunk *chunks;
    char *cursor; /* free bytes of the newest chunk: [cursor, end) */
    char *end;
    size_t total_bytes;
    size_t limit_bytes; /* no chunk is added beyond it; the last one (1 MiB at most) may cross it */
    amphi_status status;
} jinja_arena;

void amphi__jinja_arena_init(jinja_arena *arena, size_t limit_bytes);
void amphi__jinja_arena_clear(jinja_arena *arena);
/* Zeroed and aligned for any struct of ours; NULL sets `status`. */
void *amphi__jinja_alloc(jinja_arena *arena, size_t size_bytes);
void *amphi__jinja_alloc_array(jinja_arena *arena, size_t count, size_t item_bytes);
/* Unaligned, not zeroed: text. */
char *amphi__jinja_alloc_text(jinja_arena *arena, size_t size_bytes);
/* The array with room for one more item, doubled when it is full; NULL when memory ran out. */
void *amphi__jinja_grow(
    jinja_arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes);
/* `a` followed by `b`. When `a` ends where free memory begins, only `b` is copied: building a text
 * piece by piece stays linear. */
bool amphi__jinja_concat(jinja_arena *arena, amphi_str a, amphi_str b, amphi_str *out);
bool amphi__jinja_copy(jinja_arena *arena, amphi_str text, amphi_str *out);

#endif
