# SPDX-License-Identifier: BSD-2-Clause
"""Sandboxes of runs, in event loops and without."""
import asyncio
import ctypes
import errno
import gc
import unittest

import spawn_template
import support
from spawn_template import blocking

LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1)

SOCKETS = """import socket
for family in (socket.AF_INET, socket.AF_UNIX):
    try:
        socket.socket(family)
        print("yes")
    except PermissionError:
        print("no")
"""


class Sandbox(support.TestCase):

    def setUp(self):
        super().setUp()
        self.addCleanup(blocking._rings.clear)
        self.sh = spawn_template.Template("sh")
        self.addCleanup(self.sh.close)

    def write(self):
        """Arguments of a shell that writes inside and outside of a folder."""
        (self.dir / "in").mkdir(exist_ok=True)
        return ["sh", "-c", "echo x > in/f$$ && cat in/f$$; echo y > out"]

    @unittest.skipUnless(LANDLOCK >= 3, "Landlock is not there, or too old")
    def test_a_program_writes_in_the_writable_paths_only(self):
        argv = self.write()
        sandbox = spawn_template.Sandbox(ro=["/"], rw=[self.dir / "in"])
        one = self.sh.run_sync(argv, cwd=self.dir, sandbox=sandbox)

        async def many():
            return await asyncio.gather(*[
                self.sh.run(argv, cwd=self.dir, sandbox=sandbox) for _ in range(8)])

        async def by_name():
            return await spawn_template.run(*argv, cwd=self.dir, sandbox=sandbox)

        also = [asyncio.run(by_name()),
                spawn_template.run_sync(*argv, cwd=self.dir, sandbox=sandbox)]
        for result in [one, *asyncio.run(many()), *also]:
            self.assertEqual(result.out, b"x\n")
            self.assertIn(b"Permission denied", result.err)
        self.assertFalse((self.dir / "out").exists())
        self.assertEqual(self.sh.run_sync(argv, cwd=self.dir).err, b"")

    @unittest.skipUnless(LANDLOCK >= 3, "Landlock is not there, or too old")
    def test_a_sandbox_lives_as_long_as_its_runs(self):
        self.write()

        async def main():
            task = asyncio.create_task(self.sh.run(
                ["sh", "-c", "echo y > out"], cwd=self.dir,
                sandbox=spawn_template.Sandbox(ro=["/"])))
            await asyncio.sleep(0)
            gc.collect()
            return await task

        self.assertNotEqual(asyncio.run(main()).code, 0)
        self.assertFalse((self.dir / "out").exists())

    def test_without_a_network_there_are_unix_sockets_only(self):
        python = spawn_template.Template("/usr/bin/python3")
        self.addCleanup(python.close)
        sandbox = spawn_template.Sandbox(net=False)
        result = python.run_sync(["python3", "-c", SOCKETS], sandbox=sandbox)
        self.assertEqual(result.out, b"no\nyes\n")

    @unittest.skipUnless(LANDLOCK >= 3, "Landlock is not there, or too old")
    def test_a_program_outside_of_the_paths_does_not_start(self):
        with self.assertRaises(PermissionError) as caught:
            self.sh.run_sync(["sh"], sandbox=spawn_template.Sandbox(ro=[]))
        self.assertEqual(caught.exception.stage, spawn_template.STAGE_EXEC)

    @unittest.skipUnless(LANDLOCK >= 3, "Landlock is not there, or too old")
    def test_a_missing_path_is_named(self):
        missing = str(self.dir / "missing")
        with self.assertRaises(FileNotFoundError) as caught:
            spawn_template.Sandbox(ro=["/", missing])
        self.assertEqual(caught.exception.filename, missing)

    def test_a_wish_that_the_kernel_cannot_hold_is_told(self):
        if LANDLOCK < 3:
            with self.assertRaises(OSError) as caught:
                spawn_template.Sandbox(ro=["/"])
            self.assertEqual(caught.exception.errno, errno.EOPNOTSUPP)
        sandbox = spawn_template.Sandbox(ro=["/"], best_effort=True)
        self.assertEqual("files" in sandbox.lost, LANDLOCK < 1)
        self.assertEqual("sockets" in sandbox.lost, 1 <= LANDLOCK < 9)

    def test_malformed_sandboxes_are_refused(self):
        with self.assertRaises(ValueError):
            spawn_template.Sandbox()
        for wrong in {"ro": "/"}, {"rw": b"/"}, {"ro": [1]}, {"ro": 1}:
            with self.subTest(wrong), self.assertRaises(TypeError):
                spawn_template.Sandbox(**wrong)
        with self.assertRaises(ValueError):
            spawn_template.Sandbox(ro=["/\0"])
        with self.assertRaises(AttributeError):
            self.sh.run_sync(["sh"], sandbox="/")


if __name__ == "__main__":
    unittest.main()
