/* SPDX-License-Identifier: Apache-2.0
 *
 * Queued events and their queue.
 *
 * A slow reader must not cost one allocation per token: in a long queue, pieces of text that follow
 * each other share one entry, and so do pieces of tool calls.
 */
#include "sdk/client/event_queue.h"

#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"

/* A queue of so many entries is long; entries that are added then have room for more text. */
#define QUEUE_LONG        64u
#define SHARED_TEXT_BYTES 4096u
/* How long a reader spins before it sleeps: events come in bursts, and to sleep and wake for each
 * costs more than the event itself. */
#define SPIN_US 4u

/* ---- one queued event ---- */

/* Behind a queued event come structs, then strings. */
_Static_assert(sizeof(amphi_queued_event) % _Alignof(amphi_takeover) == 0 &&
                   sizeof(amphi_takeover) % _Alignof(amphi_provider_error) == 0 &&
                   sizeof(amphi_queued_event) % _Alignof(amphi_provider_error) == 0 &&
                   sizeof(amphi_takeover) % _Alignof(amphi_error) == 0 &&
                   sizeof(amphi_provider_error) % _Alignof(amphi_error) == 0,
    "what is copied behind a queued event is aligned");

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

/* Copies a struct to *at and moves *at behind it. NULL: there is none. */
static const void *put_struct(char **at, const void *from, size_t size)
{
    if (from == NULL)
        return NULL;
    void *copy = memcpy(*at, from, size);
    *at += size;
    return copy;
}

/* Room for strings goes behind what needs to be aligned. */
static amphi_queued_event *queued_event_new(size_t structs_bytes, size_t strings_bytes)
{
    amphi_queued_event *queued = amphi__alloc(sizeof *queued + structs_bytes + strings_bytes);
    if (queued != NULL)
        memset(queued, 0, sizeof *queued);
    return queued;
}

amphi_queued_event *amphi__queued_event_from_engine(
    uint32_t attempt, const amphi_engine_event *event, bool shared)
{
    size_t structs_bytes = (event->error != NULL ? sizeof *event->error : 0) +
                           (event->provider != NULL ? sizeof *event->provider : 0);
    size_t room = text_room(event->text, shared);
    amphi_queued_event *queued =
        queued_event_new(structs_bytes, room + 1 + event->logprobs.size + 1);
    if (queued == NULL)
        return NULL;
    char *at = (char *)(queued + 1);
    queued->attempt = attempt;
    queued->engine = *event;
    queued->engine.provider = put_struct(&at, event->provider, sizeof *event->provider);
    queued->engine.error = put_struct(&at, event->error, sizeof *event->error);
    queued->text = at;
    queued->text_room = room;
    queued->engine.text = put(&at, event->text, room);
    queued->engine.logprobs = put(&at, event->logprobs, event->logprobs.size);
    return queued;
}

amphi_queued_event *amphi__queued_event_for_caller(const amphi_event *event, bool shared)
{
    size_t structs_bytes = (event->takeover != NULL ? sizeof *event->takeover : 0) +
                           (event->provider != NULL ? sizeof *event->provider : 0) +
                           (event->error != NULL ? sizeof *event->error : 0);
    size_t room = text_room(event->text, shared);
    amphi_queued_event *queued =
        queued_event_new(structs_bytes, room + 1 + event->logprobs.size + 1 + event->route.size +
                                            1 + event->model.size + 1 + event->extra_json.size + 1);
    if (queued == NULL)
        return NULL;
    char *at = (char *)(queued + 1);
    queued->event = *event;
    queued->event.takeover = put_struct(&at, event->takeover, sizeof *event->takeover);
    queued->event.provider = put_struct(&at, event->provider, sizeof *event->provider);
    queued->event.error = put_struct(&at, event->error, sizeof *event->error);
    queued->text = at;
    queued->text_room = room;
    queued->event.text = put(&at, event->text, room);
    queued->event.logprobs = put(&at, event->logprobs, event->logprobs.size);
    queued->event.route = put(&at, event->route, event->route.size);
    queued->event.model = put(&at, event->model, event->model.size);
    queued->event.extra_json = put(&at, event->extra_json, event->extra_json.size);
    return queued;
}

/* ---- the queue ---- */

void amphi__event_queue_push(amphi_event_queue *queue, amphi_queued_event *queued)
{
    queued->next = NULL;
    if (queue->last != NULL)
        queue->last->next = queued;
    else
        queue->first = queued;
    queue->last = queued;
    queue->count++;
}

amphi_queued_event *amphi__event_queue_pop(amphi_event_queue *queue)
{
    amphi_queued_event *queued = queue->first;
    if (queued != NULL) {
        queue->first = queued->next;
        if (queue->first == NULL)
            queue->last = NULL;
        queue->count--;
    }
    return queued;
}

void amphi__event_queue_clear(amphi_event_queue *queue)
{
    for (amphi_queued_event *queued = amphi__event_queue_pop(queue); queued != NULL;
         queued = amphi__event_queue_pop(queue))
        amphi__free(queued);
}

bool amphi__event_queue_is_long(const amphi_event_queue *queue)
{
    return atomic_load_explicit(&queue->count, memory_order_relaxed) >= QUEUE_LONG;
}

void amphi__event_queue_spin(const amphi_event_queue *queue)
{
    if (atomic_load_explicit(&queue->count, memory_order_relaxed) > 0)
        return;
    uint64_t until_us = amphi__clock_us(NULL) + SPIN_US;
    while (atomic_load_explicit(&queue->count, memory_order_relaxed) == 0 &&
           amphi__clock_us(NULL) < until_us)
        continue;
}

/* ---- sharing an entry ---- */

/* Appends `text` to the entry's text, whose size is *size. Two arrays (pieces of tool calls) become
 * one: "[a]" and "[b]" give "[a,b]". */
static bool add_text(
    const amphi_queued_event *queued, size_t *size, amphi_str text, bool are_arrays)
{
    if (*size + text.size > queued->text_room)
        return false;
    if (are_arrays) {
        if (text.size <= 2 || text.data[0] != '[' || *size <= 2 || queued->text[*size - 1] != ']')
            return false;
        queued->text[*size - 1] = ',';
        text = amphi__str_slice(text, 1, text.size);
    }
    if (text.size > 0)
        memcpy(queued->text + *size, text.data, text.size);
    *size += text.size;
    queued->text[*size] = '\0';
    return true;
}

bool amphi__event_queue_merge_engine(
    amphi_event_queue *queue, uint32_t attempt, const amphi_engine_event *event)
{
    amphi_queued_event *last = queue->last;
    return last != NULL && last->engine.kind == event->kind && last->attempt == attempt &&
           add_text(
               last, &last->engine.text.size, event->text, event->kind == AMPHI_ENGINE_TOOL_CALL);
}

bool amphi__event_queue_merge_caller(amphi_event_queue *queue, const amphi_event *event)
{
    amphi_queued_event *last = queue->last;
    return last != NULL && last->event.kind == event->kind &&
           amphi__str_equal(last->event.route, event->route) &&
           amphi__str_equal(last->event.model, event->model) &&
           add_text(
               last, &last->event.text.size, event->text, event->kind == AMPHI_EVENT_TOOL_CALL);
}
