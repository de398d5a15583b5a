/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared response cache: 1,000 answers in memory in front of the store's encrypted table. The
 * key is an HMAC over the canonical request, so equal requests of any conversation share an answer,
 * and the table alone does not disclose what was asked.
 */
#ifndef AMPHI_CLIENT_RESPONSE_CACHE_H
#define AMPHI_CLIENT_RESPONSE_CACHE_H

#include "sdk/client/request.h"

#include <amphi/ext/clock.h>
#include <amphi/ext/store.h>

typedef struct amphi_response_cache amphi_response_cache;

#define AMPHI_RESPONSE_CACHE_MEMORY_ENTRIES   1000
#define AMPHI_RESPONSE_CACHE_ANSWER_BYTES_MAX (256u << 10)

typedef struct amphi_cached_answer {
    char *text;     /* this and the other strings: freed with amphi__free */
    char *model;    /* as the route named it */
    char *route;    /* that gave it */
    char *identity; /* what that route ran then, see amphi__response_cache_put; never NULL */
    amphi_usage usage;
} amphi_cached_answer;

/* The store is borrowed. */
amphi_status amphi__response_cache_new(
    amphi_response_cache **out, amphi_store store, const amphi_clock *clock, amphi_error *error);
void amphi__response_cache_free(amphi_response_cache *cache);

/* Over messages (history included), sampling, tools and format; over the mode where it restricts
 * the routes; and over the turn's privacy: an answer to a private turn serves private turns only,
 * so it never gets into a turn that may leave the device, and what a private turn is given never
 * came from a cloud. */
amphi_status amphi__response_cache_key(amphi_response_cache *cache, const amphi_request *request,
    amphi_privacy privacy, amphi_str history, uint8_t key[AMPHI_CACHE_KEY_BYTES]);
/* AMPHI_E_NOT_FOUND, or an answer for amphi__cached_answer_clear. Any thread. */
amphi_status amphi__response_cache_get(amphi_response_cache *cache,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_cached_answer *out);
/* `identity` is what the answer's route runs. It is stored beside the answer, since the key is made
 * before the route is known. */
amphi_status amphi__response_cache_put(amphi_response_cache *cache,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], const amphi_chat_result *answer, amphi_str identity,
    uint32_t ttl_s);
/* The same in steps, for an answer that the store keeps together with its turn: its value for the
 * table, and what this client remembers of it in memory, unless everything was forgotten since its
 * generation was asked for. */
uint64_t amphi__response_cache_generation(amphi_response_cache *cache);
amphi_status amphi__response_cache_encode(
    const amphi_chat_result *answer, amphi_str identity, amphi_buf *out);
void amphi__response_cache_remember(amphi_response_cache *cache, uint64_t generation,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], amphi_str value, int64_t expires_ms);
/* Forgets what is in memory; the table stays. Any thread. */
void amphi__response_cache_forget(amphi_response_cache *cache);
void amphi__cached_answer_clear(amphi_cached_answer *answer);
/* Forgets every answer, in memory and in the table. Any thread. */
amphi_status amphi__response_cache_clear(amphi_response_cache *cache, amphi_error *error);

#endif
