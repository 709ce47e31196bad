# SPDX-License-Identifier: BSD-2-Clause
"""The engine: runs of an asyncio event loop, over one ring for each loop.

A run costs the loop one call to queue it and a share of two wakes. The first wake
submits all runs that were queued in a turn of the loop, the second takes all
completions. There is no Python thread.
"""
from __future__ import annotations

import asyncio
import atexit
import collections
import os
import weakref
from typing import Any, AsyncGenerator, Deque, Optional

from . import _native

# The most programs that a loop runs at a time; others wait for their turn. Each holds
# up to five descriptors, and the usual limit is 1024.
ENTRIES = 128

# The most completions to take before the loop can do other work, since each may have
# megabytes of output to copy.
BATCH = 16

_ATTRIBUTE = "_spawn_template_engine"

# Counts forks: an engine of an older generation belongs to a parent process.
_generation = 0
_engines: "weakref.WeakSet[Engine]" = weakref.WeakSet()


class Engine:
    """The ring of one event loop, and the tasks that wait for it.

    free is the number of unused entries. If it is 0, waiting has the tasks that want an
    entry, in their order. brief: the loop has already ended its asynchronous generators,
    so the engine ends as soon as it is unused.
    """

    __slots__ = ("loop", "ring", "fd", "generation", "closed", "free",
                 "waiting", "submitting", "drained", "brief", "life",
                 "__weakref__")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ring = _native.Ring(ENTRIES)
        self.fd = self.ring.fileno()
        self.generation = _generation
        self.closed = False
        self.free = ENTRIES
        self.waiting: Deque[asyncio.Future[None]] = collections.deque()
        self.submitting = False
        self.drained: Optional[asyncio.Future[None]] = None
        self.brief = getattr(loop, "_asyncgens_shutdown_called", False)
        self.life = self._live()
        loop.add_reader(self.fd, self._reap)
        _engines.add(self)

    # ---- entries

    async def take(self) -> None:
        """Wait for an entry; the caller has seen that none is free."""
        turn = self.loop.create_future()
        self.waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give(1)
            turn.cancel()
            raise

    def give(self, entries: int) -> None:
        """Give free entries to the tasks that wait, or else keep them."""
        while entries and self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                entries -= 1
        self.free += entries
        if self.free == ENTRIES:
            if self.drained is not None and not self.drained.done():
                self.drained.set_result(None)
            if self.brief and not self.closed:
                self.loop.call_soon(self._rest)

    def _rest(self) -> None:
        if self.free == ENTRIES and not self.closed:
            self.close()

    # ---- submission

    def queue(self, template: _native.Template, *args: Any
              ) -> asyncio.Future[_native.Result]:
        """Queue a run in an entry that the caller has taken. The future gets its result."""
        future = self.loop.create_future()
        try:
            self.ring.run(template, future, *args)
        except BaseException:
            self.give(1)
            raise
        if self.free == ENTRIES - 1:
            # this run is alone: it need not wait for others of this turn
            self.ring.submit()
        elif not self.submitting:
            self.submitting = True
            self.loop.call_soon(self._submit)
        return future

    def _submit(self) -> None:
        self.submitting = False
        if not self.closed:
            self.ring.submit()

    # ---- completion

    def _reap(self) -> None:
        if self.closed:
            return
        completions = self.ring.reap(BATCH)
        for future, error, result in completions:
            if future is None or future.done():
                pass
            elif error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        self.give(len(completions))

    def abandon(self, future: asyncio.Future[_native.Result]) -> None:
        """End the future's run, if it has one: nobody waits for it any more."""
        if future.done() and not future.cancelled():
            future.exception()      # mark it as seen
        elif not self.closed:
            self.ring.cancel(future, True)

    # ---- the end

    async def _live(self) -> AsyncGenerator[None, None]:
        """End the engine at the end of the loop.

        All loops end their asynchronous generators, and only that step can wait. It
        waits for the trees of cancelled runs, which have their grace to end, and for
        the runs of other generators that end now.
        """
        try:
            yield
        finally:
            try:
                await self._drain()
            finally:
                self.close()

    async def _drain(self) -> None:
        while (self.free < ENTRIES and not self.closed
               and self.generation == _generation):
            self.drained = self.loop.create_future()
            await self.drained

    def close(self) -> None:
        """End the ring: kill the runs in it, and cancel the tasks that wait."""
        if self.closed:
            return
        self.closed = True
        if getattr(self.loop, _ATTRIBUTE, None) is self:
            delattr(self.loop, _ATTRIBUTE)
        if self.generation == _generation and not self.loop.is_closed():
            self.loop.remove_reader(self.fd)
        left = [*self.ring.close(), *self.waiting]
        if self.generation == _generation and not self.loop.is_closed():
            for future in left:
                if future is not None:
                    future.cancel()
            if self.drained is not None and not self.drained.done():
                self.drained.set_result(None)


def current() -> Engine:
    """Returns the engine of the running loop."""
    loop = asyncio.get_running_loop()
    engine: Optional[Engine] = getattr(loop, _ATTRIBUTE, None)
    if engine is not None and engine.generation == _generation:
        return engine
    engine = Engine(loop)
    # The engine is an attribute of its loop, so that both go together. A weak
    # dictionary would not do: its value must not refer to the key, as the engine does.
    setattr(loop, _ATTRIBUTE, engine)
    if engine.brief:
        return engine
    try:
        engine.life.asend(None).send(None)
    except StopIteration:
        pass    # the generator has begun, and the loop knows it
    return engine


async def run(template: _native.Template, *args: Any) -> _native.Result:
    """Run a program to its end in the running loop; args are those of the native run()."""
    engine = current()
    if engine.free:
        engine.free -= 1
    else:
        await engine.take()
    future = engine.queue(template, *args)
    try:
        return await future
    except BaseException:
        engine.abandon(future)
        raise


def _forget_all() -> None:
    """Forget the parent's engines in a forked child."""
    global _generation
    _generation += 1
    _engines.clear()


def _kill_all() -> None:
    """Kill all runs at exit, because nobody waits for them any more."""
    for engine in list(_engines):
        engine.closed = True
        engine.ring.close()


os.register_at_fork(after_in_child=_forget_all)
atexit.register(_kill_all)
