# SPDX-License-Identifier: BSD-2-Clause
"""An interpreter that is killed while it runs programs: what is left then."""
import os
import signal
import subprocess
import sys
import textwrap
import unittest

import support

# Runs a script in each way, until it ends. TELL in it makes a file with its pid.
WAYS = """
    import asyncio, sys, threading, spawn_template
    folder, options = sys.argv[1], eval(sys.argv[2])
    template = spawn_template.Template("sh")

    def args(name):
        told = "echo $$ > %s.new; mv %s.new %s" % (3 * (name,))
        return "-c", sys.argv[3].replace("TELL", told)

    def sync(name):
        spawn_template.run_sync("sh", *args(name), cwd=folder, **options)

    async def loop():
        how = dict(cwd=folder, **options)
        async def stream():
            async for chunk in template.stream(*args("stream"), **how):
                pass
        started = await template.start(*args("start"), **how)
        await asyncio.gather(
            spawn_template.run("sh", *args("name"), **how),
            template.run(*args("template"), **how), stream(), started)

    threading.Thread(target=sync, args=("thread",)).start()
    threading.Thread(target=asyncio.run, args=(loop(),)).start()
    sync("main")
"""
NAMES = ("main", "thread", "name", "template", "stream", "start")


class Killed(support.TestCase):

    def killed(self, options, script):
        """Run the script in each way, kill the interpreter, and return their pids."""
        # a session of its own: only the interpreter gets the signal
        with subprocess.Popen(
                [sys.executable, "-c", textwrap.dedent(WAYS), str(self.dir),
                 repr(options), script], start_new_session=True) as python:
            files = [self.dir / name for name in NAMES]
            try:
                self.assertTrue(support.eventually(
                    lambda: all(file.exists() for file in files)))
            finally:
                os.kill(python.pid, signal.SIGKILL)
        pids = [int(file.read_text()) for file in files]
        self.addCleanup(self.end, pids)
        return pids

    def end(self, pids):
        for pid in pids:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def test_its_programs_end_with_it_in_each_way_to_run_them(self):
        for pid in self.killed({}, "TELL; exec sleep 100"):
            self.assertTrue(support.eventually(lambda: not support.is_alive(pid)))

    def test_programs_are_left_alone_without_die_with_parent(self):
        for pid in self.killed({"die_with_parent": False}, "TELL; exec sleep 100"):
            self.assertTrue(support.is_alive(pid))

    def test_what_its_programs_have_started_ends_with_it(self):
        self.killed({}, "setsid sleep 100 & echo $! > $$.left; TELL; wait")
        # a call that waits ends the program alone
        alone = {(self.dir / name).read_text().strip() for name in ("main", "thread")}
        for file in self.dir.glob("*.left"):
            pid = int(file.read_text())
            if file.stem in alone:
                self.addCleanup(self.end, [pid])
            else:
                self.assertTrue(support.eventually(
                    lambda: not support.is_alive(pid)))

    def test_supervised_trees_end_with_it(self):
        self.killed({"supervise": True},
                    "setsid sleep 100 & echo $! > $$.left; TELL; wait")
        lefts = [int(file.read_text()) for file in self.dir.glob("*.left")]
        self.assertEqual(len(lefts), len(NAMES))
        for pid in lefts:
            self.assertTrue(support.eventually(lambda: not support.is_alive(pid)))


if __name__ == "__main__":
    unittest.main()
