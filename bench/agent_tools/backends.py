# SPDX-License-Identifier: BSD-2-Clause
"""The ways to call a tool. Each returns a coroutine function that takes a tool and
returns (exit code, stdout, stderr).
"""
import asyncio
import subprocess
from typing import Any, Callable, Dict, Optional

from mix import Tool

# The last two take prepared processes, a pool for each program.
NAMES = ["subprocess", "drop-in", "engine", "drop-in-warm", "engine-warm"]
COLD = NAMES[:3]
TARGET = 4


def by_subprocess(env: Dict[str, str]) -> Callable[[Tool], Any]:
    async def call(tool: Tool) -> Any:
        process = await asyncio.create_subprocess_exec(
            *tool.argv, cwd=tool.cwd, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = await process.communicate()
        return process.returncode, out, err

    return call


def by_dropin(env: Dict[str, str], warm: Optional[str]) -> Callable[[Tool], Any]:
    import spawn_template

    spawn_template.install(warm, TARGET)
    return by_subprocess(env)


def by_engine(env: Dict[str, str], warm: Optional[str]) -> Callable[[Tool], Any]:
    import spawn_template

    templates: Dict[str, Any] = {}

    async def call(tool: Tool) -> Any:
        name = tool.argv[0]
        template = templates.get(name)
        if template is None:
            template = templates[name] = spawn_template.Template(
                name, search_path=env["PATH"], warm=warm, warm_target=TARGET)
        result = await template.run(tool.argv, cwd=tool.cwd, env=env)
        return result.returncode, result.out, result.err

    return call


def get(name: str, env: Dict[str, str]) -> Callable[[Tool], Any]:
    if name == "subprocess":
        return by_subprocess(env)
    by = by_dropin if name.startswith("drop-in") else by_engine
    return by(env, "fork" if name.endswith("-warm") else None)


def check(name: str, calls: int) -> None:
    """Ends the program unless the drop-in launched every call by a template."""
    if not name.startswith("drop-in"):
        return
    import spawn_template

    stats = spawn_template.stats()
    if stats["fallback"] or stats["cold"] + stats["warm"] < calls:
        raise SystemExit("drop-in: not all by templates: %s" % stats)
