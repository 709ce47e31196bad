# SPDX-License-Identifier: BSD-2-Clause
"""The engine: runs of an asyncio event loop, over one ring for each loop.

A run costs the loop one call to queue it and a share of two wakes: one submits all
that was queued in a turn of the loop, one takes all completions that are there. No
thread of Python's is involved.
"""
from __future__ import annotations

import asyncio
import atexit
import collections
import os
import weakref
from typing import Any, AsyncGenerator, Deque, Optional

from . import _native

# How many programs a loop has running at a time; more wait for their turn. Each
# holds up to five descriptors, and the usual limit is 1024.
ENTRIES = 128

# How many completions are taken before the loop has a turn for others: each may
# have megabytes of output to copy.
BATCH = 16

_ATTRIBUTE = "_spawn_template_engine"

# Counts forks: an engine that a child inherits is its parent's.
_generation = 0
_engines: "weakref.WeakSet[Engine]" = weakref.WeakSet()


class Engine:
    """The ring of one event loop, and who waits for it.

    free counts entries that nobody has; while there is none, waiting are those
    who want one, in their order. brief says that the loop has ended what it ends
    once: then the engine ends as soon as it is not used.
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
        """Entries are free: they go to those who wait, or to whoever comes."""
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
        """Queue a run, of which the future will tell; an entry was taken."""
        future = self.loop.create_future()
        try:
            self.ring.run(template, future, *args)
        except BaseException:
            self.give(1)
            raise
        if self.free == ENTRIES - 1:
            # alone: it need not wait for others of this turn
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
        """Nobody waits for the future any more: end its run, if there is one."""
        if future.done() and not future.cancelled():
            future.exception()      # it was told, to nobody
        elif not self.closed:
            self.ring.cancel(future, True)

    # ---- the end

    async def _live(self) -> AsyncGenerator[None, None]:
        """Lives as long as the loop, which ends its asynchronous generators.

        That is the one thing that all loops do at their end, and that can wait:
        here for trees of cancelled runs, which have their grace to end, and for
        runs of other generators that end now.
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
        """End the ring; what still runs is killed, and who waits is cancelled."""
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
    """The engine of the running loop."""
    loop = asyncio.get_running_loop()
    engine: Optional[Engine] = getattr(loop, _ATTRIBUTE, None)
    if engine is not None and engine.generation == _generation:
        return engine
    engine = Engine(loop)
    # An attribute, because the engine keeps its loop, as a weak dictionary's
    # value must not; so both go when the loop does.
    setattr(loop, _ATTRIBUTE, engine)
    if engine.brief:
        return engine
    try:
        engine.life.asend(None).send(None)
    except StopIteration:
        pass    # it has begun, and the loop knows it
    return engine


def _forget_all() -> None:
    """In a child of fork: what it has inherited is its parent's."""
    global _generation
    _generation += 1
    _engines.clear()


def _kill_all() -> None:
    """At exit: programs do not outlive whoever waits for them."""
    for engine in list(_engines):
        engine.closed = True
        engine.ring.close()


os.register_at_fork(after_in_child=_forget_all)
atexit.register(_kill_all)
