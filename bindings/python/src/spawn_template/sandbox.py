# SPDX-License-Identifier: BSD-2-Clause
"""Sandbox: what the programs of runs may reach."""
from __future__ import annotations

import os
from typing import Iterable, Optional, Union

from . import _native

StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

_LOST = {_native.SANDBOX_LOST_FILES: "files",
         _native.SANDBOX_LOST_TRUNCATE: "truncate",
         _native.SANDBOX_LOST_NET: "net",
         _native.SANDBOX_LOST_RENAME: "rename",
         _native.SANDBOX_LOST_IOCTL: "ioctl",
         _native.SANDBOX_LOST_SOCKETS: "sockets"}


class Sandbox:
    """A sandbox, made once, for any number of runs: run(..., sandbox=sandbox).

    With ro or rw a program may read and execute files in and below the paths of both,
    and write in and below those of rw, and reaches nothing else but /dev/null and the
    like. With net=False it gets no socket but Unix ones. The paths are opened now, and
    the program, its interpreter and its libraries must be below one of them.

    If the kernel cannot hold a wish, OSError has the errno EOPNOTSUPP; with best_effort
    the sandbox does without. lost names what it does not hold.
    """

    __slots__ = ("_capsule", "_lost")

    def __init__(self, ro: Optional[Iterable[StrOrBytesPath]] = None,
                 rw: Optional[Iterable[StrOrBytesPath]] = None, *,
                 net: bool = True, best_effort: bool = False) -> None:
        for paths in ro, rw:
            if isinstance(paths, (str, bytes, os.PathLike)):
                raise TypeError("ro and rw are lists of paths, not a path")
        lists = (None if ro is None else list(ro), None if rw is None else list(rw))
        if lists == (None, None) and net:
            raise ValueError("a sandbox without ro, rw or net=False holds nothing")
        flags = ((0 if net else _native.SANDBOX_NO_NET) |
                 (_native.SANDBOX_BEST_EFFORT if best_effort else 0))
        self._capsule = _native.sandbox_new(*lists, flags)
        lost = _native.sandbox_lost(*lists, flags)
        self._lost = tuple(name for bit, name in _LOST.items() if lost & bit)

    @property
    def lost(self) -> tuple[str, ...]:
        """The wishes that this kernel does not hold, by the names in docs/python.md."""
        return self._lost
