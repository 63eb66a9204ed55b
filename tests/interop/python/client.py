# SPDX-License-Identifier: MIT
"""A client made with the Python packages, which says in JSON what it saw.

client.py mcp|fastmcp auto|legacy URL
client.py mcp|fastmcp auto|legacy COMMAND ARGS...
"""

import asyncio
import json
import sys


def text_of(blocks):
    return "".join(getattr(block, "text", "") for block in blocks)


def by_mcp(target, mode):
    from mcp import Client, StdioServerParameters

    place = target[0] if target[0].startswith("http") else StdioServerParameters(command=target[0], args=target[1:])
    return Client(place, mode=mode)


def by_fastmcp(target, mode):
    from fastmcp import Client
    from fastmcp.client.transports import StdioTransport

    place = target[0] if target[0].startswith("http") else StdioTransport(command=target[0], args=target[1:])
    return Client(place, mode=mode)


async def look(client, is_fastmcp):
    async def call(name, arguments):
        options = {"raise_on_error": False} if is_fastmcp else {}
        result = await client.call_tool(name, arguments, **options)
        return {
            "text": text_of(result.content),
            "structured": result.structured_content,
            "isError": bool(result.is_error),
        }

    tools = await client.list_tools()
    return {
        "names": [tool.name for tool in (tools if is_fastmcp else tools.tools)],
        "good": await call("calculator", {"expression": "(3 + 5) * 12"}),
        "bad": await call("count_to", {"last": -1}),
        "revision": client.protocol_version,
    }


async def main(peer, mode, *target):
    is_fastmcp = peer == "fastmcp"
    async with (by_fastmcp if is_fastmcp else by_mcp)(target, mode) as client:
        print(json.dumps(await look(client, is_fastmcp)))


asyncio.run(main(*sys.argv[1:]))
