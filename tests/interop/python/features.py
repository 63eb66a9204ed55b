# SPDX-License-Identifier: MIT
"""What a server offers beside tools, and asks while they run, seen by the Python package.

features.py auto|legacy TOOLS URL|COMMAND
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters, types

KNOWN = {"name": "Ann", "color": "blue"}


async def elicit(context, params):
    asked = params.requested_schema["properties"]
    return types.ElicitResult(action="accept", content={name: KNOWN[name] for name in asked})


async def sample(context, params):
    content = types.TextContent(type="text", text="Paris")
    return types.CreateMessageResult(role="assistant", content=content, model="none")


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///srv/ship", name="ship")])


async def settle(items, count):
    for _ in range(40):
        if len(items) >= count:
            break
        await asyncio.sleep(0.025)
    return ",".join(items)


async def look(client, logged, mode):
    prompt = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
    place = types.PromptReference(type="ref/prompt", name="test_prompt_with_arguments")
    completed = await client.complete(place, {"name": "arg1", "value": "par"})
    seen = {
        "prompt": prompt.messages[0].content.text,
        "resource": (await client.read_resource("test://static-text")).contents[0].text,
        "template": json.loads((await client.read_resource("test://template/7/data")).contents[0].text)["data"],
        "completion": ",".join(completed.completion.values),
    }
    told = []

    async def on_progress(done, total, message):
        told.append(f"{done:g}/{total:g}")

    await client.call_tool("test_tool_with_progress", {}, progress_callback=on_progress)
    seen["progress"] = await settle(told, 3)
    if mode == "legacy":
        await client.set_logging_level("info")
    await client.call_tool("test_tool_with_logging", {})
    seen["log"] = await settle(logged, 3)
    return seen


async def main(mode, tools, target):
    logged = []

    async def on_log(params):
        logged.append(params.data)

    place = target if target.startswith("http") else StdioServerParameters(command=target)
    handlers = {"elicitation_callback": elicit, "sampling_callback": sample, "list_roots_callback": roots}
    if mode != "legacy":
        handlers["log_level"] = "info"
    async with Client(place, mode=mode, logging_callback=on_log, **handlers) as client:
        seen = await look(client, logged, mode)
        for feature, (name, arguments) in json.loads(tools).items():
            result = await client.call_tool(name, arguments)
            seen[feature] = "".join(block.text for block in result.content)
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
