#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Import numpy and pandas ahead, and run tests of theirs in the forks.

	libraries.py SPAWN-TEMPLATE DIR

The wheels are installed into a virtual environment in DIR. The tests run by a cold
launch and by a prepared one, and each must have the same outcome. It is
done twice: with OpenBLAS's threads, which a handler of it ends before a fork, and with
OPENBLAS_NUM_THREADS=1. The ratio of the time that the imports take is printed.

Without a package index it is skipped, or fails with MUST_WORK=1.
"""
import json
import os
import statistics
import subprocess
import sys
import time
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
TESTS = (
    "numpy._core.tests.test_abc",
    "numpy._core.tests.test_errstate",
    "numpy.lib.tests.test_histograms",
    "numpy.linalg.tests.test_regression",
    "numpy.random.tests.test_seed_sequence",
    "numpy.fft.tests.test_helper",
    "pandas.tests.test_take",
    "pandas.tests.series.test_cumulative",
)
IMPORT = "import numpy, pandas"
# A product that is large enough for OpenBLAS's threads.
PRODUCT = IMPORT + """
a = numpy.arange(250000.0).reshape(500, 500)
print((a @ a).sum(), pandas.DataFrame(a).sum().sum())
"""
ROUNDS = 9
LAUNCH_MOST = 300  # seconds: a hang is a failure


def make_environment(directory):
    """Return the environment's python; None: it cannot be made."""
    python = os.path.join(directory, "bin", "python")
    stamp = os.path.join(directory, "made")
    if os.path.exists(stamp):
        return python
    for command in (
            [sys.executable, "-m", "venv", "--clear", directory],
            [python, "-m", "pip", "--quiet", "--no-input",
             "--disable-pip-version-check", "install", "--only-binary", ":all:",
             "-r", REQUIREMENTS]):
        if subprocess.run(command).returncode:
            return None
    open(stamp, "w").close()
    return python


class Batch:
    """Launches one after the other, by one way."""

    def __init__(self, tool, python, env, *options):
        self.python = python
        self.process = subprocess.Popen(
            [tool, "batch", "-j", "1", *options], env=env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, *args):
        line = {"argv": [self.python, *args], "timeout": LAUNCH_MOST}
        print(json.dumps(line), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise SystemExit(answer["error"]["message"])
        return answer

    def ready(self, seconds=120):
        end = time.monotonic() + seconds
        while not self.run("-c", "pass").get("warm"):
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def outcomes(batch, directory):
    """Return the exit code with a line for each test, and whether the launch was prepared."""
    report = os.path.join(directory, "report.xml")
    if os.path.exists(report):
        os.unlink(report)
    answer = batch.run("-m", "pytest", "-q", "-p", "no:cacheprovider",
                       "--junitxml", report, "--pyargs", *TESTS)
    lines = []
    if os.path.exists(report):
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            what = sorted(child.tag for child in case
                          if child.tag in ("failure", "error", "skipped"))
            lines.append((case.get("classname"), case.get("name"), *what))
    return (answer.get("code"), sorted(lines)), answer.get("warm")


class Results:
    passed = failed = 0

    def check(self, name, good, detail=""):
        self.passed += bool(good)
        self.failed += not good
        print("%s - %s%s" % ("ok" if good else "not ok", name,
                             "" if good else "\n# " + str(detail)[:2000]), flush=True)


def wait_warm(batch, *args):
    """Launch until a process waited for the launch; two are cold at most."""
    for _ in range(20):
        answer = batch.run(*args)
        if answer.get("warm"):
            break
        time.sleep(0.2)
    return answer


def compare(results, name, cold, warm, directory):
    results.check(name + ": a Python with numpy and pandas waits", warm.ready())
    a, b = cold.run("-c", PRODUCT), wait_warm(warm, "-c", PRODUCT)
    results.check(name + ": a product of matrices is the same",
                  b.get("warm") and (a["code"], a["out"], a["err"]) ==
                  (b["code"], b["out"], b["err"]) and a["code"] == 0, (a, b))
    expected, _ = outcomes(cold, directory)
    warm.ready()
    got, was_warm = outcomes(warm, directory)
    results.check("%s: %d tests have the same outcome" % (name, len(got[1])),
                  got == expected and was_warm and len(got[1]) > 100,
                  (was_warm, got[0], expected[0],
                   sorted(set(got[1]) ^ set(expected[1]))))


def took(batch):
    begin = time.monotonic()
    answer = batch.run("-c", IMPORT)
    return time.monotonic() - begin, answer


def measure(name, cold, warm):
    times = [], []
    for _ in range(ROUNDS):
        times[0].append(took(cold)[0])
        warm.ready()
        time.sleep(0.05)  # a process that is ready goes on to copy pages
        passed, answer = took(warm)
        if answer.get("warm"):
            times[1].append(passed)
    medians = [statistics.median(t) for t in times if t]
    if len(medians) == 2:
        print("%s: %s: %.1f ms prepared, %.1f ms cold, ratio %.3f" % (
            name, IMPORT, medians[1] * 1000, medians[0] * 1000,
            medians[1] / medians[0]), flush=True)


def main():
    tool, directory = map(os.path.abspath, sys.argv[1:])
    python = make_environment(directory)
    if not python:
        must = os.environ.get("MUST_WORK") == "1"
        print("%s: the wheels cannot be installed" % (
            "FAILED" if must else "skipped"))
        print("0 passed, %d failed, %d skipped" % (must, not must))
        return int(must)
    results = Results()
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith(("PYTHON", "OPENBLAS_", "OMP_"))}
    for name, more in (("threads", {}),
                       ("one thread", {"OPENBLAS_NUM_THREADS": "1"})):
        env = {**environment, **more}
        cold = Batch(tool, python, env)
        warm = Batch(tool, python, env, "--warm", "--modules", "numpy,pandas")
        try:
            compare(results, name, cold, warm, directory)
            measure(name, cold, warm)
        finally:
            cold.close()
            warm.close()
    print("%d passed, %d failed" % (results.passed, results.failed))
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
