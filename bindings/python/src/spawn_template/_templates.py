# SPDX-License-Identifier: BSD-2-Clause
"""The templates of a process, made on first use and kept while in use.

A template is kept by the absolute path that it was asked for with. It is never
closed here but only let go: a thread that launches from it holds a reference, so
that its descriptor lives until the last of them is done. After a fork the child
starts with none, because a template is good only in the process that made it.
"""
import errno
import os
import threading
import time
from collections import OrderedDict
# Not as os.access: watchdogs of event loops replace that by one that refuses.
from posix import access
from typing import Hashable, Optional, Union

from ._native import CREATE_SCRIPT, Template

LIMIT = 64

# How long an executable that no template can be made of is left to the original.
RETRY_AFTER = 1.0


class Refused:
    """Why no template can be made of an executable, and until when to believe it."""

    __slots__ = ("reason", "until")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.until = time.monotonic() + RETRY_AFTER


Entry = Union[Template, Refused]

# In the order of their last use.
_entries: "OrderedDict[Hashable, Entry]" = OrderedDict()
_lock = threading.Lock()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _entries.clear()


os.register_at_fork(after_in_child=_after_fork)


def name_of(error: Exception) -> str:
    """ENOEXEC, say; of what is no OSError, the name of its class."""
    number = getattr(error, "errno", None) or 0
    return errno.errorcode.get(number, type(error).__name__)


def _make(path: bytes, script: bool) -> Optional[Entry]:
    try:
        return Template(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        if error.errno != errno.ENOEXEC:
            return Refused("create: " + name_of(error))
    except Exception as error:  # a NUL in the path, say
        return Refused("create: " + name_of(error))
    if not script:
        # Its interpreter would be handed another name than it was called by.
        return Refused("script by relative path")
    try:
        return Template(path, flags=CREATE_SCRIPT)
    except Exception as error:
        return Refused("create: " + name_of(error))


def get(path: bytes, key: Hashable, script: bool = True) -> Optional[Entry]:
    """The template of an absolute path, or why there is none, or None: no such file.

    A script is launched by path, which it can see: with script False there is no
    template of one, and the key has to be another.
    """
    entry = _entries.get(key)
    if entry is None or (type(entry) is Refused
                         and entry.until < time.monotonic()):
        entry = _make(path, script) if access(path, os.F_OK) else None
        if entry is None:
            forget(key)
            return None
        with _lock:
            _entries[key] = entry
            if len(_entries) > LIMIT:
                _entries.popitem(last=False)
        return entry
    try:
        _entries.move_to_end(key)
    except KeyError:  # let go by another thread meanwhile
        pass
    return entry


def forget(key: Hashable) -> None:
    _entries.pop(key, None)


def clear() -> None:
    _entries.clear()
