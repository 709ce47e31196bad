# SPDX-License-Identifier: BSD-2-Clause
"""Runs of programs by name, from a cache of templates.

Each run looks the program up, as a shell does. The cache remembers what it has learned
of the files, and keeps none open between runs, but for prepare().
"""
from __future__ import annotations

import errno
import os
import sys
from typing import (TYPE_CHECKING, Any, Dict, Iterable, Literal, Optional, Union,
                    overload)

from . import _native, _templates, _warm, blocking, engine, running
from .options import (AnyResult, Env, Request, RunOptions, StartOptions, StreamOptions,
                      StrOrBytesPath, SyncOptions, signed)
from .output import TextResult
from .running import Run
from .template import BytesRun, TextRun

if TYPE_CHECKING:
    from .options import Unpack

ENTRIES = 128

def _make(prepared: _warm.ByName) -> _native.Cache:
    # a file that is replaced between the look-up and the launch is run as it is then
    flags, target, modules = prepared
    return _native.Cache(ENTRIES, flags=_native.CREATE_AUTO_REFRESH | flags,
                         hold=_templates.HOLD if flags else 0.0, warm_target=target,
                         warm_preload=modules)


_cache = _make((0, 0, None))


def prepare(warm: Optional[str], warm_target: int = 1,
            modules: Union[str, Iterable[str], None] = None) -> None:
    """Have processes prepared for runs by name, from now on; None: have none.

    With "fork" or "once", warm_target of each program wait from its second run on. With
    "python" a program whose name begins with python takes forks of an interpreter that
    has started, and has imported modules, names in a list or with commas; others are run
    as with "fork". docs/python.md tells what that changes.
    """
    global _cache
    _cache = _make(_warm.by_name(warm, warm_target, modules))


def _search_path(env: Env) -> bytes:
    """Return the PATH of a program with this environment."""
    if env is None or isinstance(env, (list, tuple)):
        directories = os.get_exec_path()
    else:
        directories = os.get_exec_path(env)     # type: ignore[arg-type]
    return os.fsencode(os.pathsep.join(map(os.fsdecode, directories)))


class _Run:
    """A run by name: the search for its program, and its request."""

    __slots__ = ("_name", "_path", "request", "_again")

    def __init__(self, name: StrOrBytesPath, args: Any, options: Dict[str, Any],
                 waits: bool) -> None:
        self._name = os.fsencode(name)
        self._path = _search_path(options.get("env"))
        self.request = Request([name, *args], options, waits=waits, str_input=True)
        self._again = True

    def template(self) -> _native.Template:
        template = _cache.get(self._name, self._path)
        sys.audit("spawn_template.run", template.path, self.request.argv,
                  self.request.options.get("cwd"), self.request.options.get("env"))
        return template

    def retry(self, error: OSError) -> bool:
        """Tell whether the file has gone between the look-up and the launch."""
        again, self._again = self._again, False
        return again and error.errno == errno.ESTALE


@overload
async def run(name: StrOrBytesPath, *args: StrOrBytesPath, text: Literal[True],
        encoding: Optional[str] = None, **options: Unpack[RunOptions]
        ) -> TextResult: ...


@overload
async def run(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool = False,
        encoding: str, **options: Unpack[RunOptions]) -> TextResult: ...


@overload
async def run(name: StrOrBytesPath, *args: StrOrBytesPath,
        text: Literal[False] = False, encoding: None = None,
        **options: Unpack[RunOptions]) -> _native.Result: ...


@overload
async def run(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool,
        encoding: Optional[str] = None, **options: Unpack[RunOptions]
        ) -> AnyResult: ...


@signed(RunOptions)
async def run(name: StrOrBytesPath, *args: Any, **options: Any) -> AnyResult:
    """Run a program to its end, by name, without blocking the event loop.

    The name is looked for along PATH, of env if that is given, at each call; name and
    args are the program's argv. The other arguments are those of Template.run(); input
    may always be str.
    """
    what = _Run(name, args, options, True)
    request = what.request
    while True:
        try:
            if request.on_output is not None:
                return await running.run(what.template(), request)
            return request.answer(await engine.run(
                what.template(), request.argv, request.options))
        except OSError as error:
            if not what.retry(error):
                raise


@overload
def run_sync(name: StrOrBytesPath, *args: StrOrBytesPath, text: Literal[True],
        encoding: Optional[str] = None, **options: Unpack[SyncOptions]
        ) -> TextResult: ...


@overload
def run_sync(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool = False,
        encoding: str, **options: Unpack[SyncOptions]) -> TextResult: ...


@overload
def run_sync(name: StrOrBytesPath, *args: StrOrBytesPath,
        text: Literal[False] = False, encoding: None = None,
        **options: Unpack[SyncOptions]) -> _native.Result: ...


@overload
def run_sync(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool,
        encoding: Optional[str] = None, **options: Unpack[SyncOptions]
        ) -> AnyResult: ...


@signed(SyncOptions)
def run_sync(name: StrOrBytesPath, *args: Any, **options: Any) -> AnyResult:
    """Run a program to its end, by name, as run() does, but block the calling thread."""
    what = _Run(name, args, options, True)
    while True:
        try:
            return blocking.run(what.template(), what.request)
        except OSError as error:
            if not what.retry(error):
                raise


@overload
def stream(name: StrOrBytesPath, *args: StrOrBytesPath, text: Literal[True],
        encoding: Optional[str] = None, **options: Unpack[StreamOptions]
        ) -> TextRun: ...


@overload
def stream(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool = False,
        encoding: str, **options: Unpack[StreamOptions]) -> TextRun: ...


@overload
def stream(name: StrOrBytesPath, *args: StrOrBytesPath,
        text: Literal[False] = False, encoding: None = None,
        **options: Unpack[StreamOptions]) -> BytesRun: ...


@overload
def stream(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool,
        encoding: Optional[str] = None, **options: Unpack[StreamOptions]
        ) -> Run[Any, Any]: ...


@signed(StreamOptions)
def stream(name: StrOrBytesPath, *args: Any, **options: Any) -> Run[Any, Any]:
    """Return a Run of a program, by name: see Template.stream()."""
    options["stream"] = True
    what = _Run(name, args, options, False)
    return Run(what.template, what.request)


@overload
async def start(name: StrOrBytesPath, *args: StrOrBytesPath, text: Literal[True],
        encoding: Optional[str] = None, **options: Unpack[StartOptions]
        ) -> TextRun: ...


@overload
async def start(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool = False,
        encoding: str, **options: Unpack[StartOptions]) -> TextRun: ...


@overload
async def start(name: StrOrBytesPath, *args: StrOrBytesPath,
        text: Literal[False] = False, encoding: None = None,
        **options: Unpack[StartOptions]) -> BytesRun: ...


@overload
async def start(name: StrOrBytesPath, *args: StrOrBytesPath, text: bool,
        encoding: Optional[str] = None, **options: Unpack[StartOptions]
        ) -> Run[Any, Any]: ...


@signed(StartOptions)
async def start(name: StrOrBytesPath, *args: Any, **options: Any) -> Run[Any, Any]:
    """Start a program, by name, and return its Run: see Template.start()."""
    what = _Run(name, args, options, False)
    going: Run[Any, Any] = Run(what.template, what.request)
    return await going._start()
