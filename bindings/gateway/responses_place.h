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
/* The place that a response's id names. false: it is no id from here. */
bool responses_place_read(responses_place *place, amphi_str id);
/* Was its conversation begun here, under a name that can't be guessed? Only such a one is shown or
 * deleted by its id: any program on this machine may ask. */
bool responses_place_is_secret(const responses_place *place);
/* Each message of its turn, the answer last. *is_last: nothing is kept behind it.
 * AMPHI_E_NOT_FOUND: there is no answer, whatever was visited. */
amphi_status responses_place_turn(const responses_place *place, amphi_client *client,
    amphi_history_message_fn *visit, void *user, bool *is_last, amphi_error *error);
/* Puts its conversation among those in work. false: another request has it. */
bool responses_place_hold(responses_place *place, gateway_exchange *exchange);
/* What an item's id stands for: a message's content, or an element of tool_calls, as JSON; of
 * thoughts, which are not kept, nothing. false: it is not there. */
bool responses_place_item(
    responses_request *request, amphi_str id, gateway_json *content, gateway_json *call);
void responses_place_leave(responses_place *place, gateway_exchange *exchange);
/* The settings of the request's headers, and what the place adds. */
void responses_place_settings(const responses_place *place, gateway_exchange *exchange,
    unsigned unkept_count, gateway_json *out);

#endif
