/* SPDX-License-Identifier: Apache-2.0
 *
 * Following a stream to its end for a path that has its own form of an answer: waiting, signs of
 * life, a client that hung up. Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_FOLLOW_H
#define AMPHI_GATEWAY_FOLLOW_H

#include "exchange.h"
#include "json_writer.h"

/* An event that is not terminal. false: the answer starts over, and words that the client has can't
 * be taken back: the stream is cancelled. */
typedef bool gateway_take_fn(void *user, const amphi_event *event);

typedef struct gateway_follow {
    gateway_exchange *exchange;
    amphi_stream *stream;
    gateway_json *out; /* what is to be sent of a streamed answer; NULL: it is not streamed */
    gateway_take_fn *take;
    void *user;
    bool has_words; /* set by `take`: from now on `out` is sent; before, a failure is a status */
    /* Filled in. */
    bool has_begun;      /* the reply */
    bool was_taken_back; /* `take` said false */
    unsigned silent_ms;
    uint64_t checked_ms;
} gateway_follow;

/* To the terminal event. false: there is none (error says why), or the client is gone. */
bool gateway_follow_run(gateway_follow *follow, amphi_event *event, amphi_error *error);
/* Sends what is in `out`, and begins the reply if need be. false: the client is gone. */
bool gateway_follow_flush(gateway_follow *follow);
/* The failure of a stream whose terminal event is ERROR, or that was taken back, as OpenAI's error
 * object; amphi_string_free. NULL: out of memory, or it was sent as an HTTP status. */
char *gateway_follow_failure(gateway_follow *follow, const amphi_chat_result *result);
/* Without an answer: a status where the reply has not begun, else its end, which shows as a cut. */
void gateway_follow_break(gateway_follow *follow, const amphi_error *error);
/* The client is gone before the end: ends the request, and counts it. */
void gateway_follow_abandon(gateway_exchange *exchange, amphi_stream *stream);

#endif
