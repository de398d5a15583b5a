# SPDX-License-Identifier: Apache-2.0
"""Plain and streamed answers, fields, keys and time with the `openai` package of Python."""
import asyncio
import json

import openai
import pydantic

from clouds import ANNOTATIONS, ANSWER, ANSWER_JSON, LOGPROBS, THOUGHT
from lab import KEY
from questions import CITY_SCHEMA, IMAGE, QUESTION, TOOLS, case, raises

CLIENT = "openai"


class City(pydantic.BaseModel):
    city: str
    country: str
    people: int
    river: str


def connect(g, key="any", **more):
    return openai.OpenAI(base_url=g.url, api_key=key, **more)


def ask(g, **more):
    own = more.pop("client", None) or connect(g)
    return own.chat.completions.create(**{"model": "gpt-4o", "messages": QUESTION, **more})


def chunks(g, **more):
    return list(ask(g, stream=True, **more))


def text(parts, field="content"):
    return "".join(getattr(one.choices[0].delta, field, None) or ""
                   for one in parts if one.choices)


def finish(parts):
    return [one.choices[0].finish_reason for one in parts
            if one.choices and one.choices[0].finish_reason]


# -- answers ---------------------------------------------------------------------------------------
@case
def a_plain_answer_is_the_clouds(lab):
    with lab.gateway("plain") as g:
        answer = ask(g)
        assert answer.choices[0].message.content == ANSWER, answer
        assert answer.choices[0].message.role == "assistant"
        assert answer.choices[0].finish_reason == "stop" and answer.model == "mock-large", answer
        assert g.asked() == [1, 0]


@case
def a_streamed_answer_is_the_clouds(lab):
    with lab.gateway("plain") as g:
        parts = chunks(g)
        assert text(parts) == ANSWER and finish(parts) == ["stop"], parts
        assert len({one.id for one in parts}) == 1, "one answer has one id"
        assert len([one for one in parts if one.choices[0].delta.content]) > 10, "in one piece"


@case
def the_stream_helper_sees_its_events(lab):
    with lab.gateway("plain") as g:
        with connect(g).chat.completions.stream(model="gpt-4o", messages=QUESTION) as stream:
            kinds = [event.type for event in stream]
            whole = stream.get_final_completion()
        assert whole.choices[0].message.content == ANSWER and "content.done" in kinds, kinds


@case
def an_async_client_gets_both(lab):
    async def both(g):
        async with openai.AsyncOpenAI(base_url=g.url, api_key="any") as client:
            plain, stream = await asyncio.gather(
                client.chat.completions.create(model="gpt-4o", messages=QUESTION),
                client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True))
            return plain.choices[0].message.content, text([one async for one in stream])
    with lab.gateway("plain") as g:
        assert asyncio.run(both(g)) == (ANSWER, ANSWER)


@case
def finish_reasons_of_the_provider_stand(lab):
    for scenario, reason in (("long_stop", "length"), ("filtered", "content_filter")):
        with lab.gateway(scenario) as g:
            assert finish(chunks(g)) == [reason], reason
            assert ask(g).choices[0].finish_reason == reason


@case
def usage_is_the_providers(lab):
    with lab.gateway("plain") as g:
        usage = ask(g).usage
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (11, 7, 18)
        assert usage.prompt_tokens_details.cached_tokens == 3, usage
        assert usage.completion_tokens_details.reasoning_tokens == 2, usage


@case
def usage_of_a_stream_comes_last_and_only_when_asked(lab):
    with lab.gateway("plain") as g:
        assert not any(one.usage for one in chunks(g))
        parts = chunks(g, stream_options={"include_usage": True})
        assert parts[-1].choices == [] and parts[-1].usage.total_tokens == 18, parts[-1]
        assert parts[-1].usage.completion_tokens_details.reasoning_tokens == 2, parts[-1]
        assert not any(one.usage for one in parts[:-1])


@case
def log_probabilities_come_whole(lab):
    with lab.gateway("logprobs") as g:
        found = ask(g, logprobs=True, top_logprobs=2).choices[0].logprobs.content
        assert [one.model_dump() for one in found] == LOGPROBS, found
        assert g.requests()[0].json["top_logprobs"] == 2


@case
def log_probabilities_come_streamed(lab):
    with lab.gateway("logprobs") as g:
        found = [token.model_dump() for one in chunks(g, logprobs=True, top_logprobs=2)
                 if one.choices[0].logprobs for token in one.choices[0].logprobs.content]
        assert found == LOGPROBS, found


@case
def thoughts_are_beside_the_answer(lab):
    with lab.gateway("reasoning") as g:
        message = ask(g).choices[0].message
        assert message.content == ANSWER and message.reasoning_content == THOUGHT, message
        parts = chunks(g)
        assert text(parts) == ANSWER and text(parts, "reasoning_content") == THOUGHT, parts


@case
def an_emoji_in_two_deltas_is_one_letter(lab):
    with lab.gateway("emoji") as g:
        assert ask(g).choices[0].message.content == "Hi \U0001f600!"
        assert text(chunks(g)) == "Hi \U0001f600!"


@case
def fields_that_amphi_does_not_know_pass_in_a_plain_answer(lab):
    with lab.gateway("extras") as g:
        answer = ask(g)
        assert answer.system_fingerprint == "fp_9" and answer.service_tier == "flex", answer
        found = answer.choices[0].message
        assert found.content == ANSWER and found.refusal is None, found
        assert [one.model_dump() for one in found.annotations] == ANNOTATIONS, found


@case
def fields_that_amphi_does_not_know_pass_in_a_stream(lab):
    with lab.gateway("extras") as g:
        parts = chunks(g)
        assert text(parts) == ANSWER
        assert {one.system_fingerprint for one in parts if one.choices[0].delta.content} == {
            "fp_9"}, parts
        found = [one.choices[0].delta.annotations for one in parts
                 if getattr(one.choices[0].delta, "annotations", None)]
        assert found == [ANNOTATIONS], found


@case
def each_chunk_of_a_stream_says_whose_it_is(lab):
    """As OpenAI has it; usage is last and without choices."""
    for scenario in ("extras", "extras_once"):
        with lab.gateway(scenario) as g:
            parts = chunks(g, stream_options={"include_usage": True})
            assert {one.system_fingerprint for one in parts} == {"fp_9"}, parts
            assert {one.service_tier for one in parts} == {"flex"}, parts
            assert {(one.id, one.model) for one in parts} == {(parts[0].id, "mock-large")}, parts
            assert not parts[-1].choices and parts[-1].usage.total_tokens == 18, parts[-1]
            assert all(one.choices and one.usage is None for one in parts[:-1]), parts


@case
def the_stream_helper_keeps_fields_that_amphi_does_not_know(lab):
    """It keeps those of the last chunk."""
    with lab.gateway("extras") as g:
        with connect(g).chat.completions.stream(model="gpt-4o", messages=QUESTION) as stream:
            assert stream.get_final_completion().system_fingerprint == "fp_9"


@case
def a_refusal_is_a_refusal(lab):
    with lab.gateway("refusal") as g:
        message = ask(g).choices[0].message
        assert message.refusal == "I can't help with that." and not message.content, message
        assert text(chunks(g), "refusal") == "I can't help with that."


# -- what is sent ----------------------------------------------------------------------------------
@case
def parallel_tool_calls_come_whole(lab):
    with lab.gateway("tools") as g:
        choice = ask(g, tools=TOOLS).choices[0]
        assert choice.finish_reason == "tool_calls", choice
        found = [(call.id, call.function.name, json.loads(call.function.arguments))
                 for call in choice.message.tool_calls]
        assert found == [("call_0", "get_weather", {"city": "Paris"}),
                         ("call_1", "get_weather", {"city": "Lyon"})], found
        assert g.requests()[0].json["tools"] == TOOLS


@case
def tool_calls_are_streamed_in_pieces(lab):
    with lab.gateway("tools") as g:
        with connect(g).chat.completions.stream(
                model="gpt-4o", messages=QUESTION, tools=TOOLS) as stream:
            pieces = [e for e in stream if e.type == "tool_calls.function.arguments.delta"]
            message = stream.get_final_completion().choices[0].message
        found = [json.loads(call.function.arguments)["city"] for call in message.tool_calls]
        assert found == ["Paris", "Lyon"] and len(pieces) > 4, (found, len(pieces))


@case
def one_call_at_a_time_where_that_is_asked(lab):
    with lab.gateway("tools") as g:
        answer = ask(g, tools=TOOLS, parallel_tool_calls=False, tool_choice="required")
        assert len(answer.choices[0].message.tool_calls) == 1, answer
        sent = g.requests()[0].json
        assert sent["parallel_tool_calls"] is False and sent["tool_choice"] == "required", sent


@case
def what_a_tool_said_goes_back(lab):
    with lab.gateway("tools") as g:
        message = ask(g, tools=TOOLS).choices[0].message
        answers = [{"role": "tool", "tool_call_id": call.id, "content": f"{i}: 21 degrees"}
                   for i, call in enumerate(message.tool_calls)]
        again = ask(g, tools=TOOLS, messages=QUESTION + [message, *answers])
        assert again.choices[0].message.content == 'The tool said "1: 21 degrees"', again
        sent = g.requests()[1].json["messages"]
        assert [one["tool_call_id"] for one in sent[-2:]] == ["call_0", "call_1"], sent


@case
def json_mode_is_json(lab):
    with lab.gateway("plain") as g:
        answer = ask(g, response_format={"type": "json_object"})
        assert json.loads(answer.choices[0].message.content)["city"] == "Paris", answer
        assert json.loads(text(chunks(g, response_format={"type": "json_object"})))
        assert g.requests()[0].json["response_format"] == {"type": "json_object"}


@case
def a_schema_is_parsed_into_its_type(lab):
    with lab.gateway("plain") as g:
        answer = connect(g).chat.completions.parse(
            model="gpt-4o", messages=QUESTION, response_format=City)
        assert answer.choices[0].message.parsed == City(**json.loads(ANSWER_JSON)), answer
        sent = g.requests()[0].json["response_format"]
        assert sent["type"] == "json_schema" and sent["json_schema"]["strict"] is True, sent


@case
def an_image_reaches_the_provider(lab):
    content = [{"type": "text", "text": "What is this?"},
               {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}}]
    with lab.gateway("echo") as g:
        answer = ask(g, messages=[{"role": "user", "content": content}])
        assert json.loads(answer.choices[0].message.content) == content, answer


@case
def settings_reach_the_provider_and_none_is_made_up(lab):
    sent = {"temperature": 0.3, "top_p": 0.9, "seed": 5, "stop": ["END"], "user": "u1",
            "presence_penalty": 0.5, "frequency_penalty": 0.25}
    with lab.gateway("plain") as g:
        ask(g, **sent, extra_body={"top_k": 40, "provider": {"order": ["a"]}})
        ask(g)
        first, second = (one.json for one in g.requests())
        assert {name: first.get(name) for name in sent} == sent, first
        assert first["top_k"] == 40 and first["provider"] == {"order": ["a"]}, first
        assert not set(second) & {"max_tokens", "max_completion_tokens", "temperature"}, second


@case
def a_limit_of_tokens_keeps_its_name(lab):
    with lab.gateway("plain") as g:
        ask(g, max_completion_tokens=300)
        ask(g, max_tokens=200)
        first, second = (one.json for one in g.requests())
        assert first.get("max_completion_tokens") == 300 and "max_tokens" not in first, first
        assert second.get("max_tokens") == 200, second


@case
def the_model_of_the_request_is_asked_for(lab):
    with lab.gateway("plain") as g:
        ask(g, model="gpt-4o-mini")
        assert g.requests()[0].json["model"] == "gpt-4o-mini", g.requests()[0].json


@case
def models_are_listed(lab):
    with lab.gateway("plain", options=["model=mock-large"]) as g:
        names = [one.id for one in connect(g).models.list()]
        assert "mock-large" in names and "first" in names, names
        assert connect(g).models.retrieve("mock-large").id == "mock-large"
        raises(openai.NotFoundError, lambda: connect(g).models.retrieve("nothing-like-it"))


# -- keys ------------------------------------------------------------------------------------------
@case
def a_clients_key_never_reaches_the_provider(lab):
    with lab.gateway("plain") as g:
        ask(g, client=connect(g, "sk-of-a-client"))
        sent = g.requests()[0]
        assert sent.headers["Authorization"] == f"Bearer {KEY}", sent.headers
        assert "sk-of-a-client" not in str(sent.headers) + str(sent.body)


@case
def a_gateways_key_is_asked_for(lab):
    with lab.gateway("plain", flags=["--require-key-file", lab.gateway_key]) as g:
        for key in ("any", "sk-of-the-gatewax", "sk-of-the-gateway-and-more"):
            error = raises(openai.AuthenticationError,
                           lambda key=key: ask(g, client=connect(g, key)))
            assert error.code == "invalid_api_key", error.body
        assert g.asked() == [0, 0]
        answer = ask(g, client=connect(g, "sk-of-the-gateway"))
        assert answer.choices[0].message.content == ANSWER
        assert g.requests()[0].headers["Authorization"] == f"Bearer {KEY}"


# -- time ------------------------------------------------------------------------------------------
@case
def a_sole_cloud_may_think_for_18_seconds(lab):
    with lab.gateway("late") as g:
        assert ask(g).choices[0].message.content == ANSWER
        assert g.asked() == [1, 0]


@case
def a_sole_cloud_may_think_for_18_seconds_streamed(lab):
    with lab.gateway("late") as g:
        assert text(chunks(g)) == ANSWER
        assert g.asked() == [1, 0]


@case
def a_client_that_gives_up_frees_the_provider(lab):
    with lab.gateway("dripping") as g:
        raises(openai.APITimeoutError,
               lambda: ask(g, client=connect(g, timeout=1, max_retries=0)))
        assert g.was_left() and g.asked() == [1, 0]


@case
def a_client_that_hangs_up_in_mid_stream_frees_the_provider(lab):
    with lab.gateway("dripping") as g:
        stream = ask(g, stream=True)
        for one in stream:
            if one.choices[0].delta.content:
                break
        stream.close()
        assert g.was_left() and g.asked() == [1, 0]


@case
def a_budget_of_the_request_ends_it(lab):
    with lab.gateway("silent") as g:
        error = raises(openai.InternalServerError, lambda: ask(
            g, client=connect(g, max_retries=0),
            extra_body={"amphi": {"no_queue": True, "budgets": {
                "total_ms": 800, "first_token_ms": 600}}}))
        assert error.status_code == 504, error


@case
def every_answer_has_a_request_id(lab):
    with lab.gateway("plain") as g:
        raw = connect(g).chat.completions.with_raw_response.create(
            model="gpt-4o", messages=QUESTION)
        assert raw.headers["x-request-id"] and raw.parse().choices[0].message.content == ANSWER


@case
def a_schema_reaches_the_provider_as_it_was_given(lab):
    with lab.gateway("plain") as g:
        given = {"type": "json_schema", "json_schema": CITY_SCHEMA}
        ask(g, response_format=given)
        assert g.requests()[0].json["response_format"] == given
