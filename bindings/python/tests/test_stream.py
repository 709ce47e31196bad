# SPDX-License-Identifier: BSD-2-Clause
"""Runs that go on: output as it comes, input that comes later, terminals, deadlines."""
import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
import tracemalloc
import unittest
import unittest.mock

import spawn_template
import support
from spawn_template import blocking, engine
from support import SH

# Two shells start in this time, even on a busy machine.
UP = 3
LONG = 60


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, LONG))


class TestCase(support.TestCase):

    def setUp(self):
        super().setUp()
        # runs that block keep a ring, which is no leak
        self.addCleanup(blocking._rings.clear)
        self.sh = spawn_template.Template("sh")
        self.addCleanup(self.sh.close)

    async def ended(self, *pids):
        """Tell whether the processes end, while the loop runs."""
        return await asyncio.get_running_loop().run_in_executor(
            None, support.eventually, lambda: not any(map(support.is_alive, pids)))

    async def pid_of(self, going):
        """Return the pid that a program writes first."""
        return int((await going.__anext__()).data.split(b"\n")[0])

    async def unused(self):
        """Wait until the engine has no run any more."""
        while engine.current().free < engine.ENTRIES:
            await asyncio.sleep(0.01)


class Output(TestCase):

    def test_output_comes_while_the_program_runs(self):
        async def main():
            chunks = []
            async with self.sh.stream("-c", "echo one; read x; echo $x >&2; exit 3",
                                      open_input=True) as going:
                async for chunk in going:
                    chunks.append(chunk)
                    if chunk.stream == "stdout":
                        self.assertIsNone(going.returncode)
                        going.write(b"two\n")
            self.assertEqual(chunks, [("stdout", b"one\n"), ("stderr", b"two\n")])
            self.assertIsInstance(chunks[0], spawn_template.Chunk)
            self.assertEqual((going.returncode, going.result.code), (3, 3))
            self.assertIsNone(going.result.stdout)
            self.assertEqual((going.result.out_total, going.result.err_total), (4, 4))
        run(main())

    def test_a_program_by_name_has_a_stream(self):
        async def main():
            return [chunk async for chunk in spawn_template.stream(
                *SH, "echo $A", env={"A": "a", "PATH": os.environ["PATH"]})]
        self.assertEqual(run(main()), [("stdout", b"a\n")])

    def test_a_slow_consumer_stops_the_program(self):
        size = 64 << 20

        async def main():
            total = 0
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            async with self.sh.stream("-c", f"head -c {size} /dev/zero; echo $? >&2",
                                      max_output=1 << 18) as going:
                await asyncio.sleep(0.5)
                self.assertIsNone(going.result)
                kept = sum(len(job.parts) for job in engine.current().jobs)
                self.assertLessEqual(kept, (1 << 18) // 4096)
                tracemalloc.reset_peak()
                async for chunk in going:
                    total += len(chunk.data) if chunk.stream == "stdout" else 0
            self.assertEqual(total, size)
            self.assertLess(tracemalloc.get_traced_memory()[1], 8 << 20)
        run(main())

    def test_many_streams_keep_all_of_their_output(self):
        async def one(i):
            data = b""
            async for chunk in self.sh.stream(
                    "-c", f"i=0; while [ $i -lt 300 ]; do echo {i} $i; i=$((i+1)); done"):
                data += chunk.data
            return data

        async def main():
            n = engine.ENTRIES + 20
            got = await asyncio.gather(*(one(i) for i in range(n)))
            for i in range(n):
                self.assertEqual(got[i], b"".join(b"%d %d\n" % (i, k)
                                                  for k in range(300)))
            await self.unused()
        run(main())

    def test_text_never_ends_within_a_character(self):
        script = r"printf 'a\303'; sleep 0.2; printf '\274\r'; sleep 0.2; printf '\nb\303'"

        async def main():
            chunks = [chunk async for chunk in self.sh.stream(
                "-c", script, encoding="utf-8")]
            self.assertEqual("".join(chunk.data for chunk in chunks), "aü\nb\ufffd")
            self.assertEqual(chunks[0], ("stdout", "a"))
            self.assertIsInstance(chunks[0], spawn_template.TextChunk)
        run(main())

    def test_a_launch_that_fails_raises_at_the_first_chunk(self):
        async def main():
            going = self.sh.stream(cwd="/none")
            for _ in range(2):
                with self.assertRaises(FileNotFoundError) as caught:
                    await going.__anext__()
                self.assertEqual(caught.exception.action, "chdir")
            with self.assertRaises(FileNotFoundError):
                await going
            with self.assertRaises(FileNotFoundError):
                async for _ in spawn_template.stream("no-such-program"):
                    pass
            for wrong in dict(input=5), dict(max_output=0), dict(argv="sh"):
                with self.assertRaises((TypeError, ValueError)):
                    async for _ in self.sh.stream(**wrong):
                        pass
            self.assertEqual(engine.current().free, engine.ENTRIES)
        run(main())

    def test_check_raises_behind_the_last_chunk(self):
        async def main():
            chunks = []
            with self.assertRaises(subprocess.CalledProcessError) as caught:
                async for chunk in self.sh.stream("-c", "echo a; exit 4", check=True):
                    chunks.append(chunk.data)
            self.assertEqual((chunks, caught.exception.returncode), ([b"a\n"], 4))
        run(main())

    def test_output_that_is_kept_has_no_chunks(self):
        async def main():
            going = await self.sh.start("-c", "echo a")
            with self.assertRaises(TypeError):
                async for _ in going:
                    pass
            self.assertEqual((await going).stdout, b"a\n")
            going = await self.sh.start("-c", "echo a", stream=True)
            self.assertEqual([c.data async for c in going], [b"a\n"])
        run(main())


class Callback(TestCase):
    """on_output, in loops, in the main thread and in others."""

    def test_on_output_gets_each_chunk_in_a_loop(self):
        async def main():
            chunks = []
            result = await self.sh.run("-c", "echo a; sleep 0.2; echo b",
                                       on_output=chunks.append)
            self.assertEqual((chunks, result.code, result.stdout),
                             ([("stdout", b"a\n"), ("stdout", b"b\n")], 0, None))
            texts = []

            async def later(chunk):
                await asyncio.sleep(0.01)
                texts.append(chunk.data)
            result = await spawn_template.run(*SH, "echo a; exit 3", text=True,
                                              on_output=later)
            self.assertEqual((texts, result.returncode), (["a\n"], 3))
        run(main())

    def test_an_exception_of_on_output_ends_the_tree_in_a_loop(self):
        async def main():
            pids = []

            def fail(chunk):
                pids.append(int(chunk.data))
                raise KeyError("x")
            with self.assertRaises(KeyError):
                await self.sh.run("-c", "echo $$; sleep 60", on_output=fail)
            self.assertTrue(await self.ended(*pids))
        run(main())

    def in_both(self, function):
        """Call it in the main thread and in another one."""
        function()
        errors = []

        def work():
            try:
                function()
            except BaseException as error:
                errors.append(error)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        for error in errors:
            raise error

    def test_on_output_gets_each_chunk_in_a_thread(self):
        def one():
            chunks = []
            result = self.sh.run_sync("-c", "echo a; sleep 0.2; echo b >&2; exit 2",
                                      on_output=chunks.append)
            self.assertEqual((chunks, result.code, result.out),
                             ([("stdout", b"a\n"), ("stderr", b"b\n")], 2, None))
            size = 0

            def count(chunk):
                nonlocal size
                size += len(chunk.data)
            self.sh.run_sync("-c", "head -c 8388608 /dev/zero", on_output=count)
            self.assertEqual(size, 8 << 20)
            texts = []
            spawn_template.run_sync(*SH, r"printf 'a\303'", encoding="utf-8",
                                    on_output=texts.append)
            self.assertEqual([chunk.data for chunk in texts], ["a", "\ufffd"])
        self.in_both(one)

    def test_an_exception_of_on_output_ends_the_tree_in_a_thread(self):
        def one():
            pids = []

            def fail(chunk):
                pids.append(int(chunk.data))
                raise KeyError("x")
            with self.assertRaises(KeyError):
                self.sh.run_sync("-c", "echo $$; exec sleep 60", on_output=fail)
            self.assertTrue(support.eventually(
                lambda: not support.is_alive(pids[0])))
            # what comes next is as ever
            self.assertEqual(self.sh.run_sync("-c", "echo a").stdout, b"a\n")
        self.in_both(one)

    def test_other_threads_go_on_while_on_output_waits(self):
        def wait():
            self.sh.run_sync("-c", "sleep 0.5; echo", on_output=lambda _: None)
        thread = threading.Thread(target=wait)
        thread.start()
        self.assertGreater(support.turns_during(thread.join), 20)


class End(TestCase):
    """Trees, which end with whoever looks at their runs."""

    SLEEP = "-c", "echo $$; exec sleep 60"

    def test_a_loop_that_is_left_early_ends_the_tree(self):
        async def main():
            async for chunk in self.sh.stream(*self.SLEEP):
                pid = int(chunk.data)
                break
            self.assertTrue(await self.ended(pid))
            await self.unused()
        run(main())

    def test_a_flood_that_nobody_reads_ends_with_its_run(self):
        async def main():
            going = self.sh.stream("-c", "echo $$; exec cat /dev/zero")
            pid = await self.pid_of(going)
            await asyncio.sleep(0.1)
            del going
            self.assertTrue(await self.ended(pid))
            await self.unused()
        run(main())

    def test_a_block_that_is_left_ends_the_tree(self):
        async def main():
            with self.assertRaises(KeyError):
                async with self.sh.stream(*self.SLEEP) as going:
                    pid = await self.pid_of(going)
                    raise KeyError("x")
            self.assertFalse(support.is_alive(pid))
            self.assertEqual(going.returncode, -9)
            async with self.sh.stream(*self.SLEEP):
                pass
            await self.unused()
        run(main())

    def test_a_cancelled_task_ends_its_tree(self):
        async def read(pids):
            async for chunk in self.sh.stream(*self.SLEEP):
                pids.append(int(chunk.data))

        async def main():
            pids = []
            task = asyncio.ensure_future(read(pids))
            while not pids:
                await asyncio.sleep(0.01)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertTrue(await self.ended(*pids))
        run(main())

    def test_a_run_with_an_owner_outlives_a_task_that_waits(self):
        async def main():
            async with self.sh.stream("-c", "echo $$; read x; echo $x",
                                      open_input=True) as going:
                await self.pid_of(going)
                for wait in going.__anext__, going.wait, going.first_result:
                    with self.assertRaises(asyncio.TimeoutError):
                        await asyncio.wait_for(wait(), 0.1)
                going.write(b"still here\n")
                self.assertEqual((await going.__anext__()).data, b"still here\n")
        run(main())

    def test_a_cancelled_run_has_a_result(self):
        async def main():
            going = await self.sh.start("-c", "trap 'echo end; exit 5' TERM; echo up; "
                                        "sleep 60 & wait", grace=10, stream=True)
            self.assertEqual((await going.__anext__()).data, b"up\n")
            going.cancel()
            self.assertEqual([c.data async for c in going], [b"end\n"])
            self.assertEqual((await going).returncode, 5)
            going.cancel()
            new = self.sh.stream("-c", "echo $$")
            new.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await new
            await self.unused()
        run(main())

    def test_a_run_that_waits_for_an_entry_may_be_cancelled(self):
        async def main():
            rest = [asyncio.ensure_future(self.sh.run("-c", "sleep 0.3"))
                    for _ in range(engine.ENTRIES)]
            await asyncio.sleep(0)
            late = [asyncio.ensure_future(self.sh.stream("-c", "echo a").wait())
                    for _ in range(3)]
            await asyncio.sleep(0)
            late[0].cancel()
            waits = self.sh.stream("-c", "echo b")
            first = asyncio.ensure_future(waits.wait())
            await asyncio.sleep(0)
            waits.cancel()
            done = await asyncio.gather(*late, first, return_exceptions=True)
            self.assertIsInstance(done[0], asyncio.CancelledError)
            self.assertEqual([r.code for r in done[1:3]], [0, 0])
            self.assertIsInstance(done[3], asyncio.CancelledError)
            await asyncio.gather(*rest)
            await self.unused()
        run(main())

    def test_a_loop_that_ends_ends_its_runs(self):
        kept = []

        async def main():
            going = await self.sh.start(*self.SLEEP, stream=True)
            kept.append(going)
            return await self.pid_of(going)
        pid = run(main())
        self.assertFalse(support.is_alive(pid))
        self.assertEqual(kept[0].returncode, -9)
        kept.clear()

    def test_a_closed_engine_takes_its_output_back(self):
        async def main():
            going = await self.sh.start("-c", "echo a; sleep 60", stream=True)
            while not going._job.parts:
                await asyncio.sleep(0.01)
            part = going._job.parts[0][1]
            engine.current().close()
            with self.assertRaises(ValueError):
                part.take()
            with self.assertRaises(asyncio.CancelledError):
                await going.__anext__()
        run(main())

    @support.forks
    def test_a_forked_child_may_drop_a_run(self):
        async def main():
            going = await self.sh.start("-c", "echo a; read x; exit 3", stream=True,
                                        open_input=True)
            while not going._job.parts:
                await asyncio.sleep(0.01)
            pid = os.fork()
            if pid == 0:
                going.__del__()
                del going
                gc.collect()
                os._exit(0)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
            going.write(b"x\n")
            self.assertEqual([c.data async for c in going], [b"a\n"])
            self.assertEqual(going.returncode, 3)
        run(main())


class Input(TestCase):

    def test_input_comes_later(self):
        async def main():
            going = self.sh.stream("-c", "cat; echo end", open_input=True, text=True,
                                   input="first\n")
            going.write("before\n")
            got = ""
            async for chunk in going:
                got += chunk.data
                if got.endswith("before\n"):
                    going.write("later\n")
                    await going.drain()
                    going.close_input()
                    going.close_input()
            self.assertEqual(got, "first\nbefore\nlater\nend\n")
            with self.assertRaises(ValueError):
                going.write("x")
        run(main())

    def test_large_input_waits_for_its_reader(self):
        data = os.urandom(5 << 20)

        async def main():
            going = await self.sh.start("-c", "sleep 0.2; cat", open_input=True)
            going.write(bytearray(data[:10]))
            going.write(memoryview(data)[10:])
            self.assertTrue(going._job.unsent)
            await going.drain()
            self.assertFalse(going._job.unsent)
            going.close_input()
            self.assertEqual((await going).stdout, data)
        run(main())

    def test_a_wait_for_a_reader_needs_no_timer(self):
        async def main():
            going = await self.sh.start("-c", "sleep 0.2; cat > /dev/null",
                                        open_input=True)
            going.write(bytes(5 << 20))
            with unittest.mock.patch.object(asyncio.get_running_loop(),
                                            "call_later") as call_later:
                await going.drain()
            call_later.assert_not_called()
            going.close_input()
            self.assertEqual((await going).code, 0)
        run(main())

    def test_an_error_of_sending_takes_no_other_completions_with_it(self):
        others = [self.dir / str(i) for i in range(8)]

        async def main():
            told = []
            asyncio.get_running_loop().set_exception_handler(
                lambda loop, context: told.append(context["exception"]))
            going = await self.sh.start(
                "-c", "until [ -e go ]; do sleep 0.01; done; "
                "head -c 1000000 > /dev/null; : > read; sleep 60",
                open_input=True, cwd=self.dir)
            going.write(bytes(3 << 20))
            with unittest.mock.patch.object(going._job.__class__, "_send",
                                            side_effect=MemoryError):
                tasks = [asyncio.ensure_future(self.sh.run(
                    "-c", f"until [ -e read ]; do sleep 0.01; done; : > {other}",
                    cwd=self.dir))
                    for other in others]
                await asyncio.sleep(0.1)
                (self.dir / "go").touch()
                self.assertTrue(support.eventually(
                    lambda: all(other.exists() for other in others)))
                time.sleep(0.1)     # the loop hears of room, and then of the ends
                _, lost = await asyncio.wait(tasks, timeout=10)
                while not told:
                    await asyncio.sleep(0.01)
            self.assertFalse(lost)
            self.assertIsInstance(told[0], MemoryError)
            await going.aclose()
        run(main())

    def test_nobody_reads_raises_BrokenPipeError(self):
        async def main():
            going = await self.sh.start("-c", "exec <&-; sleep 60", open_input=True)
            with self.assertRaises(BrokenPipeError):
                while True:
                    going.write(b"x" * (1 << 20))
                    await going.drain()
            going.cancel()
            await going
            with self.assertRaises(BrokenPipeError):
                going.write(b"x")
            going = await self.sh.start("-c", "sleep 0.2", open_input=True)
            going.write(b"x" * (4 << 20))
            with self.assertRaises(BrokenPipeError):
                await going.drain()
            going.close_input()
            self.assertEqual((await going).code, 0)
        run(main())

    def test_input_needs_open_input(self):
        async def main():
            going = await self.sh.start("-c", "cat")
            for call in lambda: going.write(b"x"), going.close_input:
                with self.assertRaises(ValueError):
                    call()
            with self.assertRaises(ValueError):
                await going.drain()
            self.assertEqual((await going).stdout, b"")
        run(main())


class Terminal(TestCase):

    def test_a_program_has_a_terminal(self):
        script = "stty size; test -t 0 && test -t 1 && test -t 2 && echo yes"

        async def main():
            return await self.sh.run("-c", script, pty=True, winsize=(30, 90))
        for r in run(main()), self.sh.run_sync("-c", script, pty=True,
                                               winsize=os.terminal_size((90, 30))):
            self.assertEqual((r.stdout, r.stderr), (b"30 90\r\nyes\r\n", b""))
        self.assertEqual(self.sh.run_sync("-c", "cat", pty=True, input="ab\n",
                                          text=True, echo=False).stdout, "ab\n")

    def test_a_terminal_takes_input_and_a_new_size(self):
        async def main():
            async with self.sh.stream(
                    "-c", "trap 'stty size' WINCH; echo up; until read a; do :; done; "
                    "until read b; do :; done; echo $b", pty=True,
                    open_input=True, text=True) as going:
                self.assertEqual((await going.__anext__()).data, "up\n")
                going.resize(40, 100)
                going.write("one\n")
                got, answered = "", False
                async for chunk in going:
                    got += chunk.data
                    if "40 100" in got and not answered:
                        answered = True
                        going.write("two\n")
            self.assertIn("two\ntwo\n", got)
        run(main())

    def test_control_c_ends_the_program(self):
        async def main():
            # a shell that forks at this moment may lose the signal, and cat does not fork
            going = spawn_template.stream("cat", pty=True, open_input=True)
            going.write(b"a\n")
            got = b""
            while got.count(b"a\r\n") < 2:
                got += (await going.__anext__()).data
            going.write(b"\x03")
            self.assertEqual([c.data async for c in going], [b"^C"])
            self.assertEqual(going.returncode, -2)
        run(main())

    def test_sizes_are_checked(self):
        for size in (0, 80), (24, 1 << 16), (24,), "x":
            with self.subTest(size), self.assertRaises((TypeError, ValueError)):
                self.sh.run_sync("-c", ":", pty=True, winsize=size)
        for wrong in dict(winsize=(24, 80)), dict(echo=False):
            with self.assertRaises(ValueError):
                self.sh.run_sync("-c", ":", **wrong)


class Kept(TestCase):
    """Long output that is kept: its end, or all of it in files."""

    NUMBERS = "-c", "i=1000; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done"

    def both(self, *args, **kwargs):
        async def main():
            return await self.sh.run(*args, **kwargs)
        return run(main()), self.sh.run_sync(*args, **kwargs)

    def test_the_tail_is_kept(self):
        for r in self.both(*self.NUMBERS, max_output=100, tail=20):
            self.assertEqual(r.stdout[-10:], b"2998\n2999\n")
            self.assertEqual(r.stdout[:5], b"1000\n")
            self.assertEqual((len(r.stdout), r.out_total, r.out_truncated),
                             (100, 10000, True))
        for r in self.both(*self.NUMBERS, max_output=100, tail=True):
            self.assertEqual(r.stdout[50:55], b"2990\n")
        for wrong in 0, -1, 200:
            with self.assertRaises((ValueError, OverflowError, OSError)):
                self.sh.run_sync("-c", ":", max_output=100, tail=wrong)

    def test_what_exceeds_the_bound_goes_to_files(self):
        for i, how in enumerate((str, os.fsencode, lambda p: p, self.opened,
                                 lambda p: self.opened(p, as_file=True))):
            folder = self.dir / str(i)
            folder.mkdir()
            r = self.both(*self.NUMBERS, max_output=100, spill=how(folder))[0]
            self.assertTrue(r.spilled)
            self.assertEqual((folder / "out").stat().st_size, 10000)
        r = self.sh.run_sync("-c", "echo a", spill=self.dir)
        self.assertFalse(r.spilled or (self.dir / "out").exists())
        with self.assertRaises(FileNotFoundError) as caught:
            self.sh.run_sync("-c", ":", spill=self.dir / "none")
        self.assertEqual(caught.exception.filename, self.dir / "none")
        for wrong in -1, 5.0, 999:
            with self.assertRaises((ValueError, TypeError, OSError)):
                self.sh.run_sync("-c", ":", spill=wrong)

    def opened(self, path, as_file=False):
        fd = os.open(path, os.O_RDONLY)
        if as_file:
            class File:
                def fileno(self):
                    return fd
        self.addCleanup(os.close, fd)
        return File() if as_file else fd


class Deadlines(TestCase):

    def test_a_silent_program_is_ended(self):
        async def main():
            return await self.sh.run("-c", "echo a; sleep 60", idle_timeout=0.3)
        for r in run(main()), self.sh.run_sync("-c", "echo a; sleep 60",
                                               idle_timeout=0.3):
            self.assertEqual((r.timed_out, r.idle, r.stdout), (True, True, b"a\n"))
        r = self.sh.run_sync("-c", "for i in 1 2 3 4 5 6; do sleep 0.2; echo; done",
                             idle_timeout=UP)
        self.assertEqual((r.timed_out, r.idle, r.code), (False, False, 0))

    def test_a_program_goes_on_in_the_background(self):
        async def main():
            going = await self.sh.start(
                "-c", "echo one; read x; echo $x", timeout=0.3, detach=True,
                detached_timeout=UP * 10, open_input=True)
            first = await going.first_result()
            self.assertEqual((first.detached, first.timed_out, first.stdout),
                             (True, True, b"one\n"))
            self.assertTrue(going.detached)
            self.assertIsNone(going.result)
            going.write(b"two\n")
            last = await going
            self.assertEqual((last.detached, last.timed_out, last.code, last.stdout),
                             (True, False, 0, b"one\ntwo\n"))
        run(main())

    def test_a_program_in_the_background_has_a_deadline(self):
        async def main():
            going = await self.sh.start("-c", "sleep 60", timeout=0.2, detach=True)
            last = await going
            self.assertEqual((last.detached, last.timed_out), (True, True))
            async with self.sh.stream("-c", "echo $$; sleep 60", timeout=0.2,
                                      detach=True, detached_timeout=None) as going:
                pid = await self.pid_of(going)
                await going.first_result()
                self.assertTrue(support.is_alive(pid))
            self.assertFalse(support.is_alive(pid))
        run(main())

    def test_an_early_end_is_the_first_result(self):
        async def main():
            going = await self.sh.start("-c", "exit 3", timeout=UP * 10, detach=True)
            first = await going.first_result()
            self.assertEqual((first.detached, first.code), (False, 3))
        run(main())


class Arguments(TestCase):

    def test_arguments_follow_the_name_of_the_template(self):
        link = self.dir / "tool"
        link.symlink_to("/bin/sh")
        script = "-c", 'echo "$0 $#"; tr "\\0" " " </proc/$$/cmdline'

        async def main():
            return await self.sh.run(*script)
        for r in run(main()), self.sh.run_sync(*script), self.sh.run_sync(
                ["sh", *script]), self.sh.run_sync(argv=["sh", *script]):
            self.assertTrue(r.stdout.startswith(b"sh 0\nsh -c"), r.stdout)
        with spawn_template.Template(link) as tool:
            self.assertIn(b"\n%s -c" % os.fsencode(link),
                          tool.run_sync(*script).stdout)
        with spawn_template.Template("true") as true:
            self.assertEqual(true.run_sync().code, 0)
        pid, pidfd = self.sh.spawn("-c", "exit 4")
        os.close(pidfd)
        self.assertEqual(os.waitpid(pid, 0)[1], 4 << 8)

    def test_two_kinds_of_arguments_are_refused(self):
        for args, kwargs in (((["sh"], "-c"), {}), (("-c",), dict(argv=["sh"])),
                             ((5,), {}), (("-c", 5), {}), ((), dict(argv="sh"))):
            with self.subTest(args), self.assertRaises(TypeError):
                self.sh.run_sync(*args, **kwargs)
        with self.assertRaises(ValueError):
            self.sh.run_sync([])

    def test_templates_have_the_arguments_of_subprocess(self):
        async def main():
            return (await self.sh.run("-c", r"cat; printf '\377' >&2", input="ü\n",
                                      encoding="utf-8"),
                    await self.sh.run("-c", r"cat; printf '\377' >&2", input=b"\xc3\xbc\n",
                                      encoding="utf-8", errors="backslashreplace"))
        one, two = run(main())
        self.assertEqual((one.stdout, one.stderr, one.returncode), ("ü\n", "\ufffd", 0))
        self.assertEqual((two.stdout, two.stderr), ("ü\n", "\\xff"))
        with self.assertRaises(UnicodeDecodeError):
            self.sh.run_sync("-c", r"printf '\377'", encoding="utf-8", errors="strict")
        with self.assertRaises(LookupError):
            self.sh.run_sync("-c", ":", encoding="no-such-encoding")
        with self.assertRaises(subprocess.CalledProcessError) as caught:
            self.sh.run_sync("-c", "exit 3", check=True)
        self.assertEqual(caught.exception.cmd, ["sh", "-c", "exit 3"])
        with self.assertRaises(subprocess.TimeoutExpired):
            self.sh.run_sync("-c", "sleep 60", check=True, timeout=0.1)

    def test_options_that_do_not_fit_are_refused(self):
        for error, kwargs in (
                (TypeError, dict(nonsense=1)), (TypeError, dict(open_input=True)),
                (TypeError, dict(detach=True, timeout=1)), (TypeError, dict(stream=True)),
                (ValueError, dict(on_output=print, tail=True)),
                (ValueError, dict(on_output=print, capture=False)),
                (ValueError, dict(pty=True, capture=False)),
                (ValueError, dict(idle_timeout=1, capture=False))):
            with self.subTest(kwargs), self.assertRaises(error):
                self.sh.run_sync("-c", ":", **kwargs)
        with self.assertRaises(ValueError):
            self.sh.stream("-c", ":", detach=True)

    def test_help_shows_the_options(self):
        import inspect
        for function in spawn_template.run, spawn_template.Template.run_sync:
            parameters = inspect.signature(function).parameters
            self.assertEqual(parameters["timeout"].default, None)
            self.assertIn("on_output", parameters)
            self.assertNotIn("options", parameters)
        self.assertIn("detach", inspect.signature(spawn_template.stream).parameters)


class Stall(TestCase):

    def test_the_loop_goes_on_while_programs_write(self):
        """Measure how long the loop stands still while 16 programs write."""
        async def read():
            total = 0
            async for chunk in self.sh.stream("-c", "head -c 4000000 /dev/zero"):
                total += len(chunk.data)
            return total

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
            totals = await asyncio.gather(*(read() for _ in range(16)))
            stop = True
            await ticker
            self.assertEqual(totals, [4000000] * 16)
            return longest
        # this is processor time: other load of the machine does not count
        self.assertLess(run(main()), 0.1)


if __name__ == "__main__":
    sys.exit(unittest.main())
