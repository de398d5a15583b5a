/* SPDX-License-Identifier: Apache-2.0
 *
 * The two queues of a request, and the caller's functions: start, next, cancel, free.
 */
#include "sdk/client/stream.h"

#include "sdk/client/decide.h"
#include "sdk/client/extra_fields.h"
#include "sdk/client/outbox.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* ---- driver's side ---- */

static bool is_text(const amphi_event *event)
{
    return event->kind == AMPHI_EVENT_DELTA || event->kind == AMPHI_EVENT_REASONING ||
           event->kind == AMPHI_EVENT_TOOL_CALL;
}

/* In a long queue, text may share an entry with the text before it. */
static bool may_share(const amphi_event *event)
{
    return event->logprobs.size == 0 && event->extra_json.size == 0 && is_text(event);
}

void amphi__stream_emit(amphi_stream *stream, const amphi_event *emitted)
{
    amphi_event event = *emitted;
    event.model = amphi_str_from(stream->model);
    bool shared = may_share(&event) && amphi__event_queue_is_long(&stream->events);
    if (shared) {
        amphi__mutex_lock(&stream->lock);
        bool joined = amphi__event_queue_merge_caller(&stream->events, &event);
        amphi__mutex_unlock(&stream->lock);
        if (joined)
            return;
    }
    amphi_queued_event *queued = amphi__queued_event_for_caller(&event, shared);
    amphi__mutex_lock(&stream->lock);
    if (queued != NULL)
        amphi__event_queue_push(&stream->events, queued);
    else
        stream->starved = true;
    if (amphi_event_is_terminal(&event))
        stream->terminal_queued = true;
    amphi__mutex_unlock(&stream->lock);
    /* After the unlock, or the woken thread would only block on it. The stream outlives this call:
     * its owner joins the driver first. */
    amphi__cond_broadcast(&stream->to_caller);
}

bool amphi__stream_is_cancelled(amphi_stream *stream)
{
    amphi__mutex_lock(&stream->lock);
    bool cancelled = stream->cancelled;
    amphi__mutex_unlock(&stream->lock);
    return cancelled;
}

bool amphi__stream_is_starved(amphi_stream *stream)
{
    amphi__mutex_lock(&stream->lock);
    bool starved = stream->starved;
    amphi__mutex_unlock(&stream->lock);
    return starved;
}

void amphi__stream_run_begins(
    amphi_stream *stream, const amphi_engine *engine, amphi_engine_run *run)
{
    size_t i = 0;
    amphi__mutex_lock(&stream->lock);
    while (i < AMPHI_RUNS_MAX - 1 && stream->runs_under_way[i].run != NULL)
        i++;
    stream->runs_under_way[i] = (amphi_stream_run){*engine, run};
    amphi__mutex_unlock(&stream->lock);
}

void amphi__stream_run_ends(amphi_stream *stream, amphi_engine_run *run)
{
    amphi__mutex_lock(&stream->lock);
    for (size_t i = 0; i < AMPHI_RUNS_MAX; i++)
        if (stream->runs_under_way[i].run == run)
            stream->runs_under_way[i].run = NULL;
    while (stream->cancelling > 0)
        amphi__cond_wait(&stream->to_driver, &stream->lock);
    amphi__mutex_unlock(&stream->lock);
}

bool amphi__stream_check_cancelled(amphi_stream *stream, amphi_error *error)
{
    if (!amphi__stream_is_cancelled(stream))
        return false;
    amphi__fail(error, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
    return true;
}

/* The same for the driver's mailbox. */
static bool may_share_post(const amphi_engine_event *event)
{
    return event->logprobs.size == 0 &&
           (event->kind == AMPHI_ENGINE_TEXT || event->kind == AMPHI_ENGINE_REASONING ||
               event->kind == AMPHI_ENGINE_TOOL_CALL);
}

void amphi__stream_post(amphi_stream *stream, uint32_t attempt, const amphi_engine_event *event)
{
    bool shared = may_share_post(event) && amphi__event_queue_is_long(&stream->mailbox);
    if (shared) {
        amphi__mutex_lock(&stream->lock);
        bool joined = amphi__event_queue_merge_engine(&stream->mailbox, attempt, event);
        amphi__mutex_unlock(&stream->lock);
        if (joined)
            return;
    }
    amphi_queued_event *queued = amphi__queued_event_from_engine(attempt, event, shared);
    amphi__mutex_lock(&stream->lock);
    if (queued != NULL)
        amphi__event_queue_push(&stream->mailbox, queued);
    else
        stream->starved = true;
    amphi__mutex_unlock(&stream->lock);
    amphi__cond_broadcast(&stream->to_driver); /* the driver releases the engine's run first */
}

uint64_t amphi__stream_awake_us(amphi_stream *stream)
{
    return amphi__awake_us(&stream->awake, stream->client->clock);
}

amphi_queued_event *amphi__stream_wait(
    amphi_stream *stream, uint32_t attempt, uint32_t other, uint64_t timeout_us)
{
    amphi_event_queue stale = {NULL, NULL, 0};
    amphi_queued_event *queued = NULL;
    amphi__event_queue_spin(&stream->mailbox);
    amphi__mutex_lock(&stream->lock);
    for (;;) {
        /* What came behind an event that was lost would give an answer with a hole. */
        queued = stream->starved ? NULL : amphi__event_queue_pop(&stream->mailbox);
        if (queued != NULL && queued->attempt != attempt && queued->attempt != other) {
            amphi__event_queue_push(&stale, queued);
            continue;
        }
        if (queued != NULL || stream->cancelled || stream->starved || timeout_us == 0)
            break;
        if (!amphi__cond_wait_us(&stream->to_driver, &stream->lock, timeout_us))
            timeout_us = 0; /* one more pop, then return */
    }
    amphi__mutex_unlock(&stream->lock);
    amphi__event_queue_clear(&stale);
    return queued;
}

static void drive(void *arg)
{
    amphi__chat_run(arg);
}

/* ---- caller's side ---- */

static void stream_destroy(amphi_stream *stream)
{
    amphi__event_queue_clear(&stream->events);
    amphi__event_queue_clear(&stream->mailbox);
    amphi__free(stream->current);
    amphi__buf_clear(&stream->chunk);
    amphi__buf_clear(&stream->envelope);
    amphi__buf_clear(&stream->text);
    amphi__buf_clear(&stream->reasoning);
    amphi__tool_calls_clear(&stream->calls);
    amphi__buf_clear(&stream->tool_calls);
    amphi__buf_clear(&stream->inputs);
    amphi__buf_clear(&stream->logprobs);
    amphi__buf_clear(&stream->extra);
    amphi__buf_clear(&stream->usage_extra);
    if (stream->cache_question != NULL)
        amphi__wipe(stream->cache_question, strlen(stream->cache_question));
    amphi__free(stream->cache_question);
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
    amphi_decision_init(&stream->plan.decision);
    stream->cost.source = AMPHI_COST_SOURCE_NONE;
    stream->started_us = amphi__clock_us(client->clock);
    stream->budget_from_us = amphi__stream_awake_us(stream);
    stream->created_s = amphi__clock_wall_ms(client->clock) / 1000;
    /* A replacement has its text twice, each byte as up to six. */
    amphi__buf_init(&stream->chunk, AMPHI_ANSWER_BYTES_MAX * 16);
    amphi__buf_init(&stream->envelope, AMPHI_ENVELOPE_BYTES_MAX);
    amphi__buf_init(&stream->text, AMPHI_ANSWER_BYTES_MAX);
    amphi__buf_init(&stream->reasoning, AMPHI_ANSWER_BYTES_MAX);
    amphi__buf_init(&stream->tool_calls, 0);
    amphi__buf_init(&stream->inputs, 0);
    amphi__buf_init(&stream->logprobs, AMPHI_LOGPROBS_BYTES_MAX);
    amphi__buf_init(&stream->extra, AMPHI_ANSWER_BYTES_MAX);
    amphi__buf_init(&stream->usage_extra, AMPHI_ANSWER_BYTES_MAX);
    amphi__context_init(&stream->context);
    if (amphi__uuid(stream->key) != AMPHI_OK || amphi__mutex_init(&stream->lock) != AMPHI_OK ||
        amphi__cond_init(&stream->to_caller) != AMPHI_OK ||
        amphi__cond_init(&stream->to_driver) != AMPHI_OK) {
        stream_destroy(stream);
        return NULL;
    }
    snprintf(stream->id, sizeof stream->id, "chatcmpl-%.28s", stream->key);
    return stream;
}

/* On the caller's thread: a deletion that comes after the start of a request counts for it. */
static void note_epoch(amphi_stream *stream)
{
    const amphi_store store = stream->client->store;
    if (stream->request.conversation_id[0] != '\0' && store.ops->erasure_epoch != NULL)
        (void)store.ops->erasure_epoch(store.self, &stream->erasure_epoch, NULL);
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
    note_epoch(stream);
    if (stream->request.outbox_id != NULL)
        amphi__str_copy_to(
            stream->key, sizeof stream->key, amphi_str_from(stream->request.outbox_id));
    if (!amphi__stream_set_add(client->streams, stream)) {
        stream_destroy(stream);
        return amphi__fail(error, AMPHI_E_CANCELLED, 0, "the client is being freed");
    }
    if (amphi__driver_start(&stream->driver, client->drivers, drive, stream) != AMPHI_OK) {
        amphi__stream_set_leave(stream);
        stream_destroy(stream);
        return amphi__fail_no_memory(error);
    }
    *out = stream;
    return AMPHI_OK;
}

/* Takes over the request's content, also on failure. */
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
    amphi__drivers_expect(client->drivers);
    amphi_status status = amphi__request_from_struct(&own, request, error);
    return status != AMPHI_OK ? status : start_checked(out, client, &own, error);
}

amphi_status amphi_chat_start_json(
    amphi_stream **out, amphi_client *client, amphi_str request_json, amphi_error *error)
{
    return amphi_chat_start_json_with(out, client, request_json, amphi_str_make(NULL, 0), error);
}

amphi_status amphi_chat_start_json_with(amphi_stream **out, amphi_client *client,
    amphi_str request_json, amphi_str settings_json, amphi_error *error)
{
    amphi_request own;
    amphi__error_clear(error);
    if (out == NULL || client == NULL)
        return amphi__fail(error, AMPHI_E_ARGUMENT, 0, "out or client is NULL");
    *out = NULL;
    amphi__drivers_expect(client->drivers);
    amphi_status status = amphi__request_from_json(&own, request_json, error);
    if (status != AMPHI_OK)
        return status;
    status = amphi__request_add_settings(&own, settings_json, error);
    if (status == AMPHI_OK)
        return start_checked(out, client, &own, error);
    amphi__request_clear(&own);
    return status;
}

/* The terminal event could not be allocated; this one needs no memory. */
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
    if (stream->owes_event) { /* what it points to is still there */
        stream->owes_event = false;
        *out = stream->owed;
        return AMPHI_OK;
    }
    /* Text comes in bursts; other events do not. */
    bool in_burst = stream->current != NULL && is_text(&stream->current->event);
    amphi__free(stream->current);
    stream->current = NULL;
    if (stream->terminal_taken)
        return amphi__fail(error, AMPHI_E_NOT_FOUND, 0, "the terminal event was already delivered");
    uint64_t deadline_us = timeout_ms == AMPHI_WAIT_FOREVER
                               ? UINT64_MAX
                               : amphi__clock_us(NULL) + (uint64_t)timeout_ms * 1000;
    amphi_queued_event *queued = NULL;
    if (in_burst && timeout_ms > 0)
        amphi__event_queue_spin(&stream->events);
    amphi__mutex_lock(&stream->lock);
    for (;;) {
        queued = amphi__event_queue_pop(&stream->events);
        if (queued != NULL || stream->terminal_queued)
            break;
        uint64_t now_us = amphi__clock_us(NULL);
        if (now_us >= deadline_us)
            break;
        amphi__cond_wait_us(&stream->to_caller, &stream->lock,
            deadline_us == UINT64_MAX ? UINT64_MAX : deadline_us - now_us);
    }
    bool starved = queued == NULL && stream->terminal_queued;
    amphi__mutex_unlock(&stream->lock);
    if (starved)
        return starved_terminal(stream, out, error);
    if (queued == NULL)
        return amphi__fail(error, AMPHI_E_TIMEOUT, 0, "no event yet");
    stream->current = queued;
    *out = queued->event;
    stream->terminal_taken = amphi_event_is_terminal(out);
    return AMPHI_OK;
}

void amphi_stream_cancel(amphi_stream *stream)
{
    if (stream == NULL)
        return;
    amphi_stream_run runs[AMPHI_RUNS_MAX];
    amphi__mutex_lock(&stream->lock);
    stream->cancelled = true;
    memcpy(runs, stream->runs_under_way, sizeof runs);
    stream->cancelling++;
    amphi__cond_broadcast(&stream->to_driver);
    amphi__mutex_unlock(&stream->lock);
    for (size_t i = 0; i < AMPHI_RUNS_MAX; i++)
        if (runs[i].run != NULL)
            runs[i].engine.ops->cancel(runs[i].engine.self, runs[i].run);
    amphi__mutex_lock(&stream->lock);
    stream->cancelling--;
    amphi__cond_broadcast(&stream->to_driver);
    amphi__mutex_unlock(&stream->lock);
}

void amphi_stream_free(amphi_stream *stream)
{
    if (stream == NULL)
        return;
    amphi_stream_cancel(stream);
    amphi__stream_set_leave(stream);
    stream_destroy(stream);
}
