// SPDX-License-Identifier: MIT
// Chat messages as fairlead keeps them, folded by LangGraph's own reducer; a scripted model and the tools of the tests.
import { AIMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { addMessages } from "@langchain/langgraph";

const CLASSES = { user: HumanMessage, assistant: AIMessage, system: SystemMessage, tool: ToolMessage };
const ROLES = { human: "user", ai: "assistant", system: "system", tool: "tool", remove: "remove" };

export const listed = (value) => (Array.isArray(value) ? value : [value]);

function toLangChain(message) {
  if (typeof message === "string") return new HumanMessage({ content: message });
  if (Array.isArray(message)) return new CLASSES[message[0]]({ content: message[1] });
  if (message.role === "remove") return new RemoveMessage({ id: message.id });
  const fields = { content: message.content ?? "" };
  for (const key of ["id", "tool_call_id", "name", "tool_calls"]) if (message[key] !== undefined) fields[key] = message[key];
  if (message.status !== undefined) fields.status = message.status === "ok" ? "success" : "error";
  return new CLASSES[message.role](fields);
}

function fromLangChain(message) {
  const ours = { role: ROLES[message.getType()], content: message.content, id: message.id };
  if (ours.role === "assistant") ours.tool_calls = message.tool_calls.map(({ id, name, args }) => ({ id, name, args }));
  if (ours.role === "tool") {
    ours.tool_call_id = message.tool_call_id;
    ours.status = message.status === "error" ? "error" : "ok";
    if (message.name) ours.name = message.name;
  }
  return ours;
}

export function fold(held, written) {
  return addMessages(held.map(toLangChain), listed(written).map(toLangChain)).map(fromLangChain);
}

export const isOverwrite = (value) =>
  value !== null && typeof value === "object" && ("__overwrite__" in value || value.type === "__overwrite__");

// With roles and ids, as a node's writes are told.
export function normalise(written) {
  if (isOverwrite(written)) return { __overwrite__: normalise("value" in written ? written.value : written.__overwrite__) };
  return listed(written).map((m) => (m !== null && m.role === "remove" ? m : fold([], [m])[0]));
}

export function normaliseUpdate(update, entries) {
  const all = Object.entries(update);
  return Object.fromEntries(all.map(([key, v]) => [key, entries[key]?.reducer === "messages" ? normalise(v) : v]));
}

// ---- tools (tests/unit/engine/rig.h) ----

export class ToolFailed extends Error {}

export function callTool(name, args) {
  if (["echo", "late"].includes(name.split("/").at(-1))) return args.text;
  throw new ToolFailed(args.text ?? "");
}

export function runCall({ id, name, args }) {
  const message = { role: "tool", tool_call_id: id, name };
  try {
    return { ...message, content: callTool(name.replace("__", "/"), args), status: "ok" };
  } catch (error) {
    if (!(error instanceof ToolFailed)) throw error;
    return { ...message, content: error.message, status: "error" };
  }
}

// ---- the scripted model ----

export class ScriptedModel {
  constructor(script) {
    this.replies = script.replies;
  }

  fits({ when = {} }, messages) {
    const last = messages.at(-1);
    const isTool = last.role === "tool";
    const user = messages.findLast((m) => m.role === "user");
    if (when.tool !== undefined && !(isTool && new RegExp(when.tool).test(last.content))) return false;
    if (when.name !== undefined && !(isTool && last.name === when.name)) return false;
    if (when.user === undefined) return true;
    if (last.role !== "user" && when.tool === undefined && when.name === undefined) return false;
    return user !== undefined && new RegExp(when.user).test(user.content);
  }

  reply(messages) {
    const reply = this.replies.find((one) => this.fits(one, messages));
    if (reply === undefined) throw new ToolFailed("no reply fits");
    const text = (role) => messages.findLast((m) => m.role === role)?.content ?? "";
    const content = (reply.text ?? "").replaceAll("${user}", text("user")).replaceAll("${tool}", text("tool"));
    if (reply.calls === undefined) return { role: "assistant", content };
    const id = (i) => `call_${messages.length}_${i}`;
    return { role: "assistant", content, tool_calls: reply.calls.map((c, i) => ({ id: id(i), name: c.name, args: c.args ?? {} })) };
  }
}
