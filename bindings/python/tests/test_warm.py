# SPDX-License-Identifier: BSD-2-Clause
"""Prepared launches: templates made with warm, and install(warm=...)."""
import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import unittest

import spawn_template
import support
from spawn_template import blocking
from support import SH

# The reasons where nothing can be prepared: another machine or libc, or LD_PRELOAD,
# which the sanitizers need.
IMPOSSIBLE = ("program", "environment")


def no_children():
    """Tell whether all parked processes have ended, and been reaped."""
    try:
        return os.waitpid(-1, os.WNOHANG) == (-1, -1)
    except ChildProcessError:
        return True


def counts(template):
    stat = template.stat()
    return stat["launches"]["warm"], stat["launches"]["cold"]


def get_ready(template, launch):
    """Launch until a process waits for the template's launches."""
    launch()    # alone it prepares nothing
    for _ in range(5):
        launch()
        reasons = template.stat()["cold_reasons"]
        if any(reason in reasons for reason in IMPOSSIBLE):
            raise unittest.SkipTest("no launch can be prepared: %s" % reasons)
        if support.eventually(lambda: template.stat()["warm_ready"], 2):
            return
    raise AssertionError("nothing was prepared: %s" % reasons)


class TestCase(support.TestCase):

    # A thread that launches keeps these.
    kept = "/proc/%d/" % os.getpid()

    def setUp(self):
        super().setUp()
        # parked processes end in the background, and a ring is kept
        self.addCleanup(support.eventually, no_children)
        self.addCleanup(blocking._rings.clear)

    def template(self, warm, name="sh", **kwargs):
        template = spawn_template.Template(name, warm=warm, **kwargs)
        self.addCleanup(template.close)
        return template

    def ready(self, warm, **kwargs):
        template = self.template(warm, **kwargs)
        get_ready(template, lambda: template.run_sync(SH + [":"]))
        return template


class Templates(TestCase):
    """Template(name, warm=...)."""

    def each_way(self):
        for warm in "fork", "once":
            with self.subTest(warm=warm):
                yield self.ready(warm)

    def assertWarm(self, template, launch):
        """Check that the launch takes a parked process; return its value."""
        self.assertTrue(support.eventually(
            lambda: template.stat()["warm_ready"]))
        before = counts(template)
        value = launch()
        self.assertEqual(counts(template), (before[0] + 1, before[1]))
        return value

    def test_a_warm_run_gives_what_a_cold_run_gives(self):
        cold = self.template(None)
        argv = SH + ["cat; pwd; echo $A $0 $# >&2; kill -9 $$", "name", "1"]
        how = dict(input=b"in\0\xff", cwd=self.dir, env={"A": "a"})
        expected = cold.run_sync(argv, **how)
        for warm in self.each_way():
            r = self.assertWarm(warm, lambda: warm.run_sync(argv, **how))
            self.assertEqual((r.out, r.err, r.returncode),
                             (expected.out, expected.err, -signal.SIGKILL))
            self.assertEqual((r.warm, expected.warm), (True, False))

    def test_runs_of_a_loop_are_warm(self):
        async def main(warm):
            return await warm.run(SH + ["echo $A; exit 3"], env={"A": "a"})
        for warm in self.each_way():
            r = self.assertWarm(warm, lambda: asyncio.run(main(warm)))
            self.assertEqual((r.out, r.code), (b"a\n", 3))

    def test_a_spawned_child_is_warm_and_the_callers(self):
        for warm in self.each_way():
            reader, writer = os.pipe()
            pid, pidfd = self.assertWarm(warm, lambda: warm.spawn(
                SH + ["echo $PPID; exit 5"], stdout=writer))
            os.close(writer)
            with open(reader) as file:
                self.assertEqual(int(file.read()), os.getpid())
            os.close(pidfd)
            self.assertEqual(os.waitpid(pid, 0), (pid, 5 << 8))

    def test_a_launch_that_fails_raises_the_same_error(self):
        for warm in self.each_way():
            with self.assertRaises(FileNotFoundError) as caught:
                warm.run_sync(SH + [":"], cwd="/none")
            self.assertEqual((caught.exception.filename,
                              caught.exception.action), ("/none", "chdir"))

    def test_stat_names_the_reasons_of_cold_launches(self):
        warm = self.ready("fork")
        self.assertEqual(warm.stat()["cold_reasons"]["first"], 1)
        warm.run_sync(["another name", "-c", ":"])
        warm.run_sync(SH + [":"], env={"LD_BIND_NOW": "1"})
        reasons = warm.stat()["cold_reasons"]
        self.assertEqual((reasons["argv0"], reasons["environment"]), (1, 1))
        self.assertEqual(self.template(None).stat()["cold_reasons"], {})

    def test_as_many_processes_wait_as_asked_for(self):
        warm = self.ready("once", warm_target=3)
        self.assertTrue(support.eventually(
            lambda: warm.stat()["warm_ready"] == 3))

    def test_wrong_arguments_are_refused(self):
        for wrong in ("spoon", "", 1, True, []):
            with self.assertRaises(ValueError):
                spawn_template.Template("sh", warm=wrong)
        for target in 0, 9, -1:
            with self.assertRaises(ValueError):
                spawn_template.Template("sh", warm="fork", warm_target=target)

    def test_the_parked_processes_end_with_the_template(self):
        for warm in self.each_way():
            warm.close()
            self.assertTrue(support.eventually(no_children))
        unreferenced = spawn_template.Template("sh", warm="fork")
        get_ready(unreferenced, lambda: unreferenced.run_sync(SH + [":"]))
        self.assertFalse(no_children())
        del unreferenced
        gc.collect()
        self.assertTrue(support.eventually(no_children))

    @support.forks
    def test_a_forked_child_is_served_by_processes_of_its_own(self):
        warm = self.ready("fork")
        before = counts(warm)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                get_ready(warm, lambda: warm.run_sync(SH + [":"]))
                r = warm.run_sync(SH + ["echo $PPID"])
                code = (int(r.out) != os.getpid()) * 2 + (counts(warm)[0] < 1) * 4
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)
        self.assertEqual(counts(warm), before)
        self.assertWarm(warm, lambda: warm.run_sync(SH + [":"]))


class Pythons(TestCase):
    """Template("python3", warm="python", modules=NAMES)."""

    CODE = "import json, sys; print(json.dumps(sys.argv[1:]), 'json' in sys.modules)"

    def ready(self, modules):
        python = self.template("python", "/usr/bin/python3", modules=modules)
        python.run_sync("-c", "pass")
        get_ready(python, lambda: python.run_sync("-c", "pass"))
        return python

    def test_launches_have_the_modules_and_their_own_arguments(self):
        for modules in ["json"], "json,re", None:
            with self.subTest(modules=modules):
                python = self.ready(modules)
                r = python.run_sync("-c", self.CODE, "one", "two", text=True)
                self.assertEqual((r.out, r.code), ('["one", "two"] True\n', 0))
                self.assertTrue(r.warm, python.stat()["cold_reasons"])

    def await_warm(self, launch):
        """Launch until a result is warm; return it."""
        self.ready(None).close()    # or skip
        result = []

        def is_warm():
            result[:] = [launch()]
            return result[0].warm
        self.assertTrue(support.eventually(is_warm))
        return result[0]

    def test_runs_by_name_are_prepared_as_they_are_told(self):
        self.addCleanup(spawn_template.prepare, None)
        code = "import sys; print(sys.argv[1:], '_json' in sys.modules)"
        argv = "/usr/bin/python3", "-c", code, "x"
        for modules, there in (None, False), (["json", "re"], True):
            spawn_template.prepare("python", modules=modules)
            r = self.await_warm(lambda: spawn_template.run_sync(*argv, text=True))
            self.assertEqual((r.out, r.code), ("['x'] %s\n" % there, 0))
            r = self.await_warm(lambda: asyncio.run(
                spawn_template.run(*argv, text=True)))
            self.assertEqual((r.out, r.code), ("['x'] %s\n" % there, 0))
        r = self.await_warm(lambda: spawn_template.run_sync(SH[0], "-c", "exit 3"))
        self.assertEqual(r.code, 3)
        spawn_template.prepare(None)
        self.assertTrue(support.eventually(no_children))
        self.assertFalse(spawn_template.run_sync(SH[0], "-c", ":").warm)

    def test_a_forked_child_has_a_template_of_its_own(self):
        python = self.ready(["json"])
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                code = python.run_sync("-c", "print(7)").out != b"7\n"
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_modules_that_are_no_names_are_refused(self):
        for modules, error in ([1], TypeError), ("json;x", OSError), (["a'b"], OSError):
            with self.subTest(modules=modules):
                with self.assertRaises(error):
                    self.template("python", "/usr/bin/python3", modules=modules)
        with self.assertRaisesRegex(ValueError, 'warm="python"'):
            self.template("fork", "true", modules=["json"])
        for function in spawn_template.install, spawn_template.prepare:
            with self.assertRaisesRegex(ValueError, 'warm="python"'):
                function("fork", modules=["json"])
            with self.assertRaises(OSError):
                function("python", modules=["a b"])


class Sessions(TestCase):
    """Template("bash", warm="session", profile=FILE)."""

    PROFILE = """
        greet() { echo "hello $1 from $BASHPID"; }
        alias shout='echo SHOUT'
        shopt -s expand_aliases
        export FROM_FILE=value
    """

    def setUp(self):
        super().setUp()
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = temporary.name

    def session(self, text=PROFILE):
        self.path = os.path.join(self.directory, "profile")
        with open(self.path, "w") as f:
            f.write(text)
        return self.template("session", "bash", profile=self.path)

    def ready_session(self):
        bash = self.session()
        bash.run_sync(["bash", "-c", ":"])
        get_ready(bash, lambda: bash.run_sync(["bash", "-c", ":"]))
        return bash

    def test_commands_have_what_the_file_has_made(self):
        bash = self.ready_session()
        for _ in range(3):
            r = bash.run_sync(["bash", "-c", "greet $1; shout; echo $FROM_FILE $$",
                               "name", "you"], text=True)
            self.assertTrue(r.warm, bash.stat()["cold_reasons"])
            lines = r.out.split("\n")
            pid = lines[2].split()[1]
            self.assertEqual(lines, ["hello you from " + pid, "SHOUT", "value " + pid,
                                     ""])
            bash.run_sync(["bash", "-c", "greet() { false; }; FROM_FILE=changed"])
            self.assertTrue(support.eventually(lambda: bash.stat()["warm_ready"]))

    def test_cold_launches_have_it_too(self):
        r = self.session().run_sync(["bash", "-c", "echo $FROM_FILE"])
        self.assertEqual((r.out, r.warm), (b"value\n", False))

    def test_a_changed_file_is_sourced_anew(self):
        bash = self.ready_session()
        with open(self.path, "w") as f:
            f.write("FROM_FILE=other")
        r = bash.run_sync(["bash", "-c", "echo $FROM_FILE"])
        self.assertEqual((r.out, r.warm), (b"other\n", False))

    def test_a_forked_child_has_the_file(self):
        bash = self.session()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                r = bash.run_sync(["bash", "-c", "echo $FROM_FILE"])
                code = r.out != b"value\n"
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

    def test_a_relative_file_is_found_from_here(self):
        self.session()
        before = os.getcwd()
        os.chdir(self.directory)
        self.addCleanup(os.chdir, before)
        bash = self.template("session", "bash", profile="profile")
        os.chdir(before)
        self.assertEqual(bash.run_sync(["bash", "-c", "echo $FROM_FILE"]).out,
                         b"value\n")

    def test_wrong_arguments_are_refused(self):
        for how, error in ((dict(warm="session"), ValueError),
                           (dict(warm="fork", profile="/dev/null"), ValueError),
                           (dict(profile="/dev/null"), ValueError),
                           (dict(warm="session", profile="/none"), FileNotFoundError),
                           (dict(warm="session", profile="/"), PermissionError)):
            with self.subTest(how=how), self.assertRaises(error) as raised:
                spawn_template.Template("bash", **how)
            if error is not ValueError:
                self.assertEqual(raised.exception.filename, how["profile"])
        with self.assertRaises(ValueError):
            spawn_template.install(warm="session")


class DropIn(TestCase):
    """install(warm=...)."""

    def setUp(self):
        super().setUp()
        self.ready("fork").close()      # or skip

    def install(self, warm="fork", target=1):
        spawn_template.install(warm, target)
        self.addCleanup(spawn_template.uninstall)

    def assertBecomesWarm(self, launch):
        """Check that launches become warm; return the value of a warm one."""
        before = spawn_template.stats()
        value = []

        def is_warm():
            warm = spawn_template.stats()["warm"]
            value[:] = [launch()]
            return spawn_template.stats()["warm"] > warm
        self.assertTrue(support.eventually(is_warm))
        after = spawn_template.stats()
        self.assertEqual(after["fallback"], before["fallback"])
        return value[0]

    def test_a_popen_has_a_warm_child(self):
        for warm in "fork", "once":
            self.install(warm)
            done = self.assertBecomesWarm(lambda: subprocess.run(
                SH + ["cat; pwd; echo $A >&2; exit 3"], input=b"in", cwd="/",
                env={"A": "a"}, capture_output=True))
            self.assertEqual((done.stdout, done.stderr, done.returncode),
                             (b"in/\n", b"a\n", 3))
            with self.assertRaises(FileNotFoundError):
                subprocess.run(SH + [":"], cwd="/none")
            spawn_template.uninstall()

    def test_a_python_is_forked_with_its_modules(self):
        spawn_template.install("python", modules=["json"])
        self.addCleanup(spawn_template.uninstall)
        argv = ["/usr/bin/python3", "-c",
                "import sys; print('_json' in sys.modules, sys.argv[1:])", "x"]
        done = self.assertBecomesWarm(lambda: subprocess.run(argv, capture_output=True))
        self.assertEqual((done.stdout, done.stderr, done.returncode),
                         (b"True ['x']\n", b"", 0))

        async def main():
            process = await asyncio.create_subprocess_exec(
                *argv, stdout=subprocess.PIPE)
            return (await process.communicate())[0]
        self.assertEqual(self.assertBecomesWarm(lambda: asyncio.run(main())),
                         b"True ['x']\n")
        self.assertBecomesWarm(lambda: subprocess.call(SH + [":"]))

    def test_a_launch_that_inherits_descriptors_is_cold(self):
        self.install()
        self.assertBecomesWarm(lambda: subprocess.call(SH + [":"]))
        before = spawn_template.stats()
        for _ in range(3):
            self.assertEqual(subprocess.call(SH + ["exit 3"], close_fds=False), 3)
        before["cold"] += 3
        self.assertEqual(spawn_template.stats(), before)

    def test_processes_of_a_loop_are_warm(self):
        async def main():
            process = await asyncio.create_subprocess_exec(
                *SH, "cat; exit 5", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            out, _ = await process.communicate(b"in")
            return out, process.returncode

        async def killed():
            process = await asyncio.create_subprocess_exec(*SH, "sleep 60")
            process.kill()
            return await process.wait()

        async def missing():
            try:
                await asyncio.create_subprocess_exec(*SH, ":", cwd="/none")
            except FileNotFoundError as error:
                return error.filename
        self.install()
        for coroutine, value in ((main, (b"in", 5)), (killed, -signal.SIGKILL)):
            self.assertEqual(value, self.assertBecomesWarm(
                lambda: asyncio.run(coroutine(), debug=True)))
        self.assertEqual(asyncio.run(missing()), "/none")

    def test_many_processes_at_a_time_end_well(self):
        async def main():
            return await asyncio.gather(*(one(i) for i in range(40)))

        async def one(i):
            process = await asyncio.create_subprocess_exec(
                *SH, f"echo {i}; exit {i}", stdout=subprocess.PIPE)
            out, _ = await process.communicate()
            return int(out), process.returncode
        self.install(target=4)
        for _ in range(3):
            self.assertEqual(asyncio.run(main()), [(i, i) for i in range(40)])
        self.assertGreater(spawn_template.stats()["warm"], 0)

    def test_install_prepares_nothing_unless_it_is_asked(self):
        for launch in (lambda: spawn_template.installed(),
                       lambda: spawn_template.installed(None)):
            with launch():
                for _ in range(5):
                    subprocess.check_call(SH + [":"])
                self.assertTrue(no_children())

    def test_the_parked_processes_end_at_uninstall(self):
        self.install()
        self.assertBecomesWarm(lambda: subprocess.call(SH + [":"]))
        warm = spawn_template.stats()["warm"]
        self.assertFalse(no_children())
        spawn_template.uninstall()
        self.assertTrue(support.eventually(no_children))
        self.assertEqual(spawn_template.stats()["warm"], warm)

    def test_a_second_install_sets_how_launches_are_prepared(self):
        self.install(None)
        spawn_template.install("fork")
        spawn_template.install()
        self.assertBecomesWarm(lambda: subprocess.call(SH + [":"]))
        with self.assertRaises(ValueError):
            spawn_template.install("spoon")

    def test_an_upgrade_is_launched_at_once(self):
        path = self.program(source="/bin/true")
        self.install()
        self.assertBecomesWarm(lambda: subprocess.call([path]))
        new = self.program("new", "/bin/false")
        os.rename(new, path)
        self.assertEqual(subprocess.call([path]), 1)

    def test_waits_for_any_child_return_none_that_is_parked(self):
        self.install()
        self.assertBecomesWarm(lambda: subprocess.call(SH + [":"]))
        self.assertEqual(os.waitpid(-1, os.WNOHANG), (0, 0))
        process = subprocess.Popen(SH + ["exit 3"])
        self.assertEqual(os.waitpid(-1, 0), (process.pid, 3 << 8))
        process.returncode = 3

    @support.forks
    def test_a_forked_child_launches_by_processes_of_its_own(self):
        self.install()
        self.assertBecomesWarm(lambda: subprocess.call(SH + [":"]))
        before = spawn_template.stats()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self.assertEqual(spawn_template.stats(), before)
                self.assertBecomesWarm(lambda: subprocess.call(SH + [":"]))
                out = subprocess.check_output(SH + ["echo $PPID"])
                self.assertEqual(int(out), os.getpid())
                code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitpid(pid, 0)[1], 0)


class Exit(TestCase):
    """The end of the interpreter."""

    CODE = """
        import os, signal, sys, time, spawn_template
        {install}
        while not parked():
            launch()
        print(*parked(), flush=True)
        {end}
        """

    def children(self, code, end):
        """Run code that prints its parked children, and ends in some way."""
        out = support.python(CHILDREN + self.CODE.format(install=code, end=end),
                             check=False)
        pids = [int(pid) for pid in out.split()]
        self.assertTrue(pids, out)
        return pids

    def assertNothingLeft(self, code):
        for end in ("", "os._exit(0)", "sys.exit(1)", "raise KeyError",
                    "os.kill(os.getpid(), signal.SIGKILL)",
                    "os.execlp('true', 'true')"):
            with self.subTest(end=end):
                # the traceback of an exception is no list of pids
                quiet = ("sys.excepthook = lambda *_: None\n        " + end
                         if end.startswith("raise") else end)
                pids = self.children(code, quiet)
                self.assertTrue(support.eventually(
                    lambda: not any(map(support.is_alive, pids)), 2))

    def test_no_parked_process_outlives_the_interpreter(self):
        self.ready("fork").close()
        self.assertNothingLeft("""
        sh = spawn_template.Template("sh", warm="fork", warm_target=2)
        def launch():
            sh.run_sync(["sh", "-c", ":"])
            time.sleep(0.05)
        """)
        self.assertNothingLeft("""
        import subprocess
        spawn_template.install("fork")
        def launch():
            subprocess.run(["sh", "-c", ":"])
            time.sleep(0.05)
        """)


CHILDREN = """
        def parked():
            pids = []
            for task in os.listdir("/proc/self/task"):
                with open(f"/proc/self/task/{task}/children") as children:
                    pids += children.read().split()
            return pids
"""


if __name__ == "__main__":
    sys.exit(unittest.main())
