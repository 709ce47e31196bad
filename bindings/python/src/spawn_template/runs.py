# SPDX-License-Identifier: BSD-2-Clause
"""Runs of programs by name, from a cache of templates.

Each run looks the program up, as a shell does. The cache remembers what it has learned
of the files, and keeps none open between runs.
"""
from __future__ import annotations

import errno
import locale
import os
import subprocess
import sys
from typing import Any, Optional, Union

from . import _native, blocking, engine
from .sandbox import Sandbox
from .template import HELD_MOST, HELD_QUIET, Buffer, Env, StrOrBytesPath

ENTRIES = 128

_cache = _native.Cache(ENTRIES)


class TextResult:
    """A Result whose output is text: out, err, stdout and stderr are str."""

    __slots__ = ("_result", "out", "err")

    def __init__(self, result: _native.Result) -> None:
        self._result = result
        self.out = _decoded(result.out)
        self.err = _decoded(result.err)

    @property
    def stdout(self) -> Optional[str]:
        return self.out

    @property
    def stderr(self) -> Optional[str]:
        return self.err

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)

    def __repr__(self) -> str:
        return repr(self._result)


def _decoded(output: Optional[bytes]) -> Optional[str]:
    """Return output as text. It may be cut off in a character, so nothing is an error."""
    if output is None:
        return None
    text = output.decode(locale.getpreferredencoding(False), "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _encoded(input: Union[None, str, Buffer]) -> Optional[Buffer]:
    if isinstance(input, str):
        return input.encode(locale.getpreferredencoding(False))
    return input


def _search_path(env: Env) -> bytes:
    """Return the PATH of a program with this environment."""
    if env is None or isinstance(env, (list, tuple)):
        directories = os.get_exec_path()
    else:
        directories = os.get_exec_path(env)
    return os.fsencode(os.pathsep.join(map(os.fsdecode, directories)))


class _Run:
    """The arguments of a run, and its way from a Result to the answer."""

    __slots__ = ("_name", "_path", "_argv", "_check", "_text", "_timeout", "_args",
                 "again")

    def __init__(self, argv: Any, check: bool, text: bool, env: Env,
                 cwd: Optional[StrOrBytesPath], input: Union[None, str, Buffer],
                 timeout: Optional[float], *args: Any) -> None:
        self._name = os.fsencode(argv[0])
        self._path = _search_path(env)
        self._argv = list(argv)
        self._check = check
        self._text = text
        self._timeout = timeout
        max_output, merge_stderr, *others = args
        self._args = (self._argv, env, _encoded(input), timeout, max_output, cwd,
                      merge_stderr, *others)
        self.again = True

    def template(self) -> _native.Template:
        template = _cache.get(self._name, self._path)
        sys.audit("spawn_template.run", template.path, self._argv, self._args[5],
                  self._args[1])
        return template

    def args(self) -> Any:
        return self._args

    def retry(self, error: OSError) -> bool:
        """Tell whether the file was replaced between the look-up and the launch."""
        again, self.again = self.again, False
        return again and error.errno == errno.ESTALE

    def answer(self, result: _native.Result) -> Union[_native.Result, TextResult]:
        told = TextResult(result) if self._text else result
        if self._check and result.timed_out:
            raise subprocess.TimeoutExpired(self._argv, self._timeout or 0,
                                            told.stdout, told.stderr)
        if self._check and result.returncode != 0:
            raise subprocess.CalledProcessError(
                -1 if result.returncode is None else result.returncode,
                self._argv, told.stdout, told.stderr)
        return told


async def run(name: StrOrBytesPath, *args: StrOrBytesPath, check: bool = False,
              text: bool = False, input: Union[None, str, Buffer] = None,
              timeout: Optional[float] = None, max_output: Optional[int] = None,
              cwd: Optional[StrOrBytesPath] = None, env: Env = None,
              merge_stderr: bool = False, grace: Optional[float] = None,
              cgroup: bool = False, supervise: bool = False, capture: bool = True,
              held_quiet: Optional[float] = HELD_QUIET,
              held_most: Optional[float] = HELD_MOST,
              sandbox: Optional[Sandbox] = None
              ) -> Union[_native.Result, TextResult]:
    """Run a program to its end, by name, without blocking the event loop.

    The name is looked for along PATH, of env if that is given, at each call; name and
    args are the program's argv. With text the output is str, decoded and with newlines
    as subprocess has them, but what cannot be decoded becomes U+FFFD. With check an end
    other than exit code 0 raises subprocess.CalledProcessError, and a timeout
    subprocess.TimeoutExpired. The other arguments are those of Template.run().
    """
    what = _Run((name, *args), check, text, env, cwd, input, timeout, max_output,
                merge_stderr, grace, cgroup, supervise, capture, held_quiet, held_most,
                sandbox and sandbox._capsule)
    while True:
        try:
            return what.answer(await engine.run(what.template(), *what.args()))
        except OSError as error:
            if not what.retry(error):
                raise


def run_sync(name: StrOrBytesPath, *args: StrOrBytesPath, check: bool = False,
             text: bool = False, input: Union[None, str, Buffer] = None,
             timeout: Optional[float] = None, max_output: Optional[int] = None,
             cwd: Optional[StrOrBytesPath] = None, env: Env = None,
             merge_stderr: bool = False, grace: Optional[float] = None,
             cgroup: bool = False, supervise: bool = False, capture: bool = True,
             held_quiet: Optional[float] = HELD_QUIET,
             held_most: Optional[float] = HELD_MOST,
             sandbox: Optional[Sandbox] = None
             ) -> Union[_native.Result, TextResult]:
    """Run a program to its end, by name, as run() does, but block the calling thread."""
    what = _Run((name, *args), check, text, env, cwd, input, timeout, max_output,
                merge_stderr, grace, cgroup, supervise, capture, held_quiet, held_most,
                sandbox and sandbox._capsule)
    while True:
        try:
            return what.answer(blocking.run(what.template(), what.args()))
        except OSError as error:
            if not what.retry(error):
                raise
