/* SPDX-License-Identifier: Apache-2.0
 *
 * Telemetry, off unless the app gives a URL: OpenTelemetry's GenAI metrics and a span for each
 * request, as OTLP/HTTP JSON to URL/v1/metrics and URL/v1/traces (sdk/docs/telemetry.md has the
 * names). Never in it: what was asked or answered, error texts, keys, an install's or a user's id.
 * Private and only_local requests are not in it at all, and nothing is sent while the client is
 * private, while cloud.enabled is false, or over a metered network where network.metered_allowed is
 * false. Batches are bounded; what can't be sent waits in memory, and when that is full it is
 * dropped and counted.
 */
#ifndef AMPHI_TELEMETRY_H
#define AMPHI_TELEMETRY_H

#include <amphi/client.h>

AMPHI_BEGIN_DECLS

/* SIZED, read. */
struct amphi_telemetry_settings {
    size_t struct_size;        /* in bytes; see amphi/types.h */
    amphi_str url;             /* of the collector, without /v1/...: https, or http to loopback
                                * where allow_http_loopback; empty: no telemetry */
    amphi_str service_name;    /* "service.name"; empty: "amphi" */
    amphi_str service_version; /* "service.version"; empty: none */
    amphi_str key_file;        /* a file whose content is sent as a bearer token; empty: none */
    amphi_str ca_file, pins;   /* as in amphi_endpoint_options */
    bool tls12;                /* accept TLS 1.2 as well; default 1.3 only */
    uint32_t interval_s;       /* between two batches, 1 to 86400; 0: 60 */
    bool no_spans;             /* metrics only */
};

static inline void amphi_telemetry_settings_init(amphi_telemetry_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->struct_size = sizeof *settings;
}

/* Sends what waits, now. AMPHI_E_NOT_FOUND: no URL is configured; _REFUSED: nothing may be sent
 * (see above); otherwise as the exchange ended, and what was not taken waits on. Any thread. */
AMPHI_API amphi_status amphi_telemetry_flush(
    amphi_client *client, uint32_t timeout_ms, amphi_error *error);

/* {"url","spans_waiting","spans_sent","spans_dropped","points_sent","points_dropped","failures",
 * "last_error"}; "url" null: off. Free with amphi_string_free. */
AMPHI_API amphi_status amphi_telemetry_show(amphi_client *client, char **out, amphi_error *error);

AMPHI_END_DECLS

#endif
