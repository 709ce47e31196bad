# SPDX-License-Identifier: BSD-2-Clause
"""Two ways of the benchmark: create_subprocess_exec of CPython's asyncio.

bench/ring_work.h describes the requests on stdin and the answers on stdout. The
first argument is the work. The second is "pidfd", for the watcher of children that
uses pidfds (the default since Python 3.12), or "thread", for the watcher that has a
thread for each child (the default before).
"""
import asyncio
import json
import platform
import resource
import subprocess
import sys
import time
import warnings

work = json.loads(sys.argv[1])
env = dict(entry.split("=", 1) for entry in work["env"])
blocked = []


class TimedPopen(subprocess.Popen):
    """Times the launch, which asyncio makes in the thread of the loop."""

    def __init__(self, *args, **kwargs):
        start = time.perf_counter_ns()
        super().__init__(*args, **kwargs)
        blocked.append((time.perf_counter_ns() - start) / 1e3)


async def run(program):
    process = await asyncio.create_subprocess_exec(
        *program["argv"], env=env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    if process.returncode or len(out) != program["out"] or err:
        raise RuntimeError(program["argv"][0] + ": unexpected end")


async def run_round(program, inflight, runs):
    left = runs

    async def runner():
        nonlocal left
        while left > 0:
            left -= 1
            await run(program)

    await asyncio.gather(*(runner() for _ in range(inflight)))


def cpu_us():
    both = (resource.getrusage(resource.RUSAGE_SELF),
            resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in both) * 1e6


def switches():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_nvcsw + usage.ru_nivcsw


async def answer(line):
    index, inflight, warm, runs = (int(word) for word in line.split())
    program = work["programs"][index]
    if warm:
        await run_round(program, inflight, warm)
    blocked.clear()
    cpu, switched, start = cpu_us(), switches(), time.perf_counter()
    await run_round(program, inflight, runs)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "cpu_us": cpu_us() - cpu,
            "switches": switches() - switched, "blocked_us": blocked}


def say(what):
    print(json.dumps(what), flush=True)


def choose_watcher(kind):
    """Asks for such a watcher; returns True if it is in force."""
    if sys.version_info >= (3, 12):
        from asyncio import unix_events
        return unix_events.can_use_pidfd() == (kind == "pidfd")
    warnings.simplefilter("ignore", DeprecationWarning)
    asyncio.set_child_watcher(
        asyncio.PidfdChildWatcher() if kind == "pidfd"
        else asyncio.ThreadedChildWatcher())
    return True


async def serve():
    say({"ready": "CPython " + platform.python_version()})
    # Requests come one at a time, so the loop may block while it reads one.
    for line in sys.stdin:
        try:
            say(await answer(line))
        except Exception as error:
            say({"error": str(error)})
            sys.exit(1)


if choose_watcher(sys.argv[2]):
    subprocess.Popen = TimedPopen
    asyncio.run(serve())
else:
    say({"skipped": "this Python has no such watcher"})
