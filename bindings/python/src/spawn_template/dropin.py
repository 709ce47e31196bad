# SPDX-License-Identifier: BSD-2-Clause
"""Makes subprocess and asyncio launch through templates.

What is replaced is the part of Popen that makes the child, and nothing above it:
arguments are checked, pipes made and children waited for by the Python in use, as
ever. There is no pipe for errors here, since a launch answers by itself. asyncio
has a part of its own, in dropin_asyncio.

Whatever a template does not cover, and whatever goes wrong with one, goes to the
original, which makes the child or says in its own words why there can be none.
stats() counts those by reason. So a launch that fails is tried twice; that is what
makes its exception the same.
"""
import os
import subprocess
import sys
import threading
import types
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Tuple

from . import _counts, _launch, _templates, dropin_asyncio
from ._counts import stats

__all__ = ["install", "uninstall", "installed", "stats"]

# Of a thread: a signal handler may install, too.
_install_lock = threading.RLock()
_is_installed = False

# Popen's own. The second is the first for a launch that was audited already.
_original: Callable[..., None]
_original_audited: Callable[..., None]
_original_posix_spawn: Callable[..., None]

# What the original makes a child with; a test may put something else there.
_fork_exec: Any

# The arguments of Popen._execute_child that are known: until 3.10, and since.
_ARGUMENTS = (
    "self", "args", "executable", "preexec_fn", "close_fds", "pass_fds", "cwd",
    "env", "startupinfo", "creationflags", "shell", "p2cread", "p2cwrite",
    "c2pread", "c2pwrite", "errread", "errwrite", "restore_signals", "gid",
    "gids", "uid", "umask", "start_new_session")
_KNOWN = (_ARGUMENTS, _ARGUMENTS + ("process_group",))


# Where it is looked up: in subprocess, or until 3.10 in the module that has it.
_SUBPROCESS: Dict[str, Any] = subprocess.__dict__
_FORK_EXEC = "_fork_exec" if "_fork_exec" in _SUBPROCESS else "fork_exec"
_fork_exec_names: Dict[str, Any] = (
    _SUBPROCESS if "_fork_exec" in _SUBPROCESS
    else _SUBPROCESS["_posixsubprocess"].__dict__)


class _Globals(Dict[str, Any]):
    """The globals of subprocess as they are at the time, but for some."""

    def __missing__(self, name: str) -> Any:
        return subprocess.__dict__[name]


class _Unaudited:
    """Stands for the module sys, less its audit()."""

    @staticmethod
    def audit(*event: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def _without_audit(function: Any) -> Callable[..., None]:
    """A copy of a function of subprocess that raises no audit event."""
    names = _Globals(__builtins__=__builtins__, sys=_Unaudited())
    copy = types.FunctionType(function.__code__, names, function.__name__,
                              function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


# ---- Popen._execute_child

_SHELL = "/system/bin/sh" if hasattr(sys, "getandroidapilevel") else "/bin/sh"


def _reason_against(args: Any, preexec_fn: Any, shell: Any) -> str:
    """Why not to try, before anything is done; else ""."""
    if preexec_fn is not None:
        return "preexec_fn"
    if _SUBPROCESS.get("_USE_VFORK", True) is False:
        return "vfork not allowed"
    if _fork_exec_names[_FORK_EXEC] is not _fork_exec:
        return "fork_exec replaced"
    if shell and isinstance(args, os.PathLike):
        return "arguments"
    return ""


def _posix_spawn_comes(program: Any, cwd: Any, how: Dict[str, Any]) -> bool:
    """True if the original would take its way by os.posix_spawn()."""
    module: Any = subprocess
    fds = how["stdin"], how["stdout"], how["stderr"]
    ids = how["uid"], how["gid"], how["groups"]
    return (module._USE_POSIX_SPAWN and bool(os.path.dirname(program))
            and not how["pass_fds"] and cwd is None
            and all(fd == -1 or fd > 2 for fd in fds)
            and not how["start_new_session"] and how["process_group"] == -1
            and ids == (None, None, None) and how["umask"] < 0)


def _execute_child(self: Any, args: Any, *given: Any) -> None:
    """Popen._execute_child, which see."""
    if not _is_installed:
        return _original(self, args, *given)
    (executable, preexec_fn, close_fds, pass_fds, cwd, env, _, _, shell,
     p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, restore_signals,
     gid, gids, uid, umask, start_new_session, *group) = given
    reason = _reason_against(args, preexec_fn, shell)
    if reason:
        _counts.fell_back(reason)
        return _original(self, args, *given)
    if type(args) is not list and isinstance(args, (str, bytes, os.PathLike)):
        argv = [args]
    else:
        # A copy for the original too: it may be good for one use only.
        args = argv = list(args)
    if type(pass_fds) is not tuple:  # the same
        pass_fds = tuple(pass_fds)
        given = given[:3] + (pass_fds,) + given[4:]
    if shell:
        argv = [executable or _SHELL, "-c"] + argv
    program = argv[0] if executable is None else executable
    how = {
        "stdin": p2cread, "stdout": c2pwrite, "stderr": errwrite,
        "pass_fds": pass_fds, "close_fds": close_fds, "cwd": cwd,
        "umask": umask, "uid": uid, "gid": gid, "groups": gids,
        "start_new_session": start_new_session,
        "process_group": group[0] if group else -1,
        "restore_signals": restore_signals,
    }
    making = dropin_asyncio.made_for(self)
    if making is None or not making.again:
        sys.audit("subprocess.Popen", program, argv, cwd, env)
    if ((not close_fds or _CLOSEFROM)
            and _posix_spawn_comes(program, cwd, how)):
        self._posix_spawn(
            argv, program, env, restore_signals,
            *((close_fds,) if _GIVES_CLOSE_FDS else ()),
            p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
        return
    reason = "arguments" if not argv else _launch.launch(
        self, _for_the_child(self, p2cread, p2cwrite, c2pread, c2pwrite, errread,
                             errwrite),
        making, program, argv, env, how)
    if reason:
        _counts.fell_back(reason)
        return _original_audited(self, args, *given)


def _for_the_child(popen: Any, p2cread: int, p2cwrite: int, c2pread: int,
                   c2pwrite: int, errread: int, errwrite: int
                   ) -> Tuple[int, ...]:
    """What is to be closed once there is a child: see Popen._close_pipe_fds().

    The device comes last, and may be in the place of several.
    """
    devnull = popen.__dict__.get("_devnull")
    fds: Tuple[int, ...] = () if devnull is None else (devnull,)
    if errwrite != -1 and errread != -1 and errwrite != devnull:
        fds = (errwrite,) + fds
    if c2pwrite != -1 and c2pread != -1 and c2pwrite != devnull:
        fds = (c2pwrite,) + fds
    if p2cread != -1 and p2cwrite != -1 and p2cread != devnull:
        fds = (p2cread,) + fds
    return fds


# ---- Popen._posix_spawn

_CLOSEFROM = getattr(subprocess, "_HAVE_POSIX_SPAWN_CLOSEFROM", False)
_GIVES_CLOSE_FDS = "_HAVE_POSIX_SPAWN_CLOSEFROM" in _SUBPROCESS
_NONE_IS_OS_ENVIRON = sys.version_info < (3, 13)


def _posix_spawn(self: Any, args: Any, executable: Any, env: Any,
                 restore_signals: Any, *rest: Any) -> None:
    """Popen._posix_spawn: the simplest of launches, by os.posix_spawn()."""
    original = _original_posix_spawn
    if not _is_installed:
        return original(self, args, executable, env, restore_signals, *rest)
    close_fds, *fds = rest if len(rest) == 7 else (False, *rest)
    how = {
        "stdin": fds[0], "stdout": fds[3], "stderr": fds[5],
        "close_fds": close_fds, "restore_signals": restore_signals,
    }
    error = None
    try:
        environment = _launch.environment(env)
        found = _launch.find(_launch.names_of(executable, environment), None)
        audited = os.environ if env is None and _NONE_IS_OS_ENVIRON else env
        sys.audit("os.posix_spawn", executable, args, audited)
        error = _launch.spawn(found, self, _for_the_child(self, *fds),
                              dropin_asyncio.made_for(self), args, environment,
                              how)
        if error is None:
            return
        reason = _launch.reason_of(error)
    except _launch.Failed as failed:
        reason = str(failed)
    _counts.fell_back(reason)
    if isinstance(error, OSError):
        # What os.posix_spawn() would say, which need not be asked for that.
        number = error.errno or 0
        raise OSError(number, os.strerror(number), executable)
    original(self, args, executable, env, restore_signals, *rest)


# ---- install

# What is ours by (owner, name), and what was there before.
_patches: Dict[Tuple[Any, str], Tuple[Any, Any]] = {}


def _patch(owner: Any, name: str, new: Any) -> Any:
    """Returns the original. What could not be undone is still in its place."""
    if (owner, name) not in _patches:
        _patches[owner, name] = getattr(owner, name), new
        setattr(owner, name, new)
    return _patches[owner, name][0]


def _unpatch() -> None:
    for (owner, name), (old, new) in list(_patches.items()):
        if owner.__dict__.get(name) is new:
            setattr(owner, name, old)
            del _patches[owner, name]


def _check_popen() -> None:
    popen: Any = subprocess.Popen
    if (popen, "_execute_child") in _patches:
        return
    code = getattr(popen._execute_child, "__code__", None)
    if not code or code.co_varnames[:code.co_argcount] not in _KNOWN:
        raise RuntimeError("subprocess of this Python is not known to "
                           "spawn_template, or somebody has replaced its parts")


def _patch_popen() -> None:
    global _original, _original_audited, _original_posix_spawn, _fork_exec
    _fork_exec = _fork_exec_names[_FORK_EXEC]
    _original = _patch(subprocess.Popen, "_execute_child", _execute_child)
    _original_audited = _without_audit(_original)
    _original_posix_spawn = _patch(subprocess.Popen, "_posix_spawn",
                                   _posix_spawn)


def install() -> None:
    """Let subprocess and asyncio launch through templates, from now on.

    In this process, for all that call them. A second call changes nothing.
    Raises RuntimeError if this Python has another subprocess than is known.
    """
    global _is_installed
    with _install_lock:
        if _is_installed:
            return
        _check_popen()
        _patch_popen()
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
        dropin_asyncio.uninstall()
        _unpatch()
        _templates.clear()


def _after_fork() -> None:
    global _install_lock
    _install_lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


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
