# SPDX-License-Identifier: BSD-2-Clause
"""Drives a spawn-template mcp by the SDK for Python: argument 1 is the command."""
import asyncio
import sys

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client


def check(condition, *what):
    if not condition:
        sys.exit("wrong: %s" % (what,))


async def drive(mode):
    server = stdio_client(StdioServerParameters(command=sys.argv[1], args=["mcp"]))
    async with Client(server, mode=mode) as client:
        check(client.protocol_version == (
            "2025-11-25" if mode == "legacy" else "2026-07-28"), client.protocol_version)
        tools = await client.list_tools()
        check(len(tools.tools) == 9, tools)
        x = await client.call_tool("run", {"argv": ["echo", "hi"]})
        check(not x.is_error and x.structured_content["out"] == "hi\n", x)
        told = []

        async def progress(done, total, message):
            told.append((done, message))
        x = await client.call_tool("run", {"command": "sleep 1.5; exit 3"},
                                   progress_callback=progress)
        check(told and x.structured_content["code"] == 3, told, x)
        x = await client.call_tool("run", {"argv": ["/nonesuch"]})
        check(x.is_error, x)
        x = await client.call_tool("start", {"argv": ["cat"], "open_input": True})
        handle = {"handle": x.structured_content["handle"]}
        await client.call_tool("write", {"data": "a", "close": True, **handle})
        x = await client.call_tool("wait", handle)
        check(x.structured_content["out"] == "a", x)


for mode in ("auto", "legacy", "2026-07-28"):
    asyncio.run(drive(mode))
