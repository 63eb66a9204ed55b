// SPDX-License-Identifier: MIT
// A table: clients that others wrote, in rows, against `fairlead mcp serve` over standard input and output and over
// HTTP. In each cell the client lists the tools, calls one and looks at the result, and calls another that fails.
import { createMCPClient } from "@ai-sdk/mcp";
import { StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fairlead, peerEnv, pluginFile, pythonPeer, serve } from "./peers.mjs";
import { check, Matrix, row, run, skipped } from "./tap.mjs";

const serveArgs = ["mcp", "serve", "--builtin", "--plugin", pluginFile];
const right = ["calculator", { expression: "(3 + 5) * 12" }];
const wrong = ["count_to", { last: -1 }];

const textOf = (result) => result.content.map((block) => block.text ?? "").join("");
const wire = (result) => ({
  text: textOf(result),
  structured: result.structuredContent,
  isError: result.isError === true,
});

// What every client must have seen. `structured` and `revision` are undefined where a client does not show them.
function verify({ names, good, bad, revision }, expected) {
  check([...names].sort().join() === "calculator,count_to,shout,time", `its tools: ${names}`);
  check(good.text === "96" && !good.isError, `not 96: ${JSON.stringify(good)}`);
  if (good.structured !== undefined) check(good.structured.result === 96, `not 96: ${JSON.stringify(good)}`);
  check(bad.isError === true && /count up to -1/.test(bad.text), `not an error: ${JSON.stringify(bad)}`);
  check(revision === undefined || revision === expected, `it speaks ${revision}, not ${expected}`);
  return revision;
}

// ---- the clients: each takes { url } or {} for standard input and output ----

function inspector(era) {
  return async ({ url }) => {
    const target = url
      ? ["--server-url", url, "--transport", "http"]
      : [fairlead, ...serveArgs, "--transport", "stdio"];
    const ask = async (...args) => {
      const command = ["--cli", ...target, "--protocol-era", era, ...args, "--format", "json", "-q"];
      const { code, out, err } = await run("mcp-inspector", command);
      check(code === 0 || code === 5, `inspector exited with ${code}: ${err}${out}`);
      return { code, text: out, ...JSON.parse(out) };
    };
    const call = (tool, args) =>
      ask("--method", "tools/call", "--tool-name", tool, "--tool-args-json", JSON.stringify(args));
    const [list, good, bad] = await Promise.all([ask("--method", "tools/list"), call(...right), call(...wrong)]);
    return {
      names: list.result.tools.map((tool) => tool.name),
      good: wire(good.result),
      bad: { text: bad.text, isError: bad.code === 5 },
    };
  };
}

async function useOfficial(transport, mode) {
  const client = new Client({ name: "interop", version: "1" }, mode ? { versionNegotiation: { mode } } : {});
  await client.connect(transport);
  try {
    const call = async (name, args) => wire(await client.callTool({ name, arguments: args }));
    const names = (await client.listTools()).tools.map((tool) => tool.name);
    const revision = client.getNegotiatedProtocolVersion();
    return { names, good: await call(...right), bad: await call(...wrong), revision };
  } finally {
    await client.close();
  }
}

function official(mode) {
  return ({ url }) =>
    useOfficial(
      url
        ? new StreamableHTTPClientTransport(new URL(url))
        : new StdioClientTransport({ command: fairlead, args: serveArgs, stderr: "inherit" }),
      mode,
    );
}

async function aiSdk({ url }) {
  const transport = url ? { type: "http", url } : new StdioMCPTransport({ command: fairlead, args: serveArgs });
  const client = await createMCPClient({ transport });
  try {
    const tools = await client.tools();
    const call = async (name, args) => wire(await tools[name].execute(args, { toolCallId: "1", messages: [] }));
    const names = Object.keys(tools);
    return { names, good: await call(...right), bad: await call(...wrong), revision: client.protocolVersion };
  } finally {
    await client.close();
  }
}

async function langchain({ url }) {
  const server = url ? { transport: "http", url } : { transport: "stdio", command: fairlead, args: serveArgs };
  const client = new MultiServerMCPClient({ mcpServers: { ours: server } });
  try {
    const tools = await client.getTools();
    const call = (name, args) => tools.find((tool) => tool.name === name).invoke(args);
    const { text, structuredContent } = await call(...right);
    const bad = await call(...wrong).then(
      (value) => ({ text: String(value), isError: false }),
      (error) => ({ text: error.message, isError: true }),
    );
    return { names: tools.map((tool) => tool.name), good: { text, structured: structuredContent }, bad };
  } finally {
    await client.close();
  }
}

function python(...peer) {
  return async ({ url }) => {
    const command = pythonPeer(...peer, ...(url ? [url] : [fairlead, ...serveArgs]));
    if (command === null) return skipped("the Python packages did not install");
    const { code, out, err } = await run(command[0], command.slice(1), { env: peerEnv(folder) });
    check(code === 0, `exit ${code}: ${err}`);
    return JSON.parse(out);
  };
}

// mcp-remote is a server on standard input and output in front of a URL. The official client stands before it for
// HTTP; for standard input and output it is our own client, since mcp-remote starts no programs itself.
const bridge = (url) => ["mcp-remote", url, "--transport", "http-only", "--allow-http"];

const throughRemote = ({ url }) => {
  const [command, ...args] = bridge(url);
  const env = { ...process.env, ...peerEnv(folder) };
  return useOfficial(new StdioClientTransport({ command, args, env, stderr: "ignore" }));
};

async function ours({ url, command = [fairlead, ...serveArgs] }) {
  const ask = (...args) => {
    const all = url ? [...args, "--json", "--url", url] : [...args, "--json", "--", ...command];
    return run(fairlead, ["mcp", ...all], { env: peerEnv(folder) });
  };
  const call = async (tool, args) => {
    const { out, err } = await ask("call", tool, JSON.stringify(args));
    check(out !== "", err);
    return wire(JSON.parse(out.trim().split("\n").pop()));
  };
  const { code, out, err } = await ask("list");
  check(code === 0, `exit ${code}: ${err}`);
  const names = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).name);
  return { names, good: await call(...right), bad: await call(...wrong) };
}

// ---- the table ----

const modern = "2026-07-28",
  legacy = "2025-11-25";
let folder;

const rows = [
  ["inspector, legacy", legacy, inspector("legacy")],
  ["inspector, modern", modern, inspector("modern")],
  ["@modelcontextprotocol/client, auto", modern, official("auto")],
  ["@modelcontextprotocol/client, default", legacy, official()],
  ["@ai-sdk/mcp", modern, aiSdk],
  ["@langchain/mcp-adapters", legacy, langchain],
  ["mcp-remote", legacy, throughRemote],
  ["Python mcp, auto", modern, python("client.py", "mcp", "auto")],
  ["Python mcp, legacy", legacy, python("client.py", "mcp", "legacy")],
  ["Python mcp 1", legacy, python("client1.py")],
  ["fastmcp client", modern, python("client.py", "fastmcp", "auto")],
  ["fairlead itself", modern, ours],
];

export async function matrixClients() {
  folder = mkdtempSync(join(tmpdir(), "fairlead-clients-"));
  const table = new Matrix("their client, our server", ["stdio", "HTTP"]);
  const server = await serve((port) => [fairlead, ...serveArgs, "--http", `127.0.0.1:${port}`]);
  for (const [name, revision, client] of rows) {
    for (const column of table.columns) {
      const target = column === "HTTP" ? { url: server.url } : {};
      if (client === throughRemote && column === "stdio")
        await table.cell(name, column, async () => verify(await ours({ command: bridge(server.url) }), revision));
      else await table.cell(name, column, async () => verify(await client(target), revision));
    }
  }
  table.print();
  await row("our server over HTTP ends well by SIGTERM, after all of these clients", async () => {
    const { code, signal, err } = await server.stop();
    check(code === 0, `exit ${code ?? signal}: ${err}`);
  });
  rmSync(folder, { recursive: true });
}
