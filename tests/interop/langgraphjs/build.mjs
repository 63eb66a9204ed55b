// SPDX-License-Identifier: MIT
// A LangGraph graph for JS out of one of our graph files (docs/graph-file.md), by the manual. Channels get our reducers as
// LangGraph channels; nodes and branches evaluate our expressions; everything else is LangGraph's own doing.
import { RunnableLambda } from "@langchain/core/runnables";
import { Command, END, Send, START, StateGraph, UntrackedValueChannel, getConfig, interrupt } from "@langchain/langgraph";
import { AnyValue, BinaryOperatorAggregate, EphemeralValue, LastValue, Topic } from "@langchain/langgraph/channels";

import { Failed, condition, evaluate, extreme, kind, parse } from "./expression.mjs";
import { callTool, fold, listed, normalise, normaliseUpdate, runCall } from "./messages.mjs";

// What a node of type fail raises.
export class NodeFailed extends Error {}
// LangGraph has nothing like it: the case cannot be compared.
export class Alone extends Error {}

const RESERVED = { START, END };
const copy = (value) => structuredClone(value);
const valueOf = (source, names) => evaluate(parse(source), names);
const holds = (source, names) => condition(parse(source), names);
const target = (name) => RESERVED[name] ?? name;
const targets = (names) => listed(names).map(target);

function valuesOf(expressions, names) {
  return Object.fromEntries(Object.entries(expressions ?? {}).map(([key, source]) => [key, valueOf(source, names)]));
}

// ---- channels ----

function logical(held, written, isAnd) {
  if (typeof held !== "boolean" || typeof written !== "boolean") throw new Failed("not booleans");
  return isAnd ? held && written : held || written;
}

function merge(held, written) {
  if (kind(written) !== "map") throw new Failed("not a map");
  const merged = held !== undefined && kind(held) === "map" ? { ...held } : {};
  for (const [key, value] of Object.entries(written)) {
    if (value === null) delete merged[key];
    else merged[key] = kind(value) === "map" ? merge(merged[key], value) : value;
  }
  return merged;
}

const FOLDS = {
  append: (held, written) => [...held, ...listed(written)],
  sum: (held, written) => evaluate(["op", "+", ["value", held], ["value", written]], {}),
  and: (held, written) => logical(held, written, true),
  or: (held, written) => logical(held, written, false),
  min: (held, written) => extreme([held, written], (x, y) => x < y),
  max: (held, written) => extreme([held, written], (x, y) => x > y),
  merge,
  messages: fold,
};
const ZEROS = { "sum integer": 0, "sum number": 0, "sum string": "", "sum array": [], "or boolean": false, "merge object": {} };

function channelOf(entry) {
  const reducer = entry.reducer ?? "last";
  let start = entry.default;
  if (start === undefined && ["append", "messages"].includes(reducer)) start = [];
  start ??= entry.default === undefined ? ZEROS[`${reducer} ${entry.type}`] : start;
  if (reducer === "messages") start = normalise(start);
  const first = start === undefined ? undefined : () => copy(start);
  if (FOLDS[reducer]) return new BinaryOperatorAggregate(FOLDS[reducer], first);
  const makers = {
    last: () => new LastValue(first),
    any: () => new AnyValue(),
    topic: () => new Topic({ accumulate: entry.accumulate ?? false }),
    ephemeral: () => new EphemeralValue(entry.guard ?? true),
    untracked: () => new UntrackedValueChannel({ guard: entry.guard ?? true, initialValueFactory: first }),
  };
  return makers[reducer]();
}

// ---- nodes ----

// The C functions of tests/semantics/functions.c.
const FUNCTIONS = {
  emit_says: async ({ says }, config) => {
    for (const element of says) config.writer(element);
    return { log: says.length };
  },
  ask_each: async ({ asks }) => ({ log: asks.map((question) => interrupt(question)) }),
  write_twice: async () => [{ log: "one" }, new Command({ update: { log: "two" } })],
  succeed_late: async ({ succeeds_at }, config) => {
    const attempt = config.executionInfo.nodeAttempt;
    if (attempt < succeeds_at) throw new NodeFailed(`attempt ${attempt} fails`);
    return { log: attempt };
  },
};

const DO = {
  c: (builder, node) => FUNCTIONS[node.function],
  set: (builder, node) => async (state) => {
    const names = builder.names(state);
    const isForParent = node.graph === "parent";
    const written = valuesOf(node.write, names);
    if (!isForParent) builder.checkNames(written);
    const update = normaliseUpdate(written, isForParent ? {} : builder.entries);
    if (node.goto === undefined && !isForParent) return update;
    return new Command({ update, goto: builder.gotos(node.goto ?? [], names), ...(isForParent ? { graph: Command.PARENT } : {}) });
  },
  interrupt: (builder, node) => async (state) => {
    const answer = interrupt(valueOf(node.value, builder.names(state)));
    return node.resume ? normaliseUpdate({ [node.resume]: answer }, builder.entries) : {};
  },
  fail: (builder, node) => async (state) => {
    throw new NodeFailed(valueOf(node.message, builder.names(state)));
  },
  tool: (builder, node) => async (state) => {
    const text = callTool(node.tool, valuesOf(node.args, builder.names(state)));
    return node.write ? normaliseUpdate({ [node.write]: text }, builder.entries) : {};
  },
  agent: (builder) => async (state) => ({ messages: normalise([builder.shared.model.reply(state.messages)]) }),
  tools: () => async (state) =>
    state.messages.at(-1).tool_calls.map((call) => new Command({ update: { messages: normalise([runCall(call)]) } })),
  graph: (builder, node) => {
    const keeps = { inherit: undefined, own: true, none: false }[node.checkpoints ?? "inherit"];
    const child = builder.childOf(node).compile({ checkpointer: keeps });
    if (node.input === undefined && node.output === undefined) return child;
    return async (state, config) => {
      const came = await child.invoke(node.input ? valuesOf(node.input, builder.names(state)) : state, config);
      if (node.output) return valuesOf(node.output, builder.names(came));
      return Object.fromEntries(Object.entries(came).filter(([key]) => key in builder.channels));
    };
  },
};

const KINDS = { task: NodeFailed, expression: Failed };

function retryOf(entry) {
  const kinds = entry.on ? entry.on.map((word) => KINDS[word]).filter(Boolean) : [NodeFailed];
  const given = { retryOn: (error) => kinds.some((one) => error instanceof one), logWarning: false };
  const names = { max_attempts: "maxAttempts", factor: "backoffFactor", jitter: "jitter", initial_ms: "initialInterval",
    max_ms: "maxInterval" };
  for (const [ours, theirs] of Object.entries(names)) if (ours in entry) given[theirs] = entry[ours];
  return given;
}

// LangGraph for JS takes one policy: of several the first that fits the error.
function retriesOf(entries) {
  const policies = entries.map((entry) => retryOf(entry === true ? {} : entry));
  if (policies.length > 1) throw new Alone("several retry policies");
  return policies[0];
}

export class Builder {
  constructor(data, shared) {
    this.data = data;
    this.shared = shared;
    this.entries = data.state ?? { messages: { reducer: "messages" } };
    const names = Object.keys(this.entries);
    this.channels = Object.fromEntries(names.map((name) => [name, channelOf(this.entries[name] ?? {})]));
    const shown = names.filter((name) => !this.entries[name]?.private);
    const schemas = [names, data.input ?? shown, data.output ?? shown].map((list) => this.schemaOf(list));
    this.graph = new StateGraph({ state: schemas[0], input: schemas[1], output: schemas[2] });
    this.branchCount = 0;
  }

  schemaOf(names) {
    return Object.fromEntries(names.map((name) => [name, this.channels[name]]));
  }

  // What a run is given, with the defaults of the file.
  contextOf(given = {}) {
    const named = Object.entries(this.data.context ?? {}).filter(([, entry]) => "default" in entry);
    return { ...Object.fromEntries(named.map(([key, entry]) => [key, entry.default])), ...given };
  }

  // What expressions read. LangGraph for JS has no remaining_steps: they are computed as in Python.
  names(state) {
    const config = getConfig();
    const step = config?.metadata?.langgraph_step;
    if (step === undefined) return { state, context: config?.context ?? {} };
    const remaining = config.recursionLimit - step;
    const run = { step, attempt: config.executionInfo?.nodeAttempt ?? 1, remaining_steps: remaining, is_last_step: remaining === 1 };
    return { state, context: config.context ?? {}, run };
  }

  checkNames(update) {
    for (const key of Object.keys(update)) if (!(key in this.channels)) throw new Alone("writes " + key);
  }

  childOf(node) {
    const graphs = { ...this.shared.graphs, ...this.data.graphs };
    return new Builder(node.file ? this.shared.files[node.file] : graphs[node.graph], { ...this.shared, graphs });
  }

  // -- where things lead --

  sends(spec, names) {
    if (spec.for === undefined) return [new Send(spec.to, valuesOf(spec.with, names))];
    const elements = valueOf(spec.for, names);
    if (!Array.isArray(elements)) throw new Failed("not a list");
    if (elements.length === 0) return spec.else === undefined ? [] : targets(spec.else);
    return elements.map((element) => {
      const own = spec.as === undefined ? {} : { [spec.as]: element };
      return new Send(spec.to, { ...own, ...valuesOf(spec.with, { ...names, ...own }) });
    });
  }

  gotos(spec, names) {
    return listed(spec).flatMap((entry) => {
      if (typeof entry === "string") return [target(entry)];
      if (entry.when !== undefined && !holds(entry.when, names)) return [];
      return entry.for !== undefined || entry.with !== undefined ? this.sends(entry, names) : targets(entry.to);
    });
  }

  addBranch(from, arms) {
    const func = async (state) => {
      const names = this.names(state);
      const arm = arms.find((one) => one.when === undefined || holds(one.when, names));
      if (arm === undefined) return [];
      return arm.send ? this.sends(arm.send, names) : targets(arm.to);
    };
    const branch = new RunnableLambda({ func });
    branch.name = `branch${++this.branchCount}`; // of one node each branch has a name of its own
    this.graph.addConditionalEdges(target(from), branch);
  }

  addEdge(edge) {
    if (typeof edge === "string") {
      const chain = edge.split("->").map((part) => target(part.trim()));
      for (let i = 1; i < chain.length; i++) this.graph.addEdge(chain[i - 1], chain[i]);
    } else if (edge.branch || edge.send) {
      this.addBranch(edge.from, edge.branch ?? [{ send: edge.send }]);
    } else {
      const from = targets(edge.from);
      for (const end of targets(edge.to)) this.graph.addEdge(from.length > 1 ? from : from[0], end);
    }
  }

  // -- what nodes do --

  policies(node) {
    const given = { ends: [...Object.keys(this.data.nodes), END] };
    if (node.defer) given.defer = true;
    if (node.retry) given.retryPolicy = retriesOf(listed(node.retry));
    if (node.cache) {
      const { key, ttl_ms } = node.cache === true ? {} : node.cache;
      given.cachePolicy = {};
      if (ttl_ms !== undefined) given.cachePolicy.ttl = ttl_ms / 1000;
      if (key !== undefined) given.cachePolicy.keyFunc = ([state]) => JSON.stringify(valueOf(key, this.names(state)));
    }
    if (node.input && node.type !== "graph") given.input = this.schemaOf(node.input);
    return given;
  }

  addNode(name, given) {
    const { cache, ...defaults } = this.data.defaults ?? {};
    const node = { ...defaults, ...given };
    if (!Object.hasOwn(DO, node.type)) throw new Alone("a node of type " + node.type);
    for (const key of ["on_error", "timeout", "concurrency"]) if (key in node) throw new Alone("a node with " + key);
    this.graph.addNode(name, DO[node.type](this, node), this.policies(node));
  }

  compile(more) {
    for (const [name, node] of Object.entries(this.data.nodes)) this.addNode(name, node);
    for (const edge of this.data.edges) this.addEdge(edge);
    const all = (names) => (names?.[0] === "*" ? "*" : names);
    const stops = { interruptBefore: all(this.data.interrupt_before), interruptAfter: all(this.data.interrupt_after) };
    return this.graph.compile({ ...stops, ...more });
  }
}
