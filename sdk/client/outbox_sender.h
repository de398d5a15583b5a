/* SPDX-License-Identifier: Apache-2.0
 *
 * The courier delivers what waits in the outbox, on a thread of its own: when the client starts,
 * when the app pushes device facts, and again after a growing pause while something waits.
 */
#ifndef AMPHI_CLIENT_OUTBOX_SENDER_H
#define AMPHI_CLIENT_OUTBOX_SENDER_H

#include "sdk/client/client.h"
#include "sdk/client/request.h"

amphi_status amphi__courier_new(amphi_courier **out, amphi_client *client, amphi_error *error);
/* Cancels a delivery under way and joins the thread. */
void amphi__courier_free(amphi_courier *courier);
/* Look again now. Any thread. */
void amphi__courier_wake(amphi_courier *courier);
/* A local engine is about to be loaded: from now on the device's memory is looked at every few
 * seconds, until the engine has given its own back. */
void amphi__courier_watch_memory(amphi_courier *courier);

/* Keeps a request that no route could answer, under its idempotency key. A request without a
 * conversation gets one named after that key, so that its answer can be found.
 * hold_ms: nobody sends it before. */
amphi_status amphi__courier_queue(amphi_client *client, const amphi_request *request,
    const char *key, uint32_t hold_ms, amphi_error *error);

/* One pass now, on the courier's thread; waits for its end up to timeout_ms. */
void amphi__courier_flush(amphi_courier *courier, uint32_t timeout_ms);

#endif
