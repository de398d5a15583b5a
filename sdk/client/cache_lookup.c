/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking, waiting for an equal request, delivering, keeping.
 */
#include "sdk/client/cache_lookup.h"

#include "sdk/client/route.h"
#include "sdk/client/single_flight.h"
#include "sdk/core/clock.h"
#include "sdk/core/error.h"
#include "sdk/core/str.h"
#include "sdk/near/near.h"

/* false: no route has this name (any more). */
static bool identify(const amphi_client *client, const char *name, amphi_model_identity *out)
{
    for (size_t i = 0; i < client->routes_count; i++) {
        const amphi_route *route = &client->routes[i];
        amphi_engine_info info;
        const char *own_name = route->name;
        if (own_name[0] == '\0') {
            amphi__route_describe(route, &info);
            own_name = info.name;
        }
        if (strcmp(own_name, name) != 0)
            continue;
        amphi__route_model_identity(route, out);
        return true;
    }
    return false;
}

/* After a change of a route's model its stored answers no longer serve. When the route does not
 * know what it runs (its model file is missing), they do. */
static bool is_still_ours(const amphi_client *client, const amphi_cached_answer *answer)
{
    amphi_model_identity now;
    return identify(client, answer->route, &now) &&
           (now.text[0] == '\0' || strcmp(now.text, answer->identity) == 0);
}

/* ---- delivering ---- */

static bool deliver(amphi_stream *stream, amphi_cached_answer *answer)
{
    amphi_str text = amphi_str_from(answer->text);
    if (amphi__buf_append_str(&stream->text, text) != AMPHI_OK)
        return false;
    stream->cache_hit = true;
    stream->finish = AMPHI_FINISH_STOP;
    stream->usage = answer->usage;
    stream->first_token_us = amphi__clock_us(stream->client->clock);
    amphi__str_copy_to(stream->route, sizeof stream->route, AMPHI_STR("cache"));
    amphi__str_copy_to(stream->model, sizeof stream->model, amphi_str_from(answer->model));
    amphi_event event = {.kind = AMPHI_EVENT_ROUTE, .route = AMPHI_STR("cache")};
    amphi__stream_emit(stream, &event);
    event.kind = AMPHI_EVENT_DELTA;
    event.text = text;
    amphi__stream_emit(stream, &event);
    event.kind = AMPHI_EVENT_USAGE;
    event.text = amphi_str_make(NULL, 0);
    event.usage = stream->usage;
    amphi__stream_emit(stream, &event);
    return true;
}

/* How the found answer's question and the request's are alike; NONE: not enough. */
static amphi_cache_match judge(
    const amphi_cache_lookup *lookup, const amphi_cached_answer *answer, float *score)
{
    amphi_near_verdict verdict;
    amphi_str kept = amphi_str_from(answer->question);
    *score = 1;
    if (amphi__str_equal(kept, lookup->keys.question))
        return AMPHI_CACHE_MATCH_EXACT;
    if (amphi__near_compare(&verdict, lookup->keys.question, kept) != AMPHI_OK || !verdict.is_hit)
        return AMPHI_CACHE_MATCH_NONE;
    *score = (float)verdict.score;
    return verdict.reason == AMPHI_NEAR_SAME_FOLD ? AMPHI_CACHE_MATCH_FOLDED
                                                  : AMPHI_CACHE_MATCH_NEAR;
}

static const amphi_cache_count counts[] = {
    [AMPHI_CACHE_MATCH_EXACT] = AMPHI_CACHE_COUNT_EXACT,
    [AMPHI_CACHE_MATCH_FOLDED] = AMPHI_CACHE_COUNT_FOLDED,
    [AMPHI_CACHE_MATCH_NEAR] = AMPHI_CACHE_COUNT_NEAR,
};

/* Delivers what lies under a key, if it serves. */
static bool answer_from(amphi_cache_lookup *lookup, amphi_stream *stream,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], bool stale)
{
    amphi_cached_answer answer;
    amphi_response_cache *cache = stream->client->cache;
    if (amphi__response_cache_find(cache, &lookup->keys, key, stale, &answer) != AMPHI_OK)
        return false;
    float score;
    amphi_cache_match match = judge(lookup, &answer, &score);
    bool given = match != AMPHI_CACHE_MATCH_NONE && is_still_ours(stream->client, &answer) &&
                 deliver(stream, &answer);
    if (given) {
        memcpy(lookup->found, key, AMPHI_CACHE_KEY_BYTES);
        stream->cache_match = match;
        stream->cache_score = score;
        stream->cache_is_stale = stale;
        stream->cache_question = answer.question; /* the stream owns it now */
        answer.question = NULL;
        amphi__response_cache_count(
            cache, stale ? AMPHI_CACHE_COUNT_STALE : counts[match], &answer);
    }
    amphi__cached_answer_clear(&answer);
    return given;
}

static bool answer_from_any(amphi_cache_lookup *lookup, amphi_stream *stream, bool stale)
{
    uint8_t near_key[AMPHI_CACHE_KEY_BYTES];
    if (answer_from(lookup, stream, lookup->keys.exact, stale))
        return true;
    return lookup->rules.is_near &&
           amphi__response_cache_find_near(stream->client->cache, &lookup->keys, near_key) ==
               AMPHI_OK &&
           answer_from(lookup, stream, near_key, stale);
}

/* ---- a request's way ---- */

static bool has_no_more_time(void *arg)
{
    amphi_stream *stream = arg;
    uint32_t total_ms = stream->request.budgets.total_ms;
    amphi_policy policy;
    if (amphi__stream_is_cancelled(stream))
        return true;
    if (total_ms == 0) {
        amphi__client_policy(stream->client, &policy);
        total_ms = policy.total_ms;
    }
    /* Half of it: the rest is for asking after all. */
    return amphi__clock_us(stream->client->clock) - stream->started_us >=
           (uint64_t)total_ms * 1000 / 2;
}

bool amphi__cache_lookup_begin(amphi_cache_lookup *lookup, amphi_stream *stream)
{
    amphi_policy policy;
    amphi_client *client = stream->client;
    memset(lookup, 0, sizeof *lookup);
    amphi__client_policy(client, &policy);
    amphi__cache_rules(&lookup->rules, &stream->request, &policy);
    if (!lookup->rules.may_read)
        return false;
    if (amphi__response_cache_keys(client->cache, &stream->request, stream->privacy.turn,
            amphi__buf_str(&stream->context.json), &lookup->keys) != AMPHI_OK) {
        lookup->rules.may_read = lookup->rules.may_keep = false;
        return false;
    }
    if (answer_from_any(lookup, stream, false))
        return true;
    amphi_flight flight = lookup->rules.may_keep
                              ? amphi__single_flight_enter(client->flights, lookup->keys.exact)
                              : AMPHI_FLIGHT_ALONE;
    lookup->is_first = flight == AMPHI_FLIGHT_FIRST;
    if (flight == AMPHI_FLIGHT_JOINED &&
        amphi__single_flight_wait(client->flights, lookup->keys.exact, has_no_more_time, stream) &&
        answer_from_any(lookup, stream, false)) {
        amphi__response_cache_count(client->cache, AMPHI_CACHE_COUNT_JOINED, NULL);
        return true;
    }
    amphi__response_cache_count(client->cache, AMPHI_CACHE_COUNT_MISS, NULL);
    return false;
}

bool amphi__cache_lookup_stale(amphi_cache_lookup *lookup, amphi_stream *stream)
{
    bool given = lookup->rules.may_read && lookup->rules.stale_s > 0 && stream->text.size == 0 &&
                 stream->reasoning.size == 0 && !stream->tool_call_seen &&
                 answer_from_any(lookup, stream, true);
    if (given)
        amphi__error_clear(&stream->error);
    return given;
}

/* An answer that two models wrote is no single one's: no other request gets it. */
static bool may_be_kept(const amphi_cache_lookup *lookup, const amphi_stream *stream)
{
    return lookup->rules.may_keep && !stream->cache_hit && stream->finish == AMPHI_FINISH_STOP &&
           !stream->tool_call_seen && stream->text.size > 0 && !stream->is_joined &&
           memchr(stream->text.data, '\0', stream->text.size) == NULL; /* kept as a C string */
}

/* Not kept when the model file was changed while it answered: then it is unknown which one did. */
static void prepare(
    amphi_cache_lookup *lookup, const amphi_stream *stream, const amphi_chat_result *result)
{
    amphi_model_identity now;
    if (!identify(stream->client, stream->route, &now) ||
        strcmp(now.text, stream->model_identity.text) != 0)
        return;
    amphi_cached_answer answer = {
        .text = amphi__str_copy(result->text),
        .question = amphi__str_copy(lookup->keys.question),
        .model = amphi__str_copy(result->model),
        .route = amphi__str_copy(result->route),
        .identity = amphi__str_copy(amphi_str_from(now.text)),
        .usage = result->usage,
        .took_ms = result->total_ms,
    };
    const amphi_cache_terms terms = {
        .ttl_s = lookup->rules.ttl_s, .stale_s = lookup->rules.stale_s};
    if (answer.text != NULL && answer.question != NULL && answer.model != NULL &&
        answer.route != NULL && answer.identity != NULL)
        amphi__response_cache_prepare(&lookup->keeping, stream->client->cache, &answer, &terms);
    amphi__cached_answer_clear(&answer);
}

bool amphi__cache_lookup_prepare(amphi_cache_lookup *lookup, const amphi_stream *stream,
    const amphi_chat_result *result, amphi_store_cache_entry *entry)
{
    bool is_own = amphi__response_cache_is_own(stream->client->cache, &lookup->keys);
    amphi_store_cache_entry_init(entry);
    if (may_be_kept(lookup, stream))
        prepare(lookup, stream, result);
    entry->key = stream->cache_hit ? lookup->found : lookup->keys.exact;
    if (is_own) /* else the turn remembers the key alone, so that deleting it reaches the answer */
        entry->value = amphi__buf_str(&lookup->keeping.value);
    entry->expires_ms = lookup->keeping.until_ms;
    return stream->cache_hit || lookup->keeping.answer.text != NULL;
}

void amphi__cache_lookup_remember(const amphi_cache_lookup *lookup, const amphi_stream *stream)
{
    if (lookup->keeping.answer.text != NULL)
        amphi__response_cache_remember(stream->client->cache, &lookup->keys, &lookup->keeping);
}

void amphi__cache_lookup_write(
    const amphi_cache_lookup *lookup, const amphi_stream *stream, bool is_in_table)
{
    if (lookup->keeping.answer.text != NULL)
        amphi__response_cache_write(stream->client->cache, &lookup->keys, &lookup->keeping,
            lookup->rules.is_near,
            is_in_table && amphi__response_cache_is_own(stream->client->cache, &lookup->keys));
}

void amphi__cache_lookup_end(amphi_cache_lookup *lookup, const amphi_stream *stream)
{
    if (lookup->is_first)
        amphi__single_flight_land(stream->client->flights, lookup->keys.exact);
    lookup->is_first = false;
    amphi__cache_keeping_clear(&lookup->keeping);
}
