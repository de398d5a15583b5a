/* SPDX-License-Identifier: Apache-2.0
 *
 * The outbox: requests that no route could answer are added to it, and the sender delivers them
 * later, on the client's background thread (background.h).
 */
#ifndef AMPHI_CLIENT_OUTBOX_SENDER_H
#define AMPHI_CLIENT_OUTBOX_SENDER_H

#include "sdk/client/client.h"
#include "sdk/client/request.h"

typedef struct amphi_outbox_sender amphi_outbox_sender;

amphi_status amphi__outbox_sender_new(
    amphi_outbox_sender **out, amphi_client *client, amphi_error *error);
/* No delivery may be under way. Accepts NULL. */
void amphi__outbox_sender_free(amphi_outbox_sender *sender);

/* Sends what it can, on the calling thread. AMPHI_E_NOT_FOUND: nothing is left to send now.
 * Otherwise the status of the entry that could not be delivered. */
amphi_status amphi__outbox_sender_send(amphi_outbox_sender *sender);
/* From another thread: no further entry is sent. A delivery under way has a second to finish, then
 * it is cancelled. */
void amphi__outbox_sender_close(amphi_outbox_sender *sender);

/* Adds a request under its idempotency key. A request without a conversation gets one that is named
 * after this key, so that its answer can be found. It is not sent before hold_ms have passed. */
amphi_status amphi__outbox_add(amphi_client *client, const amphi_request *request, const char *key,
    uint32_t hold_ms, amphi_error *error);

#endif
