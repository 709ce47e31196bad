# SPDX-License-Identifier: BSD-2-Clause
"""The table of behaviour that all bindings share: bindings/tests/README.md."""
import asyncio
import errno
import json
import pathlib
import unittest

import spawn_template
from spawn_template import Template

TABLE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "behaviour.json"
FLAGS = ("timed_out", "idle", "tree_killed", "pipe_held", "out_truncated", "err_truncated",
         "status_lost")
STAGES = {name: getattr(spawn_template, f"STAGE_{name.upper()}")
          for name in ("args", "clone", "attr", "action", "close", "exec")}


def ms(value):
    return value / 1000


def same(value):
    return value


def size(value):
    return value["rows"], value["columns"]


# Options of the table, and the arguments of the engine that they stand for.
OPTIONS = {
    "timeout_ms": ("timeout", ms),
    "idle_timeout_ms": ("idle_timeout", ms),
    "grace_ms": ("grace", ms),
    "held_quiet_ms": ("held_quiet", ms),
    "held_most_ms": ("held_most", ms),
    "max_output": ("max_output", same),
    "tail_output": ("tail", same),
    "pty": ("winsize", size),
    "merge_stderr": ("merge_stderr", same),
    "capture": ("capture", same),
}
# Runs of Python do not offer these.
MISSING = {"umask"}


def arguments(case):
    # the table has the defaults of the C call
    given = {"keep_leftovers": True}
    for name, value in case.get("options", {}).items():
        argument, convert = OPTIONS[name]
        given[argument] = convert(value)
    if "winsize" in given:
        given["pty"] = True
    if "input" in case:
        given["input"] = case["input"].encode() * case.get("input_times", 1)
    for name in ("env", "cwd"):
        if name in case:
            given[name] = case[name]
    return given


class BehaviourTest(unittest.TestCase):
    def compare(self, expect, result):
        def number(value):
            return -1 if value is None else value

        def text(value):
            return None if value is None else value.encode()

        self.assertNotIn("error", expect)
        checks = {
            "code": lambda want: self.assertEqual(result.code, number(want)),
            "signal": lambda want: self.assertEqual(result.signal, number(want)),
            "stdout": lambda want: self.assertEqual(result.out, text(want)),
            "stderr": lambda want: self.assertEqual(result.err, text(want)),
            "stdout_bytes": lambda want: self.assertEqual(len(result.out), want),
            "stdout_total": lambda want: self.assertEqual(result.out_total, want),
            "stdout_lines": lambda want: self.assertEqual(
                sorted(result.out.decode().splitlines()), sorted(want)),
            "flags": lambda want: self.assertEqual(
                {flag for flag in FLAGS if getattr(result, flag)}, set(want)),
            "at_least_ms": lambda want: self.assertGreaterEqual(
                result.total_ns, want * 1000000),
            "at_most_ms": lambda want: self.assertLessEqual(
                result.total_ns, want * 1000000),
        }
        for name, want in expect.items():
            checks[name](want)

    def make(self, case, run):
        expect = case["expect"]
        try:
            template = Template(case.get("program", case["argv"][0]))
            result = run(template, case["argv"], **arguments(case))
        except OSError as error:
            self.assertEqual(errno.errorcode[error.errno], expect.get("error"))
            # the constructor has no stage: there was no launch
            stage = getattr(error, "stage", STAGES["args"])
            self.assertEqual(stage, STAGES[expect["stage"]])
        else:
            self.compare(expect, result)

    def each_case(self, run):
        cases = json.loads(TABLE.read_text())["cases"]
        made = 0
        for case in cases:
            if MISSING & set(case.get("options", {})):
                continue
            with self.subTest(case["name"]):
                self.make(case, run)
                made += 1
        self.assertGreater(made, 20)

    def test_run_sync_behaves_as_the_table_says(self):
        self.each_case(lambda template, argv, **given: template.run_sync(argv, **given))

    def test_run_behaves_as_the_table_says(self):
        self.each_case(lambda template, argv, **given: asyncio.run(
            template.run(argv, **given)))
