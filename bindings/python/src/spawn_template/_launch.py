# SPDX-License-Identifier: BSD-2-Clause
"""Makes a launch for subprocess, through a template from the cache.

A signal handler may raise anywhere in here. Such an exception is no failure of the
launch, whose child may exist already. So errors of launches are values, and only
Failed is caught.
"""
import os
import sys
from typing import Any, Dict, Optional, Tuple, TypeVar, Union

from . import _counts, _templates
from ._native import Pending

T = TypeVar("T")


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


# ---- launches

# The arguments of a launch besides argv and env, in the order of Cache.launch():
# stdin to process_group, and restore_signals.
How = Tuple[Any, ...]


def _checked(outcome: Union[str, int, T]) -> T:
    """Returns an outcome unless it is the reason why there is no template."""
    if type(outcome) is str:
        raise Failed(outcome)
    if type(outcome) is int:
        raise Failed("create: " + _templates.name_of(outcome))
    return outcome  # type: ignore[return-value]


def spawn(names: Tuple[bytes, ...], event: Optional[Tuple[Any, ...]], popen: Any,
          fds: Tuple[int, ...], owner: Any, args: Any, env: Any, how: How
          ) -> Optional[Exception]:
    """Launches the first name that exists, for a Popen, and closes fds, which only its
    child needs.

    event is an audit event, which is raised once there is a template. owner, unless it
    is None, gets the attribute child. Returns an error, or None; raises Failed.
    """
    outcome = _templates.cache.launch(names, event, popen, fds, owner, args, env,
                                      *how)
    if outcome is not None:
        return _checked(outcome)
    _counts.launched()
    return None


def reason_of(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return "launch: " + (_templates.name_of(number) if number
                         else type(error).__name__)


def begin(names: Tuple[bytes, ...], popen: Any, fds: Tuple[int, ...], making: Any,
          args: Any, env: Any, how: How) -> bool:
    """Launches without waiting for exec. Returns False if spawn() has to do it.

    making gets the launch as pending; or as child, if a prepared process took it and it
    is over.
    """
    outcome = _checked(_templates.cache.begin(
        names, None, popen, fds, making if _templates.prepares else None, args, env,
        *how))
    if outcome is None:
        _counts.launched()
    elif isinstance(outcome, Pending):
        making.pending = outcome
        popen.pid = outcome.pid
    else:
        return False
    return True


def launch(popen: Any, fds: Tuple[int, ...], making: Any, executable: Any,
           args: Any, env: Any, how: How) -> str:
    """Launches; does not wait for the first launch of a transport that is being made.

    Returns "", or the reason why the original has to launch.
    """
    try:
        env = environment(env)
        names = names_of(executable, env)
        if making is not None and not making.again:
            if begin(names, popen, fds, making, args, env, how):
                return ""
        error = spawn(names, None, popen, fds, making, args, env, how)
    except Failed as failed:
        return str(failed)
    return reason_of(error) if error is not None else ""
