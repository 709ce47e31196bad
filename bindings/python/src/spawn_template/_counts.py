# SPDX-License-Identifier: BSD-2-Clause
"""The counts for stats(). There is no lock: a signal handler may launch, too."""
import operator
import sys
from typing import Any, Dict

from . import _templates


class _Counter:
    """Counts down from the largest number, in one step: no thread's count is lost."""

    def __init__(self) -> None:
        self._left = iter(range(sys.maxsize))
        self.add = self._left.__next__

    def value(self) -> int:
        return sys.maxsize - operator.length_hint(self._left)


_launched = _Counter()
_fallback: Dict[str, _Counter] = {}

launched = _launched.add


def fell_back(reason: str) -> None:
    counter = _fallback.get(reason)
    if counter is None:
        counter = _fallback.setdefault(reason, _Counter())
    counter.add()


def stats() -> Dict[str, Any]:
    """Returns how many launches of subprocess and asyncio went which way.

    cold: through a template. warm: through a template, from a prepared process.
    stale: through a template that was made anew because its executable had changed.
    fallback: by the original, with a number for each reason.
    """
    warm = _templates.warm()
    return {"cold": max(0, _launched.value() - warm), "warm": warm,
            "stale": _templates.stale(),
            "fallback": {reason: counter.value()
                         for reason, counter in dict(_fallback).items()}}
