# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, with the `openai` package of Python: its own exception types, the provider's
words, how often the provider is asked, and answers that break off. The client retries as it does by
default: that is what people have."""
import json

import openai

from cases_openai import ask, chunks, connect, text
from clouds import ANEW, ANEW_JSON, ANSWER, ANSWER_JSON, CUT_AT, CUT_JSON_AT, THOUGHT
from questions import TOOLS, case, raises

CLIENT = "openai"
ERRORS = (openai.APIError, openai.InternalServerError, openai.APIConnectionError)


def one_refusal(lab, scenario, kind, status, code, message, param=None, asked=1, **more):
    """Plain and streamed: the same error, after so many requests to the provider."""
    for stream in (False, True):
        with lab.gateway(scenario) as g:
            error = raises(kind, lambda: ask(g, stream=stream, **more))
            assert error.status_code == status and error.code == code, (status, error.body)
            assert message in error.message and error.param == param, error.body
            assert error.request_id, "an error without a request id"
            assert g.asked() == [asked, 0], (stream, g.asked())


@case
def a_wrong_key_is_an_authentication_error_after_one_request(lab):
    one_refusal(lab, "wrong_key", openai.AuthenticationError, 401, "invalid_api_key",
                "Incorrect API key provided.")


@case
def what_a_key_may_not_do_is_a_permission_error(lab):
    one_refusal(lab, "forbidden", openai.PermissionDeniedError, 403, "permission_denied",
                "not allowed to sample")


@case
def a_bad_request_says_what_the_provider_said(lab):
    one_refusal(lab, "bad_schema", openai.BadRequestError, 400, "invalid_function_parameters",
                "Invalid schema for function 'f': 'required' is required",
                "tools[0].function.parameters", tools=TOOLS)


@case
def too_long_a_conversation_is_context_length_exceeded(lab):
    one_refusal(lab, "too_long", openai.BadRequestError, 400, "context_length_exceeded",
                "maximum context length is 8192 tokens", "messages")


@case
def an_unknown_model_is_not_found(lab):
    one_refusal(lab, "no_model", openai.NotFoundError, 404, "model_not_found",
                "`mock-huge` does not exist")


@case
def what_can_not_be_processed_stays_a_422(lab):
    with lab.gateway("unprocessable") as g:
        error = raises(openai.UnprocessableEntityError, lambda: ask(g))
        assert "messages.0.content: field required" in error.message, error.body
        assert error.type == "invalid_request_error" and g.asked() == [1, 0], error.body


@case
def a_used_up_quota_is_asked_once(lab):
    one_refusal(lab, "no_money", openai.RateLimitError, 429, "insufficient_quota",
                "You exceeded your current quota")


@case
def a_rate_limit_tells_how_long_to_wait(lab):
    with lab.gateway("rate_limit") as g:
        error = raises(openai.RateLimitError, lambda: ask(g, client=connect(g, max_retries=0)))
        assert error.response.headers["retry-after"] == "7", error.response.headers
        assert error.code == "rate_limit_exceeded" and "per minute" in error.message, error.body
        assert g.asked() == [1, 0], g.asked()


@case
def a_rate_limit_that_passes_is_waited_for(lab):
    for stream in (False, True):
        with lab.gateway("rate_limit_once") as g:
            answer = text(chunks(g)) if stream else ask(g).choices[0].message.content
            assert answer == ANSWER and g.asked() == [2, 0], (answer, g.asked())


@case
def a_cloud_that_is_down_is_not_stormed(lab):
    for stream in (False, True):
        with lab.gateway("down") as g:
            error = raises(openai.InternalServerError, lambda: ask(g, stream=stream))
            assert error.status_code == 503 and "overloaded" in error.message, error.body
            assert g.asked()[0] <= 3, g.asked()


@case
def a_cloud_that_was_down_for_a_moment_answers(lab):
    with lab.gateway("down_once") as g:
        assert ask(g).choices[0].message.content == ANSWER
        assert g.asked() == [2, 0]


@case
def a_cloud_that_is_down_is_answered_for_by_the_next(lab):
    with lab.gateway("down", "plain") as g:
        assert text(chunks(g)) == ANSWER
        assert ask(g).choices[0].message.content == ANSWER


@case
def an_error_in_mid_stream_is_raised(lab):
    with lab.gateway("error_in_stream") as g:
        error = raises(openai.APIError, lambda: chunks(g))
        assert "The engine broke." in error.message, (error.message, error.body)
        error = raises(openai.InternalServerError, lambda: ask(g))
        assert "The engine broke." in error.message, (error.message, error.body)


# -- answers that break off ------------------------------------------------------------------------
def outcome(lab, *scenarios, stream, mode="only_cloud", **more):
    """(text, error) of one answer; a stream's text is what was shown until then."""
    shown = ""
    with lab.gateway(*scenarios, mode=mode) as g:
        try:
            answer = ask(g, stream=stream, **more)
            if not stream:
                return answer.choices[0].message.content, None
            for one in answer:
                shown += text([one])
        except openai.APIError as error:
            assert type(error) in ERRORS, type(error)
            return shown, error
    return shown, None


def one_subject(lab, *scenarios, answers, begun, errors=True, **more):
    """Plain and streamed: a whole answer of one model, or an error behind what was shown."""
    for stream in (False, True):
        said, error = outcome(lab, *scenarios, stream=stream, **more)
        if error is None:
            assert said in answers, (stream, said)
        else:
            assert errors, (stream, error)
            assert begun.startswith(said), (stream, said)


@case
def a_cut_with_nobody_else_is_an_error_or_a_whole_answer(lab):
    one_subject(lab, "cuts", answers=[ANSWER], begun=ANSWER[:CUT_AT])


@case
def a_cut_with_nobody_else_is_healed_by_a_second_try(lab):
    one_subject(lab, "cuts_once", answers=[ANSWER], begun=ANSWER[:CUT_AT])


@case
def a_next_cloud_that_answers_anew_is_never_glued(lab):
    one_subject(lab, "cuts", "anew", answers=[ANSWER, ANEW], begun=ANSWER[:CUT_AT])


@case
def an_answer_anew_is_whole_where_nothing_was_shown(lab):
    said, error = outcome(lab, "cuts", "anew", stream=False)
    assert error is None and said == ANEW, (said, error)


@case
def json_anew_is_never_glued(lab):
    one_subject(lab, "cuts", "anew", answers=[ANSWER_JSON, ANEW_JSON],
                begun=ANSWER_JSON[:CUT_JSON_AT], response_format={"type": "json_object"})


@case
def a_next_cloud_that_continues_makes_it_whole(lab):
    one_subject(lab, "cuts", "continues", answers=[ANSWER], begun="", errors=False)


@case
def a_next_cloud_that_continues_json_makes_it_whole(lab):
    one_subject(lab, "cuts", "continues", answers=[ANSWER_JSON], begun="", errors=False,
                response_format={"type": "json_object"})


@case
def a_next_cloud_that_repeats_is_not_heard_twice(lab):
    one_subject(lab, "cuts", "repeats", answers=[ANSWER], begun="", errors=False)


@case
def a_next_cloud_that_refuses_a_beginning_is_never_glued(lab):
    one_subject(lab, "cuts", "refuses_beginning", answers=[ANSWER, ANEW], begun=ANSWER[:CUT_AT])


@case
def thoughts_of_two_clouds_are_not_joined(lab):
    with lab.gateway("cuts_thinking", "reasoning") as g:
        message = ask(g).choices[0].message
        assert message.content == ANSWER, message
        assert (getattr(message, "reasoning_content", None) or THOUGHT) == THOUGHT, message
        parts = chunks(g)
        assert text(parts) == ANSWER, parts
        assert "Half a thou" + THOUGHT not in text(parts, "reasoning_content"), parts


@case
def half_a_tool_call_is_never_taken_for_one(lab):
    with lab.gateway("cuts_tools", "tools") as g:
        choice = ask(g, tools=TOOLS).choices[0]
        cities = [json.loads(call.function.arguments)["city"]
                  for call in choice.message.tool_calls]
        assert cities == ["Paris", "Lyon"], cities


@case
def half_a_tool_call_with_nobody_else_is_an_error(lab):
    for stream in (False, True):
        with lab.gateway("cuts_tools") as g:
            raises(ERRORS, lambda: list(ask(g, tools=TOOLS, stream=stream)))


# -- the line of the README, with no flag at all ---------------------------------------------------
@case
def with_no_flag_the_cloud_answers(lab):
    for stream in (False, True):
        with lab.gateway("plain", mode=None) as g:
            answer = text(chunks(g)) if stream else ask(g).choices[0].message.content
            assert answer == ANSWER and g.asked() == [1, 0], answer


@case
def with_no_flag_a_failing_cloud_is_its_error(lab):
    for scenario, kind, asked in (("wrong_key", openai.AuthenticationError, [1]),
                                  ("no_money", openai.RateLimitError, [1]),
                                  ("down", openai.InternalServerError, [1, 2, 3])):
        for call in (ask, chunks):
            with lab.gateway(scenario, mode=None) as g:
                raises(kind, lambda call=call, g=g: call(g))
                assert g.asked()[0] in asked, (scenario, g.asked())


@case
def with_no_flag_a_cut_is_never_two_subjects(lab):
    one_subject(lab, "cuts", answers=[ANSWER], begun=ANSWER[:CUT_AT], mode=None)


@case
def with_no_flag_a_next_cloud_that_answers_anew_is_never_glued(lab):
    one_subject(lab, "cuts", "anew", answers=[ANSWER, ANEW], begun=ANSWER[:CUT_AT], mode=None)
