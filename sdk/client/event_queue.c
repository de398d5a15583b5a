/* SPDX-License-Identifier: Apache-2.0
 *
 * Notes and their queue.
 *
 * A reader who is far behind must not cost a note for every letter: in a long queue pieces of text
 * that follow each other share one, and so do pieces of tool calls.
 */
#include "sdk/client/event_queue.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"

/* A queue of so many notes is long; notes that are added then have room for more text. */
#define QUEUE_LONG        64u
#define SHARED_TEXT_BYTES 4096u
/* How long a reader looks for the next note before it sleeps: events come in bursts, and to sleep
 * and be woken for each costs more than the event itself. */
#define LINGER_US 4u

/* ---- one note ---- */

/* Behind a note come structs, then strings. */
_Static_assert(sizeof(amphi_note) % _Alignof(amphi_takeover) == 0 &&
                   sizeof(amphi_takeover) % _Alignof(amphi_error) == 0,
    "what is copied behind a note is aligned");

/* Copies `str` to *at, with room for `room` bytes and a NUL, and moves *at behind it. */
static amphi_str put(char **at, amphi_str str, size_t room)
{
    amphi_str copy = amphi_str_make(*at, str.size);
    if (str.size > 0)
        memcpy(*at, str.data, str.size);
    (*at)[str.size] = '\0';
    *at += room + 1;
    return copy;
}

static size_t text_room(amphi_str text, bool shared)
{
    return shared && text.size < SHARED_TEXT_BYTES ? SHARED_TEXT_BYTES : text.size;
}

/* Room for strings goes behind what needs to be aligned. */
static amphi_note *note_new(size_t structs_bytes, size_t strings_bytes)
{
    amphi_note *note = amphi__alloc(sizeof *note + structs_bytes + strings_bytes);
    if (note != NULL)
        memset(note, 0, sizeof *note);
    return note;
}

amphi_note *amphi__note_from_engine(uint32_t attempt, const amphi_engine_event *event, bool shared)
{
    size_t error_bytes = event->error != NULL ? sizeof *event->error : 0;
    size_t room = text_room(event->text, shared);
    amphi_note *note = note_new(error_bytes, room + 1 + event->logprobs.size + 1);
    if (note == NULL)
        return NULL;
    char *at = (char *)(note + 1) + error_bytes;
    note->attempt = attempt;
    note->engine = *event;
    if (event->error != NULL)
        note->engine.error = memcpy(note + 1, event->error, error_bytes);
    note->text = at;
    note->text_room = room;
    note->engine.text = put(&at, event->text, room);
    note->engine.logprobs = put(&at, event->logprobs, event->logprobs.size);
    return note;
}

amphi_note *amphi__note_for_caller(const amphi_event *event, bool shared)
{
    size_t takeover_bytes = event->takeover != NULL ? sizeof *event->takeover : 0;
    size_t error_bytes = event->error != NULL ? sizeof *event->error : 0;
    size_t room = text_room(event->text, shared);
    amphi_note *note = note_new(takeover_bytes + error_bytes,
        room + 1 + event->logprobs.size + 1 + event->route.size + 1 + event->model.size + 1);
    if (note == NULL)
        return NULL;
    char *at = (char *)(note + 1);
    note->event = *event;
    if (event->takeover != NULL)
        note->event.takeover = memcpy(at, event->takeover, takeover_bytes);
    at += takeover_bytes;
    if (event->error != NULL)
        note->event.error = memcpy(at, event->error, error_bytes);
    at += error_bytes;
    note->text = at;
    note->text_room = room;
    note->event.text = put(&at, event->text, room);
    note->event.logprobs = put(&at, event->logprobs, event->logprobs.size);
    note->event.route = put(&at, event->route, event->route.size);
    note->event.model = put(&at, event->model, event->model.size);
    return note;
}

/* ---- the queue ---- */

void amphi__notes_push(amphi_notes *notes, amphi_note *note)
{
    note->next = NULL;
    if (notes->last != NULL)
        notes->last->next = note;
    else
        notes->first = note;
    notes->last = note;
    notes->count++;
}

amphi_note *amphi__notes_pop(amphi_notes *notes)
{
    amphi_note *note = notes->first;
    if (note != NULL) {
        notes->first = note->next;
        if (notes->first == NULL)
            notes->last = NULL;
        notes->count--;
    }
    return note;
}

void amphi__notes_clear(amphi_notes *notes)
{
    for (amphi_note *note = amphi__notes_pop(notes); note != NULL; note = amphi__notes_pop(notes))
        amphi__free(note);
}

bool amphi__notes_is_long(const amphi_notes *notes)
{
    return atomic_load_explicit(&notes->count, memory_order_relaxed) >= QUEUE_LONG;
}

void amphi__notes_linger(const amphi_notes *notes)
{
    if (atomic_load_explicit(&notes->count, memory_order_relaxed) > 0)
        return;
    uint64_t until_us = amphi__clock_us(NULL) + LINGER_US;
    while (atomic_load_explicit(&notes->count, memory_order_relaxed) == 0 &&
           amphi__clock_us(NULL) < until_us)
        continue;
}

/* ---- sharing a note ---- */

/* Adds `text` to the note's, whose size is *size. Of two arrays (pieces of tool calls) one is
 * made: "[a]" and "[b]" are "[a,b]". */
static bool add_text(const amphi_note *note, size_t *size, amphi_str text, bool are_arrays)
{
    if (*size + text.size > note->text_room)
        return false;
    if (are_arrays) {
        if (text.size <= 2 || text.data[0] != '[' || *size <= 2 || note->text[*size - 1] != ']')
            return false;
        note->text[*size - 1] = ',';
        text = amphi__str_slice(text, 1, text.size);
    }
    if (text.size > 0)
        memcpy(note->text + *size, text.data, text.size);
    *size += text.size;
    note->text[*size] = '\0';
    return true;
}

bool amphi__notes_join_engine(amphi_notes *notes, uint32_t attempt, const amphi_engine_event *event)
{
    amphi_note *last = notes->last;
    return last != NULL && last->engine.kind == event->kind && last->attempt == attempt &&
           add_text(
               last, &last->engine.text.size, event->text, event->kind == AMPHI_ENGINE_TOOL_CALL);
}

bool amphi__notes_join_caller(amphi_notes *notes, const amphi_event *event)
{
    amphi_note *last = notes->last;
    return last != NULL && last->event.kind == event->kind &&
           amphi__str_equal(last->event.route, event->route) &&
           amphi__str_equal(last->event.model, event->model) &&
           add_text(
               last, &last->event.text.size, event->text, event->kind == AMPHI_EVENT_TOOL_CALL);
}
