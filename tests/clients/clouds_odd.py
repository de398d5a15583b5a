# SPDX-License-Identifier: Apache-2.0
"""Providers that answer in odd chunks, or take their time (see clouds.py). All of them stream
only, whatever the request asks for."""
import json

from clouds import ANSWER, USAGE, chunk, pieces, plain, scenario, stream, words
from scripted_cloud import events

BIG = "0123456789abcdef" * (2 << 16)  # an event of 2 MiB


def data(text):
    return b"data: " + text + b"\n\n"


@scenario
def half_an_emoji(_, __):
    """A half that the other one never follows."""
    return stream([{"content": "Hi \ud83d"}, {"content": " there"}])


@scenario
def invalid_utf8(_, __):
    raw = json.dumps(chunk({"content": "Caf?!"})).encode().replace(b"?", b"\xe9")
    return stream([data(raw)])


@scenario
def not_a_number(_, __):
    token = {"token": "Hi", "logprob": float("-inf"), "bytes": [72, 105], "top_logprobs": []}
    choice = {"logprobs": {"content": [token], "refusal": None}}
    return events(chunk({"content": "Hi"}, choice=choice, score=float("nan")), chunk({}, "stop"))


@scenario
def empty_error(_, __):
    return events(chunk({"role": "assistant", "content": ""}, error={}),
                  chunk({"content": ANSWER}, error=None), chunk({}, "stop", error={}))


@scenario
def text_for_delta(_, __):
    """As servers of the older completions have it."""
    parts = [{**chunk({}), "choices": [{"index": 0, "text": one, "finish_reason": None}]}
             for one in pieces(ANSWER)]
    return events(*parts, {**chunk({}), "choices": [{"index": 0, "text": "",
                                                     "finish_reason": "stop"}]})


@scenario
def no_finish_reason(_, __):
    """null to the end; the usage comes on its own."""
    return events(*words(ANSWER), {**chunk({}), "choices": [], "usage": USAGE})


@scenario
def late_usage(_, __):
    return events(*words(ANSWER), chunk({}, "stop"), 1.5,
                  {**chunk({}), "choices": [], "usage": USAGE})


@scenario
def big_event(_, __):
    return stream([{"content": BIG}])


@scenario
def keepalives(_, __):
    """Nothing but comments for 18 s, before and behind the first words."""
    alive = [one for _ in range(18) for one in (b": keepalive\n\n", 1)]
    return events(*alive, *words(ANSWER[:40]), *alive, *words(ANSWER[40:]), chunk({}, "stop"))


@scenario
def pauses(_, __):
    return events(*words(ANSWER[:40]), 12, *words(ANSWER[40:]), chunk({}, "stop"))


@scenario
def never(request, turn):
    """Says its first word after 40 s."""
    answer = plain(request, turn)
    answer.pieces = [40] + answer.pieces
    return answer
