# SPDX-License-Identifier: BSD-2-Clause
"""Runs for threads that may block.

The library's own blocking call is the fastest, but its wait cannot be interrupted.
Python runs signal handlers in the main thread only, so the main thread waits for a
ring instead. A handler may run meanwhile and raise an exception, as that of Ctrl-C does.
"""
from __future__ import annotations

import errno
import os
import threading
from typing import Any, Callable, List, Optional

from . import _native
from .options import AnyResult, Request
from .output import Chunks

# One unused ring is kept; a handler that runs programs needs a ring of its own.
_rings: List[_native.Ring] = []
_main = threading.main_thread().ident

# The errors where a process may not start threads: after unshare(CLONE_NEWPID), or
# where a sandbox denies clone3(2) with another error than ENOSYS.
_NO_THREADS = (errno.EINVAL, errno.EPERM, errno.EACCES)


Take = Callable[[int, bytes], None]


def run(template: _native.Template, request: Request) -> AnyResult:
    """Run a program to its end, and pass its output on, if that is asked for."""
    handed = request.on_output
    if handed is None:
        return request.answer(_run(template, request, None))
    chunks = Chunks(request.text)

    def take(kind: int, data: bytes) -> None:
        chunk = chunks.of(kind, data)
        if chunk is not None:
            handed(chunk)
    result = _run(template, request, take)
    for chunk in chunks.rest():
        handed(chunk)
    return request.answer(result)


def _run(template: _native.Template, request: Request, take: Optional[Take]
         ) -> _native.Result:
    argv, options = request.argv, request.options
    ring = None
    if threading.get_ident() == _main:
        ring = _kept_ring() or _new_ring()
    if ring is None:        # signal handlers run afterwards
        return template.run(argv, on_output=take, **options)
    result: _native.Result
    try:
        ring.run(template, None, argv, stream=take is not None, **options)
        _, error, result = _wait(ring, take)
    except BaseException:
        _end(ring)
        raise
    if not _rings:
        _rings.append(ring)
    if error is not None:
        raise error
    return result


def _kept_ring() -> Optional[_native.Ring]:
    """Take the unused ring, unless the program has closed its descriptors."""
    while _rings:
        ring = _rings.pop()
        try:
            ring.fileno()
            return ring
        except OSError:
            ring.close()
    return None


def _new_ring() -> Optional[_native.Ring]:
    """Make a ring, if there can be one: it needs threads."""
    try:
        return _native.Ring(1)
    except OSError as error:
        if error.errno in _NO_THREADS:
            return None
        raise


def _wait(ring: _native.Ring, take: Optional[Take]) -> _native.Completion:
    """Return the end of the run; its output is taken, or dropped."""
    while True:
        done = ring.wait()
        if done is None:    # a signal handler ran
            continue
        if type(done[1]) is not int:
            return done
        if take is not None:
            take(done[1], done[2].take())
        del done            # it makes room for more output


def _end(ring: _native.Ring) -> None:
    """End the tree with its grace, or at once if interrupted again.

    A handler may have raised at any point, so the ring may hold a completion that
    nobody took: it is not used again.
    """
    try:
        if ring.cancel(None):
            _wait(ring, None)
    finally:
        ring.close()


def _forget_all() -> None:
    """Forget the parent's rings in a forked child, whose one thread is the main one."""
    global _main
    _main = threading.get_ident()
    _rings.clear()


os.register_at_fork(after_in_child=_forget_all)
