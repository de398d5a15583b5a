/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop that SentencePiece and BPE share: a row of symbols, and again and again the best pair
 * of neighbours becomes one symbol; of equally good pairs the leftmost is taken. A heap holds the
 * pairs, so n symbols cost O(n log n). Pairs that went stale are recognized by their size: a
 * symbol only ever grows.
 */
#ifndef AMPHI_TOKENS_MERGE_H
#define AMPHI_TOKENS_MERGE_H

#include "sdk/core/cancel.h"

#include <amphi/error.h>

typedef struct amphi_merge_symbol {
    uint32_t at;   /* in the text */
    uint32_t size; /* 0: merged into its left neighbour */
    int32_t prev;  /* -1: none */
    int32_t next;
    int32_t id; /* -1: no such symbol */
} amphi_merge_symbol;

typedef struct amphi_merge_pair {
    uint64_t key; /* order << 32 | index of the left symbol: the smallest goes first */
    uint32_t size;
    int32_t id;
} amphi_merge_pair;

/* Working memory, kept from word to word; zero-initialize, set `cancel` where there is one. */
typedef struct amphi_merge {
    const amphi_cancel *cancel; /* borrowed; NULL: none */
    amphi_merge_symbol *symbols;
    size_t count;
    size_t capacity;
    amphi_merge_pair *heap;
    size_t heap_count;
    size_t heap_capacity;
} amphi_merge;

/* Do the two join? Then *order (smaller: earlier) and the joined symbol's *id. */
typedef bool amphi_merge_fn(const void *user, const amphi_merge_symbol *left,
    const amphi_merge_symbol *right, uint32_t *order, int32_t *id);

void amphi__merge_clear(amphi_merge *merge);
/* For loops over a text: AMPHI_E_CANCELLED once the mark is set, read with every 1,024th step. */
static inline amphi_status amphi__merge_poll(const amphi_merge *merge, size_t step)
{
    return step % 1024 == 0 && amphi__cancel_is_set(merge->cancel) ? AMPHI_E_CANCELLED : AMPHI_OK;
}
/* Forgets the row and makes room for `count` symbols. */
amphi_status amphi__merge_begin(amphi_merge *merge, size_t count);
static inline void amphi__merge_push(amphi_merge *merge, uint32_t at, uint32_t size, int32_t id)
{
    amphi_merge_symbol *symbol = &merge->symbols[merge->count];
    symbol->at = at;
    symbol->size = size;
    symbol->prev = (int32_t)merge->count - 1;
    symbol->next = -1;
    symbol->id = id;
    if (merge->count > 0)
        merge->symbols[merge->count - 1].next = (int32_t)merge->count;
    merge->count++;
}
/* Afterwards walk from symbols[0] along `next`. AMPHI_E_NO_MEMORY, AMPHI_E_CANCELLED. */
amphi_status amphi__merge_run(amphi_merge *merge, amphi_merge_fn *joins, const void *user);

#endif
