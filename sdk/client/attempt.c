/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one engine under budgets. The engine posts its events into the stream's mailbox from a
 * thread of its own; the loop here, on the driver thread, is the mailbox's only reader, so
 * delivered text has one writer.
 */
#include "sdk/client/attempt_state.h"

#include "sdk/client/background.h"
#include "sdk/client/drafts.h"
#include "sdk/client/logprobs.h"
#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

#include <stdio.h>

static void on_engine_event(void *opaque, const amphi_engine_event *event)
{
    amphi_attempt_sink *self = opaque;
    amphi__stream_post(self->stream, self->attempt, event);
}

void amphi__attempt_stop(amphi_attempt *a, amphi_status status, const char *message)
{
    amphi__fail(&a->outcome->error, status, 0, "%s: %s", a->info.name, message);
    a->ended = true;
}

/* Once it is known whether the attempt continues the text, or starts again. */
static void tell_takeover(amphi_attempt *a, bool continued)
{
    amphi_takeover *takeover = a->args->takeover;
    if (takeover == NULL)
        return;
    takeover->continued = continued;
    if (a->outcome->seam_why != NULL) {
        char why[sizeof takeover->why];
        amphi__str_copy_to(why, sizeof why, amphi_str_from(takeover->why));
        snprintf(takeover->why, sizeof takeover->why, "%.140s; %.48s was asked to go on, but %s",
            why, a->info.name, a->outcome->seam_why);
    }
    if (a->takeover_told)
        return;
    a->takeover_told = true;
    amphi_event event = {
        .kind = AMPHI_EVENT_TAKEOVER, .takeover = takeover, .route = amphi_str_from(a->info.name)};
    amphi__stream_emit(a->stream, &event);
}

static void on_first_output(amphi_attempt *a)
{
    if (a->outcome->has_output)
        return;
    a->outcome->has_output = true;
    amphi__crash_ledger_phase(a->stream->client, &a->ledger, AMPHI_START_TOKEN);
    a->outcome->first_token_ms =
        (uint32_t)((amphi__stream_awake_us(a->stream) - a->begun_us) / 1000);
    amphi__str_copy_to(a->stream->route, sizeof a->stream->route, amphi_str_from(a->info.name));
    amphi__str_copy_to(a->stream->model, sizeof a->stream->model, amphi_str_from(a->model));
    if (a->splice.mode != AMPHI_SPLICE_CONTINUE)
        tell_takeover(a, false);
}

/* The words of one attempt are behind those of another: no single model wrote the answer. */
static void note_authors(amphi_attempt *a, amphi_splice_act act)
{
    amphi_stream *stream = a->stream;
    if (act == AMPHI_SPLICE_REPLACE || a->splice.outcome == AMPHI_SPLICE_RESTARTED)
        stream->is_joined = false;
    else if (a->splice.outcome == AMPHI_SPLICE_CONTINUED)
        stream->is_joined = true;
}

/* Text was shown to a client that can't take it back. */
static bool refuses_replace(amphi_attempt *a, amphi_splice_act act)
{
    const amphi_stream *stream = a->stream;
    if (act != AMPHI_SPLICE_REPLACE || !stream->request.is_shown || stream->request.takes_replace ||
        stream->text.size == 0)
        return false;
    a->outcome->needed_replace = true;
    amphi__attempt_stop(a, AMPHI_E_TRUNCATED,
        "the answer would have to start again, and this client can't take back what it showed");
    return true;
}

static void append_text(amphi_stream *stream, amphi_splice_act act, amphi_str text)
{
    amphi__mutex_lock(&stream->lock); /* the draft of this answer is copied from it */
    if (act == AMPHI_SPLICE_REPLACE)
        amphi__buf_truncate(&stream->text, 0);
    amphi__buf_append_str(&stream->text, text);
    amphi__mutex_unlock(&stream->lock);
}

static void deliver(amphi_attempt *a, amphi_splice_act act, amphi_str text)
{
    amphi_stream *stream = a->stream;
    if (act == AMPHI_SPLICE_HOLD || refuses_replace(a, act))
        return;
    if (stream->first_token_us == 0)
        stream->first_token_us = amphi__clock_us(stream->client->clock);
    if (act == AMPHI_SPLICE_REPLACE) {
        amphi__buf_truncate(&stream->logprobs, 0);
        if (!a->has_thoughts)
            amphi__buf_truncate(&stream->reasoning, 0);
    }
    note_authors(a, act);
    amphi__logprobs_append(&stream->logprobs, amphi__buf_str(&a->logprobs));
    append_text(stream, act, text);
    if (stream->text.status != AMPHI_OK) {
        amphi__attempt_stop(
            a, stream->text.status, "the answer is longer than 8 MiB, or memory ran out");
        return;
    }
    amphi_event event = {.kind = act == AMPHI_SPLICE_SHOW ? AMPHI_EVENT_DELTA : AMPHI_EVENT_REPLACE,
        .text = text,
        .logprobs = amphi__buf_str(&a->logprobs),
        .route = amphi_str_from(a->info.name)};
    amphi__stream_emit(stream, &event);
    amphi__buf_reset(&a->logprobs);
    amphi__drafts_begin(stream->client->drafts, stream);
}

/* The join is decided. Log-probabilities of text that was delivered before are dropped. */
static void on_joined(amphi_attempt *a, amphi_str text)
{
    amphi_attempt_outcome *outcome = a->outcome;
    bool was_asked = a->args->continues && a->delivered.size > 0;
    a->held_us = 0;
    outcome->seam = a->splice.outcome;
    outcome->seam_is_sure = a->splice.is_sure;
    outcome->seam_why = a->splice.why;
    if (outcome->seam == AMPHI_SPLICE_REJECTED)
        return;
    amphi__logprobs_skip(&a->logprobs, a->splice.held.size - text.size);
    if (was_asked)
        tell_takeover(a, outcome->seam == AMPHI_SPLICE_CONTINUED);
}

/* What the splice says is done. REJECT ends the attempt; what runs next is takeover.c's. */
static void act_on(amphi_attempt *a, amphi_splice_mode before, amphi_splice_act act, amphi_str text)
{
    if (before != AMPHI_SPLICE_PASS && a->splice.mode == AMPHI_SPLICE_PASS)
        on_joined(a, text);
    if (act == AMPHI_SPLICE_REJECT) {
        amphi__buf_reset(&a->logprobs);
        amphi__attempt_stop(a, AMPHI_E_PROTOCOL, "it did not continue the answer");
        return;
    }
    deliver(a, act, text);
}

static void on_text(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_splice_mode before = a->splice.mode;
    amphi_str text;
    on_first_output(a);
    amphi__logprobs_append(&a->logprobs, event->logprobs);
    amphi_splice_act act = amphi__splice_feed(&a->splice, event->text, &text);
    act_on(a, before, act, text);
    if (a->held_us == 0 && amphi__splice_is_holding(&a->splice))
        a->held_us = amphi__stream_awake_us(a->stream);
}

/* Text was held back as long as it may be. */
static void decide_in_time(amphi_attempt *a, uint64_t now_us)
{
    amphi_splice_mode before = a->splice.mode;
    amphi_str text;
    if (a->held_us == 0 || now_us < a->held_us + AMPHI_SPLICE_HOLD_US)
        return;
    amphi_splice_act act = amphi__splice_decide(&a->splice, &text);
    if (a->splice.mode != AMPHI_SPLICE_PASS) /* it only repeats: nothing new is held back */
        a->held_us = now_us;
    act_on(a, before, act, text);
}

static void on_finish(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_splice_mode before = a->splice.mode;
    amphi_str text;
    bool was_cut = event->finish == AMPHI_FINISH_LENGTH;
    on_first_output(a);
    amphi_splice_act act = amphi__splice_end(&a->splice, was_cut, &text);
    if (act == AMPHI_SPLICE_HOLD && a->logprobs.size > 0)
        act = AMPHI_SPLICE_SHOW; /* they came after their text */
    act_on(a, before, act, text);
    if (a->ended)
        return;
    a->stream->finish = event->finish;
    a->ended = true;
}

static void find_cause(amphi_attempt *a, const amphi_engine_event *fail)
{
    char message[sizeof a->outcome->error.message];
    a->cause = amphi__crash_ledger_cause(a->stream->client, fail, a->was_short_of_memory);
    if (a->cause == AMPHI_CRASH_CAUSE_MEMORY &&
        fail->from_outside) { /* the engine could not know */
        amphi__str_copy_to(message, sizeof message, amphi_str_from(a->outcome->error.message));
        snprintf(a->outcome->error.message, sizeof a->outcome->error.message,
            "%.*s; the device was short of memory", (int)sizeof message - 40, message);
    }
}

static void on_fail(amphi_attempt *a, const amphi_engine_event *fail)
{
    amphi_error *error = &a->outcome->error;
    const amphi_error *why = fail->error;
    if (why == NULL || why->status == AMPHI_OK) { /* a broken third-party engine */
        amphi__fail(error, AMPHI_E_INTERNAL, 0, "%s: failed without a reason", a->info.name);
    } else {
        amphi__fail(error, why->status, why->native_code, "%s: %s", a->info.name, why->message);
        error->retry_after_ms = why->retry_after_ms;
    }
    a->outcome->prefix_refused = fail->prefix_refused;
    if (a->info.kind == AMPHI_ENGINE_LOCAL)
        find_cause(a, fail);
    a->ended = true;
}

static void on_tool_call(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_stream *stream = a->stream;
    on_first_output(a);
    stream->tool_call_seen = true;
    switch (amphi__tool_calls_add(&stream->calls, event->text)) {
    case AMPHI_OK:
        break;
    case AMPHI_E_LIMIT:
        amphi__attempt_stop(
            a, AMPHI_E_LIMIT, "the answer's tool calls are more than 128, or than 8 MiB");
        return;
    case AMPHI_E_NO_MEMORY:
        amphi__attempt_stop(a, AMPHI_E_NO_MEMORY, "out of memory");
        return;
    default:
        amphi__attempt_stop(a, AMPHI_E_PROTOCOL, "a tool call could not be understood");
        return;
    }
    amphi_event out = {
        .kind = AMPHI_EVENT_TOOL_CALL, .text = event->text, .route = amphi_str_from(a->info.name)};
    amphi__stream_emit(stream, &out);
}

/* Each route thinks for itself: thoughts of an earlier one are gone, and the takeover says so. */
static void on_reasoning(amphi_attempt *a, const amphi_engine_event *event)
{
    amphi_stream *stream = a->stream;
    on_first_output(a);
    if (!a->has_thoughts) {
        tell_takeover(a, a->args->continues && stream->text.size > 0);
        amphi__buf_truncate(&stream->reasoning, 0);
    }
    a->has_thoughts = true;
    amphi__buf_append_str(&stream->reasoning, event->text);
    amphi_event out = {
        .kind = AMPHI_EVENT_REASONING, .text = event->text, .route = amphi_str_from(a->info.name)};
    amphi__stream_emit(stream, &out);
}

static void on_queued_event(amphi_attempt *a, const amphi_queued_event *queued)
{
    amphi_stream *stream = a->stream;
    const amphi_engine_event *event = &queued->engine;
    amphi_event out = {.route = amphi_str_from(a->info.name), .text = event->text};
    uint64_t now_us = amphi__stream_awake_us(stream);
    switch (event->kind) {
    case AMPHI_ENGINE_PROGRESS:
        out.kind = AMPHI_EVENT_PROGRESS;
        out.progress_permille = event->permille;
        a->progress_us = now_us; /* the wait for a first token starts again */
        amphi__stream_emit(stream, &out);
        return;
    case AMPHI_ENGINE_TEXT:
        a->token_us = now_us;
        on_text(a, event);
        return;
    case AMPHI_ENGINE_REASONING:
        a->token_us = now_us;
        on_reasoning(a, event);
        return;
    case AMPHI_ENGINE_TOOL_CALL:
        a->token_us = now_us;
        on_tool_call(a, event);
        return;
    case AMPHI_ENGINE_USAGE:
        out.kind = AMPHI_EVENT_USAGE;
        out.usage = event->usage;
        stream->usage = event->usage;
        amphi__stream_emit(stream, &out);
        return;
    case AMPHI_ENGINE_MODEL: /* the model is loaded and prefill begins */
        amphi__crash_ledger_phase(stream->client, &a->ledger, AMPHI_START_PREFILL);
        amphi__str_copy_to(a->model, sizeof a->model, event->text);
        if (a->outcome->has_output)
            amphi__str_copy_to(stream->model, sizeof stream->model, event->text);
        return;
    case AMPHI_ENGINE_ALIVE: /* the wait for the next token starts again */
        *(a->token_us > 0 ? &a->token_us : &a->progress_us) = now_us;
        return;
    case AMPHI_ENGINE_LEARNED:
    case AMPHI_ENGINE_EXTRA: /* no engine here reports them yet */
        return;
    case AMPHI_ENGINE_FINISH:
        on_finish(a, event);
        return;
    case AMPHI_ENGINE_FAIL:
        on_fail(a, event);
        return;
    }
}

/* A running local answer stops when the device's state forbids it. */
static void check_device(amphi_attempt *a, uint64_t now_us)
{
    amphi_client *client = a->stream->client;
    unsigned epoch = atomic_load(&client->device_epoch);
    if (a->info.kind != AMPHI_ENGINE_LOCAL ||
        (epoch == a->device_epoch && now_us - a->device_checked_us < AMPHI_DEVICE_CHECK_US))
        return;
    a->device_epoch = epoch;
    a->device_checked_us = now_us;
    amphi_device_facts facts;
    amphi__client_facts(client, &facts);
    amphi_policy policy;
    amphi__client_policy(client, &policy);
    amphi_error reason;
    a->was_short_of_memory = amphi__policy_is_short_of_memory(&policy, &facts);
    if (amphi__policy_check_running(&policy, &facts, &reason) != AMPHI_OK)
        amphi__attempt_stop(a, AMPHI_E_RESOURCE, reason.message);
}

/* The beginning that the engine is to continue: the caller's own, then what was delivered. */
static amphi_status build_prefix(const amphi_stream *stream, bool continues, amphi_buf *out)
{
    amphi__buf_append_c(out, stream->request.answer_prefix);
    if (continues)
        amphi__buf_append_str(out, amphi__splice_prefix(amphi__buf_str(&stream->text)));
    return out->status;
}

void amphi__attempt_init(amphi_attempt *a, amphi_stream *stream, const amphi_attempt_args *args,
    amphi_attempt_outcome *outcome, amphi_attempt_pending *pending)
{
    const amphi_route *route = &stream->client->routes[args->step->route];
    *outcome = (amphi_attempt_outcome){.has_output = false};
    *a = (amphi_attempt){
        .stream = stream,
        .args = args,
        .outcome = outcome,
        .pending = pending,
        .engine = &route->engine,
        .self = {stream, args->number},
    };
    amphi__buf_init(&a->prefix, 0);
    amphi__buf_init(&a->logprobs, AMPHI_LOGPROBS_BYTES_MAX);
    amphi__buf_init(&a->delivered, 0);
    amphi__route_describe(route, &a->info);
    amphi__str_copy_to(a->model, sizeof a->model, amphi_str_from(a->info.model));
    amphi__buf_append_str(&a->delivered, amphi__buf_str(&stream->text));
    amphi_str delivered = amphi__buf_str(&a->delivered);
    amphi__splice_init(&a->splice, args->continues ? AMPHI_SPLICE_CONTINUE : AMPHI_SPLICE_RESTART,
        delivered, delivered.size - amphi__splice_prefix(delivered).size);
    a->splice.is_known = args->is_known;
}

/* Starts the engine; a failure shows as ended. Every byte of a request that reaches an engine goes
 * through here: first attempt, second try, hedge, takeover, delivery from the outbox. */
void amphi__attempt_start(amphi_attempt *a)
{
    amphi_stream *stream = a->stream;
    amphi_client *client = stream->client;
    const amphi_plan_step *step = a->args->step;
    if (!amphi__privacy_allows(&stream->privacy, &a->info)) { /* the plan has no such route */
        amphi__attempt_stop(a, AMPHI_E_REFUSED, "private: the request never leaves this device");
        return;
    }
    if (build_prefix(stream, a->args->continues, &a->prefix) != AMPHI_OK ||
        a->delivered.status != AMPHI_OK) {
        amphi__fail_no_memory(&a->outcome->error);
        a->ended = true;
        return;
    }
    amphi_event event = {.kind = AMPHI_EVENT_ROUTE, .route = amphi_str_from(a->info.name)};
    amphi_engine_sink sink = {&a->self, on_engine_event};
    amphi_engine_request request = {
        .struct_size = sizeof request,
        .body = a->args->body,
        .prefix = amphi__buf_str(&a->prefix),
        .conversation_id = amphi_str_from(stream->request.conversation_id),
        .idempotency_key = amphi_str_from(stream->key),
        .connect_ms = step->budgets.connect_ms,
        .threads_max = step->threads_max,
        .context_tokens_max = step->context_tokens_max,
        .tokens_per_second_max = step->tokens_per_second_max,
        .plain_kernels = step->plain_kernels,
    };
    a->begun_us = amphi__stream_awake_us(stream);
    a->progress_us = a->begun_us;
    a->device_checked_us = a->begun_us;
    a->device_epoch = atomic_load(&client->device_epoch);
    amphi__route_health_run_started(client, step->route);
    if (a->info.kind == AMPHI_ENGINE_LOCAL)
        amphi__background_monitor_memory(client->background);
    amphi__crash_ledger_begin(client, &a->ledger, &a->info, request.plain_kernels);
    amphi_status status =
        a->engine->ops->start(a->engine->self, &a->run, &request, &sink, &a->outcome->error);
    amphi__stream_emit(stream, &event); /* the engine is at work; its events wait in the mailbox */
    amphi__attempt_settle(stream, a->pending);
    if (status == AMPHI_OK) {
        amphi__stream_run_begins(stream, a->engine, a->run);
        return;
    }
    if (a->outcome->error.status == AMPHI_OK)
        a->outcome->error.status = status;
    amphi__route_health_run_ended(client, step->route);
    a->run = NULL;
    a->ended = true;
}

void amphi__attempt_settle(amphi_stream *stream, amphi_attempt_pending *pending)
{
    amphi__crash_ledger_end(stream->client, &pending->start, &pending->error, pending->cause);
}

/* Ends this start's row in the crash ledger: at once, or as pending when the attempt failed. */
static void end_ledger(amphi_attempt *a)
{
    amphi_error abandoned = {.status = AMPHI_E_CANCELLED}; /* another route was faster */
    if (a->ended && a->outcome->error.status != AMPHI_OK) {
        amphi__attempt_settle(a->stream, a->pending);
        *a->pending = (amphi_attempt_pending){a->ledger, a->outcome->error, a->cause};
    } else {
        amphi__crash_ledger_end(
            a->stream->client, &a->ledger, a->ended ? &a->outcome->error : &abandoned, a->cause);
    }
}

/* Releases the engine's run and everything that the attempt holds. */
void amphi__attempt_finish(amphi_attempt *a)
{
    if (a->run != NULL) {
        amphi__stream_run_ends(a->stream, a->run);
        a->engine->ops->release(a->engine->self, a->run);
        amphi__route_health_run_ended(a->stream->client, a->args->step->route);
    }
    a->run = NULL;
    end_ledger(a);
    amphi__splice_clear(&a->splice);
    amphi__buf_clear(&a->logprobs);
    amphi__buf_clear(&a->delivered);
    amphi__buf_clear(&a->prefix);
}

/* Waits for the next event of the attempts under way (one, or two in a race), at most a slice and
 * at most until `until_us` of awake time, and handles it. */
void amphi__attempt_wait(
    amphi_stream *stream, amphi_attempt *const *attempts, size_t count, uint64_t until_us)
{
    uint64_t now_us = amphi__stream_awake_us(stream);
    uint64_t wait_us = until_us > now_us ? until_us - now_us : 0;
    for (size_t i = 0; i < count; i++) {
        decide_in_time(attempts[i], now_us);
        uint64_t own_us = amphi__attempt_check_timeouts(attempts[i], now_us);
        wait_us = own_us < wait_us ? own_us : wait_us;
        if (!attempts[i]->ended)
            check_device(attempts[i], now_us);
        if (attempts[i]->ended)
            return;
    }
    amphi_queued_event *queued = amphi__stream_wait(stream, attempts[0]->args->number,
        attempts[count - 1]->args->number, amphi__awake_slice_us(&stream->awake, wait_us));
    bool cancelled = queued == NULL && amphi__stream_is_cancelled(stream);
    for (size_t i = 0; i < count; i++) {
        amphi_attempt *a = attempts[i];
        if (queued != NULL && queued->attempt == a->args->number) {
            on_queued_event(a, queued);
        } else if (cancelled) {
            amphi__fail(&a->outcome->error, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
            a->ended = true;
        } else if (queued == NULL && stream->starved) {
            amphi__fail_no_memory(&a->outcome->error);
            a->ended = true;
        }
        if (!a->ended && a->splice.held.status != AMPHI_OK)
            amphi__attempt_stop(a, a->splice.held.status, "out of memory while joining the answer");
    }
    amphi__free(queued);
}

/* The stream's events carry this route and model from here on. */
void amphi__attempt_set_route(const amphi_attempt *a)
{
    amphi_stream *stream = a->stream;
    amphi__str_copy_to(stream->route, sizeof stream->route, amphi_str_from(a->info.name));
    amphi__str_copy_to(stream->model, sizeof stream->model, amphi_str_from(a->model));
}

/* The rest of an attempt that runs alone. */
void amphi__attempt_run_to_end(amphi_attempt *a)
{
    amphi_attempt *const alone[] = {a};
    while (!a->ended)
        amphi__attempt_wait(a->stream, alone, 1, UINT64_MAX);
    amphi__attempt_finish(a);
}

void amphi__attempt_run(amphi_stream *stream, const amphi_attempt_args *args,
    amphi_attempt_outcome *outcome, amphi_attempt_pending *pending)
{
    amphi_attempt a;
    amphi__attempt_init(&a, stream, args, outcome, pending);
    amphi__attempt_set_route(&a);
    amphi__attempt_start(&a);
    amphi__attempt_run_to_end(&a);
}
