/* SPDX-License-Identifier: Apache-2.0
 *
 * The streams of one client that are not freed yet. A stream outlives its client: the set belongs
 * to the client and to every stream in it, and goes with the last of them. Only what a request
 * needs while it runs is the client's, so before the client goes, every driver is joined.
 *
 * One lock, a leaf: nothing of the outside runs under it.
 */
#ifndef AMPHI_CLIENT_STREAM_SET_H
#define AMPHI_CLIENT_STREAM_SET_H

#include <amphi/chat.h>

typedef struct amphi_stream_set amphi_stream_set;

/* A stream's place in its client's set; under the set's lock. */
typedef struct amphi_stream_place {
    amphi_stream_set *set;
    amphi_stream *previous, *next;
    uint32_t holds; /* by threads that free the client: the stream is not freed meanwhile */
} amphi_stream_place;

/* The client's own reference. */
amphi_status amphi__stream_set_new(amphi_stream_set **out, amphi_error *error);
/* Gives up a reference: the client's, which cancel_all and join_all must have come before. Accepts
 * NULL. */
void amphi__stream_set_unref(amphi_stream_set *set);

/* Before its driver starts. false: the client's end has begun. */
bool amphi__stream_set_add(amphi_stream_set *set, amphi_stream *stream);
/* The stream is about to be freed, or its driver did not start: waits until its request has ended
 * and no thread holds it, then takes it out and gives up its reference. */
void amphi__stream_set_leave(amphi_stream *stream);

/* No stream is added from here on; every one is cancelled, but deliveries of the outbox: their
 * sender gives those a while to finish. Accepts NULL. */
void amphi__stream_set_cancel_all(amphi_stream_set *set);
/* Has cancel_all begun? Then it was the client's end that cancelled requests. */
bool amphi__stream_set_is_closing(amphi_stream_set *set);
/* Is there a stream with this idempotency key? */
bool amphi__stream_set_has_key(amphi_stream_set *set, amphi_str key);
/* Waits until every request has ended, so that no stream needs the client. Accepts NULL. */
void amphi__stream_set_join_all(amphi_stream_set *set);

#endif
