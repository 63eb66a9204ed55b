// SPDX-License-Identifier: MIT
// Clients that others wrote, against `fairlead mcp serve`, in both eras: more than the table of matrix_clients.mjs
// asks of each.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fairlead, pluginFile, serve } from "./peers.mjs";
import { check, row, run } from "./tap.mjs";

const overStdio = (...args) =>
  new StdioClientTransport({ command: fairlead, args: ["mcp", "serve", ...args], stderr: "inherit" });

async function withClient(mode, body, transport = overStdio()) {
  const client = new Client({ name: "interop", version: "1" }, mode ? { versionNegotiation: { mode } } : {});
  await client.connect(transport);
  try {
    await body(client);
  } finally {
    await client.close();
  }
}

const textOf = (result) => result.content.map((block) => block.text ?? "").join("");

async function listsAndCalls(client) {
  const { tools } = await client.listTools();
  const names = tools
    .map((tool) => tool.name)
    .sort()
    .join();
  check(names === "calculator,time", names);
  const good = await client.callTool({ name: "calculator", arguments: { expression: "(3 + 5) * 12" } });
  check(
    !good.isError && textOf(good) === "96" && good.structuredContent.result === 96,
    `not 96: ${JSON.stringify(good)}`,
  );
  const bad = await client.callTool({ name: "calculator", arguments: { expression: 7 } });
  check(
    bad.isError === true && /expression/.test(textOf(bad)),
    `wrong arguments must be an error that the model sees: ${JSON.stringify(bad)}`,
  );
  const unknown = await client.callTool({ name: "no-such-tool", arguments: {} }).then(
    () => null,
    (error) => error,
  );
  check(
    unknown?.code === -32602 && /no-such-tool/.test(unknown.message),
    `an unknown tool must be a protocol error: ${unknown}`,
  );
}

// Which revision was agreed on is what the row is about, so it is looked at.
function speaks(revision) {
  return async (client) => {
    check(
      client.getNegotiatedProtocolVersion() === revision,
      `it is ${client.getNegotiatedProtocolVersion()}, not ${revision}`,
    );
    await listsAndCalls(client);
  };
}

async function plugin(client) {
  const { tools } = await client.listTools();
  check(tools.length === 2 && tools.some((tool) => tool.name === "shout"), tools.map((tool) => tool.name).join());
  const shout = await client.callTool({ name: "shout", arguments: { text: "ahoy" } });
  check(textOf(shout) === "AHOY!", JSON.stringify(shout));
  const seen = [];
  const count = await client.callTool(
    { name: "count_to", arguments: { last: 3 } },
    { onprogress: (progress) => seen.push(progress) },
  );
  check(count.structuredContent.result === 3, JSON.stringify(count));
  check(seen.length > 0 && seen.at(-1).progress === 3 && seen.at(-1).total === 3, `progress: ${JSON.stringify(seen)}`);
  const refused = await client.callTool({ name: "count_to", arguments: { last: -1 } });
  check(refused.isError === true && /count up to -1/.test(textOf(refused)), JSON.stringify(refused));
}

async function fiftyAtOnce(client) {
  const calls = Array.from({ length: 50 }, (_, i) =>
    client.callTool({ name: "calculator", arguments: { expression: `${i} * 2` } }),
  );
  const answers = await Promise.all(calls);
  answers.forEach((answer, i) => check(answer.structuredContent.result === i * 2, `${i}: ${JSON.stringify(answer)}`));
}

async function inspectorChecks() {
  const stdio = ["--transport", "stdio"];
  await row("inspector: schemas pass its portability lint", async () => {
    const served = [fairlead, "mcp", "serve", "--builtin", "--plugin", pluginFile];
    const result = await run("mcp-inspector", ["--cli", ...served, ...stdio, "--method", "tools/list", "--strict"]);
    check(
      result.code === 0 && result.out.includes("calculator") && result.out.includes("shout"),
      `exit ${result.code}: ${result.err}${result.out}`,
    );
  });
  await row("inspector: the files of a skill are what their digests say", async () => {
    const root = process.env.FL_ROOT;
    const skills = join(root, "tests/interop/conformance/skills");
    const served = [join(root, "build/conformance-server"), "--skills", skills, ...stdio];
    const how = ["--protocol-era", "modern", "--method", "skills/list", "--verify", "--format", "json", "-q"];
    const result = await run("mcp-inspector", ["--cli", ...served, ...how]);
    check(result.code === 0, `exit ${result.code}: ${result.err}${result.out}`);
    const { files } = JSON.parse(result.out.trim().split("\n")[0]);
    check(files.length === 2 && files.every((file) => file.status === "verified"), result.out);
  });
}

// One endpoint for both eras, at the same time.
async function overHttp() {
  const server = await serve((port) => [fairlead, "mcp", "serve", "--http", `127.0.0.1:${port}`]);
  const at = () => new StreamableHTTPClientTransport(new URL(server.url));
  await row("official client over HTTP, legacy: lists, calls and errors", () =>
    withClient(undefined, speaks("2025-11-25"), at()),
  );
  await row("official client over HTTP, modern: lists, calls and errors", () =>
    withClient({ pin: "2026-07-28" }, speaks("2026-07-28"), at()),
  );
  await row("official clients over HTTP, four of each era: 400 calls at once", () =>
    Promise.all(
      [undefined, { pin: "2026-07-28" }].flatMap((mode) =>
        Array.from({ length: 4 }, () => withClient(mode, fiftyAtOnce, at())),
      ),
    ).then(() => undefined),
  );
  await server.stop();
}

// A legacy session is in a file: the server is killed between two calls, and the client does not notice.
async function acrossKill() {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-sessions-"));
  const start = (port) => {
    const log = ["--session-log", join(folder, "sessions.db")];
    return [fairlead, "mcp", "serve", "--http", `127.0.0.1:${port}`, ...log];
  };
  const sum = async (client, text, result) => {
    const answer = await client.callTool({ name: "calculator", arguments: { expression: text } });
    check(answer.structuredContent?.result === result, JSON.stringify(answer));
  };
  await row("official client, legacy: its session goes on after the server was killed", async () => {
    let server = await serve(start);
    const transport = new StreamableHTTPClientTransport(new URL(server.url));
    const body = async (client) => {
      await sum(client, "1 + 1", 2);
      const session = transport.sessionId;
      await server.stop("SIGKILL");
      server = await serve(start, { port: server.port });
      await sum(client, "2 + 2", 4);
      check(session !== undefined && transport.sessionId === session, `another session: ${transport.sessionId}`);
    };
    await withClient(undefined, body, transport).finally(() => server.stop());
  });
  rmSync(folder, { recursive: true });
}

export async function clients() {
  await inspectorChecks();
  await row("official client, its default (legacy)", () => withClient(undefined, speaks("2025-11-25")));
  await row("official client, auto", () => withClient("auto", speaks("2026-07-28")));
  await row("official client, pinned to 2026-07-28", () => withClient({ pin: "2026-07-28" }, speaks("2026-07-28")));
  for (const [era, mode] of [
    ["legacy", undefined],
    ["modern", { pin: "2026-07-28" }],
  ]) {
    await row(`official client, ${era}: 50 calls at once`, () => withClient(mode, fiftyAtOnce));
    await row(`official client, ${era}: the tools of a plugin`, () =>
      withClient(mode, plugin, overStdio("--plugin", pluginFile)),
    );
  }
  await overHttp();
  await acrossKill();
}
