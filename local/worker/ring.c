/* SPDX-License-Identifier: Apache-2.0
 *
 * The byte ring of ring.h. The parent is the consumer of the worker's events, and for it the other
 * side is hostile: see amphi__ring_read for the order copy, fence, validate, advance.
 */
#include "local/worker/ring.h"

static uint64_t padded(uint64_t size)
{
    return (size + 7) & ~(uint64_t)7;
}

void amphi__ring_init(amphi_ring *ring, amphi_ring_ends *ends, void *data, uint64_t capacity)
{
    memset(ring, 0, sizeof *ring);
    ring->ends = ends;
    ring->data = data;
    ring->capacity = capacity;
}

static void copy_in(amphi_ring *ring, uint64_t position, const void *from, size_t size)
{
    uint64_t at = position & (ring->capacity - 1);
    size_t first = size < ring->capacity - at ? size : (size_t)(ring->capacity - at);
    if (size == 0)
        return;
    memcpy(ring->data + at, from, first);
    memcpy(ring->data, (const char *)from + first, size - first);
}

static void copy_out(const amphi_ring *ring, uint64_t position, void *to, size_t size)
{
    uint64_t at = position & (ring->capacity - 1);
    size_t first = size < ring->capacity - at ? size : (size_t)(ring->capacity - at);
    if (size == 0)
        return;
    memcpy(to, ring->data + at, first);
    memcpy((char *)to + first, ring->data, size - first);
    /* The copy must be finished before it is examined: the compiler may not read the shared bytes
     * a second time in its place. */
    atomic_signal_fence(memory_order_seq_cst);
}

amphi_status amphi__ring_write(
    amphi_ring *ring, uint32_t kind, const amphi_str *parts, size_t parts_count)
{
    amphi_ring_frame frame = {.magic = AMPHI_RING_MAGIC, .kind = kind};
    uint64_t tail = atomic_load_explicit(&ring->ends->tail, memory_order_acquire);
    uint64_t at = ring->position + sizeof frame;
    uint64_t size = 0;
    for (size_t i = 0; i < parts_count; i++) {
        size += parts[i].size;
        if (size > ring->capacity)
            return AMPHI_E_LIMIT;
    }
    if (sizeof frame + padded(size) > ring->capacity)
        return AMPHI_E_LIMIT;
    if (tail > ring->position || ring->position - tail > ring->capacity)
        return AMPHI_E_PROTOCOL;
    if (sizeof frame + padded(size) > ring->capacity - (ring->position - tail))
        return AMPHI_E_BUSY;
    frame.sequence = ring->sequence + 1;
    frame.size = (uint32_t)size;
    copy_in(ring, ring->position, &frame, sizeof frame);
    for (size_t i = 0; i < parts_count; i++) {
        copy_in(ring, at, parts[i].data, parts[i].size);
        at += parts[i].size;
    }
    ring->sequence = frame.sequence;
    ring->position += sizeof frame + padded(size);
    atomic_store_explicit(&ring->ends->head, ring->position, memory_order_release);
    return AMPHI_OK;
}

amphi_status amphi__ring_read(
    amphi_ring *ring, uint32_t *kind, void *buffer, size_t capacity, size_t *size)
{
    uint64_t head = atomic_load_explicit(&ring->ends->head, memory_order_acquire);
    uint64_t available = head - ring->position;
    if (head == ring->position)
        return AMPHI_E_NOT_FOUND;
    /* A head behind us wraps to a huge difference. */
    amphi_ring_frame frame;
    if (available > ring->capacity || available < sizeof frame || available % 8 != 0)
        return AMPHI_E_PROTOCOL;
    copy_out(ring, ring->position, &frame, sizeof frame);
    if (frame.magic != AMPHI_RING_MAGIC || frame.sequence != ring->sequence + 1 ||
        padded(frame.size) > available - sizeof frame)
        return AMPHI_E_PROTOCOL;
    if (frame.size > capacity)
        return AMPHI_E_LIMIT;
    copy_out(ring, ring->position + sizeof frame, buffer, frame.size);
    ring->position += sizeof frame + padded(frame.size);
    ring->sequence = frame.sequence;
    atomic_store_explicit(&ring->ends->tail, ring->position, memory_order_release);
    *kind = frame.kind;
    *size = frame.size;
    return AMPHI_OK;
}
