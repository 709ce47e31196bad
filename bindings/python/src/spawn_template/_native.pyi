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
from typing import (Any, Iterable, List, Mapping, Optional, Sequence, Tuple,
                    Union)

__version__: str

_Name = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
# None is the environment that the process has: what os.environ shows. A list or
# a tuple has b"NAME=value" entries, and is passed as it is.
_Env = Union[None, Mapping[str, str], Mapping[bytes, bytes], List[bytes],
             Tuple[bytes, ...]]

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

class Template:
    def __new__(cls, name: _Name, *, flags: int = ...,
                search_path: Optional[_Name] = ...) -> "Template": ...
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
    def check(self) -> None: ...
    def refresh(self) -> None: ...
    def stat(self) -> dict[str, Any]: ...
    def close(self) -> None: ...
    def __enter__(self) -> "Template": ...
    def __exit__(self, *exc: object) -> None: ...
