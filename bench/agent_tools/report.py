# SPDX-License-Identifier: BSD-2-Clause
"""The tables, the targets, and the data of the plot."""
import platform
from typing import Any, Dict, List, Optional, TextIO, Tuple

from summary import BASE, Ratio

# The proposal's own figures for AutoGen Core, 16 tools, 6144 calls: throughput
# with templates divided by that with fork and exec.
PROPOSAL = {"1x16": 2.26, "2x8": 3.49, "4x4": 4.99, "8x2": 2.00}
SPLITS = list(PROPOSAL)

Summaries = Dict[str, Dict[str, Any]]


def percent(r: Ratio) -> str:
    low, value, high = (100 * (x - 1) for x in (r.low, r.value, r.high))
    return "%+.1f %% [%+.1f, %+.1f]" % (value, low, high)


def times(r: Ratio) -> str:
    return "%.2f [%.2f, %.2f]" % (r.value, r.low, r.high)


def _table(out: TextIO, head: List[str], rows: List[List[str]]) -> None:
    if not rows:
        return
    print("| " + " | ".join(head) + " |", file=out)
    print("|---" * len(head) + "|", file=out)
    for row in rows:
        print("| " + " | ".join(row) + " |", file=out)
    print(file=out)


def _others(cell: Dict[str, Any]) -> List[str]:
    return [name for name in cell if name != BASE]


def _splits(out: TextIO, cells: Summaries, kind: str, proposal: bool) -> None:
    rows = []
    names: List[str] = []
    for split in SPLITS:
        cell = cells.get("%s %s" % (kind, split))
        if not cell:
            continue
        names = _others(cell)
        rows.append([split] + (["%+.2f %%" % PROPOSAL[split]] if proposal
                               else [])
                    + ["%.0f" % cell[BASE]["rate"]]
                    + [percent(cell[name]["rate_ratio"]) for name in names]
                    + ["%.0f" % cell[BASE]["cpu_us"]]
                    + [percent(cell[name]["cpu_us_ratio"]) for name in names])
    head = (["workers x in flight"] + (["proposal"] if proposal else [])
            + ["%s, calls/s" % BASE] + names + ["%s, CPU us/call" % BASE]
            + ["CPU, " + name for name in names])
    _table(out, head, rows)


def _tools(out: TextIO, cells: Summaries) -> None:
    rows = []
    names: List[str] = []
    for key, cell in cells.items():
        if key.startswith("alone "):
            names = _others(cell)
            rows.append([key[6:], "%.0f" % cell[BASE]["rate"]]
                        + [times(cell[name]["rate_ratio"]) for name in names])
    _table(out, ["tool alone, 1x16", "%s, calls/s" % BASE] + names, rows)


def _by_backend(out: TextIO, cells: Summaries, key: str, title: str,
                measures: List[Tuple[str, str]]) -> None:
    cell = cells.get(key)
    if not cell:
        return
    rows = []
    for name, entry in cell.items():
        row = [name]
        for measure, _ in measures:
            text = "%.0f" % entry[measure]
            if name != BASE:
                text += ", %s times" % times(entry[measure + "_ratio"])
            row.append(text)
        rows.append(row)
    _table(out, [title] + [label for _, label in measures], rows)


def tables(out: TextIO, cells: Summaries, rounds: int) -> None:
    print("# Agents that run tools\n\nautogen-core 0.7.5, CPython %s, Linux %s. "
          "Medians of %d rounds, in brackets the 95 %% confidence\ninterval; "
          "more is better but for times.\n"
          % (platform.python_version(), platform.release(), rounds), file=out)
    for kind, title in (("all", "All tools"),
                        ("light", "Without python and node")):
        if any(key.startswith(kind + " ") for key in cells):
            print("## %s\n" % title, file=out)
            _splits(out, cells, kind, kind == "all")
    _tools(out, cells)
    latency = [("p50_us", "p50, us"), ("p99_us", "p99, us")]
    _by_backend(out, cells, "latency", "1 in flight, with time to think",
                latency)
    _by_backend(out, cells, "stalls", "16 in flight: the loop stood still",
                [("stall_max_us", "longest, us"), ("stall_p99_us", "p99, us"),
                 ("stall_own_max_us", "longest, less waits for a processor, us"),
                 ("stall_own_p99_us", "p99 of that, us")])


# ---- targets

def _invert(r: Ratio) -> Ratio:
    return Ratio(1 / r.value, 1 / r.high, 1 / r.low)


def targets(cells: Summaries) -> List[Tuple[str, Ratio, float]]:
    """Returns (name, ratio, least ratio) of each target that was measured."""
    found: List[Tuple[str, Ratio, float]] = []

    def add(what: str, cell: str, backend: str, least: float,
            measure: str = "rate", less: bool = False) -> None:
        entry = cells.get(cell, {}).get(backend)
        if entry:
            r = entry[measure + "_ratio"]
            found.append((what, _invert(r) if less else r, least))

    add("drop-in, /bin/true", "alone true", "drop-in", 1.4)
    add("engine, /bin/true", "alone true", "engine", 2.0)
    add("drop-in, without python and node, 1x16", "light 1x16", "drop-in", 1.1)
    add("engine, without python and node, 1x16", "light 1x16", "engine", 1.4)
    add("engine-warm, without python and node, 1x16", "light 1x16", "engine-warm", 2.2)
    for split in SPLITS:
        for kind in ("light", "all"):
            add("drop-in, %s %s: not below" % (kind, split),
                "%s %s" % (kind, split), "drop-in", 1.0)
    for split, delta in PROPOSAL.items():
        for backend in ("drop-in", "engine"):
            add("%s, all tools, %s: the proposal's" % (backend, split),
                "all " + split, backend, 1 + delta / 100)
    for backend in ("drop-in", "engine"):
        add("%s, longest stall of the loop: a fifth" % backend, "stalls",
            backend, 5.0, "stall_max_us", less=True)
        add("%s, the same less waits for a processor" % backend, "stalls",
            backend, 5.0, "stall_own_max_us", less=True)
    return found


def print_targets(out: TextIO, cells: Summaries) -> None:
    print("## To be reached\n", file=out)
    _table(out, ["what", "times the base", "at least", ""],
           [[what, times(r), "%.2f" % least, r.verdict(least)]
            for what, r, least in targets(cells)])


def gross(cells: Summaries) -> Optional[str]:
    """Names a cell that certainly costs far more than the base, or None.

    It compares processor time, which other load on the machine changes least.
    """
    for key, cell in cells.items():
        for name in _others(cell):
            r = cell[name]["cpu_us_ratio"]
            if r.low > 1.3:
                return "%s, %s: %s times the base's CPU" % (key, name, times(r))
    return None


# ---- plot

def data(out: TextIO, cells: Summaries) -> None:
    """Writes three blocks: all tools, without python and node, tools alone."""
    for kind in ("all", "light"):
        for split in SPLITS:
            cell = cells.get("%s %s" % (kind, split))
            if cell:
                line = [split, "%g" % PROPOSAL[split]]
                for name in ("drop-in", "engine"):
                    line += _plotted(cell, name, lambda x: 100 * (x - 1))
                print("\t".join(line), file=out)
        print("\n", file=out)
    for key, cell in cells.items():
        if key.startswith("alone "):
            line = [key[6:], "NaN"]
            for name in ("drop-in", "engine"):
                line += _plotted(cell, name, lambda x: x)
            print("\t".join(line), file=out)


def _plotted(cell: Dict[str, Any], name: str, scale: Any) -> List[str]:
    if name not in cell:
        return ["NaN"] * 3
    r = cell[name]["rate_ratio"]
    return ["%.4f" % scale(x) for x in (r.value, r.low, r.high)]
