// SPDX-License-Identifier: MIT
// Our client against a server that others wrote, over Streamable HTTP and over the older HTTP+SSE.
import { spawn } from "node:child_process";
import net from "node:net";
import { join } from "node:path";
import { check, row, run } from "./tap.mjs";

const fairlead = process.env.FAIRLEAD;
const everything = join(process.cwd(), "node_modules/@modelcontextprotocol/server-everything/dist/index.js");

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function isUp(port) {
  for (let i = 0; i < 200; i++) {
    const up = await new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.end());
    });
    if (up) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

async function withServer(transport, body) {
  const port = await freePort();
  const server = spawn(process.execPath, ["--import", "./loopback.mjs", everything, transport], {
    env: { ...process.env, PORT: String(port) },
    stdio: "ignore",
  });
  try {
    check(await isUp(port), "the server did not start");
    await body(port);
  } finally {
    server.kill("SIGKILL");
  }
}

export async function webServers() {
  for (const [transport, path] of [
    ["streamableHttp", "/mcp"],
    ["sse", "/sse"],
  ]) {
    await withServer(transport, async (port) => {
      const url = `http://127.0.0.1:${port}${path}`;
      await row(`server-everything over ${transport}: inspect`, async () => {
        const result = await run(fairlead, ["mcp", "inspect", "--json", url]);
        check(result.code === 0, `exit ${result.code}: ${result.err}`);
        const all = JSON.parse(result.out);
        check(all.era === "legacy" && all.protocolVersion === "2025-11-25", `${all.era} ${all.protocolVersion}`);
        check(all.tools.length >= 5 && all.prompts.length >= 1 && all.resources.length >= 1, result.out.slice(0, 500));
      });
      await row(`server-everything over ${transport}: a tool and its result`, async () => {
        const args = ["mcp", "call", "get-sum", '{"a":2,"b":3}', "--url", url];
        const result = await run(fairlead, args);
        check(result.code === 0 && result.out.includes("is 5"), `exit ${result.code}: ${result.err}${result.out}`);
      });
      await row(`server-everything over ${transport}: a long operation with progress`, async () => {
        const args = ["mcp", "call", "trigger-long-running-operation", '{"duration":1,"steps":4}', "--url", url];
        const result = await run(fairlead, args);
        check(result.code === 0 && /4\/4/.test(result.err), `exit ${result.code}: ${result.err}${result.out}`);
      });
    });
  }
}
