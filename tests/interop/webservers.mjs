// SPDX-License-Identifier: MIT
// Our client against a server that others wrote, over Streamable HTTP and over the older HTTP+SSE: more than the
// table of matrix_servers.mjs asks of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fairlead, peerEnv, serve } from "./peers.mjs";
import { check, row, run } from "./tap.mjs";

async function rows(transport, url) {
  await row(`server-everything over ${transport}: inspect`, async () => {
    const result = await run(fairlead, ["mcp", "inspect", "--json", url]);
    check(result.code === 0, `exit ${result.code}: ${result.err}`);
    const all = JSON.parse(result.out);
    check(all.era === "legacy" && all.protocolVersion === "2025-11-25", `${all.era} ${all.protocolVersion}`);
    check(all.tools.length >= 5 && all.prompts.length >= 1 && all.resources.length >= 1, result.out.slice(0, 500));
  });
  await row(`server-everything over ${transport}: a long operation with progress`, async () => {
    const args = ["mcp", "call", "trigger-long-running-operation", '{"duration":1,"steps":4}', "--url", url];
    const result = await run(fairlead, args);
    check(result.code === 0 && /4\/4/.test(result.err), `exit ${result.code}: ${result.err}${result.out}`);
  });
}

export async function webServers() {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-web-"));
  for (const transport of ["streamableHttp", "sse"]) {
    const server = await serve(() => ["mcp-server-everything", transport], { env: peerEnv(folder) });
    await rows(transport, transport === "sse" ? `http://127.0.0.1:${server.port}/sse` : server.url);
    await server.stop();
  }
  rmSync(folder, { recursive: true });
}
