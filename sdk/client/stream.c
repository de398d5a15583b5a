/* SPDX-License-Identifier: Apache-2.0
 *
 * The two queues of a request, and the caller's verbs: start, next, cancel, free.
 *
 * A reader who is far behind must not cost a kilobyte for every letter: in a long queue pieces of
 * text that follow each other share a note, and so do pieces of tool calls.
 */
#include "sdk/client/stream.h"

#include "sdk/client/courier.h"
#include "sdk/client/decide.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* A queue of so many notes is long; notes that are added then have room for more text. */
#define QUEUE_LONG        64u
#define SHARED_TEXT_BYTES 4096u
/* How long a reader looks for the next note before it sleeps: events come in bursts, and to sleep
 * and be woken for each costs more than the event itself. */
#define LINGER_US 4u

/* ---- queues ---- */

static void notes_push(amphi_notes *notes, amphi_note *note)
{
    note->next = NULL;
    if (notes->last != NULL)
        notes->last->next = note;
    else
        notes->first = note;
    notes->last = note;
    notes->count++;
}

static amphi_note *notes_pop(amphi_notes *notes)
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

static bool is_long(const amphi_notes *notes)
{
    return atomic_load_explicit(&notes->count, memory_order_relaxed) >= QUEUE_LONG;
}

static void linger(const amphi_notes *notes)
{
    uint64_t until_us = amphi__clock_us(NULL) + LINGER_US;
    while (atomic_load_explicit(&notes->count, memory_order_relaxed) == 0 &&
           amphi__clock_us(NULL) < until_us)
        continue;
}

/* Puts the text into the last note if there is room; NULL when there is none. Of two arrays
 * (pieces of tool calls) one is made: "[a]" and "[b]" are "[a,b]". */
static amphi_note *notes_join(const amphi_notes *notes, amphi_str text, bool are_arrays)
{
    amphi_note *last = notes->last;
    if (last == NULL || last->text_size + text.size > last->text_room)
        return NULL;
    if (are_arrays) {
        if (text.size <= 2 || text.data[0] != '[' || last->text_size <= 2 ||
            last->text[last->text_size - 1] != ']')
            return NULL;
        last->text[last->text_size - 1] = ',';
        text = amphi__str_slice(text, 1, text.size);
    }
    memcpy(last->text + last->text_size, text.data, text.size);
    last->text_size += text.size;
    last->text[last->text_size] = '\0';
    return last;
}

static void notes_clear(amphi_notes *notes)
{
    for (amphi_note *note = notes_pop(notes); note != NULL; note = notes_pop(notes))
        amphi__free(note);
}

/* *logprobs: made to point at the note's copy. */
static amphi_note *note_new(amphi_str text, amphi_str *logprobs, bool shared)
{
    size_t room = shared && text.size < SHARED_TEXT_BYTES ? SHARED_TEXT_BYTES : text.size;
    amphi_note *note = amphi__alloc(sizeof *note + room + 1 + logprobs->size + 1);
    if (note == NULL)
        return NULL;
    memset(note, 0, sizeof *note);
    note->text_size = text.size;
    note->text_room = room;
    if (text.size > 0)
        memcpy(note->text, text.data, text.size);
    note->text[text.size] = '\0';
    if (logprobs->size > 0)
        memcpy(note->text + room + 1, logprobs->data, logprobs->size);
    note->text[room + 1 + logprobs->size] = '\0';
    logprobs->data = logprobs->size > 0 ? note->text + room + 1 : NULL;
    return note;
}

/* ---- driver's side ---- */

/* Text for the caller: does it go with the last event? *shared: a new note should have room. */
static bool join_event(amphi_stream *stream, const amphi_event *event, bool *shared)
{
    amphi_note *joined = NULL;
    *shared = (event->kind == AMPHI_EVENT_DELTA || event->kind == AMPHI_EVENT_REASONING ||
                  event->kind == AMPHI_EVENT_TOOL_CALL) &&
              event->logprobs.size == 0 && is_long(&stream->events);
    if (!*shared)
        return false;
    amphi__mutex_lock(&stream->lock);
    const amphi_note *last = stream->events.last;
    if (last != NULL && last->event.kind == event->kind &&
        amphi__str_equal(last->event.route, event->route) &&
        strcmp(last->model, stream->model) == 0)
        joined = notes_join(&stream->events, event->text, event->kind == AMPHI_EVENT_TOOL_CALL);
    if (joined != NULL)
        joined->event.text.size = joined->text_size;
    amphi__mutex_unlock(&stream->lock);
    return joined != NULL;
}

void amphi__stream_emit(amphi_stream *stream, const amphi_event *event)
{
    bool shared;
    amphi_str logprobs = event->logprobs;
    if (join_event(stream, event, &shared))
        return;
    amphi_note *note = note_new(event->text, &logprobs, shared);
    if (note != NULL) {
        note->event = *event;
        note->event.logprobs = logprobs;
        note->event.text = amphi_str_make(note->text, note->text_size);
        amphi__str_copy_to(note->route, sizeof note->route, event->route);
        note->event.route = amphi_str_from(note->route);
        amphi__str_copy_to(note->model, sizeof note->model, amphi_str_from(stream->model));
        note->event.model = amphi_str_from(note->model);
        if (event->takeover != NULL) {
            note->takeover = *event->takeover;
            note->event.takeover = &note->takeover;
        }
        if (event->error != NULL) {
            note->error = *event->error;
            note->event.error = &note->error;
        }
    }
    amphi__mutex_lock(&stream->lock);
    if (note != NULL)
        notes_push(&stream->events, note);
    else
        stream->starved = true;
    if (amphi_event_is_terminal(event))
        stream->terminal_queued = true;
    amphi__mutex_unlock(&stream->lock);
    /* Behind the lock, or who wakes up would only run into it. The stream outlives us: its owner
     * joins the driver first. */
    amphi__cond_broadcast(&stream->to_caller);
}

bool amphi__stream_is_cancelled(amphi_stream *stream)
{
    amphi__mutex_lock(&stream->lock);
    bool cancelled = stream->cancelled;
    amphi__mutex_unlock(&stream->lock);
    return cancelled;
}

/* The same for the driver's mailbox. */
static bool join_post(
    amphi_stream *stream, uint32_t attempt, const amphi_engine_event *event, bool *shared)
{
    amphi_note *joined = NULL;
    *shared = (event->kind == AMPHI_ENGINE_TEXT || event->kind == AMPHI_ENGINE_REASONING ||
                  event->kind == AMPHI_ENGINE_TOOL_CALL) &&
              event->logprobs.size == 0 && is_long(&stream->mailbox);
    if (!*shared)
        return false;
    amphi__mutex_lock(&stream->lock);
    const amphi_note *last = stream->mailbox.last;
    if (last != NULL && last->engine.kind == event->kind && last->attempt == attempt)
        joined = notes_join(&stream->mailbox, event->text, event->kind == AMPHI_ENGINE_TOOL_CALL);
    if (joined != NULL)
        joined->engine.text.size = joined->text_size;
    amphi__mutex_unlock(&stream->lock);
    return joined != NULL;
}

void amphi__stream_post(amphi_stream *stream, uint32_t attempt, const amphi_engine_event *event)
{
    bool shared;
    amphi_str logprobs = event->logprobs;
    if (join_post(stream, attempt, event, &shared))
        return;
    amphi_note *note = note_new(event->text, &logprobs, shared);
    if (note != NULL) {
        note->attempt = attempt;
        note->engine = *event;
        note->engine.logprobs = logprobs;
        note->engine.text = amphi_str_make(note->text, note->text_size);
        if (event->error != NULL) {
            note->error = *event->error;
            note->engine.error = &note->error;
        }
    }
    amphi__mutex_lock(&stream->lock);
    if (note != NULL)
        notes_push(&stream->mailbox, note);
    else
        stream->starved = true;
    amphi__mutex_unlock(&stream->lock);
    amphi__cond_broadcast(&stream->to_driver); /* the driver releases the engine's run first */
}

amphi_note *amphi__stream_wait(
    amphi_stream *stream, uint32_t attempt, uint32_t other, uint64_t timeout_us)
{
    amphi_notes stale = {NULL, NULL, 0};
    amphi_note *note = NULL;
    linger(&stream->mailbox);
    amphi__mutex_lock(&stream->lock);
    for (;;) {
        note = notes_pop(&stream->mailbox);
        if (note != NULL && note->attempt != attempt && note->attempt != other) {
            notes_push(&stale, note);
            continue;
        }
        if (note != NULL || stream->cancelled || stream->starved || timeout_us == 0)
            break;
        if (!amphi__cond_wait_us(&stream->to_driver, &stream->lock, timeout_us))
            timeout_us = 0; /* one more look at the queue, then out */
    }
    amphi__mutex_unlock(&stream->lock);
    notes_clear(&stale);
    return note;
}

static void drive(void *arg)
{
    amphi__chat_run(arg);
}

/* ---- caller's side ---- */

static void stream_destroy(amphi_stream *stream)
{
    notes_clear(&stream->events);
    notes_clear(&stream->mailbox);
    amphi__free(stream->current);
    amphi__buf_clear(&stream->chunk);
    amphi__buf_clear(&stream->text);
    amphi__buf_clear(&stream->reasoning);
    amphi__tool_calls_clear(&stream->calls);
    amphi__buf_clear(&stream->tool_calls);
    amphi__buf_clear(&stream->logprobs);
    amphi__context_clear(&stream->context);
    amphi__request_clear(&stream->request);
    amphi__cond_clear(&stream->to_driver);
    amphi__cond_clear(&stream->to_caller);
    amphi__mutex_clear(&stream->lock);
    amphi__free(stream);
}

/* A stream with its buffers, but no driver yet. */
static amphi_stream *stream_create(amphi_client *client)
{
    amphi_stream *stream = amphi__calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    stream->client = client;
    stream->started_us = amphi__clock_us(client->clock);
    amphi__buf_init(&stream->chunk, AMPHI_ANSWER_BYTES_MAX * 2);
    amphi__buf_init(&stream->text, AMPHI_ANSWER_BYTES_MAX);
    amphi__buf_init(&stream->reasoning, AMPHI_ANSWER_BYTES_MAX);
    amphi__buf_init(&stream->tool_calls, 0);
    amphi__buf_init(&stream->logprobs, AMPHI_LOGPROBS_BYTES_MAX);
    amphi__context_init(&stream->context);
    if (amphi__uuid(stream->key) != AMPHI_OK || amphi__mutex_init(&stream->lock) != AMPHI_OK) {
        amphi__free(stream);
        return NULL;
    }
    snprintf(stream->id, sizeof stream->id, "chatcmpl-%.28s", stream->key);
    if (amphi__cond_init(&stream->to_caller) != AMPHI_OK) {
        amphi__mutex_clear(&stream->lock);
        amphi__free(stream);
        return NULL;
    }
    if (amphi__cond_init(&stream->to_driver) != AMPHI_OK) {
        amphi__cond_clear(&stream->to_caller);
        amphi__mutex_clear(&stream->lock);
        amphi__free(stream);
        return NULL;
    }
    return stream;
}

static void count_streams(amphi_client *client, int change)
{
    amphi__mutex_lock(&client->lock);
    client->streams_count += (uint32_t)change;
    amphi__cond_broadcast(&client->streams_changed);
    amphi__mutex_unlock(&client->lock);
}

amphi_status amphi__stream_start(
    amphi_stream **out, amphi_client *client, amphi_request *request, amphi_error *error)
{
    *out = NULL;
    amphi_stream *stream = stream_create(client);
    if (stream == NULL) {
        amphi__request_clear(request);
        return amphi__fail_no_memory(error);
    }
    stream->request = *request;
    memset(request, 0, sizeof *request);
    if (stream->request.outbox_id != NULL)
        amphi__str_copy_to(
            stream->key, sizeof stream->key, amphi_str_from(stream->request.outbox_id));
    count_streams(client, 1);
    if (amphi__driver_start(&stream->driver, client->drivers, drive, stream) != AMPHI_OK) {
        stream_destroy(stream);
        count_streams(client, -1);
        return amphi__fail_no_memory(error);
    }
    *out = stream;
    return AMPHI_OK;
}

/* Takes the request. */
static amphi_status start_checked(
    amphi_stream **out, amphi_client *client, amphi_request *request, amphi_error *error)
{
    amphi__decide_apply_options(client, request);
    amphi_status status = amphi__decide_check(client, request, error);
    if (status == AMPHI_OK)
        return amphi__stream_start(out, client, request, error);
    amphi__request_clear(request);
    return status;
}

amphi_status amphi_chat_start(
    amphi_stream **out, amphi_client *client, const amphi_chat_request *request, amphi_error *error)
{
    amphi_request own;
    amphi__error_clear(error);
    if (out == NULL || client == NULL || request == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out, client or request is NULL");
    *out = NULL;
    amphi_status status = amphi__request_from_struct(&own, request, error);
    return status != AMPHI_OK ? status : start_checked(out, client, &own, error);
}

amphi_status amphi_chat_start_json(
    amphi_stream **out, amphi_client *client, amphi_str request_json, amphi_error *error)
{
    amphi_request own;
    amphi__error_clear(error);
    if (out == NULL || client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out or client is NULL");
    *out = NULL;
    amphi_status status = amphi__request_from_json(&own, request_json, error);
    return status != AMPHI_OK ? status : start_checked(out, client, &own, error);
}

/* Out of memory for the terminal event itself: this one needs none. */
static amphi_status starved_terminal(amphi_stream *stream, amphi_event *out, amphi_error *error)
{
    amphi__fail_no_memory(&stream->error);
    amphi__fail_no_memory(error);
    memset(out, 0, sizeof *out);
    out->kind = AMPHI_EVENT_ERROR;
    out->error = &stream->error;
    stream->terminal_taken = true;
    return AMPHI_OK;
}

amphi_status amphi_stream_next(
    amphi_stream *stream, uint32_t timeout_ms, amphi_event *out, amphi_error *error)
{
    amphi__error_clear(error);
    if (stream == NULL || out == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "stream or out is NULL");
    amphi__free(stream->current);
    stream->current = NULL;
    if (stream->terminal_taken)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "the terminal event was already delivered");
    uint64_t deadline_us = timeout_ms == AMPHI_WAIT_FOREVER
                               ? UINT64_MAX
                               : amphi__clock_us(NULL) + (uint64_t)timeout_ms * 1000;
    amphi_note *note = NULL;
    if (timeout_ms > 0)
        linger(&stream->events);
    amphi__mutex_lock(&stream->lock);
    for (;;) {
        note = notes_pop(&stream->events);
        if (note != NULL || stream->terminal_queued)
            break;
        uint64_t now_us = amphi__clock_us(NULL);
        if (now_us >= deadline_us)
            break;
        amphi__cond_wait_us(&stream->to_caller, &stream->lock,
            deadline_us == UINT64_MAX ? UINT64_MAX : deadline_us - now_us);
    }
    bool starved = note == NULL && stream->terminal_queued;
    amphi__mutex_unlock(&stream->lock);
    if (starved)
        return starved_terminal(stream, out, error);
    if (note == NULL)
        return amphi__fail(error, AMPHI_E_TIMEOUT, 0, "no event yet");
    stream->current = note;
    *out = note->event;
    stream->terminal_taken = amphi_event_is_terminal(out);
    return AMPHI_OK;
}

void amphi_stream_cancel(amphi_stream *stream)
{
    if (stream == NULL)
        return;
    amphi__mutex_lock(&stream->lock);
    stream->cancelled = true;
    amphi__cond_broadcast(&stream->to_driver);
    amphi__mutex_unlock(&stream->lock);
}

void amphi_stream_free(amphi_stream *stream)
{
    if (stream == NULL)
        return;
    amphi_client *client = stream->client;
    amphi_stream_cancel(stream);
    amphi__driver_join(stream->driver);
    stream_destroy(stream);
    count_streams(client, -1);
}
