/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared response cache: answers in this client's memory (cache_memory.h) in front of a table,
 * which is the store's, or one that several clients share (ext/cache.h). Keys are HMACs over the
 * canonical request, so equal requests of any conversation share an answer, and the table alone
 * does not disclose what was asked. Any thread.
 */
#ifndef AMPHI_CLIENT_RESPONSE_CACHE_H
#define AMPHI_CLIENT_RESPONSE_CACHE_H

#include "sdk/client/cached_answer.h"
#include "sdk/client/request.h"

#include <amphi/cache.h>
#include <amphi/ext/cache.h>
#include <amphi/ext/clock.h>
#include <amphi/ext/store.h>

typedef struct amphi_response_cache amphi_response_cache;

/* Where a request's answer may lie. */
typedef struct amphi_cache_keys {
    uint8_t exact[AMPHI_CACHE_KEY_BYTES];
    uint8_t near_to[AMPHI_CACHE_KEY_BYTES]; /* questions in other words meet here */
    bool has_near;                          /* false: it is near to nothing */
    bool is_shareable;                      /* may its answer leave this device's own levels? */
    amphi_str question;                     /* the last message's text; points into the request */
} amphi_cache_keys;

/* How long an answer is kept. */
typedef struct amphi_cache_terms {
    uint32_t ttl_s;   /* it serves for so long */
    uint32_t stale_s; /* and for so long afterwards where nothing else answers */
} amphi_cache_terms;

/* The store is borrowed. shared: ops NULL is none; else the store's table is not used, but for
 * answers that may not be shared. */
amphi_status amphi__response_cache_new(amphi_response_cache **out, amphi_store store,
    amphi_shared_cache shared, const amphi_clock *clock, amphi_error *error);
void amphi__response_cache_free(amphi_response_cache *cache);

/* Over messages (history included), sampling, tools and format; over the mode where it restricts
 * the routes; and over the turn's privacy: an answer to a private turn serves private turns only,
 * so it never gets into a turn that may leave the device, and what a private turn is given never
 * came from a cloud. The last question is folded (sdk/near/near.h). */
amphi_status amphi__response_cache_keys(amphi_response_cache *cache, const amphi_request *request,
    amphi_privacy privacy, amphi_str history, amphi_cache_keys *out);
/* An answer for amphi__cached_answer_clear, or AMPHI_E_NOT_FOUND. One whose time is over is found
 * only with `stale`. Not counted: that is for amphi__response_cache_count. */
amphi_status amphi__response_cache_find(amphi_response_cache *cache, const amphi_cache_keys *keys,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], bool stale, amphi_cached_answer *out);
/* The key of the answer to a question that is near to this one. AMPHI_E_NOT_FOUND. */
amphi_status amphi__response_cache_find_near(
    amphi_response_cache *cache, const amphi_cache_keys *keys, uint8_t out[AMPHI_CACHE_KEY_BYTES]);

/* A complete answer on its way into the cache, in steps: the table's value may be written by the
 * store together with the request's turn, so that both are deleted together. */
typedef struct amphi_cache_keeping {
    amphi_cached_answer answer; /* owned; text NULL: nothing is kept */
    amphi_buf value;            /* of the table */
    int64_t until_ms;           /* Unix time; it is forgotten then */
    uint64_t generation;        /* of memory, when it began */
} amphi_cache_keeping;

/* Takes answer's strings and sets its expires_ms. A failure keeps nothing; the request does not
 * fail for it. */
void amphi__response_cache_prepare(amphi_cache_keeping *keeping, amphi_response_cache *cache,
    amphi_cached_answer *answer, const amphi_cache_terms *terms);
/* Into memory: equal requests find it from here on. */
void amphi__response_cache_remember(
    amphi_response_cache *cache, const amphi_cache_keys *keys, const amphi_cache_keeping *keeping);
/* Into the table, unless it is there, and the way to it for near questions. */
void amphi__response_cache_write(amphi_response_cache *cache, const amphi_cache_keys *keys,
    const amphi_cache_keeping *keeping, bool is_near, bool is_in_table);
void amphi__cache_keeping_clear(amphi_cache_keeping *keeping);
/* Does the store's table hold the answers under these keys? Else a shared one does. */
bool amphi__response_cache_is_own(const amphi_response_cache *cache, const amphi_cache_keys *keys);

/* Forgets what is in memory; the table stays. */
void amphi__response_cache_forget(amphi_response_cache *cache);
/* Forgets every answer, in memory and in the table. */
amphi_status amphi__response_cache_clear(amphi_response_cache *cache, amphi_error *error);

/* Takes answers out of the shared level, whose keys stand in `keys` one behind the other (they are
 * sorted), and those that earlier removals left there. Adds to *removed those that were there, to
 * *left those that may still be there: a client that reaches that level takes them out later
 * (shared_removals.h), at the latest a new one. Without a shared level all of them are left. */
void amphi__response_cache_remove_shared(
    amphi_response_cache *cache, amphi_buf *keys, uint64_t *removed, uint64_t *left);
/* Of a message's answer: does it lie in the shared level, also where this client has none? */
bool amphi__response_cache_is_shared_key(const uint8_t key[AMPHI_CACHE_KEY_BYTES]);

/* Adds to the counters of this client. `answer` NULL: nothing was saved. */
typedef enum amphi_cache_count {
    AMPHI_CACHE_COUNT_MISS,
    AMPHI_CACHE_COUNT_EXACT,
    AMPHI_CACHE_COUNT_FOLDED,
    AMPHI_CACHE_COUNT_NEAR,
    AMPHI_CACHE_COUNT_STALE,
    AMPHI_CACHE_COUNT_JOINED,
    AMPHI_CACHE_COUNT_KEPT,
    AMPHI_CACHE_COUNTS
} amphi_cache_count;
void amphi__response_cache_count(
    amphi_response_cache *cache, amphi_cache_count what, const amphi_cached_answer *answer);
void amphi__response_cache_stats(amphi_response_cache *cache, amphi_cache_stats *out);

#endif
