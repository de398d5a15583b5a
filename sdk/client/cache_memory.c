/* SPDX-License-Identifier: Apache-2.0
 *
 * An array of entries, chained by the first bytes of their keys (which are HMACs, so they spread by
 * themselves). Finding is one short chain; making room looks at every entry, which is as long as
 * copying a long answer.
 */
#include "sdk/client/cache_memory.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"
#include "sdk/core/thread.h"

#define CHAINS 1024u /* a power of two */

typedef struct entry {
    uint8_t key[AMPHI_CACHE_KEY_BYTES];
    amphi_cached_answer answer; /* text NULL: a free entry */
    int64_t until_ms;
    uint64_t used; /* larger is later */
    uint16_t next; /* in its chain; index + 1, 0 ends it */
} entry;

struct amphi_cache_memory {
    amphi_mutex lock; /* guards what follows */
    uint64_t uses;
    uint64_t generation;
    uint16_t chains[CHAINS]; /* index + 1; 0: empty */
    entry entries[AMPHI_CACHE_MEMORY_ENTRIES];
};

amphi_cache_memory *amphi__cache_memory_new(void)
{
    amphi_cache_memory *memory = amphi__calloc(1, sizeof *memory);
    if (memory != NULL && amphi__mutex_init(&memory->lock) != AMPHI_OK) {
        amphi__free(memory);
        memory = NULL;
    }
    return memory;
}

static uint16_t *chain_of(amphi_cache_memory *memory, const uint8_t *key)
{
    return &memory->chains[(key[0] | (unsigned)key[1] << 8) & (CHAINS - 1)];
}

static entry *find(amphi_cache_memory *memory, const uint8_t *key)
{
    for (uint16_t i = *chain_of(memory, key); i != 0; i = memory->entries[i - 1].next)
        if (memcmp(memory->entries[i - 1].key, key, AMPHI_CACHE_KEY_BYTES) == 0)
            return &memory->entries[i - 1];
    return NULL;
}

static void take_out(amphi_cache_memory *memory, entry *e)
{
    uint16_t number = (uint16_t)(e - memory->entries + 1);
    uint16_t *link = chain_of(memory, e->key);
    while (*link != number)
        link = &memory->entries[*link - 1].next;
    *link = e->next;
    amphi__cached_answer_clear(&e->answer);
    memset(e, 0, sizeof *e);
}

void amphi__cache_memory_clear(amphi_cache_memory *memory)
{
    amphi__mutex_lock(&memory->lock);
    memory->generation++;
    for (size_t i = 0; i < AMPHI_CACHE_MEMORY_ENTRIES; i++)
        if (memory->entries[i].answer.text != NULL)
            take_out(memory, &memory->entries[i]);
    amphi__mutex_unlock(&memory->lock);
}

void amphi__cache_memory_free(amphi_cache_memory *memory)
{
    if (memory == NULL)
        return;
    amphi__cache_memory_clear(memory);
    amphi__mutex_clear(&memory->lock);
    amphi__free(memory);
}

amphi_status amphi__cache_memory_get(amphi_cache_memory *memory,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], int64_t now_ms, amphi_cached_answer *out)
{
    amphi_status status = AMPHI_E_NOT_FOUND;
    amphi__mutex_lock(&memory->lock);
    entry *e = find(memory, key);
    if (e != NULL && e->until_ms > now_ms) {
        e->used = ++memory->uses;
        status = amphi__cached_answer_copy(out, &e->answer);
    }
    amphi__mutex_unlock(&memory->lock);
    return status;
}

/* A free entry, or the least recently used one, emptied. */
static entry *make_room(amphi_cache_memory *memory)
{
    entry *oldest = &memory->entries[0];
    for (size_t i = 0; i < AMPHI_CACHE_MEMORY_ENTRIES; i++) {
        entry *e = &memory->entries[i];
        if (e->answer.text == NULL)
            return e;
        if (e->used < oldest->used)
            oldest = e;
    }
    take_out(memory, oldest);
    return oldest;
}

void amphi__cache_memory_put(amphi_cache_memory *memory, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    const amphi_cached_answer *answer, int64_t until_ms, uint64_t generation)
{
    amphi_cached_answer copy;
    bool has_copy = amphi__cached_answer_copy(&copy, answer) == AMPHI_OK;
    amphi__mutex_lock(&memory->lock);
    bool is_current = generation == memory->generation;
    entry *old = is_current ? find(memory, key) : NULL;
    if (old != NULL) /* also when the new one can't be kept: the old one is no longer right */
        take_out(memory, old);
    if (has_copy && is_current) {
        entry *e = make_room(memory);
        uint16_t *chain = chain_of(memory, key);
        memcpy(e->key, key, AMPHI_CACHE_KEY_BYTES);
        e->answer = copy;
        e->until_ms = until_ms;
        e->used = ++memory->uses;
        e->next = *chain;
        *chain = (uint16_t)(e - memory->entries + 1);
    }
    amphi__mutex_unlock(&memory->lock);
    if (has_copy && !is_current)
        amphi__cached_answer_clear(&copy);
}

uint64_t amphi__cache_memory_generation(amphi_cache_memory *memory)
{
    amphi__mutex_lock(&memory->lock);
    uint64_t generation = memory->generation;
    amphi__mutex_unlock(&memory->lock);
    return generation;
}
