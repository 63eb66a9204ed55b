# SPDX-License-Identifier: MIT
"""The graphs of ../graphs.c on LangGraph for Python. Prints a line of JSON for each figure: peer, name, value, unit.

    python peer.py JOB FOLDER    JOB: runs durable talk delta start waiting flight durable-flight

With FL_BENCH_WHOLE=1 a conversation takes all its turns to 5,000 messages: many minutes, and gigabytes.
"""
import time

STARTED = time.perf_counter()

import asyncio
import json
import operator
import os
import sys
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Send, interrupt

FOLDER = sys.argv[2]
TEXT = "x" * 200
IS_WHOLE = os.environ.get("FL_BENCH_WHOLE") == "1"


def say(name, value, unit, **more):
    print(json.dumps({"peer": "langgraph", "name": name, "value": round(value, 3), "unit": unit, **more}), flush=True)


class State(TypedDict):
    n: Annotated[int, operator.add]
    out: Annotated[list, operator.add]
    messages: Annotated[list, add_messages]


def add_one(state):
    return {"n": 1}


def chain():
    graph = StateGraph(State)
    for name in "abc":
        graph.add_node(name, add_one)
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("b", "c")
    return graph


def fan():
    graph = StateGraph(State)
    for name in "abcde":
        graph.add_node(name, add_one)
        graph.add_edge(START, name)
    graph.add_node("last", add_one)
    graph.add_edge(list("abcde"), "last")
    return graph


def sends(count):
    graph = StateGraph(State)
    graph.add_node("plan", lambda state: {"n": 0})
    graph.add_node("work", lambda state: {"out": [state["i"]]})
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda state: [Send("work", {"i": i}) for i in range(count)], ["work"])
    return graph


def loop(steps):
    graph = StateGraph(State)
    graph.add_node("add", add_one)
    graph.add_edge(START, "add")
    graph.add_conditional_edges("add", lambda state: END if state["n"] >= steps else "add", ["add", END])
    return graph


def talk(state=State):
    graph = StateGraph(state)
    graph.add_node("answer", lambda state: {"messages": [("assistant", TEXT)]})
    graph.add_edge(START, "answer")
    return graph


def waiting_graph(second):
    graph = StateGraph(State)
    graph.add_node("answer", lambda state: {"messages": [("assistant", TEXT)]})
    graph.add_node("second", second)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", "second")
    return graph


def react(calls, saver=None):
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.tools import tool
    from langgraph.prebuilt import create_react_agent

    class Scripted(BaseChatModel):
        @property
        def _llm_type(self):
            return "scripted"

        def bind_tools(self, tools, **kwargs):
            return self

        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            last = messages[-1]
            value = int(last.content) if last.type == "tool" else 0
            if value >= calls:
                message = AIMessage("done")
            else:
                call = {"name": "add", "args": {"a": value, "b": 1}, "id": f"call-{value}"}
                message = AIMessage("", tool_calls=[call])
            return ChatResult(generations=[ChatGeneration(message=message)])

    @tool
    def add(a: int, b: int) -> str:
        """Adds two numbers."""
        return str(a + b)

    return create_react_agent(Scripted(), [add], checkpointer=saver)


def saver(name):
    import sqlite3

    from langgraph.checkpoint.sqlite import SqliteSaver

    connection = sqlite3.connect(os.path.join(FOLDER, name), check_same_thread=False)
    return SqliteSaver(connection)


def config(thread):
    return {"configurable": {"thread_id": thread}, "recursion_limit": 10000}


def size(name):
    paths = [os.path.join(FOLDER, name + end) for end in ("", "-wal")]
    return sum(os.path.getsize(path) for path in paths if os.path.exists(path))


def middle(values):
    return sorted(values)[len(values) // 2]


def best_us(app, times, rounds=5, start=None):
    best = 1e12
    app.invoke(start or {"n": 0}, config("warm"))
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(times):
            app.invoke(start or {"n": 0}, config("none"))
        best = min(best, (time.process_time() - begin) / times * 1e6)
    return best


def runs():
    say("chain-3", best_us(chain().compile(), 50), "us")
    say("fan-5-join", best_us(fan().compile(), 30), "us")
    say("sends-100", best_us(sends(100).compile(), 5), "us")
    say("sends-1000", best_us(sends(1000).compile(), 1, 3), "us")
    say("steps", 500 / best_us(loop(500).compile(), 1, 3) * 1e6, "/s")
    say("react-steps", 201 / best_us(react(100), 1, 3, {"messages": [("user", TEXT)]}) * 1e6, "/s")


def durable_rate(app, start, steps, thread):
    begin = time.perf_counter()
    app.invoke(start, config(thread), durability="sync")
    return steps / (time.perf_counter() - begin)


def durable():
    app = loop(200).compile(checkpointer=saver("py-durable.db"))
    rates = [durable_rate(app, {"n": 0}, 200, f"t{i}") for i in range(4)]
    say("durable-steps-1", max(rates[1:]), "/s")
    app = react(50, saver("py-react.db"))
    rates = [durable_rate(app, {"messages": [("user", TEXT)]}, 101, f"r{i}") for i in range(3)]
    say("durable-react-steps", max(rates[1:]), "/s")


def turn_ms(app, thread):
    begin = time.perf_counter()
    app.invoke({"messages": [("user", TEXT)]}, config(thread), durability="sync")
    return (time.perf_counter() - begin) * 1e3


def pages_mb(app):
    """What the database has in it, wherever its pages are."""
    ask = app.checkpointer.conn.execute
    return ask("PRAGMA page_count").fetchone()[0] * ask("PRAGMA page_size").fetchone()[0] / 1e6


def grow(app, name, prefix):
    """Turns on the thread "t" to 10, 100, 1,000 (and 5,000) messages; the megabytes that a turn adds at the end."""
    count = before = 0
    for mark in (10, 100, 1000, 5000) if IS_WHOLE else (10, 100, 1000):
        times = []
        while count < mark:
            if count == mark - 22:
                before = pages_mb(app)
            times.append(turn_ms(app, "t"))
            count += 2
        say(f"{prefix}turn-{mark}", middle(times[-11:]) * 1e3, "us")
        say(f"{prefix}bytes-{mark}", size(name) / 1e6, "MB")
    return (pages_mb(app) - before) / 11


def long(app, name, prefix, added):
    """A thread that gets 4,990 messages at once, since as many turns would take a quarter of an hour; then five turns."""
    at_thousand = size(name) / 1e6
    messages = [("user" if i % 2 == 0 else "assistant", TEXT) for i in range(4990)]
    app.update_state(config("long"), {"messages": messages}, as_node="answer")
    before = pages_mb(app)
    say(f"{prefix}turn-5000", middle([turn_ms(app, "long") for _ in range(5)]) * 1e3, "us")
    if prefix:
        return  # what a delta adds does not grow evenly, so nothing can be said of the turns left out
    last = (pages_mb(app) - before) / 5
    say("bytes-5000", at_thousand + 2000 * (added + last) / 2, "MB", reckoned=True)


def converse(state, name, prefix):
    app = talk(state).compile(checkpointer=saver(name))
    added = grow(app, name, prefix)
    if not IS_WHOLE:
        long(app, name, prefix, added)
    app.checkpointer.conn.close()
    app = talk(state).compile(checkpointer=saver(name))
    say(f"{prefix}resume-5000", turn_ms(app, "t" if IS_WHOLE else "long"), "ms")


def delta():
    from langgraph.channels import DeltaChannel
    from langgraph.graph.message import _messages_delta_reducer

    class Deltas(TypedDict):
        messages: Annotated[list, DeltaChannel(_messages_delta_reducer)]

    converse(Deltas, "py-delta.db", "delta-")


def start_job():
    when = []

    def first(state):
        when.append(time.perf_counter())
        return {"n": 1}

    graph = StateGraph(State)
    graph.add_node("first", first)
    graph.add_edge(START, "first")
    graph.compile().invoke({"n": 0})
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    with open("/proc/uptime") as file:
        uptime = float(file.read().split()[0])
    alive = uptime - ticks / os.sysconf("SC_CLK_TCK")  # to 10 ms, which is enough here
    say("start-run-to-first-step", (alive - (time.perf_counter() - when[0])) * 1e3, "ms")


def resident_kb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def waiting():
    graph = waiting_graph(lambda state: {"n": 1 if interrupt("go on?") else 0})
    app = graph.compile(checkpointer=saver("py-waiting.db"))
    before = 0
    for i in range(1500):
        if i == 500:
            before = resident_kb()
        app.invoke({"messages": [("user", TEXT)]}, config(f"w{i}"), durability="sync")
    say("bytes-per-waiting-thread", (resident_kb() - before) * 1024 / 1000, "B")
    times = []
    for i in range(100):
        begin = time.perf_counter()
        app.invoke(Command(resume=True), config(f"w{i}"), durability="sync")
        times.append((time.perf_counter() - begin) * 1e6)
    say("resume-waiting", middle(times), "us")


async def fly(checkpointer, name):
    gate, pending = asyncio.Event(), []

    async def stay(state):
        pending.append(1)
        await gate.wait()
        return {"n": 1}

    app = waiting_graph(stay).compile(checkpointer=checkpointer)
    how = {"durability": "sync"} if checkpointer else {}
    tasks, before = [], 0
    for mark in (200, 1200):
        before = resident_kb()
        while len(tasks) < mark:
            for _ in range(50):
                run = app.ainvoke({"messages": [("user", TEXT)]}, config(f"f{len(tasks)}"), **how)
                tasks.append(asyncio.create_task(run))
            while len(pending) < len(tasks):
                await asyncio.sleep(0.005)
                for task in tasks[-50:]:
                    if task.done():
                        task.result()  # it has failed: says why
    say(name, (resident_kb() - before) * 1024 / 1000, "B")
    gate.set()
    await asyncio.gather(*tasks)


async def durable_flight():
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(os.path.join(FOLDER, "py-flight.db")) as checkpointer:
        await fly(checkpointer, "bytes-per-durable-flight")


JOBS = {"runs": runs, "durable": durable, "talk": lambda: converse(State, "py-talk.db", ""), "delta": delta,
        "start": start_job, "waiting": waiting, "flight": lambda: asyncio.run(fly(None, "bytes-per-flight")),
        "durable-flight": lambda: asyncio.run(durable_flight())}
JOBS[sys.argv[1]]()
