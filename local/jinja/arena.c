/* SPDX-License-Identifier: Apache-2.0
 *
 * The interpreter's arena: chunks that double in size up to 1 MiB, freed together.
 */
#include "local/jinja/arena.h"

#include "sdk/core/alloc.h"

#define FIRST_CHUNK_BYTES ((size_t)8 << 10)
#define LAST_CHUNK_BYTES  ((size_t)1 << 20)
#define ALIGNMENT         16u

struct jinja_chunk {
    jinja_chunk *next;
    size_t size_bytes;
};

#define CHUNK_HEADER ((sizeof(jinja_chunk) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)

void amphi__jinja_arena_init(jinja_arena *arena, size_t limit_bytes)
{
    memset(arena, 0, sizeof *arena);
    arena->limit_bytes = limit_bytes;
}

void amphi__jinja_arena_clear(jinja_arena *arena)
{
    while (arena->chunks != NULL) {
        jinja_chunk *next = arena->chunks->next;
        amphi__free(arena->chunks);
        arena->chunks = next;
    }
    amphi__jinja_arena_init(arena, arena->limit_bytes);
}

static bool add_chunk(jinja_arena *arena, size_t need)
{
    size_t size = arena->chunks != NULL ? arena->chunks->size_bytes * 2 : FIRST_CHUNK_BYTES;
    if (size > LAST_CHUNK_BYTES)
        size = LAST_CHUNK_BYTES;
    if (size < need)
        size = need;
    if (need > arena->limit_bytes || arena->total_bytes > arena->limit_bytes - need) {
        arena->status = AMPHI_E_LIMIT;
        return false;
    }
    jinja_chunk *chunk = amphi__alloc(CHUNK_HEADER + size);
    if (chunk == NULL) {
        arena->status = AMPHI_E_NO_MEMORY;
        return false;
    }
    chunk->next = arena->chunks;
    chunk->size_bytes = size;
    arena->chunks = chunk;
    arena->total_bytes += size;
    arena->cursor = (char *)chunk + CHUNK_HEADER;
    arena->end = arena->cursor + size;
    return true;
}

char *amphi__jinja_alloc_text(jinja_arena *arena, size_t size_bytes)
{
    if ((size_t)(arena->end - arena->cursor) < size_bytes || arena->chunks == NULL) {
        if (!add_chunk(arena, size_bytes))
            return NULL;
    }
    char *text = arena->cursor;
    arena->cursor += size_bytes;
    return text;
}

void *amphi__jinja_alloc(jinja_arena *arena, size_t size_bytes)
{
    size_t left = (size_t)(arena->end - arena->cursor);
    size_t pad = (size_t)(-(uintptr_t)arena->cursor) & (ALIGNMENT - 1);
    if (arena->chunks == NULL || left < pad || left - pad < size_bytes) {
        if (!add_chunk(arena, size_bytes))
            return NULL;
        pad = 0; /* a chunk's first byte is aligned */
    }
    void *memory = arena->cursor + pad;
    arena->cursor += pad + size_bytes;
    return memset(memory, 0, size_bytes);
}

void *amphi__jinja_alloc_array(jinja_arena *arena, size_t count, size_t item_bytes)
{
    if (count > arena->limit_bytes / item_bytes) {
        arena->status = AMPHI_E_LIMIT;
        return NULL;
    }
    return amphi__jinja_alloc(arena, count * item_bytes);
}

void *amphi__jinja_grow(
    jinja_arena *arena, void *items, size_t count, size_t *capacity, size_t item_bytes)
{
    if (count < *capacity)
        return items;
    size_t wanted = *capacity < 4 ? 4 : *capacity * 2;
    void *grown = amphi__jinja_alloc_array(arena, wanted, item_bytes);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, items, count * item_bytes);
    *capacity = wanted;
    return grown;
}

bool amphi__jinja_concat(jinja_arena *arena, amphi_str a, amphi_str b, amphi_str *out)
{
    if (b.size == 0 || a.size == 0) {
        *out = b.size == 0 ? a : b;
        return true;
    }
    if (a.data + a.size == arena->cursor && (size_t)(arena->end - arena->cursor) >= b.size) {
        memcpy(arena->cursor, b.data, b.size);
        arena->cursor += b.size;
        *out = amphi_str_make(a.data, a.size + b.size);
        return true;
    }
    char *text = amphi__jinja_alloc_text(arena, a.size + b.size);
    if (text == NULL)
        return false;
    memcpy(text, a.data, a.size);
    memcpy(text + a.size, b.data, b.size);
    *out = amphi_str_make(text, a.size + b.size);
    return true;
}

bool amphi__jinja_copy(jinja_arena *arena, amphi_str text, amphi_str *out)
{
    char *copy = amphi__jinja_alloc_text(arena, text.size);
    if (copy == NULL)
        return false;
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    *out = amphi_str_make(copy, text.size);
    return true;
}
