# SPDX-License-Identifier: BSD-2-Clause
"""Runs of programs by name: spawn_template.run() and run_sync()."""
import asyncio
import copy
import os
import subprocess
import sys
import unittest
import unittest.mock

import spawn_template
import support
from spawn_template import blocking, engine, runs
from support import SH


class TestCase(support.TestCase):

    def setUp(self):
        super().setUp()
        # runs that block keep a ring, which is no leak
        self.addCleanup(blocking._rings.clear)

    def both(self, *args, **kwargs):
        """Run in a loop, and without one; return the results, or the exceptions."""
        async def main():
            return await spawn_template.run(*args, **kwargs)
        found = []
        for run in lambda: asyncio.run(main()), lambda: spawn_template.run_sync(
                *args, **kwargs):
            try:
                found.append(run())
            except Exception as error:
                found.append(error)
        return found


class Runs(TestCase):

    def test_a_run_by_name_returns_a_result(self):
        for r in self.both(*SH, "cat; pwd; echo $A $0 $1 >&2; exit 3", "b", "c",
                           input=b"in\0\xff", cwd="/", env={"A": "a"}):
            self.assertIsInstance(r, spawn_template.Result)
            self.assertEqual((r.stdout, r.stderr, r.returncode),
                             (b"in\0\xff/\n", b"a b c\n", 3))
            self.assertEqual((r.out, r.err), (r.stdout, r.stderr))

    def test_a_result_without_capture_has_no_streams(self):
        for r in self.both(*SH, ":", capture=False):
            self.assertEqual((r.stdout, r.stderr), (None, None))
        for r in self.both(*SH, ":", capture=False, text=True):
            self.assertEqual((r.stdout, r.stderr), (None, None))

    def test_text_is_decoded(self):
        for r in self.both(*SH, r"cat; printf 'a\r\nb\377' >&2; exit 2", text=True,
                           input="ü"):
            self.assertIsInstance(r, spawn_template.TextResult)
            self.assertEqual((r.stdout, r.stderr), ("ü", "a\nb\ufffd"))
            self.assertEqual((r.out, r.err, r.code, r.timed_out),
                             (r.stdout, r.stderr, 2, False))
            self.assertIn("code=2", repr(r))
            self.assertEqual(copy.copy(r).stdout, "ü")

    def test_check_raises_the_errors_of_subprocess(self):
        for check in self.both("true", check=True):
            self.assertEqual(check.returncode, 0)
        for error in self.both(*SH, "echo out; echo err >&2; exit 3", check=True,
                               text=True):
            self.assertIsInstance(error, subprocess.CalledProcessError)
            self.assertEqual((error.returncode, error.stdout, error.stderr),
                             (3, "out\n", "err\n"))
            self.assertEqual(error.cmd[0], "sh")
        for error in self.both(*SH, "kill -9 $$", check=True):
            self.assertEqual(error.returncode, -9)
        for error in self.both(*SH, "echo out; sleep 60", check=True, timeout=0.2):
            self.assertIsInstance(error, subprocess.TimeoutExpired)
            self.assertEqual((error.timeout, error.stdout), (0.2, b"out\n"))

    def test_a_name_that_is_not_found_raises(self):
        for error in self.both("no-such-program"):
            self.assertIsInstance(error, FileNotFoundError)
            self.assertEqual(error.filename, "no-such-program")
        for error in self.both("sh", cwd="/none"):
            self.assertEqual((error.filename, error.action), ("/none", "chdir"))

    def test_each_run_finds_the_file_of_now(self):
        path = self.program("tool", "/bin/true")
        env = {"PATH": os.fspath(self.dir)}
        self.assertEqual([r.code for r in self.both("tool", env=env)], [0, 0])
        os.rename(self.program("new", "/bin/false"), path)
        self.assertEqual([r.code for r in self.both("tool", env=env)], [1, 1])
        os.unlink(path)
        for error in self.both("tool", env=env):
            self.assertIsInstance(error, FileNotFoundError)
        with self.assertRaises(FileNotFoundError):
            spawn_template.run_sync("sh", env={"PATH": "/none"})
        self.assertEqual(spawn_template.run_sync("/bin/sh", "-c", ":",
                                                 env={"PATH": "/none"}).code, 0)

    def test_a_file_replaced_before_its_launch_is_run_as_it_is_now(self):
        path = self.program("tool", "/bin/true")
        get, replaced = runs._Run.template, []

        def get_and_replace(run):
            template = get(run)
            if not replaced:
                replaced.append(True)
                os.rename(self.program("new", "/bin/false"), path)
            return template
        with unittest.mock.patch.object(runs._Run, "template", get_and_replace):
            self.assertEqual(spawn_template.run_sync(path).code, 1)

    def test_nothing_is_open_between_runs(self):
        self.both("true")
        stat = runs._cache.stat()
        self.assertEqual((stat["out"], stat["held"]), (0, 0))

    def test_many_runs_share_a_template(self):
        async def main():
            return await asyncio.gather(
                *(spawn_template.run(*SH, f"exit {n}") for n in range(200)))
        self.assertEqual([r.code for r in asyncio.run(main())], list(range(200)))
        self.assertEqual(runs._cache.stat()["out"], 0)

    def test_a_cancelled_run_gives_its_template_back(self):
        async def main():
            task = asyncio.ensure_future(spawn_template.run("sleep", "60"))
            await asyncio.sleep(0.1)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        asyncio.run(main())
        self.assertTrue(support.eventually(
            lambda: runs._cache.stat()["out"] == 0))

    def test_audit_hooks_see_the_program(self):
        out = support.python("""
            import sys, spawn_template
            sys.addaudithook(lambda event, args: event == "spawn_template.run"
                             and print(args[0], args[1], args[2]))
            spawn_template.run_sync("/bin/sh", "-c", ":", cwd="/")
            """)
        self.assertEqual(out, "/bin/sh ['/bin/sh', '-c', ':'] /\n")

    @support.forks
    def test_a_forked_child_runs_programs(self):
        self.both("true")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = spawn_template.run_sync(*SH, "exit 4").code
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(pid, 0)[1], 4 << 8)

    def test_errors_keep_no_entry(self):
        async def main():
            for kwargs in (dict(input=5), dict(max_output=0), dict(timeout="x")):
                with self.assertRaises((TypeError, ValueError)):
                    await spawn_template.run("true", **kwargs)
            self.assertEqual(engine.current().free, engine.ENTRIES)
        asyncio.run(main())
        self.assertEqual(runs._cache.stat()["out"], 0)


if __name__ == "__main__":
    sys.exit(unittest.main())
