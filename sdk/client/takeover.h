/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a plan: its routes in their order, each taking over from the one before, until one of
 * them has given a complete answer or none is left.
 */
#ifndef AMPHI_CLIENT_TAKEOVER_H
#define AMPHI_CLIENT_TAKEOVER_H

#include "sdk/client/stream.h"

/* Runs stream->plan on the driver thread. true: the answer in stream->text is complete. Otherwise
 * stream->error is the last attempt's. */
bool amphi__takeover_run_plan(amphi_stream *stream);

#endif
