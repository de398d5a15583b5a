# SPDX-License-Identifier: Apache-2.0
"""Odd and slow providers, through the `openai` package: what has one meaning costs no answer, and
who is alone may take its time."""
import time

import clouds_odd
import openai

from cases_openai import ask, chunks, text
from clouds import ANSWER
from questions import case, raises

CLIENT = "openai odd"


def says(lab, scenario, words):
    with lab.gateway(scenario) as g:
        answer = ask(g)
        assert answer.choices[0].message.content == words, answer.choices[0].message.content[:200]
        assert answer.choices[0].finish_reason == "stop", answer.choices[0].finish_reason
        parts = chunks(g, stream_options={"include_usage": True})
        assert text(parts) == words, text(parts)[:200]
        return answer, parts


@case
def half_an_emoji_is_a_replacement_character(lab):
    says(lab, "half_an_emoji", "Hi \ufffd there")


@case
def a_byte_that_is_no_utf8_is_a_replacement_character(lab):
    says(lab, "invalid_utf8", "Caf\ufffd!")


@case
def a_number_that_is_none_is_null(lab):
    with lab.gateway("not_a_number") as g:
        found = ask(g, logprobs=True).choices[0].logprobs.content
        assert found[0].token == "Hi" and found[0].logprob is None, found


@case
def an_empty_error_is_none(lab):
    says(lab, "empty_error", ANSWER)


@case
def text_in_place_of_a_delta_is_read(lab):
    says(lab, "text_for_delta", ANSWER)


@case
def an_end_without_a_finish_reason_is_one_where_that_is_usual(lab):
    says(lab, "no_finish_reason", ANSWER)


@case
def a_usage_that_comes_late_is_waited_for(lab):
    answer, parts = says(lab, "late_usage", ANSWER)
    assert parts[-1].usage.total_tokens == 18, parts[-1]


@case
def an_event_may_be_large(lab):
    says(lab, "big_event", clouds_odd.BIG)


@case
def comments_are_signs_of_life(lab):
    with lab.gateway("keepalives") as g:
        assert text(chunks(g)) == ANSWER and g.asked() == [1, 0], g.asked()


@case
def a_pause_of_12_seconds_is_none_of_a_sole_cloud(lab):
    with lab.gateway("pauses") as g:
        assert text(chunks(g)) == ANSWER and g.asked() == [1, 0], g.asked()


@case
def a_next_cloud_is_asked_before_the_first_word_is_20_seconds_late(lab):
    with lab.gateway("never", "plain") as g:
        began = time.monotonic()
        assert ask(g).choices[0].message.content == ANSWER and g.asked() == [1, 1], g.asked()
        assert time.monotonic() - began < 20


@case
def what_a_header_keeps_on_the_device_is_not_sent(lab):
    for name, value in (("X-Amphi-Private", "true"), ("X-Amphi-Mode", "only_local")):
        with lab.gateway("plain", mode=None) as g:
            answer = ask(g, extra_headers={name: value})
            assert answer.model_extra["amphi"]["route"] == "local" and g.asked() == [0, 0], answer
    with lab.gateway("plain") as g:
        error = raises(openai.BadRequestError,
                       lambda: ask(g, extra_headers={"X-Amphi-Privat": "true"}))
        assert "X-Amphi-Privat" in error.message or "x-amphi-privat" in error.message, error
        assert g.asked() == [0, 0]
