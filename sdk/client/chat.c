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
#include "sdk/client/courier.h"
#include "sdk/client/decide.h"
#include "sdk/client/splice.h"
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

static bool put_history(
    void *user, const amphi_store_message *message, int64_t id, int64_t created_ms)
{
    amphi_buf *history = user;
    if (history->size > 0)
        amphi__buf_append_char(history, ',');
    return amphi__request_put_stored(history, message) == AMPHI_OK;
}

/* Attaches the conversation's history. */
static bool admit(amphi_stream *stream)
{
    amphi_store store = stream->client->store;
    amphi_str id = amphi_str_from(stream->request.conversation_id);
    if (id.size == 0)
        return true;
    amphi_status status =
        store.ops->messages(store.self, id, put_history, &stream->history, &stream->error);
    if (status == AMPHI_OK)
        status = stream->history.status;
    if (status == AMPHI_OK || status == AMPHI_E_NOT_FOUND) {
        amphi__error_clear(&stream->error);
        return true;
    }
    if (stream->error.status == AMPHI_OK)
        amphi__fail(&stream->error, status, 0, "the conversation's history could not be read");
    return false;
}

/* ---- cache ---- */

static bool cache_applies(const amphi_stream *stream)
{
    const amphi_request *request = &stream->request;
    return !request->no_cache && request->given[0] == '\0' && request->outbox_id == NULL;
}

static bool answer_from_cache(amphi_stream *stream, uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_cached_answer answer;
    if (!cache_applies(stream) ||
        amphi__cache_key(stream->client->cache, &stream->request,
            amphi__buf_str(&stream->history), key) != AMPHI_OK ||
        amphi__cache_get(stream->client->cache, key, &answer) != AMPHI_OK)
        return false;
    amphi_str text = amphi_str_from(answer.text);
    if (amphi__buf_append_str(&stream->text, text) != AMPHI_OK) {
        amphi__cached_answer_clear(&answer);
        return false;
    }
    stream->cache_hit = true;
    stream->finish = AMPHI_FINISH_STOP;
    stream->usage = answer.usage;
    stream->first_token_us = amphi__clock_us(stream->client->clock);
    amphi__str_copy_to(stream->route, sizeof stream->route, AMPHI_STR("cache"));
    amphi__str_copy_to(stream->model, sizeof stream->model, amphi_str_from(answer.model));
    amphi_event event = {.kind = AMPHI_EVENT_ROUTE, .route = AMPHI_STR("cache")};
    amphi__stream_emit(stream, &event);
    event.kind = AMPHI_EVENT_DELTA;
    event.text = text;
    amphi__stream_emit(stream, &event);
    amphi__cached_answer_clear(&answer);
    return true;
}

/* ---- attempts ---- */

static bool ends_the_request(const amphi_stream *stream, amphi_status status)
{
    return status == AMPHI_E_CANCELLED || status == AMPHI_E_NO_MEMORY ||
        status == AMPHI_E_CONTENT_FILTER || stream->tool_call_seen;
}

/* How long to wait before the same route is tried a second time; -1: not at all. A route that was
 * silent, or that spoke and broke, is not asked again; and in an outage, when most requests would
 * like to try again, the client's retry budget says no. */
static int64_t retry_delay_ms(
    amphi_client *client, const amphi_attempt *attempt, bool has_next, uint32_t tries)
{
    const amphi_error *error = &attempt->error;
    bool later = error->status == AMPHI_E_RATE_LIMITED && !has_next &&
        error->retry_after_ms > 0 && error->retry_after_ms <= RETRY_AFTER_MAX_MS;
    bool again = error->status == AMPHI_E_PROVIDER || error->status == AMPHI_E_NETWORK;
    if (attempt->spoke || tries > 1 || !(later || again) || !amphi__decide_may_retry(client))
        return -1;
    if (later)
        return (int64_t)error->retry_after_ms;
    uint16_t random = 0;
    (void)amphi__random(&random, sizeof random);
    return random % RETRY_JITTER_MS;
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

/* May the delivered text be given to this route as a beginning? */
static bool can_continue(const amphi_stream *stream, const amphi_plan_step *step)
{
    amphi_engine engine = stream->client->routes[step->route].engine;
    amphi_engine_info info;
    engine.ops->describe(engine.self, &info);
    return stream->text.size > 0 && info.prefix != AMPHI_NO;
}

static void note_outcome(amphi_stream *stream, const amphi_attempt *attempt)
{
    amphi__decide_ended(stream->client, &stream->client->routes[attempt->step->route],
        &attempt->error, attempt->first_token_ms);
    if (attempt->error.status != AMPHI_OK)
        amphi__log(&stream->client->log, AMPHI_LOG_WARNING, "attempt %u failed: %s",
            attempt->number, attempt->error.message);
}

/* A local engine that died and is the last hope (private, only_local, no cloud) is started once
 * more, and goes on where it was. */
static bool may_revive(const amphi_stream *stream, const amphi_attempt *attempt, bool has_next)
{
    amphi_status status = attempt->error.status;
    return !has_next && !stream->tool_call_seen &&
        (status == AMPHI_E_ENGINE_DIED || status == AMPHI_E_ENGINE_STALLED);
}

/* One route of the plan, with its second tries. Returns with attempt->error set. */
static void try_route(amphi_stream *stream, amphi_attempt *attempt, bool has_next)
{
    amphi_route *route = &stream->client->routes[attempt->step->route];
    amphi_engine_info info;
    route->engine.ops->describe(route->engine.self, &info);
    attempt->continues = can_continue(stream, attempt->step);
    attempt->takeover = NULL;
    if (attempt->number > 0)
        attempt->takeover =
            record_takeover(stream, info.name, &attempt->error, attempt->continues);
    for (uint32_t tries = 1;; tries++) {
        attempt->number++;
        amphi__decide_began(stream->client, route);
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
        if (tries == 1 && may_revive(stream, attempt, has_next)) {
            attempt->continues = can_continue(stream, attempt->step);
            attempt->takeover =
                record_takeover(stream, info.name, &attempt->error, attempt->continues);
            continue;
        }
        int64_t delay_ms = retry_delay_ms(stream->client, attempt, has_next, tries);
        if (delay_ms < 0 || !pause_ms(stream, delay_ms))
            return;
    }
}

/* The first route of the plan with a hedge: the second one starts too when the first is later than
 * it usually is. Returns how many steps of the plan are behind us; attempt->error is the winner's. */
static size_t try_hedged(amphi_stream *stream, amphi_attempt *attempt, const amphi_plan_step *next)
{
    amphi_attempt second = *attempt;
    amphi_client *client = stream->client;
    uint32_t hedge_ms = amphi__decide_hedge_ms(client, attempt->step);
    attempt->number = 1;
    second.number = 2;
    second.step = next;
    amphi_engine_info info;
    client->routes[attempt->step->route].engine.ops->describe(
        client->routes[attempt->step->route].engine.self, &info);
    amphi__str_copy_to(stream->route, sizeof stream->route, amphi_str_from(info.name));
    amphi_error late = {.status = AMPHI_E_TIMEOUT};
    amphi_takeover *takeover = record_takeover(stream, "", &late, false);
    amphi__decide_began(client, &client->routes[attempt->step->route]);
    if (!amphi__attempt_race(stream, attempt, &second, hedge_ms, takeover)) {
        stream->takeovers_count--;
        note_outcome(stream, attempt);
        attempt->number = 2;
        return 1;
    }
    note_outcome(stream, &second); /* being late is not held against the first one's breaker */
    *attempt = second;
    return 2;
}

/* Runs the plan's steps until one gives a whole answer. */
static bool try_routes(amphi_stream *stream)
{
    const amphi_plan *plan = &stream->plan;
    amphi_buf body;
    amphi__buf_init(&body, 0);
    amphi_attempt attempt = {0};
    for (size_t i = 0; i < plan->steps_count;) {
        attempt.step = &plan->steps[i];
        uint32_t total_ms = attempt.step->budgets.total_ms;
        attempt.deadline_us =
            total_ms > 0 ? stream->started_us + (uint64_t)total_ms * 1000 : UINT64_MAX;
        amphi__buf_reset(&body);
        if (amphi__request_engine_body(&stream->request, amphi__buf_str(&stream->history),
                attempt.step->answer_tokens_max, &body) != AMPHI_OK) {
            amphi__fail_no_memory(&attempt.error);
            break;
        }
        attempt.body = amphi__buf_str(&body);
        bool has_next = i + 1 < plan->steps_count;
        if (i == 0 && has_next && attempt.step->hedge_ms > 0) {
            i += try_hedged(stream, &attempt, &plan->steps[i + 1]);
        } else {
            try_route(stream, &attempt, has_next);
            i++;
        }
        if (attempt.error.status == AMPHI_OK || ends_the_request(stream, attempt.error.status))
            break;
        if (amphi__stream_is_cancelled(stream)) {
            amphi__fail(&attempt.error, AMPHI_E_CANCELLED, 0, "cancelled by the caller");
            break;
        }
    }
    stream->error = attempt.error;
    amphi__buf_clear(&body);
    return stream->error.status == AMPHI_OK;
}

/* ---- finish ---- */

/* The request's own messages and the answer, in one transaction. */
static amphi_status keep_in_history(amphi_stream *stream, const amphi_chat_result *result)
{
    enum { OWN_MAX = 64 };
    amphi_store store = stream->client->store;
    amphi_store_message messages[OWN_MAX + 1];
    amphi_buf contents[OWN_MAX]; /* for those that are not plain text */
    size_t count = 0;
    if (stream->request.conversation_id[0] == '\0' && stream->request.outbox_id == NULL)
        return AMPHI_OK;
    memset(messages, 0, sizeof messages);
    const amphi_json *own = amphi__json_get(stream->request.body, "messages");
    for (const amphi_json *m = amphi__json_first(own); m != NULL && count < OWN_MAX;
         m = amphi__json_next(m)) {
        const amphi_json *content = amphi__json_get(m, "content");
        amphi__buf_init(&contents[count], 0);
        messages[count].role = amphi__json_string(amphi__json_get(m, "role"));
        messages[count].content = amphi__json_string(content);
        if (amphi__json_kind(content) == AMPHI_JSON_ARRAY) {
            amphi__json_write(&contents[count], content);
            messages[count].content = amphi__buf_str(&contents[count]);
            messages[count].content_is_json = true;
        }
        count++;
    }
    amphi_buf record, extra;
    amphi__buf_init(&record, 0);
    amphi__buf_init(&extra, 0);
    amphi_chat_result without_text = *result;
    without_text.text = without_text.reasoning = amphi_str_make(NULL, 0);
    amphi__record_result_json(&without_text, &record);
    if (result->tool_calls_json.size > 0)
        amphi__buf_printf(&extra, "{\"tool_calls\":%.*s}", (int)result->tool_calls_json.size,
            result->tool_calls_json.data);
    amphi_store_message *answer = &messages[count];
    answer->role = AMPHI_STR("assistant");
    answer->content = result->text;
    answer->extra_json = amphi__buf_str(&extra);
    answer->route = result->route;
    answer->model = result->model;
    answer->decision_json = amphi__buf_str(&record);
    answer->usage = result->usage;
    amphi_store_turn turn = {
        .struct_size = sizeof turn,
        .conversation_id = amphi_str_from(stream->request.conversation_id),
        .now_ms = amphi__clock_wall_ms(stream->client->clock),
        .messages = messages,
        .messages_count = count + 1,
        .outbox_id = amphi_str_from(stream->request.outbox_id),
    };
    amphi_error error;
    amphi_status status = store.ops->turn_append(store.self, &turn, &error);
    if (status != AMPHI_OK)
        amphi__log(&stream->client->log, AMPHI_LOG_ERROR, "history: the turn was not kept: %s",
            error.message);
    for (size_t i = 0; i < count; i++)
        amphi__buf_clear(&contents[i]);
    amphi__buf_clear(&record);
    amphi__buf_clear(&extra);
    return status;
}

static void finish_whole(amphi_stream *stream, const uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_chat_result result;
    stream->ended_us = amphi__clock_us(stream->client->clock);
    amphi__stream_fill_result(stream, &result);
    amphi__mutex_lock(&stream->client->lock);
    uint32_t ttl_s = stream->client->policy.cache_ttl_s;
    amphi__mutex_unlock(&stream->client->lock);
    if (cache_applies(stream) && !stream->cache_hit && ttl_s > 0 &&
        stream->finish == AMPHI_FINISH_STOP && !stream->tool_call_seen && stream->text.size > 0)
        (void)amphi__cache_put(stream->client->cache, key, &result, ttl_s);
    amphi_status status = keep_in_history(stream, &result);
    if (status != AMPHI_OK && stream->request.outbox_id != NULL) {
        amphi__fail(&stream->error, status, 0, "the delivered answer could not be kept");
        amphi_event failed = {.kind = AMPHI_EVENT_ERROR, .error = &stream->error};
        amphi__stream_emit(stream, &failed);
        return;
    }
    amphi_event event = {.kind = AMPHI_EVENT_DONE, .route = amphi_str_from(stream->route),
        .finish = stream->finish, .usage = stream->usage};
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
    stream->ended_us = amphi__clock_us(stream->client->clock);
    if (may_queue(stream)) {
        if (amphi__courier_queue(stream->client, &stream->request, stream->key, &why_not) ==
            AMPHI_OK) {
            amphi__str_copy_to(stream->route, sizeof stream->route, AMPHI_STR("outbox"));
            stream->model[0] = '\0';
            amphi_event event = {.kind = AMPHI_EVENT_QUEUED, .text = amphi_str_from(stream->key),
                .route = AMPHI_STR("outbox")};
            amphi__stream_emit(stream, &event);
            return;
        }
        amphi__log(&stream->client->log, AMPHI_LOG_ERROR, "outbox: %s", why_not.message);
    }
    amphi_event event = {.kind = AMPHI_EVENT_ERROR, .error = &stream->error,
        .route = amphi_str_from(stream->route)};
    amphi__stream_emit(stream, &event);
}

void amphi__chat_run(amphi_stream *stream)
{
    uint8_t cache_key[AMPHI_CACHE_KEY_BYTES] = {0};
    bool whole = false;
    if (admit(stream))
        whole = answer_from_cache(stream, cache_key) ||
            (amphi__decide(stream->client, &stream->request, stream->history.size, &stream->plan,
                 &stream->error) &&
                try_routes(stream));
    amphi__decide_unload(stream->client);
    if (whole)
        finish_whole(stream, cache_key);
    else
        finish_failed(stream);
}
