/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for one engine under budgets. The engine pushes into the stream's mailbox from a thread
 * of its own; this loop is the only reader, so delivered text has one writer.
 */
#include "sdk/client/attempt.h"

#include "sdk/client/background.h"
#include "sdk/client/crash_ledger.h"
#include "sdk/client/logprobs.h"
#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/client/splice.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

/* How often a running local answer is held against the device's state. */
#define DEVICE_CHECK_US 500000u

typedef struct sink_self {
    amphi_stream *stream;
    uint32_t attempt;
} sink_self;

static void on_engine_event(void *opaque, const amphi_engine_event *event)
{
    sink_self *self = opaque;
    amphi__stream_post(self->stream, self->attempt, event);
}

/* One engine at work for us. */
typedef struct watch {
    amphi_stream *stream;
    amphi_attempt *attempt;
    const amphi_engine *engine;
    amphi_engine_info info;
    amphi_engine_run *run; /* NULL: not started, or stopped */
    sink_self self;
    amphi_buf prefix;
    amphi_buf delivered; /* a copy: stream->text moves while it grows */
    amphi_splice splice;
    amphi_buf logprobs;         /* of tokens whose text is not shown yet */
    char model[AMPHI_NAME_MAX]; /* as the engine named it */
    uint64_t begun_us;
    uint64_t started_us; /* or the last progress, before the first token */
    uint64_t last_us;    /* of the last token; 0: none yet */
    uint64_t device_checked_us;
    unsigned device_epoch;
    amphi_crash_ledger_start ledger;
    bool was_short_of_memory; /* at the last look at the device */
    amphi_crash_cause cause;  /* of its failure */
    bool ended;
} watch;

static void stop(watch *w, amphi_status status, const char *message)
{
    amphi__fail(&w->attempt->error, status, 0, "%s: %s", w->info.name, message);
    w->ended = true;
}

static void announce(watch *w)
{
    if (w->attempt->spoke)
        return;
    w->attempt->spoke = true;
    amphi__crash_ledger_phase(w->stream->client, &w->ledger, AMPHI_START_TOKEN);
    w->attempt->first_token_ms =
        (uint32_t)((amphi__clock_us(w->stream->client->clock) - w->begun_us) / 1000);
    amphi__str_copy_to(w->stream->route, sizeof w->stream->route, amphi_str_from(w->info.name));
    amphi__str_copy_to(w->stream->model, sizeof w->stream->model, amphi_str_from(w->model));
    if (w->attempt->takeover != NULL) {
        amphi_event event = {.kind = AMPHI_EVENT_TAKEOVER,
            .takeover = w->attempt->takeover,
            .route = amphi_str_from(w->info.name)};
        amphi__stream_emit(w->stream, &event);
    }
}

static void deliver(watch *w, amphi_splice_act act, amphi_str text)
{
    amphi_stream *stream = w->stream;
    if (act == AMPHI_SPLICE_HOLD)
        return;
    if (stream->first_token_us == 0)
        stream->first_token_us = amphi__clock_us(stream->client->clock);
    if (act == AMPHI_SPLICE_REPLACE) {
        amphi__buf_truncate(&stream->text, 0);
        amphi__buf_truncate(&stream->logprobs, 0);
    }
    amphi__logprobs_append(&stream->logprobs, amphi__buf_str(&w->logprobs));
    if (amphi__buf_append_str(&stream->text, text) != AMPHI_OK) {
        stop(w, stream->text.status, "the answer is longer than 8 MiB, or memory ran out");
        return;
    }
    amphi_event event = {.kind = act == AMPHI_SPLICE_SHOW ? AMPHI_EVENT_DELTA : AMPHI_EVENT_REPLACE,
        .text = text,
        .logprobs = amphi__buf_str(&w->logprobs),
        .route = amphi_str_from(w->info.name)};
    amphi__stream_emit(stream, &event);
    amphi__buf_reset(&w->logprobs);
}

/* The seam is passed: words that were shown before are told no second time. */
static void pass_seam(watch *w, amphi_splice_mode before, amphi_str text)
{
    if (before != AMPHI_SPLICE_PASS && w->splice.mode == AMPHI_SPLICE_PASS)
        amphi__logprobs_skip(&w->logprobs, w->splice.held.size - text.size);
}

static void on_text(watch *w, const amphi_engine_event *event)
{
    amphi_splice_mode before = w->splice.mode;
    amphi_str text;
    announce(w);
    amphi__logprobs_append(&w->logprobs, event->logprobs);
    amphi_splice_act act = amphi__splice_feed(&w->splice, event->text, &text);
    pass_seam(w, before, text);
    deliver(w, act, text);
}

static void on_finish(watch *w, const amphi_engine_event *event)
{
    amphi_splice_mode before = w->splice.mode;
    amphi_str text;
    announce(w);
    amphi_splice_act act = amphi__splice_end(&w->splice, &text);
    pass_seam(w, before, text);
    if (act == AMPHI_SPLICE_HOLD && w->logprobs.size > 0)
        act = AMPHI_SPLICE_SHOW; /* they came behind their text */
    deliver(w, act, text);
    w->stream->finish = event->finish;
    w->ended = true;
}

static void find_cause(watch *w, const amphi_engine_event *fail)
{
    char told[sizeof w->attempt->error.message];
    w->cause = amphi__crash_ledger_cause(w->stream->client, fail, w->was_short_of_memory);
    if (w->cause == AMPHI_CRASH_CAUSE_MEMORY &&
        fail->from_outside) { /* the engine could not know */
        amphi__str_copy_to(told, sizeof told, amphi_str_from(w->attempt->error.message));
        snprintf(w->attempt->error.message, sizeof w->attempt->error.message,
            "%.*s; the device was short of memory", (int)sizeof told - 40, told);
    }
}

static void on_fail(watch *w, const amphi_engine_event *fail)
{
    amphi_error *error = &w->attempt->error;
    const amphi_error *why = fail->error;
    if (why == NULL || why->status == AMPHI_OK) { /* a broken third-party engine */
        amphi__fail(error, AMPHI_E_INTERNAL, 0, "%s: failed without a reason", w->info.name);
    } else {
        amphi__fail(error, why->status, why->native_code, "%s: %s", w->info.name, why->message);
        error->retry_after_ms = why->retry_after_ms;
    }
    w->attempt->prefix_refused = fail->prefix_refused;
    if (w->info.kind == AMPHI_ENGINE_LOCAL)
        find_cause(w, fail);
    w->ended = true;
}

static void on_queued_event(watch *w, const amphi_queued_event *queued)
{
    amphi_stream *stream = w->stream;
    const amphi_engine_event *event = &queued->engine;
    amphi_event out = {.route = amphi_str_from(w->info.name), .text = event->text};
    uint64_t now_us = amphi__clock_us(stream->client->clock);
    switch (event->kind) {
    case AMPHI_ENGINE_PROGRESS:
        out.kind = AMPHI_EVENT_PROGRESS;
        out.progress_permille = event->permille;
        w->started_us = now_us; /* it is alive; the wait for a first token starts anew */
        amphi__stream_emit(stream, &out);
        return;
    case AMPHI_ENGINE_TEXT:
        w->last_us = now_us;
        on_text(w, event);
        return;
    case AMPHI_ENGINE_REASONING:
        announce(w);
        w->last_us = now_us;
        out.kind = AMPHI_EVENT_REASONING;
        amphi__buf_append_str(&stream->reasoning, event->text);
        amphi__stream_emit(stream, &out);
        return;
    case AMPHI_ENGINE_TOOL_CALL:
        announce(w);
        w->last_us = now_us;
        out.kind = AMPHI_EVENT_TOOL_CALL;
        stream->tool_call_seen = true;
        switch (amphi__tool_calls_add(&stream->calls, event->text)) {
        case AMPHI_OK:
            break;
        case AMPHI_E_LIMIT:
            stop(w, AMPHI_E_LIMIT, "the answer's tool calls are more than 128, or than 8 MiB");
            return;
        case AMPHI_E_NO_MEMORY:
            stop(w, AMPHI_E_NO_MEMORY, "out of memory");
            return;
        default:
            stop(w, AMPHI_E_PROTOCOL, "a tool call could not be understood");
            return;
        }
        amphi__stream_emit(stream, &out);
        return;
    case AMPHI_ENGINE_USAGE:
        out.kind = AMPHI_EVENT_USAGE;
        out.usage = stream->usage = event->usage;
        amphi__stream_emit(stream, &out);
        return;
    case AMPHI_ENGINE_MODEL: /* it is loaded and begins */
        amphi__crash_ledger_phase(stream->client, &w->ledger, AMPHI_START_PREFILL);
        amphi__str_copy_to(w->model, sizeof w->model, event->text);
        if (w->attempt->spoke)
            amphi__str_copy_to(stream->model, sizeof stream->model, event->text);
        return;
    case AMPHI_ENGINE_FINISH:
        on_finish(w, event);
        return;
    case AMPHI_ENGINE_FAIL:
        on_fail(w, event);
        return;
    }
}

/* A running local answer stops when the device can't bear it any more. */
static void check_device(watch *w, uint64_t now_us)
{
    amphi_client *client = w->stream->client;
    unsigned epoch = atomic_load(&client->device_epoch);
    if (w->info.kind != AMPHI_ENGINE_LOCAL ||
        (epoch == w->device_epoch && now_us - w->device_checked_us < DEVICE_CHECK_US))
        return;
    w->device_epoch = epoch;
    w->device_checked_us = now_us;
    amphi_device_facts facts;
    amphi__client_facts(client, &facts);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    amphi_error reason;
    w->was_short_of_memory = amphi__policy_is_short_of_memory(&policy, &facts);
    if (amphi__policy_check_running(&policy, &facts, &reason) != AMPHI_OK)
        stop(w, AMPHI_E_RESOURCE, reason.message);
}

/* Which budget has run out at now_us, if any; otherwise how long until the next one does. */
static uint64_t check_budgets(watch *w, uint64_t now_us)
{
    const amphi_budgets *budgets = &w->attempt->step->budgets;
    uint64_t token_us = UINT64_MAX; /* when the next token is overdue */
    if (w->last_us == 0 && budgets->first_token_ms > 0)
        token_us = w->started_us + (uint64_t)budgets->first_token_ms * 1000;
    else if (w->last_us > 0 && budgets->idle_ms > 0)
        token_us = w->last_us + (uint64_t)budgets->idle_ms * 1000;
    if (now_us >= w->attempt->deadline_us)
        stop(w, AMPHI_E_TIMEOUT, "the request's time is used up");
    else if (now_us >= token_us && w->last_us == 0)
        stop(w, AMPHI_E_TIMEOUT, "no first token within its budget");
    else if (now_us >= token_us)
        stop(w, AMPHI_E_TIMEOUT, "went silent in mid-answer");
    if (w->ended)
        return 0;
    uint64_t until_us = token_us < w->attempt->deadline_us ? token_us : w->attempt->deadline_us;
    uint64_t wait_us = until_us == UINT64_MAX ? UINT64_MAX : until_us - now_us;
    bool local = w->info.kind == AMPHI_ENGINE_LOCAL;
    return local && wait_us > DEVICE_CHECK_US ? DEVICE_CHECK_US : wait_us;
}

/* The beginning that the engine is to continue: the caller's own, then what was delivered. */
static amphi_status build_prefix(const amphi_stream *stream, bool continues, amphi_buf *out)
{
    amphi__buf_append_c(out, stream->request.answer_prefix);
    if (continues)
        amphi__buf_append_str(out, amphi__splice_prefix(amphi__buf_str(&stream->text)));
    return out->status;
}

static void init_watch(watch *w, amphi_stream *stream, amphi_attempt *attempt)
{
    memset(w, 0, sizeof *w);
    w->stream = stream;
    w->attempt = attempt;
    w->engine = &stream->client->routes[attempt->step->route].engine;
    w->self = (sink_self){stream, attempt->number};
    amphi__buf_init(&w->prefix, 0);
    amphi__buf_init(&w->logprobs, AMPHI_LOGPROBS_BYTES_MAX);
    amphi__buf_init(&w->delivered, 0);
    amphi__error_clear(&attempt->error);
    attempt->spoke = false;
    attempt->prefix_refused = false;
    attempt->first_token_ms = 0;
    amphi__route_describe(&stream->client->routes[attempt->step->route], &w->info);
    amphi__str_copy_to(w->model, sizeof w->model, amphi_str_from(w->info.model));
    amphi__buf_append_str(&w->delivered, amphi__buf_str(&stream->text));
    amphi_str delivered = amphi__buf_str(&w->delivered);
    amphi__splice_init(&w->splice,
        attempt->continues ? AMPHI_SPLICE_CONTINUE : AMPHI_SPLICE_RESTART, delivered,
        delivered.size - amphi__splice_prefix(delivered).size);
}

/* Starts the engine; a failure shows as ended. */
static void start_watch(watch *w)
{
    amphi_stream *stream = w->stream;
    const amphi_attempt *attempt = w->attempt;
    if (build_prefix(stream, attempt->continues, &w->prefix) != AMPHI_OK ||
        w->delivered.status != AMPHI_OK) {
        amphi__fail_no_memory(&w->attempt->error);
        w->ended = true;
        return;
    }
    amphi_event event = {.kind = AMPHI_EVENT_ROUTE, .route = amphi_str_from(w->info.name)};
    amphi_engine_sink sink = {&w->self, on_engine_event};
    amphi_engine_request request = {
        .struct_size = sizeof request,
        .body = attempt->body,
        .prefix = amphi__buf_str(&w->prefix),
        .conversation_id = amphi_str_from(stream->request.conversation_id),
        .idempotency_key = amphi_str_from(stream->key),
        .connect_ms = attempt->step->budgets.connect_ms,
        .threads_max = attempt->step->threads_max,
        .context_tokens_max = attempt->step->context_tokens_max,
        .tokens_per_second_max = attempt->step->tokens_per_second_max,
        .plain_kernels = attempt->step->plain_kernels,
    };
    w->begun_us = w->started_us = w->device_checked_us = amphi__clock_us(stream->client->clock);
    w->device_epoch = atomic_load(&stream->client->device_epoch);
    amphi__route_health_run_started(stream->client, attempt->step->route);
    if (w->info.kind == AMPHI_ENGINE_LOCAL)
        amphi__background_monitor_memory(stream->client->background);
    amphi__crash_ledger_begin(stream->client, &w->ledger, &w->info, request.plain_kernels);
    amphi_status status =
        w->engine->ops->start(w->engine->self, &w->run, &request, &sink, &w->attempt->error);
    amphi__stream_emit(stream, &event); /* the engine is at work by now; its words wait for us */
    amphi__attempt_settle(stream, w->attempt);
    if (status == AMPHI_OK) {
        amphi__stream_run_begins(stream, w->engine, w->run);
        return;
    }
    if (w->attempt->error.status == AMPHI_OK)
        w->attempt->error.status = status;
    amphi__route_health_run_ended(stream->client, attempt->step->route);
    w->run = NULL;
    w->ended = true;
}

void amphi__attempt_settle(amphi_stream *stream, amphi_attempt *attempt)
{
    amphi__crash_ledger_end(
        stream->client, &attempt->unsaved, &attempt->unsaved_error, attempt->unsaved_cause);
}

static void stop_watch(watch *w)
{
    if (w->run != NULL) {
        amphi__stream_run_ends(w->stream, w->run);
        w->engine->ops->release(w->engine->self, w->run);
        amphi__route_health_run_ended(w->stream->client, w->attempt->step->route);
    }
    w->run = NULL;
    amphi_error abandoned = {.status = AMPHI_E_CANCELLED}; /* another one was faster */
    if (w->ended && w->attempt->error.status != AMPHI_OK && w->attempt->unsaved.id == 0) {
        w->attempt->unsaved = w->ledger;
        w->attempt->unsaved_error = w->attempt->error;
        w->attempt->unsaved_cause = w->cause;
    } else {
        amphi__crash_ledger_end(
            w->stream->client, &w->ledger, w->ended ? &w->attempt->error : &abandoned, w->cause);
    }
    amphi__splice_clear(&w->splice);
    amphi__buf_clear(&w->logprobs);
    amphi__buf_clear(&w->delivered);
    amphi__buf_clear(&w->prefix);
}

/* Waits for the next thing that happens to any of them, at most until `until_us`. */
static void watch_next(amphi_stream *stream, watch *const *watches, size_t count, uint64_t until_us)
{
    uint64_t now_us = amphi__clock_us(stream->client->clock);
    uint64_t wait_us = until_us > now_us ? until_us - now_us : 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t own_us = check_budgets(watches[i], now_us);
        wait_us = own_us < wait_us ? own_us : wait_us;
        if (!watches[i]->ended)
            check_device(watches[i], now_us);
        if (watches[i]->ended)
            return;
    }
    amphi_queued_event *queued = amphi__stream_wait(
        stream, watches[0]->attempt->number, watches[count - 1]->attempt->number, wait_us);
    bool cancelled = queued == NULL && amphi__stream_is_cancelled(stream);
    for (size_t i = 0; i < count; i++) {
        watch *w = watches[i];
        if (queued != NULL && queued->attempt == w->attempt->number) {
            on_queued_event(w, queued);
        } else if (cancelled) {
            amphi__fail(&w->attempt->error, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
            w->ended = true;
        } else if (queued == NULL && stream->starved) {
            amphi__fail_no_memory(&w->attempt->error);
            w->ended = true;
        }
        if (!w->ended && w->splice.held.status != AMPHI_OK)
            stop(w, w->splice.held.status, "out of memory while joining the answer");
    }
    amphi__free(queued);
}

static void name_route(const watch *w)
{
    amphi_stream *stream = w->stream;
    amphi__str_copy_to(stream->route, sizeof stream->route, amphi_str_from(w->info.name));
    amphi__str_copy_to(stream->model, sizeof stream->model, amphi_str_from(w->model));
}

void amphi__attempt_run(amphi_stream *stream, amphi_attempt *attempt)
{
    watch w;
    watch *const one[] = {&w};
    init_watch(&w, stream, attempt);
    name_route(&w);
    start_watch(&w);
    while (!w.ended)
        watch_next(stream, one, 1, UINT64_MAX);
    stop_watch(&w);
}

/* The second one starts beside a first one that is late. */
static void start_second(watch *b, const watch *a, amphi_attempt *second, amphi_takeover *takeover)
{
    char line[sizeof takeover->why];
    snprintf(line, sizeof line, "%s: no first token after %llu ms; the next route was asked too",
        a->info.name,
        (unsigned long long)(amphi__clock_us(a->stream->client->clock) - a->begun_us) / 1000);
    init_watch(b, a->stream, second);
    if (takeover != NULL) {
        takeover->reason = AMPHI_E_TIMEOUT;
        amphi__str_copy_to(takeover->why, sizeof takeover->why, amphi_str_from(line));
        amphi__str_copy_to(takeover->to, sizeof takeover->to, amphi_str_from(b->info.name));
    }
    second->takeover = takeover;
    start_watch(b);
}

/* The one that was slower. It leaves at once, so that a breaker whose probe it was may send another. */
static void abandon(watch *w)
{
    amphi_attempt *attempt = w->attempt;
    if (!w->ended)
        amphi__fail(
            &attempt->error, AMPHI_E_CANCELLED, 0, "%s: another route was faster", w->info.name);
    stop_watch(w);
    amphi__route_health_leave(
        w->stream->client, attempt->step, attempt->pass, &attempt->error, attempt->first_token_ms);
    attempt->pass = AMPHI_BREAKER_REFUSED;
}

static bool may_hedge(amphi_client *client)
{
    amphi__mutex_lock(&client->lock);
    bool allowed = amphi__retry_budget_spend_hedge(&client->retry_budget);
    amphi__mutex_unlock(&client->lock);
    return allowed;
}

bool amphi__attempt_race(amphi_stream *stream, amphi_attempt *first, amphi_attempt *second,
    uint32_t hedge_ms, amphi_takeover *takeover)
{
    watch a, b;
    watch *const both[] = {&a, &b};
    bool second_runs = false;
    init_watch(&a, stream, first);
    name_route(&a);
    start_watch(&a);
    uint64_t hedge_us = a.begun_us + (uint64_t)hedge_ms * 1000;
    while (!a.ended && !first->spoke && !(second_runs && (b.ended || second->spoke))) {
        if (amphi__clock_us(stream->client->clock) >= hedge_us) {
            hedge_us = UINT64_MAX; /* one decision: now, or not in this request */
            second->pass = may_hedge(stream->client)
                               ? amphi__route_health_enter(stream->client, second->step, NULL)
                               : AMPHI_BREAKER_REFUSED;
            second_runs = second->pass != AMPHI_BREAKER_REFUSED;
            if (second_runs)
                start_second(&b, &a, second, takeover);
            continue;
        }
        watch_next(stream, both, second_runs ? 2 : 1, hedge_us);
    }
    /* Whoever spoke goes on; when one failed, the other one does. */
    bool second_wins = second_runs && !first->spoke && (second->spoke || (a.ended && !b.ended));
    if (second_runs)
        abandon(second_wins ? &a : &b);
    watch *const winner[] = {second_wins ? &b : &a};
    name_route(winner[0]);
    while (!winner[0]->ended)
        watch_next(stream, winner, 1, UINT64_MAX);
    stop_watch(winner[0]);
    return second_wins;
}
