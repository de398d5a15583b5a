/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds and names: OpenTelemetry's semantic conventions for generative AI metrics. OTLP's JSON has
 * 64-bit integers as strings.
 */
#include "sdk/client/telemetry_metrics.h"

#include "sdk/core/str.h"

#include <stdio.h>

#define AGGREGATION_TEMPORALITY_DELTA 1

/* Of the series that counts all those beyond the last. */
static const char overflown[] =
    "[{\"key\":\"otel.metric.overflow\",\"value\":{\"boolValue\":true}}]";

typedef struct metric_kind {
    const char *name, *unit, *description;
    double bounds[AMPHI_TELEMETRY_BOUNDS_MAX];
    size_t bounds_count; /* 0: a sum */
} metric_kind;

static const metric_kind kinds[AMPHI_METRIC_COUNT] = {
    [AMPHI_METRIC_DURATION] = {"gen_ai.client.operation.duration", "s", "How long a request took",
        {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92},
        14},
    [AMPHI_METRIC_FIRST_CHUNK] = {"gen_ai.client.operation.time_to_first_chunk", "s",
        "How long the first text took",
        {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}, 16},
    [AMPHI_METRIC_TOKENS] = {"gen_ai.client.token.usage", "{token}",
        "How many tokens went in and out",
        {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864},
        14},
    [AMPHI_METRIC_TAKEOVERS] = {"amphi.takeovers", "{takeover}", "How often another route went on",
        {0}, 0},
};

/* The series with these attributes; a new one; or the one of all that found no room. */
static amphi_telemetry_series *find(
    amphi_telemetry_metrics *metrics, amphi_telemetry_metric metric, const char *attributes)
{
    size_t free_for_all = AMPHI_TELEMETRY_SERIES_MAX - AMPHI_METRIC_COUNT;
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->series[i].metric == metric &&
            strcmp(metrics->series[i].attributes, attributes) == 0)
            return &metrics->series[i];
    if (metrics->count >= free_for_all && strcmp(attributes, overflown) != 0)
        return find(metrics, metric, overflown);
    amphi_telemetry_series *made = &metrics->series[metrics->count++];
    memset(made, 0, sizeof *made);
    made->metric = metric;
    amphi__str_copy_to(made->attributes, sizeof made->attributes, amphi_str_from(attributes));
    return made;
}

void amphi__telemetry_metrics_add(amphi_telemetry_metrics *metrics, amphi_telemetry_metric metric,
    const char *attributes, double value, uint64_t now_ns)
{
    amphi_telemetry_series *s = find(metrics, metric, attributes);
    const metric_kind *kind = &kinds[metric];
    size_t bucket = 0;
    while (bucket < kind->bounds_count && value > kind->bounds[bucket])
        bucket++;
    s->min = s->count == 0 || value < s->min ? value : s->min;
    s->max = s->count == 0 || value > s->max ? value : s->max;
    s->count++;
    s->sum += value;
    s->buckets[bucket]++;
    if (metrics->since_ns == 0)
        metrics->since_ns = now_ns;
}

static void put_u64(amphi_json_writer *writer, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    amphi__json_put_str(writer, key, amphi_str_from(text));
}

static void put_point(const amphi_telemetry_metrics *metrics, const amphi_telemetry_series *s,
    amphi_json_writer *writer, uint64_t now_ns)
{
    const metric_kind *kind = &kinds[s->metric];
    amphi__json_open(writer, NULL, '{');
    amphi__json_put_raw(writer, "attributes", amphi_str_from(s->attributes));
    put_u64(writer, "startTimeUnixNano", metrics->since_ns);
    put_u64(writer, "timeUnixNano", now_ns);
    if (kind->bounds_count == 0) {
        put_u64(writer, "asInt", (uint64_t)s->sum);
        amphi__json_close(writer, '}');
        return;
    }
    put_u64(writer, "count", s->count);
    amphi__json_put_number(writer, "sum", s->sum);
    amphi__json_put_number(writer, "min", s->min);
    amphi__json_put_number(writer, "max", s->max);
    amphi__json_open(writer, "bucketCounts", '[');
    for (size_t i = 0; i <= kind->bounds_count; i++)
        put_u64(writer, NULL, s->buckets[i]);
    amphi__json_close(writer, ']');
    amphi__json_open(writer, "explicitBounds", '[');
    for (size_t i = 0; i < kind->bounds_count; i++)
        amphi__json_put_number(writer, NULL, kind->bounds[i]);
    amphi__json_close(writer, ']');
    amphi__json_close(writer, '}');
}

static bool has_any(const amphi_telemetry_metrics *metrics, amphi_telemetry_metric metric)
{
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->series[i].metric == metric)
            return true;
    return false;
}

void amphi__telemetry_metrics_write(
    const amphi_telemetry_metrics *metrics, amphi_json_writer *writer, uint64_t now_ns)
{
    for (int m = 0; m < AMPHI_METRIC_COUNT; m++) {
        const metric_kind *kind = &kinds[m];
        if (!has_any(metrics, (amphi_telemetry_metric)m))
            continue;
        amphi__json_open(writer, NULL, '{');
        amphi__json_put_str(writer, "name", amphi_str_from(kind->name));
        amphi__json_put_str(writer, "description", amphi_str_from(kind->description));
        amphi__json_put_str(writer, "unit", amphi_str_from(kind->unit));
        amphi__json_open(writer, kind->bounds_count > 0 ? "histogram" : "sum", '{');
        amphi__json_put_int(writer, "aggregationTemporality", AGGREGATION_TEMPORALITY_DELTA);
        if (kind->bounds_count == 0)
            amphi__json_put_bool(writer, "isMonotonic", true);
        amphi__json_open(writer, "dataPoints", '[');
        for (size_t i = 0; i < metrics->count; i++)
            if (metrics->series[i].metric == (amphi_telemetry_metric)m)
                put_point(metrics, &metrics->series[i], writer, now_ns);
        amphi__json_close(writer, ']');
        amphi__json_close(writer, '}');
        amphi__json_close(writer, '}');
    }
}
