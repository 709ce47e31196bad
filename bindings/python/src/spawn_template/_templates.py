# SPDX-License-Identifier: BSD-2-Clause
"""The templates of a process, made on first use and kept while in use.

The key of a template is the absolute path by which a caller asked for it. This module
never closes a template, but only drops its reference: a thread that launches holds
another one, so that the descriptor lives until the last such thread is done. After a
fork the child starts with an empty table, because a template is good only in the
process that made it.

There is no lock, because a signal handler may launch, too. The table is valid between
any two steps: a thread that does not find a template makes another one.
"""
import errno
import os
import time
# Imported by name: watchdogs of event loops replace os.access by one that refuses.
from posix import access
from typing import Dict, Hashable, Optional, Union

from ._native import CREATE_SCRIPT, Template

LIMIT = 64

# Seconds for which the original launches an executable that can have no template.
RETRY_AFTER = 1.0


class Refused:
    """The reason why an executable can have no template, and when to try again."""

    __slots__ = ("reason", "until")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.until = time.monotonic() + RETRY_AFTER


Entry = Union[Template, Refused]

# In the order of their last use, but only if there are more than a few.
_entries: Dict[Hashable, Entry] = {}
_FEW = LIMIT // 2

os.register_at_fork(after_in_child=_entries.clear)


def name_of(error: Exception) -> str:
    """Returns the name of the errno, such as ENOEXEC, or of the exception's class."""
    number = getattr(error, "errno", None) or 0
    return errno.errorcode.get(number, type(error).__name__)


def _make(path: bytes, script: bool) -> Optional[Entry]:
    made = Template.open(path)
    number = getattr(made, "errno", None)
    if number in (errno.ENOENT, errno.ENOTDIR):
        return None
    if number == errno.ENOEXEC:
        if not script:
            # The interpreter would get another name than the caller used.
            return Refused("script by relative path")
        made = Template.open(path, flags=CREATE_SCRIPT)
    return (made if isinstance(made, Template)
            else Refused("create: " + name_of(made)))


def _exists(path: bytes) -> bool:
    """Looks with the effective ids, as a launch does."""
    return b"\0" not in path and access(path, os.F_OK, effective_ids=True)


def get(path: bytes, key: Hashable, script: bool = True) -> Optional[Entry]:
    """Returns the template of an absolute path, or Refused, or None: no such file.

    A script is launched by path, and can see that path. With script False a script
    is refused, so the caller must use a key of its own.
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
