/* SPDX-License-Identifier: Apache-2.0
 *
 * The request's side of the response cache. A stored answer belongs to a request and to the model
 * that gave it, so it serves only while the route still runs that model.
 */
#ifndef AMPHI_CLIENT_CACHE_LOOKUP_H
#define AMPHI_CLIENT_CACHE_LOOKUP_H

#include "sdk/client/cache_rules.h"
#include "sdk/client/stream.h"

/* One request's dealings with the cache. */
typedef struct amphi_cache_lookup {
    amphi_cache_rules rules;
    amphi_cache_keys keys;
    uint8_t found[AMPHI_CACHE_KEY_BYTES]; /* with stream->cache_hit: the answer's key */
    bool is_first;                        /* equal requests wait for this one */
    amphi_cache_keeping keeping;
} amphi_cache_lookup;

/* Delivers a stored answer: everything but the terminal event. When an equal request is under way,
 * it is waited for first. false: the request has to be run; then _end must follow. */
bool amphi__cache_lookup_begin(amphi_cache_lookup *lookup, amphi_stream *stream);
/* After every route failed: delivers an answer whose time is over, where the policy allows that and
 * nothing was delivered yet. */
bool amphi__cache_lookup_stale(amphi_cache_lookup *lookup, amphi_stream *stream);

/* A complete answer is kept in these steps. prepare: *entry is what the store shall keep together
 * with the request's turn; false: nothing. The entry points into `lookup`. */
bool amphi__cache_lookup_prepare(amphi_cache_lookup *lookup, const amphi_stream *stream,
    const amphi_chat_result *result, amphi_store_cache_entry *entry);
/* After the turn was kept: equal requests find the answer from here on. */
void amphi__cache_lookup_remember(const amphi_cache_lookup *lookup, const amphi_stream *stream);
/* Writes what the store has not written with the turn; may wait for the disk. */
void amphi__cache_lookup_write(
    const amphi_cache_lookup *lookup, const amphi_stream *stream, bool is_in_table);

/* In any case, once: equal requests wait no longer. */
void amphi__cache_lookup_end(amphi_cache_lookup *lookup, const amphi_stream *stream);

#endif
