# SPDX-License-Identifier: Apache-2.0
"""Embeddings through the `openai` package."""
import asyncio

import openai

from cases_openai import connect
from questions import case, raises
from scripted_cloud import vector_of

CLIENT = "openai embeddings"
MODEL = "text-embedding-3-small"
TEXTS = ["Paris", "Gr\u00fc\u00dfe \"quoted\"\n"]


def ask(g, given="Paris", **more):
    return connect(g).embeddings.create(**{"model": MODEL, "input": given, **more})


def vectors(answer):
    return [one.embedding for one in answer.data]


@case
def vectors_are_the_clouds(lab):
    """The package asks for base64, and decodes it, unless it is asked for floats."""
    with lab.gateway("embed") as g:
        answer = ask(g, TEXTS)
        assert vectors(answer) == [vector_of(one) for one in TEXTS], answer
        assert answer.model == MODEL and answer.usage.total_tokens == 10, answer
        assert g.requests()[0].json["encoding_format"] == "base64"
        assert vectors(ask(g, encoding_format="float")) == [vector_of("Paris")]
        assert vectors(ask(g, [[1, 2, 300], [3]], dimensions=2)) == [
            vector_of([1, 2, 300])[:2], vector_of([3])[:2]]
        sent = g.requests()[2].json
        assert sent["input"] == [[1, 2, 300], [3]] and sent["dimensions"] == 2, sent


@case
def an_async_client_gets_them(lab):
    with lab.gateway("embed") as g:
        async def go():
            async with openai.AsyncOpenAI(base_url=g.url, api_key="any") as client:
                return await client.embeddings.create(model=MODEL, input=TEXTS)
        assert vectors(asyncio.run(go())) == [vector_of(one) for one in TEXTS]


@case
def errors_are_the_types_that_it_has(lab):
    for scenario, kind, code in (
            ("wrong_key", openai.AuthenticationError, "invalid_api_key"),
            ("no_model", openai.NotFoundError, "model_not_found"),
            ("too_long", openai.BadRequestError, "context_length_exceeded"),
            ("no_money", openai.RateLimitError, "insufficient_quota")):
        with lab.gateway(scenario) as g:
            error = raises(kind, lambda g=g: ask(g))
            assert error.code == code and g.asked() == [1, 0], (error.body, g.asked())


@case
def a_cloud_that_is_down_is_answered_for_by_the_next(lab):
    for scenario in ("down", "answers_without_vectors"):
        with lab.gateway(scenario, "embed") as g:
            assert vectors(ask(g)) == [vector_of("Paris")], scenario
    with lab.gateway("embed_after_a_503") as g:
        assert vectors(ask(g)) == [vector_of("Paris")] and g.asked() == [2, 0], g.asked()


@case
def what_must_stay_on_the_device_is_not_embedded(lab):
    for more in ({"mode": "only_local"}, {"flags": ["--private"]}):
        with lab.gateway("embed", **more) as g:
            raises(openai.PermissionDeniedError, lambda g=g: ask(g))
            assert g.asked() == [0, 0]
