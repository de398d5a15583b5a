/* SPDX-License-Identifier: Apache-2.0
 *
 * Entries of the outbox: adding a request, and changing an entry in stores of every version. They
 * are sent by outbox_sender.h; their events are reported by outbox_events.h.
 */
#ifndef AMPHI_CLIENT_OUTBOX_H
#define AMPHI_CLIENT_OUTBOX_H

#include "sdk/client/client.h"
#include "sdk/client/request.h"

/* Adds a request under its idempotency key. A request without a conversation gets one that is named
 * after this key, so that its answer can be found. It is not sent before hold_ms have passed.
 * `reason`: why no route answered; "": it is still running. */
amphi_status amphi__outbox_add(amphi_client *client, const amphi_request *request, const char *key,
    uint32_t hold_ms, const char *reason, amphi_error *error);

/* outbox_change of the store; for a store without it, what release and remove can do. */
amphi_status amphi__outbox_change(
    amphi_client *client, const amphi_store_outbox_change *change, amphi_error *error);

/* An item of the store as the app sees it, valid as long as the item and *text, which is
 * initialized here and the caller's to clear. */
amphi_status amphi__outbox_entry_of(
    amphi_outbox_entry *out, const amphi_store_outbox_item *item, amphi_buf *text);

#endif
