// SPDX-License-Identifier: MIT
// Our providers against a model server that others wrote, on both wires, with its faults.
import { LLMock } from "@copilotkit/aimock";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, row, run } from "./tap.mjs";

const fairlead = process.env.FAIRLEAD;
const agent = join(process.env.FL_ROOT, "examples/math/agent.yaml");

function fixtures(mock) {
  mock.addFixture({ match: { toolResultContains: "96" }, response: { content: "It is 96." } });
  mock.addFixture({ match: { toolResultContains: "8" }, response: { toolCalls: [{ name: "math__multiply", arguments: '{"a":8,"b":12}' }] } });
  mock.addFixture({ match: { userMessage: "calculate" }, response: { toolCalls: [{ name: "math__add", arguments: '{"a":3,"b":5}' }] } });
  mock.addFixture({ match: { userMessage: "cut" }, response: { content: "this text is much longer than what will arrive of it" }, chunkSize: 4, truncateAfterChunks: 3 });
  mock.addFixture({ match: { userMessage: "hello" }, response: { content: "Hello, sailor." }, chunkSize: 3 });
}

async function withMock(body) {
  const mock = new LLMock({ port: 0, host: "127.0.0.1" });
  fixtures(mock);
  await mock.start();
  const store = mkdtempSync(join(tmpdir(), "fairlead-aimock-"));
  const ask = (provider, text, more = []) => run(fairlead, ["run", agent, "--store", join(store, "s.db"), "--model", `${provider}/any`, ...more, text], {
    env: { OPENAI_BASE_URL: `${mock.url}/v1`, OPENAI_API_KEY: "sk-interop-secret", ANTHROPIC_BASE_URL: mock.url, ANTHROPIC_API_KEY: "sk-interop-secret" },
  });
  try {
    await body(mock, ask);
  } finally {
    await mock.stop();
    rmSync(store, { recursive: true });
  }
}

function expectAnswer(result, text) {
  check(result.code === 0 && result.out.includes(text), `exit ${result.code}: ${result.out}${result.err}`);
}

// A fault that goes away: the first request meets it, the retry does not.
async function recovers(provider, fault) {
  await withMock(async (mock, ask) => {
    mock.setChaos(fault);
    setTimeout(() => mock.clearChaos(), 150);
    expectAnswer(await ask(provider, "hello"), "Hello, sailor.");
  });
}

async function failsCleanly(provider, fault, words) {
  await withMock(async (mock, ask) => {
    mock.setChaos(fault);
    const result = await ask(provider, "hello");
    check(result.code === 1 && words.test(result.err), `exit ${result.code}: ${result.err}`);
    check(!(result.err + result.out).includes("sk-interop-secret"), "the key is shown");
  });
}

export async function providers() {
  for (const provider of ["openai", "anthropic"]) {
    await row(`aimock, ${provider}: a text, streamed`, () => withMock(async (mock, ask) => expectAnswer(await ask(provider, "hello"), "Hello, sailor.")));
    await row(`aimock, ${provider}: the agent with its tools`, () => withMock(async (mock, ask) => {
      const result = await ask(provider, "calculate");
      expectAnswer(result, "96");
      check(/math\/add .*→ 8/s.test(result.err) && result.err.includes("math/multiply"), result.err);
    }));
    await row(`aimock, ${provider}: latency`, () => withMock(async (mock, ask) => {
      mock.setChaos({ latencyMs: 400 });
      expectAnswer(await ask(provider, "hello"), "Hello, sailor.");
    }));
    await row(`aimock, ${provider}: dropped once, then answered`, () => recovers(provider, { dropRate: 1 }));
    await row(`aimock, ${provider}: 429 once, then answered`, () => recovers(provider, { rateLimitRate: 1 }));
    await row(`aimock, ${provider}: 429 for good`, () => failsCleanly(provider, { rateLimitRate: 1 }, /429/));
    await row(`aimock, ${provider}: dropped for good`, () => failsCleanly(provider, { dropRate: 1 }, /500|closed|network|dropped/i));
    await row(`aimock, ${provider}: disconnected for good`, () => failsCleanly(provider, { disconnectRate: 1 }, /./));
    await row(`aimock, ${provider}: malformed for good`, () => failsCleanly(provider, { malformedRate: 1 }, /./));
    await row(`aimock, ${provider}: a stream that is cut off is an error, and nothing of it is executed`, () => withMock(async (mock, ask) => {
      const result = await ask(provider, "cut");
      check(result.code === 1, `exit ${result.code}: ${result.out}${result.err}`);
    }));
  }
}
