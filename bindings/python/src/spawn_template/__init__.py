# SPDX-License-Identifier: BSD-2-Clause
"""Start the same executables many times, fast and safely.

    git = spawn_template.Template("git")
    result = await git.run(["git", "status"], timeout=10)   # in an event loop
    result = git.run_sync(["git", "status"], timeout=10)    # or without one

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
from .template import Template  # noqa: E402

__all__ = ["Result", "STAGE_ACTION", "STAGE_ARGS", "STAGE_ATTR", "STAGE_CLONE",
           "STAGE_CLOSE", "STAGE_EXEC", "Template", "__version__", "install",
           "installed", "stats", "uninstall"]
