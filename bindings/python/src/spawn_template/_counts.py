# SPDX-License-Identifier: BSD-2-Clause
"""What stats() tells. Counting takes no lock where launches are quick."""
import itertools
import os
import threading
from typing import Any, Dict


class _Counter:
    """Counts in one step, so that no thread's is lost."""

    def __init__(self) -> None:
        self.add = itertools.count().__next__
        self._reads = 0

    def value(self) -> int:
        """To be called with the lock: reading is an addition, taken off again."""
        n = self.add() - self._reads
        self._reads += 1
        return n


_cold = _Counter()
_stale = _Counter()
_fallback: Dict[str, int] = {}
_lock = threading.Lock()

launched = _cold.add
refreshed = _stale.add


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def fell_back(reason: str) -> None:
    with _lock:
        _fallback[reason] = _fallback.get(reason, 0) + 1


def stats() -> Dict[str, Any]:
    """What launches of subprocess and asyncio went which way, so far.

    cold: through a template; warm: from a process kept ready, of which there are
    none yet; stale: executables that had changed, so that their template was made
    anew; fallback: by the original, how many for which reason.
    """
    with _lock:
        return {"cold": _cold.value(), "warm": 0, "stale": _stale.value(),
                "fallback": dict(_fallback)}
