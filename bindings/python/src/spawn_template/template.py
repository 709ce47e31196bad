# SPDX-License-Identifier: BSD-2-Clause
"""Template: one executable, to launch any number of times."""
from __future__ import annotations

import errno
import os
import sys
import weakref
from typing import Any, Iterable, Mapping, Optional, Sequence, Union

from . import _native, _warm, blocking, engine
from .sandbox import Sandbox

StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
# None is the environment of the process, as os.environ shows it. A list or tuple of
# b"NAME=value" saves the encoding at each launch.
Env = Union[None, Mapping[str, str], Mapping[bytes, bytes], "list[bytes]",
            "tuple[bytes, ...]"]
Buffer = Union[bytes, bytearray, memoryview]

# Seconds for which the output is read after the program's end, while another process
# holds it: without output, and in all. They are longer than the library's own, since
# users of subprocess expect all output.
HELD_QUIET = 0.5
HELD_MOST = 5.0

_all: "weakref.WeakSet[Template]" = weakref.WeakSet()


class Template:
    """One executable file. Every launch checks that it is still the same file.

    The constructor looks for name along search_path, or $PATH, once. With script it
    accepts files that begin with "#!". If the file has changed or was replaced, launches
    raise OSError with errno ESTALE until refresh() is called; with auto_refresh
    they take the new file.

    With warm, "fork" or "once", processes of the program are prepared from the second
    launch on, warm_target of them (at most 8), and launches take these: see
    docs/python.md. A launch that fits none goes as without warm, and stat() counts the
    reason.
    """

    __slots__ = ("_native", "_flags", "_target", "_key", "_path", "_closed",
                 "__weakref__")

    def __init__(self, name: StrOrBytesPath, *,
                 search_path: Optional[StrOrBytesPath] = None,
                 script: bool = True, auto_refresh: bool = False,
                 warm: Optional[str] = None, warm_target: int = 1) -> None:
        flag, self._target = _warm.flag_and_target(warm, warm_target)
        self._flags = ((_native.CREATE_SCRIPT if script else 0) |
                       (_native.CREATE_AUTO_REFRESH if auto_refresh else 0) |
                       flag)
        self._native: Optional[_native.Template] = _native.Template(
            name, flags=self._flags, search_path=search_path,
            warm_target=self._target)
        self._path = self._native.path
        self._key = _identity(self._native)
        self._closed = False
        _all.add(self)

    def __repr__(self) -> str:
        return f"<spawn_template.Template {self._path!r}>"

    @property
    def path(self) -> str:
        """The absolute path that the template was made from."""
        return self._path

    def _reopen(self) -> _native.Template:
        """Make a template anew in a forked child.

        The file must be the parent's, so that a changed file is not accepted silently.
        """
        if self._closed:
            raise ValueError("the template is closed")
        native = _native.Template(self._path, flags=self._flags,
                                  warm_target=self._target)
        if self._flags & _native.CREATE_AUTO_REFRESH:
            self._key = _identity(native)
        elif _identity(native) != self._key:
            native.close()
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self._path)
        self._native = native
        return native

    # ---- running to completion

    async def run(self, argv: Sequence[StrOrBytesPath], *,
                  input: Optional[Buffer] = None,
                  timeout: Optional[float] = None,
                  max_output: Optional[int] = None,
                  cwd: Optional[StrOrBytesPath] = None, env: Env = None,
                  merge_stderr: bool = False, grace: Optional[float] = None,
                  cgroup: bool = False, supervise: bool = False,
                  capture: bool = True,
                  held_quiet: Optional[float] = HELD_QUIET,
                  held_most: Optional[float] = HELD_MOST,
                  sandbox: Optional[Sandbox] = None) -> _native.Result:
        """Run a program to its end without blocking the event loop.

        argv includes argv[0]. The program reads input, or /dev/null. The result
        keeps max_output bytes (16 MiB) of stdout and of stderr, and the rest is
        read and dropped; with merge_stderr both are in the result's out. After
        timeout seconds the program's tree gets SIGTERM, and grace seconds later
        SIGKILL, or SIGKILL at once without grace; the result's timed_out is then
        True. With cgroup the run has a cgroup of its own, if one can be made;
        supervise needs cgroup, and ends the tree when this process dies. Without
        capture both streams are this process's own. The program has a session of
        its own: a password that it asks for on /dev/tty cannot be given. With
        sandbox it runs in a Sandbox.

        If another process holds the output when the program has ended, what it
        writes is read, too, until nothing has come for held_quiet seconds, and for
        held_most seconds at most; None is no bound. If the output has not ended then,
        the result's pipe_held is True. The timeout holds meanwhile.

        A program that cannot be launched raises OSError; its attributes stage and
        action name the step that failed. Cancelling the task ends the tree in the
        same way, with the same grace, in the background.
        """
        native = self._native or self._reopen()
        sys.audit("spawn_template.run", self._path, argv, cwd, env)
        return await engine.run(
            native, argv, env, input, timeout, max_output, cwd, merge_stderr,
            grace, cgroup, supervise, capture, held_quiet, held_most,
            sandbox and sandbox._capsule)

    def run_sync(self, argv: Sequence[StrOrBytesPath], *,
                 input: Optional[Buffer] = None,
                 timeout: Optional[float] = None,
                 max_output: Optional[int] = None,
                 cwd: Optional[StrOrBytesPath] = None, env: Env = None,
                 merge_stderr: bool = False, grace: Optional[float] = None,
                 cgroup: bool = False, supervise: bool = False,
                 capture: bool = True,
                 held_quiet: Optional[float] = HELD_QUIET,
                 held_most: Optional[float] = HELD_MOST,
                 sandbox: Optional[Sandbox] = None) -> _native.Result:
        """Run a program to its end as run() does, but block the calling thread.

        In the main thread signal handlers run meanwhile. If a handler raises an
        exception, as that of Ctrl-C does, the tree is ended first.
        """
        native = self._native or self._reopen()
        sys.audit("spawn_template.run", self._path, argv, cwd, env)
        return blocking.run(
            native, (argv, env, input, timeout, max_output, cwd, merge_stderr,
                     grace, cgroup, supervise, capture, held_quiet, held_most,
                     sandbox and sandbox._capsule))

    # ---- children of the caller

    def spawn(self, argv: Sequence[StrOrBytesPath], *,
              stdin: Optional[int] = None, stdout: Optional[int] = None,
              stderr: Optional[int] = None,
              pass_fds: Iterable[int] = (), close_fds: bool = True,
              cwd: Optional[StrOrBytesPath] = None, env: Env = None,
              umask: int = -1, user: Optional[int] = None,
              group: Optional[int] = None,
              extra_groups: Optional[Iterable[int]] = None,
              start_new_session: bool = False,
              process_group: Optional[int] = None,
              restore_signals: bool = True) -> tuple[int, int]:
        """Launch a program and return (pid, pidfd).

        The caller waits for the child and closes pidfd. The arguments mean what they
        mean to subprocess.Popen, but are numbers: stdin, stdout and stderr are
        descriptors (None: this process's own), and users and groups are ids.
        """
        native = self._native or self._reopen()
        sys.audit("spawn_template.spawn", self._path, argv, cwd, env)
        return native.spawn(
            argv, env, stdin=_number(stdin), stdout=_number(stdout),
            stderr=_number(stderr), pass_fds=pass_fds, close_fds=close_fds, cwd=cwd, umask=umask,
            uid=user, gid=group, groups=extra_groups,
            start_new_session=start_new_session,
            process_group=_number(process_group),
            restore_signals=restore_signals)

    # ---- the template itself

    def check(self) -> None:
        """Raise the error, if any, with which a launch would refuse the template."""
        (self._native or self._reopen()).check()

    def refresh(self) -> None:
        """Take the file that is now at the path."""
        native = self._native or self._reopen()
        native.refresh()
        self._key = _identity(native)

    def stat(self) -> dict[str, Any]:
        """Return a description of the template, with counts of its use."""
        return (self._native or self._reopen()).stat()

    def close(self) -> None:
        """Close the template as soon as no run uses it any more."""
        self._closed = True
        if self._native is not None:
            self._native.close()

    def __enter__(self) -> Template:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _number(given: Optional[int]) -> int:
    return -1 if given is None else given


def _identity(native: _native.Template) -> dict[str, int]:
    """Return the identity of the file, without its number of links."""
    key: dict[str, int] = native.stat()["key"]
    del key["nlink"]
    return key


def _forget_all() -> None:
    """Forget the parent's native templates in a forked child."""
    for template in _all:
        if template._native is not None and template._native.fd >= 0:
            template._native = None


os.register_at_fork(after_in_child=_forget_all)
