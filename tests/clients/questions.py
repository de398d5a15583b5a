# SPDX-License-Identifier: Apache-2.0
"""What the cases in Python ask, and how they are marked."""
import sys

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a city", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": False}}}]
IMAGE = ("data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4"
         "DwABBAEAX+XDSwAAAABJRU5ErkJggg==")
CITY_SCHEMA = {"name": "city", "strict": True, "schema": {
    "type": "object", "additionalProperties": False,
    "properties": {"city": {"type": "string"}, "country": {"type": "string"},
                   "people": {"type": "integer"}},
    "required": ["city", "country", "people"]}}
cases = []


def case(function):
    """Marks a case: a function of the lab whose name says what is promised."""
    cases.append((f"{sys.modules[function.__module__].CLIENT}: "
                  f"{function.__name__.replace('_', ' ')}", function))
    return function


def raises(kind, call):
    """The exception of exactly this type, or of one of these."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    try:
        answer = call()
    except Exception as error:
        assert type(error) in kinds, (type(error), kinds, error)
        return error
    raise AssertionError(f"no {kinds}, but {answer!r}")
