/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends the outbox, on the client's background thread (background.h). outbox.h adds entries.
 */
#ifndef AMPHI_CLIENT_OUTBOX_SENDER_H
#define AMPHI_CLIENT_OUTBOX_SENDER_H

#include "sdk/client/client.h"

typedef struct amphi_outbox_sender amphi_outbox_sender;

amphi_status amphi__outbox_sender_new(
    amphi_outbox_sender **out, amphi_client *client, amphi_error *error);
/* No delivery may be under way. Accepts NULL. */
void amphi__outbox_sender_free(amphi_outbox_sender *sender);

/* A round on the calling thread: every entry that may go is tried once, until three in a row found
 * no route. AMPHI_E_NOT_FOUND: nothing is left to send now. Otherwise the status of the last entry
 * that could not be delivered. */
amphi_status amphi__outbox_sender_send(amphi_outbox_sender *sender);
/* The same because the user asked for it: the first entry of every conversation is tried once, also
 * one that is put off, however many find no route. One that another process sends is left to it. */
amphi_status amphi__outbox_sender_send_asked(amphi_outbox_sender *sender);
/* On a request's driver thread, with a sender of its own: what its conversation has in the outbox,
 * one after the other, until one can't be delivered, the request is cancelled or its time for
 * waiting (wait_until_us) is over: the status of that one, with *why. AMPHI_E_NOT_FOUND: nothing is
 * left that may go now. Only with a store that has outbox_claim_head. */
amphi_status amphi__outbox_sender_send_before(
    amphi_outbox_sender *sender, amphi_stream *waits, amphi_error *why);
/* From another thread: this entry was cancelled. Its delivery ends, if this sender has one under
 * way. */
void amphi__outbox_sender_cancel(amphi_outbox_sender *sender, amphi_str id);
/* From another thread: no further entry is sent. A delivery under way has a second to finish, then
 * it is cancelled. */
void amphi__outbox_sender_close(amphi_outbox_sender *sender);

#endif
