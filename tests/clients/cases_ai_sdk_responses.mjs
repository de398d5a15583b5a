// SPDX-License-Identifier: Apache-2.0
// What only Responses has, through `@ai-sdk/openai`: thoughts as items, stored answers that are
// named instead of sent, previous_response_id, and failures as events. Its other cases are those of
// every provider (cases_ai_sdk.mjs).
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import {
  ANEW, ANSWER, CUT_AT, THOUGHT, raises, runCases, testCase, withGateway,
} from "./lab.mjs";

const PROMPT = "What is the capital of France?";
const test = (name, run) => testCase("ai-sdk responses", name, run);
const model = (g, name = "gpt-4o") =>
  createOpenAI({ baseURL: g.url, apiKey: "any" }).responses(name);
const weather = tool({ description: "The weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `${city}: 21 degrees` });
const openai = (options) => ({ providerOptions: { openai: options } });
const said = (request) => request.body.messages.map((one) => one.content);

// The parts of a stream by their kind, and the errors in it.
async function read(stream) {
  const found = { text: "", thoughts: "", errors: [], ends: [] };
  for await (const part of stream.fullStream) {
    if (part.type === "text-delta") found.text += part.text;
    if (part.type === "reasoning-delta") found.thoughts += part.text;
    if (part.type === "error") found.errors.push(part.error);
    if (part.type === "finish") found.ends.push(part.finishReason);
  }
  return found;
}

test("thoughts are items beside the answer", () => withGateway(["reasoning"], async (g) => {
  const answer = await generateText({ model: model(g, "gpt-5"), prompt: PROMPT });
  assert.equal(answer.text, ANSWER);
  assert.equal(answer.reasoningText, THOUGHT);
  const stream = await read(streamText({ model: model(g, "gpt-5"), prompt: PROMPT }));
  assert.deepEqual(stream, { text: ANSWER, thoughts: THOUGHT, errors: [], ends: ["stop"] });
}));

// With a reasoning model that keeps nothing, the package asks for the thoughts' encrypted form.
test("thoughts go on with a conversation that is not kept", () =>
  withGateway(["reasoning"], async (g) => {
    const more = openai({ store: false });
    const first = await generateText({ model: model(g, "gpt-5"), prompt: PROMPT, ...more });
    assert.equal(first.reasoningText, THOUGHT);
    const second = await generateText({ model: model(g, "gpt-5"), ...more, messages: [
      { role: "user", content: PROMPT }, ...first.response.messages,
      { role: "user", content: "And of Spain?" }] });
    assert.equal(second.text, ANSWER);
    assert.deepEqual(said((await g.requests())[1]), [PROMPT, ANSWER, "And of Spain?"]);
  }));

test("a stored answer is named instead of sent", () => withGateway(["plain"], async (g) => {
  const first = await generateText({ model: model(g), prompt: PROMPT });
  await generateText({ model: model(g), messages: [{ role: "user", content: PROMPT },
    ...first.response.messages, { role: "user", content: "And of Spain?" }] });
  assert.deepEqual(said((await g.requests())[1]), [PROMPT, ANSWER, "And of Spain?"]);
}));

test("previous_response_id goes on from there", () => withGateway(["plain"], async (g) => {
  const first = await generateText({ model: model(g), prompt: PROMPT });
  const id = first.providerMetadata.openai.responseId;
  const second = await generateText({ model: model(g), prompt: "And of Spain?",
    ...openai({ previousResponseId: id }) });
  assert.equal(second.text, ANSWER);
  assert.deepEqual(said((await g.requests())[1]), [PROMPT, ANSWER, "And of Spain?"]);
  const stream = streamText({ model: model(g), prompt: "And of Italy?",
    ...openai({ previousResponseId: second.providerMetadata.openai.responseId }) });
  assert.equal((await read(stream)).text, ANSWER);
  assert.deepEqual(said((await g.requests())[2]),
    [PROMPT, ANSWER, "And of Spain?", ANSWER, "And of Italy?"]);
}));

test("an unknown previous_response_id is not found", () => withGateway(["plain"], async (g) => {
  const error = await raises(APICallError, () => generateText({ model: model(g), prompt: PROMPT,
    ...openai({ previousResponseId: "resp_0" }) }));
  assert.equal(error.statusCode, 404);
  assert.equal(error.data.error.code, "previous_response_not_found");
  assert.deepEqual(await g.asked(), [0, 0]);
}));

test("tools over several steps of a stream are answered", () =>
  withGateway(["tools"], async (g) => {
    const stream = streamText({ model: model(g), prompt: PROMPT, tools: { get_weather: weather },
      stopWhen: stepCountIs(3) });
    const found = await read(stream);
    assert.deepEqual(found.errors, []);
    assert.match(found.text, /Lyon: 21 degrees/);
    const sent = (await g.requests())[1].body.messages;
    assert.deepEqual(sent.map((one) => one.role), ["user", "assistant", "tool", "tool"]);
    assert.deepEqual(sent[1].tool_calls.map((one) => one.id), sent.slice(2).map((one) =>
      one.tool_call_id));
  }));

test("the service tier is the providers", () => withGateway(["extras"], async (g) => {
  const answer = await generateText({ model: model(g), prompt: PROMPT });
  assert.equal(answer.providerMetadata.openai.serviceTier, "flex");
  const stream = streamText({ model: model(g), prompt: PROMPT });
  await read(stream);
  assert.equal((await stream.providerMetadata).openai.serviceTier, "flex");
}));

test("an answer that was cut short says why", () => withGateway(["long_stop"], async (g) => {
  const answer = await generateText({ model: model(g), prompt: PROMPT });
  assert.equal(answer.finishReason, "length");
  assert.deepEqual((await read(streamText({ model: model(g), prompt: PROMPT }))).ends, ["length"]);
}));

test("a filtered answer says so", () => withGateway(["filtered"], async (g) => {
  assert.equal((await generateText({ model: model(g), prompt: PROMPT })).finishReason,
    "content-filter");
}));

test("a refusal is what the model said", () => withGateway(["refusal"], async (g) => {
  const { content } = (await generateText({ model: model(g), prompt: PROMPT })).response.body
    .output[0];
  assert.equal(content[0].type, "refusal");
  assert.equal(content[0].refusal, "I can't help with that.");
}));

test("a wrong key is a call error in a stream after one request", () =>
  withGateway(["wrong_key"], async (g) => {
    const { text, errors } = await read(streamText({ model: model(g), prompt: PROMPT,
      onError: () => {} }));
    assert.equal(text, "");
    assert.equal(errors[0].constructor.name, APICallError.name);
    assert.equal(errors[0].statusCode, 401);
    assert.equal(errors[0].data.error.code, "invalid_api_key");
    assert.deepEqual(await g.asked(), [1, 0]);
  }));

test("a takeover in mid answer is one answer or a failure", async () => {
  for (const next of ["continues", "repeats", "anew", "refuses_beginning"])
    await withGateway(["cuts", next], async (g) => {
      const { text, errors, ends } = await read(streamText({ model: model(g), prompt: PROMPT,
        onError: () => {} }));
      if (next === "continues" || next === "repeats") assert.equal(text, ANSWER, next);
      if (errors.length === 0) assert.ok([ANSWER, ANEW].includes(text), text);
      else assert.ok(ANSWER.slice(0, CUT_AT).startsWith(text), text);
      assert.equal(errors.length === 0, ends[0] === "stop", `${next}: ${ends}`);
    });
});

test("a cut with nobody else is a failure and never an end", () =>
  withGateway(["cuts"], async (g) => {
    const { text, errors, ends } = await read(streamText({ model: model(g), prompt: PROMPT,
      onError: () => {} }));
    assert.ok(ANSWER.slice(0, CUT_AT).startsWith(text), text);
    assert.ok(errors.length > 0 && !ends.includes("stop"), String(ends));
    const error = await generateText({ model: model(g), prompt: PROMPT, maxRetries: 0 }).then(
      () => null, (reason) => reason);
    assert.equal(error?.constructor.name, APICallError.name);
    assert.ok(error.statusCode >= 500, String(error.statusCode));
  }));

test("an error in mid stream is raised with the provider's words", () =>
  withGateway(["error_in_stream"], async (g) => {
    const { errors, ends } = await read(streamText({ model: model(g), prompt: PROMPT,
      onError: () => {} }));
    assert.match(JSON.stringify(errors), /The engine broke/);
    assert.ok(!ends.includes("stop"), String(ends));
  }));

await runCases();
