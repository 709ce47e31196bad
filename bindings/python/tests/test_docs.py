# SPDX-License-Identifier: BSD-2-Clause
"""The programs in the documents run and print the text beside them."""
import importlib.util
import pathlib
import re
import unittest

import support

TOP = pathlib.Path(__file__).resolve().parents[3]
DOCUMENTS = ("README.md", "docs/python.md", "bindings/python/README.md")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n)?",
                   re.M | re.S)


def lacks(code):
    """Return a package that a program needs and this machine lacks, or None."""
    for name in re.findall(r"^from (autogen_\w+)", code, re.M):
        if importlib.util.find_spec(name) is None:
            return name
    return None


class Documents(support.TestCase):

    def test_programs_run_and_print_the_text_beside_them(self):
        for document in DOCUMENTS:
            text = (TOP / document).read_text()
            programs = list(BLOCK.finditer(text))
            self.assertTrue(programs, document)
            for program in programs:
                # run_others.py runs it where the package is installed
                if lacks(program[1]):
                    continue
                line = text.count("\n", 0, program.start()) + 1
                with self.subTest(f"{document}:{line}"):
                    printed = support.python(program[1], cwd=self.dir)
                    if program[2] is not None:
                        self.assertEqual(printed, program[2])


if __name__ == "__main__":
    unittest.main()
