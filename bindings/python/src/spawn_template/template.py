# SPDX-License-Identifier: BSD-2-Clause
"""Template: one executable, to be launched as often as wanted."""
from __future__ import annotations

import errno
import os
import sys
import weakref
from typing import Any, Iterable, Mapping, Optional, Sequence, Union

from . import _native, blocking, engine

StrOrBytesPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
# None is the environment of the process, as os.environ shows it. Entries that
# are ready, b"NAME=value", save their encoding at each launch.
Env = Union[None, Mapping[str, str], Mapping[bytes, bytes], "list[bytes]",
            "tuple[bytes, ...]"]
Buffer = Union[bytes, bytearray, memoryview]

_all: "weakref.WeakSet[Template]" = weakref.WeakSet()


class Template:
    """Stands for one executable file; every launch checks that it is still it.

    name is looked up along search_path, or $PATH, once. With script, files that
    begin with "#!" are accepted. A launch from a file that has changed, or was
    replaced, raises OSError with errno ESTALE until refresh() is called; with
    auto_refresh it takes the new file.
    """

    __slots__ = ("_native", "_flags", "_key", "_path", "_closed", "__weakref__")

    def __init__(self, name: StrOrBytesPath, *,
                 search_path: Optional[StrOrBytesPath] = None,
                 script: bool = True, auto_refresh: bool = False) -> None:
        self._flags = ((_native.CREATE_SCRIPT if script else 0) |
                       (_native.CREATE_AUTO_REFRESH if auto_refresh else 0))
        self._native: Optional[_native.Template] = _native.Template(
            name, flags=self._flags, search_path=search_path)
        self._path = self._native.path
        self._key = _identity(self._native)
        self._closed = False
        _all.add(self)

    def __repr__(self) -> str:
        return f"<spawn_template.Template {self._path!r}>"

    @property
    def path(self) -> str:
        """The absolute path that it was made of."""
        return self._path

    def _reopen(self) -> _native.Template:
        """A template of one's own, in a child of fork.

        The file must be the parent's: what has changed is not taken silently.
        """
        if self._closed:
            raise ValueError("the template is closed")
        native = _native.Template(self._path, flags=self._flags)
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
                  capture: bool = True) -> _native.Result:
        """Run a program to its end without blocking the event loop.

        argv includes argv[0]. The program reads input, or /dev/null. Of stdout
        and stderr max_output bytes each (16 MiB) are kept, and the rest is
        read and dropped; with merge_stderr both are in the result's out. After
        timeout seconds the program and all that it has started get SIGTERM, and
        grace seconds later SIGKILL, which without grace comes at once; the
        result's timed_out tells. With cgroup the run has a cgroup of its own, if
        there can be one; supervise needs it, and ends the tree when this process
        dies. Without capture both streams are this process's own.

        A program that cannot be launched raises OSError; its attributes stage and
        action tell what failed. Cancelling the task ends the tree likewise, with
        the same grace, in the background.
        """
        native = self._native or self._reopen()
        sys.audit("spawn_template.run", self._path, argv, cwd, env)
        current = engine.current()
        if current.free:
            current.free -= 1
        else:
            await current.take()
        future = current.queue(
            native, argv, env, input, timeout, max_output, cwd, merge_stderr,
            grace, cgroup, supervise, capture)
        try:
            return await future
        except BaseException:
            current.abandon(future)
            raise

    def run_sync(self, argv: Sequence[StrOrBytesPath], *,
                 input: Optional[Buffer] = None,
                 timeout: Optional[float] = None,
                 max_output: Optional[int] = None,
                 cwd: Optional[StrOrBytesPath] = None, env: Env = None,
                 merge_stderr: bool = False, grace: Optional[float] = None,
                 cgroup: bool = False, supervise: bool = False,
                 capture: bool = True) -> _native.Result:
        """Run a program to its end; as run(), for a thread that may block.

        In the main thread signal handlers run meanwhile, and one that raises,
        as that of Ctrl-C does, ends the tree first.
        """
        native = self._native or self._reopen()
        sys.audit("spawn_template.run", self._path, argv, cwd, env)
        return blocking.run(
            native, (argv, env, input, timeout, max_output, cwd, merge_stderr,
                     grace, cgroup, supervise, capture))

    # ---- children of one's own

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
        """Launch and return (pid, pidfd): the caller waits, and closes pidfd.

        The arguments mean what they mean to subprocess.Popen, but are numbers:
        stdin, stdout and stderr are descriptors, None being this process's own,
        and users and groups are not given by name.
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
        """Raise what a launch would find wrong with the template, if anything."""
        (self._native or self._reopen()).check()

    def refresh(self) -> None:
        """Take today's file at the path."""
        native = self._native or self._reopen()
        native.refresh()
        self._key = _identity(native)

    def stat(self) -> dict[str, Any]:
        """What the template is, and how it was used."""
        return (self._native or self._reopen()).stat()

    def close(self) -> None:
        """Close it, once no run uses it any more."""
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
    """What makes a file the same file; links to it may come and go."""
    key: dict[str, int] = native.stat()["key"]
    del key["nlink"]
    return key


def _forget_all() -> None:
    """The parent's templates are none in a child of fork."""
    for template in _all:
        if template._native is not None and template._native.fd >= 0:
            template._native = None


os.register_at_fork(after_in_child=_forget_all)
