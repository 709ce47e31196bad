# SPDX-License-Identifier: BSD-2-Clause
"""A launch as subprocess asks for it, through a template that is found or made."""
import errno
import os
import sys
from typing import Any, Dict, Hashable, List, Optional, Sequence, Tuple

from . import _counts, _templates
from ._native import STAGE_ARGS, STAGE_EXEC, Pending, Template

# Of exec, but not the fault of the executable.
_OF_ARGUMENTS = frozenset((errno.E2BIG, errno.ENOMEM, errno.EAGAIN))


class Failed(Exception):
    """The original has to make the launch; for the reason given."""


# ---- names

# What os.fsencode() uses, which is a call away.
_ENCODING = sys.getfilesystemencoding()
_ERRORS = sys.getfilesystemencodeerrors()

# (name, value of PATH): where to look, in order. Few programs change PATH often.
_places: Dict[Tuple[Any, Any], Tuple[bytes, ...]] = {}


def _path_variable(env: Any) -> Any:
    if env is None:
        return os.environ.get("PATH")
    if b"PATH" in env:
        raise Failed("PATH in bytes")
    return env.get("PATH")


def names_of(executable: Any, env: Any) -> Tuple[bytes, ...]:
    """What execution tries for an executable, in order, as os._execvpe() does."""
    name = (executable.encode(_ENCODING, _ERRORS) if type(executable) is str
            else os.fsencode(executable))
    if b"/" in name:
        return (name,)
    path = _path_variable(env)
    names = _places.get((name, path))
    if names is None:
        directories = os.get_exec_path(env)
        names = tuple(os.path.join(os.fsencode(d), name) for d in directories)
        if len(_places) >= 256:
            _places.clear()
        _places[name, path] = names
    return names


def environment(env: Any) -> Any:
    """The same for a launch, which is less strict than Popen about names."""
    if env is None:
        return None
    try:
        if "=" not in "".join(env) and hasattr(env, "items"):
            return env
    except TypeError:  # names of bytes
        pass
    entries: List[bytes] = []
    for key, value in env.items():
        key = os.fsencode(key)
        if b"=" in key:
            raise Failed("name of a variable")
        entries.append(key + b"=" + os.fsencode(value))
    return entries


def _absolute(name: bytes, cwd: Any) -> bytes:
    """Where a child that has gone to cwd finds a relative name."""
    here = os.getcwdb()
    if cwd is not None:
        here = os.path.join(here, os.fsencode(cwd))
    return os.path.join(here, name)


# ---- launches

Found = Tuple[Template, Hashable, bytes]


def find(names: Sequence[bytes], cwd: Any) -> Found:
    """The template of the first of the names that there is.

    Those before it are looked at each time: a file may appear there.
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


def _renew(found: Found, error: OSError) -> Template:
    """A template for another try, after the first was refused for what it is."""
    template, key, path = found
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
    if isinstance(entry, Template):
        return entry
    raise Failed(entry.reason if entry else "executable went away")


def spawn(found: Found, args: Any, env: Any, how: Dict[str, Any]
          ) -> Tuple[int, int]:
    """Raises OSError with a stage, of the launch; or Failed."""
    try:
        try:
            return found[0].spawn(args, env, **how)
        except OSError as error:
            if getattr(error, "stage", None) != STAGE_ARGS:
                raise
            template = _renew(found, error)
        return template.spawn(args, env, **how)
    except OSError as error:
        if (getattr(error, "stage", None) in (STAGE_ARGS, STAGE_EXEC)
                and error.errno not in _OF_ARGUMENTS):
            _templates.forget(found[1])
        raise


def reason_of(error: Exception) -> str:
    if isinstance(error, Failed):
        return str(error)
    return "launch: " + _templates.name_of(error)


def launch(executable: Any, args: Any, env: Any, how: Dict[str, Any]
           ) -> Tuple[int, int]:
    """Returns (pid, pidfd), or raises Failed, whatever it is that went wrong."""
    try:
        names = names_of(executable, env)
        return spawn(find(names, how["cwd"]), args, environment(env), how)
    except Failed:
        raise
    except Exception as error:
        raise Failed(reason_of(error)) from None


def begin(executable: Any, args: Any, env: Any, how: Dict[str, Any]
          ) -> Optional[Pending]:
    """The same without waiting for exec. None, for whatever reason: call launch()."""
    try:
        found = find(names_of(executable, env), how["cwd"])
        return found[0].begin(args, environment(env), **how)
    except Exception:
        return None
