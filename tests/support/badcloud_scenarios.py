# SPDX-License-Identifier: Apache-2.0
"""What badcloud.py can do to a client: one function per scenario, found by its name in SCENARIOS.

Each gets the exchange, the argument behind the colon of its name (or None) and the number of this
attempt, from 1. It returns when the connection may serve another request and raises Gone when not.
"""
import email.utils
import json
import time
import zlib

from badcloud_exchange import MODEL, PORTS, tokens

# -- scenarios: functions of (exchange, argument, attempt number from 1) --------------------------
SCENARIOS = {}


def scenario(name):
    def register(function):
        SCENARIOS[name] = function
        return function
    return register


@scenario("ok")
def s_ok(x, argument, attempt):
    x.head()
    x.event({"role": "assistant", "content": "", "refusal": None})
    x.say()
    x.finish()


@scenario("slow")  # :MILLISECONDS between tokens
def s_slow(x, argument, attempt):
    x.head()
    x.event({"role": "assistant", "content": ""})
    x.say(pause=float(argument or 20) / 1000)
    x.finish()


@scenario("echo")  # repeats the question, so that a test can distinguish answers
def s_echo(x, argument, attempt):
    users = [m.get("content") for m in x.json.get("messages", []) if m.get("role") == "user"]
    x.head()
    for word in tokens("You said: %s" % (users[-1] if users else "")):
        x.event({"content": word})
    x.finish()


@scenario("whole")  # ignores "stream": true
def s_whole(x, argument, attempt):
    message = {"role": "assistant", "content": "".join(x.words()), "reasoning_content": "Hm."}
    data = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "model": MODEL,
                       "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                       "usage": {"prompt_tokens": 11, "completion_tokens": 22}}).encode()
    x.head(length=len(data), kind="application/json")
    x.send(data)


@scenario("reasoning")
def s_reasoning(x, argument, attempt):
    x.head()
    x.event({"role": "assistant", "content": None, "reasoning_content": "Let me"})
    x.event({"content": None, "reasoning_content": " think."})
    x.say()
    x.finish()


@scenario("tools")
def s_tools(x, argument, attempt):
    x.head()
    call = {"index": 0, "id": "call_1", "type": "function",
            "function": {"name": "get_weather", "arguments": ""}}
    x.event({"role": "assistant", "content": None, "tool_calls": [call]})
    for piece in ['{"ci', 'ty":"P', 'aris"}']:
        x.event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
    x.finish("tool_calls")


@scenario("keepalive")
def s_keepalive(x, argument, attempt):
    x.head()
    for word in x.words():
        x.write(": keepalive\n\n")
        x.event({"content": word})
    x.finish()


@scenario("gzip")
def s_gzip(x, argument, attempt):
    x.head(extra=["Content-Encoding: gzip"])
    packer = zlib.compressobj(wbits=31)
    plain, x.write = x.write, None
    x.write = lambda data: plain(packer.compress(data.encode()) + packer.flush(zlib.Z_SYNC_FLUSH))
    x.say()
    x.finish(end=False)
    x.write = plain
    x.write(packer.flush())
    x.end()


@scenario("continue")  # interim answers first
def s_continue(x, argument, attempt):
    x.send(b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n")
    s_ok(x, argument, attempt)


@scenario("length")  # finish_reason length
def s_length(x, argument, attempt):
    x.head()
    x.say(5)
    x.finish("length")


@scenario("429")  # :SECONDS of Retry-After; none without
def s_429(x, argument, attempt):
    extra = ["Retry-After: " + argument] if argument else []
    x.error(429, "rate_limit_exceeded", extra=extra, type="requests")


@scenario("429-date")
def s_429_date(x, argument, attempt):
    until = email.utils.formatdate(time.time() + float(argument or 7), usegmt=True)
    x.error(429, "rate_limit_exceeded", extra=["Retry-After: " + until])


@scenario("429-body")
def s_429_body(x, argument, attempt):
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": "%ss" % (argument or 7)}]
    x.error(429, 429, status="RESOURCE_EXHAUSTED", details=details)


@scenario("429-prose")
def s_429_prose(x, argument, attempt):
    x.error(429, "rate_limit_exceeded", "Rate limit reached. Please try again in 1.25s. Visit ...")


@scenario("429once")
def s_429_once(x, argument, attempt):
    (s_429 if attempt == 1 else s_ok)(x, argument or "1", attempt)


@scenario("500")
def s_500(x, argument, attempt):
    x.error(500, None, "The server had an error.", type="server_error")


@scenario("500once")  # :N times
def s_500_once(x, argument, attempt):
    (s_500 if attempt <= int(argument or 1) else s_ok)(x, None, attempt)


@scenario("503")
def s_503(x, argument, attempt):
    extra = ["Retry-After: " + argument] if argument else []
    x.error(503, None, "Overloaded.", extra=extra, type="server_error")


@scenario("status")  # :CODE
def s_status(x, argument, attempt):
    x.error(int(argument or 418), None, "No.")


@scenario("401")  # repeats the key that it got, as some do
def s_401(x, argument, attempt):
    key = x.headers.get("authorization", "")
    x.error(401, "invalid_api_key", "Incorrect API key provided: %s. Find yours at ..." % key)


@scenario("token")  # :N takes the tokens "tok-K-..." from the Nth on, repeats others in a 401
def s_token(x, argument, attempt):
    sent = x.headers.get("x-firebase-appcheck") or x.headers.get("authorization", "")
    word = sent.removeprefix("Bearer ")
    parts = word.split("-")
    if parts[0] == "tok" and len(parts) > 1 and int(parts[1]) >= int(argument or 1):
        s_ok(x, argument, attempt)
    else:
        x.error(401, "invalid_token", "The token %s has expired." % word)


@scenario("context")
def s_context(x, argument, attempt):
    x.error(400, "context_length_exceeded",
            "This model's maximum context length is 8192 tokens. However, your messages resulted "
            "in 9001 tokens. Please reduce the length of the messages.", param="messages")


@scenario("filter")
def s_filter(x, argument, attempt):
    x.error(400, "content_filter", "The response was filtered due to the prompt triggering Azure "
            "OpenAI's content management policy.", type=None,
            innererror={"code": "ResponsibleAIPolicyViolation"})


@scenario("filter-stream")
def s_filter_stream(x, argument, attempt):
    x.head()
    x.say(3)
    x.finish("content_filter")


@scenario("anew")  # accepts a beginning with 200, and answers anew; :always without one as well
def s_anew(x, argument, attempt):
    messages = x.json.get("messages") or [{}]
    x.head()
    if argument == "always" or messages[-1].get("role") == "assistant":
        for word in tokens("Sure! A harbour is a place where ships are safe from the sea."):
            x.event({"content": word})
    else:
        x.say()
    x.finish()


@scenario("noprefix")
def s_noprefix(x, argument, attempt):
    messages = x.json.get("messages") or [{}]
    if messages[-1].get("role") == "assistant":
        x.error(400, None, "The last message must have role user or tool.")
    else:
        s_ok(x, argument, attempt)


@scenario("restarts")  # says a given beginning again before it goes on
def s_restarts(x, argument, attempt):
    x.json["messages"] = []
    s_ok(x, argument, attempt)


@scenario("reset")
def s_reset(x, argument, attempt):
    x.reset()


@scenario("resetonce")  # :N times
def s_reset_once(x, argument, attempt):
    (s_reset if attempt <= int(argument or 1) else s_ok)(x, argument, attempt)


@scenario("close")  # an orderly end instead of an answer
def s_close(x, argument, attempt):
    x.close_cleanly()


@scenario("silence")
def s_silence(x, argument, attempt):
    time.sleep(float(argument or 60))
    x.drop()


@scenario("late")  # headers at once, the first token after :SECONDS
def s_late(x, argument, attempt):
    x.head()
    time.sleep(float(argument or 20))
    x.say()
    x.finish()


@scenario("pause")  # in mid-answer, of :SECONDS
def s_pause(x, argument, attempt):
    words = list(x.words())
    x.head()
    for at, word in enumerate(words):
        if at == len(words) // 2:
            time.sleep(float(argument or 12))
        x.event({"content": word})
    x.finish()


@scenario("cut")  # chunked, the connection just goes away after :TOKENS
def s_cut(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    x.drop()


@scenario("cut-reset")
def s_cut_reset(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    time.sleep(0.1)  # what was sent has arrived
    x.reset()


@scenario("cut-notify")  # chunked, close_notify but no last chunk
def s_cut_notify(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    x.close_cleanly()


@scenario("cut-end")  # a proper end of the HTTP body, only the answer is cut
def s_cut_end(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    x.end()


@scenario("cut-done")  # [DONE] without a finish reason
def s_cut_done(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    x.write("data: [DONE]\n\n")
    x.end()


@scenario("cut-length")  # Content-Length promises more
def s_cut_length(x, argument, attempt):
    x.head(length=100000)
    x.say(int(argument or 6))
    x.drop()


@scenario("cut-length-notify")
def s_cut_length_notify(x, argument, attempt):
    x.head(length=100000)
    x.say(int(argument or 6))
    x.close_cleanly()


@scenario("overlong")  # more than Content-Length announced: the rest belongs to no answer
def s_overlong(x, argument, attempt):
    x.head(length=200)
    x.chunked = False
    x.send(b": " + b"." * 197 + b"\n")
    x.send(b": what follows is no answer to the next request\n" * 50)


@scenario("cut-open")  # neither length nor chunks: only the connection's end ends the body
def s_cut_open(x, argument, attempt):
    x.head(close=True)
    x.say(int(argument or 6))
    x.drop()


@scenario("cut-open-notify")
def s_cut_open_notify(x, argument, attempt):
    x.head(close=True)
    x.say(int(argument or 6))
    x.close_cleanly()


@scenario("cutonce")  # :TOKENS the first time, whole afterwards
def s_cut_once(x, argument, attempt):
    (s_cut if attempt == 1 else s_ok)(x, argument, attempt)


@scenario("stall")  # :TOKENS, then nothing
def s_stall(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    time.sleep(60)
    x.drop()


@scenario("garbage")
def s_garbage(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    x.write('data: {"choices": [{"delta": {"content": " bro\n\n')
    time.sleep(0.05)
    x.finish()


@scenario("error-stream")
def s_error_stream(x, argument, attempt):
    x.head()
    x.say(int(argument or 6))
    x.write('data: {"error": {"message": "Overloaded, please.", "type": "server_error", '
            '"code": "internal_error"}}\n\n')
    x.end()


@scenario("nodone")  # a finish reason and a clean end
def s_nodone(x, argument, attempt):
    x.head()
    x.say()
    x.finish(done=False)


@scenario("nodone-open")  # a finish reason and usage, and then the connection stays open
def s_nodone_open(x, argument, attempt):
    x.head()
    x.say()
    x.finish(done=False, end=False)
    time.sleep(30)
    x.drop()


@scenario("nousage-open")  # a finish reason, and then nothing at all
def s_nousage_open(x, argument, attempt):
    x.head()
    x.say()
    x.finish(done=False, end=False, usage=False)
    time.sleep(30)
    x.drop()


@scenario("nodone-cut")  # a finish reason, and the connection goes away
def s_nodone_cut(x, argument, attempt):
    x.head()
    x.say()
    x.finish(done=False, end=False, usage=False)
    time.sleep(0.1)
    x.drop()


@scenario("done-open")  # [DONE], and then the body does not end
def s_done_open(x, argument, attempt):
    x.head()
    x.say()
    x.finish(end=False)
    time.sleep(30)
    x.drop()


@scenario("error-open")  # a refusal whose body does not end
def s_error_open(x, argument, attempt):
    x.head(503, length=1000, kind="application/json")
    time.sleep(30)
    x.drop()


@scenario("bomb")  # a gigabyte of blanks in a megabyte of gzip
def s_bomb(x, argument, attempt):
    x.head(extra=["Content-Encoding: gzip"])
    block = b": " + b" " * (1 << 20) + b"\n"
    packer = zlib.compressobj(level=9, wbits=31)
    for _ in range(1024):
        data = packer.compress(block)
        if data:
            x.write(data)
    x.write(packer.flush())
    x.end()


@scenario("bad-gzip")
def s_bad_gzip(x, argument, attempt):
    x.head(extra=["Content-Encoding: gzip"])
    x.write(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\xff" * 100)  # a block of no type
    x.end()


@scenario("endless-header")
def s_endless_header(x, argument, attempt):
    x.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        x.send(b"a" * 65536)


@scenario("endless-headers")
def s_endless_headers(x, argument, attempt):
    x.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        x.send(b"X-More: yes\r\n" * 1000)


@scenario("endless-interim")
def s_endless_interim(x, argument, attempt):
    while True:
        x.send(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 100)


@scenario("drip")  # one byte per second
def s_drip(x, argument, attempt):
    x.head()
    for byte in b"data: {" + b" " * 600:
        x.write(bytes([byte]))
        time.sleep(float(argument or 1))
    x.drop()


@scenario("events")  # :N tiny events (a million)
def s_events(x, argument, attempt):
    x.head()
    for _ in range(int(argument or 1000000) // 1000):
        x.write("data:{}\n\n" * 1000)
    x.finish()


@scenario("events-text")  # :N events with one letter each (a million)
def s_events_text(x, argument, attempt):
    x.head()
    event = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    for _ in range(int(argument or 1000000) // 1000):
        x.write(event * 1000)
    x.finish()


@scenario("events-tools")  # :N pieces of one tool call
def s_events_tools(x, argument, attempt):
    x.head()
    x.event({"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
                             "function": {"name": "write", "arguments": ""}}]})
    event = ('data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":'
             '{"arguments":"abcd"}}]}}]}\n\n')
    for _ in range(int(argument or 100000) // 1000):
        x.write(event * 1000)
    x.finish("tool_calls")


@scenario("endless-line")
def s_endless_line(x, argument, attempt):
    x.head()
    x.write("data: ")
    while True:
        x.write("a" * 65536)


@scenario("redirect")  # :SCHEME
def s_redirect(x, argument, attempt):
    target = "%s://localhost:%d/ok/v1/chat/completions" % (
        argument or "http", PORTS["plain" if (argument or "http") == "http" else "rotated"])
    x.head(307, 0, extra=["Location: " + target])


@scenario("html")
def s_html(x, argument, attempt):
    page = b"<!DOCTYPE html><html><body>Please sign in to this network.</body></html>"
    x.head(length=len(page), kind="text/html")
    x.send(page)


@scenario("empty")
def s_empty(x, argument, attempt):
    x.head(length=0)


@scenario("nonsense")  # not HTTP at all
def s_nonsense(x, argument, attempt):
    x.send(b"220 mail.example.com ESMTP ready\r\n")
    x.close_cleanly()
