/* SPDX-License-Identifier: Apache-2.0
 *
 * Events between threads: from an engine to the driver, and from the driver to the caller. Each
 * queued event is one allocation with a copy of all that the event points to. Most carry a word or
 * two, so there is room only for what the event has (an error's message, a takeover's record).
 *
 * A queue has no lock of its own; its owner's guards it.
 */
#ifndef AMPHI_CLIENT_EVENT_QUEUE_H
#define AMPHI_CLIENT_EVENT_QUEUE_H

#include <amphi/chat.h>
#include <amphi/ext/engine.h>

#include <stdatomic.h>

typedef struct amphi_queued_event {
    struct amphi_queued_event *next;
    uint32_t attempt; /* of an engine's event: the attempt that it belongs to */
    union {
        amphi_engine_event engine; /* from an engine to the driver */
        amphi_event event;         /* from the driver to the caller */
    };
    char *text;       /* what the event's `text` is, NUL behind it */
    size_t text_room; /* bytes that it could grow to */
} amphi_queued_event;

typedef struct amphi_event_queue {
    amphi_queued_event *first;
    amphi_queued_event *last;
    atomic_uint count; /* written under the lock, also read without it */
} amphi_event_queue;

/* Copies; NULL without memory, to be freed with amphi__free. `shared`: with room for more text. */
amphi_queued_event *amphi__queued_event_from_engine(
    uint32_t attempt, const amphi_engine_event *event, bool shared);
amphi_queued_event *amphi__queued_event_for_caller(const amphi_event *event, bool shared);

void amphi__event_queue_push(amphi_event_queue *queue, amphi_queued_event *queued);
/* NULL: it is empty. */
amphi_queued_event *amphi__event_queue_pop(amphi_event_queue *queue);
void amphi__event_queue_clear(amphi_event_queue *queue);

/* Is the reader so far behind that pieces of text should share an entry? Needs no lock. */
bool amphi__event_queue_is_long(const amphi_event_queue *queue);
/* Spins for a few microseconds, until the queue is not empty. Needs no lock. */
void amphi__event_queue_spin(const amphi_event_queue *queue);

/* Adds the event's text to the last entry if that is of the same kind and source and has room.
 * false: the event needs an entry of its own. */
bool amphi__event_queue_merge_engine(
    amphi_event_queue *queue, uint32_t attempt, const amphi_engine_event *event);
bool amphi__event_queue_merge_caller(amphi_event_queue *queue, const amphi_event *event);

#endif
