# SPDX-License-Identifier: BSD-2-Clause
"""The arguments of runs, which all ways to run a program take."""
from __future__ import annotations

import inspect
import os
import subprocess
from typing import (TYPE_CHECKING, Any, Awaitable, Callable, Dict, Iterable, List,
                    Mapping, Optional, Tuple, TypedDict, TypeVar, Union)

from . import _native
from .limits import Limits, packed
from .output import Buffer, Chunk, Text, TextChunk, TextResult
from .sandbox import Sandbox

if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack

StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
# None is the environment of the process, as os.environ shows it. A list or tuple of
# b"NAME=value" saves the encoding at each launch.
Env = Union[None, Mapping[str, str], Mapping[bytes, bytes], List[bytes],
            Tuple[bytes, ...]]
AnyResult = Union[_native.Result, TextResult]

F = TypeVar("F", bound=Callable[..., Any])

# Seconds for which the output is read after the program's end, while another process
# holds it: without output, and in all. They are longer than the library's own, since
# users of subprocess expect all output.
HELD_QUIET = 0.5
HELD_MOST = 5.0


class BaseOptions(TypedDict, total=False):
    """What docs/python.md lists, of every way to run a program."""

    check: bool
    errors: Optional[str]
    input: Union[None, str, Buffer]
    timeout: Optional[float]
    idle_timeout: Optional[float]
    grace: Optional[float]
    max_output: Optional[int]
    cwd: Optional[StrOrBytesPath]
    env: Env
    merge_stderr: bool
    cgroup: bool
    supervise: bool
    die_with_parent: bool
    session: Optional[str]
    held_quiet: Optional[float]
    held_most: Optional[float]
    keep_leftovers: bool
    limits: Optional[Limits]
    sandbox: Optional[Sandbox]
    pty: bool
    winsize: Optional[Tuple[int, int]]
    echo: bool
    raw: bool


class KeptOptions(BaseOptions, total=False):
    """What there is if the output is kept until the end."""

    capture: bool
    tail: Union[None, bool, int]
    spill: Union[None, int, StrOrBytesPath]


class SyncOptions(KeptOptions, total=False):
    """What run_sync() takes."""

    on_output: Union[None, Callable[[Chunk], object], Callable[[TextChunk], object]]


class RunOptions(KeptOptions, total=False):
    """What run() takes."""

    on_output: Union[
        None, Callable[[Chunk], Optional[Awaitable[object]]],
        Callable[[TextChunk], Optional[Awaitable[object]]]]


class StreamOptions(BaseOptions, total=False):
    """What stream() takes."""

    open_input: bool
    detach: bool
    detached_timeout: Optional[float]


class StartOptions(StreamOptions, KeptOptions, total=False):
    """What start() takes."""

    stream: bool


# The values of those that are not False or None.
_DEFAULTS: Dict[str, Any] = {
    "capture": True, "die_with_parent": True, "echo": True,
    "held_quiet": HELD_QUIET, "held_most": HELD_MOST,
    **dict.fromkeys(("check", "text", "merge_stderr", "cgroup", "supervise", "pty",
                     "raw", "tail", "open_input", "detach", "stream", "keep_leftovers"),
                    False)}


def signed(options: Any) -> Callable[[F], F]:
    """Give a function that takes **options a signature with their names."""
    def sign(function: F) -> F:
        signature = inspect.signature(function)
        given = [p for p in signature.parameters.values()
                 if p.kind is not p.VAR_KEYWORD]
        named = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY,
                                   default=_DEFAULTS.get(name))
                 for name in ("text", "encoding", *options.__annotations__)]
        function.__signature__ = signature.replace(     # type: ignore[attr-defined]
            parameters=given + named)
        return function
    return sign


def _winsize(size: Any) -> int:
    """Return a size of (rows, columns), or an os.terminal_size, in one number."""
    rows, columns = (size.lines, size.columns) if isinstance(
        size, os.terminal_size) else size
    if not (1 <= rows <= 0xffff and 1 <= columns <= 0xffff):
        raise ValueError("winsize is (rows, columns), each 1 to 65535")
    return int(rows) << 16 | int(columns)


class Request:
    """A run that is asked for: its argv, and its options for the native module."""

    __slots__ = ("argv", "options", "check", "text", "on_output")

    def __init__(self, argv: Any, options: Dict[str, Any], *, waits: bool,
                 str_input: bool = False) -> None:
        self.argv = argv
        self.options = options
        self.check: bool = options.pop("check", False)
        self.text = self._take_text()
        self.on_output: Optional[Callable[[Any], Any]] = options.pop("on_output", None)
        self._take_input(str_input)
        self._refuse(waits)
        sandbox = options.get("sandbox")
        if sandbox is not None:
            options["sandbox"] = sandbox._capsule
        bounds = options.pop("limits", None)
        if bounds is not None:
            options["limits"] = packed(bounds)
        size = options.pop("winsize", None)
        if size is not None:
            options["winsize"] = _winsize(size)
        options.setdefault("held_quiet", HELD_QUIET)
        options.setdefault("held_most", HELD_MOST)

    def _take_text(self) -> Optional[Text]:
        text = self.options.pop("text", None)
        encoding = self.options.pop("encoding", None)
        errors = self.options.pop("errors", None)
        return Text(encoding, errors) if text or encoding or errors else None

    def _take_input(self, str_input: bool) -> None:
        input = self.options.get("input")
        if isinstance(input, str) and (self.text or str_input):
            self.options["input"] = (self.text or Text(None, None)).encoded(input)

    def _refuse(self, waits: bool) -> None:
        """Refuse options that do not fit together, by their names."""
        given = self.options.get
        streams = given("stream") or self.on_output is not None
        for name in "open_input", "detach", "detached_timeout", "stream":
            if waits and name in self.options:
                raise TypeError(name + " is for start() and stream()")
        for name in "tail", "spill":
            if streams and given(name):
                raise ValueError(name + " is for output that is kept")
        if not given("capture", True):
            for name in "idle_timeout", "tail", "spill", "pty":
                if given(name):
                    raise ValueError(name + " needs the output, and capture is False")
            if streams:
                raise ValueError("a stream needs the output, and capture is False")
        if not given("pty"):
            for name in "winsize", "echo":
                if name in self.options and given(name) not in (None, True):
                    raise ValueError(name + " needs pty=True")
            if given("raw"):
                raise ValueError("raw needs pty=True")
        if given("keep_leftovers") and given("limits") is not None:
            raise ValueError("keep_leftovers would leave processes without limits")
        if given("detach") and not given("timeout"):
            raise ValueError("detach needs a timeout")

    def told(self, result: _native.Result) -> AnyResult:
        """Return a result in the form that was asked for."""
        return result if self.text is None else TextResult(result, self.text)

    def answer(self, result: _native.Result) -> AnyResult:
        """Return the result at the end, or raise what check asks for."""
        told = self.told(result)
        if self.check and result.timed_out:
            raise subprocess.TimeoutExpired(
                self.command(), self.options.get("timeout") or
                self.options.get("idle_timeout") or 0, told.stdout, told.stderr)
        if self.check and result.returncode != 0:
            raise subprocess.CalledProcessError(
                -1 if result.returncode is None else result.returncode,
                self.command(), told.stdout, told.stderr)
        return told

    def command(self) -> List[Any]:
        return list(self.argv)


def names(given: Iterable[Any]) -> bool:
    """Tell whether all that is given are strings or paths."""
    return all(isinstance(name, (str, bytes, os.PathLike)) for name in given)
