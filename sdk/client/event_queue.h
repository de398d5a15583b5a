/* SPDX-License-Identifier: Apache-2.0
 *
 * Events on their way, from an engine to the driver and from the driver to the caller: a queue of
 * notes, each one allocation with a copy of all that its event points to. Most carry a word or
 * two, so a note has no room for what its event has not (an error's message, a takeover's story).
 *
 * A queue has no lock of its own; its owner's guards it.
 */
#ifndef AMPHI_CLIENT_EVENT_QUEUE_H
#define AMPHI_CLIENT_EVENT_QUEUE_H

#include <amphi/chat.h>
#include <amphi/ext/engine.h>

#include <stdatomic.h>

typedef struct amphi_note {
    struct amphi_note *next;
    uint32_t attempt; /* of an engine's event: which attempt it is from */
    union {
        amphi_engine_event engine; /* from an engine to the driver */
        amphi_event event;         /* from the driver to the caller */
    };
    char *text;       /* what the event's `text` is, NUL behind it */
    size_t text_room; /* bytes that it could grow to */
} amphi_note;

typedef struct amphi_notes {
    amphi_note *first;
    amphi_note *last;
    atomic_uint count; /* changed under the lock, looked at without it as well */
} amphi_notes;

/* Copies; NULL without memory, to be freed with amphi__free. `shared`: with room for more text. */
amphi_note *amphi__note_from_engine(uint32_t attempt, const amphi_engine_event *event, bool shared);
amphi_note *amphi__note_for_caller(const amphi_event *event, bool shared);

void amphi__notes_push(amphi_notes *notes, amphi_note *note);
/* NULL: it is empty. */
amphi_note *amphi__notes_pop(amphi_notes *notes);
void amphi__notes_clear(amphi_notes *notes);

/* Is the reader so far behind that pieces of text should share notes? Needs no lock. */
bool amphi__notes_is_long(const amphi_notes *notes);
/* Waits a moment for the first note. Needs no lock. */
void amphi__notes_linger(const amphi_notes *notes);

/* Adds the event's text to the last note if it is of the same kind and source and has room; false:
 * it wants a note of its own. */
bool amphi__notes_join_engine(
    amphi_notes *notes, uint32_t attempt, const amphi_engine_event *event);
bool amphi__notes_join_caller(amphi_notes *notes, const amphi_event *event);

#endif
