// SPDX-License-Identifier: MIT
// Plays the cases of tests/golden/semantics through LangGraph for JS and tells what each step came to, in the form of
// tests/semantics/README.md: a line {"name", "steps"} for each, "steps" a text when LangGraph has nothing like it.
// LangGraph's two checkpoints for an input are told as our one (docs/decisions/0001), and what docs/langgraph-differences.md
// lists for JS "in every run" as in Python.
import { readFileSync, writeSync } from "node:fs";

import { Command, GraphRecursionError, InvalidUpdateError, MemorySaver } from "@langchain/langgraph";
import { InMemoryCache } from "@langchain/langgraph-checkpoint";

import { Alone, Builder, NodeFailed } from "./build.mjs";
import { Failed } from "./expression.mjs";
import { Events, historyOf, stateOf, withNull } from "./look.mjs";
import { ScriptedModel, normaliseUpdate } from "./messages.mjs";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const WORDS = [[GraphRecursionError, "recursion"], [InvalidUpdateError, "graph"], [NodeFailed, "task"], [Failed, "expression"]];
const wordOf = (error) => WORDS.find(([kind]) => error instanceof kind)?.[1] ?? error.constructor.name;
const idOf = (snapshot) => snapshot.config.configurable.checkpoint_id;

// The stream of one step: updates within a superstep in the order of its tasks.
class Stream {
  entries = [];
  running = [];
  isStarting = false;
  isInterrupted = false;
  isPlain = false; // the modes that a step follows, as they come

  add(mode, data) {
    if (mode === "tasks") {
      if ("triggers" in data) this.start(data.name);
      return;
    }
    this.isStarting = false;
    if ("__interrupt__" in data) {
      this.isInterrupted = true;
      return;
    }
    if (mode === "updates") this.addUpdate(withNull(data));
    else this.entries.push([mode, data]);
  }

  start(name) {
    if (!this.isStarting) {
      this.running = [];
      this.entries.push(["run", this.running]);
      this.isStarting = true;
    }
    this.running.push(name);
  }

  addUpdate(data) {
    let at = this.entries.length;
    while (at > 0 && this.entries[at - 1][0] === "updates" && this.isBefore(data, this.entries[at - 1][1])) at--;
    this.entries.splice(at, 0, ["updates", data]);
  }

  isBefore(a, b) {
    const places = [a, b].map((data) => this.running.indexOf(Object.keys(data)[0]));
    return places[0] !== places[1] ? places[0] < places[1] : JSON.stringify(a) < JSON.stringify(b);
  }
}

class Play {
  open = [];
  known = [];
  numbers = new Map();
  last = {};

  constructor(data) {
    const shared = { files: data.files ?? {} };
    if (data.script) shared.model = new ScriptedModel(data.script);
    this.isGenerated = data.about === "generated";
    this.builder = new Builder(data.graph, shared);
    this.app = this.builder.compile({ checkpointer: new MemorySaver(), cache: new InMemoryCache() });
  }

  // -- doing --

  // Where a random graph is to end by the limit, the one after which LangGraph ends where we do: it runs a superstep more,
  // and two when it goes on from a checkpoint (docs/langgraph-differences.md, "The recursion limit").
  limitOf(step) {
    const limit = step.recursion_limit ?? 25;
    if (!this.isGenerated || step.expect?.error !== "recursion") return limit;
    return limit - ("input" in step ? 1 : 2);
  }

  configOf(step, key = "at") {
    const at = step[key] === undefined ? {} : { checkpoint_id: this.known[step[key]] };
    return { configurable: { thread_id: "t", checkpoint_ns: "", ...at } };
  }

  argumentOf(step) {
    if (step.command) {
      const { update, goto = [], ...more } = step.command;
      return new Command({ ...(update === undefined ? {} : { update }), goto: this.builder.gotos(goto, { state: {} }), ...more });
    }
    if ("resume" in step) return new Command({ resume: step.resume });
    if (step.answer) {
      const answers = Object.entries(step.answer).map(([at, answer]) => [this.open[at] ?? "0".repeat(32), answer]);
      return new Command({ resume: Object.fromEntries(answers) });
    }
    return step.input ? normaliseUpdate(step.input, this.builder.entries) : null;
  }

  async run(step, stream) {
    const how = { durability: step.durability ?? "sync", recursionLimit: this.limitOf(step),
      context: this.builder.contextOf(step.context), ...this.configOf(step) };
    if (step.max_concurrency) how.maxConcurrency = step.max_concurrency;
    if (step.follow) return await this.follow(step, stream, how);
    const found = await this.app.stream(this.argumentOf(step), { ...how, streamMode: ["values", "updates", "tasks"] });
    for await (const [mode, data] of found) stream.add(mode, structuredClone(data));
  }

  async follow(step, stream, how) {
    const events = new Events();
    stream.entries = events.entries;
    stream.isPlain = true;
    const wanted = { ...how, streamMode: step.follow, subgraphs: true };
    for await (const [ns, mode, data] of await this.app.stream(this.argumentOf(step), wanted)) {
      if (ns.length === 0 || step.subgraphs) events.add(ns, mode, data);
    }
  }

  // -- looking back --

  async look(step) {
    const seen = {};
    const { starts, found, sourceOf } = await this.listed();
    if (step.state) {
      const snapshot = await this.app.getState(this.configOf(step.state), { subgraphs: step.state.subgraphs ?? false });
      seen.state = stateOf(snapshot, snapshot.metadata && sourceOf(snapshot));
    }
    if (step.history) {
      const older = step.history.before === undefined ? null : this.known.slice(0, step.history.before);
      const isWanted = (s) => !starts.has(idOf(s)) && (older === null || older.includes(idOf(s)));
      seen.history = historyOf(found.toReversed(), sourceOf, step.history, isWanted);
    }
    return this.numberIds(seen);
  }

  async update(step) {
    const asNode = (name) => ({ START: "__input__", END: "__end__", COPY: "__copy__" })[name] ?? name;
    if (!step.supersteps) {
      const values = Object.keys(step.update ?? {}).length > 0 ? step.update : null;
      return await this.app.updateState(this.configOf(step), values, asNode(step.as));
    }
    const supersteps = step.supersteps.map((one) => ({
      updates: one.map((update) => ({ values: update.values ?? null, asNode: asNode(update.as_node) })),
    }));
    await this.app.bulkUpdateState(this.configOf(step), supersteps);
  }

  // -- looking --

  async history() {
    const found = [];
    for await (const snapshot of this.app.getStateHistory(this.configOf({}))) found.unshift(snapshot);
    return found;
  }

  // All snapshots, those of inputs before their step __start__, and what made each, an input and that step as one.
  async listed() {
    const found = await this.history();
    const isStart = (s) => s.metadata.source === "input" && s.tasks.some((task) => task.name === "__start__");
    const starts = new Set(found.filter(isStart).map(idOf));
    const sourceOf = (s) => (starts.has(s.parentConfig?.configurable.checkpoint_id) ? "input" : s.metadata.source);
    return { found, starts, sourceOf };
  }

  // New ones, oldest first.
  async checkpoints() {
    const { found, starts, sourceOf } = await this.listed();
    const fresh = found.filter((s) => !starts.has(idOf(s)) && !this.known.includes(idOf(s)));
    this.known.push(...fresh.map(idOf));
    return fresh.map((s) => [sourceOf(s), s.metadata.step, s.tasks.map((task) => task.name)]);
  }

  // As it stands; without the writes that wait beside it when those cannot be folded (then LangGraph fails).
  async state() {
    try {
      return await this.app.getState(this.configOf({}));
    } catch {
      this.unknown = ["next", "failed"];
      return await this.app.getState((await this.history()).at(-1).config);
    }
  }

  async describe(stream, error) {
    this.unknown = [];
    const state = await this.state();
    const isNext = (t) => t.result === undefined && state.next.includes(t.name);
    const byText = (a, b) => (JSON.stringify(a.value) < JSON.stringify(b.value) ? -1 : 1);
    const waiting = state.tasks.filter((t) => t.result === undefined && t.interrupts.length > 0); // others were answered
    const asked = waiting.flatMap((t) => [...t.interrupts].sort(byText).map((i) => ({ node: t.name, value: i.value, id: i.id })));
    this.open = asked.map((question) => question.id);
    const isWaiting = stream.isInterrupted || (stream.isPlain && state.next.length > 0);
    const told = { end: error ? "failed" : isWaiting ? "interrupted" : "done" };
    if (error) told.error = wordOf(error);
    Object.assign(told, { stream: stream.entries, values: state.values });
    const optional = {
      next: state.tasks.filter((t) => waiting.includes(t) || isNext(t)).map((t) => t.name),
      interrupts: asked.map(({ node, value }) => ({ node, value })),
      failed: state.tasks.filter((t) => t.error !== undefined && t.error !== null).map((t) => t.name),
      unknown: this.unknown,
    };
    for (const [key, list] of Object.entries(optional)) if (list.length > 0) told[key] = list;
    told.checkpoints = await this.checkpoints();
    return this.numberIds(told);
  }

  numberIds(value) {
    if (typeof value === "string" && ID.test(value)) {
      if (!this.numbers.has(value)) this.numbers.set(value, this.numbers.size + 1);
      return "#" + this.numbers.get(value);
    }
    if (Array.isArray(value)) return value.map((element) => this.numberIds(element));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, this.numberIds(element)]));
  }

  // {"go_on": INPUT}: answer the first open question, or go on with what is left, or take the input.
  decided(step) {
    if (!("go_on" in step)) return step;
    if (this.open.length > 0) return { ...step, answer: { 0: step.go_on.log } };
    return this.last.next ? step : { ...step, input: step.go_on };
  }

  async step(step) {
    if (step.state || step.history) return await this.look(step);
    const isOver = ["failed", "over"].includes(this.last.end) && (this.last.unknown || !this.last.next);
    if ("go_on" in step && isOver) return { end: "over" };
    this.last = await this.do(this.decided(step));
    return this.last;
  }

  async do(step) {
    const stream = new Stream();
    try {
      await ("update" in step || step.supersteps ? this.update(step) : this.run(step, stream));
    } catch (error) {
      if (error instanceof Alone) throw error;
      return await this.describe(stream, error); // whatever LangGraph and the nodes raise is what the step came to
    }
    return await this.describe(stream, null);
  }
}

async function play(data) {
  try {
    const player = new Play(data);
    const steps = [];
    for (const step of data.steps ?? []) steps.push(await player.step(step));
    return steps;
  } catch (error) {
    return error instanceof Alone ? error.message : error.stack;
  }
}

console.log = console.warn = console.error; // the lines below are all that is told
for (const path of process.argv.slice(2))
  for (const data of JSON.parse(readFileSync(path, "utf8")).cases) {
    const skipped = "refused" in data || "alone" in data;
    writeSync(1, JSON.stringify({ name: data.name, steps: skipped ? "skipped" : await play(data) }) + "\n");
  }
