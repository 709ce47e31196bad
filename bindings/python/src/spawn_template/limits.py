# SPDX-License-Identifier: BSD-2-Clause
"""Limits on the tree of a run as a whole, which need a cgroup."""
from __future__ import annotations

import operator
from typing import Any, Mapping, Optional, Tuple, TypedDict

_NO_LIMIT = 2**64 - 1
_CPU_PERIOD = 100_000       # microseconds, in which a processor has so many


class Limits(TypedDict, total=False):
    """The limits that docs/python.md lists; one that is left out does not hold."""

    memory_max: int
    memory_swap_max: Optional[int]
    cpu_max: float
    pids_max: int
    cpu_weight: int
    io_weight: int


# In the order in which the native module takes them: the least, the most, and the unit.
_BOUNDS = {
    "memory_max": (1, 2**63 - 1, "bytes"),
    "memory_swap_max": (0, 2**63 - 1, "bytes, or None"),
    "cpu_max": (0.01, 10_000, "processors"),
    "pids_max": (1, 2**31 - 1, "processes"),
    "cpu_weight": (1, 10_000, "a weight"),
    "io_weight": (1, 10_000, "a weight"),
}


def _number(name: str, value: Any) -> int:
    least, most, unit = _BOUNDS[name]
    if name == "memory_swap_max" and value is None:
        return _NO_LIMIT
    number = value if name == "cpu_max" else operator.index(value)
    if not least <= number <= most:
        raise ValueError(f"{name} is {unit}, from {least} to {most}")
    return int(number * _CPU_PERIOD) if name == "cpu_max" else int(number)


def packed(limits: Mapping[str, Any]) -> Tuple[int, ...]:
    """Return the limits for the native module; 0 stands for those that are left out."""
    unknown = sorted(set(limits) - set(_BOUNDS))
    if unknown:
        raise TypeError("limits has no " + ", ".join(unknown))
    return tuple(_number(name, limits[name]) if name in limits else 0
                 for name in _BOUNDS)
