/* SPDX-License-Identifier: Apache-2.0
 *
 * Histograms: which bucket a value falls into, and what happens when there are too many series.
 */
#include "sdk/client/telemetry_metrics.h"

#include "sdk/core/alloc.h"
#include "sdk/core/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static amphi_telemetry_metrics metrics;

static char *write_all(uint64_t now_ns)
{
    amphi_buf out;
    amphi_json_writer writer;
    amphi__buf_init(&out, 0);
    amphi__json_writer_init(&writer, &out);
    amphi__json_open(&writer, NULL, '[');
    amphi__telemetry_metrics_write(&metrics, &writer, now_ns);
    amphi__json_close(&writer, ']');
    assert_int_equal(out.status, AMPHI_OK);
    return amphi__buf_take(&out);
}

static void expect(const char *part)
{
    char *text = write_all(9);
    if (strstr(text, part) == NULL)
        fail_msg("%s is not in %s", part, text);
    amphi__free(text);
}

static void histogram__counts_into_the_bounds_that_include_their_upper_end(void **state)
{
    memset(&metrics, 0, sizeof metrics);
    static const double values[] = {0.01, 0.010001, 81.92, 82, 0};
    for (size_t i = 0; i < 5; i++)
        amphi__telemetry_metrics_add(&metrics, AMPHI_METRIC_DURATION, "[]", values[i], 5);
    expect("\"bucketCounts\":[\"2\",\"1\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\",\"0\","
           "\"0\",\"0\",\"1\",\"1\"]");
    expect("\"count\":\"5\"");
    expect("\"min\":0,\"max\":82");
    expect("\"startTimeUnixNano\":\"5\",\"timeUnixNano\":\"9\"");
    expect("\"aggregationTemporality\":1");
}

static void sum__of_takeovers_is_monotonic(void **state)
{
    memset(&metrics, 0, sizeof metrics);
    amphi__telemetry_metrics_add(&metrics, AMPHI_METRIC_TAKEOVERS, "[]", 1, 5);
    amphi__telemetry_metrics_add(&metrics, AMPHI_METRIC_TAKEOVERS, "[]", 1, 6);
    expect("\"sum\":{\"aggregationTemporality\":1,\"isMonotonic\":true");
    expect("\"asInt\":\"2\"");
}

static void series__beyond_the_last_are_counted_together(void **state)
{
    memset(&metrics, 0, sizeof metrics);
    for (int i = 0; i < 500; i++) {
        char attributes[64];
        snprintf(
            attributes, sizeof attributes, "[{\"key\":\"n\",\"value\":{\"intValue\":\"%d\"}}]", i);
        for (int m = 0; m < AMPHI_METRIC_COUNT; m++)
            amphi__telemetry_metrics_add(&metrics, (amphi_telemetry_metric)m, attributes, 1, 5);
    }
    assert_in_range(metrics.count, 1, AMPHI_TELEMETRY_SERIES_MAX);
    uint64_t total = 0;
    for (size_t i = 0; i < metrics.count; i++)
        total += metrics.series[i].count;
    assert_int_equal(total, 500 * AMPHI_METRIC_COUNT);
    expect("otel.metric.overflow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram__counts_into_the_bounds_that_include_their_upper_end),
        cmocka_unit_test(sum__of_takeovers_is_monotonic),
        cmocka_unit_test(series__beyond_the_last_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
