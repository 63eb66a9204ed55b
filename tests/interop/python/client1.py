# SPDX-License-Identifier: MIT
"""A client made with the first generation of the Python package, which says in JSON what it saw.

client1.py URL
client1.py COMMAND ARGS...
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


def streams(target):
    if target[0].startswith("http"):
        return streamable_http_client(target[0])
    return stdio_client(StdioServerParameters(command=target[0], args=target[1:]))


async def call(session, name, arguments):
    result = await session.call_tool(name, arguments)
    return {
        "text": "".join(getattr(block, "text", "") for block in result.content),
        "structured": result.structuredContent,
        "isError": bool(result.isError),
    }


async def main(*target):
    async with AsyncExitStack() as stack:
        read, write, *_ = await stack.enter_async_context(streams(target))
        session = await stack.enter_async_context(ClientSession(read, write))
        hello = await session.initialize()
        seen = {
            "names": [tool.name for tool in (await session.list_tools()).tools],
            "good": await call(session, "calculator", {"expression": "(3 + 5) * 12"}),
            "bad": await call(session, "count_to", {"last": -1}),
            "revision": hello.protocolVersion,
        }
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
