# SPDX-License-Identifier: BSD-2-Clause
"""Signal handlers that raise, or launch, in the middle of a launch."""
import asyncio
import gc
import inspect
import itertools
import os
import signal
import subprocess
import sys
import unittest
import warnings

import spawn_template
import support
from test_dropin import Case
from test_dropin_pending import no_children

PACKAGE = os.path.dirname(spawn_template.__file__) + os.sep


class Raised(OSError):
    """The error of a handler, of a class that a launch may raise, too."""


class Step:
    """Acts once, at the n-th point in the package where a handler may run."""

    def __init__(self, n, act):
        self.left = n
        self.act = act
        self.pid = os.getpid()

    def __call__(self, frame, event, arg):
        code = frame.f_code
        # a child of fork, which a preexec_fn has, is no place to act
        if (code.co_filename.startswith(PACKAGE) and os.getpid() == self.pid
                and (event == "c_return" or event == "call"
                     # no handler runs where a coroutine goes on after await
                     and not code.co_flags & inspect.CO_COROUTINE)):
            self.left -= 1
            if not self.left:
                sys.setprofile(None)
                self.act()


def fail():
    raise Raised("of a handler")


class Signals(Case):
    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.dir, "log")
        self.script = "echo x >> " + self.log
        self.addCleanup(sys.setprofile, None)
        # objects of interrupted launches are dropped
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("ignore", ResourceWarning)

    def runs(self):
        """Return how often the script has run since the last call."""
        try:
            with open(self.log, encoding="utf-8") as file:
                return len(file.read().split())
        except FileNotFoundError:
            return 0
        finally:
            open(self.log, "w", encoding="utf-8").close()

    def all_reaped(self):
        gc.collect()
        subprocess._cleanup()  # reaps children whose Popen is gone
        return no_children()

    def each_step(self, function, act):
        """Call function until it has no more steps; yield each step and error."""
        for n in itertools.count(1):
            step = Step(n, act)
            error = None
            sys.setprofile(step)
            try:
                function()
            except Exception as caught:
                error = caught.with_traceback(None)
                error.__context__ = None
            finally:
                sys.setprofile(None)
            self.assertTrue(support.eventually(self.all_reaped), n)
            if step.left > 0:
                self.assertGreater(n, 5)
                return
            yield n, error

    def ways(self):
        """Return the ways of a launch, with labels."""
        sh = ["sh", "-c", self.script]
        return [("launch", lambda: subprocess.Popen(
                    sh, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
                ).communicate()),
                ("like os.posix_spawn()", lambda: subprocess.Popen(
                    ["/bin/sh", "-c", self.script], close_fds=False).wait()),
                ("relative name", lambda: subprocess.Popen(
                    ["./sh", "-c", self.script], cwd="/bin").wait())]

    def test_an_error_of_a_handler_is_raised_and_nothing_runs_twice(self):
        for label, way in self.ways():
            for prepare in (spawn_template._templates.clear, lambda: None):
                def launch(way=way, prepare=prepare):
                    prepare()
                    way()
                launch()
                self.runs()
                before = support.fds()
                for n, error in self.each_step(launch, fail):
                    with self.subTest(label, n=n):
                        self.assertIsInstance(error, Raised)
                        self.assertLessEqual(self.runs(), 1)
                launch()
                self.assertEqual(len(support.fds()), len(before))
        self.assertEqual(spawn_template.stats()["fallback"],
                         self.before["fallback"])

    def test_an_error_of_a_handler_is_raised_while_a_launch_fails(self):
        def launch():
            with self.assertRaises(FileNotFoundError) as caught:
                subprocess.Popen(["true"], cwd="/nowhere")
            if isinstance(caught.exception, Raised):
                raise caught.exception

        launch()
        for n, error in self.each_step(launch, fail):
            with self.subTest(n=n):
                self.assertIsInstance(error, Raised)

    def test_a_handler_may_launch(self):
        def launch():
            subprocess.run(["/bin/sh", "-c", self.script], check=True)
            subprocess.run(["/bin/sh", "-c", self.script], check=True,
                           preexec_fn=lambda: None)

        def both():
            spawn_template.install()
            launch()

        for n, error in self.each_step(launch, both):
            with self.subTest(n=n):
                self.assertIsNone(error)
                self.assertEqual(self.runs(), 4)

    def test_asyncio_loses_no_child_by_a_handler_that_raises(self):
        heard = []

        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(
                lambda _, context: heard.append(type(context.get("exception"))))
            process = await asyncio.wait_for(asyncio.create_subprocess_exec(
                "sh", "-c", self.script, stdout=subprocess.PIPE), 10)
            await asyncio.wait_for(process.communicate(), 10)

        def launch():
            heard.clear()
            asyncio.run(main())

        launch()
        self.runs()
        for n, error in self.each_step(launch, fail):
            with self.subTest(n=n):
                if error is None:
                    self.assertEqual(heard, [Raised])
                    self.assertEqual(self.runs(), 1)
                else:
                    self.assertIsInstance(error, Raised)
                    self.assertLessEqual(self.runs(), 1)

    def test_an_error_of_a_timer_loses_no_child(self):
        """Real signals come at any point of a launch."""
        heard = 0
        popens = []  # keeps them: no signal should meet a __del__()
        old = signal.signal(signal.SIGALRM, lambda *_: fail())
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        self.runs()
        for i in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-4 + i % 20 * 5e-5)
                popens.append(subprocess.Popen(["/bin/sh", "-c", self.script]))
                signal.setitimer(signal.ITIMER_REAL, 0)
            except Raised:
                heard += 1
        # Popen.poll() itself may lose a child to a handler
        with self.assertRaises(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        popens.clear()
        self.assertGreater(heard, 0)
        self.assertLessEqual(self.runs(), 200)
        self.assertEqual(spawn_template.stats()["fallback"],
                         self.before["fallback"])


if __name__ == "__main__":
    unittest.main()
