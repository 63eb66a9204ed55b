// SPDX-License-Identifier: MIT
// The graphs of ../graphs.c on LangGraphJS. Prints a line of JSON for each figure: peer, name, value, unit.
//   node peer.mjs JOB FOLDER    JOB: runs durable talk delta start waiting flight
import fs from "node:fs";
import path from "node:path";
import { Annotation, END, MessagesAnnotation, Send, START, StateGraph, interrupt } from "@langchain/langgraph";

const [job, folder] = process.argv.slice(2);
const text = "x".repeat(200);
const say = (name, value, unit) =>
  console.log(JSON.stringify({ peer: "langgraphjs", name, value: +value.toFixed(3), unit }));

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

async function converse(state, name, marks, prefix) {
  const app = talk(state).compile({ checkpointer: await saver(name) });
  let count = 0;
  for (const mark of marks) {
    const times = [];
    for (; count < mark; count += 2) times.push(await turnUs(app, "t"));
    say(`${prefix}turn-${mark}`, middle(times.slice(-11)), "us");
    say(`${prefix}bytes-${mark}`, size(name) / 1e6, "MB");
  }
  const again = talk(state).compile({ checkpointer: await saver(name) });
  return { app, again };
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
  async talk() {
    const { app } = await converse(State, "js-talk.db", [10, 100, 1000], "");
    // a snapshot of all messages a step would take gigabytes: the state is put there at once, and some turns added
    const messages = Array.from({ length: 4990 }, (_, i) => ({ role: i % 2 ? "assistant" : "user", content: text }));
    await app.updateState(config("long"), { messages }, "answer");
    const times = [];
    for (let i = 0; i < 5; i++) times.push(await turnUs(app, "long"));
    say("turn-5000", middle(times), "us");
    const again = talk().compile({ checkpointer: await saver("js-talk.db") });
    say("resume-5000", await turnUs(again, "long") / 1e3, "ms");
  },
  async delta() {
    const { DeltaChannel, messagesDeltaReducer } = await import("@langchain/langgraph");
    const messages = () => new DeltaChannel(messagesDeltaReducer, { initialValueFactory: () => [] });
    const { again } = await converse(Annotation.Root({ messages }), "js-delta.db", [100, 1000, 5000], "delta-");
    say("delta-resume-5000", await turnUs(again, "t") / 1e3, "ms");
  },
  async start() {
    let at = 0;
    const first = () => { at = performance.now(); return { n: 1 }; };
    await new StateGraph(State).addNode("first", first).addEdge(START, "first").addEdge("first", END).compile().invoke({});
    say("start-run-to-first-step", at, "ms"); // performance.now counts from the start of the process
  },
  async waiting() {
    const app = waitingGraph(() => ({ n: interrupt("go on?") })).compile({ checkpointer: await saver("js-waiting.db") });
    let before = 0;
    for (let i = 0; i < 1500; i++) {
      if (i === 500) before = residentKb();
      await app.invoke(user(), config(`w${i}`, { durability: "sync" }));
    }
    say("bytes-per-waiting-thread", (residentKb() - before) * 1024 / 1000, "B");
  },
  async flight() {
    let open, before = 0, pending = 0;
    const gate = new Promise((resolve) => { open = resolve; });
    const app = waitingGraph(async () => { pending++; await gate; return { n: 1 }; }).compile();
    const runs = [];
    for (const mark of [100, 600]) {
      before = residentKb();
      while (runs.length < mark) {
        for (let i = 0; i < 50; i++) runs.push(app.invoke(user(), config(`f${runs.length}`)));
        while (pending < runs.length) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    say("bytes-per-flight", (residentKb() - before) * 1024 / 500, "B");
    open();
    await Promise.all(runs);
  },
};
await jobs[job]();
