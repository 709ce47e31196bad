# SPDX-License-Identifier: BSD-2-Clause
"""Runs for threads that may block.

The library's own blocking call is the fastest, but nothing ends its wait. Python
runs signal handlers in the main thread only, so that one waits for a ring instead:
a handler may run meanwhile and, like that of Ctrl-C, raise.
"""
from __future__ import annotations

import os
import threading
from typing import Any, List, Tuple

from . import _native

# One that is not in use is kept; a handler that runs programs needs its own.
_rings: List[_native.Ring] = []
_main = threading.main_thread().ident


def run(template: _native.Template, args: Tuple[Any, ...]) -> _native.Result:
    """Run to the end; args are those of the native run()."""
    if threading.get_ident() != _main:
        return template.run(*args)
    ring = _rings.pop() if _rings else _native.Ring(1)
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


def _wait(ring: _native.Ring) -> _native.Completion:
    done = None
    while done is None:     # a signal handler ran
        done = ring.wait()
    return done


def _end(ring: _native.Ring) -> None:
    """End the tree with its grace; at once if interrupted again.

    A handler may have raised at any point: a ring with, maybe, a completion that
    nobody took is not used again.
    """
    try:
        if ring.cancel(None):
            _wait(ring)
    finally:
        ring.close()


def _forget_all() -> None:
    """In a child of fork: rings are the parent's, the thread is the main one."""
    global _main
    _main = threading.get_ident()
    _rings.clear()


os.register_at_fork(after_in_child=_forget_all)
