// SPDX-License-Identifier: MIT
// A table: what servers that others wrote offer beside tools, and ask while one runs, used by a client on our public
// headers (visitor.c). One line per server, era and transport; "-" is what a server does not do.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { node, peerEnv, pythonPeer, serve } from "./peers.mjs";
import { check, Matrix, row, run, skipped } from "./tap.mjs";

const visitor = join(process.env.FL_ROOT, "build/interop-visitor");
const answers = {
  form: { name: "Ann", color: "blue" },
  says: "Paris",
  roots: [{ uri: "file:///srv/ship", name: "ship" }],
};

const textOf = ({ content }) => content.map((block) => block.text ?? "").join("\n");
const promptOf = ({ messages }) => messages[0].content.text;
const resourceOf = ({ contents }) => contents[0].text;
const tool = (name, params = {}) => ({ tool: name, params });

// Each feature: the step, and what must be found in its result, by which look.
const ours = {
  prompt: [{ method: "prompts/get", params: { name: "greet", arguments: { name: "Ann" } } }, promptOf, /^Greet Ann\.$/],
  resource: [{ method: "resources/read", params: { uri: "note://first" } }, resourceOf, /^the first note$/],
  template: [{ method: "resources/read", params: { uri: "note://by-id/7" } }, resourceOf, /^note 7$/],
  elicitation: [tool("ask_name"), textOf, /^Hello, Ann!$/],
  sampling: [tool("ask_model"), textOf, /^It says Paris$/],
  roots: [tool("ask_roots"), textOf, /^file:\/\/\/srv\/ship$/],
  twice: [tool("ask_twice"), textOf, /^Ann likes blue$/],
  progress: [tool("steps"), (_, all) => all.progress.join(), /^1\/3,2\/3,3\/3$/],
  log: [tool("logs"), (_, all) => all.log.join("\n"), /half way/],
};
const pick = (...names) => Object.fromEntries(names.map((name) => [name, ours[name]]));

const argument = {
  ref: { type: "ref/prompt", name: "completable-prompt" },
  argument: { name: "department", value: "Eng" },
};
const city = { name: "args-prompt", arguments: { city: "Paris" } };
const everything = {
  prompt: [{ method: "prompts/get", params: city }, promptOf, /weather in Paris/],
  resource: [
    { method: "resources/read", params: { uri: "demo://resource/static/document/features.md" } },
    resourceOf,
    /Everything Server/,
  ],
  template: [
    { method: "resources/read", params: { uri: "demo://resource/dynamic/text/7" } },
    resourceOf,
    /^Resource 7/,
  ],
  completion: [
    { method: "completion/complete", params: argument },
    ({ completion }) => completion.values.join(),
    /^Engineering$/,
  ],
  progress: [
    tool("trigger-long-running-operation", { duration: 0.3, steps: 3 }),
    (_, all) => all.progress.join(),
    /^1\/3,2\/3,3\/3$/,
  ],
  elicitation: [tool("trigger-elicitation-request"), textOf, /Name: Ann/],
  sampling: [tool("trigger-sampling-request", { prompt: "Which capital?", maxTokens: 10 }), textOf, /"text": "Paris"/],
  roots: [tool("get-roots-list"), textOf, /file:\/\/\/srv\/ship/],
};

const typescript = pick("prompt", "resource", "template", "elicitation", "sampling", "roots", "twice");
const python1 = pick("prompt", "resource", "template", "elicitation", "sampling", "roots", "progress", "log");
const fastmcp = pick("prompt", "resource", "template", "progress", "log"); // it asks older clients only

const modern = "2026-07-28",
  legacy = "2025-11-25";

// Name, features, revision (asked for when it is not what they agree on by themselves), and how to start it.
const servers = () => [
  [
    "server-everything",
    everything,
    undefined,
    {
      stdio: ["mcp-server-everything", "stdio"],
      HTTP: () => ["mcp-server-everything", "streamableHttp"],
      "HTTP+SSE": () => ["mcp-server-everything", "sse"],
    },
  ],
  [
    "TypeScript v2, modern",
    typescript,
    modern,
    {
      stdio: node("tsasking.mjs"),
      HTTP: (port) => node("tsasking.mjs", String(port)),
    },
  ],
  ["TypeScript v2, legacy", typescript, legacy, { stdio: node("tsasking.mjs") }],
  [
    "Python mcp 1",
    python1,
    undefined,
    {
      stdio: pythonPeer("server1.py"),
      HTTP: (port) => pythonPeer("server1.py", String(port)),
      "HTTP+SSE": (port) => pythonPeer("server1.py", String(port), "sse"),
    },
  ],
  [
    "fastmcp, modern",
    fastmcp,
    modern,
    {
      stdio: pythonPeer("server.py"),
      HTTP: (port) => pythonPeer("server.py", String(port)),
    },
  ],
  [
    "fastmcp, legacy",
    { ...fastmcp, ...pick("elicitation") },
    legacy,
    {
      stdio: pythonPeer("server.py"),
      HTTP: (port) => pythonPeer("server.py", String(port)),
    },
  ],
];

let folder;

async function visit(features, revision, transport, start) {
  if (start === null || (transport !== "stdio" && start(0) === null))
    return skipped("the Python packages did not install");
  const steps = Object.fromEntries(Object.entries(features).map(([feature, [step]]) => [feature, step]));
  const plan = JSON.stringify({ ...answers, ...(revision && { revision }), steps });
  const server = transport === "stdio" ? null : await serve(start, { env: peerEnv(folder) });
  const path = transport === "HTTP+SSE" ? "sse" : "mcp";
  const target = server ? [`http://127.0.0.1:${server.port}/${path}`] : ["--", ...start];
  try {
    const { code, out, err } = await run(visitor, [plan, ...target], { env: peerEnv(folder) });
    check(code === 0, `exit ${code}: ${err.slice(-2000)}`);
    return JSON.parse(out);
  } finally {
    await server?.stop();
  }
}

// ---- servers that are started again in the middle of a visit, and know our session no more ----

const forgetful = () => [
  ["server-everything", ["get-sum", { a: 2, b: 40 }], () => ["mcp-server-everything", "streamableHttp"]],
  ["TypeScript v1", ["add", { a: 2, b: 40 }], (port) => node("tsserver1.mjs", String(port))],
  ["Python mcp 1", ["add", { a: 2, b: 40 }], (port) => pythonPeer("server1.py", String(port))],
];

// What the visitor says when its plan is done; `whenWaiting` is called when it has come to the step that waits.
function visitWith(plan, url, whenWaiting) {
  return new Promise((resolve, reject) => {
    const child = spawn(visitor, [JSON.stringify(plan), url]);
    let out = "",
      err = "",
      isWaiting = false;
    child.stdout.setEncoding("utf8").on("data", (data) => (out += data));
    child.stderr.setEncoding("utf8").on("data", (data) => {
      err += data;
      if (isWaiting || !/^waiting$/m.test(err)) return;
      isWaiting = true;
      whenWaiting().then(() => child.stdin.end("\n"), reject);
    });
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(JSON.parse(out)) : reject(new Error(`exit ${code}: ${err.slice(-2000)}`)),
    );
  });
}

async function restarted([name, params], start) {
  if (start(0) === null) return skipped("the Python packages did not install");
  const options = { env: peerEnv(folder) };
  let server = await serve(start, options);
  const again = async () => {
    await server.stop("SIGKILL");
    server = await serve(start, { ...options, port: server.port });
  };
  const plan = { ...answers, steps: { before: tool(name, params), waits: { waits: true }, after: tool(name, params) } };
  try {
    const { steps } = await visitWith(plan, server.url, again);
    check(/\b42\b/.test(textOf(steps.before)), JSON.stringify(steps.before));
    check(!steps.after.failed && /\b42\b/.test(textOf(steps.after)), JSON.stringify(steps.after));
  } finally {
    await server.stop();
  }
}

export async function matrixVisits() {
  folder = mkdtempSync(join(tmpdir(), "fairlead-visits-"));
  const columns = [...new Set([...Object.keys(everything), ...Object.keys(ours)])];
  const table = new Matrix("our client, what theirs offers and asks", columns);
  for (const [name, features, revision, starts] of servers())
    for (const [transport, start] of Object.entries(starts)) {
      const seen = visit(features, revision, transport, start);
      seen.catch(() => {}); // every cell of the line tells it
      for (const [feature, [, look, pattern]] of Object.entries(features))
        await table.cell(`${name}, ${transport}`, feature, async () => {
          const all = await seen;
          const { [feature]: result } = all.steps;
          check(!result.failed, result.failed);
          check(pattern.test(look(result, all)), `not ${pattern}: ${JSON.stringify(result)} ${look(result, all)}`);
          check(all.about.protocolVersion === (revision ?? legacy), `it speaks ${all.about.protocolVersion}`);
        });
    }
  table.print();
  for (const [name, call, start] of forgetful())
    await row(`${name} is started again: our client begins another session and goes on`, () => restarted(call, start));
  rmSync(folder, { recursive: true });
}
