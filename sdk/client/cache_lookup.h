/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that were given before: when the response cache (response_cache.h) may speak for a request, and
 * what of a finished request it may keep. The driver's thread.
 */
#ifndef AMPHI_CLIENT_CACHE_LOOKUP_H
#define AMPHI_CLIENT_CACHE_LOOKUP_H

#include "sdk/client/response_cache.h"
#include "sdk/client/stream.h"

/* What a route runs now, as far as it is known without starting anything. A model file may be
 * another one than a moment ago. */
void amphi__recall_identify(const amphi_route *route, amphi_route_identity *out);

/* true: the answer was told from the cache. `key`: the request's, for amphi__recall_keep. */
bool amphi__recall_answer(amphi_stream *stream, uint8_t key[AMPHI_CACHE_KEY_BYTES]);
/* Keeps a whole answer, if it may be kept. */
void amphi__recall_keep(const amphi_stream *stream, const uint8_t key[AMPHI_CACHE_KEY_BYTES],
    const amphi_chat_result *result);

#endif
