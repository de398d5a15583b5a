/* SPDX-License-Identifier: Apache-2.0
 *
 * A request from its start to its end, on the request's own driver thread:
 *
 *     admit     attach the conversation's history, and rule how far it all may travel (privacy.h);
 *               what it has in the outbox goes first (outbox_order.h)
 *     cache     deliver a stored answer, if there is one (cache_lookup.h)
 *     decide    ask the policy for a plan: which routes, in which order (decide.h)
 *     run       attempts on these routes, each taking over from the one before (takeover.h)
 *     finish    complete: into cache and history. Failed: into the outbox, or an error
 *
 * Whatever happens on the way, exactly one terminal event ends it, and it is the last thing that
 * amphi__chat_run emits. Nothing here knows what kind of engine a route is.
 */
#include "sdk/client/background.h"
#include "sdk/client/cache_lookup.h"
#include "sdk/client/decide.h"
#include "sdk/client/drafts.h"
#include "sdk/client/history_erase.h"
#include "sdk/client/history_write.h"
#include "sdk/client/memory_monitor.h"
#include "sdk/client/outbox.h"
#include "sdk/client/outbox_order.h"
#include "sdk/client/spending.h"
#include "sdk/client/stream.h"
#include "sdk/client/takeover.h"
#include "sdk/client/telemetry.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/sentence.h"
#include "sdk/core/str.h"

/* Where there is no budget, what was spent is written so often. */
#define SPENT_WRITE_MS 5000u

static bool read_conversation(amphi_stream *stream)
{
    amphi_request *request = &stream->request;
    if (amphi__privacy_admit(stream->client, request, &stream->privacy, &stream->context,
            &stream->error) != AMPHI_OK)
        return false;
    if (request->outbox_id == NULL) /* should it have to wait there */
        request->history_end = stream->privacy.history_end;
    return true;
}

static bool admit(amphi_stream *stream)
{
    uint32_t before = amphi__outbox_order_count(stream); /* first: none is answered in between */
    if (!read_conversation(stream))
        return false;
    if (before == 0)
        return true;
    if (stream->privacy.stays_here) { /* it can't wait in the outbox */
        stream->outbox_before = before;
        return true;
    }
    if (!amphi__outbox_order_send(stream))
        return false;
    amphi__context_clear(&stream->context);
    amphi__context_init(&stream->context);
    return read_conversation(stream);
}

/* ---- finish ---- */

/* Before the last event where there is a budget: what was delivered is counted. */
static void settle_spending(amphi_stream *stream)
{
    if (stream->privacy.policy.cost_day_max > 0)
        amphi__spending_write(stream->client);
}

/* After it. */
static void keep_figures(amphi_stream *stream, bool is_complete)
{
    amphi__rollout_guard_answer(stream, is_complete);
    amphi__spending_write_in_time(stream->client, SPENT_WRITE_MS);
    amphi__route_pace_save_all(stream->client, false);
}

/* The answer is complete, but the caller has to know that the history lacks it. */
static void note_history_error(amphi_stream *stream, const amphi_error *why)
{
    amphi__fail(&stream->history_error, why->status, why->native_code,
        "the answer could not be kept in the history: %s", why->message);
    amphi__log(&stream->client->log, AMPHI_LOG_ERROR, "%s", stream->history_error.message);
}

static void emit_done(amphi_stream *stream)
{
    amphi_event event = {.kind = AMPHI_EVENT_DONE,
        .route = amphi_str_from(stream->route),
        .finish = stream->finish,
        .usage = stream->usage};
    if (stream->history_error.status != AMPHI_OK && stream->request.outbox_id != NULL) {
        stream->error = stream->history_error;
        event = (amphi_event){.kind = AMPHI_EVENT_ERROR, .error = &stream->error};
    }
    amphi__stream_emit(stream, &event);
}

static amphi_energy_reading read_energy(const amphi_stream *stream)
{
    amphi_device_facts facts;
    amphi__client_facts(stream->client, &facts);
    return amphi__energy_read(&facts, amphi__clock_boot_ms(stream->client->clock));
}

/* Of an answer in which no cloud had a part. */
static void note_energy(amphi_stream *stream)
{
    const amphi_energy_reading end = read_energy(stream);
    stream->energy = amphi__energy_between(
        &stream->energy_begun, &end, (stream->ended_us - stream->started_us) / 1000);
}

/* Into history and cache: in one transaction when it belongs to a conversation. What the history
 * could not keep, the cache does not keep either: the conversation may have been deleted. */
static void finish_complete(amphi_stream *stream, amphi_cache_lookup *lookup)
{
    amphi_chat_result result;
    amphi_store_cache_entry cached;
    bool is_in_table = false;
    amphi_error why;
    stream->ended_us = amphi__clock_us(stream->client->clock);
    if (stream->cost.source == AMPHI_COST_SOURCE_NONE && !stream->cache_hit)
        note_energy(stream);
    amphi__stream_fill_result(stream, &result);
    amphi__error_clear(&why);
    bool has_entry = amphi__cache_lookup_prepare(lookup, stream, &result, &cached);
    bool is_kept = amphi__history_write_turn(
                       stream, &result, has_entry ? &cached : NULL, &is_in_table, &why) == AMPHI_OK;
    if (is_kept)
        amphi__cache_lookup_remember(lookup, stream);
    else
        note_history_error(stream, &why);
    emit_done(stream);
    if (is_kept) /* a request without a conversation: nothing waits for this */
        amphi__cache_lookup_write(lookup, stream, is_in_table);
}

/* May the failure be gone later? */
static bool may_pass(const amphi_error *failure)
{
    switch (failure->status) {
    case AMPHI_E_OFFLINE:
    case AMPHI_E_NETWORK:
    case AMPHI_E_TIMEOUT:
    case AMPHI_E_PROVIDER:
    case AMPHI_E_RATE_LIMITED:
    case AMPHI_E_PROTOCOL:
    case AMPHI_E_TRUNCATED:
    case AMPHI_E_ENGINE_DIED:
    case AMPHI_E_ENGINE_STALLED:
    case AMPHI_E_RESOURCE:
    case AMPHI_E_BUSY:
    case AMPHI_E_BACKGROUND:
        return true;
    case AMPHI_E_QUOTA: /* of a system's model: it comes back; an unpaid account does not */
        return failure->retry_after_ms > 0;
    default:
        return false;
    }
}

/* May the outbox send it later? Only when the failure may be gone by then, and nothing that was
 * delivered or asked for speaks against it. */
static bool may_queue(const amphi_stream *stream)
{
    const amphi_request *request = &stream->request;
    return !request->no_queue && request->outbox_id == NULL && !stream->privacy.stays_here &&
           !stream->tool_call_seen && may_pass(&stream->error) &&
           !amphi__history_was_erased(
               stream->client, amphi_str_from(request->conversation_id), stream->erasure_epoch);
}

static bool may_serve_stale(amphi_stream *stream)
{
    return !amphi__stream_is_cancelled(stream) && may_pass(&stream->error);
}

/* What failed, and why the message does not wait for better times. Either may be cut. */
static void say_not_queued(amphi_stream *stream, const amphi_error *why_not)
{
    amphi_error failed = stream->error;
    char what[116]; /* less than half a message */
    amphi__sentence_copy(what, sizeof what, amphi_str_from(failed.message));
    (void)amphi__fail(&stream->error, failed.status, failed.native_code, "%s; not queued: %s", what,
        why_not->message);
    stream->error.retry_after_ms = failed.retry_after_ms;
    amphi__log(&stream->client->log, AMPHI_LOG_ERROR, "not queued: %s", why_not->message);
}

static void emit_queued(amphi_stream *stream)
{
    amphi__str_copy_to(stream->route, sizeof stream->route, AMPHI_STR("outbox"));
    stream->model[0] = '\0';
    stream->outbox_before = amphi__outbox_order_count(stream);
    amphi_event event = {.kind = AMPHI_EVENT_QUEUED,
        .text = amphi_str_from(stream->key),
        .route = AMPHI_STR("outbox"),
        .error = &stream->error,
        .outbox_before = stream->outbox_before};
    amphi__stream_emit(stream, &event);
    amphi__background_report(stream->client->background);
}

/* true: it waits in the outbox. */
static bool finish_failed(amphi_stream *stream)
{
    (void)amphi__stream_check_cancelled(stream, &stream->error);
    amphi__history_end_draft(stream);
    stream->ended_us = amphi__clock_us(stream->client->clock);
    if (may_queue(stream)) {
        amphi_error why_not;
        if (amphi__outbox_add(stream->client, &stream->request, stream->key, 0,
                stream->error.message, &why_not) == AMPHI_OK) {
            emit_queued(stream);
            return true;
        }
        say_not_queued(stream, &why_not);
    }
    amphi_event event = {
        .kind = AMPHI_EVENT_ERROR, .error = &stream->error, .route = amphi_str_from(stream->route)};
    if (stream->has_provider)
        event.provider = &stream->provider;
    amphi__stream_emit(stream, &event);
    return false;
}

static bool run(amphi_stream *stream, amphi_cache_lookup *lookup)
{
    if (amphi__cache_lookup_begin(lookup, stream))
        return true;
    bool is_complete = amphi__decide(stream->client, &stream->request, &stream->privacy,
        &stream->plan, &stream->reservation, &stream->inputs, &stream->error);
    stream->energy_begun = read_energy(stream);
    is_complete = is_complete && amphi__takeover_run_plan(stream);
    return is_complete || (may_serve_stale(stream) && amphi__cache_lookup_stale(lookup, stream));
}

void amphi__chat_run(amphi_stream *stream)
{
    amphi_cache_lookup lookup = {.is_first = false};
    bool is_complete = admit(stream) && run(stream, &lookup);
    amphi__drafts_end(stream->client->drafts, stream);
    (void)amphi__memory_monitor_release(stream->client);
    if (amphi__tool_calls_write(&stream->calls, &stream->tool_calls) != AMPHI_OK && is_complete) {
        amphi__fail_no_memory(&stream->error);
        is_complete = false;
    }
    if (is_complete && amphi__stream_is_starved(stream)) { /* the caller saw a hole */
        amphi__fail_no_memory(&stream->error);
        is_complete = false;
    }
    settle_spending(stream);
    bool is_queued = false;
    if (is_complete)
        finish_complete(stream, &lookup);
    else
        is_queued = finish_failed(stream);
    amphi__cache_lookup_end(&lookup, stream);
    amphi__telemetry_report(stream->client->telemetry, stream, is_queued);
    keep_figures(stream, is_complete);
}
