# SPDX-License-Identifier: BSD-2-Clause
"""Launches that asyncio's loop does not wait for, held on their way to exec."""
import asyncio
import gc
import os
import subprocess
import sys
import unittest
import unittest.mock
import warnings

from spawn_template import _launch, dropin_asyncio
from test_dropin import Case


def no_children():
    """Tell whether there is no child: none that runs, and none that has ended."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | 0x40000000)
    except ChildProcessError:
        return True
    return False


class Held:
    """A Pending that seems to be on its way until let_on()."""

    def __init__(self, pending):
        self._pending = pending
        self._read, self._write = os.pipe()

    def __getattr__(self, name):
        return getattr(self._pending, name)

    def fileno(self):
        return self._read

    def let_on(self):
        os.close(self._write)

    def close(self):
        os.close(self._read)


class Pending(Case):
    def setUp(self):
        super().setUp()
        self.held = []
        begin = _launch.begin

        def held_begin(names, popen, fds, making, *args):
            done = begin(names, popen, fds, making, *args)
            if making.pending is not None:
                self.held.append(Held(making.pending))
                making.pending = self.held[-1]
            return done

        patch = unittest.mock.patch("spawn_template._launch.begin", held_begin)
        patch.start()
        self.addCleanup(patch.stop)

    def tearDown(self):
        for held in self.held:
            held.close()
        self.held.clear()
        self.assertTrue(no_children())

    def run_loop(self, coroutine):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return asyncio.run(coroutine)

    async def start(self, *args, **kwargs):
        """Start a task that launches, and let it go as far as it can."""
        task = asyncio.ensure_future(asyncio.create_subprocess_exec(
            *args, stdout=subprocess.PIPE, **kwargs))
        while not self.held:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        return task

    def test_the_loop_goes_on_during_a_launch(self):
        async def main():
            task = await self.start("echo", "x")
            self.assertFalse(task.done())
            self.assertMoved()
            self.held[0].let_on()
            process = await task
            out, _ = await process.communicate()
            return out, process.returncode

        self.assertEqual(self.run_loop(main()), (b"x\n", 0))
        self.assertMoved(cold=1)

    def test_launches_end_in_any_order(self):
        async def main():
            tasks = [await self.start("echo", str(i)) for i in range(5)]
            while len(self.held) < 5:
                await asyncio.sleep(0)
            for held in reversed(self.held):
                held.let_on()
            processes = await asyncio.gather(*tasks)
            return [(await p.communicate())[0] for p in processes]

        self.assertEqual(self.run_loop(main()),
                         [b"%d\n" % i for i in range(5)])
        self.assertMoved(cold=5)

    def test_a_launch_cancelled_on_its_way_is_ended(self):
        async def main():
            task = await self.start("sleep", "1000")
            before = len(os.listdir("/proc/self/fd"))
            task.cancel()
            await asyncio.sleep(0)
            self.assertFalse(task.done())
            self.held[0].let_on()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertTrue(no_children())
            return len(os.listdir("/proc/self/fd")) - before

        # closed: one by let_on(), and stdout, exec's pipe and the pidfd by the end
        self.assertEqual(self.run_loop(main()), -4)
        self.assertMoved()

    def test_a_launch_may_be_cancelled_twice(self):
        async def main():
            task = await self.start("sleep", "1000")
            for _ in range(2):
                task.cancel()
                await asyncio.sleep(0)
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.held[0].let_on()
            while not no_children():
                await asyncio.sleep(0.001)

        self.run_loop(main())

    def test_a_launch_may_be_cancelled_as_it_fails(self):
        tell = dropin_asyncio._Launch._tell

        def tell_and_cancel(launch):
            tell(launch)
            task.cancel()

        async def main():
            nonlocal task
            task = await self.start("true", cwd="/nowhere")
            self.held[0].let_on()
            with self.assertRaises(asyncio.CancelledError):
                await asyncio.wait_for(task, 20)

        task = None
        with unittest.mock.patch.object(dropin_asyncio._Launch, "_tell",
                                        tell_and_cancel):
            self.run_loop(main())
        self.assertMoved()

    def test_a_failure_raises_FileNotFoundError(self):
        calls = []

        class Protocol(asyncio.SubprocessProtocol):
            def connection_made(self, transport):
                calls.append(transport)

        async def main():
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(loop.subprocess_exec(
                Protocol, "true", cwd="/nowhere"))
            while not self.held:
                await asyncio.sleep(0)
            self.held[0].let_on()
            with self.assertRaises(FileNotFoundError) as caught:
                await task
            return caught.exception.filename

        self.assertEqual(self.run_loop(main()), "/nowhere")
        self.assertEqual(calls, [])
        self.assertEqual(len(self.held), 1)
        self.assertMoved(**{"launch: ENOENT": 1})

    def test_a_failed_launch_is_audited_once(self):
        # a hook stays for ever: use a process of its own
        program = (
            "import asyncio, sys, spawn_template\n"
            "events = []\n"
            "sys.addaudithook(lambda name, args: events.append(name))\n"
            "spawn_template.install()\n"
            "async def main():\n"
            "    try:\n"
            "        await asyncio.create_subprocess_exec('true', cwd='/no')\n"
            "    except FileNotFoundError:\n"
            "        pass\n"
            "asyncio.run(main())\n"
            "print(events.count('subprocess.Popen'))\n")
        out = subprocess.run([sys.executable, "-c", program], check=True,
                             stdout=subprocess.PIPE).stdout
        self.assertEqual(out, b"1\n")

    def test_a_loop_closed_during_a_launch_raises_nothing(self):
        loop = asyncio.new_event_loop()
        task = loop.run_until_complete(loop.create_task(
            self.start("sleep", "1000")))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.held[0].let_on()
            for each in asyncio.all_tasks(loop):
                each._log_destroy_pending = False  # the test wants that
            del each
            loop.close()
            self.held[0].drop()
            with unittest.mock.patch("sys.unraisablehook") as hook:
                del task
                gc.collect()
        self.assertEqual([call[0][0].exc_value for call in hook.call_args_list],
                         [])

    def test_a_changed_executable_is_launched_anew(self):
        path = self.write("tool", "#!/bin/sh\necho one\n")

        async def main():
            out = []
            for text in "one", "two":
                self.write("tool", "#!/bin/sh\necho %s\n" % text)
                process = await asyncio.create_subprocess_exec(
                    path, stdout=subprocess.PIPE)
                out.append((await process.communicate())[0])
            return out

        with unittest.mock.patch.object(
                Held, "fileno", lambda held: held._pending.fileno()):
            self.assertEqual(self.run_loop(main()), [b"one\n", b"two\n"])
        self.assertMoved(cold=2, stale=1)


if __name__ == "__main__":
    unittest.main()
