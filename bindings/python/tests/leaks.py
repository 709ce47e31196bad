#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Looks for growth: takes each way through the code, also with errors, many times.

Counts memory blocks and descriptors, and references with a debug build of Python and
an extension built for it.
"""
import asyncio
import gc
import os
import subprocess
import sys

import spawn_template
from spawn_template import _native, blocking

ROUNDS = int(os.environ.get("LEAK_ROUNDS", "100"))

sh = spawn_template.Template("sh")
true = _native.Template("true")
closed = _native.Template("true")
closed.close()
ENV = {"A%d" % i: "x" * 100 for i in range(20)}


class Bad:
    def __fspath__(self):
        raise KeyError("bad path")


def attempt(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError,
            ValueError):
        return None


def wait(child):
    os.close(child[1])
    os.waitpid(child[0], 0)


def spawn():
    wait(true.spawn(["true"]))
    wait(true.spawn([b"true"], ENV, cwd="/", pass_fds=[0], groups=[]
                    if os.getuid() == 0 else None))
    wait(true.spawn(["true"], [b"A=1"], stdin=0, stdout=0, stderr=1))


def spawn_errors():
    for args, kwargs in (
            ((["true"],), dict(cwd="/none")), ((["true"],), dict(stdin=999)),
            ((["true"],), dict(pass_fds=[999])),
            ((["true"],), dict(pass_fds=[-1])),
            ((["true"],), dict(pass_fds=["a"])),
            ((["true"],), dict(groups=[1, "a"])),
            ((["true"],), dict(uid=-1)), ((["true"],), dict(cwd=Bad())),
            ((["true", Bad()],), {}), ((["true", "a\0"],), {}), (([],), {}),
            (("true",), {}), ((["true"], {"A": "1", "B": Bad()}), {}),
            ((["true"], {"A": "1", "B=": "1"}), {}),
            ((["true"], [b"A=1", "B=1"]), {}), ((["true"], 5), {}),
            ((["true"],), dict(nonsense=1))):
        assert attempt(true.spawn, *args, **kwargs) is None
    assert attempt(closed.spawn, ["true"]) is None


class Popen:
    pass


def cache():
    how = [-1, -1, -1, (), True, None, -1, None, None, None, False, -1, True]
    away = how[:5] + ["/none"] + how[6:]
    caches = [_native.Cache(2, negative=1)]
    for cache in caches * 3:
        popen = Popen()

        def launch(name, how):
            return cache.launch((b"/none", name), ("audit",), popen, (), None, ["a"],
                                ENV, *how)
        assert launch(b"/bin/true", how) is None
        os.waitpid(popen.pid, 0)
        assert launch(b"/none", how)
        assert launch(b"/etc/passwd", how)
        assert launch(b"/bin/true", away)
        attempt(launch, "/bin/true", how)
        attempt(launch, b"/bin/true", how[1:])
        cache.begin((b"/bin/sleep",), None, popen, (), None, ["sleep", "9"], ENV,
                    *how).drop()
        cache.stat()
    attempt(_native.Cache, 5000)


def template():
    with _native.Template("true") as t:
        t.stat()
        t.check()
        t.refresh()
        repr(t)
    attempt(closed.check)
    attempt(_native.Template, "no-such-program")
    attempt(_native.Template, "true", search_path=Bad())
    attempt(_native.Template, Bad())
    spawn_template.Template("true").close()
    with spawn_template.Template("true", warm="fork", warm_target=2) as warm:
        warm.stat()
    attempt(spawn_template.Template, "true", warm="spoon")
    attempt(spawn_template.Template, "no-such-program", warm="once")


def run():
    r = sh._native.run(["sh", "-c", "cat; echo err >&2"], ENV,
                       bytearray(b"in"))
    repr(r), r.usage, r.out, r.timed_out, r.returncode
    attempt(true.run, ["true"], cwd="/none")
    attempt(true.run, ["true"], input=5)
    attempt(true.run, ["true"], input=b"1", max_output=0)
    attempt(true.run, ["true"], timeout=Bad())
    attempt(_native.Result)


def ring():
    r = _native.Ring(4)
    r.run(true, object(), ["true"], ENV, b"input")
    r.run(true, object(), ["true"], cwd="/none")
    r.spawn(true, object(), ["true"], stdin=0, stdout=0)
    token = object()
    r.run(sh._native, token, ["sh", "-c", "sleep 60"])
    attempt(r.run, true, None, ["true"])
    attempt(r.run, true, None, ["true"], input=5)
    attempt(r.run, "true", None, ["true"])
    attempt(r.run, closed, None, ["true"])
    r.cancel(token, True)
    for _ in range(4):
        _, _, value = r.wait()
        if isinstance(value, tuple):
            wait(value)
    # close() ends the run in flight
    r.run(sh._native, r, ["sh", "-c", "sleep 60"])
    r.submit()
    r.close()
    attempt(r.reap)
    attempt(_native.Ring, 0)


def runs():
    for run in (spawn_template.run_sync,
                lambda *args, **kwargs: asyncio.run(spawn_template.run(*args, **kwargs))):
        run("sh", "-c", "cat", input="in", text=True, env=dict(ENV, PATH="/bin"))
        attempt(run, "true", cwd="/none")
        attempt(run, "no-such-program")
        attempt(run, "true", input=5)
    blocking._rings.clear()


def blocks():
    sh.run_sync(["sh", "-c", "echo hi"])
    attempt(sh.run_sync, ["sh"], cwd="/none")
    blocking._rings.clear()


def popens():
    with spawn_template.installed():
        for args, kwargs in (
                (["true"], {}), (["/bin/true"], dict(close_fds=False)),
                (["true"], dict(env=ENV, cwd="/", stdin=-1, stdout=-1)),
                (["true"], dict(cwd="/none")), (["/none"], {}),
                (["true", Bad()], {}), (["true", "\0"], dict(stdout=-1)),
                (["true"], dict(env={"=": "1"}))):
            attempt(subprocess.run, args, **kwargs)


async def processes():
    for args in ("true",), ("sh", "-c", "echo hi"):
        process = await asyncio.create_subprocess_exec(*args, stdout=-1)
        await process.communicate()
    try:
        await asyncio.create_subprocess_exec("true", cwd="/none")
    except FileNotFoundError:
        pass
    task = asyncio.ensure_future(asyncio.create_subprocess_exec("sleep", "60"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def dropin():
    with spawn_template.installed():
        asyncio.run(processes())


async def tasks():
    await asyncio.gather(*(sh.run(["sh", "-c", "echo hi"], env=ENV)
                           for _ in range(3)))
    task = asyncio.ensure_future(sh.run(["sh", "-c", "sleep 60"]))
    await asyncio.sleep(0)
    task.cancel()
    for end in (task, sh.run(["sh"], cwd="/none"), sh.run(5)):
        try:
            await end
        except (asyncio.CancelledError, OSError, TypeError):
            pass


def engine():
    asyncio.run(tasks())


async def run_on():
    """Take output as it comes, or not; write; end in each way."""
    async for _ in sh.stream("-c", "echo hi", text=True):
        pass
    async for _ in sh.stream("-c", "exec cat /dev/zero"):
        break
    async with sh.stream("-c", "cat", open_input=True, pty=True, env=ENV) as going:
        going.write(b"x")
        await going.__anext__()
        going.resize(30, 90)
    going = await sh.start("-c", "cat", open_input=True, timeout=0.01, detach=True,
                           detached_timeout=None)
    await going.first_result()
    going.write(bytes(3 << 20))
    going.close_input()
    await going
    task = asyncio.ensure_future(sh.stream("-c", "sleep 60").wait())
    await asyncio.sleep(0)
    task.cancel()
    for end in (task, sh.stream(cwd="/none").wait(), sh.stream(input=5).wait(),
                sh.run("-c", "echo", on_output=Bad), sh.run(spill="/none"),
                sh.run(spill=-1), sh.run(tail=-1)):
        try:
            await end
        except (asyncio.CancelledError, OSError, TypeError, ValueError,
                OverflowError):
            pass


def streams():
    asyncio.run(run_on())
    attempt(sh.run_sync, "-c", "echo", on_output=Bad)
    attempt(sh._native.run, ["sh", "-c", "echo"], on_output=Bad)
    attempt(sh._native.run, ["sh", "-c", "echo"], on_output=lambda *_: None,
            spill="/tmp")
    sh._native.run(["sh", "-c", "echo"], on_output=lambda *_: None)
    sh.run_sync("-c", "echo", spill="/tmp", tail=True)
    attempt(spawn_template.Sandbox, connect=[1, "a"])
    attempt(spawn_template.Sandbox, connect=[1 << 16])
    attempt(spawn_template.Sandbox, connect=[1], bind=[2], best_effort=True)
    blocking._rings.clear()


def counted():
    gc.collect()
    return {"references": getattr(sys, "gettotalrefcount", int)(),
            "blocks": sys.getallocatedblocks(),
            "descriptors": len(os.listdir("/proc/self/fd"))}


def grown(way, rounds):
    """Return how much each count has grown after so many rounds."""
    before = counted()
    for _ in range(rounds):
        way()
    after = counted()
    return {what: after[what] - before[what] for what in before}


def main():
    if "--debug" in sys.argv and not hasattr(sys, "gettotalrefcount"):
        sys.exit("not a debug build of Python")
    failed = 0
    ways = (spawn, spawn_errors, cache, template, run, ring, runs, blocks, popens,
            dropin, engine, streams)
    for way in ways:
        rounds = 30 if way in (ring, runs, dropin, engine, streams) else ROUNDS
        # a leak grows in each round, the interpreter's caches only at first
        for _ in range(30):
            growth = grown(way, rounds)
            bad = max(growth.values()) > rounds // 2
            if not bad:
                break
        failed += bad
        print(f"  {'not ok' if bad else 'ok'} {way.__name__} {rounds} times: "
              f"{growth}")
    print(f"{len(ways) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
