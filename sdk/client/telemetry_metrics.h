/* SPDX-License-Identifier: Apache-2.0
 *
 * Histograms of what requests took, between two batches: OpenTelemetry's GenAI client metrics with
 * the bounds that its semantic conventions advise, and takeovers as a sum. Bounded: a series beyond
 * the last goes into one that says so ("otel.metric.overflow"). Plain data, no locks.
 */
#ifndef AMPHI_CLIENT_TELEMETRY_METRICS_H
#define AMPHI_CLIENT_TELEMETRY_METRICS_H

#include "sdk/core/json.h"

#define AMPHI_TELEMETRY_SERIES_MAX 64
#define AMPHI_TELEMETRY_BOUNDS_MAX 16
#define AMPHI_TELEMETRY_KEY_MAX    1024

typedef enum amphi_telemetry_metric {
    AMPHI_METRIC_DURATION = 0,    /* gen_ai.client.operation.duration, s */
    AMPHI_METRIC_FIRST_CHUNK = 1, /* gen_ai.client.operation.time_to_first_chunk, s */
    AMPHI_METRIC_TOKENS = 2,      /* gen_ai.client.token.usage, {token} */
    AMPHI_METRIC_TAKEOVERS = 3,   /* amphi.takeovers, {takeover}, a sum */
    AMPHI_METRIC_COUNT
} amphi_telemetry_metric;

typedef struct amphi_telemetry_series {
    amphi_telemetry_metric metric;
    char attributes[AMPHI_TELEMETRY_KEY_MAX]; /* a JSON array: OTLP's KeyValue */
    uint64_t count;
    double sum, min, max;
    uint64_t buckets[AMPHI_TELEMETRY_BOUNDS_MAX + 1];
} amphi_telemetry_series;

typedef struct amphi_telemetry_metrics {
    amphi_telemetry_series series[AMPHI_TELEMETRY_SERIES_MAX];
    size_t count;
    uint64_t since_ns; /* Unix time of the first value; 0: there is none */
} amphi_telemetry_metrics;

/* `attributes`: a JSON array, shorter than AMPHI_TELEMETRY_KEY_MAX. */
void amphi__telemetry_metrics_add(amphi_telemetry_metrics *metrics, amphi_telemetry_metric metric,
    const char *attributes, double value, uint64_t now_ns);
/* The members of a Metric array, for the time up to now_ns. */
void amphi__telemetry_metrics_write(
    const amphi_telemetry_metrics *metrics, amphi_json_writer *writer, uint64_t now_ns);

#endif
