/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's background thread. It works in rounds: refresh the rollout (rollout.h), give unused
 * memory back (memory_monitor.h), send the outbox (outbox_sender.h). A round is due when the client
 * starts, when the app reports device facts, and again after a pause that grows while something
 * waits for the network. While a local engine may be loaded, memory is also checked every few
 * seconds. What became of queued messages is reported to the app in every round, and when one is
 * queued (outbox_events.h).
 */
#ifndef AMPHI_CLIENT_BACKGROUND_H
#define AMPHI_CLIENT_BACKGROUND_H

#include "sdk/client/client.h"

amphi_status amphi__background_new(
    amphi_background **out, amphi_client *client, amphi_error *error);
/* Ends a delivery under way and joins the thread; the calls below then do nothing, but may be made
 * until free. Accepts NULL. */
void amphi__background_stop(amphi_background *background);
/* Stops it first if need be. Accepts NULL. */
void amphi__background_free(amphi_background *background);

/* Any thread: a round is due now. Accepts NULL. */
void amphi__background_wake(amphi_background *background);
/* Any thread: there may be an event to report. Accepts NULL. */
void amphi__background_report(amphi_background *background);
/* Any thread: this entry of the outbox was cancelled; its delivery ends. Accepts NULL. */
void amphi__background_cancel(amphi_background *background, amphi_str id);
/* Any thread: a local engine is about to be loaded, so memory is checked from now on, until no
 * engine holds any. Accepts NULL. */
void amphi__background_monitor_memory(amphi_background *background);
/* Any other thread: makes a round due that tries all of the outbox (outbox_sender.h), and waits for
 * its end, for up to timeout_ms. */
void amphi__background_flush(amphi_background *background, uint32_t timeout_ms);

#endif
