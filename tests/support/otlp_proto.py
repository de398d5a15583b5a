# SPDX-License-Identifier: Apache-2.0
"""OTLP's JSON by its protobuf definitions (the package opentelemetry-proto): a name that they do
not have, or a value of another type, fails."""
import json
import re

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

KINDS = {"/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
         "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest}
IDS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
WHOLE = re.compile("UnixNano$|^(count|asInt|intValue|bucketCounts)$")


def check(path, body):
    """The message. What OTLP has in a form of its own is looked at first: ids in hexadecimal
    digits, 64-bit integers as texts, enumerations as numbers."""
    root = json.loads(body)
    walk(root)
    message = json_format.Parse(json.dumps(root), KINDS[path]())
    for of_one in getattr(message, "resource_metrics", []):
        for metric in (one for scope in of_one.scope_metrics for one in scope.metrics):
            kind = metric.WhichOneof("data")
            assert kind in ("histogram", "sum") and metric.name and metric.unit, metric
            assert getattr(metric, kind).aggregation_temporality in (1, 2), metric
            for point in metric.histogram.data_points:
                assert len(point.bucket_counts) == len(point.explicit_bounds) + 1, metric
                assert sum(point.bucket_counts) == point.count > 0, metric
                assert list(point.explicit_bounds) == sorted(set(point.explicit_bounds)), metric
                assert point.start_time_unix_nano <= point.time_unix_nano, metric
    for of_one in getattr(message, "resource_spans", []):
        for span in (one for scope in of_one.scope_spans for one in scope.spans):
            assert span.name and 0 < span.start_time_unix_nano <= span.end_time_unix_nano, span
            keys = [one.key for one in span.attributes]
            assert len(keys) == len(set(keys)), keys
    return message


def walk(value, name=""):
    """Raises where a form is protobuf's but not OTLP's."""
    if isinstance(value, dict):
        for key, inside in value.items():
            if key in IDS and inside:
                assert re.fullmatch("[0-9a-f]{%d}" % IDS[key], inside), (key, inside)
                assert set(inside) != {"0"}, (key, inside)
            elif key in ("kind", "code", "aggregationTemporality"):
                assert isinstance(inside, int), (key, inside)
            walk(inside, key)
    elif isinstance(value, list):
        for one in value:
            walk(one, name)
    elif WHOLE.search(name):
        assert isinstance(value, str) and value.isdigit(), (name, value)
