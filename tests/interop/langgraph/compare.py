# SPDX-License-Identifier: MIT
"""Plays cases through LangGraph and compares with what fairlead came to (`expect` in the files). Prints TAP.
Of a file of random graphs only the failures have rows, and one row stands for all.
   compare.py FILE…              LangGraph for Python
   compare.py --js PLAYER FILE…  LangGraph for JS: PLAYER (langgraphjs/play.mjs) plays the cases, by the `node` in PATH"""

import json
import os
import re
import subprocess
import sys

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../docs/langgraph-differences.md")
with open(DOCS, encoding="utf-8") as docs:
    HEADINGS = set(re.findall(r"^##+ (.+)$", docs.read(), re.M))
PARTS = ("end", "error", "stream", "values", "next", "interrupts", "failed", "checkpoints")
WORDS = {"recursion", "graph", "task", "expression"}  # errors that both tell apart


ACCOUNTS = {"stop_reason", "usage", "model"}  # what a model's message tells beside its content


def plain(value):
    """1.0 and 1 are the same number; a message is its role, content, calls and id."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [plain(element) for element in value]
    if not isinstance(value, dict):
        return value
    is_message = "role" in value and "content" in value
    return {key: plain(element) for key, element in value.items()
            if not is_message or (key not in ACCOUNTS and (key, element) != ("tool_calls", []))}


def normalised(told, step, waited=None):
    """Without what docs/langgraph-differences.md lists for every case."""
    told = plain(told)
    if "end" not in told or told["end"] == "over":
        return told
    if told.get("error") not in WORDS or "update" in step:
        told.pop("error", None)
    stream = told["stream"]
    if "go_on" not in step and "input" in step and not step["input"] and stream and stream[0][0] == "values":
        stream.pop(0)  # the state after an input that changed nothing
    told["stream"] = without_waiting(told, stream, step, waited)
    told["interrupts"] = [i for i in told.get("interrupts", []) if "when" not in i]
    for key in ("next", "failed"):
        told.setdefault(key, [])
    return told


def without_waiting(told, stream, step, waited):
    """LangGraph tells all tasks of a superstep that is taken up again, and starts those that wait for an answer anew."""
    waited, now = list(waited or []), told.get("interrupts", [])
    answered = waited.pop(0)["node"] if waited and "go_on" in step else None
    waits = [i["node"] for i in now if i in waited] if not told["checkpoints"] else []
    starts = [entry for entry in stream if entry[0] == "run"]
    if "input" in step or not starts:
        return without_last_values(told, stream)
    names = list(starts[0][1])
    while answered and waits.count(answered) >= max(names.count(answered), 1):
        waits.remove(answered)  # the task that was answered did run, and may ask what it asked before
    for name in waits + [next(iter(e[1])) for e in stream if e[0] == "updates" and "__metadata__" in e[1]]:
        if name in names:
            names.remove(name)
    kept = [["run", names] if entry is starts[0] else entry for entry in stream]
    return without_last_values(told, [e for e in kept if e != ["run", []] and not (e[0] == "updates" and "__metadata__" in e[1])])


def without_last_values(told, stream):
    """The state with what finished siblings wrote, at a question."""
    last = max([at for at, entry in enumerate(stream) if entry[0] == "run"], default=len(stream))
    asks = any("when" not in i for i in told.get("interrupts", []))
    return [e for at, e in enumerate(stream) if not (asks and at > last and e[0] == "values")]


def part_lines(at, part, ours, theirs):
    """From where on they differ."""
    left, right = ours.get(part), theirs.get(part)
    if left == right or part in theirs.get("unknown", ()):
        return []
    if isinstance(left, list) and isinstance(right, list):
        same = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))
        left, right, part = left[same:], right[same:], "%s from %d" % (part, same)
    return ["step %d, %s" % (at, part), "  fairlead  " + json.dumps(left), "  LangGraph " + json.dumps(right)]


def runs_of(stream):
    return [at for at, entry in enumerate(stream) if entry[0] == "run"]


def as_far_as_told(ours, theirs):
    """Our stream of a run that failed as far as the other one told it, whose error may have overtaken entries: those that
    are left must be ours, in our order."""
    rest = iter(ours)
    return theirs if all(any(is_part(entry, one) for one in rest) for entry in theirs) else ours


def is_part(entry, whole):
    """The same, or the start of the tasks of a superstep."""
    return entry == whole or entry[0] == whole[0] == "run" and entry[1] == whole[1][: len(entry[1])]


def has_join_beside(graph):
    """Whether a node is reached by a join and otherwise, here or in a graph inside: see "A join beside another way"."""
    joined, others = set(), set()

    def ways(spec):
        for entry in spec if isinstance(spec, list) else [spec]:
            if isinstance(entry, str):
                others.add(entry)
            elif entry:
                for key in ("to", "else", "send"):
                    ways(entry.get(key, []))

    for edge in graph["edges"]:
        if isinstance(edge, str):
            others.update(part.strip() for part in edge.split("->")[1:])
        elif isinstance(edge["from"], list) and len(edge["from"]) > 1:
            for other in joined.intersection(edge["to"] if isinstance(edge["to"], list) else [edge["to"]]):
                others.add(other)  # two joins
            joined.update(edge["to"] if isinstance(edge["to"], list) else [edge["to"]])
        else:
            ways([edge.get("to", []), edge.get("send", {}), {"to": edge.get("branch", [])}])
    for node in graph["nodes"].values():
        ways(node.get("goto", []))
    return bool(joined & others) or any(map(has_join_beside, graph.get("graphs", {}).values()))


def differences(case, found, peer):
    """What differs; for JS in random graphs up to where it may go astray, see "A join beside another way"."""
    lines = compared(case, found, peer.tells_to_the_end)
    if lines and case["about"] == "generated" and peer.keeps_joins and has_join_beside(case["graph"]):
        peer.astray += 1
        return []
    return lines


def compared(case, found, tells_to_the_end):
    lines = []
    waited = []
    for at, (step, theirs) in enumerate(zip(case["steps"], found)):
        ours, theirs = normalised(step["expect"], step), normalised(theirs, step, waited)
        if "end" not in theirs:
            lines += part_lines(at, "state", ours, theirs) + part_lines(at, "history", ours, theirs)
            continue
        waited = theirs.get("interrupts", [])
        if not tells_to_the_end and theirs["end"] == "failed":
            more = runs_of(theirs["stream"])[len(runs_of(ours["stream"])):]  # see "The recursion limit"
            theirs["stream"] = theirs["stream"][: more[0]] if more else theirs["stream"]
            ours["stream"] = as_far_as_told(ours["stream"], theirs["stream"])
        if case["about"] == "generated" and ours["end"] == "interrupted" and theirs.get("error") == "graph":
            return lines  # LangGraph folds what waits beside a question at once, see "A write that does not fit"
        if case["about"] == "generated" and ours.get("failed"):
            return lines + part_lines(at, "end", ours, theirs)  # see "Beside a task that fails"
        for part in PARTS:
            lines += part_lines(at, part, ours, theirs)
    return lines


class Python:
    tells_to_the_end, keeps_joins, astray = True, False, 0

    def __init__(self, _):
        from play import play  # its packages are needed here only

        self.play = play

    def reason(self, case, key):
        return case.get(key)

    def came_to(self, case):
        return self.play(case)


class JavaScript:
    """Lines {"name", "steps"} from the player, which plays all cases in their order."""

    tells_to_the_end = False  # an error overtakes what was to be told before it
    keeps_joins, astray = True, 0

    def __init__(self, player, paths):
        self.lines = subprocess.Popen(["node", player] + paths, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def reason(self, case, key):
        return case.get(key + "_js", case.get(key))

    def came_to(self, case):
        line = self.lines.stdout.readline()
        if not line:
            return "the player ended with %s" % self.lines.wait()
        told = json.loads(line)
        return told["steps"] if told["name"] == case["name"] else "the player is at " + told["name"]


def row(peer, case):
    """(passed, name with what TAP says about it, lines)"""
    found = peer.came_to(case)
    if "refused" in case or peer.reason(case, "alone"):
        return True, "%s # SKIP %s" % (case["name"], peer.reason(case, "alone") or "not a graph"), []
    if isinstance(found, str):
        return False, case["name"], ["LangGraph cannot be asked: " + line for line in found.splitlines()]
    lines, differs = differences(case, found, peer), peer.reason(case, "differs")
    if differs:
        wrong = ([] if lines else ["it is the same"]) + ([] if differs in HEADINGS else ["there is no such heading in docs/"])
        return not wrong, "%s # differs: %s" % (case["name"], differs), wrong
    return not lines, case["name"], lines


def main(arguments):
    if arguments[0] == "--js":
        paths = arguments[2:]
        peer = JavaScript(arguments[1], paths)
    else:
        paths = arguments
        peer = Python(paths)
    count, failed = 0, 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        rows = [row(peer, case) for case in data["cases"]]
        if data["about"] == "generated":
            bad = [r for r in rows if not r[0]]
            told = "%d random graphs" % (len(rows) - peer.astray)
            rows = bad + [(not bad, told + (", and %d with a join beside another way" % peer.astray if peer.astray else ""), [])]
        for ok, name, lines in rows:
            count, failed = count + 1, failed + (not ok)
            print("%s %d - %s" % ("ok" if ok else "not ok", count, name))
            for line in lines:
                print("#   " + line)
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
