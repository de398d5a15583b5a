/* SPDX-License-Identifier: Apache-2.0
 *
 * The request's side of the response cache. A stored answer belongs to a request and to the model
 * that gave it, so it serves only while the route still runs that model.
 */
#include "sdk/client/cache_lookup.h"

#include "sdk/client/route.h"
#include "sdk/core/clock.h"
#include "sdk/core/str.h"

static bool cache_applies(const amphi_stream *stream)
{
    const amphi_request *request = &stream->request;
    /* Log-probabilities are not stored, so an answer that needs them is generated. */
    return !request->no_cache && request->answer_prefix[0] == '\0' && request->outbox_id == NULL &&
           !request->wants_logprobs;
}

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

bool amphi__cache_lookup_answer(amphi_stream *stream, uint8_t key[AMPHI_CACHE_KEY_BYTES])
{
    amphi_cached_answer answer;
    if (!cache_applies(stream) ||
        amphi__response_cache_key(stream->client->cache, &stream->request, stream->privacy.turn,
            amphi__buf_str(&stream->context.json), key) != AMPHI_OK ||
        amphi__response_cache_get(stream->client->cache, key, &answer) != AMPHI_OK)
        return false;
    amphi_str text = amphi_str_from(answer.text);
    if (!is_still_ours(stream->client, &answer) ||
        amphi__buf_append_str(&stream->text, text) != AMPHI_OK) {
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
    event.kind = AMPHI_EVENT_USAGE;
    event.text = amphi_str_make(NULL, 0);
    event.usage = stream->usage;
    amphi__stream_emit(stream, &event);
    amphi__cached_answer_clear(&answer);
    return true;
}

/* Did the last takeover continue another route's text? Then the answer is no single model's. */
static bool is_of_two_routes(const amphi_chat_result *result)
{
    if (result->takeovers_count == 0)
        return false;
    const amphi_takeover *last = &result->takeovers[result->takeovers_count - 1];
    return last->continued && last->byte_offset > 0;
}

static bool may_be_kept(
    const amphi_stream *stream, const amphi_chat_result *result, const amphi_policy *policy)
{
    return cache_applies(stream) && !stream->cache_hit && policy->cache_ttl_s > 0 &&
           stream->finish == AMPHI_FINISH_STOP && !stream->tool_call_seen &&
           stream->text.size > 0 && !is_of_two_routes(result) &&
           memchr(stream->text.data, '\0', stream->text.size) == NULL; /* kept as a C string */
}

void amphi__cache_lookup_prepare(amphi_cache_answer *answer, const amphi_stream *stream,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], const amphi_chat_result *result)
{
    amphi_policy policy;
    amphi_model_identity now;
    amphi_client *client = stream->client;
    *answer = (amphi_cache_answer){.state = AMPHI_CACHE_ANSWER_NONE};
    amphi__buf_init(&answer->value, 0);
    amphi_store_cache_entry_init(&answer->entry);
    answer->entry.key = key;
    answer->generation = amphi__response_cache_generation(client->cache);
    amphi__client_policy(client, &policy);
    if (stream->cache_hit) {
        answer->state = AMPHI_CACHE_ANSWER_FOUND;
        return;
    }
    /* Not kept when the model file was changed while it answered: then it is unknown which one
     * did. */
    if (!may_be_kept(stream, result, &policy) || !identify(client, stream->route, &now) ||
        strcmp(now.text, stream->model_identity.text) != 0 ||
        amphi__response_cache_encode(result, amphi_str_from(now.text), &answer->value) != AMPHI_OK)
        return;
    answer->state = AMPHI_CACHE_ANSWER_NEW;
    answer->entry.value = amphi__buf_str(&answer->value);
    answer->entry.expires_ms =
        amphi__clock_wall_ms(client->clock) + (int64_t)policy.cache_ttl_s * 1000;
}

void amphi__cache_lookup_keep(
    amphi_cache_answer *answer, const amphi_stream *stream, bool is_in_table)
{
    amphi_client *client = stream->client;
    amphi_store store = client->store;
    const amphi_store_cache_entry *entry = &answer->entry;
    if (answer->state != AMPHI_CACHE_ANSWER_NEW)
        return;
    if (!is_in_table)
        (void)store.ops->cache_put(store.self, entry->key, entry->value,
            amphi__clock_wall_ms(client->clock), entry->expires_ms, NULL);
    amphi__response_cache_remember(
        client->cache, answer->generation, entry->key, entry->value, entry->expires_ms);
}
