// SPDX-License-Identifier: MIT
// The graphs of ../graphs.c on LangGraphJS. Prints a line of JSON for each figure: peer, name, value, unit.
//   node peer.mjs JOB FOLDER    JOB: runs durable talk delta start waiting flight durable-flight
// With FL_BENCH_WHOLE=1 a conversation takes all its turns to 5,000 messages: many minutes, and gigabytes.
import fs from "node:fs";
import path from "node:path";
import { Annotation, Command, END, MessagesAnnotation, Send, START, StateGraph, interrupt } from "@langchain/langgraph";

const [job, folder] = process.argv.slice(2);
const text = "x".repeat(200);
const isWhole = process.env.FL_BENCH_WHOLE === "1";
const say = (name, value, unit, more = {}) =>
  console.log(JSON.stringify({ peer: "langgraphjs", name, value: +value.toFixed(3), unit, ...more }));

const State = Annotation.Root({
  n: Annotation({ reducer: (a, b) => a + b, default: () => 0 }),
  out: Annotation({ reducer: (a, b) => a.concat(b), default: () => [] }),
  ...MessagesAnnotation.spec,
});
const addOne = () => ({ n: 1 });

function chain() {
  const graph = new StateGraph(State);
  for (const name of "abc") graph.addNode(name, addOne);
  return graph.addEdge(START, "a").addEdge("a", "b").addEdge("b", "c").addEdge("c", END);
}

function fan() {
  const names = [..."abcde"];
  const graph = new StateGraph(State).addNode("last", addOne);
  for (const name of names) graph.addNode(name, addOne).addEdge(START, name);
  return graph.addEdge(names, "last").addEdge("last", END);
}

const sends = (count) =>
  new StateGraph(State)
    .addNode("plan", () => ({}))
    .addNode("work", (state) => ({ out: [state.i] }))
    .addEdge(START, "plan")
    .addConditionalEdges("plan", () => Array.from({ length: count }, (_, i) => new Send("work", { i })), ["work"])
    .addEdge("work", END);

const loop = (steps) =>
  new StateGraph(State)
    .addNode("add", addOne)
    .addEdge(START, "add")
    .addConditionalEdges("add", (state) => (state.n >= steps ? END : "add"), ["add", END]);

const answer = () => ({ messages: [{ role: "assistant", content: text }] });
const talk = (state = State) => new StateGraph(state).addNode("answer", answer).addEdge(START, "answer").addEdge("answer", END);
const waitingGraph = (second) =>
  new StateGraph(State).addNode("answer", answer).addNode("second", second)
    .addEdge(START, "answer").addEdge("answer", "second").addEdge("second", END);

async function react(calls, checkpointer) {
  const { createReactAgent } = await import("@langchain/langgraph/prebuilt");
  const { BaseChatModel } = await import("@langchain/core/language_models/chat_models");
  const { AIMessage } = await import("@langchain/core/messages");
  const { tool } = await import("@langchain/core/tools");
  const { z } = await import("zod");
  class Scripted extends BaseChatModel {
    _llmType() { return "scripted"; }
    bindTools() { return this; }
    async _generate(messages) {
      const last = messages.at(-1);
      const a = last.getType() === "tool" ? Number(last.content) : 0;
      const message = a >= calls ? new AIMessage("done")
        : new AIMessage({ content: "", tool_calls: [{ name: "add", args: { a, b: 1 }, id: `call-${a}`, type: "tool_call" }] });
      return { generations: [{ text: "", message }] };
    }
  }
  const add = tool(async ({ a, b }) => String(a + b),
    { name: "add", description: "Adds two numbers.", schema: z.object({ a: z.number(), b: z.number() }) });
  return createReactAgent({ llm: new Scripted({}), tools: [add], checkpointer });
}

async function saver(name) {
  const { SqliteSaver } = await import("@langchain/langgraph-checkpoint-sqlite");
  return SqliteSaver.fromConnString(path.join(folder, name));
}

const config = (thread, more = {}) => ({ configurable: { thread_id: thread }, recursionLimit: 10000, ...more });
const size = (name) => ["", "-wal"].map((end) => path.join(folder, name + end))
  .reduce((sum, file) => sum + (fs.existsSync(file) ? fs.statSync(file).size : 0), 0);
const middle = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const user = () => ({ messages: [{ role: "user", content: text }] });
const residentKb = () => { globalThis.gc?.(); return process.memoryUsage().rss / 1024; };

async function bestUs(app, times, rounds = 5, start = () => ({ n: 0 })) {
  let best = 1e12;
  for (let i = 0; i < Math.max(3, times); i++) await app.invoke(start(), config("warm"));
  for (let round = 0; round < rounds; round++) {
    const begin = process.cpuUsage();
    for (let i = 0; i < times; i++) await app.invoke(start(), config("none"));
    const used = process.cpuUsage(begin);
    best = Math.min(best, (used.user + used.system) / times);
  }
  return best;
}

async function durableRate(app, start, steps, thread) {
  const begin = performance.now();
  await app.invoke(start, config(thread, { durability: "sync" }));
  return steps / (performance.now() - begin) * 1e3;
}

async function turnUs(app, thread) {
  const begin = performance.now();
  await app.invoke(user(), config(thread, { durability: "sync" }));
  return (performance.now() - begin) * 1e3;
}

// What the database has in it, wherever its pages are, in MB.
const pagesMb = (db) => db.pragma("page_count", { simple: true }) * db.pragma("page_size", { simple: true }) / 1e6;

// Turns on the thread "t" to 10, 100, 1,000 (and 5,000) messages; the megabytes that a turn adds at the end.
async function grow(app, name, prefix) {
  let count = 0, before = 0;
  for (const mark of isWhole ? [10, 100, 1000, 5000] : [10, 100, 1000]) {
    const times = [];
    for (; count < mark; count += 2) {
      if (count === mark - 22) before = pagesMb(app.checkpointer.db);
      times.push(await turnUs(app, "t"));
    }
    say(`${prefix}turn-${mark}`, middle(times.slice(-11)), "us");
    say(`${prefix}bytes-${mark}`, size(name) / 1e6, "MB");
  }
  return (pagesMb(app.checkpointer.db) - before) / 11;
}

// A thread that gets 4,990 messages at once, since as many turns would take a quarter of an hour; then five turns.
async function long(app, name, prefix, added) {
  const messages = Array.from({ length: 4990 }, (_, i) => ({ role: i % 2 ? "assistant" : "user", content: text }));
  const atThousand = size(name) / 1e6;
  await app.updateState(config("long"), { messages }, "answer");
  const times = [], before = pagesMb(app.checkpointer.db);
  for (let i = 0; i < 5; i++) times.push(await turnUs(app, "long"));
  say(`${prefix}turn-5000`, middle(times), "us");
  if (prefix !== "") return; // what a delta adds does not grow evenly, so nothing can be said of the turns left out
  const last = (pagesMb(app.checkpointer.db) - before) / 5;
  say("bytes-5000", atThousand + 2000 * (added + last) / 2, "MB", { reckoned: true });
}

async function converse(state, name, prefix) {
  const app = talk(state).compile({ checkpointer: await saver(name) });
  const added = await grow(app, name, prefix);
  if (!isWhole) await long(app, name, prefix, added);
  app.checkpointer.db.close();
  const again = talk(state).compile({ checkpointer: await saver(name) });
  say(`${prefix}resume-5000`, await turnUs(again, isWhole ? "t" : "long") / 1e3, "ms");
}

async function fly(checkpointer, name) {
  let open, before = 0, pending = 0;
  const gate = new Promise((resolve) => { open = resolve; });
  const app = waitingGraph(async () => { pending++; await gate; return { n: 1 }; }).compile({ checkpointer });
  const runs = [];
  for (const mark of [200, 1200]) {
    before = residentKb();
    while (runs.length < mark) {
      for (let i = 0; i < 50; i++) runs.push(app.invoke(user(), config(`f${runs.length}`, { durability: "sync" })));
      while (pending < runs.length) await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  say(name, (residentKb() - before) * 1024 / 1000, "B");
  open();
  await Promise.all(runs);
}

const jobs = {
  async runs() {
    say("chain-3", await bestUs(chain().compile(), 50), "us");
    say("fan-5-join", await bestUs(fan().compile(), 30), "us");
    say("sends-100", await bestUs(sends(100).compile(), 5), "us");
    say("sends-1000", await bestUs(sends(1000).compile(), 1), "us");
    say("steps", 500 / await bestUs(loop(500).compile(), 1) * 1e6, "/s");
    say("react-steps", 201 / await bestUs(await react(100), 1, 3, user) * 1e6, "/s");
  },
  async durable() {
    const app = loop(200).compile({ checkpointer: await saver("js-durable.db") });
    const agent = await react(50, await saver("js-react.db"));
    const rates = [], agentRates = [];
    for (let i = 0; i < 4; i++) rates.push(await durableRate(app, { n: 0 }, 200, `t${i}`));
    say("durable-steps-1", Math.max(...rates), "/s");
    for (let i = 0; i < 3; i++) agentRates.push(await durableRate(agent, user(), 101, `r${i}`));
    say("durable-react-steps", Math.max(...agentRates), "/s");
  },
  talk: () => converse(State, "js-talk.db", ""),
  async delta() {
    const { DeltaChannel, messagesDeltaReducer } = await import("@langchain/langgraph");
    const messages = () => new DeltaChannel(messagesDeltaReducer, { initialValueFactory: () => [] });
    await converse(Annotation.Root({ messages }), "js-delta.db", "delta-");
  },
  async start() {
    let at = 0;
    const first = () => { at = performance.now(); return { n: 1 }; };
    await new StateGraph(State).addNode("first", first).addEdge(START, "first").addEdge("first", END).compile().invoke({});
    say("start-run-to-first-step", at, "ms"); // performance.now counts from the start of the process
  },
  async waiting() {
    const app = waitingGraph(() => ({ n: interrupt("go on?") ? 1 : 0 })).compile({ checkpointer: await saver("js-waiting.db") });
    let before = 0;
    for (let i = 0; i < 1500; i++) {
      if (i === 500) before = residentKb();
      await app.invoke(user(), config(`w${i}`, { durability: "sync" }));
    }
    say("bytes-per-waiting-thread", (residentKb() - before) * 1024 / 1000, "B");
    const times = [];
    for (let i = 0; i < 100; i++) {
      const begin = performance.now();
      await app.invoke(new Command({ resume: true }), config(`w${i}`, { durability: "sync" }));
      times.push((performance.now() - begin) * 1e3);
    }
    say("resume-waiting", middle(times), "us");
  },
  flight: () => fly(undefined, "bytes-per-flight"),
  "durable-flight": async () => fly(await saver("js-flight.db"), "bytes-per-durable-flight"),
};
await jobs[job]();
