# SPDX-License-Identifier: BSD-2-Clause
"""Makes subprocess and asyncio launch through templates.

The drop-in replaces the part of Popen that makes the child, and nothing above it:
Python's own code still checks arguments, makes pipes and waits for children. It needs no
pipe for errors, since a launch returns its error. dropin_asyncio has the part for
asyncio.

A launch that a template does not cover, or that fails, goes to the original, which
makes the child or raises its own exception. stats() counts such launches by reason. A
launch that fails is tried twice, so that its exception is the original's.
"""
import os
import subprocess
import sys
import threading
import types
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Tuple, Union

from . import _counts, _launch, _templates, _warm, dropin_asyncio
from ._counts import stats

__all__ = ["install", "uninstall", "installed", "stats"]

# Reentrant: a signal handler may install, too.
_install_lock = threading.RLock()
_is_installed = False

# Popen's own functions. The second is a copy of the first that does not audit again.
_original: Callable[..., None]
_original_audited: Callable[..., None]
_original_posix_spawn: Callable[..., None]

# Python's own function by which the original makes a child; None until it is found.
_fork_exec: Any = None

# The known arguments of Popen._execute_child: until 3.10, and since.
_ARGUMENTS = (
    "self", "args", "executable", "preexec_fn", "close_fds", "pass_fds", "cwd",
    "env", "startupinfo", "creationflags", "shell", "p2cread", "p2cwrite",
    "c2pread", "c2pwrite", "errread", "errwrite", "restore_signals", "gid",
    "gids", "uid", "umask", "start_new_session")
_KNOWN = (_ARGUMENTS, _ARGUMENTS + ("process_group",))


# The module whose names subprocess uses to call it: its own, or until 3.10 another one.
_SUBPROCESS: Dict[str, Any] = subprocess.__dict__
_FORK_EXEC = "_fork_exec" if "_fork_exec" in _SUBPROCESS else "fork_exec"
_fork_exec_names: Dict[str, Any] = (
    _SUBPROCESS if "_fork_exec" in _SUBPROCESS
    else _SUBPROCESS["_posixsubprocess"].__dict__)


def _is_pythons(function: Any, module: str, name: str) -> bool:
    """Tells whether the function is the interpreter's own.

    A debugger or a test may have replaced it, before or after install(), to see or to
    change launches.
    """
    return (type(function) is types.BuiltinFunctionType
            and function.__name__ == name
            and getattr(function.__self__, "__name__", "") == module)


class _Globals(Dict[str, Any]):
    """The globals of subprocess at the time of the look-up, except those that are given."""

    def __missing__(self, name: str) -> Any:
        return subprocess.__dict__[name]


class _Unaudited:
    """Stands in for the module sys, with an audit() that does nothing."""

    @staticmethod
    def audit(*event: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)


def _without_audit(function: Any) -> Callable[..., None]:
    """Copies a function of subprocess, so that the copy raises no audit event."""
    names = _Globals(__builtins__=__builtins__, sys=_Unaudited())
    copy = types.FunctionType(function.__code__, names, function.__name__,
                              function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


# ---- Popen._execute_child

_SHELL = "/system/bin/sh" if hasattr(sys, "getandroidapilevel") else "/bin/sh"


def _reason_against(args: Any, preexec_fn: Any, shell: Any) -> str:
    """Returns the reason not to try a template, or ""."""
    if preexec_fn is not None:
        return "preexec_fn"
    if _SUBPROCESS.get("_USE_VFORK", True) is False:
        return "vfork not allowed"
    if _fork_exec_names[_FORK_EXEC] is not _fork_exec and not _see_fork_exec():
        return "fork_exec replaced"
    if shell and isinstance(args, os.PathLike):
        return "arguments"
    return ""


def _see_fork_exec() -> bool:
    global _fork_exec
    function = _fork_exec_names[_FORK_EXEC]
    if not _is_pythons(function, "_posixsubprocess", "fork_exec"):
        return False
    _fork_exec = function
    return True


def _posix_spawn_comes(program: Any, how: _launch.How) -> bool:
    """Tells whether the original would use os.posix_spawn()."""
    module: Any = subprocess
    (stdin, stdout, stderr, pass_fds, _, cwd, umask, uid, gid, groups,
     start_new_session, process_group, _) = how
    return (module._USE_POSIX_SPAWN and bool(os.path.dirname(program))
            and not pass_fds and cwd is None
            and all(fd == -1 or fd > 2 for fd in (stdin, stdout, stderr))
            and not start_new_session and process_group == -1
            and (uid, gid, groups) == (None, None, None) and umask < 0)


def _execute_child(self: Any, args: Any, *given: Any) -> None:
    """Replaces Popen._execute_child."""
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
        # The original gets the copy, too: an iterator can be used only once.
        args = argv = list(args)
    if type(pass_fds) is not tuple:  # for the same reason
        pass_fds = tuple(pass_fds)
        given = given[:3] + (pass_fds,) + given[4:]
    if shell:
        argv = [executable or _SHELL, "-c"] + argv
    program = argv[0] if executable is None else executable
    how = (p2cread, c2pwrite, errwrite, pass_fds, close_fds, cwd, umask, uid, gid,
           gids, start_new_session, group[0] if group else -1, restore_signals)
    making = dropin_asyncio.made_for(self)
    if making is None or not making.again:
        sys.audit("subprocess.Popen", program, argv, cwd, env)
    if ((not close_fds or _CLOSEFROM)
            and _posix_spawn_comes(program, how)):
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
    """Returns the fds to close once there is a child: see Popen._close_pipe_fds().

    The null device comes last, and may stand in for several.
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
    """Replaces Popen._posix_spawn: the simplest launches, by os.posix_spawn()."""
    original = _original_posix_spawn
    replaced = not _is_pythons(os.posix_spawn, "posix", "posix_spawn")
    if _is_installed and replaced:
        _counts.fell_back("posix_spawn replaced")
    if not _is_installed or replaced:
        return original(self, args, executable, env, restore_signals, *rest)
    close_fds, *fds = rest if len(rest) == 7 else (False, *rest)
    how = (fds[0], fds[3], fds[5], (), close_fds, None, -1, None, None, None, False,
           -1, restore_signals)
    error = None
    try:
        environment = _launch.environment(env)
        audited = os.environ if env is None and _NONE_IS_OS_ENVIRON else env
        error = _launch.spawn(
            _launch.names_of(executable, environment),
            ("os.posix_spawn", executable, args, audited), self,
            _for_the_child(self, *fds), dropin_asyncio.made_for(self), args,
            environment, how)
        if error is None:
            return
        reason = _launch.reason_of(error)
    except _launch.Failed as failed:
        reason = str(failed)
    _counts.fell_back(reason)
    if isinstance(error, OSError):
        # Raise the error of os.posix_spawn() without calling it.
        number = error.errno or 0
        raise OSError(number, os.strerror(number), executable)
    original(self, args, executable, env, restore_signals, *rest)


# ---- install

# (owner, name): the original that was there, and our replacement.
_patches: Dict[Tuple[Any, str], Tuple[Any, Any]] = {}


def _patch(owner: Any, name: str, new: Any) -> Any:
    """Puts new in its place, unless it still is, and returns the original."""
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
    if not isinstance(popen, type):
        raise RuntimeError("somebody has replaced subprocess.Popen")
    for name in "_execute_child", "_posix_spawn":
        if not isinstance(getattr(popen, name, None), types.FunctionType):
            raise RuntimeError("somebody has replaced subprocess.Popen, or its "
                               + name)
    code = popen._execute_child.__code__   # type: ignore[attr-defined]
    if code.co_varnames[:code.co_argcount] not in _KNOWN:
        raise RuntimeError("subprocess of this Python is not known to "
                           "spawn_template, or somebody has replaced its parts")


def _patch_popen() -> None:
    global _original, _original_audited, _original_posix_spawn
    _original = _patch(subprocess.Popen, "_execute_child", _execute_child)
    _original_audited = _without_audit(_original)
    _original_posix_spawn = _patch(subprocess.Popen, "_posix_spawn",
                                   _posix_spawn)


def install(warm: Optional[str] = None, warm_target: int = 1,
            modules: Union[str, Iterable[str], None] = None) -> None:
    """Let subprocess and asyncio launch through templates, from now on.

    This concerns the whole process. With warm, "fork" or "once", launches take prepared
    processes, warm_target of each program, from its second launch on: docs/python.md
    tells what that changes. With "python" a program whose name begins with python takes
    forks of an interpreter that has started, and has imported modules, names in a list or
    with commas; others are launched as with "fork". A second call changes nothing, but
    with warm it sets how launches are prepared. Raises RuntimeError if this Python's
    subprocess is not known to the package, or if somebody has replaced its Popen.
    """
    global _is_installed
    prepared = _warm.by_name(warm, warm_target, modules)
    with _install_lock:
        if not _is_installed:
            _check_popen()
            _patch_popen()
            dropin_asyncio.install(_patch)
            _is_installed = True
        if warm is not None:
            _templates.prepare(*prepared)


def uninstall() -> None:
    """Undo install(). Running children are waited for as before.

    A function that somebody else has replaced since is left as it is; our part of
    it then passes every call on to the original.
    """
    global _is_installed
    with _install_lock:
        if not _is_installed:
            return
        _is_installed = False
        dropin_asyncio.uninstall()
        _unpatch()
        _templates.prepare(0, 0)
        _templates.clear()


def _after_fork() -> None:
    global _install_lock
    _install_lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def installed(warm: Optional[str] = None, warm_target: int = 1,
              modules: Union[str, Iterable[str], None] = None) -> Iterator[None]:
    """Install for a block, as install() does. Inside of another install() it changes
    nothing, but for warm."""
    before = _is_installed
    install(warm, warm_target, modules)
    try:
        yield
    finally:
        if not before:
            uninstall()
