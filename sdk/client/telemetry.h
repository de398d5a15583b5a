/* SPDX-License-Identifier: Apache-2.0
 *
 * Telemetry: finished requests are reported here, wait in memory, and a thread of its own sends
 * them in batches (amphi/telemetry.h). NULL everywhere: it is off.
 */
#ifndef AMPHI_CLIENT_TELEMETRY_H
#define AMPHI_CLIENT_TELEMETRY_H

#include "sdk/client/client.h"

#include <amphi/telemetry.h>

/* Everything in *settings is copied. *out stays NULL where they name no URL. AMPHI_E_ARGUMENT names
 * what can't be used. */
amphi_status amphi__telemetry_new(amphi_telemetry **out, amphi_client *client,
    const amphi_telemetry_settings *settings, bool allow_http_loopback, amphi_error *error);
/* Sends what waits, for a second at most, and ends the thread. */
void amphi__telemetry_stop(amphi_telemetry *telemetry);
void amphi__telemetry_free(amphi_telemetry *telemetry);

/* The driver's thread, once per request, when its result stands. */
void amphi__telemetry_report(
    amphi_telemetry *telemetry, const amphi_stream *stream, bool is_queued);

#endif
