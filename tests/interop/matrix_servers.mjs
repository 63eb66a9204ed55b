// SPDX-License-Identifier: MIT
// A table: our client against servers that others wrote, over the transports that each of them has. Each cell calls a
// tool and looks at the result, and at the revision that was agreed on.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fairlead, node, peerEnv, pythonPeer, serve } from "./peers.mjs";
import { check, Matrix, run, skipped } from "./tap.mjs";

const modern = "2026-07-28",
  legacy = "2025-11-25";
let folder;

const stdio = (command) => ({ options: [], tail: ["--", ...command], env: peerEnv(folder) });
const atUrl = (url) => ({ options: ["--url", url], tail: [], env: {} });

async function call(target, tool, args) {
  const command = ["mcp", "call", tool, JSON.stringify(args), "--json", ...target.options, ...target.tail];
  const { code, out, err } = await run(fairlead, command, { env: target.env });
  check(code === 0, `${tool}: exit ${code}: ${err}${out}`);
  const result = JSON.parse(out.trim().split("\n").pop());
  return { text: result.content.map((block) => block.text ?? "").join("\n"), structured: result.structuredContent };
}

async function revisionOf(target) {
  const place = target.options.slice(1); // inspect takes a URL as it is
  const { code, out, err } = await run(fairlead, ["mcp", "inspect", "--json", ...place, ...target.tail], {
    env: target.env,
  });
  check(code === 0, `inspect: exit ${code}: ${err}${out}`);
  return JSON.parse(out.trim().split("\n")[0]).protocolVersion;
}

// ---- what is called, and what must come back ----

async function everything(target) {
  const sum = await call(target, "get-sum", { a: 2, b: 40 });
  check(/\b42\b/.test(sum.text), sum.text);
  const weather = await call(target, "get-structured-content", { location: "Chicago" });
  check(typeof weather.structured.temperature === "number", JSON.stringify(weather));
}

async function filesystem(target) {
  const path = join(folder, "hello.txt");
  writeFileSync(path, "hello from a file\n");
  const { text } = await call(target, "read_text_file", { path });
  check(text.trim() === "hello from a file", text);
}

async function memory(target) {
  const entities = [{ name: "ship", entityType: "thing", observations: ["it has a fairlead"] }];
  await call(target, "create_entities", { entities });
  const { structured } = await call(target, "read_graph", {});
  check(structured.entities[0].observations[0] === "it has a fairlead", JSON.stringify(structured));
}

async function thinking(target) {
  const thought = { thought: "a rope needs a lead", nextThoughtNeeded: true, thoughtNumber: 1, totalThoughts: 3 };
  const { structured } = await call(target, "sequentialthinking", thought);
  check(structured.thoughtNumber === 1 && structured.totalThoughts === 3, JSON.stringify(structured));
}

async function add(target) {
  const { text, structured } = await call(target, "add", { a: 2, b: 40 });
  check(text === "42" && structured.sum === 42, `${text} ${JSON.stringify(structured)}`);
}

async function addAndMultiply(target) {
  const sum = await call(target, "add", { a: 3, b: 5 });
  const product = await call(target, "multiply", { a: Number(sum.text), b: 12 });
  check(product.text === "96" && product.structured.result === 96, JSON.stringify(product));
}

// ---- the table: name, what is called, the revision, and how to start it over each transport ----

const everythingAs = (transport) => () => ["mcp-server-everything", transport];
const servers = () => [
  [
    "server-everything",
    everything,
    legacy,
    {
      stdio: ["mcp-server-everything", "stdio"],
      HTTP: everythingAs("streamableHttp"),
      "HTTP+SSE": everythingAs("sse"),
    },
  ],
  ["server-filesystem", filesystem, legacy, { stdio: ["mcp-server-filesystem", folder] }],
  ["server-memory", memory, legacy, { stdio: ["mcp-server-memory"] }],
  ["server-sequential-thinking", thinking, legacy, { stdio: ["mcp-server-sequential-thinking"] }],
  ["TypeScript v1", add, legacy, { stdio: node("tsserver1.mjs"), HTTP: (port) => node("tsserver1.mjs", String(port)) }],
  ["TypeScript v2", add, modern, { stdio: node("tsserver.mjs"), HTTP: (port) => node("tsserver.mjs", String(port)) }],
  [
    "Python mcp 1",
    addAndMultiply,
    legacy,
    {
      stdio: pythonPeer("server1.py"),
      HTTP: (port) => pythonPeer("server1.py", String(port)),
      "HTTP+SSE": (port) => pythonPeer("server1.py", String(port), "sse"),
    },
  ],
  [
    "fastmcp",
    addAndMultiply,
    modern,
    {
      stdio: pythonPeer("server.py"),
      HTTP: (port) => pythonPeer("server.py", String(port)),
      "HTTP+SSE": (port) => pythonPeer("server.py", String(port), "sse"),
    },
  ],
];

async function overHttp(start, column, body) {
  const server = await serve(start, { env: peerEnv(folder) });
  const url = column === "HTTP+SSE" ? `http://127.0.0.1:${server.port}/sse` : server.url;
  try {
    return await body(atUrl(url));
  } finally {
    await server.stop();
  }
}

export async function matrixServers() {
  folder = mkdtempSync(join(tmpdir(), "fairlead-servers-"));
  const table = new Matrix("our client, their server", ["stdio", "HTTP", "HTTP+SSE"]);
  for (const [name, body, revision, starts] of servers()) {
    for (const [column, start] of Object.entries(starts)) {
      const expected = column === "HTTP+SSE" ? legacy : revision;
      const cell = async (target) => {
        await body(target);
        const agreed = await revisionOf(target);
        check(agreed === expected, `our client speaks ${agreed} with it, not ${expected}`);
        return agreed;
      };
      if (starts.stdio === null) await table.cell(name, column, () => skipped("the Python packages did not install"));
      else if (column === "stdio") await table.cell(name, column, () => cell(stdio(start)));
      else await table.cell(name, column, () => overHttp(start, column, cell));
    }
  }
  table.print();
  rmSync(folder, { recursive: true });
}
