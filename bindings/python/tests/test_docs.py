# SPDX-License-Identifier: BSD-2-Clause
"""The programs in docs/python.md run, and print what stands below them."""
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
GUIDE = os.path.join(HERE, "../../../docs/python.md")

BLOCKS = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.S)


def needs(code):
    """The package that a program needs and that is not here; or None."""
    for name in re.findall(r"^from (autogen_\w+)", code, re.M):
        try:
            __import__(name)
        except ImportError:
            return name
    return None


class Programs(unittest.TestCase):
    def test_programs_print_what_is_written(self):
        with open(GUIDE, encoding="utf-8") as file:
            programs = BLOCKS.findall(file.read())
        self.assertTrue(programs)
        for code, text in programs:
            # those of other packages are run by run_others.py, which has them
            if needs(code):
                continue
            with self.subTest(code):
                run = subprocess.run(
                    [sys.executable, "-c", code], stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    universal_newlines=True, timeout=60)
                self.assertEqual((run.returncode, run.stdout), (0, text))


if __name__ == "__main__":
    unittest.main()
