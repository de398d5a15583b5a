/* SPDX-License-Identifier: Apache-2.0
 *
 * How far a request may travel. Privacy is a property of what was said: each turn is stored with
 * it, and a later request that has such a turn in its prompt is bound by it, or leaves it out. The
 * ruling is made once, from the rows that were read for the prompt and from one copy of the policy:
 * what another process adds meanwhile is neither sent nor counted. Everything that hands bytes to a
 * route or to the outbox asks here.
 *
 * A message of the outbox was said before what its conversation got while it waited: private and
 * only_local turns among that are not in its prompt, and so don't bind it.
 */
#ifndef AMPHI_CLIENT_PRIVACY_H
#define AMPHI_CLIENT_PRIVACY_H

#include "sdk/client/client.h"
#include "sdk/client/context.h"
#include "sdk/client/request.h"

typedef struct amphi_privacy_ruling {
    amphi_policy policy; /* in force when the request was admitted: decides it as well */
    amphi_rollout_steering steering; /* of the same moment */
    amphi_privacy own;               /* of what the request says */
    amphi_privacy turn;   /* of its turn once stored: the strictest of all that is in its prompt */
    bool stays_here;      /* no byte of it goes to any route but a local one, nor to the outbox */
    uint32_t bound_turns; /* of the conversation: they alone keep it on this device ... */
    amphi_privacy bound_by;  /* ... the strictest of them */
    uint32_t omitted_turns;  /* left out of the prompt */
    int64_t history_end;     /* the newest message that was read; 0: none */
    uint32_t history_tokens; /* of the conversation as it is sent with the request, estimated */
    bool history_has_tools;  /* a tool was called in it */
} amphi_privacy_ruling;

/* Rules on a request with the client's options applied, and puts the conversation so far, as far as
 * it may be in the prompt, into `context`. A conversation that does not exist yet is empty. */
amphi_status amphi__privacy_admit(amphi_client *client, const amphi_request *request,
    amphi_privacy_ruling *out, amphi_context *context, amphi_error *error);

/* The last check before a request's bytes leave: may this route have them? */
bool amphi__privacy_allows(const amphi_privacy_ruling *ruling, const amphi_engine_info *info);

/* Can this store keep such a turn apart from the others? AMPHI_E_UNSUPPORTED, with why. */
amphi_status amphi__privacy_check_store(
    const amphi_store *store, amphi_privacy turn, amphi_error *error);

/* What an answer's record says of its turn, for rows of a store that keeps no privacy: the records
 * of older versions show a private or only_local request by the routes that were refused for it. No
 * record tells nothing, so it counts as private. */
amphi_privacy amphi__privacy_of_record(amphi_str decision_json);

#endif
