# SPDX-License-Identifier: BSD-2-Clause
"""The engine: runs of an asyncio event loop, over one ring for each loop.

A run costs the loop one call to queue it and a share of two wakes. The first wake
submits all runs that were queued in a turn of the loop, the second takes all
completions. There is no Python thread.

A run is known by its token: a future, which gets its result; or a Job, which gets the
parts of its output, too.
"""
from __future__ import annotations

import asyncio
import atexit
import collections
import os
import weakref
from typing import Any, AsyncGenerator, Deque, Dict, Optional, Set, Union

from . import _native
from .job import Job

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
    entry, in their order. jobs are the runs in flight that have a Job. brief: the loop has
    already ended its asynchronous generators, so the engine ends as soon as it is unused.
    """

    __slots__ = ("loop", "ring", "fd", "generation", "closed", "free",
                 "waiting", "jobs", "submitting", "drained", "brief", "life",
                 "__weakref__")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ring = _native.Ring(ENTRIES)
        self.fd = self.ring.fileno()
        self.generation = _generation
        self.closed = False
        self.free = ENTRIES
        self.waiting: Deque[asyncio.Future[None]] = collections.deque()
        self.jobs: Set[Job] = set()
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

    def queue(self, template: _native.Template,
              token: Union[asyncio.Future[_native.Result], Job], argv: Any,
              options: Dict[str, Any]) -> None:
        """Queue a run in an entry that the caller has taken."""
        try:
            self.ring.run(template, token, argv, **options)
        except BaseException:
            self.give(1)
            raise
        if self.free == ENTRIES - 1:
            # this run is alone: it need not wait for others of this turn
            self.ring.submit()
        elif not self.submitting:
            self.submitting = True
            self.loop.call_soon(self._submit)

    def _submit(self) -> None:
        self.submitting = False
        if not self.closed:
            self.ring.submit()

    # ---- completion

    def _reap(self) -> None:
        if self.closed:
            return
        ended = 0
        for token, error, value in self.ring.reap(BATCH):
            if type(error) is int:
                if token is not None:
                    token.part(error, value)
                continue
            ended += 1
            if token is None or token.done():
                pass
            elif type(token) is Job:
                self.jobs.discard(token)
                token.finish(error, value)
            elif error is None:
                token.set_result(value)
            else:
                token.set_exception(error)
        self.give(ended)

    def abandon(self, future: asyncio.Future[_native.Result]) -> None:
        """End the future's run, if it has one: nobody waits for it any more."""
        if future.done() and not future.cancelled():
            future.exception()      # mark it as seen
        elif not self.closed:
            self.ring.cancel(future, True)

    def end(self, job: Job) -> None:
        """End the job's run, which has a result then."""
        if not self.closed and self.generation == _generation:
            self.ring.cancel(job)

    def forget(self, job: Job) -> None:
        """End the job's run: nobody looks at it any more."""
        self.jobs.discard(job)
        if not self.closed and self.generation == _generation:
            self.ring.cancel(job, True)

    # ---- the end

    async def _live(self) -> AsyncGenerator[None, None]:
        """End the engine at the end of the loop.

        All loops end their asynchronous generators, and only that step can wait. It
        ends the runs that have a Job, and waits for the trees of cancelled runs, which
        have their grace to end, and for the runs of other generators that end now.
        """
        try:
            yield
        finally:
            for job in list(self.jobs):
                self.end(job)
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


async def run(template: _native.Template, argv: Any, options: Dict[str, Any]
              ) -> _native.Result:
    """Run a program to its end in the running loop; options are those of the native run()."""
    engine = current()
    if engine.free:
        engine.free -= 1
    else:
        await engine.take()
    future: asyncio.Future[_native.Result] = engine.loop.create_future()
    engine.queue(template, future, argv, options)
    try:
        return await future
    except BaseException:
        engine.abandon(future)
        raise


async def start(template: _native.Template, job: Job, argv: Any,
                options: Dict[str, Any]) -> None:
    """Queue a run in the running loop, unless the job is over by then."""
    engine = current()
    if engine.free:
        engine.free -= 1
    else:
        await engine.take()
    if job.over is not None:
        engine.give(1)
        return
    engine.queue(template, job, argv, options)
    engine.jobs.add(job)
    job.engine = engine


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
