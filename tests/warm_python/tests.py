# SPDX-License-Identifier: BSD-2-Clause
"""Run modules of CPython's tests with another sys.executable: for run.

	tests.py EXECUTABLE RESULTS MODULE...

RESULTS gets one line a module, and one for each test that failed.
"""
import os
import sys
import unittest


def main(executable, results, *modules):
    sys.executable = executable
    with open(results, "w") as out, open(os.devnull, "w") as null:
        for name in modules:
            suite = unittest.defaultTestLoader.loadTestsFromName("test." + name)
            r = unittest.TextTestRunner(null, verbosity=0).run(suite)
            print(name, r.testsRun, file=out, flush=True)
            for test in sorted({t.id() for t, _ in r.failures + r.errors}):
                print("failed", test, file=out, flush=True)


main(*sys.argv[1:])
