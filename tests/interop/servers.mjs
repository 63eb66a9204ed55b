// SPDX-License-Identifier: MIT
// Our client against servers that others wrote: more than the table of matrix_servers.mjs asks of each.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fairlead, node } from "./peers.mjs";
import { check, row, run } from "./tap.mjs";

async function list(command) {
  const result = await run(fairlead, ["mcp", "list", "--json", "--", ...command]);
  check(result.code === 0, `exit ${result.code}: ${result.err}`);
  return result.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

async function call(tool, args, command) {
  const result = await run(fairlead, ["mcp", "call", tool, JSON.stringify(args), "--json", "--", ...command]);
  return { ...result, answer: result.out ? JSON.parse(result.out.trim().split("\n").pop()) : null };
}

const textOf = (result) => result.answer.content.map((block) => block.text ?? "").join("\n");

export async function servers() {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-interop-"));
  writeFileSync(join(folder, "hello.txt"), "hello from a file\n");

  await row("server-everything: list", async () => {
    const tools = await list(["mcp-server-everything", "stdio"]);
    check(tools.length >= 5 && tools.some((tool) => tool.name === "echo"), tools.map((tool) => tool.name).join());
  });
  await row("server-everything: echo", async () => {
    const result = await call("echo", { message: "over here" }, ["mcp-server-everything", "stdio"]);
    check(result.code === 0 && textOf(result).includes("over here"), result.err + result.out);
  });
  await row("server-everything: structured content", async () => {
    const result = await call("get-structured-content", { location: "New York" }, ["mcp-server-everything", "stdio"]);
    check(result.code === 0 && result.answer.structuredContent, result.err + result.out);
  });
  await row("server-everything: a long operation with progress", async () => {
    const result = await run(fairlead, [
      "mcp",
      "call",
      "trigger-long-running-operation",
      JSON.stringify({ duration: 1, steps: 4 }),
      "--",
      "mcp-server-everything",
      "stdio",
    ]);
    check(result.code === 0 && /\/4/.test(result.err), `exit ${result.code}: ${result.err}${result.out}`);
  });
  await row("server-everything: wrong arguments are told before they are sent", async () => {
    const result = await run(fairlead, ["mcp", "call", "echo", "{}", "--", "mcp-server-everything", "stdio"]);
    check(result.code === 2 && result.err.includes("message"), `exit ${result.code}: ${result.err}`);
  });
  await row("server-filesystem: list and read", async () => {
    const command = ["mcp-server-filesystem", folder];
    check(
      (await list(command)).some((tool) => tool.name === "read_text_file"),
      "no read_text_file",
    );
    const result = await call("read_text_file", { path: join(folder, "hello.txt") }, command);
    check(result.code === 0 && textOf(result).includes("hello from a file"), result.err + result.out);
  });
  await row("server-filesystem: a refusal comes back as an error", async () => {
    const result = await call("read_text_file", { path: "/etc/hostname" }, ["mcp-server-filesystem", folder]);
    check(result.code === 1 && result.answer.isError, `exit ${result.code}: ${result.out}`);
  });
  await row("server-memory: write and read", async () => {
    const env = { MEMORY_FILE_PATH: join(folder, "memory.jsonl") };
    const entities = [{ name: "ship", entityType: "thing", observations: ["it has a fairlead"] }];
    const args = (tool, value) => ["mcp", "call", tool, JSON.stringify(value), "--", "mcp-server-memory"];
    const written = await run(fairlead, args("create_entities", { entities }), { env });
    check(written.code === 0, written.err);
    const read = await run(fairlead, args("read_graph", {}), { env });
    check(read.code === 0 && read.out.includes("it has a fairlead"), read.err + read.out);
  });
  const official = node("tsserver.mjs");
  await row("official server: list, and structured content", async () => {
    check(
      (await list(official))
        .map((tool) => tool.name)
        .sort()
        .join() === "add,envelope,fail,repeat,steps",
      "other tools",
    );
    const result = await call("add", { a: 1, b: 2 }, official);
    check(result.code === 0 && result.answer.structuredContent.sum === 3, result.err + result.out);
  });
  await row("official server: our client speaks 2026-07-28 with it", async () => {
    const result = await call("envelope", {}, official);
    const envelope = JSON.parse(textOf(result));
    check(envelope["io.modelcontextprotocol/protocolVersion"] === "2026-07-28", result.out);
    check(envelope["io.modelcontextprotocol/clientInfo"].name === "fairlead", result.out);
  });
  await row("official server: a tool that throws", async () => {
    const result = await call("fail", {}, official);
    check(result.code === 1 && result.answer.isError && textOf(result) === "it was not to be", result.err + result.out);
  });
  await row("official server: progress", async () => {
    const result = await run(fairlead, ["mcp", "call", "steps", '{"last":3}', "--", ...official]);
    check(
      result.code === 0 && result.out.trim() === "there" && result.err.includes("3/3 stepping"),
      `exit ${result.code}: ${result.err}${result.out}`,
    );
  });
  await row("official server: a long text arrives whole, a longer one is refused by its size", async () => {
    const whole = await call("repeat", { size: 400000 }, official);
    check(whole.code === 0 && textOf(whole) === "ö".repeat(400000), `${whole.err}: ${whole.out.length} characters`);
    const refused = await call("repeat", { size: 700000 }, official);
    check(
      refused.code === 1 && /1400\d{3} bytes; 1048576/.test(refused.out + refused.err),
      `exit ${refused.code}: ${refused.out.slice(0, 500)}${refused.err}`,
    );
  });
  await row("a server that does not exist is told by name", async () => {
    const result = await run(fairlead, ["mcp", "list", "--", "no-such-server"]);
    check(result.code === 1 && result.err.includes("no-such-server"), `exit ${result.code}: ${result.err}`);
  });
  await row("a program that is no server is told with its last words", async () => {
    const result = await run(fairlead, ["mcp", "list", "--", "sh", "-c", "echo bad luck >&2; exit 3"]);
    check(result.code === 1 && result.err.includes("bad luck"), `exit ${result.code}: ${result.err}`);
  });
  rmSync(folder, { recursive: true });
}
