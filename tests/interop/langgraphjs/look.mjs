// SPDX-License-Identifier: MIT
// What cases look at beside a run's end (tests/semantics/README.md): the streams in full, states and the history, told in
// the form of tests/semantics/look.h.

const pathOf = (ns) => ns.map((part) => part.split(":")[0]).join("|");
const questions = (interrupts) => interrupts.map((i) => i.value).filter((value) => value !== undefined);
const idOf = (config) => config?.configurable.checkpoint_id;

const kept = (data, keys) => Object.fromEntries(keys.filter((key) => data[key] !== undefined).map((key) => [key, data[key]]));

const isEmpty = (value) => value !== null && typeof value === "object" && Object.keys(value).length === 0;
// A node that wrote nothing tells {}, in Python null.
export const withNull = (update) => Object.fromEntries(Object.entries(update).map(([key, v]) => [key, isEmpty(v) ? null : v]));

function withQuestions(told, interrupts) {
  const asked = questions(interrupts ?? []);
  return asked.length > 0 ? { ...told, interrupts: asked } : told;
}

function ofTask(data) {
  const told = kept(data, ["name", "input", "triggers", "result"]);
  if (data.error) told.failed = true;
  return withQuestions(told, data.interrupts);
}

// The entries of a stream. The checkpoint of an input before its step is left out, as in all that is compared.
export class Events {
  entries = [];
  starts = new Set();

  add(ns, mode, data) {
    const told = structuredClone(this.essence(mode, data));
    if (told !== null) this.entries.push(ns.length > 0 ? [mode, pathOf(ns), told] : [mode, told]);
  }

  essence(mode, data) {
    if (mode === "tasks") return ofTask(data);
    if (mode === "checkpoints") return this.checkpoint(data);
    if (mode === "debug") return this.debug(data);
    if (data?.__interrupt__ === undefined) return mode === "updates" ? withNull(data) : data;
    return { ...data, __interrupt__: questions(data.__interrupt__) };
  }

  checkpoint(data) {
    const { source, step } = data.metadata;
    if (source === "input" && data.next[0] === "__start__") {
      this.starts.add(idOf(data.config));
      return null;
    }
    const isInput = this.starts.has(idOf(data.parentConfig));
    return { source: isInput ? "input" : source, step, ...kept(data, ["values", "next"]) };
  }

  debug(data) {
    const payload = data.type === "checkpoint" ? this.checkpoint(data.payload) : ofTask(data.payload);
    return payload && { ...kept(data, ["type", "step"]), payload };
  }
}

function pending(task) {
  const told = { name: task.name };
  if (task.result !== undefined && !task.error) return { ...told, result: task.result }; // its questions were answered
  if (task.error) told.failed = true;
  if (task.state?.values !== undefined) told.state = stateOf(task.state);
  return withQuestions(told, task.interrupts);
}

export function stateOf(snapshot, source) {
  const told = { values: snapshot.values, next: snapshot.next, tasks: snapshot.tasks.map(pending) };
  if (!snapshot.metadata) return told;
  const step = snapshot.metadata.step; // inside, an input and its step stand as one, too
  return { ...told, step, source: source ?? (step === 0 ? "input" : snapshot.metadata.source) };
}

// Newest first. What is asked for is picked here, because LangGraph counts an input twice.
export function historyOf(snapshots, sourceOf, query, isWanted) {
  const found = snapshots.filter(isWanted).map((s) => [sourceOf(s), s.metadata.step, s.next, s.values]);
  return found.filter(([source]) => query.source === undefined || source === query.source).slice(0, query.limit || undefined);
}
