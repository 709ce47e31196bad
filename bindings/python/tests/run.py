#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run test modules and sum up as tests/run does:

    run.py [MODULE | MODULE.CLASS | MODULE.CLASS.TEST]...

Prints a line for each module, failed tests, and at the end "N passed, N failed".
With MUST_WORK=1 a test that skips has failed.
"""
import faulthandler
import os
import pathlib
import sys
import time
import unittest
import warnings

HERE = pathlib.Path(__file__).resolve().parent
# A module that hangs ends with a traceback after so many seconds.
LIMIT = float(os.environ.get("TEST_TIME", "240"))
MUST_WORK = os.environ.get("MUST_WORK", "0") == "1"


class Result(unittest.TestResult):
    """A result that counts passed tests, which unittest does not."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.passed += 1


def run(name):
    start = time.monotonic()
    faulthandler.dump_traceback_later(LIMIT, exit=True)
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    result = Result()
    suite.run(result)
    faulthandler.cancel_dump_traceback_later()
    bad = [(str(test), text) for test, text in result.errors + result.failures]
    bad += [(str(test), "unexpected success")
            for test in result.unexpectedSuccesses]
    skipped = [(str(test), why) for test, why in result.skipped]
    if MUST_WORK:
        bad += [(test, "must work: " + why) for test, why in skipped]
        skipped = []
    print(f"  {name:24} {result.passed:4} passed {len(bad):3} failed "
          f"{len(skipped):3} skipped  {time.monotonic() - start:5.1f} s")
    for test, why in skipped:
        print(f"    skipped {test}: {why}")
    for test, text in bad:
        print(f"    not ok {test}")
        print("".join(f"      {line}\n" for line in text.splitlines()), end="")
    sys.stdout.flush()
    return result.passed, len(bad), len(skipped)


def main():
    sys.path.insert(0, str(HERE))
    # a forgotten close is a failure, not a line that scrolls by
    warnings.simplefilter("error", ResourceWarning)
    names = sys.argv[1:] or sorted(p.stem for p in HERE.glob("test_*.py"))
    passed, failed, skipped = (sum(n) for n in zip(*map(run, names)))
    print(f"{passed} passed, {failed} failed" +
          (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
