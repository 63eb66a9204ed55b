# SPDX-License-Identifier: MIT
"""A LangGraph graph out of one of our graph files (docs/graph-file.md), by the manual. Channels get our reducers as
LangGraph channels; nodes and branches evaluate our expressions; everything else is LangGraph's own doing."""

import copy
import functools
import json
from typing import Annotated, Any, TypedDict

from langgraph.channels import (AnyValue, BinaryOperatorAggregate, EphemeralValue, LastValue, Topic, UntrackedValue)
from langgraph.config import get_config, get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.managed import IsLastStep, RemainingSteps
from langgraph.runtime import get_runtime
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt

import messages
from expression import Failed, equal, evaluate, kind, parse

MISSING = object()
RESERVED = {"START": START, "END": END}


class NodeFailed(Exception):
    """What a node of type fail raises."""


class Alone(Exception):
    """LangGraph has nothing like it: the case cannot be compared."""


# ---- channels ----


def with_start(base, start):
    """A channel class that holds `start` before anything is written (or nothing, when it is MISSING)."""

    class Started(base):
        __slots__ = ()

        def __init__(self, *args, **named):
            super().__init__(*args, **named)
            if start is not MISSING:
                self.value = copy.deepcopy(start)
            elif base is BinaryOperatorAggregate:
                self.value = BinaryOperatorAggregate(Nothing, None).value

    return Started


class Nothing:
    def __init__(self):
        raise TypeError("a channel without a first value")


def append(held, written):
    return held + (written if isinstance(written, list) else [written])


def add(held, written):
    return evaluate(["op", "+", ["value", held], ["value", written]], {})


def logical(held, written, sign):
    if not isinstance(held, bool) or not isinstance(written, bool):
        raise Failed("not booleans")
    return (held and written) if sign == "and" else (held or written)


def least(held, written):
    return evaluate(["call", "min", [["value", held], ["value", written]], False], {})


def greatest(held, written):
    return evaluate(["call", "max", [["value", held], ["value", written]], False], {})


def merge(held, written):
    if not isinstance(written, dict):
        raise Failed("not a map")
    merged = dict(held) if isinstance(held, dict) else {}
    for key, value in written.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(merged.get(key), value)
        else:
            merged[key] = value
    return merged


FOLDS = {"append": append, "sum": add, "and": functools.partial(logical, sign="and"), "min": least, "max": greatest,
         "or": functools.partial(logical, sign="or"), "merge": merge, "messages": messages.fold}
for fold in FOLDS.values():
    if not hasattr(fold, "__name__"):
        fold.__name__ = "logical"


def channel_of(entry):
    reducer = entry.get("reducer", "last")
    if "type" in entry or "schema" in entry:
        if reducer not in ("last", "append"):
            pass
    start = copy.deepcopy(entry["default"]) if "default" in entry else MISSING
    if reducer in ("append", "messages") and start is MISSING:
        start = []
    zero = {("sum", "integer"): 0, ("sum", "number"): 0, ("sum", "string"): "", ("sum", "array"): [], ("or", "boolean"): False,
            ("merge", "object"): {}}.get((reducer, str(entry.get("type"))))
    if start is MISSING and zero is not None:
        start = copy.deepcopy(zero)
    if reducer == "messages":
        start = messages.normalise(start)
    if reducer in FOLDS:
        return with_start(BinaryOperatorAggregate, start)(Nothing, FOLDS[reducer])
    if reducer == "topic":
        return Topic(Any, accumulate=entry.get("accumulate", False))
    base = {"last": LastValue, "any": AnyValue, "ephemeral": EphemeralValue, "untracked": UntrackedValue}[reducer]
    if reducer in ("ephemeral", "untracked"):
        return base(Any, guard=entry.get("guard", True))
    return with_start(base, start)(Any)


def schema_of(name, channels, names):
    return TypedDict(name, {key: Annotated[Any, channels[key]] for key in names})


# ---- nodes ----


class Builder:
    def __init__(self, data, shared):
        self.data, self.shared = data, shared
        state = data.get("state", {"messages": {"reducer": "messages"}})
        self.entries = state
        self.channels = {name: channel_of(entry or {}) for name, entry in state.items()}
        public = [name for name in self.channels if not (state[name] or {}).get("private")]
        schemas = (schema_of(*args) for args in (("State", self.channels, list(self.channels)),
                                                 ("Input", self.channels, data.get("input", public)),
                                                 ("Output", self.channels, data.get("output", public))))
        whole, given, told = schemas
        if "run." in json.dumps(data):
            whole.__annotations__.update(remaining_steps=RemainingSteps, is_last_step=IsLastStep)
        self.graph = StateGraph(whole, input_schema=given, output_schema=told)
        self.branch_count = 0

    def context_of(self, given):
        """What a run is given, with the defaults of the file."""
        named = self.data.get("context", {})
        return {**{key: entry["default"] for key, entry in named.items() if "default" in entry}, **given}

    def runtime(self):
        try:
            return get_runtime()
        except RuntimeError:
            return None

    def names(self, state, **more):
        """What expressions read. The state stands without what LangGraph itself puts there."""
        own = {key: value for key, value in state.items() if key not in ("remaining_steps", "is_last_step")}
        runtime = self.runtime()
        if runtime is None:  # nothing runs: a change from outside
            return {"state": own, "context": {}, **more}
        run = {key: state[key] for key in ("remaining_steps", "is_last_step") if key in state}
        info = runtime.execution_info
        run.update(step=get_config()["metadata"].get("langgraph_step"), attempt=info.node_attempt if info else 1)
        return {"state": own, "context": runtime.context or {}, "run": run, **more}

    # -- where things lead --

    def target(self, name):
        return RESERVED.get(name, name)

    def sends(self, spec, names):
        """The Sends of a `send` of the file; its `else` when there are none."""
        argument = lambda scope: {key: evaluate(parse(e), scope) for key, e in spec.get("with", {}).items()}
        if "for" not in spec:
            return [Send(spec["to"], argument(names))]
        elements, found = evaluate(parse(spec["for"]), names), []
        if not isinstance(elements, list):
            raise Failed("not a list")
        for element in elements:
            scope = {**names, spec["as"]: element} if "as" in spec else names
            found.append(Send(spec["to"], {**({spec["as"]: element} if "as" in spec else {}), **argument(scope)}))
        if not found and "else" in spec:
            return [self.target(name) for name in as_list(spec["else"])]
        return found

    def gotos(self, spec, names):
        found = []
        for entry in as_list(spec):
            if isinstance(entry, str):
                found.append(self.target(entry))
            elif "when" in entry and not holds(entry["when"], names):
                continue
            elif "for" in entry or "with" in entry:
                found += self.sends(entry, names)
            else:
                found += [self.target(name) for name in as_list(entry["to"])]
        return found

    def choose(self, arms):
        def branch(state):
            names = self.names(state)
            for arm in arms:
                if "when" in arm and not holds(arm["when"], names):
                    continue
                if "send" in arm:
                    return self.sends(arm["send"], names)
                return [self.target(name) for name in as_list(arm["to"])]
            return []

        return branch

    def add_branch(self, start, arms):
        branch = self.choose(arms)
        self.branch_count += 1
        branch.__name__ = "branch%d" % self.branch_count
        self.graph.add_conditional_edges(self.target(start), branch)

    def add_edge(self, edge):
        if isinstance(edge, str):
            chain = [part.strip() for part in edge.split("->")]
            for start, end in zip(chain, chain[1:]):
                self.graph.add_edge(self.target(start), self.target(end))
        elif "branch" in edge:
            self.add_branch(edge["from"], edge["branch"])
        elif "send" in edge:
            self.add_branch(edge["from"], [{"send": edge["send"]}])
        elif isinstance(edge["from"], list) and len(edge["from"]) > 1:
            for end in as_list(edge["to"]):
                self.graph.add_edge([self.target(name) for name in edge["from"]], self.target(end))
        else:
            for end in as_list(edge["to"]):
                self.graph.add_edge(self.target(as_list(edge["from"])[0]), self.target(end))

    # -- what nodes do --

    def node_set(self, name, node):
        async def run(state):
            names = self.names(state, **self.shared.get("handling", {}))
            update = {key: evaluate(parse(e), names) for key, e in node.get("write", {}).items()}
            to_parent = node.get("graph") == "parent"
            self.check_types(update if not to_parent else {})
            update = messages.normalise_update(update, self.entries if not to_parent else {})
            if "goto" not in node and not to_parent:
                return update
            where = {"graph": Command.PARENT} if to_parent else {}
            return Command(update=update, goto=self.gotos(node.get("goto", []), names), **where)

        return run

    def check_types(self, update):
        for key in update:
            if key not in self.channels:
                raise Alone("writes " + key)

    def node_interrupt(self, name, node):
        async def run(state):
            answer = interrupt(evaluate(parse(node["value"]), self.names(state)))
            return messages.normalise_update({node["resume"]: answer}, self.entries) if "resume" in node else {}

        return run

    def node_fail(self, name, node):
        async def run(state):
            raise NodeFailed(evaluate(parse(node["message"]), self.names(state)))

        return run

    def node_tool(self, name, node):
        async def run(state):
            args = {key: evaluate(parse(e), self.names(state)) for key, e in node.get("args", {}).items()}
            text = messages.call_tool(node["tool"], args)
            return messages.normalise_update({node["write"]: text}, self.entries) if "write" in node else {}

        return run

    def node_c(self, name, node):
        """The C functions of tests/semantics/functions.c."""

        async def emit_says(state):
            writer = get_stream_writer()
            for element in state["says"]:
                writer(element)
            return {"log": len(state["says"])}

        async def ask_each(state):
            return {"log": [interrupt(question) for question in state["asks"]]}

        async def write_twice(state):
            return [{"log": "one"}, Command(update={"log": "two"})]

        async def succeed_late(state):
            attempt = get_runtime().execution_info.node_attempt
            if attempt < state["succeeds_at"]:
                raise NodeFailed("attempt %d fails" % attempt)
            return {"log": attempt}

        return {f.__name__: f for f in (emit_says, ask_each, write_twice, succeed_late)}[node["function"]]

    def node_agent(self, name, node):
        async def run(state):
            return {"messages": messages.normalise([await self.shared["model"].reply(state["messages"])])}

        return run

    def node_tools(self, name, node):
        async def run(state):
            calls = state["messages"][-1]["tool_calls"]
            return [Command(update={"messages": messages.normalise([messages.run_call(call)])}) for call in calls]

        return run

    def child_data(self, node):
        if "file" in node:
            return self.shared["files"][node["file"]]
        return self.data.get("graphs", {}).get(node["graph"]) or self.shared["graphs"][node["graph"]]

    def node_graph(self, name, node):
        shared = {**self.shared, "graphs": {**self.shared.get("graphs", {}), **self.data.get("graphs", {})}}
        keeps = {"inherit": None, "own": True, "none": False}[node.get("checkpoints", "inherit")]
        child = Builder(self.child_data(node), shared)
        compiled = child.compile(keeps)
        if "input" not in node and "output" not in node:
            return compiled

        async def run(state):
            given = state
            if "input" in node:
                given = {key: evaluate(parse(e), self.names(state)) for key, e in node["input"].items()}
            came = await compiled.ainvoke(given)
            if "output" not in node:
                return {key: value for key, value in came.items() if key in self.channels}
            return {key: evaluate(parse(e), self.names(came)) for key, e in node["output"].items()}

        return run

    def policies(self, node):
        given = {}
        if node.get("defer"):
            given["defer"] = True
        if "retry" in node:
            given["retry_policy"] = [retry_of(entry) for entry in as_list(node["retry"])]
        if "cache" in node:
            cache = node["cache"] if isinstance(node["cache"], dict) else {}
            key = {"key_func": lambda state: str(evaluate(parse(cache["key"]), self.names(state)))} if "key" in cache else {}
            given["cache_policy"] = CachePolicy(ttl=cache["ttl_ms"] / 1000 if "ttl_ms" in cache else None, **key)
        if "input" in node and node["type"] != "graph":
            given["input_schema"] = schema_of("Seen", self.channels, node["input"])
        return given

    def add_node(self, name, node):
        node = {**{key: value for key, value in self.data.get("defaults", {}).items() if key != "cache"}, **node}
        if not hasattr(self, "node_" + node["type"]):
            raise Alone("a node of type " + node["type"])
        for key in ("on_error", "timeout", "concurrency"):
            if key in node:
                raise Alone("a node with " + key)
        self.graph.add_node(name, getattr(self, "node_" + node["type"])(name, node), **self.policies(node))

    def compile(self, checkpointer, **more):
        for name, node in self.data["nodes"].items():
            self.add_node(name, node)
        for edge in self.data["edges"]:
            self.add_edge(edge)
        stops = {key: "*" if self.data[key] == ["*"] else self.data[key]
                 for key in ("interrupt_before", "interrupt_after") if key in self.data}
        return self.graph.compile(checkpointer=checkpointer, **stops, **more)


def retry_of(entry):
    names = {"max_attempts": "max_attempts", "factor": "backoff_factor", "jitter": "jitter"}
    given = {names[key]: entry[key] for key in names if key in entry}
    for ours, theirs in (("initial_ms", "initial_interval"), ("max_ms", "max_interval")):
        if ours in entry:
            given[theirs] = entry[ours] / 1000
    kinds = {"task": NodeFailed, "expression": Failed}
    wanted = tuple(kinds[word] for word in entry["on"] if word in kinds) if "on" in entry else (NodeFailed,)
    return RetryPolicy(retry_on=wanted, **given)


def as_list(value):
    return value if isinstance(value, list) else [value]


def holds(source, names):
    value = evaluate(parse(source), names)
    if not isinstance(value, bool):
        raise Failed("a condition that is not a boolean")
    return value
