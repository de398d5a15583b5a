/* SPDX-License-Identifier: Apache-2.0
 *
 * What telemetry says of one finished request: a span, and values for the metrics. Pure. What may
 * be said is a closed list of attributes; texts that come from outside (a model's name) are bounded
 * and plain, and anything else is left out.
 */
#ifndef AMPHI_CLIENT_TELEMETRY_REPORT_H
#define AMPHI_CLIENT_TELEMETRY_REPORT_H

#include "sdk/client/telemetry_metrics.h"

#include <amphi/chat.h>
#include <amphi/ext/engine.h>

typedef struct amphi_telemetry_report {
    const amphi_chat_result *result;
    amphi_str request_model; /* as the request names it; or empty */
    amphi_mode mode;
    amphi_engine_kind kind; /* of the route that answered, or failed last; 0: none, or the cache */
    bool is_queued;
    uint64_t ended_ns; /* Unix time */
    uint8_t trace_id[16], span_id[8];
} amphi_telemetry_report;

/* May telemetry know of it at all? Not of what was private, or had to stay on the device. */
bool amphi__telemetry_may_report(const amphi_chat_result *result, amphi_mode mode, bool is_private);
/* An object: OTLP's Span. */
void amphi__telemetry_report_span(const amphi_telemetry_report *report, amphi_json_writer *writer);
void amphi__telemetry_report_metrics(
    const amphi_telemetry_report *report, amphi_telemetry_metrics *metrics);

#endif
