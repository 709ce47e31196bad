# SPDX-License-Identifier: BSD-2-Clause
"""Start the same executables many times, fast and safely.

    result = await spawn_template.run("git", "status", timeout=10)  # in an event loop
    result = spawn_template.run_sync("git", "status", timeout=10)   # or without one

    async for chunk in spawn_template.stream("make", timeout=600):
        print(chunk.stream, chunk.data)                             # as it comes

    git = spawn_template.Template("git")    # one file, looked for once
    result = await git.run("status", timeout=10)

    spawn_template.install()    # subprocess and asyncio go through templates

docs/python.md is the guide.
"""
import sys

# The binary needs the limited API, which free-threaded builds do not have. Say so
# before the loader gives a less clear error.
if "t" in sys.abiflags:
    raise ImportError("spawn_template has no support for free-threaded builds "
                      "of Python")

from ._native import (  # noqa: E402
    STAGE_ACTION, STAGE_ARGS, STAGE_ATTR, STAGE_CLONE, STAGE_CLOSE, STAGE_EXEC,
    Result, __version__)
from .dropin import install, installed, stats, uninstall  # noqa: E402
from .limits import Limits  # noqa: E402
from .output import Chunk, TextChunk, TextResult  # noqa: E402
from .running import Run  # noqa: E402
from .runs import prepare, run, run_sync, start, stream  # noqa: E402
from .sandbox import Sandbox  # noqa: E402
from .template import Template  # noqa: E402

__all__ = ["Chunk", "Limits", "Result", "Run", "STAGE_ACTION", "STAGE_ARGS", "STAGE_ATTR",
           "STAGE_CLONE", "STAGE_CLOSE", "STAGE_EXEC", "Sandbox", "Template",
           "TextChunk", "TextResult", "__version__", "install", "installed",
           "prepare", "run", "run_sync", "start", "stats", "stream", "uninstall"]
