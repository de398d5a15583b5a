/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream's chunks as server-sent events. Insides of the gateway.
 */
#ifndef AMPHI_GATEWAY_SSE_H
#define AMPHI_GATEWAY_SSE_H

#include "exchange.h"

/* Reads the stream to its end. A request that fails before its first text gets an HTTP error
 * status. */
void gateway_sse_answer(gateway_exchange *exchange, amphi_stream *stream);

#endif
