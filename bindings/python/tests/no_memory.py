# SPDX-License-Identifier: BSD-2-Clause
"""Lets each allocation of Python fail in turn: no crash, no descriptor left.

Runs in a process of its own and needs _testcapi. Prints "done".
"""
import gc
import os
import sys
import time

import _testcapi
from spawn_template import _native

ENV = {"A": "1", "B": "2"}
HOW = -1, -1, -1, (), True, "/", -1, None, None, None, False, -1, True
TOKEN = "a run that goes on"
template = _native.Template("true")
shell = _native.Template("sh")
ring = _native.Ring(4)
cache = _native.Cache(4)


def spawn():
    child = template.spawn(["true", "a"], ENV, cwd="/", pass_fds=[0], stdin=0,
                           stdout=0)
    os.close(child[1])


def run():
    template.run(["true"], ENV, bytearray(b"x"))


def error():
    try:
        template.run(["true"], cwd="/none")
    except FileNotFoundError:
        pass


def make_ring():
    _native.Ring(2)


def make_template():
    _native.Template("true")


def stat():
    template.stat()


def ring_run():
    ring.run(template, object(), ["true"], ENV)


def ring_spawn():
    ring.spawn(template, object(), ["true"], ENV, stdin=0, stdout=0)


def ring_stream():
    ring.run(shell, TOKEN, ["sh", "-c", "cat; echo x >&2"], ENV, stream=True,
             open_input=True, spill=None)
    ring.write(TOKEN, b"abc", 1)
    ring.close_input(TOKEN)


def run_output():
    shell.run(["sh", "-c", "echo"], ENV, on_output=lambda *_: None)


def run_spill():
    shell.run(["sh", "-c", "echo"], ENV, tail=3, spill="/tmp")


class Popen:
    pass


def cache_launch():
    cache.launch((b"/none", b"/bin/true"), None, Popen(), (), None, ["true"], ENV,
                 *HOW)


def cache_begin():
    cache.begin((b"/bin/true",), None, Popen(), (), None, ["true"], ENV, *HOW)


def make_cache():
    _native.Cache(2).stat()


def starved(function, n):
    """Call function; return None if it raised for want of the n-th allocation."""
    _testcapi.set_nomemory(n, n + 1)
    try:
        return function()
    except MemoryError:
        starved.told += 1
        return None
    finally:
        _testcapi.remove_mem_hooks()


def drain(n):
    """Take all completions, without memory, too."""
    left = ring.submit()
    while left:
        done = starved(ring.wait, n % 20 + 1)
        left -= 1
        if done and isinstance(done[2], tuple):
            os.close(done[2][1])
    # parts of a run come before its end, and are lost if memory is short
    while ring.cancel(TOKEN):
        ring.wait(100)
    ring.reap()


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main():
    # the first run makes the ring's sentinel, which has a descriptor
    ring_run()
    drain(0)
    before = len(os.listdir("/proc/self/fd"))
    for function in (spawn, run, error, make_ring, make_template, stat,
                     ring_run, ring_spawn, ring_stream, run_output, run_spill,
                     cache_launch, cache_begin, make_cache):
        starved.told = 0
        for n in range(1, 80):
            starved(function, n)
            drain(n)
            reap()
        if not starved.told:
            sys.exit(f"{function.__name__}: nothing failed")
    gc.collect()
    for _ in range(100):
        if len(os.listdir("/proc/self/fd")) <= before:
            print("done")
            return
        time.sleep(0.02)
    sys.exit("descriptors are left")


main()
