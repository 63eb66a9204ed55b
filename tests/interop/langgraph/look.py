# SPDX-License-Identifier: MIT
"""What cases look at beside a run's end (tests/semantics/README.md): the streams in full, states and the history, told in
the form of tests/semantics/look.h."""


def path_of(ns):
    return "|".join(part.split(":")[0] for part in ns)


def questions(interrupts):
    return [i["value"] if isinstance(i, dict) else i.value for i in interrupts]


def kept(data, keys):
    return {key: data[key] for key in keys if key in data}


def with_questions(told, interrupts):
    asked = questions(interrupts)
    return {**told, "interrupts": asked} if asked else told


class Events:
    """The entries of a stream. The checkpoint of an input before its step is left out, as in all that is compared."""

    def __init__(self):
        self.entries, self.starts = [], set()

    def add(self, ns, mode, data):
        told = self.essence(mode, data)
        if told is not None:
            self.entries.append([mode, path_of(ns), told] if ns else [mode, told])

    def essence(self, mode, data):
        if mode == "tasks":
            return self.task(data)
        if mode == "checkpoints":
            return self.checkpoint(data)
        if mode == "debug":
            return self.debug(data)
        if isinstance(data, dict) and "__interrupt__" in data:
            return {**data, "__interrupt__": questions(data["__interrupt__"])}
        return data

    def task(self, data):
        told = kept(data, ("name", "input", "triggers", "result"))
        if data.get("error"):
            told["failed"] = True
        return with_questions(told, data.get("interrupts", ()))

    def id_of(self, config):
        return config["configurable"]["checkpoint_id"] if config else None

    def checkpoint(self, data):
        source = data["metadata"]["source"]
        if source == "input" and data["next"] == ["__start__"]:
            self.starts.add(self.id_of(data["config"]))
            return None
        if self.id_of(data["parent_config"]) in self.starts:
            source = "input"
        return {"source": source, "step": data["metadata"]["step"], **kept(data, ("values", "next"))}

    def debug(self, data):
        payload = self.checkpoint(data["payload"]) if data["type"] == "checkpoint" else self.task(data["payload"])
        return payload and {**kept(data, ("type", "step")), "payload": payload}


def pending(task):
    told = {"name": task.name}
    if task.result is not None and not task.interrupts and not task.error:
        told["result"] = task.result
    if task.error:
        told["failed"] = True
    told = with_questions(told, task.interrupts)
    return {**told, "state": state_of(task.state, None)} if hasattr(task.state, "values") and hasattr(task.state, "tasks") else told


def state_of(snapshot, source):
    told = {"values": snapshot.values, "next": list(snapshot.next)}
    if snapshot.metadata:
        step = snapshot.metadata["step"]  # inside, an input and its step stand as one, too
        told.update(step=step, source=source or ("input" if step == 0 else snapshot.metadata["source"]))
    return {**told, "tasks": [pending(task) for task in snapshot.tasks]}


def history_of(snapshots, source_of, query, before):
    """Newest first. What is asked for is picked here, because LangGraph counts an input twice."""
    found = [[source_of(s), s.metadata["step"], list(s.next), s.values] for s in snapshots if before is None or s in before]
    found = [entry for entry in found if query.get("source") in (None, entry[0])]
    return found[: query.get("limit") or None]
