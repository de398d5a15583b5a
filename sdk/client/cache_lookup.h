/* SPDX-License-Identifier: Apache-2.0
 *
 * A request's use of the response cache (response_cache.h): when a stored answer may serve it, and
 * what of a finished request may be stored. On the driver's thread.
 */
#ifndef AMPHI_CLIENT_CACHE_LOOKUP_H
#define AMPHI_CLIENT_CACHE_LOOKUP_H

#include "sdk/client/response_cache.h"
#include "sdk/client/stream.h"

/* true: a stored answer was delivered. *key is the request's, for amphi__cache_lookup_store. */
bool amphi__cache_lookup_answer(amphi_stream *stream, uint8_t key[AMPHI_CACHE_KEY_BYTES]);
/* Stores a complete answer, if it may be stored. */
void amphi__cache_lookup_store(const amphi_stream *stream, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    const amphi_chat_result *result);

#endif
