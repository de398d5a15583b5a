// SPDX-License-Identifier: Apache-2.0
// The `openai` package of npm: answers, its own error classes, and a browser in front of it.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import {
  ANEW, ANSWER, CUT_AT, IMAGE, QUESTION, THOUGHT, raises, runCases, testCase, vectorOf,
  withGateway,
} from "./lab.mjs";

const CLIENT = "openai npm";
const TOOLS = [{ type: "function", function: { name: "get_weather", description: "The weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } }];

const connect = (g, more = {}) => new OpenAI({ baseURL: g.url, apiKey: "any", ...more });
const ask = (g, body = {}, client = connect(g)) =>
  client.chat.completions.create({ model: "gpt-4o", messages: QUESTION, ...body });

async function chunks(g, body = {}, client = undefined) {
  const all = [];
  for await (const one of await ask(g, { stream: true, ...body }, client)) all.push(one);
  return all;
}

const text = (all, field = "content") =>
  all.map((one) => one.choices[0]?.delta[field] ?? "").join("");

const test = (name, run) => testCase(CLIENT, name, run);

test("a plain answer is the clouds", () => withGateway(["plain"], async (g) => {
  const answer = await ask(g);
  assert.equal(answer.choices[0].message.content, ANSWER);
  assert.equal(answer.usage.total_tokens, 18);
}));

test("a streamed answer is the clouds with its usage last", () =>
  withGateway(["plain"], async (g) => {
    const all = await chunks(g, { stream_options: { include_usage: true } });
    assert.equal(text(all), ANSWER);
    assert.equal(all.at(-1).usage.total_tokens, 18);
    assert.deepEqual(all.at(-1).choices, []);
  }));

test("the runner of tools runs them", () => withGateway(["tools"], async (g) => {
  const asked = [];
  const tools = [{ type: "function", function: { ...TOOLS[0].function, parse: JSON.parse,
    function: ({ city }) => { asked.push(city); return `${city}: 21 degrees`; } } }];
  const runner = connect(g).chat.completions.runTools({
    model: "gpt-4o", messages: QUESTION, tools, stream: true });
  assert.equal(await runner.finalContent(), 'The tool said "Lyon: 21 degrees"');
  assert.deepEqual(asked, ["Paris", "Lyon"]);
}));

test("a schema is parsed into its type", () => withGateway(["plain"], async (g) => {
  const city = z.object({ city: z.string(), country: z.string(), people: z.number(),
    river: z.string() });
  const answer = await connect(g).chat.completions.parse({ model: "gpt-4o", messages: QUESTION,
    response_format: zodResponseFormat(city, "city") });
  assert.equal(answer.choices[0].message.parsed.city, "Paris");
}));

test("thoughts are beside the answer", () => withGateway(["reasoning"], async (g) => {
  const all = await chunks(g);
  assert.equal(text(all), ANSWER);
  assert.equal(text(all, "reasoning_content"), THOUGHT);
}));

test("an emoji in two deltas is one letter", () => withGateway(["emoji"], async (g) => {
  assert.equal(text(await chunks(g)), "Hi \u{1f600}!");
}));

test("fields that amphi does not know pass", () => withGateway(["extras"], async (g) => {
  const all = await chunks(g);
  assert.deepEqual([...new Set(all.map((one) => one.system_fingerprint))], ["fp_9"]);
  const answer = await ask(g);
  assert.equal(answer.choices[0].message.annotations[0].type, "url_citation");
}));

test("an image reaches the provider", () => withGateway(["echo"], async (g) => {
  const content = [{ type: "image_url", image_url: { url: `data:image/png;base64,${IMAGE}` } }];
  const answer = await ask(g, { messages: [{ role: "user", content }] });
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), content);
}));

const REFUSALS = [
  ["a wrong key is an authentication error after one request", "wrong_key",
    OpenAI.AuthenticationError, 401, "invalid_api_key", null],
  ["a bad request says what the provider said", "bad_schema", OpenAI.BadRequestError, 400,
    "invalid_function_parameters", "tools[0].function.parameters"],
  ["too long a conversation is context length exceeded", "too_long", OpenAI.BadRequestError, 400,
    "context_length_exceeded", "messages"],
  ["an unknown model is not found", "no_model", OpenAI.NotFoundError, 404, "model_not_found", null],
  ["a used up quota is asked once", "no_money", OpenAI.RateLimitError, 429, "insufficient_quota",
    null],
];
for (const [name, scenario, kind, status, code, param] of REFUSALS)
  test(name, async () => {
    for (const stream of [false, true])
      await withGateway([scenario], async (g) => {
        const error = await raises(kind, () => ask(g, { stream }));
        assert.deepEqual([error.status, error.code, error.param], [status, code, param]);
        assert.deepEqual(await g.asked(), [1, 0]);
      });
  });

test("a rate limit tells how long to wait", () => withGateway(["rate_limit"], async (g) => {
  const error = await raises(OpenAI.RateLimitError,
    () => ask(g, {}, connect(g, { maxRetries: 0 })));
  assert.equal(error.headers.get("retry-after"), "7");
}));

test("a cloud that is down is not stormed", () => withGateway(["down"], async (g) => {
  const error = await raises(OpenAI.InternalServerError, () => ask(g));
  assert.equal(error.status, 503);
  assert.ok((await g.asked())[0] <= 3, String(await g.asked()));
}));

test("a client that gives up frees the provider", () => withGateway(["dripping"], async (g) => {
  await raises(OpenAI.APIConnectionTimeoutError,
    () => ask(g, {}, connect(g, { timeout: 1000, maxRetries: 0 })));
  assert.ok(await g.wasLeft());
}));

test("a client that aborts a stream frees the provider", () =>
  withGateway(["dripping"], async (g) => {
    const stream = await ask(g, { stream: true });
    for await (const one of stream) if (one.choices[0]?.delta.content) break;
    stream.controller.abort();
    assert.ok(await g.wasLeft());
  }));

for (const mode of ["only_cloud", null])
  test(`a next cloud that answers anew is never glued, ${mode ?? "with no flag"}`, async () => {
    await withGateway(["cuts", "anew"], async (g) => {
      assert.equal((await ask(g)).choices[0].message.content, ANEW);
      assert.deepEqual((await g.asked()).map((count) => count > 0), [true, true]);
    }, { mode });
    await withGateway(["cuts", "anew"], async (g) => {
      let shown = "";
      try {
        for await (const one of await ask(g, { stream: true })) shown += text([one]);
        assert.ok([ANSWER, ANEW].includes(shown), shown);
      } catch (error) {
        if (!(error instanceof OpenAI.APIError)) throw error;
        assert.ok(ANSWER.slice(0, CUT_AT).startsWith(shown), shown);
      }
    }, { mode });
  });

test("a next cloud that continues makes it whole", () =>
  withGateway(["cuts", "continues"], async (g) => {
    assert.equal(text(await chunks(g)), ANSWER);
  }));

test("a cut with nobody else is an error or a whole answer", () =>
  withGateway(["cuts"], async (g) => {
    await raises(OpenAI.InternalServerError, () => ask(g));
    let shown = "";
    await raises(OpenAI.APIError, async () => {
      for await (const one of await ask(g, { stream: true })) shown += text([one]);
    });
    assert.ok(ANSWER.slice(0, CUT_AT).startsWith(shown), shown);
  }));

const EMBEDDINGS = { model: "text-embedding-3-small", input: ["Paris", "Lyon"] };

test("embeddings are the clouds", () => withGateway(["embed"], async (g) => {
  for (const form of [{}, { encoding_format: "float" }]) {
    const answer = await connect(g).embeddings.create({ ...EMBEDDINGS, ...form });
    assert.deepEqual(answer.data.map((one) => one.embedding), EMBEDDINGS.input.map(vectorOf));
    assert.equal(answer.usage.total_tokens, 10);
  }
}));

test("embeddings with a wrong key are an authentication error", () =>
  withGateway(["wrong_key"], async (g) => {
    await raises(OpenAI.AuthenticationError, () => connect(g).embeddings.create(EMBEDDINGS));
    assert.deepEqual(await g.asked(), [1, 0]);
  }));

// What a browser does with a page's fetch: it asks before a request that is not simple, and shows
// the page only what the server allows its origin.
const PAGE = "https://app.example.com";
const SIMPLE = ["accept", "accept-language", "content-language"];

function browser(seen) {
  return async (url, options) => {
    const headers = new Headers(options.headers);
    const asked = [...headers.keys()].filter((one) => !SIMPLE.includes(one));
    const preflight = await fetch(url, { method: "OPTIONS", headers: { Origin: PAGE,
      "Access-Control-Request-Method": options.method,
      "Access-Control-Request-Headers": asked.join(",") } });
    seen.push(preflight.status);
    const lists = (name) => (preflight.headers.get(name) ?? "").toLowerCase().split(/, */);
    const allows = (answer) =>
      [PAGE, "*"].includes(answer.headers.get("access-control-allow-origin"));
    if (!preflight.ok || !allows(preflight)) throw new TypeError("CORS: preflight refused");
    if (!lists("access-control-allow-methods").includes(options.method.toLowerCase()))
      throw new TypeError(`CORS: ${options.method} not allowed`);
    const allowed = lists("access-control-allow-headers");
    for (const one of asked)
      if (!allowed.includes(one) && (!allowed.includes("*") || one === "authorization"))
        throw new TypeError(`CORS: the header ${one} not allowed`);
    headers.set("Origin", PAGE);
    const answer = await fetch(url, { ...options, headers });
    if (!allows(answer)) throw new TypeError("CORS: the answer is not for this page");
    return answer;
  };
}

test("a page with the gateways key may ask", () => withGateway(["plain"], async (g) => {
  const seen = [];
  const client = connect(g, { apiKey: "sk-of-the-gateway", dangerouslyAllowBrowser: true,
    fetch: browser(seen) });
  assert.equal((await ask(g, {}, client)).choices[0].message.content, ANSWER);
  assert.equal(text(await chunks(g, {}, client)), ANSWER);
  assert.ok(seen.length === 2 && seen.every((one) => one === 200 || one === 204), String(seen));
}, { flags: ["--require-key-file", "GATEWAY_KEY"] }));

test("a page with a wrong key reads its authentication error", () =>
  withGateway(["plain"], async (g) => {
    const client = connect(g, { dangerouslyAllowBrowser: true, fetch: browser([]) });
    await raises(OpenAI.AuthenticationError, () => ask(g, {}, client));
    assert.deepEqual(await g.asked(), [0, 0]);
  }, { flags: ["--require-key-file", "GATEWAY_KEY"] }));

test("a foreign page without a key is kept out", () => withGateway(["plain"], async (g) => {
  const client = connect(g, { dangerouslyAllowBrowser: true, fetch: browser([]), maxRetries: 0 });
  await raises(OpenAI.APIConnectionError, () => ask(g, {}, client));
  assert.deepEqual(await g.asked(), [0, 0]);
}));

test("a kept response is retrieved and deleted", () => withGateway(["plain"], async (g) => {
  const { responses } = connect(g, { maxRetries: 0 });
  const first = await responses.create({ model: "gpt-4o", input: "What is it?" });
  const again = await responses.retrieve(first.id);
  assert.equal(again.output_text, ANSWER);
  assert.equal(again.usage.total_tokens, 18);
  const said = [];
  for await (const one of responses.inputItems.list(first.id)) said.push(one.content[0].text);
  assert.deepEqual(said, ["What is it?"]);
  const last = await responses.create({ model: "gpt-4o", input: "And?",
    previous_response_id: first.id });
  await raises(OpenAI.ConflictError, () => responses.delete(first.id));
  await responses.delete(last.id);
  await responses.delete(first.id);
  await raises(OpenAI.NotFoundError, () => responses.retrieve(first.id));
}));

await runCases();
