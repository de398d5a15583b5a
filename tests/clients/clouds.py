# SPDX-License-Identifier: Apache-2.0
"""How the mock providers of the client tests behave: a scenario is a function of (request, turn),
turn from 1 for each gateway and endpoint, that returns a Reply. One that streams answers a request
without "stream": true with the same message as one piece of JSON."""
import json

from scripted_cloud import Reply, embeddings, events, reply

# What one model says, and what another one says to the same question.
ANSWER = ("The capital of France is Paris. It lies on the Seine, and about two million people live "
          "there. The tower was built in 1889 for a fair.")
ANEW = ("Sure! Paris is the capital city of France. Its best known building, the Eiffel Tower, has "
        "stood beside the river since 1889.")
ANSWER_JSON = '{"city": "Paris", "country": "France", "people": 2100000, "river": "Seine"}'
ANEW_JSON = '{\n  "city": "Paris",\n  "country": "France",\n  "people": 2000000\n}'
CUT_AT = 52  # in the middle of "the Seine, ...": characters of ANSWER that are sent before a cut
CUT_JSON_AT = 27
THOUGHT = "The user asks for a capital."
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18,
         "prompt_tokens_details": {"cached_tokens": 3},
         "completion_tokens_details": {"reasoning_tokens": 2}}
LOGPROBS = [{"token": "Paris", "logprob": -0.25, "bytes": list(b"Paris"),
             "top_logprobs": [{"token": "Paris", "logprob": -0.25, "bytes": list(b"Paris")},
                              {"token": "Lyon", "logprob": -1.5, "bytes": list(b"Lyon")}]}]
ANNOTATIONS = [{"type": "url_citation", "url_citation": {
    "url": "https://example.com/paris", "title": "Paris", "start_index": 0, "end_index": 5}}]
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


def pieces(text, size=6):
    return [text[i:i + size] for i in range(0, len(text), size)]


def chunk(delta, finish=None, choice=None, **more):
    return {"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1700000000,
            "model": "mock-large", "choices": [{"index": 0, "delta": delta, **(choice or {}),
                                                "finish_reason": finish}], **more}


def words(text):
    return [chunk({"content": one}) for one in pieces(text)]


def stream(deltas, finish="stop", usage=None, pause=0, **more):
    chunks = [chunk({"role": "assistant", "content": ""}, **more)]
    for delta in deltas:
        chunks += [pause] if pause else []
        chunks.append(delta if isinstance(delta, (bytes, int, float)) else chunk(delta, **more))
    chunks.append(chunk({}, finish, **more))
    if usage:
        chunks.append({**chunk({}), "choices": [], "usage": usage})
    return events(*chunks)


def give(request, message, finish="stop", deltas=None, usage=USAGE, choice=None, **more):
    """A whole answer in the form that the request asks for."""
    if request.json.get("stream"):
        deltas = deltas or [{"content": one} for one in pieces(message["content"])]
        asked = (request.json.get("stream_options") or {}).get("include_usage")
        return stream(deltas, finish, usage if asked else None, **more)
    return reply(200, {"id": "chatcmpl-7", "object": "chat.completion", "created": 1700000000,
                       "model": "mock-large", "usage": usage, "choices": [
                           {"index": 0, "message": {"role": "assistant", **message},
                            **(choice or {}), "finish_reason": finish}], **more})


def say(request, text, **more):
    return give(request, {"content": text}, **more)


def refuse(status, message, kind, code=None, param=None, **headers):
    return reply(status, {"error": {"message": message, "type": kind, "param": param,
                                    "code": code}}, x_request_id="req_42", **headers)


def cut(text, pause=0):
    """Words, and then the connection breaks."""
    return events(chunk({"role": "assistant", "content": ""}),
                  *[chunk({"content": one}) for one in pieces(text)], pause,
                  done=False, cut=True)


def wants_json(request):
    return "response_format" in request.json


def beginning(request):
    """The text of a trailing assistant message, or None."""
    last = request.json["messages"][-1]
    if last["role"] != "assistant":
        return None
    content = last["content"]
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return content


# -- embeddings ------------------------------------------------------------------------------------
@scenario
def embed(request, _):
    return embeddings(request)


@scenario
def embed_after_a_503(request, turn):
    return down(request, turn) if turn == 1 else embed(request, turn)


@scenario
def answers_without_vectors(_, __):
    return reply(200, {"object": "list"})


# -- answers ---------------------------------------------------------------------------------------
@scenario
def plain(request, _):
    return say(request, ANSWER_JSON if wants_json(request) else ANSWER)


@scenario
def echo(request, _):
    """What came, as the answer: for what must reach the provider unchanged."""
    return say(request, json.dumps(request.json["messages"][-1]["content"]))


@scenario
def tools(request, _):
    last = request.json["messages"][-1]
    if last["role"] == "tool":
        return say(request, "The tool said " + json.dumps(last["content"]))
    calls = [{"index": i, "id": f"call_{i}", "type": "function",
              "function": {"name": "get_weather", "arguments": json.dumps({"city": city})}}
             for i, city in enumerate(("Paris", "Lyon"))]
    if request.json.get("parallel_tool_calls") is False:
        calls = calls[:1]
    deltas = []
    for call in calls:
        deltas.append({"tool_calls": [
            {**call, "function": {"name": call["function"]["name"], "arguments": ""}}]})
        deltas += [{"tool_calls": [{"index": call["index"], "function": {"arguments": one}}]}
                   for one in pieces(call["function"]["arguments"], 5)]
    whole = [{k: v for k, v in call.items() if k != "index"} for call in calls]
    return give(request, {"content": None, "tool_calls": whole}, "tool_calls", deltas)


@scenario
def logprobs(request, _):
    choice = {"logprobs": {"content": LOGPROBS, "refusal": None}}
    if request.json.get("stream"):
        return events(chunk({"role": "assistant", "content": "Paris"}, choice=choice),
                      chunk({}, "stop"))
    return give(request, {"content": "Paris"}, choice=choice)


@scenario
def reasoning(request, _):
    deltas = [{"reasoning_content": one} for one in pieces(THOUGHT)]
    deltas += [{"content": one} for one in pieces(ANSWER)]
    return give(request, {"content": ANSWER, "reasoning_content": THOUGHT}, deltas=deltas)


@scenario
def extras(request, _):
    more = {"system_fingerprint": "fp_9", "service_tier": "flex"}
    deltas = [{"content": one, "refusal": None} for one in pieces(ANSWER)]
    deltas.append({"annotations": ANNOTATIONS})
    return give(request, {"content": ANSWER, "refusal": None, "annotations": ANNOTATIONS},
                deltas=deltas, **more)


@scenario
def extras_once(request, turn):
    """A stream that has them in its first chunk only."""
    answer = extras(request, turn)
    if request.json.get("stream"):
        rest = stream([{"content": one} for one in pieces(ANSWER)], usage=USAGE)
        answer.pieces = answer.pieces[:1] + rest.pieces[1:]
    return answer


@scenario
def refusal(request, _):
    deltas = [{"refusal": one} for one in pieces("I can't help with that.")]
    return give(request, {"content": None, "refusal": "I can't help with that."}, deltas=deltas)


@scenario
def emoji(request, _):
    """The two halves of U+1F600 in two deltas, as tokenizers cut them."""
    if not request.json.get("stream"):
        return say(request, "Hi \U0001f600!")
    return stream([{"content": "Hi \ud83d"}, {"content": "\ude00!"}])


@scenario
def long_stop(request, _):
    return say(request, ANSWER[:60], finish="length")


@scenario
def filtered(request, _):
    return say(request, ANSWER[:30], finish="content_filter")


# -- time ------------------------------------------------------------------------------------------
@scenario
def late(request, _):
    """A model that thinks for 18 s before it says a word."""
    answer = plain(request, 1)
    answer.pieces = [18] + answer.pieces
    return answer


@scenario
def dripping(request, _):
    """A word every 0.2 s, for 20 s."""
    return stream([{"content": f"word{i} "} for i in range(100)], pause=0.2)


@scenario
def silent(request, _):
    answer = plain(request, 1)
    answer.pieces = [8] + answer.pieces
    return answer


# -- errors ----------------------------------------------------------------------------------------
@scenario
def wrong_key(_, __):
    return refuse(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")


@scenario
def forbidden(_, __):
    return refuse(403, "You are not allowed to sample from this model.", "invalid_request_error",
                  "permission_denied")


@scenario
def bad_schema(_, __):
    return refuse(400, "Invalid schema for function 'f': 'required' is required",
                  "invalid_request_error", "invalid_function_parameters",
                  "tools[0].function.parameters")


@scenario
def too_long(_, __):
    return refuse(400, "This model's maximum context length is 8192 tokens. However, your messages "
                  "resulted in 9001 tokens.", "invalid_request_error", "context_length_exceeded",
                  "messages")


@scenario
def too_long_today(_, __):
    """The same in the words of OpenAI's newer models."""
    return refuse(400, "Input tokens exceed the configured limit of 272000 tokens. Your messages "
                  "resulted in 300001 tokens.", "invalid_request_error",
                  "context_length_exceeded", "messages")


@scenario
def no_model(_, __):
    return refuse(404, "The model `mock-huge` does not exist or you do not have access to it.",
                  "invalid_request_error", "model_not_found")


@scenario
def unprocessable(_, __):
    return refuse(422, "messages.0.content: field required", "invalid_request_error")


@scenario
def rate_limit(_, __):
    return refuse(429, "Rate limit reached for requests per minute.", "requests",
                  "rate_limit_exceeded", Retry_After="7")


@scenario
def rate_limit_once(request, turn):
    if turn == 1:
        return refuse(429, "Rate limit reached.", "requests", "rate_limit_exceeded",
                      Retry_After="1")
    return plain(request, turn)


@scenario
def no_money(_, __):
    return refuse(429, "You exceeded your current quota, please check your plan and billing.",
                  "insufficient_quota", "insufficient_quota")


@scenario
def down(_, __):
    return refuse(503, "The server is overloaded.", "server_error", "overloaded")


@scenario
def down_once(request, turn):
    return down(request, turn) if turn == 1 else plain(request, turn)


@scenario
def error_in_stream(_, __):
    return events(chunk({"role": "assistant", "content": "The capital"}),
                  {"error": {"message": "The engine broke.", "type": "server_error",
                             "code": "engine_broke", "param": None}}, done=False)


# -- cuts, and who goes on -------------------------------------------------------------------------
@scenario
def cuts(request, _):
    return cut(ANSWER_JSON[:CUT_JSON_AT] if wants_json(request) else ANSWER[:CUT_AT])


@scenario
def cuts_once(request, turn):
    return cuts(request, turn) if turn == 1 else plain(request, turn)


@scenario
def cuts_thinking(_, __):
    return events(chunk({"role": "assistant", "content": ""}),
                  chunk({"reasoning_content": "Half a thou"}), done=False, cut=True)


@scenario
def cuts_tools(_, __):
    call = {"index": 0, "id": "call_0", "type": "function",
            "function": {"name": "get_weather", "arguments": '{"ci'}}
    return events(chunk({"role": "assistant", "content": None, "tool_calls": [call]}),
                  done=False, cut=True)


@scenario
def anew(request, _):
    """Takes a trailing assistant message without a word, and answers anew."""
    return say(request, ANEW_JSON if wants_json(request) else ANEW)


@scenario
def continues(request, turn):
    """Goes on exactly where the trailing assistant message ended."""
    begun, whole = beginning(request), ANSWER_JSON if wants_json(request) else ANSWER
    if begun is None or not whole.startswith(begun):
        return plain(request, turn)
    return say(request, whole[len(begun):])


@scenario
def repeats(request, turn):
    """Says the whole answer once more, from its first word."""
    return plain(request, turn)


@scenario
def refuses_beginning(request, turn):
    if beginning(request) is not None:
        return refuse(400, "The last message must be from the user.", "invalid_request_error")
    return anew(request, turn)
