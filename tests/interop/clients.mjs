// SPDX-License-Identifier: MIT
// Clients that others wrote, against `fairlead mcp serve` over standard input and output, in both eras.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { check, row, run } from "./tap.mjs";

const fairlead = process.env.FAIRLEAD;

async function inspector(era, args) {
  const result = await run("mcp-inspector", ["--cli", fairlead, "mcp", "serve", "--transport", "stdio", "--protocol-era", era,
    ...args, "--format", "json", "-q"]);
  check(result.code === 0, `inspector exited with ${result.code}: ${result.err}${result.out}`);
  return JSON.parse(result.out);
}

async function withClient(mode, body) {
  const client = new Client({ name: "interop", version: "1" }, mode ? { versionNegotiation: { mode } } : {});
  await client.connect(new StdioClientTransport({ command: fairlead, args: ["mcp", "serve"], stderr: "inherit" }));
  try {
    await body(client);
  } finally {
    await client.close();
  }
}

async function listsAndCalls(client) {
  const { tools } = await client.listTools();
  check(tools.some((tool) => tool.name === "calculate"), `no calculate among ${tools.map((tool) => tool.name)}`);
  const good = await client.callTool({ name: "calculate", arguments: { expression: "(3 + 5) * 12" } });
  check(!good.isError && JSON.stringify(good).includes("96"), `not 96: ${JSON.stringify(good)}`);
  const bad = await client.callTool({ name: "calculate", arguments: { expression: 7 } });
  check(bad.isError === true, `wrong arguments must be an error that the model sees: ${JSON.stringify(bad)}`);
}

export async function clients() {
  for (const era of ["legacy", "modern"]) {
    await row(`inspector, ${era}: tools/list`, async () => {
      const list = await inspector(era, ["--method", "tools/list"]);
      check(JSON.stringify(list).includes("calculate"), JSON.stringify(list));
    });
    await row(`inspector, ${era}: tools/call`, async () => {
      const answer = await inspector(era, ["--method", "tools/call", "--tool-name", "calculate", "--tool-arg", "expression=2^10"]);
      check(JSON.stringify(answer).includes("1024"), JSON.stringify(answer));
    });
  }
  await row("inspector: schemas pass its portability lint", async () => {
    const result = await run("mcp-inspector", ["--cli", fairlead, "mcp", "serve", "--transport", "stdio", "--method", "tools/list", "--strict"]);
    check(result.code === 0, `exit ${result.code}: ${result.err}`);
  });
  await row("official client, its default (legacy)", () => withClient(undefined, listsAndCalls));
  await row("official client, auto", () => withClient("auto", listsAndCalls));
  await row("official client, pinned to 2026-07-28", () => withClient({ pin: "2026-07-28" }, listsAndCalls));
  await row("official client: 50 calls at once", () => withClient({ pin: "2026-07-28" }, async (client) => {
    const calls = Array.from({ length: 50 }, (_, i) => client.callTool({ name: "calculate", arguments: { expression: `${i} * 2` } }));
    const answers = await Promise.all(calls);
    answers.forEach((answer, i) => check(JSON.stringify(answer).includes(String(i * 2)), `${i}: ${JSON.stringify(answer)}`));
  }));
}
