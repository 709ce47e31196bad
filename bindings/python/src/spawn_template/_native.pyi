# SPDX-License-Identifier: BSD-2-Clause
# The extension module. It is not public: spawn_template is.
#
# A launch that fails raises OSError. Beside errno and filename, the exception has:
#   stage    one of the STAGE_ constants: the step that failed
#   action   "dup2", "keep", "chdir" or "sigdefault" with STAGE_ACTION; else None
# filename is the template's path, or cwd if that could not be entered. errno ESTALE
# means that the file has changed since the template was made.
import os
import resource
from typing import (Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple,
                    Union, final)

__version__: str

_Name = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
# None is the environment of the process, as os.environ shows it. A list or a tuple
# has b"NAME=value" entries, and is passed as it is.
_Env = Union[None, Mapping[str, str], Mapping[bytes, bytes], List[bytes],
             Tuple[bytes, ...]]

_Buffer = Union[bytes, bytearray, memoryview]

# The token, the error (an OSError with stage and action, a MemoryError, or None), and
# the value: a Result, the (pid, pidfd) of a spawn, or None. A run that was cancelled
# after its launch has both an error and a value.
# Or, of a run that goes on: the token, CQE_OUT or CQE_ERR, and a Chunk; or the token,
# CQE_DETACHED, and a Result; or the token, CQE_ROOM, and None.
Completion = Tuple[Any, Any, Any]

CREATE_SCRIPT: int
CREATE_DENY_WRITE: int
CREATE_GUARD: int
CREATE_NO_GUARD: int
CREATE_WARM_ONCE: int
CREATE_WARM_FORK: int
CREATE_WARM_RUNTIME: int
CREATE_AUTO_REFRESH: int

STAGE_ARGS: int
STAGE_CLONE: int
STAGE_ATTR: int
STAGE_ACTION: int
STAGE_CLOSE: int
STAGE_EXEC: int

RING_ENTRIES_MAX: int
CQE_OUT: int
CQE_ERR: int
CQE_DETACHED: int
CQE_ROOM: int

SANDBOX_NO_NET: int
SANDBOX_CONNECT: int
SANDBOX_BIND: int
SANDBOX_SIGNALS: int
SANDBOX_ABSTRACT: int
SANDBOX_NO_DEVICES: int
SANDBOX_BEST_EFFORT: int
SANDBOX_LOST_FILES: int
SANDBOX_LOST_TRUNCATE: int
SANDBOX_LOST_TCP: int
SANDBOX_LOST_SIGNALS: int
SANDBOX_LOST_ABSTRACT: int
SANDBOX_LOST_NET: int
SANDBOX_LOST_RENAME: int
SANDBOX_LOST_IOCTL: int
SANDBOX_LOST_SOCKETS: int

# A capsule, for run().
class _Sandbox: ...

def sandbox_new(ro: Optional[List[_Name]], rw: Optional[List[_Name]], flags: int,
                connect: Optional[List[int]] = ..., bind: Optional[List[int]] = ..., /
                ) -> _Sandbox: ...
def sandbox_lost(ro: Optional[List[_Name]], rw: Optional[List[_Name]], flags: int,
                 connect: Optional[List[int]] = ..., bind: Optional[List[int]] = ..., /
                 ) -> int: ...

@final
class Template:
    # warm_target is for CREATE_WARM_*; 0: the default. warm_preload: an absolute path,
    # for CREATE_WARM_RUNTIME
    def __new__(cls, name: _Name, *, flags: int = ...,
                search_path: Optional[_Name] = ...,
                warm_target: int = ...,
                warm_preload: Optional[_Name] = ...) -> "Template": ...
    @property
    def fd(self) -> int: ...
    @property
    def path(self) -> str: ...
    def spawn(self, argv: Sequence[_Name], env: _Env = ..., *,
              stdin: int = ..., stdout: int = ..., stderr: int = ...,
              pass_fds: Iterable[int] = ..., close_fds: bool = ...,
              cwd: Optional[_Name] = ..., umask: int = ...,
              uid: Optional[int] = ..., gid: Optional[int] = ...,
              groups: Optional[Iterable[int]] = ...,
              start_new_session: bool = ..., process_group: int = ...,
              restore_signals: bool = ...) -> Tuple[int, int]: ...
    # Waits. No Python signal handler runs meanwhile. winsize is rows << 16 | columns;
    # spill is a folder, or the descriptor of one or of a file. on_output gets CQE_OUT or
    # CQE_ERR, and bytes; if it raises, the tree is ended before that is raised.
    def run(self, argv: Sequence[_Name], env: _Env = ...,
            input: Optional[_Buffer] = ..., timeout: Optional[float] = ...,
            max_output: Optional[int] = ..., cwd: Optional[_Name] = ...,
            merge_stderr: bool = ..., grace: Optional[float] = ...,
            cgroup: bool = ..., supervise: bool = ...,
            capture: bool = ..., held_quiet: Optional[float] = ...,
            held_most: Optional[float] = ...,
            sandbox: Optional[_Sandbox] = ..., *, keep_leftovers: bool = ...,
            limits: Optional[Tuple[int, ...]] = ...,
            die_with_parent: bool = ..., session: Optional[str] = ...,
            pty: bool = ..., echo: bool = ..., raw: bool = ...,
            winsize: int = ..., idle_timeout: Optional[float] = ...,
            tail: Union[None, bool, int] = ..., spill: Any = ...,
            on_output: Optional[Callable[[int, bytes], object]] = ...
            ) -> Result: ...
    def check(self) -> None: ...
    def refresh(self) -> None: ...
    def stat(self) -> Dict[str, Any]: ...
    def close(self) -> None: ...
    def __enter__(self) -> "Template": ...
    def __exit__(self, *exc: object) -> None: ...

# Templates of the programs that are launched. The cache looks for the names, paths that
# may be relative to cwd, one after the other, and takes the first file that exists. If
# that file can have no template, the answer is the reason: a str, or the errno of create.
@final
class Cache:
    def __new__(cls, entries: int, *, negative: float = ..., flags: int = ...,
                hold: float = ..., warm_target: int = ...,
                warm_preload: Optional[str] = ...) -> "Cache": ...
    # Like Template.spawn(), for a Popen: sets its pid and _child_created, and closes
    # fds, which only the child needs. event is an audit event, which is raised once there
    # is a template. owner, unless it is None, gets the attribute child: a Pending that is
    # over. An error is returned; an exception comes from an audit hook, or from Python
    # code that a conversion has run.
    def launch(self, names: Tuple[bytes, ...], event: Optional[Tuple[Any, ...]],
               popen: Any, fds: Tuple[int, ...], owner: Any, argv: Sequence[_Name],
               env: _Env, stdin: int, stdout: int, stderr: int,
               pass_fds: Iterable[int], close_fds: bool, cwd: Optional[_Name],
               umask: int, uid: Optional[int], gid: Optional[int],
               groups: Optional[Iterable[int]], start_new_session: bool,
               process_group: int, restore_signals: bool, /
               ) -> Union[None, str, int, Exception]: ...
    # Like launch(), without waiting, and without pid and _child_created: the child
    # belongs to the Pending. After an error the caller uses launch(), which may succeed.
    # A launch that is over at once, as one by a prepared process is, goes as by launch()
    # and returns None, unless owner is None.
    def begin(self, names: Tuple[bytes, ...], event: Optional[Tuple[Any, ...]],
              popen: Any, fds: Tuple[int, ...], owner: Any, argv: Sequence[_Name],
              env: _Env, stdin: int, stdout: int, stderr: int,
              pass_fds: Iterable[int], close_fds: bool, cwd: Optional[_Name],
              umask: int, uid: Optional[int], gid: Optional[int],
              groups: Optional[Iterable[int]], start_new_session: bool,
              process_group: int, restore_signals: bool, /
              ) -> Union[None, str, int, Exception, "Pending"]: ...
    # Searches along path for a name, as spawn_template_cache_get(3) does. The Template
    # goes back to the cache when it is closed or not used any more.
    def get(self, name: bytes, path: bytes, /) -> Template: ...
    # The names are those of spawn_template_cache_stat(3).
    def stat(self) -> Dict[str, int]: ...

# A launch on its way to exec: the end of the object ends the child. Or a launch that is
# over, which keeps the pidfd.
@final
class Pending:
    # Returns a Pending for a child that was launched in another way; None: no pidfd.
    @classmethod
    def open(cls, pid: int) -> Optional["Pending"]: ...
    @property
    def pid(self) -> int: ...
    @property
    def pidfd(self) -> int: ...
    def fileno(self) -> int: ...
    # After an error the caller uses launch(), which succeeds or explains the error.
    def end(self) -> Optional[Exception]: ...
    def kill(self) -> None: ...
    def drop(self) -> None: ...

@final
class Result:
    @property
    def code(self) -> int: ...
    @property
    def signal(self) -> int: ...
    @property
    def pid(self) -> int: ...
    # None if the stream was not captured
    @property
    def out(self) -> Optional[bytes]: ...
    @property
    def err(self) -> Optional[bytes]: ...
    @property
    def stdout(self) -> Optional[bytes]: ...
    @property
    def stderr(self) -> Optional[bytes]: ...
    # bytes that were read, kept or not
    @property
    def out_total(self) -> int: ...
    @property
    def err_total(self) -> int: ...
    @property
    def leftovers(self) -> int: ...
    @property
    def memory_peak(self) -> int: ...
    @property
    def cpu_us(self) -> int: ...
    @property
    def spawn_ns(self) -> int: ...
    @property
    def total_ns(self) -> int: ...
    @property
    def returncode(self) -> Optional[int]: ...
    @property
    def timed_out(self) -> bool: ...
    @property
    def out_truncated(self) -> bool: ...
    @property
    def err_truncated(self) -> bool: ...
    @property
    def tree_killed(self) -> bool: ...
    @property
    def not_killed(self) -> bool: ...
    @property
    def unseen(self) -> bool: ...
    @property
    def pipe_held(self) -> bool: ...
    @property
    def status_lost(self) -> bool: ...
    @property
    def idle(self) -> bool: ...
    @property
    def detached(self) -> bool: ...
    @property
    def spilled(self) -> bool: ...
    @property
    def cgroup(self) -> bool: ...
    @property
    def oom(self) -> bool: ...
    @property
    def warm(self) -> bool: ...
    @property
    def usage(self) -> resource.struct_rusage: ...

# Output that the ring keeps, and does not read on behind a bound, until it is taken.
@final
class Chunk:
    def take(self) -> bytes: ...

# Only wait() and close() wait. A full ring raises BlockingIOError.
@final
class Ring:
    def __new__(cls, entries: int, *, threads: int = ...) -> "Ring": ...
    def fileno(self) -> int: ...
    def run(self, template: Template, token: Any, argv: Sequence[_Name],
            env: _Env = ..., input: Optional[_Buffer] = ...,
            timeout: Optional[float] = ..., max_output: Optional[int] = ...,
            cwd: Optional[_Name] = ..., merge_stderr: bool = ...,
            grace: Optional[float] = ..., cgroup: bool = ...,
            supervise: bool = ..., capture: bool = ...,
            held_quiet: Optional[float] = ...,
            held_most: Optional[float] = ...,
            sandbox: Optional[_Sandbox] = ..., *, keep_leftovers: bool = ...,
            limits: Optional[Tuple[int, ...]] = ...,
            die_with_parent: bool = ..., session: Optional[str] = ...,
            stream: bool = ...,
            open_input: bool = ..., pty: bool = ..., echo: bool = ..., raw: bool = ...,
            winsize: int = ..., detach: bool = ...,
            idle_timeout: Optional[float] = ...,
            tail: Union[None, bool, int] = ..., spill: Any = ...,
            detached_timeout: Optional[float] = ...) -> None: ...
    def spawn(self, template: Template, token: Any, argv: Sequence[_Name],
              env: _Env = ..., *, stdin: int = ..., stdout: int = ...,
              stderr: int = ..., pass_fds: Iterable[int] = ...,
              close_fds: bool = ..., cwd: Optional[_Name] = ...,
              umask: int = ..., uid: Optional[int] = ...,
              gid: Optional[int] = ..., groups: Optional[Iterable[int]] = ...,
              start_new_session: bool = ..., process_group: int = ...,
              restore_signals: bool = ...) -> None: ...
    def submit(self) -> int: ...
    def reap(self, most: int = ...) -> List[Completion]: ...
    # None: no completion came in time, or a signal handler ran
    def wait(self, timeout_ms: int = ...) -> Optional[Completion]: ...
    # With forget the completion's token is None.
    def cancel(self, token: Any, forget: bool = ...) -> int: ...
    # To stdin of the run with this token, from the offset on; returns how many bytes
    # were taken. BrokenPipeError: nobody reads it, or there is no such run.
    def write(self, token: Any, data: bytes, offset: int, /) -> int: ...
    # These two do nothing if there is no such run.
    def close_input(self, token: Any, /) -> int: ...
    def winsize(self, token: Any, winsize: int, /) -> int: ...
    # Returns the tokens of launches and runs in flight.
    def close(self) -> List[Any]: ...
