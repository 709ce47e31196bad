# SPDX-License-Identifier: BSD-2-Clause
"""Makes subprocess and asyncio launch through templates.

What is replaced is what makes the child and nothing above it: the fork_exec that
Popen calls, and its use of posix_spawn. So arguments are checked, audit events
raised, pipes made and children waited for by the Python in use, as ever. asyncio
has a part of its own, in dropin_asyncio.

Whatever a template does not cover, and whatever goes wrong with one, goes to the
original, which makes the child or says in its own words why there can be none.
stats() counts those by reason. So a failing launch is tried twice; that is what
makes its exception the same.
"""
import errno
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from . import _native, _templates, dropin_asyncio

__all__ = ["install", "uninstall", "installed", "stats"]

# Where a launch failed: SPAWN_TEMPLATE_STAGE_* of spawn_template.h
_STAGE_ARGS = 0
_STAGE_EXEC = 5

_EXEC_ERRORS_OF_ARGV = frozenset((errno.E2BIG, errno.ENOMEM, errno.EAGAIN))


class _Failed(Exception):
    """The original has to do it; for the reason given."""


class _Counts:
    """What stats() tells. Launches of several threads must not get lost."""

    def __init__(self) -> None:
        self.cold = 0
        self.stale = 0
        self.fallback: Dict[str, int] = {}
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def launched(self) -> None:
        with self._lock:
            self.cold += 1

    def refreshed(self) -> None:
        with self._lock:
            self.stale += 1

    def fell_back(self, reason: str) -> None:
        with self._lock:
            self.fallback[reason] = self.fallback.get(reason, 0) + 1


_counts = _Counts()
_install_lock = threading.Lock()
_is_installed = False


def _absolute(name: bytes, cwd: Any) -> bytes:
    """Where a child that has gone to cwd finds a relative name."""
    try:
        here = os.getcwdb()
    except OSError:
        raise _Failed("no current directory") from None
    if cwd is not None:
        here = os.path.join(here, os.fsencode(cwd))
    return os.path.join(here, name)


def _renew(template: _native.Template, key: Any, path: bytes,
           error: OSError) -> _native.Template:
    """A template for another try, after the first was refused for what it is."""
    if error.errno == errno.ESTALE:
        _counts.refreshed()
        try:
            template.refresh()
            return template
        except OSError:
            pass
    # Made by a process, or under user ids, that this one no longer is; or the
    # file is of another format now.
    _templates.forget(key)
    entry = _templates.get(path, key, key is path)
    if isinstance(entry, _native.Template):
        return entry
    raise _Failed(entry.reason if entry else "executable went away")


def _spawn_one(template: _native.Template, key: Any, path: bytes,
               args: Sequence[Any], env: Optional[List[bytes]],
               how: Dict[str, Any]) -> Tuple[int, int]:
    try:
        try:
            return template.spawn(args, env, **how)
        except OSError as error:
            if getattr(error, "stage", None) != _STAGE_ARGS:
                raise
            template = _renew(template, key, path, error)
        return template.spawn(args, env, **how)
    except OSError as error:
        if (getattr(error, "stage", None) in (_STAGE_ARGS, _STAGE_EXEC)
                and error.errno not in _EXEC_ERRORS_OF_ARGV):
            _templates.forget(key)
        raise


def _spawn(names: Sequence[bytes], args: Sequence[Any],
           env: Optional[List[bytes]], how: Dict[str, Any]) -> int:
    """Launches the first of the names that there is; raises _Failed if it cannot.

    The names are one path, or the places where PATH may have it, in order: those
    before the first that exists are looked at each time, as execution would.
    """
    for name in names:
        if name[:1] == b"/":
            path = key = name
        else:
            path = _absolute(name, how["cwd"])
            key = (path,)
        entry = _templates.get(path, key, key is path)
        if entry is None:
            continue
        if type(entry) is _templates.Refused:
            raise _Failed(entry.reason)
        try:
            pid, pidfd = _spawn_one(entry, key, path, args, env, how)
        except _Failed:
            raise
        except Exception as error:
            raise _Failed("launch: " + _templates.name_of(error)) from None
        _counts.launched()
        if not dropin_asyncio.take_pidfd(pidfd):
            os.close(pidfd)
        return pid
    raise _Failed("executable not found")


# ---- fork_exec

# (number of arguments, has process_group, has allow_vfork)
_Signature = Tuple[bool, bool]
_SIGNATURES: Dict[int, _Signature] = {
    21: (False, False),  # 3.9, 3.10
    22: (True, False),
    23: (True, True),  # 3.11
}


def _arguments(given: Sequence[Any]) -> Tuple[Any, ...]:
    """Names, args, environment and how, of what fork_exec was given."""
    signature = _SIGNATURES.get(len(given))
    if signature is None:
        raise _Failed("unknown arguments")
    has_group, has_vfork = signature
    (args, names, close_fds, pass_fds, cwd, env, p2cread, _, _, c2pwrite, _,
     errwrite, _, errpipe_write, restore_signals, new_session, *rest) = given
    group = rest.pop(0) if has_group else -1
    gid, groups, uid, umask, preexec_fn = rest[:5]
    if preexec_fn is not None:
        raise _Failed("preexec_fn")
    if has_vfork and not rest[5]:
        raise _Failed("vfork not allowed")
    how = {
        "stdin": p2cread, "stdout": c2pwrite, "stderr": errwrite,
        "close_fds": close_fds, "cwd": cwd, "restore_signals": restore_signals,
    }
    # The pipe for errors is the original's; the launch answers by itself.
    if len(pass_fds) > 1:
        how["pass_fds"] = tuple(fd for fd in pass_fds if fd != errpipe_write)
    if new_session:
        how["start_new_session"] = True
    if group != -1:
        how["process_group"] = group
    if umask != -1:
        how["umask"] = umask
    if gid is not None or groups is not None or uid is not None:
        how.update(gid=gid, groups=groups, uid=uid)
    return names, args, env, how


_original_fork_exec: Callable[..., int]


def _fork_exec(*given: Any) -> int:
    if not _is_installed:
        return _original_fork_exec(*given)
    try:
        return _spawn(*_arguments(given))
    except _Failed as failed:
        _counts.fell_back(str(failed))
    return _original_fork_exec(*given)


class _ModuleLike:
    """Stands for a module in one place, where one of its names is another's."""

    def __init__(self, module: Any, **names: Any) -> None:
        self.__dict__["_module"] = module
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


# ---- posix_spawn

_original_posix_spawn: Callable[..., None]

_USE_OS_ENVIRON = sys.version_info < (3, 13)


def _environment(env: Any) -> Optional[List[bytes]]:
    if env is None:
        return None
    return [os.fsencode(k) + b"=" + os.fsencode(v) for k, v in env.items()]


def _posix_spawn(self: Any, args: Any, executable: Any, env: Any,
                 restore_signals: bool, *rest: Any) -> None:
    """Popen._posix_spawn: the same launch with less to it, and without a pipe."""
    if not _is_installed or len(rest) not in (6, 7):
        return _original_posix_spawn(self, args, executable, env,
                                     restore_signals, *rest)
    fds = rest[-6:]
    close_fds = rest[0] if len(rest) == 7 else False
    if env is None and _USE_OS_ENVIRON:
        env = os.environ
    how = {
        "stdin": fds[0], "stdout": fds[3], "stderr": fds[5],
        "close_fds": close_fds, "cwd": None, "restore_signals": restore_signals,
    }
    sys.audit("os.posix_spawn", executable, args, env)
    try:
        self.pid = _spawn((os.fsencode(executable),), args,
                          _environment(env), how)
    except _Failed as failed:
        _counts.fell_back(str(failed))
        return _original_posix_spawn(self, args, executable, env,
                                     restore_signals, *rest)
    self._child_created = True
    self._close_pipe_fds(*fds)


# ---- install

_Patch = Tuple[Any, str, Any, Any]
_patches: List[_Patch] = []


def _patch(owner: Any, name: str, new: Any) -> Any:
    old = getattr(owner, name)
    setattr(owner, name, new)
    _patches.append((owner, name, old, new))
    return old


def install() -> None:
    """Let subprocess and asyncio launch through templates, from now on.

    In this process, for all that call them. A second call changes nothing.
    """
    global _is_installed, _original_fork_exec, _original_posix_spawn
    with _install_lock:
        if _is_installed:
            return
        if hasattr(subprocess, "_fork_exec"):
            _original_fork_exec = _patch(subprocess, "_fork_exec", _fork_exec)
        else:
            module = subprocess._posixsubprocess  # type: ignore[attr-defined]
            _original_fork_exec = module.fork_exec
            _patch(subprocess, "_posixsubprocess",
                   _ModuleLike(module, fork_exec=_fork_exec))
        _original_posix_spawn = _patch(subprocess.Popen, "_posix_spawn",
                                       _posix_spawn)
        dropin_asyncio.install(_patch)
        _is_installed = True


def uninstall() -> None:
    """Undo install(). Children that run are waited for as before.

    What somebody else has replaced since is left as it is; our part of it then
    hands everything on to the original.
    """
    global _is_installed
    with _install_lock:
        if not _is_installed:
            return
        _is_installed = False
        while _patches:
            owner, name, old, new = _patches.pop()
            if owner.__dict__.get(name) is new:
                setattr(owner, name, old)
        _templates.clear()


@contextmanager
def installed() -> Iterator[None]:
    """install() for a block. Inside of another install() it changes nothing."""
    before = _is_installed
    install()
    try:
        yield
    finally:
        if not before:
            uninstall()


def stats() -> Dict[str, Any]:
    """What launches went which way, since the start of the process.

    cold: through a template; warm: from a process kept ready, of which there are
    none yet; stale: executables that had changed, so that their template was made
    anew; fallback: by the original, how many for which reason.
    """
    return {"cold": _counts.cold, "warm": 0, "stale": _counts.stale,
            "fallback": dict(_counts.fallback)}
