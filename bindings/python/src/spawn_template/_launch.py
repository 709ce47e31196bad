# SPDX-License-Identifier: BSD-2-Clause
"""Makes a launch for subprocess, through a template that is found or made.

A signal handler may raise anywhere in here. Such an exception is no failure of the
launch, whose child may exist already. So errors of launches are values, and only
Failed is caught.
"""
import errno
import os
import sys
from typing import Any, Dict, Hashable, Optional, Sequence, Tuple, Union

from . import _counts, _native, _templates
from ._native import STAGE_ARGS, STAGE_EXEC, Pending, Template

# Errors of exec that are not the executable's fault.
_OF_ARGUMENTS = frozenset((errno.E2BIG, errno.ENOMEM, errno.EAGAIN))


class Failed(Exception):
    """The original has to make the launch, for the given reason."""


# ---- names

# Copies of what os.fsencode() uses, to save its call.
_ENCODING = sys.getfilesystemencoding()
_ERRORS = sys.getfilesystemencodeerrors()

# (name, value of PATH): the paths to try, in order. Few programs change PATH often.
_places: Dict[Tuple[Any, Any], Tuple[bytes, ...]] = {}


def _places_of(name: bytes, env: Any) -> Tuple[bytes, ...]:
    return tuple(os.path.join(os.fsencode(directory), name)
                 for directory in os.get_exec_path(env))


def names_of(executable: Any, env: Any) -> Tuple[bytes, ...]:
    """Returns the paths that exec tries, in order, as os._execvpe() does."""
    name = (executable.encode(_ENCODING, _ERRORS) if type(executable) is str
            else os.fsencode(executable))
    if b"/" in name:
        return (name,)
    if env is None:
        path = os.environ.get("PATH")
    elif sys.flags.bytes_warning or b"PATH" in env:
        # looking for both kinds of names may be an error: see os.get_exec_path()
        return _places_of(name, env)
    else:
        path = env.get("PATH")
    names = _places.get((name, path))
    if names is None:
        names = _places_of(name, env)
        if len(_places) >= 256:
            _places.clear()
        _places[name, path] = names
    return names


def environment(env: Any) -> Optional[Dict[Any, Any]]:
    """Returns the environment in the form that a launch takes."""
    return env if env is None or type(env) is dict else dict(env.items())


def _absolute(name: bytes, cwd: Any) -> bytes:
    """Returns the path that a child in cwd would take a relative name for."""
    if cwd is not None:
        name = os.path.join(os.fsencode(cwd), name)
    if name[:1] == b"/":
        return name
    here = _native.getcwd()
    if here is None:
        raise Failed("no name of the working directory")
    return os.path.join(here, name)


# ---- launches

Found = Tuple[Template, Hashable, bytes]


def find(names: Sequence[bytes], cwd: Any) -> Found:
    """Returns the template of the first name that exists.

    It looks at all names before that one each time, since a file may have appeared.
    """
    for name in names:
        if name[:1] == b"/":
            path: bytes = name
            key: Hashable = name
        else:
            path = _absolute(name, cwd)
            key = (path,)
        entry = _templates.get(path, key, key is path)
        if isinstance(entry, Template):
            return entry, key, path
        if entry is not None:
            raise Failed(entry.reason)
    raise Failed("executable not found")


def _renew(found: Found, error: Exception) -> Template:
    """Returns a template for another try, after the first was refused."""
    template, key, path = found
    if getattr(error, "errno", None) == errno.ESTALE:
        _counts.refreshed()
        if template.renew() is None:
            return template
    # The process or its user ids are no longer those that made the template, or
    # the file has another format now.
    _templates.forget(key)
    entry = _templates.get(path, key, key is path)
    if isinstance(entry, Template):
        return entry
    raise Failed(entry.reason if entry else "executable went away")


def _stage(error: Optional[Exception]) -> Optional[int]:
    stage: Optional[int] = getattr(error, "stage", None)
    return stage


def spawn(found: Found, popen: Any, fds: Tuple[int, ...], owner: Any, args: Any,
          env: Any, how: Dict[str, Any]) -> Optional[Exception]:
    """Launches for a Popen, and closes fds, which only its child needs.

    owner is None, or gets the attribute child. Returns an error; or raises Failed.
    """
    error = found[0].launch(popen, fds, owner, args, env, **how)
    if error is not None and _stage(error) == STAGE_ARGS:
        template = _renew(found, error)
        error = template.launch(popen, fds, owner, args, env, **how)
    if error is None:
        _counts.launched()
    elif (_stage(error) in (STAGE_ARGS, STAGE_EXEC)
            and getattr(error, "errno", None) not in _OF_ARGUMENTS):
        _templates.forget(found[1])
    return error


def reason_of(error: Exception) -> str:
    return "launch: " + _templates.name_of(error)


def begin(found: Found, popen: Any, fds: Tuple[int, ...], args: Any, env: Any,
          how: Dict[str, Any]) -> Optional[Pending]:
    """Launches without waiting for exec. Returns None if spawn() has to do it."""
    pending: Union[Pending, Exception] = found[0].begin(popen, fds, args, env,
                                                        **how)
    return pending if isinstance(pending, Pending) else None


def launch(popen: Any, fds: Tuple[int, ...], making: Any, executable: Any,
           args: Any, env: Any, how: Dict[str, Any]) -> str:
    """Launches. If a transport is being made, its first launch is not waited for.

    Returns "", or the reason why the original has to launch.
    """
    try:
        env = environment(env)
        found = find(names_of(executable, env), how["cwd"])
        if making is not None and not making.again:
            making.pending = begin(found, popen, fds, args, env, how)
            if making.pending is not None:
                popen.pid = making.pending.pid
                return ""
        error = spawn(found, popen, fds, making, args, env, how)
    except Failed as failed:
        return str(failed)
    return reason_of(error) if error is not None else ""
