/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's use of the response cache (response_cache.h): when a stored answer may serve it, and
 * what of a finished request may be stored. On the driver's thread.
 */
#ifndef AMPHI_CLIENT_CACHE_LOOKUP_H
#define AMPHI_CLIENT_CACHE_LOOKUP_H

#include "sdk/client/response_cache.h"
#include "sdk/client/stream.h"

/* true: a stored answer was delivered. *key is the request's, for amphi__cache_lookup_prepare. */
bool amphi__cache_lookup_answer(amphi_stream *stream, uint8_t key[AMPHI_CACHE_KEY_BYTES]);

typedef enum amphi_cache_answer_state {
    AMPHI_CACHE_ANSWER_NONE = 0, /* not to be kept */
    AMPHI_CACHE_ANSWER_FOUND,    /* it came from the cache */
    AMPHI_CACHE_ANSWER_NEW       /* to be kept */
} amphi_cache_answer_state;

/* A finished request's answer, as the cache keeps it. */
typedef struct amphi_cache_answer {
    amphi_cache_answer_state state;
    amphi_store_cache_entry entry; /* points to the request's key and to value */
    amphi_buf value;               /* for amphi__buf_wipe */
    uint64_t generation;
} amphi_cache_answer;

/* Of a complete answer. It goes into the table with the request's turn, so that both are deleted
 * together, or, without a conversation, by keep. */
void amphi__cache_lookup_prepare(amphi_cache_answer *answer, const amphi_stream *stream,
    const uint8_t key[AMPHI_CACHE_KEY_BYTES], const amphi_chat_result *result);
void amphi__cache_lookup_keep(
    amphi_cache_answer *answer, const amphi_stream *stream, bool is_in_table);

#endif
