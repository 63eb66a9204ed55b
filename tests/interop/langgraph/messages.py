# SPDX-License-Identifier: MIT
"""Chat messages as fairlead keeps them, folded by LangGraph's own add_messages; a scripted model and the tools of the
tests."""

import re

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from langgraph.graph.message import add_messages

CLASSES = {"user": HumanMessage, "assistant": AIMessage, "system": SystemMessage, "tool": ToolMessage}
ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "remove": "remove"}


def to_langchain(message):
    if isinstance(message, str):
        return HumanMessage(content=message)
    if isinstance(message, list):
        return CLASSES[message[0]](content=message[1])
    if message["role"] == "remove":
        return RemoveMessage(id=message["id"])
    more = {key: message[key] for key in ("id", "tool_call_id", "name") if key in message}
    if message.get("tool_calls"):
        more["tool_calls"] = message["tool_calls"]
    if "status" in message:
        more["status"] = "success" if message["status"] == "ok" else "error"
    return CLASSES[message["role"]](content=message.get("content", ""), **more)


def from_langchain(message):
    ours = {"role": ROLES[message.type], "content": message.content, "id": message.id}
    if message.type == "ai":
        ours["tool_calls"] = [{"id": c["id"], "name": c["name"], "args": c["args"]} for c in message.tool_calls]
    if message.type == "tool":
        ours.update(tool_call_id=message.tool_call_id, status="ok" if message.status == "success" else "error")
        if message.name:
            ours["name"] = message.name
    return ours


def fold(held, written):
    merged = add_messages([to_langchain(m) for m in held], [to_langchain(m) for m in listed(written)])
    return [from_langchain(m) for m in merged]


def listed(written):
    return written if isinstance(written, list) else [written]


def normalise(written):
    """With roles and ids, as a node's writes are told."""
    if isinstance(written, dict) and "__overwrite__" in (written.get("type"), *written):
        return {"__overwrite__": normalise(written.get("value", written.get("__overwrite__")))}
    return [m if isinstance(m, dict) and m.get("role") == "remove" else fold([], [m])[0] for m in listed(written)]


def normalise_update(update, entries):
    return {key: normalise(value) if (entries.get(key) or {}).get("reducer") == "messages" else value
            for key, value in update.items()}


# ---- tools (tests/unit/engine/rig.h) ----


class ToolFailed(Exception):
    pass


def call_tool(name, args):
    if name.split("/")[-1] in ("echo", "late"):
        return args["text"]
    raise ToolFailed(args.get("text", ""))


def run_call(call):
    try:
        content, status = call_tool(call["name"].replace("__", "/"), call["args"]), "ok"
    except ToolFailed as error:
        content, status = str(error), "error"
    return {"role": "tool", "content": content, "tool_call_id": call["id"], "name": call["name"], "status": status}


# ---- the scripted model ----


class ScriptedModel:
    def __init__(self, script):
        self.replies = script["replies"]

    def fits(self, reply, messages):
        when, last = reply.get("when", {}), messages[-1]
        users = [m["content"] for m in messages if m["role"] == "user"]
        if "tool" in when and not (last["role"] == "tool" and re.search(when["tool"], last["content"])):
            return False
        if "name" in when and not (last["role"] == "tool" and last["name"] == when["name"]):
            return False
        if "user" in when:
            if last["role"] != "user" and not ("tool" in when or "name" in when):
                return False
            return bool(users) and re.search(when["user"], users[-1]) is not None
        return True

    async def reply(self, messages):
        for reply in self.replies:
            if self.fits(reply, messages):
                return self.answer(reply, messages)
        raise ToolFailed("no reply fits")

    def answer(self, reply, messages):
        users = [m["content"] for m in messages if m["role"] == "user"]
        tools = [m["content"] for m in messages if m["role"] == "tool"]
        text = reply.get("text", "").replace("${user}", users[-1] if users else "")
        text = text.replace("${tool}", tools[-1] if tools else "")
        message = {"role": "assistant", "content": text}
        if "calls" in reply:
            message["tool_calls"] = [{"id": "call_%d_%d" % (len(messages), i), "name": c["name"], "args": c.get("args", {})}
                                     for i, c in enumerate(reply["calls"])]
        return message
