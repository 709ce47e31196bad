# SPDX-License-Identifier: BSD-2-Clause
"""Medians, and confidence intervals for the ratio of two medians."""
import random
import statistics
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

BASE = "subprocess"
RESAMPLES = 2000


class Ratio(NamedTuple):
    value: float
    low: float  # 95 % confidence interval
    high: float

    def verdict(self, least: float) -> str:
        if self.low >= least:
            return "met"
        if self.high < least:
            return "not met"
        return "met, within the noise" if self.value >= least \
            else "not met, within the noise"


def ratio(a: Sequence[float], b: Sequence[float]) -> Ratio:
    """Returns median(a) / median(b).

    The bootstrap draws rounds, because a and b had the same load in each.
    """
    draw = random.Random(1)
    n = len(a)
    values = []
    for _ in range(RESAMPLES):
        picks = [draw.randrange(n) for _ in range(n)]
        values.append(statistics.median(a[i] for i in picks)
                      / statistics.median(b[i] for i in picks))
    values.sort()
    return Ratio(statistics.median(a) / statistics.median(b),
                 values[RESAMPLES // 40], values[-RESAMPLES // 40])


def percentile(values: Sequence[float], p: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


Rounds = List[Dict[str, Any]]
MEASURES: Dict[str, Callable[[Dict[str, Any]], float]] = {
    "rate": lambda r: r["rate"],
    "cpu_us": lambda r: (r["own_cpu"] + r["children_cpu"]) * 1e6,
    "own_cpu_us": lambda r: r["own_cpu"] * 1e6,
    "p50_us": lambda r: percentile(r["latencies"], 50) * 1e6,
    "p99_us": lambda r: percentile(r["latencies"], 99) * 1e6,
    "stall_max_us": lambda r: max(r["stalls"]) * 1e6,
    "stall_p99_us": lambda r: percentile(r["stalls"], 99) * 1e6,
    "stall_own_max_us": lambda r: max(r["own_stalls"]) * 1e6,
    "stall_own_p99_us": lambda r: percentile(r["own_stalls"], 99) * 1e6,
}


def _has(rounds: Rounds, measure: str) -> bool:
    if measure.startswith("stall"):
        return bool(rounds[0]["stalls"])
    return not measure.startswith("p") or bool(rounds[0]["latencies"])


def summarise(rounds: Dict[str, Rounds]) -> Dict[str, Any]:
    """Returns a cell's {backend: {measure: median, measure_ratio: to the base's}}."""
    summary: Dict[str, Any] = {}
    for backend, own in rounds.items():
        entry: Dict[str, Any] = {}
        summary[backend] = entry
        for measure, value in MEASURES.items():
            if not _has(own, measure):
                continue
            values = [value(r) for r in own]
            entry[measure] = statistics.median(values)
            entry[measure + "_ratio"] = ratio(
                values, [value(r) for r in rounds[BASE]])
    return summary
