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
  mock.addFixture({
    match: { toolResultContains: "8" },
    response: { toolCalls: [{ name: "math__multiply", arguments: '{"a":8,"b":12}' }] },
  });
  mock.addFixture({
    match: { userMessage: "calculate" },
    response: { toolCalls: [{ name: "math__add", arguments: '{"a":3,"b":5}' }] },
  });
  // Time between the chunks: what is cut off has begun to arrive.
  const cut = { chunkSize: 4, latency: 40, truncateAfterChunks: 4 };
  mock.addFixture({
    match: { userMessage: "cut text" },
    response: { content: "this text is much longer than what will arrive of it" },
    ...cut,
  });
  mock.addFixture({
    match: { userMessage: "cut call" },
    response: { toolCalls: [{ name: "math__add", arguments: '{"a":3,"b":5}' }] },
    ...cut,
  });
  mock.addFixture({
    match: { userMessage: "refuse" },
    response: { error: { message: "who are you?", type: "authentication_error" }, status: 401 },
  });
  mock.addFixture({ match: { userMessage: "hello" }, response: { content: "Hello, sailor." }, chunkSize: 3 });
}

async function withMock(body) {
  const mock = new LLMock({ port: 0, host: "127.0.0.1" });
  fixtures(mock);
  await mock.start();
  const store = mkdtempSync(join(tmpdir(), "fairlead-aimock-"));
  const ask = (provider, text, more = []) =>
    run(fairlead, ["run", agent, "--store", join(store, "s.db"), "--model", `${provider}/any`, ...more, text], {
      env: {
        OPENAI_BASE_URL: `${mock.url}/v1`,
        OPENAI_API_KEY: "sk-interop-secret",
        ANTHROPIC_BASE_URL: mock.url,
        ANTHROPIC_API_KEY: "sk-interop-secret",
      },
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
async function recovers(provider, fault, pauseMs) {
  await withMock(async (mock, ask) => {
    mock.setChaos(fault);
    const watch = setInterval(() => mock.getRequests().length > 0 && mock.clearChaos(), 2);
    const begin = Date.now();
    const result = await ask(provider, "hello").finally(() => clearInterval(watch));
    expectAnswer(result, "Hello, sailor.");
    check(mock.getRequests().length === 2, `${mock.getRequests().length} requests`);
    check(Date.now() - begin >= pauseMs, `again after ${Date.now() - begin} ms`);
  });
}

async function failsCleanly(provider, { fault = {}, text = "hello", words, requests }) {
  await withMock(async (mock, ask) => {
    mock.setChaos(fault);
    const result = await ask(provider, text);
    check(result.code === 1 && words.test(result.err), `exit ${result.code}: ${result.err}`);
    check(mock.getRequests().length === requests, `${mock.getRequests().length} requests`);
    check(
      result.out === "" && !result.err.includes("math/add"),
      `something was made of it: ${result.out}${result.err}`,
    );
    check(!(result.err + result.out).includes("sk-interop-secret"), "the key is shown");
  });
}

export async function providers() {
  for (const provider of ["openai", "anthropic"]) {
    const name = (what) => `aimock, ${provider}: ${what}`;
    const fails = (what, options) => row(name(what), () => failsCleanly(provider, options));
    await row(name("a text, streamed"), () =>
      withMock(async (mock, ask) => expectAnswer(await ask(provider, "hello"), "Hello, sailor.")),
    );
    await row(name("the agent with its tools"), () =>
      withMock(async (mock, ask) => {
        const result = await ask(provider, "calculate");
        expectAnswer(result, "96");
        check(/math\/add .*→ 8/s.test(result.err) && result.err.includes("math/multiply"), result.err);
        check(mock.getRequests().length === 3, `${mock.getRequests().length} requests`);
      }),
    );
    await row(name("latency"), () =>
      withMock(async (mock, ask) => {
        mock.setChaos({ latencyMs: 400 });
        const begin = Date.now();
        expectAnswer(await ask(provider, "hello"), "Hello, sailor.");
        check(Date.now() - begin >= 400 && mock.getRequests().length === 1, "it was not the first answer");
      }),
    );
    await row(name("dropped once, then answered"), () => recovers(provider, { dropRate: 1 }, 0));
    await row(name("disconnected once, then answered"), () => recovers(provider, { disconnectRate: 1 }, 0));
    await row(name("429 once, then answered, after the second that it asked for"), () =>
      recovers(provider, { rateLimitRate: 1 }, 1000),
    );
    await fails("429 for good", { fault: { rateLimitRate: 1 }, words: /after 3 tries.*HTTP 429/, requests: 3 });
    await fails("dropped for good", { fault: { dropRate: 1 }, words: /after 3 tries.*HTTP 500/, requests: 3 });
    await fails("disconnected for good", {
      fault: { disconnectRate: 1 },
      words: /after 3 tries.*Empty reply/,
      requests: 3,
    });
    await fails("malformed for good", { fault: { malformedRate: 1 }, words: /neither a stream nor JSON/, requests: 1 });
    await fails("a wrong key is not tried again", { text: "refuse", words: /HTTP 401.*who are you/, requests: 1 });
    await fails("a text that is cut off is no answer", { text: "cut text", words: /transfer closed/, requests: 3 });
    await fails("a call that is cut off is not made", { text: "cut call", words: /transfer closed/, requests: 3 });
  }
}
