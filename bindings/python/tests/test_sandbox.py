# SPDX-License-Identifier: BSD-2-Clause
"""Sandboxes of runs, in event loops and without."""
import asyncio
import ctypes
import errno
import gc
import os
import socket
import sys
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

PORTS = """import socket, sys

def connect():
    socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()

def bind():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))

for use in connect, bind:
    try:
        use()
        print("yes")
    except PermissionError:
        print("no")
"""

ABSTRACT = """import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect("\\0" + sys.argv[1])
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

    @unittest.skipUnless(LANDLOCK >= 4, "this Landlock knows no TCP ports")
    def test_a_program_reaches_the_ports_in_the_lists_only(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            for connect, bind, want in (([port], None, "yes yes"), ([], None, "no yes"),
                                        (None, [port], "yes no"), (None, [0], "yes yes")):
                sandbox = spawn_template.Sandbox(connect=connect, bind=bind)
                with self.subTest(connect=connect, bind=bind):
                    result = spawn_template.run_sync(
                        sys.executable, "-c", PORTS, str(port), sandbox=sandbox,
                        text=True)
                    self.assertEqual((result.stdout.split(), result.stderr),
                                     (want.split(), ""))

    @unittest.skipUnless(LANDLOCK >= 6, "this Landlock knows no signals")
    def test_a_program_can_signal_only_processes_in_its_sandbox(self):
        script = f"kill -0 $$ && echo own; kill -0 {os.getpid()} && echo other"
        for signals, want in (True, b"own\nother\n"), (False, b"own\n"):
            sandbox = spawn_template.Sandbox(ro=["/"], signals=signals)
            self.assertEqual(self.sh.run_sync("-c", script, sandbox=sandbox).stdout, want)

    @unittest.skipUnless(LANDLOCK >= 6, "this Landlock knows no abstract sockets")
    def test_a_program_reaches_only_abstract_sockets_of_its_sandbox(self):
        name = f"spawn_template.{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("\0" + name)
            server.listen()
            for abstract, want in (True, b"yes\n"), (False, b"no\n"):
                sandbox = spawn_template.Sandbox(ro=["/"], abstract=abstract)
                result = spawn_template.run_sync(sys.executable, "-c", ABSTRACT, name,
                                                 sandbox=sandbox)
                self.assertEqual(result.stdout, want)

    @unittest.skipUnless(LANDLOCK >= 3, "Landlock is not there, or too old")
    def test_devices_need_a_wish(self):
        folders = [d for d in ("/bin", "/usr", "/lib", "/lib64", "/etc")
                   if os.path.exists(d)]
        for devices, code in (True, 0), (False, 2):
            sandbox = spawn_template.Sandbox(ro=folders, devices=devices)
            self.assertEqual(self.sh.run_sync("-c", "exec 3</dev/zero",
                                              sandbox=sandbox).code, code)

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
        sandbox = spawn_template.Sandbox(connect=[443], signals=False, abstract=False,
                                         best_effort=True)
        self.assertEqual([wish in sandbox.lost for wish in ("tcp", "signals", "abstract")],
                         [LANDLOCK < 4, LANDLOCK < 6, LANDLOCK < 6])

    def test_malformed_sandboxes_are_refused(self):
        with self.assertRaises(ValueError):
            spawn_template.Sandbox()
        for wrong in {"connect": [1 << 16]}, {"net": False, "connect": []}, \
                {"net": False, "bind": [1]}:
            with self.subTest(wrong), self.assertRaises(ValueError):
                spawn_template.Sandbox(**wrong)
        with self.assertRaises(OverflowError):
            spawn_template.Sandbox(bind=[-1])
        for wrong in {"ro": "/"}, {"rw": b"/"}, {"ro": [1]}, {"ro": 1}, \
                {"connect": ["80"]}, {"bind": 80}:
            with self.subTest(wrong), self.assertRaises(TypeError):
                spawn_template.Sandbox(**wrong)
        with self.assertRaises(ValueError):
            spawn_template.Sandbox(ro=["/\0"])
        with self.assertRaises(AttributeError):
            self.sh.run_sync(["sh"], sandbox="/")


if __name__ == "__main__":
    unittest.main()
