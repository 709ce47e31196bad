# SPDX-License-Identifier: BSD-2-Clause
"""Job: the part of a Run that the engine knows.

A Job does not refer to its Run, whose end therefore comes as soon as nobody uses it:
then the tree of its program is ended.
"""
from __future__ import annotations

import asyncio
import collections
import errno
from typing import TYPE_CHECKING, Any, Deque, List, Optional, Tuple

from . import _native

if TYPE_CHECKING:
    from .engine import Engine


class Job:
    """A run of a ring, which tells its parts and its end.

    over: the error, or None, and the result, or None. unsent: input that the ring has
    not taken yet, the first part from the given offset on.
    """

    __slots__ = ("engine", "parts", "detached", "over", "cancelled", "_waiting",
                 "unsent", "_offset", "_closing", "_broken", "_full")

    def __init__(self) -> None:
        self.engine: Optional[Engine] = None
        self.parts: Deque[Tuple[int, _native.Chunk]] = collections.deque()
        self.detached: Optional[_native.Result] = None
        self.over: Optional[Tuple[Optional[BaseException],
                                  Optional[_native.Result]]] = None
        self.cancelled = False
        self._waiting: List[asyncio.Future[None]] = []
        self.unsent: Deque[bytes] = collections.deque()
        self._offset = 0
        self._closing = False
        self._broken = False
        self._full = False      # the ring tells when it has room again

    # ---- what the engine tells

    def done(self) -> bool:
        return self.over is not None

    def part(self, kind: int, value: Any) -> None:
        if kind == _native.CQE_DETACHED:
            self.detached = value
        elif kind == _native.CQE_ROOM:
            self._full = False
            # later: an error of it must not take other completions with it
            if self.engine is not None:
                self.engine.loop.call_soon(self._send)
            return
        else:
            self.parts.append((kind, value))
        self._wake()

    def finish(self, error: Optional[BaseException],
               result: Optional[_native.Result]) -> None:
        if self.over is None:
            self.over = error, result
            self._stop_input()
            self._wake()

    def cancel(self) -> None:
        """The engine has ended, and has taken back all output."""
        self.parts.clear()
        self.finish(asyncio.CancelledError(), None)

    # ---- waiting

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def changed(self) -> None:
        """Wait until there is something new."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting
        finally:
            self._waiting.remove(waiting)

    # ---- input

    def write(self, data: bytes) -> None:
        if self._closing:
            raise ValueError("the input is closed")
        self.check_input()
        if data:
            self.unsent.append(data)
            self._send()

    def close_input(self) -> None:
        if not self._closing:
            self._closing = True
            self._send()

    def check_input(self) -> None:
        if self._broken or self.over is not None:
            raise BrokenPipeError(errno.EPIPE, "the program reads no input any more")

    def begun(self) -> None:
        """The ring knows the run, and takes its input."""
        if self.unsent or self._closing:
            self._send()

    def _stop_input(self) -> None:
        self._broken = self._broken or bool(self.unsent)
        self.unsent.clear()

    def _send(self) -> None:
        """Send as much as there is room for; the ring tells when there is more."""
        if (self.engine is None or self.engine.closed or self._full
                or self.over is not None):
            return
        try:
            while self.unsent:
                n = self.engine.ring.write(self, self.unsent[0], self._offset)
                if n == 0:
                    self._full = True
                    return
                self._offset += n
                if self._offset == len(self.unsent[0]):
                    self.unsent.popleft()
                    self._offset = 0
            if not self.unsent and self._closing:
                self.engine.ring.close_input(self)
        except BrokenPipeError:
            self._broken = True
            self._stop_input()
        self._wake()
