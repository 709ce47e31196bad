# SPDX-License-Identifier: BSD-2-Clause
"""The arguments warm, warm_target, profile and modules: templates and the drop-in."""
import os
from typing import TYPE_CHECKING, Iterable, Optional, Tuple, Union

from . import _native

if TYPE_CHECKING:
    from .options import StrOrBytesPath

_FLAGS = {None: 0, "once": _native.CREATE_WARM_ONCE,
          "fork": _native.CREATE_WARM_FORK}

# The most processes that the library prepares for a template.
TARGET_MAX = 8


def flag_and_target(warm: Optional[str], target: int) -> Tuple[int, int]:
    """Returns the two arguments as the library takes them; without warm both are 0."""
    if warm is not None and type(warm) is not str or warm not in _FLAGS:
        raise ValueError('warm must be "fork", "once", "python" or None, not %r'
                         % (warm,))
    if not 1 <= target <= TARGET_MAX:
        raise ValueError("warm_target must be 1 to %d" % TARGET_MAX)
    return _FLAGS[warm], target if warm else 0


def _joined(modules: Union[str, Iterable[str], None]) -> Optional[str]:
    """Returns names of modules as the library takes them."""
    if modules is None or isinstance(modules, str):
        return modules
    names = list(modules)
    for name in names:
        if type(name) is not str:
            raise TypeError("modules must be names, not %r" % (name,))
    return ",".join(names)


# How a cache prepares processes: flags, how many, modules for Pythons.
ByName = Tuple[int, int, Optional[str]]


def by_name(warm: Optional[str], target: int,
            modules: Union[str, Iterable[str], None]) -> ByName:
    """Returns flags, target and modules of a cache, whose programs have any name."""
    if modules is not None and warm != "python":
        raise ValueError('modules need warm="python"')
    if warm != "python":
        return (*flag_and_target(warm, target), None)
    flag, target = flag_and_target("fork", target)
    joined = _joined(modules)
    _native.Cache(1, flags=_native.CREATE_WARM_RUNTIME, warm_preload=joined)  # or raise
    return flag | _native.CREATE_WARM_RUNTIME, target, joined


def prepared(warm: Optional[str], target: int,
             profile: "Optional[StrOrBytesPath]",
             modules: Union[str, Iterable[str], None]
             ) -> "Tuple[int, int, Optional[StrOrBytesPath]]":
    """Returns flag, target and preload of a template as the library takes them."""
    if profile is not None and warm != "session":
        raise ValueError('profile needs warm="session"')
    if modules is not None and warm != "python":
        raise ValueError('modules need warm="python"')
    if warm == "python":
        _, target = flag_and_target("fork", target)
        return _native.CREATE_WARM_RUNTIME, target, _joined(modules)
    if warm == "session":
        if profile is None:
            raise ValueError('warm="session" needs a profile')
        _, target = flag_and_target("fork", target)
        return _native.CREATE_WARM_RUNTIME, target, os.path.abspath(profile)
    return (*flag_and_target(warm, target), None)
