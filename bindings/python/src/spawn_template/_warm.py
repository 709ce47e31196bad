# SPDX-License-Identifier: BSD-2-Clause
"""The arguments warm and warm_target, for templates and for the drop-in."""
from typing import Optional, Tuple

from . import _native

_FLAGS = {None: 0, "once": _native.CREATE_WARM_ONCE,
          "fork": _native.CREATE_WARM_FORK}

# The most processes that the library prepares for a template.
TARGET_MAX = 8


def flag_and_target(warm: Optional[str], target: int) -> Tuple[int, int]:
    """Returns the two arguments as the library takes them; without warm both are 0."""
    if warm is not None and type(warm) is not str or warm not in _FLAGS:
        raise ValueError('warm must be "fork", "once" or None, not %r' % (warm,))
    if not 1 <= target <= TARGET_MAX:
        raise ValueError("warm_target must be 1 to %d" % TARGET_MAX)
    return _FLAGS[warm], target if warm else 0
