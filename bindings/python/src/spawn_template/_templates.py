# SPDX-License-Identifier: BSD-2-Clause
"""The cache of templates that launches of this process go through.

The library has the cache. It looks for the file at each launch, remembers what it has
learned of the files that were used last, and holds nothing open between launches, so
that neither deleted programs nor mounts stay in use. Only a cache that prepares processes
holds their templates, for a time. In a child of fork the cache starts empty. A signal
handler may launch, too: no thread holds the library's lock while Python code runs.
"""
import collections
import errno
import itertools
import operator
import os
from typing import Optional

from ._native import Cache

LIMIT = 64

# If an executable can have no template, the original launches it for so many seconds,
# unless the file changes.
RETRY_AFTER = 1.0

# For so many seconds after a launch the processes that are prepared for its program wait:
# the library ends them after that time, too.
HOLD = 30.0

# The way in which the cache prepares processes: flags CREATE_WARM_*, how many, and the
# modules of Pythons.
prepares = 0
_target = 0
_modules: Optional[str] = None


def _make() -> Cache:
    return Cache(LIMIT, negative=RETRY_AFTER, flags=prepares,
                 hold=HOLD if prepares else 0.0, warm_target=_target,
                 warm_preload=_modules)


cache = _make()

# The numbers of stale executables and of warm launches of earlier caches; of warm
# launches also those of the parent process, before a fork.
_stale_before = 0
_warm_before = 0

# The counters that a fork notes beforehand: those of the cache of that time.
_current = [cache]
_at_fork: "collections.deque[dict[str, int]]" = collections.deque(maxlen=1)


def stale() -> int:
    """Returns how many executables had changed, and so got another template."""
    return _stale_before + cache.stat()["changed"]


def warm() -> int:
    """Returns how many launches prepared processes have taken."""
    return _warm_before + cache.stat()["warm"]


def clear() -> None:
    """Forgets all files, and ends the processes that are prepared for them."""
    global cache, _stale_before, _warm_before
    before, cache = cache, _make()
    _current[0] = cache
    stat = before.stat()
    _stale_before += stat["changed"]
    _warm_before += stat["warm"]


def prepare(flags: int, target: int, modules: Optional[str] = None) -> None:
    """Prepares processes from now on; flags 0: does not."""
    global prepares, _target, _modules
    if (flags, target, modules) != (prepares, _target, _modules):
        prepares, _target, _modules = flags, target, modules
        clear()


def name_of(number: int) -> str:
    """Returns the name of an errno, such as ENOEXEC."""
    return errno.errorcode.get(number, str(number))


# Notes them by iterators alone. In a function of Python a signal handler could run, and
# wait for ever if it forks: hooks of other modules hold their locks by then.
_note = map(_at_fork.append,
            map(operator.methodcaller("stat"),
                map(operator.itemgetter(0), itertools.repeat(_current)))).__next__


def _after_fork() -> None:
    global _warm_before
    if _at_fork:
        _warm_before += _at_fork.pop()["warm"]


os.register_at_fork(before=_note, after_in_child=_after_fork)
