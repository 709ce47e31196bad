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
from typing import Any, List, Optional, Tuple

from . import _native

# One unused ring is kept; a handler that runs programs needs a ring of its own.
_rings: List[_native.Ring] = []
_main = threading.main_thread().ident

# The errors where a process may not start threads: after unshare(CLONE_NEWPID), or
# where a sandbox denies clone3(2) with another error than ENOSYS.
_NO_THREADS = (errno.EINVAL, errno.EPERM, errno.EACCES)


def run(template: _native.Template, args: Tuple[Any, ...]) -> _native.Result:
    """Run a program to its end; args are those of the native run()."""
    if threading.get_ident() != _main:
        return template.run(*args)
    ring = _kept_ring() or _new_ring()
    if ring is None:        # signal handlers run afterwards
        return template.run(*args)
    result: _native.Result
    try:
        ring.run(template, None, *args)
        _, error, result = _wait(ring)
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


def _wait(ring: _native.Ring) -> _native.Completion:
    done = None
    while done is None:     # a signal handler ran
        done = ring.wait()
    return done


def _end(ring: _native.Ring) -> None:
    """End the tree with its grace, or at once if interrupted again.

    A handler may have raised at any point, so the ring may hold a completion that
    nobody took: it is not used again.
    """
    try:
        if ring.cancel(None):
            _wait(ring)
    finally:
        ring.close()


def _forget_all() -> None:
    """Forget the parent's rings in a forked child, whose one thread is the main one."""
    global _main
    _main = threading.get_ident()
    _rings.clear()


os.register_at_fork(after_in_child=_forget_all)
