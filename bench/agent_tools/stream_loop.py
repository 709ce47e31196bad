# SPDX-License-Identifier: BSD-2-Clause
"""Measures how long an event loop stalls while it streams the output of 16 builds.

Each build writes 15,000 lines as fast as it can. Two ways read them, in turn: a stream
of a template, and asyncio's create_subprocess_exec with both pipes read in parts.
Meanwhile a task asks every millisecond to be woken, and notes by how much it comes late.
Writes stream_loop.json and stream_loop.md.
"""
import argparse
import asyncio
import json
import os
import platform
import sys
import time

import spawn_template

BUILDS = 16
LINES = 15000
LINE = "[ 42%] Building C object src/module/CMakeFiles/part.dir/source_file.c.o"
BUILD = ("sh", "-c", f"i=0; while [ $i -lt {LINES} ]; do echo '{LINE}'; "
         "i=$((i+1)); done; echo done >&2")
BYTES = LINES * (len(LINE) + 1)
STEP = 0.001


async def by_stream():
    total = 0
    async with spawn_template.stream(*BUILD) as run:
        async for chunk in run:
            if chunk.stream == "stdout":
                total += len(chunk.data)
    return total


async def by_asyncio():
    process = await asyncio.create_subprocess_exec(
        *BUILD, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)

    async def read(pipe):
        total = 0
        while data := await pipe.read(65536):
            total += len(data)
        return total

    total, _, _ = await asyncio.gather(
        read(process.stdout), read(process.stderr), process.wait())
    return total


WAYS = {"stream of spawn_template": by_stream, "asyncio": by_asyncio}


async def late(lags):
    while True:
        start = time.perf_counter()
        await asyncio.sleep(STEP)
        lags.append((time.perf_counter() - start - STEP) * 1e6)


async def measure(way):
    """Returns the lags in microseconds, the seconds and the CPU time of this process."""
    lags = []
    task = asyncio.create_task(late(lags))
    start, cpu = time.perf_counter(), time.process_time()
    totals = await asyncio.gather(*(way() for _ in range(BUILDS)))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    task.cancel()
    if totals != [BYTES] * BUILDS:
        raise RuntimeError(f"{way.__name__}: bytes are missing: {totals}")
    return lags, seconds, cpu


def at(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * percent / 100))]


def middle(values):
    return at(values, 50)


async def all_rounds(rounds):
    found = {name: [] for name in WAYS}
    for number in range(rounds + 1):
        names = list(WAYS) if number % 2 else list(WAYS)[::-1]
        for name in names:
            result = await measure(WAYS[name])
            if number:  # the first is to warm up
                found[name].append(result)
    return found


def summarize(found):
    """Percentiles of the lags of all rounds; medians of the rounds for the rest."""
    lags = {name: [lag for lags, _, _ in rounds for lag in lags]
            for name, rounds in found.items()}
    return {name: {
        "lag_p50_us": at(lags[name], 50),
        "lag_p99_us": at(lags[name], 99),
        "lag_max_us": max(lags[name]),
        "seconds": middle([seconds for _, seconds, _ in rounds]),
        "cpu_seconds": middle([cpu for _, _, cpu in rounds]),
    } for name, rounds in found.items()}


def markdown(summary, rounds):
    lines = [f"### An event loop that streams {BUILDS} builds of {LINES} lines each", "",
             f"{os.cpu_count()} processors, Linux {platform.release()}, CPython "
             f"{platform.python_version()}; {rounds} rounds", "",
             "| way | late p50 | late p99 | late at most | until all have ended | "
             "CPU time of the loop |", "|---|--:|--:|--:|--:|--:|"]
    for name, s in summary.items():
        lines.append(f"| {name} | {s['lag_p50_us']:.0f} µs | {s['lag_p99_us']:.0f} µs | "
                     f"{s['lag_max_us']:.0f} µs | {s['seconds']:.2f} s | "
                     f"{s['cpu_seconds']:.2f} s |")
    return "\n".join(lines) + "\n\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--check", action="store_true",
                        help="fail if the stream is certainly worse than asyncio")
    parser.add_argument("--out", default=".")
    args = parser.parse_args()
    rounds = 3 if args.short else 15
    summary = summarize(asyncio.run(all_rounds(rounds)))
    text = markdown(summary, rounds)
    print(text, end="")
    with open(os.path.join(args.out, "stream_loop.md"), "w") as out:
        out.write(text)
    with open(os.path.join(args.out, "stream_loop.json"), "w") as out:
        json.dump(summary, out, indent=1)
    ours, theirs = summary.values()
    if args.check and ours["lag_p99_us"] > 3 * theirs["lag_p99_us"] + 20000:
        sys.exit("stream_loop: the loop stalls far longer than with asyncio")


main()
