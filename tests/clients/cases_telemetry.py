# SPDX-License-Identifier: Apache-2.0
"""What telemetry sends, by OTLP's own protobuf definitions (the package opentelemetry-proto)."""
import otlp_proto
from openai import BadRequestError, OpenAI

from otlp_recorder import OtlpRecorder, attributes, requests
from questions import QUESTION, case, raises

CLIENT = "telemetry"


def ask(gateway, **more):
    return OpenAI(base_url=gateway.url, api_key="any", max_retries=0).chat.completions.create(
        model="gpt-4o", messages=QUESTION, **more)


@case
def is_otlp_of_answers_takeovers_and_failures(lab):
    with OtlpRecorder() as recorder:
        flags = ("--telemetry", recorder.url, "--allow-http-loopback")
        with lab.gateway("cuts", "continues", flags=flags) as g:
            ask(g)
            list(ask(g, stream=True))
        with lab.gateway("extras", flags=flags) as g:
            ask(g)
        with lab.gateway("bad_schema", flags=flags) as g:
            raises(BadRequestError, lambda: ask(g))
    for post in recorder.posts:
        otlp_proto.check(post.path, post.body)
    spans = [attributes(one) for one in requests(recorder.spans())]
    assert len(spans) == 4, len(spans)
    assert sum(one["amphi.takeover.count"] for one in spans) == 2, spans
    assert [one["error.type"] for one in spans if "error.type" in one] == ["request"], spans
    assert b"Paris" not in recorder.bytes() and b"capital" not in recorder.bytes()
