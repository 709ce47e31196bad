# SPDX-License-Identifier: BSD-2-Clause
"""The measured cells: each has a set of tools, a split over worker processes, and a
backend. The backends of a cell take turns within each round, in another order each
time, so that they see the same load.
"""
import base64
import json
import os
import random
import subprocess
import sys
from typing import Any, Dict, List, NamedTuple

import mix

HERE = os.path.dirname(os.path.abspath(__file__))


class Cell(NamedTuple):
    section: str
    name: str
    tools: List[str]
    workers: int
    inflight: int  # in each worker
    calls: int  # in all workers together
    think: float = 0.0
    stalls: bool = False


def _job(cell: Cell, worker: int, backend: str, tools: Dict[str, mix.Tool],
         env: Dict[str, str]) -> Dict[str, Any]:
    chosen = [tools[name] for name in cell.tools]
    # All backends make the same calls in the same order.
    calls = [i % len(chosen) for i in range(cell.calls)]
    random.Random(cell.name).shuffle(calls)
    return {
        "backend": backend, "env": env, "inflight": cell.inflight,
        "think": cell.think, "stalls": cell.stalls,
        "calls": calls[worker::cell.workers],
        "tools": [dict(tool._asdict(),
                       out=base64.b64encode(tool.out).decode(),
                       err=base64.b64encode(tool.err).decode())
                  for tool in chosen],
    }


class Worker:
    def __init__(self, job: Dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "worker.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tell(json.dumps(job))

    def tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a worker has failed")
        return json.loads(line)

    def end(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def run_once(cell: Cell, backend: str, tools: Dict[str, mix.Tool],
             env: Dict[str, str]) -> Dict[str, Any]:
    """Runs all workers of a cell at once; the slowest decides the time."""
    workers = [Worker(_job(cell, i, backend, tools, env))
               for i in range(cell.workers)]
    try:
        for worker in workers:
            worker.hear()
        for worker in workers:
            worker.tell("go")
        answers = [worker.hear() for worker in workers]
    finally:
        for worker in workers:
            worker.end()
    return {
        "rate": cell.calls / max(a["seconds"] for a in answers),
        "own_cpu": sum(a["own_cpu"] for a in answers) / cell.calls,
        "children_cpu": sum(a["children_cpu"] for a in answers) / cell.calls,
        "latencies": [t for a in answers for t in a["latencies"]],
        "stalls": [t for a in answers for t in a["stalls"]],
        "own_stalls": [t for a in answers for t in a["own_stalls"]],
    }


def run(cells: List[Cell], rounds: int, workspace: str, names: List[str],
        progress: Any) -> Dict[str, Dict[str, List[Dict[str, Any]]]]:
    """Returns {cell: {backend: [one result a round]}}."""
    tools = mix.load(workspace)
    env = mix.environment(workspace)
    cells = [cell._replace(tools=[t for t in cell.tools if t in tools])
             for cell in cells]
    results: Dict[str, Any] = {cell.name: {name: [] for name in names}
                               for cell in cells}
    for n in range(rounds):
        for cell in cells:
            if not cell.tools:
                continue
            for k in range(len(names)):
                name = names[(n + k) % len(names)]
                progress("round %d of %d: %s, %s" % (n + 1, rounds, cell.name,
                                                     name))
                results[cell.name][name].append(
                    run_once(cell, name, tools, env))
    return results

