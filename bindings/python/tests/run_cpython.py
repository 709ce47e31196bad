#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs CPython's own tests of subprocess, with install() first.

The tests are those of the Python that runs this, unchanged. A test has to pass or to
be named in cpython-skips.txt beside this file, with a reason; a named test that passes
is reported, so that the list gets shorter. At the end the counts of launches are
shown: tests that pass by the original prove nothing.

	run_cpython.py [--without | --warm] [--verbose] [MODULE or TEST ...]

--without leaves install() out, to see the tests that fail on this machine anyway.
--warm prepares processes for the programs, and wants some launches to be warm.
"""
import argparse
import importlib.util
import os
import sys
import time
import unittest

SUITES = ["test.test_subprocess", "test.test_asyncio.test_subprocess"]
SKIPS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "cpython-skips.txt")
MOST_SKIPS = 12

# At least this share of the launches of existing programs has to go through templates.
LEAST_SHARE = 0.9
NOT_THERE = "executable not found"

# With --warm at least this share of the launches through templates has to be warm. Many
# tests launch with a descriptor or an attribute with which launches are cold.
LEAST_WARM = 0.2


def read_skips(path):
    """Return {test id: reason} from lines of "test id<blanks>reason"."""
    skips = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                test, reason = line.split(None, 1)
                skips[test] = reason.strip()
    if len(skips) > MOST_SKIPS:
        sys.exit("%s: more than %d tests" % (path, MOST_SKIPS))
    return skips


def has_tests():
    try:
        return all(importlib.util.find_spec(name) for name in SUITES)
    except ImportError:
        return False


class Result(unittest.TextTestResult):
    """A result that knows failed tests; one with failing subtests counts once."""

    def __init__(self, *args):
        super().__init__(*args)
        self.failed = {}
        self.passed = set()

    def _failed(self, test, error):
        case = getattr(test, "test_case", test)
        self.failed.setdefault(case.id(), self._exc_info_to_string(error, case))

    def addError(self, test, err):
        self._failed(test, err)
        super().addError(test, err)

    def addFailure(self, test, err):
        self._failed(test, err)
        super().addFailure(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._failed(test, err)
        super().addSubTest(test, subtest, err)

    def addSuccess(self, test):
        self.passed.add(test.id())
        super().addSuccess(test)

    def printErrors(self):
        """Print nothing: report() knows the expected failures."""


def report(result, skips):
    """Print failures and the list; return the numbers passed and failed."""
    passed = result.passed - set(result.failed)
    unexpected = 0
    for test, text in sorted(result.failed.items()):
        if test in skips:
            print("expected to fail: %s: %s" % (test, skips[test]))
        else:
            unexpected += 1
            print("FAILED: %s\n%s" % (test, text))
    for test in sorted(passed & set(skips)):
        print("on the list, but passes: " + test)
    print("%d run, %d skipped by themselves, %d of %d on the list failed"
          % (result.testsRun, len(result.skipped),
             len(set(result.failed) & set(skips)), len(skips)))
    return len(passed), unexpected


def is_enough(stats):
    """Tell whether enough launches of existing programs went through templates."""
    launches = stats["cold"] + stats["warm"]
    fallbacks = (sum(stats["fallback"].values())
                 - stats["fallback"].get(NOT_THERE, 0))
    return launches and launches >= LEAST_SHARE * (launches + fallbacks)


def report_stats(stats, warm):
    """Print the counts; return 1 if too few launches went through templates, or with
    warm if too few of these were warm."""
    fallbacks = sum(stats["fallback"].values())
    launches = stats["cold"] + stats["warm"]
    print("launches: %d through templates (%d stale, %d warm), %d by the original"
          % (launches, stats["stale"], stats["warm"], fallbacks))
    for reason, n in sorted(stats["fallback"].items()):
        print("  %5d  %s" % (n, reason))
    if not is_enough(stats):
        print("FAILED: too few launches went through templates")
        return 1
    if warm and stats["warm"] < LEAST_WARM * launches:
        print("FAILED: too few launches were warm")
        return 1
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", action="store_true")
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("names", nargs="*", default=SUITES)
    options = parser.parse_args()
    if not has_tests():
        must = os.environ.get("MUST_WORK") == "1"
        print("%s: %s has no tests; Debian has them in libpython3.*-testsuite"
              % ("FAILED" if must else "skipped", sys.executable))
        print("0 passed, %d failed" % must)
        return int(must)
    skips = {} if options.without else read_skips(SKIPS)
    start = time.monotonic()
    if not options.without:
        import spawn_template
        spawn_template.install("fork" if options.warm else None)
    suite = unittest.defaultTestLoader.loadTestsFromNames(options.names)
    result = unittest.TextTestRunner(
        sys.stdout, resultclass=Result, verbosity=2 if options.verbose else 0,
    ).run(suite)
    passed, failed = report(result, skips)
    if not options.without:
        failed += report_stats(spawn_template.stats(), options.warm)
    print("Python %s: %.0f s" % (sys.version.split()[0],
                                 time.monotonic() - start))
    print("%d passed, %d failed" % (passed, failed))
    sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
