# SPDX-License-Identifier: BSD-2-Clause
"""Template: one executable, to launch any number of times."""
from __future__ import annotations

import errno
import os
import sys
import weakref
from typing import (TYPE_CHECKING, Any, Iterable, Literal, Optional, Sequence, Union,
                    overload)

from . import _native, _warm, blocking, engine, running
from .options import (AnyResult, Env, Request, RunOptions, StartOptions, StreamOptions,
                      StrOrBytesPath, SyncOptions, names, signed)
from .output import Chunk, TextChunk, TextResult
from .running import Run

if TYPE_CHECKING:
    from .options import Unpack

# The arguments of a program without its name; or one list, with argv[0].
Argument = Union[StrOrBytesPath, Sequence[StrOrBytesPath]]
Argv = Optional[Sequence[StrOrBytesPath]]
TextRun = Run[TextResult, TextChunk]
BytesRun = Run[_native.Result, Chunk]

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

    With warm="session" the program is a shell, and launches with the arguments SHELL -c
    COMMAND source the file profile before the command: once, for many commands.

    With warm="python" the program is a Python, which starts once, and imports modules
    ahead; launches are forks of it.
    """

    __slots__ = ("_native", "_flags", "_target", "_preload", "_key", "_name", "_path",
                 "_closed", "__weakref__")

    def __init__(self, name: StrOrBytesPath, *,
                 search_path: Optional[StrOrBytesPath] = None,
                 script: bool = True, auto_refresh: bool = False,
                 warm: Optional[str] = None, warm_target: int = 1,
                 profile: Optional[StrOrBytesPath] = None,
                 modules: Union[str, Iterable[str], None] = None) -> None:
        flag, self._target, self._preload = _warm.prepared(warm, warm_target,
                                                           profile, modules)
        self._flags = ((_native.CREATE_SCRIPT if script else 0) |
                       (_native.CREATE_AUTO_REFRESH if auto_refresh else 0) |
                       flag)
        self._native: Optional[_native.Template] = _native.Template(
            name, flags=self._flags, search_path=search_path,
            warm_target=self._target, warm_preload=self._preload)
        self._name = os.fspath(name)
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
                                  warm_target=self._target,
                                  warm_preload=self._preload)
        if self._flags & _native.CREATE_AUTO_REFRESH:
            self._key = _identity(native)
        elif _identity(native) != self._key:
            native.close()
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), self._path)
        self._native = native
        return native

    # ---- running to completion

    def _argv(self, args: Any, argv: Argv) -> Any:
        """Return the argv of a program with these arguments."""
        if argv is not None:
            if args:
                raise TypeError("argv has all arguments: there cannot be others")
            return argv
        return args[0] if len(args) == 1 and not names(args) else [self._name, *args]

    def _request(self, args: Any, argv: Argv, options: Any, waits: bool) -> Request:
        """Return a run of the program, which takes the caller's **options."""
        return Request(self._argv(args, argv), options, waits=waits)

    def _audited(self, request: Request) -> _native.Template:
        native = self._native or self._reopen()
        sys.audit("spawn_template.run", self._path, request.argv,
                  request.options.get("cwd"), request.options.get("env"))
        return native

    @overload
    async def run(self, *args: Argument, argv: Argv = None, text: Literal[True],
            encoding: Optional[str] = None, **options: Unpack[RunOptions]
            ) -> TextResult: ...

    @overload
    async def run(self, *args: Argument, argv: Argv = None, text: bool = False,
            encoding: str, **options: Unpack[RunOptions]) -> TextResult: ...

    @overload
    async def run(self, *args: Argument, argv: Argv = None,
            text: Literal[False] = False, encoding: None = None,
            **options: Unpack[RunOptions]) -> _native.Result: ...

    @overload
    async def run(self, *args: Argument, argv: Argv = None, text: bool,
            encoding: Optional[str] = None, **options: Unpack[RunOptions]
            ) -> AnyResult: ...

    @signed(RunOptions)
    async def run(self, *args: Any, argv: Argv = None, **options: Any) -> AnyResult:
        """Run a program to its end without blocking the event loop.

        run("status", "-s") gives the program these arguments, behind the name that the
        template was made with; run(["git", "status"]) gives it this argv. The program
        reads input, or /dev/null. The result keeps max_output bytes (16 MiB) of stdout
        and of stderr, the last of them with tail, and the rest is dropped, or with spill
        kept in files; with merge_stderr both are in the result's stdout. With on_output
        nothing is kept: the function gets each Chunk as it comes, and what it returns
        is awaited if it can be.

        After timeout seconds, or idle_timeout seconds without output, the program's
        tree gets SIGTERM, and grace seconds later SIGKILL, or SIGKILL at once without
        grace; the result's timed_out is then True. With cgroup the run has a cgroup of
        its own, if one can be made. The program's tree ends with this process,
        unless die_with_parent is False; with supervise daemons do, too.
        Without capture both streams are this process's own. The program has a session
        of its own: a password that it asks for on /dev/tty cannot be given, but with pty
        it has a terminal of its own, and with session="caller" it stays in the session
        and process group of this process, whose terminal it can use; session="group" is
        a process group of its own in this session. With sandbox it runs in a Sandbox.

        The processes that the program leaves behind when it ends by itself get
        SIGTERM, and SIGKILL after grace; the result's leftovers has their number. With
        keep_leftovers they live on. With limits the tree as a whole has them, or the
        program is not launched; the result's oom tells that the memory was too little.

        If another process holds the output when the program has ended, what it
        writes is read, too, until nothing has come for held_quiet seconds, and for
        held_most seconds at most; None is no bound. If the output has not ended then,
        the result's pipe_held is True. The timeout holds meanwhile.

        With text, encoding or errors output is str, decoded and with newlines as
        subprocess has them, but what cannot be decoded becomes U+FFFD. With check an
        end other than exit code 0 raises subprocess.CalledProcessError, and a timeout
        subprocess.TimeoutExpired.

        A program that cannot be launched raises OSError; its attributes stage and
        action name the step that failed. Cancelling the task ends the tree in the
        same way, with the same grace, in the background.
        """
        request = self._request(args, argv, options, True)
        native = self._audited(request)
        if request.on_output is not None:
            return await running.run(native, request)
        return request.answer(
            await engine.run(native, request.argv, request.options))

    @overload
    def run_sync(self, *args: Argument, argv: Argv = None, text: Literal[True],
            encoding: Optional[str] = None, **options: Unpack[SyncOptions]
            ) -> TextResult: ...

    @overload
    def run_sync(self, *args: Argument, argv: Argv = None, text: bool = False,
            encoding: str, **options: Unpack[SyncOptions]) -> TextResult: ...

    @overload
    def run_sync(self, *args: Argument, argv: Argv = None,
            text: Literal[False] = False, encoding: None = None,
            **options: Unpack[SyncOptions]) -> _native.Result: ...

    @overload
    def run_sync(self, *args: Argument, argv: Argv = None, text: bool,
            encoding: Optional[str] = None, **options: Unpack[SyncOptions]
            ) -> AnyResult: ...

    @signed(SyncOptions)
    def run_sync(self, *args: Any, argv: Argv = None, **options: Any) -> AnyResult:
        """Run a program to its end as run() does, but block the calling thread.

        In the main thread signal handlers run meanwhile. If a handler raises an
        exception, as that of Ctrl-C does, the tree is ended first; so it is if on_output
        raises one.
        """
        request = self._request(args, argv, options, True)
        return blocking.run(self._audited(request), request)

    # ---- runs that go on

    @overload
    def stream(self, *args: Argument, argv: Argv = None, text: Literal[True],
            encoding: Optional[str] = None, **options: Unpack[StreamOptions]
            ) -> TextRun: ...

    @overload
    def stream(self, *args: Argument, argv: Argv = None, text: bool = False,
            encoding: str, **options: Unpack[StreamOptions]) -> TextRun: ...

    @overload
    def stream(self, *args: Argument, argv: Argv = None,
            text: Literal[False] = False, encoding: None = None,
            **options: Unpack[StreamOptions]) -> BytesRun: ...

    @overload
    def stream(self, *args: Argument, argv: Argv = None, text: bool,
            encoding: Optional[str] = None, **options: Unpack[StreamOptions]
            ) -> Run[Any, Any]: ...

    @signed(StreamOptions)
    def stream(self, *args: Any, argv: Argv = None, **options: Any) -> Run[Any, Any]:
        """Return a Run, for "async for chunk in template.stream(...)".

        The program starts when the Run is first used by async for, async with or await.
        It waits when it has written max_output bytes (1 MiB) of a stream that nobody has
        taken. If the task is cancelled, or the Run is not used any more, the tree is
        ended. With open_input its write() and close_input() give the program input.

        With detach the program goes on after the timeout, for detached_timeout seconds
        (else as long again; None: no bound). The other arguments are those of run().
        """
        options["stream"] = True
        request = self._request(args, argv, options, False)
        return Run(lambda: self._audited(request), request)

    @overload
    async def start(self, *args: Argument, argv: Argv = None, text: Literal[True],
            encoding: Optional[str] = None, **options: Unpack[StartOptions]
            ) -> TextRun: ...

    @overload
    async def start(self, *args: Argument, argv: Argv = None, text: bool = False,
            encoding: str, **options: Unpack[StartOptions]) -> TextRun: ...

    @overload
    async def start(self, *args: Argument, argv: Argv = None,
            text: Literal[False] = False, encoding: None = None,
            **options: Unpack[StartOptions]) -> BytesRun: ...

    @overload
    async def start(self, *args: Argument, argv: Argv = None, text: bool,
            encoding: Optional[str] = None, **options: Unpack[StartOptions]
            ) -> Run[Any, Any]: ...

    @signed(StartOptions)
    async def start(self, *args: Any, argv: Argv = None, **options: Any
                    ) -> Run[Any, Any]:
        """Start a program that runs while others wait for it, and return its Run.

        Its output is kept for the result; or with stream it comes in chunks, as from
        stream(). A task that is cancelled while it waits does not end the tree: that end
        comes by cancel(), when the Run is not used any more, or with the loop.
        """
        request = self._request(args, argv, options, False)
        going: Run[Any, Any] = Run(lambda: self._audited(request), request)
        return await going._start()

    # ---- children of the caller

    def spawn(self, *args: Argument, argv: Argv = None,
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
        argv = self._argv(args, argv)
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
