/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames in a byte ring in shared memory: one producer, one consumer, in two processes that need
 * not trust each other. Positions count bytes from the ring's birth and never go back; each side
 * keeps its own position in private memory, publishes it in `ends`, and believes the other's only
 * within [own, own + capacity]. A frame is copied out before any of its fields is read, so a
 * peer that changes it meanwhile changes nothing. The caller wakes the other side.
 */
#ifndef AMPHI_WORKER_RING_H
#define AMPHI_WORKER_RING_H

#include <amphi/error.h>

#include <stdalign.h>
#include <stdatomic.h>

typedef struct amphi_ring_ends {
    alignas(64) _Atomic uint64_t head; /* written by the producer: bytes produced */
    alignas(64) _Atomic uint64_t tail; /* written by the consumer: bytes consumed */
} amphi_ring_ends;

/* What stands before each payload; frames start at multiples of 8. */
typedef struct amphi_ring_frame {
    uint32_t magic;    /* AMPHI_RING_MAGIC */
    uint32_t sequence; /* 1, 2, 3, ... per ring, wrapping */
    uint32_t kind;     /* of the message */
    uint32_t size;     /* of the payload, without its padding */
} amphi_ring_frame;

#define AMPHI_RING_MAGIC 0x52464d41u

/* One side's private view. */
typedef struct amphi_ring {
    amphi_ring_ends *ends;
    uint8_t *data;
    uint64_t capacity; /* bytes, a power of two */
    uint64_t position; /* producer: head; consumer: tail */
    uint32_t sequence; /* of the last frame written or read */
} amphi_ring;

void amphi__ring_init(amphi_ring *ring, amphi_ring_ends *ends, void *data, uint64_t capacity);

/* Producer: one frame that consists of `parts`. AMPHI_E_BUSY: no room now; AMPHI_E_LIMIT: there
 * will never be; AMPHI_E_PROTOCOL: the consumer's position is impossible. */
amphi_status amphi__ring_write(
    amphi_ring *ring, uint32_t kind, const amphi_str *parts, size_t parts_count);

/* Consumer: the next frame's payload into buffer. AMPHI_E_NOT_FOUND: none; AMPHI_E_PROTOCOL: the
 * producer broke a rule (the ring is of no more use); AMPHI_E_LIMIT: longer than `capacity`,
 * which is a broken rule as well for a caller that knows its longest message. */
amphi_status amphi__ring_read(
    amphi_ring *ring, uint32_t *kind, void *buffer, size_t capacity, size_t *size);

#endif
