/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of a conversation: a request does not overtake messages of its conversation that wait
 * in the outbox. These are sent first, by this request's driver; when that can't be, the request
 * waits behind them. One that may not leave the device can't wait there: it is answered at once,
 * and its result says how many it has overtaken. decisions/0017-outbox.md has the reasons.
 */
#ifndef AMPHI_CLIENT_OUTBOX_ORDER_H
#define AMPHI_CLIENT_OUTBOX_ORDER_H

#include "sdk/client/stream.h"

/* On the driver thread, before all else: how many messages wait before this request in its
 * conversation. 0 as well for a request without one, or from the outbox, or when the store can't
 * tell. */
uint32_t amphi__outbox_order_count(const amphi_stream *stream);

/* Sends those; another process that sends one now is waited for. false: some still wait, or the
 * request was cancelled: stream->error says why. */
bool amphi__outbox_order_send(amphi_stream *stream);

#endif
