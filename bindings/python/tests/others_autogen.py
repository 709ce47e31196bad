# SPDX-License-Identifier: BSD-2-Clause
"""AutoGen's LocalCommandLineCodeExecutor runs its blocks through templates."""
import asyncio
import tempfile
import threading
import time
import unittest
import warnings

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor

import spawn_template

warnings.simplefilter("ignore", UserWarning)  # it warns of a missing container


class Executor(unittest.TestCase):
    warm = None

    def setUp(self):
        spawn_template.install(self.warm)
        self.addCleanup(spawn_template.uninstall)

    def execute(self, *blocks, timeout=60):
        async def main():
            with tempfile.TemporaryDirectory() as work_dir:
                executor = LocalCommandLineCodeExecutor(
                    timeout=timeout, work_dir=work_dir)
                await executor.start()
                result = await executor.execute_code_blocks(
                    [CodeBlock(code=code, language=language)
                     for language, code in blocks], CancellationToken())
                await executor.stop()
                return result

        before = spawn_template.stats()
        result = asyncio.run(main())
        after = spawn_template.stats()
        self.assertEqual(after["fallback"], before["fallback"])
        self.assertEqual(threading.active_count(), 1)
        return result, sum(after[way] - before[way] for way in ("cold", "warm"))

    def test_blocks_run_through_templates(self):
        result, launches = self.execute(
            ("python", "print(6 * 7)"), ("sh", "echo from sh"),
            ("bash", "echo from bash; exit 3"))
        self.assertEqual(result.exit_code, 3)
        self.assertEqual(result.output.split(),
                         ["42", "from", "sh", "from", "bash"])
        self.assertEqual(launches, 3)

    def test_a_time_limit_holds(self):
        result, launches = self.execute(("sh", "exec sleep 100"), timeout=1)
        self.assertEqual((result.exit_code, launches), (124, 1))


class Warm(Executor):
    """The same, with blocks of Python from an interpreter that has started."""

    warm = "python"

    def test_blocks_become_warm(self):
        for _ in range(50):
            before = spawn_template.stats()["warm"]
            result, launches = self.execute(
                ("python", "import sys; print(6 * 7, sys.argv[0][-3:])"))
            self.assertEqual((result.exit_code, result.output.split(), launches),
                             (0, ["42", ".py"], 1))
            if spawn_template.stats()["warm"] > before:
                return
            time.sleep(0.1)
        self.fail("no block was warm")


if __name__ == "__main__":
    unittest.main()
