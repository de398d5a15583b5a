/* SPDX-License-Identifier: Apache-2.0
 *
 * The first level of the response cache: a bounded number of answers in this client's memory, the
 * least recently used ones go. Any thread.
 */
#ifndef AMPHI_CLIENT_CACHE_MEMORY_H
#define AMPHI_CLIENT_CACHE_MEMORY_H

#include "sdk/client/cached_answer.h"

#include <amphi/ext/store.h>

#define AMPHI_CACHE_MEMORY_ENTRIES 1000

typedef struct amphi_cache_memory amphi_cache_memory;

amphi_cache_memory *amphi__cache_memory_new(void); /* NULL: no memory */
void amphi__cache_memory_free(amphi_cache_memory *memory);

/* A copy of the key's answer, for amphi__cached_answer_clear; it may be stale. AMPHI_E_NOT_FOUND:
 * none, or it was forgotten at until_ms. */
amphi_status amphi__cache_memory_get(amphi_cache_memory *memory,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], int64_t now_ms, amphi_cached_answer *out);
/* Keeps a copy until until_ms (Unix time), in place of what the key had, unless everything was
 * forgotten since `generation` was asked for. Without memory for it, it is not kept. */
void amphi__cache_memory_put(amphi_cache_memory *memory, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    const amphi_cached_answer *answer, int64_t until_ms, uint64_t generation);
/* Grows whenever everything is forgotten. */
uint64_t amphi__cache_memory_generation(amphi_cache_memory *memory);
void amphi__cache_memory_clear(amphi_cache_memory *memory);

#endif
