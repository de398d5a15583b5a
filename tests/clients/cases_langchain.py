# SPDX-License-Identifier: Apache-2.0
"""The `langchain-openai` package: chat models, tools, structured output, and its errors."""
import openai
import pydantic
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_openai.chat_models import base as models

from clouds import ANEW, ANSWER, CUT_AT, THOUGHT
from questions import IMAGE, case, raises
from scripted_cloud import vector_of

CLIENT = "langchain"
QUESTION = "What is the capital of France?"


@tool
def get_weather(city: str) -> str:
    """The weather of a city"""
    return f"{city}: 21 degrees"


class City(pydantic.BaseModel):
    """A city"""
    city: str
    country: str
    people: int


def model(g, **more):
    return ChatOpenAI(model="gpt-4o", base_url=g.url, api_key="any", **more)


@case
def a_chat_model_answers(lab):
    with lab.gateway("plain") as g:
        answer = model(g).invoke(QUESTION)
        assert answer.content == ANSWER and answer.usage_metadata["total_tokens"] == 18, answer
        assert answer.response_metadata["finish_reason"] == "stop", answer


@case
def a_chat_model_streams(lab):
    with lab.gateway("plain") as g:
        whole = None
        for one in model(g, stream_usage=True).stream(QUESTION):
            whole = one if whole is None else whole + one
        assert whole.content == ANSWER and whole.usage_metadata["input_tokens"] == 11, whole


@case
def tools_are_called_and_answered(lab):
    with lab.gateway("tools") as g:
        bound = model(g).bind_tools([get_weather])
        first = bound.invoke(QUESTION)
        assert [call["args"]["city"] for call in first.tool_calls] == ["Paris", "Lyon"], first
        said = [get_weather.invoke(call) for call in first.tool_calls]
        assert all(isinstance(one, ToolMessage) for one in said)
        last = bound.invoke([HumanMessage(QUESTION), first, *said])
        assert last.content == 'The tool said "Lyon: 21 degrees"', last


@case
def tools_are_streamed(lab):
    with lab.gateway("tools") as g:
        whole = None
        for one in model(g).bind_tools([get_weather]).stream(QUESTION):
            whole = one if whole is None else whole + one
        assert [call["args"]["city"] for call in whole.tool_calls] == ["Paris", "Lyon"], whole


@case
def structured_output_is_of_its_type(lab):
    with lab.gateway("plain") as g:
        for method in ("json_schema", "json_mode"):
            found = model(g).with_structured_output(City, method=method).invoke(QUESTION)
            assert found.city == "Paris" and found.people == 2100000, (method, found)


@case
def an_image_reaches_the_provider(lab):
    content = [{"type": "text", "text": "What is this?"},
               {"type": "image_url", "image_url": {"url": IMAGE}}]
    with lab.gateway("echo") as g:
        answer = model(g).invoke([HumanMessage(content)])
        assert IMAGE in answer.content, answer


@case
def errors_are_the_types_that_it_has(lab):
    for scenario, kind in (("wrong_key", models.OpenAIAuthenticationError),
                           ("forbidden", models.OpenAIPermissionDeniedError),
                           ("no_model", models.OpenAIModelNotFoundError),
                           ("no_money", models.OpenAIRateLimitError),
                           ("bad_schema", models.OpenAIInvalidRequestError)):
        with lab.gateway(scenario) as g:
            raises(kind, lambda: model(g).invoke(QUESTION))
            raises(kind, lambda: list(model(g).stream(QUESTION)))
            assert g.asked() == [2, 0], (scenario, g.asked())


@case
def too_long_a_conversation_is_an_overflow(lab):
    """By the provider's words: this package does not look at the code."""
    with lab.gateway("too_long_today") as g:
        error = raises(models.OpenAIContextOverflowError, lambda: model(g).invoke(QUESTION))
        assert error.code == "context_length_exceeded", error.body


def anew(lab, **more):
    with lab.gateway("cuts", "anew", **more) as g:
        assert model(g).invoke(QUESTION).content == ANEW
    with lab.gateway("cuts", "anew", **more) as g:
        shown = ""
        try:
            for one in model(g).stream(QUESTION):
                shown += one.content
            assert shown in (ANSWER, ANEW), shown
        except openai.APIError:
            assert ANSWER[:CUT_AT].startswith(shown), shown


@case
def a_next_cloud_that_answers_anew_is_never_glued(lab):
    anew(lab)


@case
def a_next_cloud_that_answers_anew_is_never_glued_with_no_flag(lab):
    anew(lab, mode=None)


@case
def a_conversation_goes_up_whole(lab):
    with lab.gateway("plain") as g:
        model(g).invoke([("system", "Be brief."), HumanMessage("Hello"), AIMessage("Hi."),
                         HumanMessage(QUESTION)])
        sent = [(one["role"], one["content"]) for one in g.requests()[0].json["messages"]]
        assert sent == [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi."),
                        ("user", QUESTION)], sent
        assert THOUGHT not in str(sent)


@case
def fields_of_a_stream_are_where_it_looks_for_them(lab):
    """It reads them from the chunk that has the finish reason, as OpenAI has them in each."""
    for scenario in ("extras", "extras_once"):
        with lab.gateway(scenario) as g:
            whole = None
            for one in model(g).stream(QUESTION):
                whole = one if whole is None else whole + one
            for found in (whole, model(g).invoke(QUESTION)):
                assert found.response_metadata["system_fingerprint"] == "fp_9", found
                assert found.response_metadata["service_tier"] == "flex", found


def embeddings(g):
    """Without counting tokens itself, for which it would fetch a vocabulary from elsewhere."""
    return OpenAIEmbeddings(model="text-embedding-3-small", base_url=g.url, api_key="any",
                            check_embedding_ctx_length=False)


@case
def embeddings_are_the_clouds(lab):
    with lab.gateway("embed") as g:
        assert embeddings(g).embed_query("Paris") == vector_of("Paris")
        texts = ["Paris", "Lyon", "Nice"]
        assert embeddings(g).embed_documents(texts) == [vector_of(one) for one in texts]


@case
def embeddings_with_a_wrong_key_are_an_authentication_error(lab):
    with lab.gateway("wrong_key") as g:
        error = raises((openai.AuthenticationError, models.OpenAIAuthenticationError),
                       lambda: embeddings(g).embed_query("Paris"))
        assert error.code == "invalid_api_key" and g.asked() == [1, 0], g.asked()
