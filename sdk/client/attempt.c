/* SPDX-License-Identifier: Apache-2.0
 *
 * Running one engine under budgets. The engine posts its events into the stream's mailbox from a
 * thread of its own; the loop here, on the driver thread, is the mailbox's only reader, so
 * delivered text has one writer.
 */
#include "sdk/client/attempt_state.h"

#include "sdk/client/background.h"
#include "sdk/client/learned.h"
#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/client/spending.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/model_list.h"
#include "sdk/core/str.h"

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
    amphi__buf_init(&a->extra, AMPHI_ANSWER_BYTES_MAX);
    amphi__buf_init(&a->learned, AMPHI_LEARNED_BYTES_MAX);
    amphi__buf_init(&a->logprobs, AMPHI_LOGPROBS_BYTES_MAX);
    amphi__buf_init(&a->delivered, 0);
    amphi__route_describe(route, &a->info);
    const amphi_json *asked = amphi__json_get(stream->request.body, "model");
    if (strchr(route->model, '|') != NULL) /* one of several */
        amphi__str_copy_to(a->info.model, sizeof a->info.model,
            amphi__model_list_choose(amphi_str_from(route->model), amphi__json_string(asked)));
    amphi__str_copy_to(a->model, sizeof a->model, amphi_str_from(a->info.model));
    amphi__buf_append_str(&a->delivered, amphi__buf_str(&stream->text));
    amphi_str delivered = amphi__buf_str(&a->delivered);
    amphi__splice_init(&a->splice, args->continues ? AMPHI_SPLICE_CONTINUE : AMPHI_SPLICE_RESTART,
        delivered, delivered.size - amphi__splice_prefix(delivered).size);
    a->splice.is_known = args->is_known;
    amphi__handoff_init(&a->handoff, args->is_judged ? args->step->judge_tokens : 0,
        args->step->judge_hold_ms, args->step->right_min_permille);
    a->bill.is_cloud = a->info.kind == AMPHI_ENGINE_CLOUD;
    a->bill.price = amphi__route_price(route, &a->info, amphi__json_string(asked));
}

/* What the engine learned before about this model, in this process or another. */
static amphi_learned_key learned_key(const amphi_attempt *a)
{
    const amphi_route *route = &a->stream->client->routes[a->args->step->route];
    amphi_str asked = amphi__json_string(amphi__json_get(a->stream->request.body, "model"));
    amphi_str models = amphi_str_from(route->model);
    if (amphi__model_list_has(models, asked))
        models = asked;
    else if (a->info.model[0] != '\0')
        models = amphi_str_from(a->info.model);
    else
        models = asked;
    return (amphi_learned_key){"engine", amphi_str_from(a->info.name), models};
}

static void read_learned(const amphi_attempt *a, amphi_buf *out)
{
    const amphi_learned_key key = learned_key(a);
    if (a->info.kind != AMPHI_ENGINE_LOCAL)
        amphi__learned_read(a->stream->client, &key, out);
}

static void keep_learned(const amphi_attempt *a)
{
    const amphi_learned_key key = learned_key(a);
    if (a->learned.size > 0)
        amphi__learned_write(a->stream->client, &key, amphi__buf_str(&a->learned));
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
    amphi_buf learned;
    amphi__buf_init(&learned, AMPHI_LEARNED_BYTES_MAX);
    read_learned(a, &learned);
    amphi_event event = {.kind = AMPHI_EVENT_ROUTE, .route = amphi_str_from(a->info.name)};
    amphi_engine_sink sink = {&a->self, on_engine_event};
    amphi_engine_request request = {
        .struct_size = sizeof request,
        .body = a->args->body,
        .body_is_kept = true,
        .prefix = amphi__buf_str(&a->prefix),
        .conversation_id = amphi_str_from(stream->request.conversation_id),
        .idempotency_key = amphi_str_from(stream->key),
        .connect_ms = step->budgets.connect_ms,
        .threads_max = step->threads_max,
        .context_tokens_max = step->context_tokens_max,
        .tokens_per_second_max = step->tokens_per_second_max,
        .plain_kernels = step->plain_kernels,
        .learned = amphi__buf_str(&learned),
        .continuation = a->args->continues ? a->args->way : AMPHI_CONTINUE_AUTO,
        .judge_tokens = a->args->is_judged ? step->judge_tokens : 0,
    };
    if (!a->args->continues) { /* those of an answer that is given up */
        amphi__buf_reset(&stream->extra);
        amphi__buf_reset(&stream->usage_extra);
    }
    a->begun_us = amphi__stream_awake_us(stream);
    a->progress_us = a->begun_us;
    a->bill.is_metered = amphi__client_is_metered(client, &a->info);
    a->device_checked_us = a->begun_us;
    a->device_epoch = atomic_load(&client->device_epoch);
    amphi__route_health_run_started(client, step->route);
    if (a->info.kind == AMPHI_ENGINE_LOCAL)
        amphi__background_monitor_memory(client->background);
    amphi__crash_ledger_begin(client, &a->ledger, &a->info, request.plain_kernels);
    amphi_status status =
        a->engine->ops->start(a->engine->self, &a->run, &request, &sink, &a->outcome->error);
    amphi__buf_clear(&learned);
    amphi__stream_emit(stream, &event); /* the engine is at work; its events wait in the mailbox */
    amphi__attempt_settle(stream, a->pending);
    if (status == AMPHI_OK) {
        a->was_started = true;
        a->bill.prompt_bytes = request.body.size + request.prefix.size;
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

/* A system's model that named no time says when it is asked again: so the app's error does, too. */
static void name_pause(amphi_attempt *a)
{
    amphi_error *error = &a->outcome->error;
    amphi_policy policy;
    amphi_reason reason;
    if (a->info.kind != AMPHI_ENGINE_SYSTEM || error->status == AMPHI_OK)
        return;
    amphi__client_policy(a->stream->client, &policy);
    if (error->retry_after_ms == 0)
        error->retry_after_ms = amphi__route_health_pause_ms(&policy, &a->info, error, &reason);
}

/* Releases the engine's run and everything that the attempt holds. */
void amphi__attempt_finish(amphi_attempt *a)
{
    name_pause(a);
    if (a->was_started)
        amphi__attempt_account(a);
    if (a->run != NULL) {
        amphi__stream_run_ends(a->stream, a->run);
        a->engine->ops->release(a->engine->self, a->run);
        amphi__route_health_run_ended(a->stream->client, a->args->step->route);
    }
    a->run = NULL;
    end_ledger(a);
    keep_learned(a);
    amphi__buf_clear(&a->extra);
    amphi__buf_clear(&a->learned);
    amphi__splice_clear(&a->splice);
    amphi__handoff_clear(&a->handoff);
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
        amphi__attempt_decide_in_time(attempts[i], now_us);
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
    uint32_t number = queued != NULL ? queued->attempt : 0;
    bool is_kept = false;
    for (size_t i = 0; i < count; i++) {
        amphi_attempt *a = attempts[i];
        if (queued != NULL && number == a->args->number) {
            is_kept = amphi__attempt_on_event(a, queued);
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
    if (!is_kept)
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
