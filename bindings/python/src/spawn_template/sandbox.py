# SPDX-License-Identifier: BSD-2-Clause
"""Sandbox: what the programs of runs may reach."""
from __future__ import annotations

import os
from typing import Any, Iterable, Optional, Union

from . import _native

StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]

_LOST = {_native.SANDBOX_LOST_FILES: "files",
         _native.SANDBOX_LOST_TRUNCATE: "truncate",
         _native.SANDBOX_LOST_TCP: "tcp",
         _native.SANDBOX_LOST_SIGNALS: "signals",
         _native.SANDBOX_LOST_ABSTRACT: "abstract",
         _native.SANDBOX_LOST_NET: "net",
         _native.SANDBOX_LOST_RENAME: "rename",
         _native.SANDBOX_LOST_IOCTL: "ioctl",
         _native.SANDBOX_LOST_SOCKETS: "sockets"}


class Sandbox:
    """A sandbox, made once, for any number of runs: run(..., sandbox=sandbox).

    With ro or rw a program may read and execute files in and below the paths of both,
    and write in and below those of rw, and reaches nothing else but /dev/null and the
    like, and these only with devices. With net=False it gets no socket but Unix ones.
    With connect and bind it may connect to, and bind, these TCP ports only; other
    protocols are not restricted. With signals=False it can signal only processes in
    the sandbox, and with abstract=False connect only to abstract Unix sockets that were
    made in there. The paths are opened now, and the program, its interpreter and its
    libraries must be below one of them.

    If the kernel cannot hold a wish, OSError has the errno EOPNOTSUPP; with best_effort
    the sandbox does without. lost names what it does not hold.
    """

    __slots__ = ("_capsule", "_lost")

    def __init__(self, ro: Optional[Iterable[StrOrBytesPath]] = None,
                 rw: Optional[Iterable[StrOrBytesPath]] = None, *,
                 net: bool = True, connect: Optional[Iterable[int]] = None,
                 bind: Optional[Iterable[int]] = None, signals: bool = True,
                 abstract: bool = True, devices: bool = True,
                 best_effort: bool = False) -> None:
        for paths in ro, rw:
            if isinstance(paths, (str, bytes, os.PathLike)):
                raise TypeError("ro and rw are lists of paths, not a path")
        lists = [None if given is None else list(given)
                 for given in (ro, rw, connect, bind)]
        wishes = ((0 if net else _native.SANDBOX_NO_NET) |
                  (0 if connect is None else _native.SANDBOX_CONNECT) |
                  (0 if bind is None else _native.SANDBOX_BIND) |
                  (0 if signals else _native.SANDBOX_SIGNALS) |
                  (0 if abstract else _native.SANDBOX_ABSTRACT))
        if not wishes and lists[:2] == [None, None]:
            raise ValueError("a sandbox without ro, rw or another wish holds nothing")
        if not net and (connect is not None or bind is not None):
            raise ValueError("without net there are no ports to connect to or bind")
        flags = (wishes | (0 if devices else _native.SANDBOX_NO_DEVICES) |
                 (_native.SANDBOX_BEST_EFFORT if best_effort else 0))
        arguments: Any = (*lists[:2], flags, *lists[2:])
        self._capsule = _native.sandbox_new(*arguments)
        lost = _native.sandbox_lost(*arguments)
        self._lost = tuple(name for bit, name in _LOST.items() if lost & bit)

    @property
    def lost(self) -> tuple[str, ...]:
        """The wishes that this kernel does not hold, by the names in docs/python.md."""
        return self._lost
