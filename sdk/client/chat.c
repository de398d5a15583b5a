/* SPDX-License-Identifier: Apache-2.0
 *
 * One request's life, from top to bottom, on the request's own driver thread:
 *
 *     admit -> look in the cache -> decide -> attempt, take over, attempt ... -> finish or queue
 *
 * Whatever happens on the way, exactly one terminal event ends it: the last line of
 * amphi__chat_run. Nothing here knows what kind of engine a route is, except through its info.
 */
#include "sdk/client/attempt.h"
#include "sdk/client/cache_lookup.h"
#include "sdk/client/decide.h"
#include "sdk/client/history_write.h"
#include "sdk/client/memory_monitor.h"
#include "sdk/client/outbox_sender.h"
#include "sdk/client/route.h"
#include "sdk/client/route_health.h"
#include "sdk/client/stream.h"
#include "sdk/core/alloc.h"
#include "sdk/core/clock.h"
#include "sdk/core/crypto.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"

/* A second try on the same route waits a random part of this (full jitter). */
#define RETRY_JITTER_MS 200u
/* Rather than wait longer for a provider that said "later", the next route is tried. */
#define RETRY_AFTER_MAX_MS 3000u

/* ---- admit ---- */

static bool add_to_context(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    amphi_context *context = user;
    amphi__context_add(context, message);
    return context->json.status == AMPHI_OK;
}

/* Attaches the conversation's history. */
static bool admit(amphi_stream *stream)
{
    amphi_store store = stream->client->store;
    amphi_str id = amphi_str_from(stream->request.conversation_id);
    if (id.size == 0)
        return true;
    amphi_status status =
        store.ops->messages(store.self, id, add_to_context, &stream->context, &stream->error);
    if (status == AMPHI_OK)
        status = stream->context.json.status;
    if (status == AMPHI_OK || status == AMPHI_E_NOT_FOUND) {
        amphi__error_clear(&stream->error);
        return true;
    }
    if (stream->error.status == AMPHI_OK)
        amphi__fail(&stream->error, status, 0, "the conversation's history could not be read");
    return false;
}

/* ---- attempts ---- */

static bool ends_the_request(const amphi_stream *stream, amphi_status status)
{
    return status == AMPHI_E_CANCELLED || status == AMPHI_E_NO_MEMORY ||
           status == AMPHI_E_CONTENT_FILTER || stream->tool_call_seen;
}

static bool may_retry(amphi_client *client)
{
    amphi__mutex_lock(&client->lock);
    bool allowed = amphi__retry_budget_spend_retry(&client->retry_budget);
    amphi__mutex_unlock(&client->lock);
    return allowed;
}

/* How long to wait before the same route is tried a second time; -1: not at all. A route that was
 * silent, or that spoke and broke, is not asked again (one that was cut before it spoke is); and in an outage, when most requests would
 * like to try again, the client's retry budget says no. */
static int64_t retry_delay_ms(
    amphi_client *client, const amphi_attempt *attempt, bool has_next, uint32_t tries)
{
    const amphi_error *error = &attempt->error;
    bool limited = error->status == AMPHI_E_RATE_LIMITED;
    bool again = limited || error->status == AMPHI_E_PROVIDER || error->status == AMPHI_E_NETWORK ||
                 error->status == AMPHI_E_TRUNCATED;
    uint16_t random = 0;
    (void)amphi__random(&random, sizeof random);
    uint32_t delay_ms = random % RETRY_JITTER_MS;
    if (error->retry_after_ms > 0 || limited) { /* who was told to wait waits, or goes elsewhere */
        again = again && !has_next && error->retry_after_ms > 0 &&
                error->retry_after_ms <= RETRY_AFTER_MAX_MS;
        delay_ms = error->retry_after_ms;
    }
    uint64_t again_us = amphi__clock_us(client->clock) + (uint64_t)delay_ms * 1000;
    if (attempt->spoke || tries > 1 || !again || again_us >= attempt->deadline_us ||
        !may_retry(client))
        return -1;
    return (int64_t)delay_ms;
}

/* false when the caller cancelled meanwhile. */
static bool pause_ms(amphi_stream *stream, int64_t delay_ms)
{
    amphi__free(amphi__stream_wait(stream, UINT32_MAX, UINT32_MAX, (uint64_t)delay_ms * 1000));
    return !amphi__stream_is_cancelled(stream);
}

static amphi_takeover *record_takeover(
    amphi_stream *stream, const char *to, const amphi_error *why, bool continues)
{
    if (stream->takeovers_count == AMPHI_TAKEOVERS_MAX)
        return NULL;
    amphi_takeover *takeover = &stream->takeovers[stream->takeovers_count++];
    amphi__str_copy_to(takeover->from, sizeof takeover->from, amphi_str_from(stream->route));
    amphi__str_copy_to(takeover->to, sizeof takeover->to, amphi_str_from(to));
    amphi__str_copy_to(takeover->why, sizeof takeover->why, amphi_str_from(why->message));
    takeover->reason = why->status;
    takeover->byte_offset = stream->text.size;
    takeover->continued = continues;
    return takeover;
}

static void describe(
    const amphi_stream *stream, const amphi_plan_step *step, amphi_engine_info *out)
{
    amphi__route_describe(&stream->client->routes[step->route], out);
}

/* May the delivered text be given to this route as a beginning? */
static bool can_continue(const amphi_stream *stream, const amphi_plan_step *step)
{
    amphi_engine_info info;
    describe(stream, step, &info);
    return stream->text.size > 0 && info.prefix != AMPHI_NO;
}

static void note_outcome(amphi_stream *stream, const amphi_attempt *attempt)
{
    if (attempt->pass == AMPHI_BREAKER_REFUSED)
        return; /* the slower one of two: it has left */
    amphi__route_health_leave(
        stream->client, attempt->step, attempt->pass, &attempt->error, attempt->first_token_ms);
    if (attempt->error.status != AMPHI_OK && attempt->error.status != AMPHI_E_CANCELLED)
        amphi__log(&stream->client->log, AMPHI_LOG_WARNING, "attempt %u failed: %s",
            attempt->number, attempt->error.message);
}

static bool is_death(amphi_status status)
{
    return status == AMPHI_E_ENGINE_DIED || status == AMPHI_E_ENGINE_STALLED;
}

/* A local engine that died, and nobody else can finish the answer: it is started once more in this
 * request, and goes on where it was. */
static bool may_revive(amphi_stream *stream, amphi_attempt *attempt, const amphi_plan_step *step)
{
    if (attempt->revived || stream->tool_call_seen)
        return false;
    amphi__attempt_settle(stream, attempt); /* this death counts */
    attempt->revived =
        amphi__crash_ledger_allows(stream->client, &stream->client->routes[step->route]);
    return attempt->revived;
}

static uint64_t deadline_us(const amphi_stream *stream, const amphi_plan_step *step)
{
    uint32_t total_ms = step->budgets.total_ms;
    return total_ms > 0 ? stream->started_us + (uint64_t)total_ms * 1000 : UINT64_MAX;
}

/* Asks the route's breaker. A refusal is the attempt's error only when there is none that says more. */
static bool enter(amphi_stream *stream, amphi_attempt *attempt)
{
    attempt->pass = amphi__route_health_enter(
        stream->client, attempt->step, attempt->number == 0 ? &attempt->error : NULL);
    return attempt->pass != AMPHI_BREAKER_REFUSED;
}

/* One route of the plan, with its second tries. Returns with attempt->error set. */
static void try_route(amphi_stream *stream, amphi_attempt *attempt, bool has_next)
{
    amphi_engine_info info;
    describe(stream, attempt->step, &info);
    attempt->continues = can_continue(stream, attempt->step);
    attempt->takeover = NULL;
    if (attempt->number > 0)
        attempt->takeover = record_takeover(stream, info.name, &attempt->error, attempt->continues);
    for (uint32_t tries = 1;; tries++) {
        attempt->number++;
        amphi__attempt_run(stream, attempt);
        if (attempt->prefix_refused && attempt->continues && !attempt->spoke) {
            attempt->continues = false; /* not a failure: it starts again, at once */
            if (attempt->takeover != NULL)
                attempt->takeover->continued = false;
            attempt->number++;
            amphi__attempt_run(stream, attempt);
        }
        note_outcome(stream, attempt);
        if (attempt->error.status == AMPHI_OK)
            return;
        if (!has_next && is_death(attempt->error.status) &&
            may_revive(stream, attempt, attempt->step) && enter(stream, attempt)) {
            attempt->continues = can_continue(stream, attempt->step);
            attempt->takeover =
                record_takeover(stream, info.name, &attempt->error, attempt->continues);
            continue;
        }
        int64_t delay_ms = retry_delay_ms(stream->client, attempt, has_next, tries);
        if (delay_ms < 0 || !pause_ms(stream, delay_ms) || !enter(stream, attempt))
            return;
    }
}

/* Would this step fail as the last one did? What a model refused is not sent to the same model
 * again, and a conversation that is too long only goes where more fits. */
static bool is_pointless(
    const amphi_stream *stream, const amphi_plan_step *step, const amphi_attempt *last)
{
    amphi_engine_info next, failed;
    bool too_long = last->error.status == AMPHI_E_CONTEXT_LENGTH;
    bool refused = last->error.status == AMPHI_E_REQUEST &&
                   (last->error.native_code == 400 || last->error.native_code == 422);
    if (!too_long && !refused)
        return false;
    describe(stream, step, &next);
    describe(stream, last->step, &failed);
    if (too_long && next.context_tokens_max != 0 && failed.context_tokens_max != 0)
        return next.context_tokens_max <= failed.context_tokens_max;
    return next.kind == failed.kind && next.model[0] != '\0' &&
           strcmp(next.model, failed.model) == 0;
}

/* An engine inside the app may take the app along: the turn is put into the outbox first, where
 * the next launch finds it. false: it may not be kept, or could not be. */
static bool keep_for_next_launch(amphi_stream *stream, const amphi_plan_step *step)
{
    const amphi_request *request = &stream->request;
    amphi_engine_info info;
    amphi_error error;
    describe(stream, step, &info);
    if (!info.in_process || request->no_queue || request->outbox_id != NULL ||
        request->is_private || request->mode == AMPHI_MODE_ONLY_LOCAL)
        return false;
    return amphi__outbox_add(
               stream->client, request, stream->key, step->budgets.total_ms, &error) == AMPHI_OK;
}

static void try_route_safely(amphi_stream *stream, amphi_attempt *attempt, bool has_next)
{
    amphi_store store = stream->client->store;
    bool kept = keep_for_next_launch(stream, attempt->step);
    try_route(stream, attempt, has_next);
    if (kept) /* we live: what comes of it now is for this launch to see to */
        (void)store.ops->outbox_remove(store.self, amphi_str_from(stream->key), NULL);
}

/* The first route of the plan with a hedge: the second one starts too when the first is later than
 * it usually is. Returns how many steps of the plan are behind us; attempt->error is the winner's. */
static size_t try_hedged(amphi_stream *stream, amphi_attempt *attempt, const amphi_plan_step *next)
{
    amphi_attempt second = *attempt;
    amphi_client *client = stream->client;
    uint32_t hedge_ms = amphi__route_health_hedge_ms(client, attempt->step);
    attempt->number = 1;
    second.number = 2;
    second.step = next;
    second.pass = AMPHI_BREAKER_REFUSED;
    amphi__route_model_identity(&client->routes[next->route], &second.model_identity);
    amphi_engine_info info;
    describe(stream, attempt->step, &info);
    amphi__str_copy_to(stream->route, sizeof stream->route, amphi_str_from(info.name));
    amphi_error late = {.status = AMPHI_E_TIMEOUT};
    amphi_takeover *takeover = record_takeover(stream, "", &late, false);
    bool second_wins = amphi__attempt_race(stream, attempt, &second, hedge_ms, takeover);
    note_outcome(stream, attempt);
    note_outcome(stream, &second);
    if (!second_wins) {
        amphi__attempt_settle(stream, &second);
        stream->takeovers_count--;
        attempt->number = 2;
        return 1;
    }
    amphi__attempt_settle(stream, attempt);
    *attempt = second;
    return 2;
}

/* The body for a step of the plan, with as much of the conversation as fits its engine. */
static amphi_status build_body(
    amphi_stream *stream, const amphi_plan_step *step, size_t skip, amphi_buf *body)
{
    amphi_buf history;
    amphi__buf_init(&history, 0);
    amphi__buf_reset(body);
    amphi_status status = amphi__context_write(&stream->context, skip, &history);
    if (status == AMPHI_OK)
        status = amphi__request_engine_body(
            &stream->request, amphi__buf_str(&history), step->answer_tokens_max, body);
    amphi__buf_clear(&history);
    return status;
}

/* How many of the oldest messages to leave out for this step, by a careful estimate. */
static size_t skip_for(const amphi_stream *stream, const amphi_plan_step *step)
{
    amphi_engine_info info;
    describe(stream, step, &info);
    uint32_t context_tokens = info.context_tokens_max;
    if (step->context_tokens_max > 0 && step->context_tokens_max < context_tokens)
        context_tokens = step->context_tokens_max;
    if (context_tokens == 0)
        return 0; /* unknown: the engine will say when it is too much */
    uint32_t answer =
        step->answer_tokens_max < context_tokens / 4 ? step->answer_tokens_max : context_tokens / 4;
    uint32_t own = amphi__decide_prompt_tokens(&stream->request);
    uint32_t room = context_tokens > answer + own ? context_tokens - answer - own : 0;
    return amphi__context_skip_to_fit(&stream->context, room);
}

/* One step of the plan. An engine that finds the conversation too long gets it again without the
 * oldest turns, until only the new messages are left. Returns how many steps are behind us. */
static size_t try_step(amphi_stream *stream, amphi_attempt *attempt, size_t i, amphi_buf *body)
{
    const amphi_plan *plan = &stream->plan;
    bool has_next = i + 1 < plan->steps_count;
    size_t skip = skip_for(stream, attempt->step);
    amphi__route_model_identity(
        &stream->client->routes[attempt->step->route], &attempt->model_identity);
    size_t done = 1;
    for (;;) {
        if (build_body(stream, attempt->step, skip, body) != AMPHI_OK) {
            amphi__fail_no_memory(&attempt->error);
            return done;
        }
        if (!enter(stream, attempt))
            return done;
        attempt->body = amphi__buf_str(body);
        if (i == 0 && has_next && attempt->step->hedge_ms > 0 && attempt->number == 0)
            done = try_hedged(stream, attempt, &plan->steps[i + 1]);
        else
            try_route_safely(stream, attempt, has_next);
        if (attempt->error.status != AMPHI_E_CONTEXT_LENGTH || attempt->spoke || done > 1 ||
            skip >= stream->context.count)
            return done;
        skip = amphi__context_skip_more(&stream->context, skip);
    }
}

/* The caller's cancel comes before every other reason. */
static bool is_cancelled(amphi_stream *stream, amphi_error *error)
{
    if (!amphi__stream_is_cancelled(stream))
        return false;
    amphi__fail(error, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
    return true;
}

/* false: that was it, for better or worse. */
static bool goes_on(amphi_stream *stream, amphi_attempt *attempt)
{
    if (attempt->error.status == AMPHI_OK || ends_the_request(stream, attempt->error.status) ||
        amphi__clock_us(stream->client->clock) >= attempt->deadline_us)
        return false;
    return !is_cancelled(stream, &attempt->error);
}

/* Runs the plan's steps until one gives a whole answer. When none does, the first whose engine died
 * has another turn: the cloud that should have taken over may be down. */
static bool try_routes(amphi_stream *stream)
{
    const amphi_plan *plan = &stream->plan;
    amphi_buf body;
    amphi__buf_init(&body, 0);
    amphi_attempt attempt = {0};
    if (plan->dead_route.error.status != AMPHI_OK) { /* what comes now takes over */
        attempt.number = 1;
        attempt.error = plan->dead_route.error;
        attempt.revived = plan->dead_route.restart;
        amphi__str_copy_to(
            stream->route, sizeof stream->route, amphi_str_from(plan->dead_route.route));
    }
    size_t died = plan->steps_count;
    bool more = !is_cancelled(stream, &attempt.error);
    for (size_t i = 0; more && i < plan->steps_count;) {
        const amphi_plan_step *step = &plan->steps[i];
        if (i > 0 && is_pointless(stream, step, &attempt)) {
            i++;
            continue;
        }
        attempt.step = step;
        attempt.deadline_us = deadline_us(stream, step);
        size_t done = try_step(stream, &attempt, i, &body);
        if (done == 1 && is_death(attempt.error.status) && died == plan->steps_count)
            died = i;
        i += done;
        more = goes_on(stream, &attempt);
    }
    if (more && died < plan->steps_count && may_revive(stream, &attempt, &plan->steps[died])) {
        attempt.step = &plan->steps[died];
        (void)try_step(stream, &attempt, died, &body);
        (void)goes_on(stream, &attempt);
    }
    amphi__attempt_settle(stream, &attempt);
    stream->error = attempt.error;
    stream->model_identity = attempt.model_identity;
    amphi__buf_clear(&body);
    return stream->error.status == AMPHI_OK;
}

/* ---- finish ---- */

static void finish_whole(amphi_stream *stream, const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_chat_result result;
    stream->ended_us = amphi__clock_us(stream->client->clock);
    amphi__stream_fill_result(stream, &result);
    amphi__cache_lookup_store(stream, key, &result);
    amphi_error why;
    amphi__error_clear(&why);
    if (amphi__history_write_turn(stream, &result, &why) != AMPHI_OK) {
        /* The answer is whole, but nobody may think that it is kept. */
        amphi__fail(&stream->history_error, why.status, why.native_code,
            "the answer could not be kept in the history: %s", why.message);
        amphi__log(&stream->client->log, AMPHI_LOG_ERROR, "%s", stream->history_error.message);
    }
    if (stream->history_error.status != AMPHI_OK && stream->request.outbox_id != NULL) {
        stream->error = stream->history_error;
        amphi_event failed = {.kind = AMPHI_EVENT_ERROR, .error = &stream->error};
        amphi__stream_emit(stream, &failed);
        return;
    }
    amphi_event event = {.kind = AMPHI_EVENT_DONE,
        .route = amphi_str_from(stream->route),
        .finish = stream->finish,
        .usage = stream->usage};
    amphi__stream_emit(stream, &event);
}

/* Worth keeping for later: what failed may be gone by then, and nothing forbids to wait. */
static bool may_queue(const amphi_stream *stream)
{
    const amphi_request *request = &stream->request;
    if (request->no_queue || request->outbox_id != NULL || request->is_private ||
        request->mode == AMPHI_MODE_ONLY_LOCAL || stream->tool_call_seen)
        return false;
    switch (stream->error.status) {
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
        return true;
    default:
        return false;
    }
}

static void finish_failed(amphi_stream *stream)
{
    amphi_error why_not;
    (void)is_cancelled(stream, &stream->error);
    stream->ended_us = amphi__clock_us(stream->client->clock);
    if (may_queue(stream)) {
        if (amphi__outbox_add(stream->client, &stream->request, stream->key, 0, &why_not) ==
            AMPHI_OK) {
            amphi__str_copy_to(stream->route, sizeof stream->route, AMPHI_STR("outbox"));
            stream->model[0] = '\0';
            amphi_event event = {.kind = AMPHI_EVENT_QUEUED,
                .text = amphi_str_from(stream->key),
                .route = AMPHI_STR("outbox")};
            amphi__stream_emit(stream, &event);
            return;
        }
        amphi__log(&stream->client->log, AMPHI_LOG_ERROR, "outbox: %s", why_not.message);
    }
    amphi_event event = {
        .kind = AMPHI_EVENT_ERROR, .error = &stream->error, .route = amphi_str_from(stream->route)};
    amphi__stream_emit(stream, &event);
}

void amphi__chat_run(amphi_stream *stream)
{
    uint8_t cache_key[AMPHI_CACHE_KEY_BYTES] = {0};
    bool whole = false;
    if (admit(stream))
        whole = amphi__cache_lookup_answer(stream, cache_key) ||
                (amphi__decide(stream->client, &stream->request, &stream->plan, &stream->error) &&
                    try_routes(stream));
    (void)amphi__memory_monitor_release(stream->client);
    if (amphi__tool_calls_write(&stream->calls, &stream->tool_calls) != AMPHI_OK && whole) {
        amphi__fail_no_memory(&stream->error);
        whole = false;
    }
    if (whole)
        finish_whole(stream, cache_key);
    else
        finish_failed(stream);
}
