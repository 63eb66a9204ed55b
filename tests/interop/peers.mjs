// SPDX-License-Identifier: MIT
// Where the peers are, and programs that serve at a URL of this machine while a test runs.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { check } from "./tap.mjs";

export const fairlead = process.env.FAIRLEAD;
export const pluginFile = join(process.env.FL_ROOT, "build/test-plugin.so");
export const node = (file, ...args) => ["node", join(process.cwd(), file), ...args];

// A Python peer's command, or null where its generation of the packages did not install (run.sh says why).
export function pythonPeer(file, ...args) {
  const folder = process.env.FL_MCP_PYTHON + (file.endsWith("1.py") ? "-1" : "");
  const python = join(folder, "bin/python");
  if (!existsSync(join(folder, "installed.txt"))) return null;
  return [python, join(process.env.FL_ROOT, "tests/interop/python", file), ...args];
}

// Their servers and bridges listen on loopback only, look for no newer version of themselves, and keep nothing at home.
export const peerEnv = (folder) => ({
  NODE_OPTIONS: `--require=${join(process.cwd(), "loopback.cjs")}`,
  FASTMCP_CHECK_FOR_UPDATES: "off",
  FASTMCP_HOME: join(folder, "fastmcp"),
  MCP_REMOTE_CONFIG_DIR: join(folder, "mcp-remote"),
  MEMORY_FILE_PATH: join(folder, "memory.jsonl"),
  PYTHONDONTWRITEBYTECODE: "1",
});

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => (socket.destroy(), resolve(true)));
    socket.on("error", () => resolve(false));
  });
}

// Runs `command(port)` until `stop` is called; it is there when it accepts connections. `stop` tells its exit status.
export async function serve(command, { env = {}, timeout = 30000, port: given } = {}) {
  const port = given ?? (await freePort());
  const [program, ...args] = command(port);
  const child = spawn(program, args, {
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let err = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (data) => (err = (err + data).slice(-4000)));
  const ended = new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: -1, err: String(error) }));
    child.on("close", (code, signal) => resolve({ code, signal, err }));
  });
  let isGone = false;
  ended.then(() => (isGone = true));
  const until = Date.now() + timeout;
  while (!isGone && !(await accepts(port)) && Date.now() < until) await delay(50);
  const stop = async (signal = "SIGTERM") => {
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), 5000);
    if (!isGone) child.kill(signal);
    return ended.finally(() => clearTimeout(timer));
  };
  if (isGone || Date.now() >= until) {
    const { err: text } = await stop();
    check(false, `${command(port).join(" ")} serves nothing: ${text}`);
  }
  return { port, url: `http://127.0.0.1:${port}/mcp`, stop };
}
