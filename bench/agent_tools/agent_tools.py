#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measures agents of AutoGen Core that run tools: with asyncio's subprocess, with
the drop-in, and with the engine, each of these also with prepared processes. The
kernel proposal has the same benchmark.

A message to an agent is a remote procedure call. 16 calls are in flight in all,
split over 1, 2, 4 and 8 worker processes. The output of each call is checked.
"""
import argparse
import json
import os
import sys
import time
from typing import Any, List

import backends
import cells
import mix
import report
from cells import Cell
from summary import summarise

IN_FLIGHT = 16
CALLS = 6144
SECTIONS = ["all", "light", "alone", "latency", "stalls"]

# The number of calls of a tool that runs alone, for the slow tools.
ALONE = {"true": 2048, "python": 128, "node": 32}


def splits(kind: str, tools: List[str], calls: int,
           workers: List[int]) -> List[Cell]:
    return [Cell(kind, "%s %dx%d" % (kind, n, IN_FLIGHT // n), tools, n,
                 IN_FLIGHT // n, calls) for n in workers]


def plan(short: bool, calls: int) -> List[Cell]:
    workers = [1, 4] if short else [1, 2, 4, 8]
    alone = ["true"] if short else ["true"] + mix.ALL
    share = calls / CALLS
    light = calls * len(mix.LIGHT) // len(mix.ALL)
    if short:
        light *= 4  # these tools are quick, and a few calls of them tell nothing
    return (splits("all", mix.ALL, calls, workers)
            + splits("light", mix.LIGHT, light, workers)
            + [Cell("alone", "alone " + tool, [tool], 1, IN_FLIGHT,
                    max(32, int(ALONE.get(tool, 512) * min(1, 4 * share))))
               for tool in alone]
            + [Cell("latency", "latency", mix.LIGHT, 1, 1,
                    max(28, int(420 * min(1, 4 * share))), think=0.005),
               Cell("stalls", "stalls", mix.LIGHT, 1, IN_FLIGHT,
                    max(112, int(1400 * min(1, 4 * share))), stalls=True)])


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("workspace", help="that demo/workspace.sh has made")
    parser.add_argument("--out", help="write agents.json, .dat and .md there")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--calls", type=int, help="of a cell with all tools")
    parser.add_argument("--short", action="store_true",
                        help="two rounds with few calls")
    parser.add_argument("--check", action="store_true",
                        help="fail on a gross regression")
    parser.add_argument("--only", choices=SECTIONS, action="append",
                        help="these sections")
    parser.add_argument("--backends", nargs="+", choices=backends.NAMES)
    return parser.parse_args()


def write(out: str, found: Any, summaries: Any, rounds: int) -> None:
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "agents.json"), "w", encoding="utf-8") as file:
        json.dump({"rounds": rounds, "summary": summaries, "measured": found},
                  file)
    with open(os.path.join(out, "agents.dat"), "w", encoding="utf-8") as file:
        report.data(file, summaries)
    with open(os.path.join(out, "agents.md"), "w", encoding="utf-8") as file:
        report.tables(file, summaries, rounds)
        report.print_targets(file, summaries)


def main() -> int:
    o = options()
    rounds = o.rounds or (2 if o.short else 5)
    asked = o.backends or (backends.COLD if o.short else backends.NAMES)
    names = ["subprocess"] + [n for n in asked if n != "subprocess"]
    chosen = [cell for cell in plan(o.short, o.calls or (
        128 if o.short else CALLS)) if not o.only or cell.section in o.only]
    start = time.monotonic()

    def progress(text: str) -> None:
        end = "\r" if sys.stderr.isatty() else "\n"
        print("agents: %4.0f s: %-60s" % (time.monotonic() - start, text),
              file=sys.stderr, end=end, flush=True)

    found = cells.run(chosen, rounds, os.path.abspath(o.workspace), names,
                      progress if sys.stderr.isatty() or not o.short
                      else lambda text: None)
    summaries = {key: summarise(cell) for key, cell in found.items()
                 if cell[names[0]]}
    report.tables(sys.stdout, summaries, rounds)
    if not o.short:
        report.print_targets(sys.stdout, summaries)
    if o.out:
        write(o.out, found, summaries, rounds)
    bad = report.gross(summaries) if o.check else None
    if bad:
        print("agents: far above the base: " + bad)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
