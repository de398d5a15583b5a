# SPDX-License-Identifier: Apache-2.0
"""The `openai` package over Responses."""
import openai

from cases_openai import connect
from clouds import ANEW, ANSWER, CUT_AT, THOUGHT
from questions import TOOLS, case, raises

CLIENT = "openai responses"
QUESTION = "What is the capital of France?"


def ask(g, **more):
    return connect(g).responses.create(**{"model": "gpt-4o", "input": QUESTION, **more})


def shown(g, **more):
    """(text, the last event's type, error) of a streamed answer."""
    text, last = "", None
    try:
        for event in ask(g, stream=True, **more):
            text += event.delta if event.type == "response.output_text.delta" else ""
            last = event.type
    except openai.APIError as error:
        return text, last, error
    return text, last, None


@case
def an_answer_is_the_clouds(lab):
    with lab.gateway("reasoning") as g:
        answer = ask(g)
        assert answer.output_text == ANSWER and answer.status == "completed", answer
        assert answer.output[0].summary[0].text == THOUGHT, answer
        assert answer.usage.total_tokens == 18, answer
        assert answer.usage.output_tokens_details.reasoning_tokens == 2, answer


@case
def a_streamed_answer_is_the_clouds(lab):
    with lab.gateway("plain") as g:
        assert shown(g) == (ANSWER, "response.completed", None)
        with connect(g).responses.stream(model="gpt-4o", input=QUESTION) as stream:
            assert stream.get_final_response().output_text == ANSWER


@case
def a_tool_is_called_and_answered_from_the_history(lab):
    tools = [{"type": "function", **TOOLS[0]["function"]}]
    with lab.gateway("tools") as g:
        first = ask(g, tools=tools)
        said = [{"type": "function_call_output", "call_id": one.call_id, "output": "21 degrees"}
                for one in first.output if one.type == "function_call"]
        assert len(said) == 2, first
        last = ask(g, tools=tools, previous_response_id=first.id, input=said)
        assert "21 degrees" in last.output_text, last
        assert [one["role"] for one in g.requests()[1].json["messages"]] == [
            "user", "assistant", "tool", "tool"]


@case
def errors_are_the_types_that_it_has(lab):
    for scenario, kind, code in (
            ("wrong_key", openai.AuthenticationError, "invalid_api_key"),
            ("bad_schema", openai.BadRequestError, "invalid_function_parameters"),
            ("too_long", openai.BadRequestError, "context_length_exceeded"),
            ("no_model", openai.NotFoundError, "model_not_found"),
            ("no_money", openai.RateLimitError, "insufficient_quota")):
        for stream in (False, True):
            with lab.gateway(scenario) as g:
                error = raises(kind, lambda g=g, stream=stream: ask(g, stream=stream))
                assert error.code == code and g.asked() == [1, 0], (error.body, g.asked())


@case
def a_cut_with_nobody_else_is_a_failure(lab):
    with lab.gateway("cuts") as g:
        raises(openai.InternalServerError, lambda: ask(g))
    with lab.gateway("cuts") as g:
        text, last, error = shown(g)
        assert ANSWER[:CUT_AT].startswith(text), text
        assert error is not None or last == "response.failed", (text, last)


@case
def a_takeover_is_one_answer_or_a_failure(lab):
    for following, answers in (("continues", [ANSWER]), ("repeats", [ANSWER]),
                               ("anew", [ANSWER, ANEW]), ("refuses_beginning", [ANSWER, ANEW])):
        with lab.gateway("cuts", following) as g:
            whole = ask(g)
            assert whole.output_text in answers and whole.status == "completed", (following, whole)
        with lab.gateway("cuts", following) as g:
            text, last, error = shown(g)
            if last == "response.completed":
                assert text in answers, (following, text)
            else:
                assert following in ("anew", "refuses_beginning"), (last, error)
                assert ANSWER[:CUT_AT].startswith(text), (following, text)


@case
def a_kept_response_is_retrieved_and_deleted(lab):
    with lab.gateway("plain") as g:
        responses = connect(g).responses
        first = ask(g)
        again = responses.retrieve(first.id)
        assert again.output_text == ANSWER and again.status == "completed", again
        assert again.usage.total_tokens == first.usage.total_tokens == 18, again
        said = list(responses.input_items.list(first.id))
        assert [one.content[0].text for one in said] == [QUESTION], said
        last = ask(g, previous_response_id=first.id)
        patient = connect(g).with_options(max_retries=0).responses
        raises(openai.ConflictError, lambda: patient.delete(first.id))
        responses.delete(last.id)
        responses.delete(first.id)
        error = raises(openai.NotFoundError, lambda: responses.retrieve(first.id))
        assert error.code == "response_not_found", error.body
