# SPDX-License-Identifier: MIT
"""Plays the cases of tests/golden/semantics through LangGraph for Python and tells what each step came to, in the form
of tests/semantics/README.md. LangGraph's two checkpoints for an input are told as our one (docs/decisions/0001)."""

import asyncio
import json
import re
import sys

from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError, InvalidUpdateError
from langgraph.types import Command, StateUpdate

import look
import messages
from build import Alone, Builder, NodeFailed, as_list
from expression import Failed

CONFIG = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}, "recursion_limit": 25}
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
WORDS = ((GraphRecursionError, "recursion"), (InvalidUpdateError, "graph"), (NodeFailed, "task"), (Failed, "expression"))


def word_of(error):
    return next((word for kind, word in WORDS if isinstance(error, kind)), type(error).__name__)


class Stream:
    """The stream of one step: updates within a superstep in the order of its tasks."""

    def __init__(self):
        self.entries, self.running, self.starting, self.interrupted = [], [], False, False
        self.is_plain = False  # the modes that a step follows, as they come

    def add(self, mode, data):
        if mode == "tasks":
            if "triggers" in data:
                self.start(data["name"])
            return
        self.starting = False
        if "__interrupt__" in data:
            self.interrupted = True
            if mode == "updates" or data["__interrupt__"]:
                return
        if mode == "updates":
            self.add_update(data)
        else:
            self.entries.append([mode, data])

    def start(self, name):
        if not self.starting:
            self.running = []
            self.entries.append(["run", self.running])
            self.starting = True
        self.running.append(name)

    def add_update(self, data):
        at = len(self.entries)
        while at > 0 and self.entries[at - 1][0] == "updates" and self.rank(data) < self.rank(self.entries[at - 1][1]):
            at -= 1
        self.entries.insert(at, ["updates", data])

    def rank(self, data):
        name = next(iter(data))
        return (self.running.index(name) if name in self.running else -1, json.dumps(data))


class Play:
    def __init__(self, case):
        files = case.get("files", {})
        shared = {"files": files}
        if "script" in case:
            shared["model"] = messages.ScriptedModel(case["script"])
        self.is_generated = case["about"] == "generated"
        self.builder = Builder(case["graph"], shared)
        self.app = self.builder.compile(InMemorySaver(), cache=InMemoryCache())
        self.open, self.known, self.numbers, self.last = [], [], {}, {}

    # -- doing --

    def argument_of(self, step):
        if "command" in step:
            command = step["command"]
            more = {"resume": command["resume"]} if "resume" in command else {}
            return Command(update=command.get("update"), goto=self.builder.gotos(command.get("goto", []), {"state": {}}), **more)
        if "resume" in step:
            return Command(resume=step["resume"])
        if "answer" in step:
            ids = {at: self.open[int(at)] if int(at) < len(self.open) else "0" * 32 for at in step["answer"]}
            return Command(resume={ids[at]: answer for at, answer in step["answer"].items()})
        return messages.normalise_update(step["input"], self.builder.entries) if "input" in step else None

    def limit_of(self, step):
        """Where a random graph is to end by the limit, the one after which LangGraph ends where we do: it runs a superstep
        more, and two when it goes on from a checkpoint (docs/langgraph-differences.md, "The recursion limit")."""
        limit = step.get("recursion_limit", 25)
        if self.is_generated and step.get("expect", {}).get("error") == "recursion":
            return limit - (1 if "input" in step else 2)
        return limit

    def config_of(self, step, key="at"):
        config = {**CONFIG, "recursion_limit": self.limit_of(step)}
        if key in step:
            config["configurable"] = {**CONFIG["configurable"], "checkpoint_id": self.known[step[key]]}
        if "max_concurrency" in step:
            config["max_concurrency"] = step["max_concurrency"]
        return config

    async def run(self, step, stream):
        how = {"durability": step.get("durability", "sync"), "context": self.builder.context_of(step.get("context", {}))}
        if "follow" not in step:
            async for mode, data in self.app.astream(self.argument_of(step), self.config_of(step), **how,
                                                     stream_mode=["values", "updates", "tasks"]):
                stream.add(mode, data)
            return
        events = look.Events()
        stream.entries, stream.is_plain = events.entries, True
        async for ns, mode, data in self.app.astream(self.argument_of(step), self.config_of(step), **how,
                                                     stream_mode=step["follow"], subgraphs=True):
            if not ns or step.get("subgraphs"):
                events.add(ns, mode, data)

    # -- looking back --

    async def look(self, step):
        seen = {}
        await self.note_inputs()
        if "state" in step:
            snapshot = await self.app.aget_state(self.config_of(step["state"]), subgraphs=step["state"].get("subgraphs", False))
            seen["state"] = look.state_of(snapshot, snapshot.metadata and self.source_of(snapshot))
        if "history" in step:
            found = [s async for s in self.app.aget_state_history(CONFIG)]
            found = [s for s in found if s.config["configurable"]["checkpoint_id"] not in self.inputs]
            seen["history"] = look.history_of(found, self.source_of, step["history"], self.before(found, step["history"]))
        return self.number_ids(seen)

    def before(self, snapshots, query):
        older = self.known[: query["before"]] if "before" in query else None
        return older and [s for s in snapshots if s.config["configurable"]["checkpoint_id"] in older]

    async def update(self, step):
        config = self.config_of(step)
        if "supersteps" in step:
            await self.app.abulk_update_state(config, [[StateUpdate(u.get("values"), self.as_node(u.get("as_node")))
                                                        for u in superstep] for superstep in step["supersteps"]])
        else:
            await self.app.aupdate_state(config, step["update"] or None, as_node=self.as_node(step.get("as")))

    def as_node(self, name):
        return {"START": "__input__", "END": "__end__", "COPY": "__copy__"}.get(name, name)

    # -- looking --

    async def checkpoints(self):
        """New ones, oldest first, an input and the step of __start__ as one."""
        found = []
        async for snapshot in self.app.aget_state_history(CONFIG):
            found.append(snapshot)
        found = [s for s in reversed(found) if "__start__" not in [t.name for t in s.tasks] or s.metadata["source"] != "input"]
        fresh = [s for s in found if s.config["configurable"]["checkpoint_id"] not in self.known]
        self.known += [s.config["configurable"]["checkpoint_id"] for s in fresh]
        return [[self.source_of(s), s.metadata["step"], [t.name for t in s.tasks]] for s in fresh]

    def source_of(self, snapshot):
        parent = snapshot.parent_config and snapshot.parent_config["configurable"]["checkpoint_id"]
        is_start = parent in self.inputs
        return "input" if is_start else snapshot.metadata["source"]

    async def note_inputs(self):
        self.inputs = set()
        async for s in self.app.aget_state_history(CONFIG):
            if s.metadata["source"] == "input" and "__start__" in [t.name for t in s.tasks]:
                self.inputs.add(s.config["configurable"]["checkpoint_id"])

    async def state(self):
        """As it stands; without the writes that wait beside it when those cannot be folded (then LangGraph fails)."""
        try:
            return await self.app.aget_state(CONFIG)
        except Exception:  # whatever a reducer raises
            self.unknown = ["next", "failed"]
            head = [s async for s in self.app.aget_state_history(CONFIG, limit=1)][0]
            return await self.app.aget_state(head.config)

    async def describe(self, stream, error):
        self.unknown = []
        state = await self.state()
        # several questions inside one task stand in no order of their own
        asked = [(t.name, i) for t in state.tasks for i in sorted(t.interrupts, key=lambda i: json.dumps(i.value))]
        self.open = [i.id for _, i in asked]
        is_waiting = stream.interrupted or stream.is_plain and state.next
        told = {"end": "failed" if error else "interrupted" if is_waiting else "done"}
        if error:
            told["error"] = word_of(error)
        told.update(stream=stream.entries, values=state.values)
        optional = {"next": list(state.next),
                    "interrupts": [{"node": name, "value": i.value} for name, i in asked],
                    "failed": [t.name for t in state.tasks if t.error is not None]}
        told.update({key: value for key, value in optional.items() if value})
        if self.unknown:
            told["unknown"] = self.unknown
        await self.note_inputs()
        told["checkpoints"] = await self.checkpoints()
        return self.number_ids(told)

    def number_ids(self, value):
        if isinstance(value, str) and ID.match(value):
            return "#%d" % self.numbers.setdefault(value, len(self.numbers) + 1)
        if isinstance(value, (list, tuple)):
            return [self.number_ids(element) for element in value]
        if isinstance(value, dict):
            return {key: self.number_ids(element) for key, element in value.items()}
        return value

    def decided(self, step):
        """{"go_on": INPUT}: answer the first open question, or go on with what is left, or take the input."""
        if "go_on" not in step:
            return step
        if self.open:
            return {**step, "answer": {"0": step["go_on"]["log"]}}
        return step if self.last.get("next") else {**step, "input": step["go_on"]}

    async def step(self, step):
        if "state" in step or "history" in step:
            return await self.look(step)
        if "go_on" in step and self.last.get("end") in ("failed", "over") and (
                self.unknown or not self.last.get("next")):
            return {"end": "over"}
        self.last = await self.do(self.decided(step))
        return self.last

    async def do(self, step):
        stream, error = Stream(), None
        try:
            await (self.update(step) if "update" in step or "supersteps" in step else self.run(step, stream))
        except Alone:
            raise
        except Exception as raised:  # whatever LangGraph and the nodes raise is what the step came to
            error = raised
        return await self.describe(stream, error)


def play(case):
    """What each step came to; a text when LangGraph has nothing like it."""
    async def whole():
        player = Play(case)
        return [await player.step(step) for step in case.get("steps", [])]

    try:
        return asyncio.run(whole())
    except Alone as why:
        return str(why)


def main(paths):
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                json.dump({"name": case["name"], "steps": play(case)}, sys.stdout)
                print()


if __name__ == "__main__":
    main(sys.argv[1:])
