# SPDX-License-Identifier: MIT
"""What a server offers beside tools, and asks while they run, seen by the first generation of the Python package:
features1.py TOOLS URL|COMMAND"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

KNOWN = {"name": "Ann", "color": "blue"}


async def elicit(context, params):
    asked = params.requestedSchema["properties"]
    return types.ElicitResult(action="accept", content={name: KNOWN[name] for name in asked})


async def sample(context, params):
    content = types.TextContent(type="text", text="Paris")
    return types.CreateMessageResult(role="assistant", content=content, model="none")


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///srv/ship", name="ship")])


async def look(session, logged):
    prompt = await session.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
    place = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    completed = await session.complete(place, {"name": "arg1", "value": "par"})
    told = []

    async def on_progress(done, total, message):
        told.append(f"{done:g}/{total:g}")

    await session.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
    await session.set_logging_level("info")
    await session.call_tool("test_tool_with_logging", {})
    return {
        "prompt": prompt.messages[0].content.text,
        "resource": (await session.read_resource("test://static-text")).contents[0].text,
        "template": json.loads((await session.read_resource("test://template/7/data")).contents[0].text)["data"],
        "completion": ",".join(completed.completion.values),
        "progress": ",".join(told),
        "log": ",".join(logged),
    }


async def main(tools, target):
    logged = []

    async def on_log(params):
        logged.append(params.data)

    is_url = target.startswith("http")
    handlers = {"elicitation_callback": elicit, "sampling_callback": sample, "list_roots_callback": roots}
    async with AsyncExitStack() as stack:
        place = streamable_http_client(target) if is_url else stdio_client(StdioServerParameters(command=target))
        read, write, *_ = await stack.enter_async_context(place)
        session = await stack.enter_async_context(ClientSession(read, write, logging_callback=on_log, **handlers))
        await session.initialize()
        seen = await look(session, logged)
        for feature, (name, arguments) in json.loads(tools).items():
            result = await session.call_tool(name, arguments)
            seen[feature] = "".join(block.text for block in result.content)
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
