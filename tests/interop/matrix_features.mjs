// SPDX-License-Identifier: MIT
// A table: what servers offer beside tools, and what they ask their clients while a tool runs, used by clients that
// others wrote. The server is conformance-server, an ordinary program on our public headers. One line per client, era
// and transport.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peerEnv, pythonPeer, serve } from "./peers.mjs";
import { check, Matrix, run, skipped } from "./tap.mjs";

const program = join(process.env.FL_ROOT, "build/conformance-server");
const level = "io.modelcontextprotocol/logLevel";

// What each feature must have shown.
const expected = {
  prompt: "Prompt with arguments: arg1='a', arg2='b'",
  resource: "This is the content of the static text resource.",
  template: "Data for ID: 7",
  completion: "paris,park,party",
  progress: "0/100,50/100,100/100",
  log: "Tool execution started,Tool processing data,Tool execution completed",
  elicitation: "Hello, Ann!",
  sampling: "LLM response: Paris",
  roots: "1 roots, the first is file:///srv/ship",
  three: "Ann: Paris (1 roots)",
  twice: "Ann likes blue",
};

const tools = {
  elicitation: ["test_streaming_elicitation", {}],
  sampling: ["test_sampling", { prompt: "What is the capital of France?" }],
  roots: ["test_input_required_result_list_roots", {}],
  three: ["test_input_required_result_multiple_inputs", {}],
  twice: ["test_input_required_result_multi_round", {}],
};

const textOf = (result) => result.content.map((block) => block.text ?? "").join("");

// ---- the official client ----

function answerQuestions(client) {
  const known = { name: "Ann", color: "blue" };
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    const asked = Object.keys(params.requestedSchema.properties);
    return { action: "accept", content: Object.fromEntries(asked.map((name) => [name, known[name]])) };
  });
  client.setRequestHandler("sampling/createMessage", async () => ({
    role: "assistant",
    content: { type: "text", text: "Paris" },
    model: "none",
  }));
  client.setRequestHandler("roots/list", async () => ({ roots: [{ uri: "file:///srv/ship", name: "ship" }] }));
}

// The official client has all of what came before its answer told to its handlers by then, or soon after.
async function settle(list, count) {
  for (let i = 0; i < 40 && list.length < count; i++) await new Promise((resolve) => setTimeout(resolve, 25));
  return list.join();
}

async function meanwhile(client, isModern, logged) {
  const progress = [];
  await client.callTool(
    { name: "test_tool_with_progress", arguments: {} },
    { onprogress: ({ progress: done, total }) => progress.push(`${done}/${total}`) },
  );
  if (!isModern) await client.setLoggingLevel("info");
  const meta = isModern ? { _meta: { [level]: "info" } } : {};
  await client.callTool({ name: "test_tool_with_logging", arguments: {}, ...meta });
  return { progress: await settle(progress, 3), log: await settle(logged, 3) };
}

async function look(client, isModern, logged) {
  const { messages } = await client.getPrompt({
    name: "test_prompt_with_arguments",
    arguments: { arg1: "a", arg2: "b" },
  });
  const { contents } = await client.readResource({ uri: "test://static-text" });
  const byId = await client.readResource({ uri: "test://template/7/data" });
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "test_prompt_with_arguments" },
    argument: { name: "arg1", value: "par" },
  });
  const seen = {
    prompt: messages[0].content.text,
    resource: contents[0].text,
    template: JSON.parse(byId.contents[0].text).data,
    completion: completion.values.join(),
    ...(await meanwhile(client, isModern, logged)),
  };
  for (const [feature, [name, args]] of Object.entries(tools))
    seen[feature] = await client.callTool({ name, arguments: args }).then(textOf, (error) => String(error));
  return seen;
}

function official(mode) {
  return async (url) => {
    const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} };
    const options = mode ? { capabilities, versionNegotiation: { mode } } : { capabilities };
    const client = new Client({ name: "interop", version: "1" }, options);
    const logged = [];
    answerQuestions(client);
    client.setNotificationHandler("notifications/message", ({ params }) => void logged.push(params.data));
    await client.connect(
      url
        ? new StreamableHTTPClientTransport(new URL(url))
        : new StdioClientTransport({ command: program, args: [], stderr: "inherit" }),
    );
    try {
      return await look(client, mode !== undefined, logged);
    } finally {
      await client.close();
    }
  };
}

// ---- Python's ----

function python(...peer) {
  return async (url) => {
    const command = pythonPeer(...peer, JSON.stringify(tools), url ?? program);
    if (command === null) return skipped("the Python packages did not install");
    const { code, out, err } = await run(command[0], command.slice(1), { env: peerEnv(folder) });
    check(code === 0, `exit ${code}: ${err}`);
    return JSON.parse(out);
  };
}

// ---- the table ----

const rows = [
  ["@modelcontextprotocol/client, modern", official("auto")],
  ["@modelcontextprotocol/client, legacy", official()],
  ["Python mcp, modern", python("features.py", "auto")],
  ["Python mcp, legacy", python("features.py", "legacy")],
  ["Python mcp 1", python("features1.py")],
];
let folder;

export async function matrixFeatures() {
  folder = mkdtempSync(join(tmpdir(), "fairlead-features-"));
  const table = new Matrix("their client, what ours offers and asks", Object.keys(expected));
  const server = await serve((port) => [program, "--port", String(port)]);
  for (const [name, client] of rows)
    for (const [transport, url] of Object.entries({ stdio: undefined, HTTP: server.url })) {
      const seen = client(url);
      seen.catch(() => {}); // every cell of the line tells it
      for (const feature of table.columns)
        await table.cell(`${name}, ${transport}`, feature, async () => {
          const all = await seen;
          check(all[feature] === expected[feature], `${all[feature]}, not ${expected[feature]}`);
        });
    }
  table.print();
  await server.stop();
  rmSync(folder, { recursive: true });
}
