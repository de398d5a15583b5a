/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells the app what became of queued messages (amphi_client_options.outbox_event).
 */
#ifndef AMPHI_CLIENT_OUTBOX_EVENTS_H
#define AMPHI_CLIENT_OUTBOX_EVENTS_H

#include "sdk/client/client.h"

/* On the background thread: reports every event that was not reported, in the order of the entries,
 * as long as the store can keep that it was reported. Does nothing without a function to report. */
void amphi__outbox_events_report(amphi_client *client);

#endif
