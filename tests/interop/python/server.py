# SPDX-License-Identifier: MIT
"""A server made with fastmcp: server.py [PORT [sse]]; without a port, over standard input and output."""

import sys
from dataclasses import dataclass

from fastmcp import Context, FastMCP

server = FastMCP("math")


@dataclass
class Name:
    name: str


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@server.tool
async def ask_name(context: Context) -> str:
    """Asks the user."""
    answer = await context.elicit("What is your name?", Name)
    return f"Hello, {answer.data.name}!"


@server.tool
async def steps(context: Context) -> str:
    """Tells its progress."""
    for done in range(1, 4):
        await context.report_progress(done, 3)
    return "there"


@server.tool
async def logs(context: Context) -> str:
    """Logs."""
    await context.info("half way")
    return "there"


@server.prompt
def greet(name: str) -> str:
    return f"Greet {name}."


@server.resource("note://first")
def first() -> str:
    return "the first note"


@server.resource("note://by-id/{id}")
def by_id(id: str) -> str:
    return f"note {id}"


if len(sys.argv) > 1:
    kind = sys.argv[2] if len(sys.argv) > 2 else "http"
    server.run(transport=kind, host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="WARNING")
else:
    server.run(show_banner=False, log_level="WARNING")
