# SPDX-License-Identifier: BSD-2-Clause
"""The engine: runs in event loops, and runs that block a thread."""
import asyncio
import errno
import gc
import os
import pathlib
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest
import warnings
import weakref

import spawn_template
import support
from spawn_template import blocking, engine
from support import SH

# Two shells start in this time, even on a busy machine.
UP = 3


def run(coroutine):
    """Run in a loop that complains of slow callbacks and forgotten coroutines."""
    return asyncio.run(coroutine, debug=True)


class TestCase(support.TestCase):

    def setUp(self):
        super().setUp()
        # runs that block keep a ring, which is no leak
        self.addCleanup(blocking._rings.clear)
        self.sh = spawn_template.Template("sh")
        self.addCleanup(self.sh.close)

    def pids(self, n=1):
        """Wait for the pids that programs have written down."""
        def written():
            try:
                return (self.dir / "pids").read_text().split()
            except FileNotFoundError:
                return []
        self.assertTrue(support.eventually(lambda: len(written()) >= n))
        return [int(pid) for pid in written()]

    def assertEnded(self, pids):
        self.assertTrue(support.eventually(
            lambda: not any(map(support.is_alive, pids)), 3))

    @property
    def tree(self):
        """A program that has started others."""
        return SH + [f"echo $$ >> {self.dir}/pids; "
                     f"sh -c 'echo $$ >> {self.dir}/pids; sleep 60' & "
                     "sleep 60; wait"]


class Run(TestCase):
    """Runs by await template.run()."""

    def test_a_run_returns_a_result(self):
        async def main():
            return await self.sh.run(
                SH + ["cat; pwd; echo $A >&2; exit 3"], input=b"in\0\xff",
                cwd=self.dir, env={"A": "a"})
        r = run(main())
        self.assertIsInstance(r, spawn_template.Result)
        self.assertEqual((r.code, r.out, r.err), (
            3, b"in\0\xff" + os.fsencode(os.path.realpath(self.dir)) + b"\n",
            b"a\n"))

    def test_late_output_is_read_within_bounds(self):
        late = SH + ["(sleep 0.2; echo late) & echo done"]
        async def main():
            return (await self.sh.run(late),
                    await self.sh.run(late, held_quiet=None, held_most=None))
        for r in *run(main()), self.sh.run_sync(late):
            self.assertEqual((r.out, r.pipe_held), (b"done\nlate\n", False))
        for bounds in {"held_quiet": 0}, {"held_quiet": None, "held_most": 0.1}:
            r = self.sh.run_sync(SH + ["sleep 3 & echo done"], **bounds)
            self.assertEqual((r.out, r.pipe_held, r.leftovers),
                             (b"done\n", False, 1))
            self.assertLess(r.total_ns, UP * 1e9)
            r = self.sh.run_sync(SH + ["sleep 3 & echo done"], **bounds,
                                 keep_leftovers=True)
            self.assertEqual((r.out, r.pipe_held, r.leftovers),
                             (b"done\n", True, 0))
            self.assertLess(r.total_ns, UP * 1e9)

    def test_a_run_leads_a_session_without_a_terminal(self):
        script = ["exec 2>/dev/null; cut -d' ' -f5-7 /proc/$$/stat;"
                  "exec 3</dev/tty || exit 7"]
        async def main():
            return await self.sh.run(SH + script)
        for r in run(main()), self.sh.run_sync(SH + script):
            group, session, terminal = map(int, r.out.split())
            self.assertEqual(group, session)
            self.assertNotEqual(session, os.getsid(0))
            self.assertEqual((terminal, r.code == 0), (0, False))

    def test_options_of_a_run_work(self):
        async def main():
            r = await self.sh.run(SH + ["echo 1; echo 2 >&2"],
                                  merge_stderr=True, max_output=3)
            self.assertEqual((r.out, r.out_truncated), (b"1\n2", True))
            r = await self.sh.run(SH + [":"], capture=False)
            self.assertIsNone(r.out)
            r = await self.sh.run(SH + ["trap 'exit 4' TERM; sleep 60 & wait"],
                                  timeout=0.2, grace=10)
            self.assertEqual((r.code, r.timed_out), (4, True))
        run(main())

    def test_large_input_and_output_pass(self):
        data = os.urandom(5 << 20)

        async def main():
            many = await asyncio.gather(
                *(self.sh.run(["sh", "-c", "cat"], input=data)
                  for _ in range(4)))
            for r in many:
                self.assertEqual(r.out, data)
        asyncio.run(main())

    def test_a_run_takes_the_environment_of_the_moment(self):
        async def main():
            os.environ["ST_TEST"] = "1"
            one = asyncio.ensure_future(self.sh.run(SH + ["echo $ST_TEST"]))
            await asyncio.sleep(0)
            os.environ["ST_TEST"] = "2"
            two = asyncio.ensure_future(self.sh.run(SH + ["echo $ST_TEST"]))
            await asyncio.sleep(0)
            del os.environ["ST_TEST"]
            return (await one).out, (await two).out
        self.assertEqual(run(main()), (b"1\n", b"2\n"))

    def test_a_timeout_ends_the_whole_tree(self):
        async def main():
            r = await self.sh.run(self.tree, timeout=UP)
            self.assertTrue(r.timed_out)
        run(main())
        self.assertEnded(self.pids(2))

    def test_errors_tell_filename_stage_and_action(self):
        async def main():
            with self.assertRaises(FileNotFoundError) as caught:
                await self.sh.run(["sh"], cwd="/none")
            e = caught.exception
            self.assertEqual((e.filename, e.stage, e.action),
                             ("/none", spawn_template.STAGE_ACTION, "chdir"))
            with self.assertRaises(OSError) as caught:
                await self.sh.run(["sh", "x" * (1 << 20)])
            self.assertEqual((caught.exception.errno, caught.exception.stage,
                              caught.exception.filename),
                             (errno.E2BIG, spawn_template.STAGE_EXEC,
                              self.sh.path))
            for error, kwargs in ((ValueError, dict(argv=[])),
                                  (TypeError, dict(argv="sh")),
                                  (TypeError, dict(argv=["a"], input="text")),
                                  (ValueError, dict(argv=["a"],
                                                    max_output=0))):
                with self.assertRaises(error):
                    await self.sh.run(**kwargs)
            # the errors have kept no entry
            self.assertEqual(engine.current().free, engine.ENTRIES)
            self.assertEqual((await self.sh.run(SH + [":"])).code, 0)
        run(main())

    def test_a_stale_template_raises_until_refresh(self):
        path = self.program()

        async def main():
            with spawn_template.Template(path) as t, \
                    spawn_template.Template(path, auto_refresh=True) as auto:
                self.program("new", "/bin/false").rename(path)
                with self.assertRaises(OSError) as caught:
                    await t.run(["x"])
                self.assertEqual(caught.exception.errno, errno.ESTALE)
                t.refresh()
                self.assertEqual((await t.run(["x"])).code, 1)
                self.assertEqual((await auto.run(["x"])).code, 1)
        run(main())

    def test_a_closed_template_is_refused(self):
        t = spawn_template.Template("true")
        t.close()
        t.close()

        async def main():
            with self.assertRaises(ValueError):
                await t.run(["true"])
        run(main())

    def test_runs_raise_audit_events(self):
        out = support.python("""
            import asyncio, sys
            import spawn_template
            def hook(event, args):
                if event.startswith("spawn_template"):
                    print(event, args)
            sys.addaudithook(hook)
            t = spawn_template.Template("/bin/true", search_path="x")
            asyncio.run(t.run(["true"], cwd="/"))
            t.run_sync(["true"])
            """)
        self.assertEqual(out, """\
spawn_template.run ('/bin/true', ['true'], '/', None)
spawn_template.run ('/bin/true', ['true'], None, None)
""")


class Cancel(TestCase):
    """Cancelled tasks, whose trees end with them."""

    def test_a_cancelled_task_ends_its_tree(self):
        async def main():
            task = asyncio.ensure_future(self.sh.run(self.tree))
            await asyncio.get_running_loop().run_in_executor(
                None, self.pids, 2)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            # loop and engine go on
            self.assertEqual((await self.sh.run(SH + [":"])).code, 0)
            self.assertTrue(await asyncio.get_running_loop().run_in_executor(
                None, support.eventually, lambda: not any(
                    map(support.is_alive, self.pids(2)))))
        run(main())

    def test_a_tree_ends_when_wait_for_times_out(self):
        async def main():
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(self.sh.run(self.tree), UP)
        run(main())
        self.assertEnded(self.pids(2))

    def test_grace_outlasts_the_loop(self):
        """A cancelled tree has its grace, though the loop ends meanwhile."""
        async def main():
            await asyncio.wait_for(self.sh.run(
                SH + [f"trap 'sleep 0.3; echo done >{self.dir}/end; exit' "
                      f"TERM; echo $$ >{self.dir}/pids; sleep 60 & wait"],
                grace=20), UP)
        with self.assertRaises(asyncio.TimeoutError):
            run(main())
        self.assertEqual((self.dir / "end").read_text(), "done\n")

    def test_runs_are_cancelled_before_they_are_submitted(self):
        async def main():
            tasks = [asyncio.ensure_future(self.sh.run(SH + ["sleep 60"]))
                     for _ in range(20)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            for error in done:
                self.assertIsInstance(error, asyncio.CancelledError)
            while engine.current().free < engine.ENTRIES:
                await asyncio.sleep(0.01)
        run(main())

    def test_a_complete_run_may_be_cancelled(self):
        async def main():
            task = asyncio.ensure_future(self.sh.run(SH + [":"]))
            await asyncio.sleep(0)
            fd = engine.current().fd
            self.assertTrue(select.select([fd], [], [], 10)[0])
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        # asyncio.run() returns
        run(asyncio.wait_for(main(), 10))

    def test_a_task_is_cancelled_before_it_begins(self):
        async def main():
            task = asyncio.ensure_future(self.sh.run(SH + ["sleep 60"]))
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        run(main())

    def test_trees_end_when_the_main_task_fails(self):
        """asyncio.run() cancels the other tasks, and their trees end."""
        async def main():
            asyncio.ensure_future(self.sh.run(self.tree))
            await asyncio.get_running_loop().run_in_executor(
                None, self.pids, 2)
            raise KeyError("x")
        with self.assertRaises(KeyError):
            run(main())
        self.assertEnded(self.pids(2))

    def test_a_closed_coroutine_ends_its_tree(self):
        async def main():
            coroutine = self.sh.run(self.tree)
            coroutine.send(None)
            await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(
                None, self.pids, 2)
            coroutine.close()
        run(main())
        self.assertEnded(self.pids(2))

    @unittest.skipIf(sys.version_info < (3, 11), "no TaskGroup before 3.11")
    def test_a_failure_in_a_task_group_ends_its_trees(self):
        async def main():
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.sh.run(SH + [f"exit {i}"]))
                         for i in range(10)]
            self.assertEqual([t.result().code for t in tasks],
                             list(range(10)))
            with self.assertRaises(BaseExceptionGroup) as caught:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.sh.run(self.tree))
                    await asyncio.get_running_loop().run_in_executor(
                        None, self.pids, 2)
                    group.create_task(self.sh.run(["sh"], cwd="/none"))
            (error,) = caught.exception.exceptions
            self.assertIsInstance(error, FileNotFoundError)
        run(main())
        self.assertEnded(self.pids(2))


class Many(TestCase):
    """Many runs at a time, and more than the ring has entries."""

    def test_more_runs_than_entries_complete(self):
        n = 3 * engine.ENTRIES

        async def main():
            done = await asyncio.gather(
                *(self.sh.run(["sh", "-c", f"echo {i}"]) for i in range(n)))
            self.assertEqual([r.out for r in done],
                             [b"%d\n" % i for i in range(n)])
            self.assertEqual(engine.current().free, engine.ENTRIES)
        asyncio.run(main())

    def test_runs_that_wait_for_an_entry_complete(self):
        order = []

        async def one(i, script):
            await self.sh.run(SH + [script])
            order.append(i)

        async def main():
            rest = [asyncio.ensure_future(one(-1, "sleep 0.2"))
                    for _ in range(engine.ENTRIES)]
            await asyncio.sleep(0)
            waiting = [asyncio.ensure_future(one(i, ":")) for i in range(4)]
            await asyncio.sleep(0)
            self.assertEqual(len(engine.current().waiting), 4)
            waiting[1].cancel()
            await asyncio.gather(*rest, *waiting, return_exceptions=True)
            self.assertEqual(engine.current().free, engine.ENTRIES)
        asyncio.run(main())
        self.assertEqual(sorted(i for i in order if i >= 0), [0, 2, 3])

    def test_a_cancelled_turn_goes_to_the_next(self):
        """The task is cancelled in the turn of the loop in which it gets an entry."""
        async def main():
            current = engine.current()
            rest = [asyncio.ensure_future(self.sh.run(SH + ["sleep 0.2"]))
                    for _ in range(engine.ENTRIES)]
            await asyncio.sleep(0)
            late = [asyncio.ensure_future(self.sh.run(SH + [":"]))
                    for _ in range(3)]
            await asyncio.sleep(0)
            turn = current.waiting[0]
            turn.add_done_callback(lambda _: late[0].cancel())
            done = await asyncio.gather(*late, return_exceptions=True)
            self.assertIsInstance(done[0], asyncio.CancelledError)
            self.assertEqual([r.code for r in done[1:]], [0, 0])
            await asyncio.gather(*rest)
            self.assertEqual(current.free, engine.ENTRIES)
        asyncio.run(main())

    def test_many_runs_do_not_block_the_loop(self):
        """Measure how long the loop stands still while many runs start."""
        async def main():
            longest = 0
            stop = False

            async def tick():
                nonlocal longest
                while not stop:
                    start = time.thread_time()
                    await asyncio.sleep(0)
                    longest = max(longest, time.thread_time() - start)
            ticker = asyncio.ensure_future(tick())
            await asyncio.gather(*(self.sh.run(SH + [":"])
                                   for _ in range(engine.ENTRIES)))
            stop = True
            await ticker
            return longest
        # this is processor time: other load of the machine does not count
        self.assertLess(asyncio.run(main()), 0.1)

    def test_loops_in_threads_work_beside_run_sync(self):
        errors = []

        async def main():
            done = await asyncio.gather(
                *(self.sh.run(SH + [f"exit {i}"]) for i in range(30)))
            if [r.code for r in done] != list(range(30)):
                raise AssertionError(done)

        def work():
            try:
                for _ in range(2):
                    asyncio.run(main())
            except BaseException as e:
                errors.append(e)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            self.assertEqual(self.sh.run_sync(SH + ["exit 3"]).code, 3)
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])


class Loops(TestCase):
    """Rings, which live as long as their loops."""

    def test_a_loop_may_be_run_again(self):
        loop = asyncio.new_event_loop()
        for _ in range(3):
            r = loop.run_until_complete(self.sh.run(SH + ["exit 2"]))
            self.assertEqual(r.code, 2)
        # asyncio.run() does this; the next run makes a new engine
        loop.run_until_complete(loop.shutdown_asyncgens())
        self.assertFalse(hasattr(loop, engine._ATTRIBUTE))
        loop.close()

    def test_generators_may_run_programs_at_their_end(self):
        """The loop closes them together with the engine, in any order."""
        async def generator(delay):
            try:
                yield
            finally:
                if delay:
                    await asyncio.sleep(delay)
                codes.append((await self.sh.run(SH + ["exit 3"])).code)

        async def main():
            await self.sh.run(SH + [":"])
            for i in range(10):
                one = generator(0.02 * (i % 3))
                kept.append(one)
                await one.asend(None)

        codes, kept = [], []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            asyncio.run(main())
        self.assertEqual(codes, [3] * 10)
        kept.clear()

    def test_a_closed_engine_cancels_its_runs(self):
        async def main():
            tasks = [asyncio.ensure_future(self.sh.run(self.tree))
                     for _ in range(engine.ENTRIES + 3)]
            await asyncio.get_running_loop().run_in_executor(
                None, self.pids, 2)
            engine.current().close()
            done = await asyncio.wait_for(
                asyncio.gather(*tasks, return_exceptions=True), 10)
            for error in done:
                self.assertIsInstance(error, asyncio.CancelledError)
        asyncio.run(main())
        self.assertEnded(self.pids(2))

    def test_a_closed_loop_is_released(self):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(self.sh.run(SH + [":"]))
        loop.close()
        alive = weakref.ref(loop)
        del loop
        gc.collect()
        self.assertIsNone(alive())

    def test_a_closed_loop_ends_its_trees(self):
        loop = asyncio.new_event_loop()
        task = loop.create_task(self.sh.run(self.tree))
        loop.run_until_complete(loop.run_in_executor(None, self.pids, 2))
        loop.run_until_complete(loop.shutdown_default_executor())
        task._log_destroy_pending = False
        loop.close()
        del loop, task
        gc.collect()
        self.assertEnded(self.pids(2))

    def test_the_exit_of_python_ends_trees(self):
        support.python(f"""
            import asyncio, spawn_template, time
            loop = asyncio.new_event_loop()
            t = spawn_template.Template("sh")
            task = loop.create_task(t.run({self.tree!r}))
            while True:
                loop.run_until_complete(asyncio.sleep(0.05))
                try:
                    if len(open("{self.dir}/pids").read().split()) == 2:
                        break
                except FileNotFoundError:
                    pass
            """, check=False)
        self.assertEnded(self.pids(2))

    def test_loops_leave_no_threads(self):
        before = set(threading.enumerate())
        for _ in range(5):
            run(self.sh.run(SH + [":"]))
        gc.collect()
        self.assertEqual(set(threading.enumerate()), before)
        names = [pathlib.Path(f"/proc/self/task/{t}/comm").read_text()
                 for t in os.listdir("/proc/self/task")]
        self.assertNotIn("spawn-reactor\n", names)

    def test_a_run_needs_a_loop(self):
        coroutine = self.sh.run(["sh"])
        with self.assertRaises(RuntimeError):
            coroutine.send(None)


@support.forks
class Fork(TestCase):
    """Forked children, which start afresh."""

    def in_child(self, function):
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                code = function()
            except BaseException as e:
                sys.stderr.write(f"in the child: {e!r}\n")
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_a_forked_child_runs_programs(self):
        def child():
            if self.sh.run_sync(SH + ["exit 3"]).code != 3:
                return 1
            pid, pidfd = self.sh.spawn(["sh", "-c", "exit 4"])
            if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 4:
                return 2
            return run(self.sh.run(SH + ["exit 5"])).code
        run(self.sh.run(SH + [":"]))
        self.assertEqual(self.in_child(child), 5)
        self.assertEqual(run(self.sh.run(SH + ["exit 6"])).code, 6)

    def test_a_fork_works_while_runs_are_in_flight(self):
        def child():
            # asyncio refuses a new loop where one is running
            codes = []
            thread = threading.Thread(target=lambda: codes.append(
                run(self.sh.run(SH + ["exit 5"])).code))
            thread.start()
            thread.join()
            return codes[0]

        async def main():
            task = asyncio.ensure_future(self.sh.run(SH + ["sleep 0.5"]))
            await asyncio.sleep(0.1)
            self.assertEqual(self.in_child(child), 5)
            return (await task).code
        self.assertEqual(asyncio.run(main()), 0)

    def test_a_forked_child_sees_a_stale_template(self):
        path = self.program()
        with spawn_template.Template(path) as t, \
                spawn_template.Template(path, auto_refresh=True) as auto:
            self.program("new", "/bin/false").rename(path)

            def child():
                try:
                    t.run_sync(["x"])
                    return 1
                except OSError as e:
                    if e.errno != errno.ESTALE:
                        return 2
                return auto.run_sync(["x"]).code + 10
            self.assertEqual(self.in_child(child), 11)

    def test_a_forked_child_may_close_a_template(self):
        """The child closes a template of its parent, whose file has gone."""
        path = self.program()
        t = spawn_template.Template(path)
        path.unlink()

        def child():
            with t:
                pass
            try:
                t.run_sync(["x"])
            except ValueError:
                return 7
        self.assertEqual(self.in_child(child), 7)
        t.close()

    def test_a_closed_template_stays_closed_in_a_child(self):
        t = spawn_template.Template("true")
        t.close()

        def child():
            try:
                t.run_sync(["true"])
            except ValueError:
                return 7
        self.assertEqual(self.in_child(child), 7)


class Spawn(TestCase):
    """Launches by template.spawn()."""

    def test_None_means_the_same_as_for_subprocess(self):
        pid, pidfd = self.sh.spawn(
            SH + ["exit 4"], stdin=None, stdout=None, stderr=None, user=None,
            group=None, extra_groups=None, process_group=None)
        os.close(pidfd)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 4)


class Sync(TestCase):
    """Runs by template.run_sync()."""

    def test_run_sync_returns_a_result_or_raises(self):
        r = self.sh.run_sync(SH + ["cat; exit 3"], input=b"abc")
        self.assertEqual((r.code, r.out), (3, b"abc"))
        with self.assertRaises(FileNotFoundError):
            self.sh.run_sync(["sh"], cwd="/none")
        with self.assertRaises(TypeError):
            self.sh.run_sync(argv="sh")
        self.assertTrue(self.sh.run_sync(SH + ["sleep 60"],
                                         timeout=0.1).timed_out)

    def test_run_sync_works_in_other_threads(self):
        done = []

        def work():
            done.append(self.sh.run_sync(SH + ["exit 4"]).code)
            try:
                self.sh.run_sync(["sh"], cwd="/none")
            except FileNotFoundError as e:
                done.append(e.action)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(done, [4, "chdir"])

    def interrupt(self, handler, seconds=0.3):
        old = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def test_run_sync_needs_no_threads(self):
        program = """
            import ctypes
            import spawn_template
            assert ctypes.CDLL(None).unshare(0x20000000) == 0   # CLONE_NEWPID
            sh = spawn_template.Template("sh")
            print(sh.run_sync(["sh", "-c", "echo I am $$"]).out)
        """
        if os.geteuid():
            self.skipTest("a new pid namespace needs root")
        out = subprocess.run([sys.executable, "-c", textwrap.dedent(program)],
                             stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(out, b"b'I am 1\\n'\n")

    def test_run_sync_works_after_all_descriptors_were_closed(self):
        program = """
            import os
            import spawn_template
            def say(word):
                sh = spawn_template.Template("sh")
                return sh.run_sync(["sh", "-c", "echo " + word], timeout=20).out
            assert say("one") == b"one\\n"
            os.closerange(3, 256)
            files = [os.open("/", os.O_RDONLY) for _ in range(12)]
            assert say("two") == say("two") == b"two\\n"
            assert [os.fstat(file).st_ino for file in files]
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(program)],
                       check=True, timeout=60)

    def test_a_handler_that_raises_ends_the_tree(self):
        def handler(*_):
            self.pids(2)
            raise InterruptedError("stop")
        self.interrupt(handler)
        with self.assertRaisesRegex(InterruptedError, "stop"):
            self.sh.run_sync(self.tree)
        self.assertEnded(self.pids(2))

    def test_a_handler_may_run_a_program(self):
        codes = []
        self.interrupt(lambda *_: codes.append(
            self.sh.run_sync(SH + ["exit 6"]).code), 0.1)
        self.assertEqual(self.sh.run_sync(SH + ["sleep 0.5; exit 5"]).code, 5)
        self.assertEqual(codes, [6])

    def test_another_thread_goes_on_during_run_sync(self):
        self.assertGreater(support.turns_during(
            lambda: self.sh.run_sync(SH + ["sleep 0.5"])), 20)


if __name__ == "__main__":
    unittest.main()
