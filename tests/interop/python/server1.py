# SPDX-License-Identifier: MIT
"""A server made with the first generation of the Python package: server1.py [PORT [sse]].

Without a port, over standard input and output.
"""

import sys

from mcp.server.fastmcp import Context, FastMCP
from mcp.types import SamplingMessage, TextContent
from pydantic import BaseModel

port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
server = FastMCP("math", host="127.0.0.1", port=port, log_level="WARNING")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


class Name(BaseModel):
    name: str


@server.tool()
async def ask_name(context: Context) -> str:
    """Asks the user."""
    answer = await context.elicit("What is your name?", Name)
    return f"Hello, {answer.data.name}!"


@server.tool()
async def ask_model(context: Context) -> str:
    """Asks the client's model."""
    question = SamplingMessage(role="user", content=TextContent(type="text", text="Which capital?"))
    answer = await context.session.create_message([question], max_tokens=10)
    return f"It says {answer.content.text}"


@server.tool()
async def ask_roots(context: Context) -> str:
    """Asks for the roots."""
    return ",".join(str(root.uri) for root in (await context.session.list_roots()).roots)


@server.tool()
async def steps(context: Context) -> str:
    """Tells its progress."""
    for done in range(1, 4):
        await context.report_progress(done, 3)
    return "there"


@server.tool()
async def logs(context: Context) -> str:
    """Logs."""
    await context.info("half way")
    return "there"


@server.prompt()
def greet(name: str) -> str:
    return f"Greet {name}."


@server.resource("note://first")
def first() -> str:
    return "the first note"


@server.resource("note://by-id/{id}")
def by_id(id: str) -> str:
    return f"note {id}"


server.run("stdio" if port == 0 else "sse" if len(sys.argv) > 2 else "streamable-http")
