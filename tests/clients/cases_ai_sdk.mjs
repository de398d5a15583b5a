// SPDX-License-Identifier: Apache-2.0
// The AI SDK (`ai`) with its providers `@ai-sdk/openai-compatible` and `@ai-sdk/openai`, this one over
// chat completions and over Responses, its default. Its own retries stand: what a program does by default is what a provider gets.
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  APICallError, RetryError, embed, embedMany, generateText, Output, stepCountIs, streamText, tool,
} from "ai";
import { z } from "zod";
import {
  ANEW, ANSWER, CUT_AT, IMAGE, THOUGHT, raises, runCases, testCase, vectorOf, withGateway,
} from "./lab.mjs";

const PROMPT = "What is the capital of France?";
const PROVIDERS = {
  "ai-sdk compatible": (g) =>
    createOpenAICompatible({ name: "amphi", baseURL: g.url, apiKey: "any", includeUsage: true,
      supportsStructuredOutputs: true })("gpt-4o"),
  "ai-sdk openai": (g) => createOpenAI({ baseURL: g.url, apiKey: "any" }).chat("gpt-4o"),
  "ai-sdk responses": (g) => createOpenAI({ baseURL: g.url, apiKey: "any" })("gpt-4o"),
};
const weather = tool({ description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `${city}: 21 degrees` });

// The text of a stream and the error that ended it.
async function read(stream) {
  let shown = "";
  let error = null;
  for await (const part of stream.fullStream) {
    if (part.type === "text-delta") shown += part.text;
    if (part.type === "error") error = part.error;
  }
  return { shown, error };
}

for (const [client, model] of Object.entries(PROVIDERS)) {
  const test = (name, run) => testCase(client, name, run);

  test("a text is the clouds", () => withGateway(["plain"], async (g) => {
    const answer = await generateText({ model: model(g), prompt: PROMPT });
    assert.equal(answer.text, ANSWER);
    assert.equal(answer.finishReason, "stop");
    assert.equal(answer.usage.totalTokens, 18);
  }));

  test("a streamed text is the clouds", () => withGateway(["plain"], async (g) => {
    const stream = streamText({ model: model(g), prompt: PROMPT });
    const { shown, error } = await read(stream);
    assert.equal(error, null);
    assert.equal(shown, ANSWER);
    assert.equal((await stream.usage).inputTokens, 11);
  }));

  test("tools are called and answered", () => withGateway(["tools"], async (g) => {
    const answer = await generateText({ model: model(g), prompt: PROMPT, tools: { get_weather:
      weather }, stopWhen: stepCountIs(3) });
    assert.deepEqual(answer.steps[0].toolCalls.map((one) => one.input.city), ["Paris", "Lyon"]);
    assert.match(answer.text, /Lyon: 21 degrees/);
  }));

  test("tools are streamed", () => withGateway(["tools"], async (g) => {
    const stream = streamText({ model: model(g), prompt: PROMPT, tools: { get_weather: weather } });
    assert.equal((await read(stream)).error, null);
    assert.deepEqual((await stream.toolCalls).map((one) => one.input.city), ["Paris", "Lyon"]);
  }));

  test("an object is of its schema", () => withGateway(["plain"], async (g) => {
    const answer = await generateText({ model: model(g), prompt: PROMPT,
      output: Output.object({ schema: z.object({ city: z.string(), people: z.number() }) }) });
    assert.equal(answer.output.city, "Paris");
  }));

  test("an image reaches the provider", () => withGateway(["echo"], async (g) => {
    const answer = await generateText({ model: model(g), messages: [{ role: "user", content: [
      { type: "text", text: "What is this?" },
      { type: "image", image: IMAGE, mediaType: "image/png" }] }] });
    assert.ok(answer.text.includes(IMAGE), answer.text);
  }));

  test("a wrong key is a call error with 401 after one request", () =>
    withGateway(["wrong_key"], async (g) => {
      const error = await raises(APICallError, () => generateText({ model: model(g),
        prompt: PROMPT }));
      assert.equal(error.statusCode, 401);
      assert.equal(error.message, "Incorrect API key provided.");
      assert.equal(error.isRetryable, false);
      assert.deepEqual(await g.asked(), [1, 0]);
    }));

  test("a bad request says what the provider said", () =>
    withGateway(["bad_schema"], async (g) => {
      const error = await raises(APICallError, () => generateText({ model: model(g),
        prompt: PROMPT }));
      assert.equal(error.statusCode, 400);
      assert.match(error.message, /^Invalid schema for function 'f'/);
      assert.equal(error.data.error.param, "tools[0].function.parameters");
    }));

  test("a cloud that is down is not stormed", () => withGateway(["down"], async (g) => {
    const error = await raises(RetryError, () => generateText({ model: model(g),
      prompt: PROMPT }));
    assert.equal(error.lastError.statusCode, 503);
    assert.ok((await g.asked())[0] <= 6, String(await g.asked()));
  }));

  for (const mode of ["only_cloud", null])
    test(`a next cloud that answers anew is never glued, ${mode ?? "with no flag"}`, async () => {
      await withGateway(["cuts", "anew"], async (g) => {
        assert.equal((await generateText({ model: model(g), prompt: PROMPT })).text, ANEW);
      }, { mode });
      await withGateway(["cuts", "anew"], async (g) => {
        const { shown, error } = await read(streamText({ model: model(g), prompt: PROMPT,
          onError: () => {} }));
        if (error === null) assert.ok([ANSWER, ANEW].includes(shown), shown);
        else assert.ok(ANSWER.slice(0, CUT_AT).startsWith(shown), shown);
      }, { mode });
    });

  test("a next cloud that continues makes it whole", () =>
    withGateway(["cuts", "continues"], async (g) => {
      const { shown, error } = await read(streamText({ model: model(g), prompt: PROMPT }));
      assert.equal(error, null);
      assert.equal(shown, ANSWER);
    }));

  test("an abort frees the provider", () => withGateway(["dripping"], async (g) => {
    const abort = new AbortController();
    const stream = streamText({ model: model(g), prompt: PROMPT, abortSignal: abort.signal });
    for await (const part of stream.fullStream) if (part.type === "text-delta") abort.abort();
    assert.ok(await g.wasLeft());
  }));
}

testCase("ai-sdk compatible", "thoughts are beside the answer", () =>
  withGateway(["reasoning"], async (g) => {
    const answer = await generateText({ model: PROVIDERS["ai-sdk compatible"](g),
      prompt: PROMPT });
    assert.equal(answer.text, ANSWER);
    assert.equal(answer.reasoningText, THOUGHT);
  }));

const EMBEDDERS = {
  "ai-sdk compatible": (g) =>
    createOpenAICompatible({ name: "amphi", baseURL: g.url, apiKey: "any" })
      .textEmbeddingModel("text-embedding-3-small"),
  "ai-sdk openai": (g) =>
    createOpenAI({ baseURL: g.url, apiKey: "any" }).textEmbeddingModel("text-embedding-3-small"),
};

for (const [client, model] of Object.entries(EMBEDDERS)) {
  testCase(client, "embeddings are the clouds", () => withGateway(["embed"], async (g) => {
    const one = await embed({ model: model(g), value: "Paris" });
    assert.deepEqual(one.embedding, vectorOf("Paris"));
    assert.equal(one.usage.tokens, 5);
    const values = ["Paris", "Lyon", "Nice"];
    const many = await embedMany({ model: model(g), values });
    assert.deepEqual(many.embeddings, values.map(vectorOf));
  }));

  testCase(client, "embeddings with a wrong key are a call error with 401", () =>
    withGateway(["wrong_key"], async (g) => {
      const error = await raises(APICallError, () => embed({ model: model(g), value: "Paris" }));
      assert.equal(error.statusCode, 401);
      assert.deepEqual(await g.asked(), [1, 0]);
    }));
}

await runCases();
