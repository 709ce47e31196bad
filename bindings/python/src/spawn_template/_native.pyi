# SPDX-License-Identifier: BSD-2-Clause
# What the extension module has. It is not public: spawn_template is.
#
# A launch that fails raises OSError with, beside errno and filename:
#   stage    one of the STAGE_ constants: how far it came
#   action   "dup2", "keep", "chdir" or "sigdefault" with STAGE_ACTION; else None
# filename is the template's path, or cwd if entering that failed. errno ESTALE
# means that the file is not the one any more that the template was made of.
import os
import resource
from typing import (Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple,
                    Union, final)

__version__: str

_Name = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
# None is the environment that the process has: what os.environ shows. A list or
# a tuple has b"NAME=value" entries, and is passed as it is.
_Env = Union[None, Mapping[str, str], Mapping[bytes, bytes], List[bytes],
             Tuple[bytes, ...]]

_Buffer = Union[bytes, bytearray, memoryview]

# Who is told, what went wrong (an OSError with stage and action, a MemoryError, or
# None), and what there is: a Result, the (pid, pidfd) of a spawn, or None. A run
# that was cancelled once it was launched has both.
Completion = Tuple[Any, Union[None, OSError, MemoryError], Any]

CREATE_SCRIPT: int
CREATE_DENY_WRITE: int
CREATE_GUARD: int
CREATE_NO_GUARD: int
CREATE_AUTO_REFRESH: int

STAGE_ARGS: int
STAGE_CLONE: int
STAGE_ATTR: int
STAGE_ACTION: int
STAGE_CLOSE: int
STAGE_EXEC: int

RING_ENTRIES_MAX: int

# as os.getcwdb(), but None if there is none
def getcwd() -> Optional[bytes]: ...

@final
class Template:
    def __new__(cls, name: _Name, *, flags: int = ...,
                search_path: Optional[_Name] = ...) -> "Template": ...
    # as Template(), but an error is returned
    @classmethod
    def open(cls, name: bytes, *, flags: int = ...
             ) -> Union["Template", Exception]: ...
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
    # As spawn(), for a Popen that is told (pid, _child_created) and whose fds, those
    # of the child alone, are closed. owner is None, or gets a Pending that is over
    # as its attribute child. Errors are returned; what is raised comes from code of
    # Python that a conversion has run.
    def launch(self, popen: Any, fds: Tuple[int, ...], owner: Any,
               argv: Sequence[_Name], env: _Env = ..., *, stdin: int = ...,
               stdout: int = ..., stderr: int = ...,
               pass_fds: Iterable[int] = ..., close_fds: bool = ...,
               cwd: Optional[_Name] = ..., umask: int = ...,
               uid: Optional[int] = ..., gid: Optional[int] = ...,
               groups: Optional[Iterable[int]] = ...,
               start_new_session: bool = ..., process_group: int = ...,
               restore_signals: bool = ...) -> Optional[Exception]: ...
    # The same without waiting, and without pid and _child_created: the child is the
    # Pending's. An error says to launch by launch(), and that may succeed.
    def begin(self, popen: Any, fds: Tuple[int, ...], argv: Sequence[_Name],
              env: _Env = ..., *, stdin: int = ..., stdout: int = ...,
              stderr: int = ..., pass_fds: Iterable[int] = ...,
              close_fds: bool = ..., cwd: Optional[_Name] = ...,
              umask: int = ..., uid: Optional[int] = ...,
              gid: Optional[int] = ..., groups: Optional[Iterable[int]] = ...,
              start_new_session: bool = ..., process_group: int = ...,
              restore_signals: bool = ...
              ) -> Union["Pending", Exception]: ...
    # waits, and no signal handler of Python's runs meanwhile
    def run(self, argv: Sequence[_Name], env: _Env = ...,
            input: Optional[_Buffer] = ..., timeout: Optional[float] = ...,
            max_output: Optional[int] = ..., cwd: Optional[_Name] = ...,
            merge_stderr: bool = ..., grace: Optional[float] = ...,
            cgroup: bool = ..., supervise: bool = ...,
            capture: bool = ...) -> Result: ...
    def check(self) -> None: ...
    def refresh(self) -> None: ...
    # as refresh(), but an error is returned
    def renew(self) -> Optional[Exception]: ...
    def stat(self) -> Dict[str, Any]: ...
    def close(self) -> None: ...
    def __enter__(self) -> "Template": ...
    def __exit__(self, *exc: object) -> None: ...

# A launch on its way to exec, dropped if it is let go; or one that is over, which
# keeps the pidfd.
@final
class Pending:
    # of a child that was launched otherwise; None: it gets no pidfd
    @classmethod
    def open(cls, pid: int) -> Optional["Pending"]: ...
    @property
    def pid(self) -> int: ...
    @property
    def pidfd(self) -> int: ...
    def fileno(self) -> int: ...
    # what failed is launched by launch(), or told by that
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
    # None if it was not captured
    @property
    def out(self) -> Optional[bytes]: ...
    @property
    def err(self) -> Optional[bytes]: ...
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
    def pipe_held(self) -> bool: ...
    @property
    def status_lost(self) -> bool: ...
    @property
    def cgroup(self) -> bool: ...
    @property
    def usage(self) -> resource.struct_rusage: ...

# Never waits, but in wait() and close(). A full ring raises BlockingIOError.
@final
class Ring:
    def __new__(cls, entries: int, *, threads: int = ...) -> "Ring": ...
    def fileno(self) -> int: ...
    def run(self, template: Template, token: Any, argv: Sequence[_Name],
            env: _Env = ..., input: Optional[_Buffer] = ...,
            timeout: Optional[float] = ..., max_output: Optional[int] = ...,
            cwd: Optional[_Name] = ..., merge_stderr: bool = ...,
            grace: Optional[float] = ..., cgroup: bool = ...,
            supervise: bool = ..., capture: bool = ...) -> None: ...
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
    # None: none came in time, or a signal handler ran
    def wait(self, timeout_ms: int = ...) -> Optional[Completion]: ...
    # with forget the completion's token is None
    def cancel(self, token: Any, forget: bool = ...) -> int: ...
    # the tokens of what was in flight
    def close(self) -> List[Any]: ...
