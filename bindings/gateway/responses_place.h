/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in the history a response stands, and what a response's id says of it. Insides of the
 * gateway.
 */
#ifndef AMPHI_GATEWAY_RESPONSES_PLACE_H
#define AMPHI_GATEWAY_RESPONSES_PLACE_H

#include "responses_request.h"

typedef struct responses_place {
    char conversation[AMPHI_CONVERSATION_ID_BYTES_MAX + 1]; /* "": it is not kept */
    int64_t after;         /* the message that its turn comes behind; 0: it is the first */
    char id[640];          /* of the response */
    gateway_json history;  /* messages that are sent along; elements */
    amphi_privacy privacy; /* of these */
    bool is_held;          /* it is in the server's list of conversations in work */
    struct responses_place *next;
} responses_place;

/* By previous_response_id, store and the conversation that the request names. false: request's
 * failure says why. */
bool responses_place_find(
    responses_place *place, gateway_exchange *exchange, responses_request *request);
/* What an item's id stands for: a message's content, or an element of tool_calls, as JSON; of
 * thoughts, which are not kept, nothing. false: it is not there. */
bool responses_place_item(
    responses_request *request, amphi_str id, gateway_json *content, gateway_json *call);
void responses_place_leave(responses_place *place, gateway_exchange *exchange);
/* The settings of the request's headers, and what the place adds. */
void responses_place_settings(const responses_place *place, gateway_exchange *exchange,
    unsigned unkept_count, gateway_json *out);

#endif
