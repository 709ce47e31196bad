# SPDX-License-Identifier: BSD-2-Clause
"""The templates of a process, made on first use and kept while in use.

A template is kept by the absolute path that it was asked for with. It is never
closed here but only let go: a thread that launches from it holds a reference, so
that its descriptor lives until the last of them is done. After a fork the child
starts with none, because a template is good only in the process that made it.

There is no lock, because a signal handler may launch, too. Between any two steps
the table is as good as ever: what another thread does not find it makes again.
"""
import errno
import os
import time
# Not as os.access: watchdogs of event loops replace that by one that refuses.
from posix import access
from typing import Dict, Hashable, Optional, Union

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

# In the order of their last use, as far as that matters: with few there is none.
_entries: Dict[Hashable, Entry] = {}
_FEW = LIMIT // 2

os.register_at_fork(after_in_child=_entries.clear)


def name_of(error: Exception) -> str:
    """ENOEXEC, say; of what is no OSError, the name of its class."""
    number = getattr(error, "errno", None) or 0
    return errno.errorcode.get(number, type(error).__name__)


def _make(path: bytes, script: bool) -> Optional[Entry]:
    made = Template.open(path)
    number = getattr(made, "errno", None)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return None
    if number == errno.ENOEXEC:
        if not script:
            # Its interpreter would be handed another name than it was called by.
            return Refused("script by relative path")
        made = Template.open(path, flags=CREATE_SCRIPT)
    return (made if isinstance(made, Template)
            else Refused("create: " + name_of(made)))


def _exists(path: bytes) -> bool:
    """As a launch would find it: by the effective ids."""
    return b"\0" not in path and access(path, os.F_OK, effective_ids=True)


def get(path: bytes, key: Hashable, script: bool = True) -> Optional[Entry]:
    """The template of an absolute path, or why there is none, or None: no such file.

    A script is launched by path, which it can see: with script False there is no
    template of one, and the key has to be another.
    """
    entry = _entries.get(key)
    if entry is None or (type(entry) is Refused
                         and entry.until < time.monotonic()):
        entry = _make(path, script) if _exists(path) else None
        if entry is None:
            forget(key)
            return None
        _entries[key] = entry
        for oldest in list(_entries)[:-LIMIT]:
            forget(oldest)
    elif len(_entries) > _FEW:
        forget(key)
        _entries[key] = entry
    return entry


def forget(key: Hashable) -> None:
    _entries.pop(key, None)


def clear() -> None:
    _entries.clear()
