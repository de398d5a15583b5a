/* SPDX-License-Identifier: Apache-2.0
 *
 * A hedge: a second route beside a first one that is late.
 */
#ifndef AMPHI_CLIENT_HEDGE_H
#define AMPHI_CLIENT_HEDGE_H

#include "sdk/client/attempt.h"

/* `first` runs alone for hedge_ms. If it has no output by then and the hedge budget
 * allows, `second` runs beside it, and the first of the two with output goes on alone.
 * second->takeover is filled in when the second one starts; second->pass is set here.
 *
 * Returns whether the second one won; *outcome is the winner's. The loser has left its route's
 * breaker by then; the winner is left to the caller. */
bool amphi__hedge_run(amphi_stream *stream, const amphi_attempt_args *first,
    amphi_attempt_args *second, uint32_t hedge_ms, amphi_attempt_outcome *outcome,
    amphi_attempt_pending *pending);

#endif
