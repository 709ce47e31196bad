# SPDX-License-Identifier: BSD-2-Clause
"""What stats() tells. There is no lock: a signal handler may launch, too."""
import operator
import sys
from typing import Any, Dict


class _Counter:
    """Counts in one step, so that no thread's is lost, down from the largest."""

    def __init__(self) -> None:
        self._left = iter(range(sys.maxsize))
        self.add = self._left.__next__

    def value(self) -> int:
        return sys.maxsize - operator.length_hint(self._left)


_cold = _Counter()
_stale = _Counter()
_fallback: Dict[str, _Counter] = {}

launched = _cold.add
refreshed = _stale.add


def fell_back(reason: str) -> None:
    counter = _fallback.get(reason)
    if counter is None:
        counter = _fallback.setdefault(reason, _Counter())
    counter.add()


def stats() -> Dict[str, Any]:
    """What launches of subprocess and asyncio went which way, so far.

    cold: through a template; warm: from a process kept ready, of which there are
    none yet; stale: executables that had changed, so that their template was made
    anew; fallback: by the original, how many for which reason.
    """
    return {"cold": _cold.value(), "warm": 0, "stale": _stale.value(),
            "fallback": {reason: counter.value()
                         for reason, counter in dict(_fallback).items()}}
