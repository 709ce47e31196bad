# SPDX-License-Identifier: BSD-2-Clause
"""One worker process: an agent of AutoGen Core that runs a tool for each message, and
clients that send it messages, so many at a time.

The process reads a job (JSON) from stdin, answers "ready" when all is warm, waits for
a line, and answers with its measurements.
"""
import asyncio
import base64
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from typing import Any, Dict, List

# Tracing is off for all backends: the cost of its spans is none of theirs.
os.environ["AUTOGEN_DISABLE_RUNTIME_TRACING"] = "true"

from autogen_core import (AgentId, MessageContext, RoutedAgent,  # noqa: E402
                          SingleThreadedAgentRuntime, rpc)

import backends  # noqa: E402
from mix import Tool  # noqa: E402

TICK = 0.001


@dataclass
class ToolCall:
    index: int


@dataclass
class ToolResult:
    code: int
    out: bytes
    err: bytes


class Worker(RoutedAgent):
    def __init__(self, tools: List[Tool], call: Any) -> None:
        super().__init__("runs tools")
        self._tools = tools
        self._call = call

    @rpc
    async def on_call(self, message: ToolCall, ctx: MessageContext) -> ToolResult:
        return ToolResult(*await self._call(self._tools[message.index]))


class Clients:
    """Sends the calls of a job to the agent, and checks the answers."""

    def __init__(self, runtime: Any, tools: List[Tool]) -> None:
        self._runtime = runtime
        self._tools = tools
        self.latencies: List[float] = []

    async def _one(self, index: int) -> None:
        tool = self._tools[index]
        start = time.perf_counter()
        result = await self._runtime.send_message(ToolCall(index),
                                                  AgentId("worker", "0"))
        self.latencies.append(time.perf_counter() - start)
        if (result.code, result.out, result.err) != tool[3:]:
            raise SystemExit("%s: other output than expected" % tool.name)

    async def run(self, calls: List[int], inflight: int, think: float) -> None:
        left = iter(calls)

        async def client() -> None:
            for index in left:
                await self._one(index)
                if think:
                    await asyncio.sleep(think)

        await asyncio.gather(*(client() for _ in range(inflight)))


class Stalls:
    """Measures how late a timer fires: for so long the loop did something else.

    late is that delay. own is the delay without the time in which the thread was
    ready to run but another had the processor, which the kernel counts. With more
    programs than processors, own is the time for which the loop itself stood still.
    """

    def __init__(self) -> None:
        self.late: List[float] = []
        self.own: List[float] = []
        self._stopped = False
        self._due = 0.0
        self._waited = 0.0
        self._schedstat = open("/proc/thread-self/schedstat", "rb", buffering=0)

    def _processor_waits(self) -> float:
        self._schedstat.seek(0)
        return int(self._schedstat.read().split()[1]) / 1e9

    def _next(self, now: float) -> None:
        loop = asyncio.get_running_loop()
        self._due = now + TICK
        self._waited = self._processor_waits()
        loop.call_at(self._due, self._tick)

    def start(self) -> None:
        self._next(asyncio.get_running_loop().time())

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        late = now - self._due
        self.late.append(late)
        self.own.append(max(0, late - (self._processor_waits() - self._waited)))
        if not self._stopped:
            self._next(now)

    def stop(self) -> None:
        self._stopped = True


def cpu() -> List[float]:
    both = (resource.getrusage(resource.RUSAGE_SELF),
            resource.getrusage(resource.RUSAGE_CHILDREN))
    return [usage.ru_utime + usage.ru_stime for usage in both]


async def measure(clients: Clients, job: Dict[str, Any]) -> Dict[str, Any]:
    stalls = Stalls()
    if job["stalls"]:
        stalls.start()
    clients.latencies.clear()
    before, start = cpu(), time.perf_counter()
    await clients.run(job["calls"], job["inflight"], job["think"])
    seconds = time.perf_counter() - start
    own, children = (b - a for a, b in zip(before, cpu()))
    stalls.stop()
    return {"seconds": seconds, "own_cpu": own, "children_cpu": children,
            "latencies": clients.latencies if job["think"] else [],
            "stalls": stalls.late, "own_stalls": stalls.own}


def say(what: Any) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    job = json.loads(sys.stdin.readline())
    tools = [Tool(t["name"], t["argv"], t["cwd"], t["code"],
                  base64.b64decode(t["out"]), base64.b64decode(t["err"]))
             for t in job["tools"]]
    call = backends.get(job["backend"], job["env"])
    runtime = SingleThreadedAgentRuntime()
    await Worker.register(runtime, "worker", lambda: Worker(tools, call))
    runtime.start()
    clients = Clients(runtime, tools)
    warm = [i % len(tools) for i in range(max(len(tools), job["inflight"]))]
    await clients.run(warm, job["inflight"], 0)
    say("ready")
    sys.stdin.readline()
    result = await measure(clients, job)
    backends.check(job["backend"], len(job["calls"]))
    await runtime.stop_when_idle()
    say(result)


asyncio.run(main())
