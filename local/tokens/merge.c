/* SPDX-License-Identifier: Apache-2.0
 *
 * A binary heap of candidate pairs over a linked row of symbols.
 */
#include "local/tokens/merge.h"

#include "sdk/core/alloc.h"

void amphi__merge_clear(amphi_merge *merge)
{
    amphi__free(merge->symbols);
    amphi__free(merge->heap);
    memset(merge, 0, sizeof *merge);
}

amphi_status amphi__merge_begin(amphi_merge *merge, size_t count)
{
    merge->count = 0;
    merge->heap_count = 0;
    if (count > INT32_MAX)
        return AMPHI_E_LIMIT;
    if (count <= merge->capacity)
        return AMPHI_OK;
    size_t capacity = count < 64 ? 64 : count;
    amphi_merge_symbol *symbols = amphi__realloc_array(merge->symbols, capacity, sizeof *symbols);
    if (symbols == NULL)
        return AMPHI_E_NO_MEMORY;
    merge->symbols = symbols;
    merge->capacity = capacity;
    return AMPHI_OK;
}

static amphi_status heap_push(amphi_merge *merge, amphi_merge_pair pair)
{
    if (merge->heap_count == merge->heap_capacity) {
        size_t capacity = merge->heap_capacity == 0 ? 64 : 2 * merge->heap_capacity;
        amphi_merge_pair *heap = amphi__realloc_array(merge->heap, capacity, sizeof *heap);
        if (heap == NULL)
            return AMPHI_E_NO_MEMORY;
        merge->heap = heap;
        merge->heap_capacity = capacity;
    }
    size_t at = merge->heap_count++;
    while (at > 0 && pair.key < merge->heap[(at - 1) / 2].key) {
        merge->heap[at] = merge->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    merge->heap[at] = pair;
    return AMPHI_OK;
}

static amphi_merge_pair heap_pop(amphi_merge *merge)
{
    amphi_merge_pair top = merge->heap[0];
    amphi_merge_pair last = merge->heap[--merge->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= merge->heap_count)
            break;
        if (child + 1 < merge->heap_count && merge->heap[child + 1].key < merge->heap[child].key)
            child++;
        if (last.key <= merge->heap[child].key)
            break;
        merge->heap[at] = merge->heap[child];
        at = child;
    }
    merge->heap[at] = last;
    return top;
}

static amphi_status consider(
    amphi_merge *merge, int32_t left, int32_t right, amphi_merge_fn *joins, const void *user)
{
    if (left < 0 || right < 0)
        return AMPHI_OK;
    const amphi_merge_symbol *a = &merge->symbols[left];
    const amphi_merge_symbol *b = &merge->symbols[right];
    uint32_t order = 0;
    amphi_merge_pair pair = {0, a->size + b->size, -1};
    if (!joins(user, a, b, &order, &pair.id))
        return AMPHI_OK;
    pair.key = (uint64_t)order << 32 | (uint32_t)left;
    return heap_push(merge, pair);
}

amphi_status amphi__merge_run(amphi_merge *merge, amphi_merge_fn *joins, const void *user)
{
    amphi_status status = AMPHI_OK;
    for (size_t i = 1; i < merge->count && status == AMPHI_OK; i++) {
        status = amphi__merge_poll(merge, i);
        if (status == AMPHI_OK)
            status = consider(merge, (int32_t)i - 1, (int32_t)i, joins, user);
    }
    for (size_t step = 1; merge->heap_count > 0 && status == AMPHI_OK; step++) {
        if (amphi__merge_poll(merge, step) != AMPHI_OK)
            return AMPHI_E_CANCELLED;
        amphi_merge_pair pair = heap_pop(merge);
        int32_t at = (int32_t)(uint32_t)pair.key;
        amphi_merge_symbol *left = &merge->symbols[at];
        if (left->size == 0 || left->next < 0)
            continue;
        amphi_merge_symbol *right = &merge->symbols[left->next];
        if (left->size + right->size != pair.size)
            continue;
        left->size = pair.size;
        left->id = pair.id;
        left->next = right->next;
        right->size = 0;
        if (right->next >= 0)
            merge->symbols[right->next].prev = at;
        status = consider(merge, left->prev, at, joins, user);
        if (status == AMPHI_OK)
            status = consider(merge, at, left->next, joins, user);
    }
    return status;
}
