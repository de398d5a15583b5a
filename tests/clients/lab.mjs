// SPDX-License-Identifier: Apache-2.0
// The lab (lab.py) for cases in JavaScript, and their runner: one line per case for run.py.
import assert from "node:assert/strict";

const control = process.argv[2];
const only = process.argv[3] ?? "";
const AT_ONCE = 3;

export const ANSWER =
  "The capital of France is Paris. It lies on the Seine, and about two million people live " +
  "there. The tower was built in 1889 for a fair.";
export const ANEW =
  "Sure! Paris is the capital city of France. Its best known building, the Eiffel Tower, has " +
  "stood beside the river since 1889.";
export const THOUGHT = "The user asks for a capital.";
export const CUT_AT = 52;
export const QUESTION = [{ role: "user", content: "What is the capital of France?" }];
export const IMAGE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==";

// As clouds.py has it.
export function vectorOf(text) {
  const codes = new TextEncoder().encode(text);
  return [codes.reduce((sum, one) => sum + one, 0) / 1024, codes.length / 64, -0.125];
}

async function ask(path, body) {
  const answer = await fetch(control + path, { method: "POST", body: JSON.stringify(body) });
  return answer.json();
}

// A gateway in front of these scenarios for as long as `use` runs.
export async function withGateway(scenarios, use, more = {}) {
  const opened = await ask("/open", { scenarios, ...more });
  const gateway = {
    ...opened,
    asked: async () => (await ask("/seen", { id: opened.id })).asked,
    requests: async () => (await ask("/seen", { id: opened.id })).requests[0],
    wasLeft: async () => (await ask("/left", { id: opened.id })).left,
  };
  try {
    await use(gateway);
  } finally {
    const { error } = await ask("/close", { id: opened.id });
    if (error) throw new Error(`the gateway's end: ${error}`);
  }
}

// The error of a call that must fail, which is exactly of this class.
export async function raises(kind, call) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    assert.equal(error.constructor.name, kind.name, error.stack);
    return error;
  }
  assert.fail(`no ${kind.name}, but ${JSON.stringify(answer)}`);
}

const cases = [];

export function testCase(client, name, run) {
  if (`${client}: ${name}`.includes(only)) cases.push([`${client}: ${name}`, run]);
}

export async function runCases() {
  const one = async ([name, run]) => {
    const began = Date.now();
    let verdict = "ok";
    let why = "";
    try {
      await run();
    } catch (error) {
      verdict = "FAILED";
      why = String(error.stack ?? error).replaceAll("\t", "  ").replaceAll("\n", "\\n");
    }
    console.log([verdict, name, (Date.now() - began) / 1000, why].join("\t"));
  };
  const worker = async () => {
    for (let next = cases.shift(); next; next = cases.shift()) await one(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  process.exit(0);
}
