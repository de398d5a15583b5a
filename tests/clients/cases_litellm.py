# SPDX-License-Identifier: Apache-2.0
"""The `litellm` package with Amphi as its OpenAI-compatible server: it maps statuses, codes and
words to exceptions of its own, by which programs fall back or give up."""
import json

import litellm

from clouds import ANEW, ANSWER, CUT_AT, THOUGHT
from questions import QUESTION, TOOLS, case, raises
from scripted_cloud import vector_of

CLIENT = "litellm"
litellm.suppress_debug_info = True


def ask(g, **more):
    return litellm.completion(**{"model": "openai/gpt-4o", "messages": QUESTION,
                                 "api_base": g.url, "api_key": "any", **more})


def text(parts):
    return "".join(one.choices[0].delta.content or "" for one in parts if one.choices)


def refused(lab, scenario, kind, words, asked=1):
    for stream in (False, True):
        with lab.gateway(scenario) as g:
            error = raises(kind, lambda: list(ask(g, stream=True)) if stream else ask(g))
            assert words in str(error), error
            assert g.asked() == [asked, 0], (stream, g.asked())


@case
def an_answer_is_the_clouds(lab):
    with lab.gateway("plain") as g:
        answer = ask(g)
        assert answer.choices[0].message.content == ANSWER and answer.usage.total_tokens == 18
        parts = list(ask(g, stream=True, stream_options={"include_usage": True}))
        assert text(parts) == ANSWER and parts[-1].usage.prompt_tokens == 11, parts[-1]


@case
def parallel_tool_calls_come_whole(lab):
    with lab.gateway("tools") as g:
        calls = ask(g, tools=TOOLS).choices[0].message.tool_calls
        assert [json.loads(one.function.arguments)["city"] for one in calls] == ["Paris", "Lyon"]
        built = litellm.stream_chunk_builder(list(ask(g, tools=TOOLS, stream=True)))
        calls = built.choices[0].message.tool_calls
        assert [json.loads(one.function.arguments)["city"] for one in calls] == ["Paris", "Lyon"]


@case
def json_mode_is_json(lab):
    with lab.gateway("plain") as g:
        answer = ask(g, response_format={"type": "json_object"})
        assert json.loads(answer.choices[0].message.content)["city"] == "Paris"


@case
def thoughts_are_beside_the_answer(lab):
    with lab.gateway("reasoning") as g:
        message = ask(g).choices[0].message
        assert message.content == ANSWER and message.reasoning_content == THOUGHT, message


@case
def a_wrong_key_is_an_authentication_error_after_one_request(lab):
    refused(lab, "wrong_key", litellm.AuthenticationError, "Incorrect API key provided.")


@case
def too_long_a_conversation_is_a_context_window_error(lab):
    refused(lab, "too_long", litellm.ContextWindowExceededError, "maximum context length is 8192")


@case
def a_bad_request_says_what_the_provider_said(lab):
    refused(lab, "bad_schema", litellm.BadRequestError, "Invalid schema for function 'f'")


@case
def an_unknown_model_is_not_found(lab):
    refused(lab, "no_model", litellm.NotFoundError, "`mock-huge` does not exist")


@case
def a_used_up_quota_is_asked_once(lab):
    refused(lab, "no_money", litellm.RateLimitError, "You exceeded your current quota")


@case
def a_cloud_that_is_down_is_an_error_of_the_server(lab):
    with lab.gateway("down") as g:
        error = raises((litellm.InternalServerError, litellm.ServiceUnavailableError),
                       lambda: ask(g))
        assert error.status_code in (500, 503) and "overloaded" in str(error), error
        assert g.asked()[0] <= 3, g.asked()


def anew(lab, **more):
    with lab.gateway("cuts", "anew", **more) as g:
        assert ask(g).choices[0].message.content == ANEW
    with lab.gateway("cuts", "anew", **more) as g:
        shown = ""
        try:
            for one in ask(g, stream=True):
                shown += text([one])
            assert shown in (ANSWER, ANEW), shown
        except (litellm.APIError, litellm.InternalServerError, litellm.APIConnectionError,
                litellm.exceptions.MidStreamFallbackError):
            assert ANSWER[:CUT_AT].startswith(shown), shown


@case
def a_next_cloud_that_answers_anew_is_never_glued(lab):
    anew(lab)


@case
def a_next_cloud_that_answers_anew_is_never_glued_with_no_flag(lab):
    anew(lab, mode=None)


def embed(g, given):
    return litellm.embedding(model="openai/text-embedding-3-small", input=given, api_base=g.url,
                             api_key="any")


@case
def embeddings_are_the_clouds(lab):
    with lab.gateway("embed") as g:
        answer = embed(g, ["Paris", "Lyon"])
        assert [one["embedding"] for one in answer.data] == [
            vector_of("Paris"), vector_of("Lyon")], answer
        assert answer.usage.total_tokens == 10, answer


@case
def embeddings_with_a_wrong_key_are_an_authentication_error(lab):
    with lab.gateway("wrong_key") as g:
        raises(litellm.AuthenticationError, lambda: embed(g, ["Paris"]))
        assert g.asked() == [1, 0], g.asked()
