# SPDX-License-Identifier: BSD-2-Clause
"""install(): launches through templates, and their likeness to those without."""
import asyncio
import gc
import os
import resource
import shutil
import signal

import subprocess
import sys
import tempfile
import textwrap
import threading
import types
import unittest
import unittest.mock
import warnings

import spawn_template
import support
from spawn_template import _templates

SHOW_SIGNALS = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]


def moved(before):
    """Return the counts of stats() since then, without zeros: {"cold": 1}, say."""
    now = spawn_template.stats()
    counts = {key: now[key] - before[key] for key in ("cold", "warm", "stale")}
    counts.update((reason, n - before["fallback"].get(reason, 0))
                  for reason, n in now["fallback"].items())
    return {key: n for key, n in counts.items() if n}


class Case(unittest.TestCase):
    """Tests with install() and a directory of their own."""

    def setUp(self):
        spawn_template.install()
        self.addCleanup(spawn_template.uninstall)
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir)
        self.before = spawn_template.stats()

    def write(self, name, text, mode=0o755):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def copy(self, program, name):
        path = os.path.join(self.dir, name)
        shutil.copy(shutil.which(program), path)
        return path

    def assertMoved(self, **counts):
        self.assertEqual(moved(self.before), counts)

    def both_ways(self, function):
        """Compare results or errors with install() and without, and return them."""
        answers = []
        for way in (spawn_template.uninstall, spawn_template.install):
            way()
            try:
                answers.append(function())
            except Exception as error:
                answers.append((type(error), str(error), getattr(
                    error, "filename", None), getattr(error, "errno", None)))
        self.assertEqual(answers[0], answers[1])
        return answers[1]


class Install(Case):
    def test_launches_go_through_templates(self):
        self.assertEqual(subprocess.check_output(["echo", "x"]), b"x\n")
        self.assertEqual(subprocess.getoutput("echo y"), "y")
        with os.popen("echo z") as pipe:
            self.assertEqual(pipe.read(), "z\n")
        self.assertMoved(cold=3)

    def test_uninstall_leaves_python_as_it_was(self):
        spawn_template.uninstall()
        names = [(subprocess.Popen, "_execute_child"),
                 (subprocess.Popen, "_posix_spawn"),
                 (asyncio.SelectorEventLoop, "_make_subprocess_transport")]
        before = [getattr(*name) for name in names]
        with spawn_template.installed():
            for name, old in zip(names, before):
                self.assertIsNot(getattr(*name), old)
        self.assertEqual([getattr(*name) for name in names], before)
        subprocess.run(["true"], check=True)
        self.assertMoved()

    def test_second_install_changes_nothing(self):
        spawn_template.install()
        with spawn_template.installed():
            pass
        subprocess.run(["true"], check=True)
        self.assertMoved(cold=1)
        spawn_template.uninstall()
        subprocess.run(["true"], check=True)
        self.assertMoved(cold=1)

    def test_uninstall_spares_a_function_replaced_by_others(self):
        ours = subprocess.Popen._execute_child
        calls = []

        def theirs(*args):
            calls.append(args)
            return ours(*args)

        subprocess.Popen._execute_child = theirs
        spawn_template.uninstall()
        try:
            self.assertIs(subprocess.Popen._execute_child, theirs)
            subprocess.run(["true"], check=True)
            self.assertMoved()
            spawn_template.install()
            subprocess.run(["true"], check=True)
            self.assertMoved(cold=1)
            self.assertEqual(len(calls), 2)
        finally:
            subprocess.Popen._execute_child = ours
        spawn_template.uninstall()
        self.assertIsNot(subprocess.Popen._execute_child, ours)

    def test_a_replaced_asyncio_function_launches_by_the_original(self):
        ours = asyncio.SelectorEventLoop._make_subprocess_transport

        async def theirs(*args, **kwargs):
            return await ours(*args, **kwargs)

        asyncio.SelectorEventLoop._make_subprocess_transport = theirs
        spawn_template.uninstall()
        try:
            with unittest.mock.patch("spawn_template.dropin_asyncio._make",
                                     side_effect=AssertionError):
                asyncio.run(self.run_some())
        finally:
            asyncio.SelectorEventLoop._make_subprocess_transport = ours
            spawn_template.install()
        self.assertMoved()

    def test_counts_of_many_threads_are_exact(self):
        def work():
            for _ in range(25):
                subprocess.run(["/bin/true"], check=True)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertMoved(cold=200)

    def test_a_forked_child_has_templates_of_its_own(self):
        subprocess.run(["true"], check=True)
        pid = os.fork()
        if not pid:
            code = 1
            try:
                before = spawn_template.stats()
                subprocess.run(["true"], check=True)
                code = moved(before) != {"cold": 1}
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_a_forked_child_uninstalls_though_a_thread_held_the_lock(self):
        lock = spawn_template.dropin._install_lock
        holds, done = threading.Event(), threading.Event()

        def hold():
            with lock:
                holds.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        holds.wait()
        pid = os.fork()
        if not pid:
            signal.alarm(10)
            spawn_template.uninstall()
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        done.set()
        thread.join()

    @unittest.skipIf(os.getuid(), "not root")
    def test_executables_are_found_by_the_effective_ids(self):
        closed = os.path.join(self.dir, "closed")
        os.mkdir(closed, 0o700)
        self.copy("false", "closed/true")
        os.chmod(self.dir, 0o755)
        os.setresuid(65534, 0, 0)
        try:
            code = subprocess.call(["true"], env={"PATH": closed + ":/bin"})
        finally:
            os.setresuid(0, 0, 0)
        self.assertEqual(code, 1)

    @unittest.skipIf(os.getuid(), "not root")
    def test_a_process_that_changes_its_ids_makes_templates_anew(self):
        subprocess.run(["/bin/true"], check=True)
        os.seteuid(65534)
        try:
            subprocess.run(["/bin/true"], check=True)
        finally:
            os.seteuid(0)
        subprocess.run(["/bin/true"], check=True)
        self.assertMoved(cold=3)

    def test_no_descriptor_is_left(self):
        subprocess.run(["true"], check=True)
        asyncio.run(self.run_some())
        before = os.listdir("/proc/self/fd")
        for _ in range(20):
            subprocess.run(["true"], check=True, capture_output=True)
            with self.assertRaises(FileNotFoundError):
                subprocess.run(["/nowhere"])
            with self.assertRaises(FileNotFoundError):
                subprocess.run(["true"], cwd="/nowhere", stdout=-1)
        asyncio.run(self.run_some())
        self.assertEqual(os.listdir("/proc/self/fd"), before)

    @staticmethod
    async def run_some():
        for _ in range(5):
            process = await asyncio.create_subprocess_exec("true", stdout=-1)
            await process.communicate()


class Templates(Case):
    def test_a_changed_executable_is_launched_anew(self):
        path = self.copy("true", "program")
        self.assertEqual(subprocess.call([path]), 0)
        os.unlink(path)
        self.copy("false", "program")
        self.assertEqual(subprocess.call([path]), 1)
        self.assertMoved(cold=2, stale=1)

    def test_an_elf_file_that_becomes_a_script_is_run(self):
        path = self.copy("true", "program")
        self.assertEqual(subprocess.call([path]), 0)
        self.write("program", "#!/bin/sh\nexit 3\n")
        self.assertEqual(subprocess.call([path]), 3)
        self.assertEqual(subprocess.call([path]), 3)
        self.assertMoved(cold=3, stale=1)

    def test_a_removed_executable_is_not_found(self):
        path = self.copy("true", "program")
        subprocess.run([path], check=True)
        os.unlink(path)
        with self.assertRaises(FileNotFoundError) as caught:
            subprocess.run([path])
        self.assertEqual(caught.exception.filename, path)

    def test_a_file_that_appears_earlier_in_PATH_is_taken(self):
        env = {"PATH": self.dir + ":" + os.environ["PATH"]}
        self.assertEqual(subprocess.call(["true"], env=env), 0)
        self.write("true", "#!/bin/sh\nexit 7\n")
        self.assertEqual(subprocess.call(["true"], env=env), 7)
        os.unlink(os.path.join(self.dir, "true"))
        self.assertEqual(subprocess.call(["true"], env=env), 0)

    def test_relative_names_are_found_from_cwd(self):
        self.copy("true", "program")
        os.mkdir(os.path.join(self.dir, "sub"))
        shutil.copy(shutil.which("false"), os.path.join(self.dir, "sub/program"))
        self.assertEqual(subprocess.call(["./program"], cwd=self.dir), 0)
        sub = os.path.join(self.dir, "sub")
        self.assertEqual(subprocess.call(["./program"], cwd=sub), 1)
        env = {"PATH": ".:/nowhere"}
        self.assertEqual(subprocess.call(["program"], cwd=sub, env=env), 1)
        self.assertMoved(cold=3)

    def test_a_script_sees_the_name_that_it_was_called_by(self):
        path = self.write("script", "#!/bin/sh\necho \"$0\"\n")
        self.assertEqual(subprocess.check_output([path]), path.encode() + b"\n")
        self.assertMoved(cold=1)
        self.assertEqual(subprocess.check_output(["./script"], cwd=self.dir),
                         b"./script\n")
        self.assertMoved(cold=1, **{"script by relative path": 1})

    def test_no_more_files_are_remembered_than_the_limit(self):
        for i in range(_templates.LIMIT + 10):
            subprocess.run([self.copy("true", "p%d" % i)], check=True)
        self.assertMoved(cold=_templates.LIMIT + 10)
        self.assertEqual(_templates.cache.stat()["known"], _templates.LIMIT)

    def test_a_program_is_looked_into_once(self):
        subprocess.run(["true"], check=True)
        made = _templates.cache.stat()["made"]
        for _ in range(5):
            subprocess.run(["true"], check=True)
        self.assertEqual(_templates.cache.stat()["made"], made)
        self.assertMoved(cold=6)

    def test_no_executable_stays_open(self):
        before = os.listdir("/proc/self/fd")
        for program in "true", "sh", self.copy("true", "program"):
            subprocess.run([program, "-c", ":"], check=True)
            self.assertEqual(os.listdir("/proc/self/fd"), before)
        self.assertMoved(cold=3)

    def test_refused_executable_that_has_changed_goes_through_a_template(self):
        path = self.write("program", "#!/bin/sh\nexit 4\n", 0o644)
        for _ in range(2):
            with self.assertRaises(PermissionError):
                subprocess.run([path])
        self.assertMoved(**{"create: EACCES": 2})
        os.chmod(path, 0o755)
        self.assertEqual(subprocess.call([path]), 4)
        self.assertMoved(cold=1, **{"create: EACCES": 2})

    @unittest.skipIf(os.getuid(), "not root")
    def test_mounts_and_deleted_programs_are_free_after_their_runs(self):
        out = support.python("""
            import ctypes, os, shutil, subprocess, tempfile
            import spawn_template

            libc = ctypes.CDLL(None, use_errno=True)
            if (libc.unshare(0x20000)    # CLONE_NEWNS
                    or libc.mount(b"none", b"/", None, 0x44000, None)):
                print("skip")
                raise SystemExit
            spawn_template.install()
            with tempfile.TemporaryDirectory() as top:
                libc.mount(b"none", top.encode(), b"tmpfs", 0, b"size=4m")
                free = os.statvfs(top).f_bfree
                for _ in range(3):
                    tool = shutil.copy("/bin/true", top + "/tool")
                    os.truncate(tool, 3 << 20)
                    with open(tool, "r+b") as file:
                        os.posix_fallocate(file.fileno(), 0, 3 << 20)
                    subprocess.run([tool], check=True)
                    os.unlink(tool)
                print(os.statvfs(top).f_bfree - free)
                print(libc.umount(top.encode()))
            print(spawn_template.stats()["fallback"])
            """)
        if out == "skip\n":
            self.skipTest("there can be no mount")
        self.assertEqual(out, "0\n0\n{}\n")


class Fallbacks(Case):
    def test_preexec_fn_is_left_to_the_original(self):
        out = subprocess.check_output(["pwd"], preexec_fn=lambda: os.chdir("/"))
        self.assertEqual(out, b"/\n")
        self.assertMoved(preexec_fn=1)

    def test_errors_are_the_same_as_without(self):
        text = self.write("text", "no program\n")
        plain = self.write("plain", "#!/bin/sh\n", mode=0o644)
        for label, args, options in [
                ("missing", ["no-such-program"], {}),
                ("missing path", ["/no/such/program"], {}),
                ("missing, bytes", [b"/no/such/program"], {}),
                ("missing executable", ["x"], {"executable": "/no/such"}),
                ("missing, all descriptors", ["/no/such"], {"close_fds": False}),
                ("cwd", ["true"], {"cwd": "/no/such"}),
                ("cwd of bytes", ["true"], {"cwd": b"/no/such"}),
                ("cwd is a file", ["/bin/true"], {"cwd": "/bin/true"}),
                ("no program", [text], {}),
                ("not executable", [plain], {}),
                ("a directory", [self.dir], {}),
                ("NUL", ["true", "a\0b"], {}),
                ("NUL in the name", ["tr\0ue"], {}),
                ("name of a variable", ["true"], {"env": {"a=b": "c"}}),
                ("leading =", ["true"], {"env": {"=b": "c"}}),
                ("variable is no string", ["true"], {"env": {"a": 1}}),
                ("environment is a list", ["true"], {"env": ["a=b"]}),
                ("no arguments", [], {}),
                ("no arguments, executable", [], {"executable": "/no/such"}),
                ("NUL in cwd", ["true"], {"cwd": "a\0b"}),
                ("NUL in cwd, relative", ["./a"], {"cwd": "a\0b"}),
                ("NUL in PATH", ["true"], {"env": {"PATH": "a\0b"}}),
                ("NUL in the environment", ["true"], {"env": {"A": "a\0b"}}),
                ("PATH twice", ["true"], {"env": {"PATH": "a", b"PATH": b"b"}}),
                ("surrogate", ["true", "\ud800"], {}),
                ("surrogate in the name", ["\ud800"], {}),
                ("argument is an object", ["true", object()], {}),
                ("cwd is a number", ["true"], {"cwd": 1.5}),
                ("many descriptors", ["true"], {"pass_fds": range(900, 2000)}),
                ("argument is a number", ["true", 1], {}),
                ("too long", ["true", "x" * (1 << 20)], {}),
                ("bad descriptor", ["true"], {"pass_fds": [987]}),
                ("bad stdout", ["true"], {"stdout": 987}),
                ("group", ["true"], {"process_group": 999999}),
                ("user", ["true"], {"user": 2**64}),
        ]:
            if "process_group" in options and sys.version_info < (3, 11):
                continue
            with self.subTest(label):
                answer = self.both_ways(
                    lambda: subprocess.run(args, **options).returncode)
                self.assertIsInstance(answer, tuple)

    def test_names_of_bytes_raise_no_BytesWarning(self):
        code = ("import os, subprocess, spawn_template\n"
                "spawn_template.install()\n"
                "for env in {'PATH': os.environ['PATH']}, {b'PATH': b'/bin'}, "
                "{'A': 'b'}, {b'A': b'b'}:\n"
                "    assert not subprocess.call(['true'], env=env)\n"
                "print(spawn_template.stats()['cold'])\n")
        out = subprocess.check_output([sys.executable, "-bb", "-c", code],
                                      stderr=subprocess.STDOUT)
        self.assertEqual(out, b"4\n")

    def test_an_iterator_of_arguments_is_used_once(self):
        self.assertEqual(subprocess.call(iter(["/bin/sh", "-c", "exit 4"])), 4)
        with self.assertRaises(FileNotFoundError) as caught:
            subprocess.run(iter(["/nowhere"]))
        self.assertEqual(caught.exception.filename, "/nowhere")

    def test_a_replaced_fork_exec_is_called(self):
        owner = (subprocess if hasattr(subprocess, "_fork_exec")
                 else subprocess._posixsubprocess)
        name = "_fork_exec" if owner is subprocess else "fork_exec"
        with unittest.mock.patch.object(owner, name,
                                        side_effect=RuntimeError) as mock:
            with self.assertRaises(RuntimeError):
                subprocess.run(["true"])
        mock.assert_called_once()
        self.assertMoved(**{"fork_exec replaced": 1})

    def test_a_function_wrapped_before_install_is_called(self):
        """A debugger does so, to debug the children, too."""
        owner = (subprocess if hasattr(subprocess, "_fork_exec")
                 else subprocess._posixsubprocess)
        name = "_fork_exec" if owner is subprocess else "fork_exec"
        spawn_template.uninstall()
        with unittest.mock.patch.object(owner, name, wraps=getattr(owner, name)) as fork, \
                unittest.mock.patch.object(os, "posix_spawn", wraps=os.posix_spawn) as spawn:
            spawn_template.install()
            self.assertEqual(subprocess.call(["/bin/sh", "-c", "exit 3"]), 3)
            self.assertEqual(asyncio.run(self.code_of("exit 4")), 4)
            self.assertEqual(fork.call_count + spawn.call_count, 2)
            self.assertEqual(subprocess.call(["/bin/sh", "-c", "exit 5"], close_fds=False),
                             5)
            self.assertEqual(fork.call_count + spawn.call_count, 3)
        self.assertEqual(subprocess.call(["/bin/sh", "-c", "exit 6"]), 6)
        counts = moved(self.before)
        self.assertEqual(counts.pop("cold"), 1)
        self.assertGreaterEqual(sum(counts.values()), 3)
        self.assertLessEqual(set(counts), {"fork_exec replaced", "posix_spawn replaced"})

    @staticmethod
    async def code_of(script):
        process = await asyncio.create_subprocess_exec("/bin/sh", "-c", script)
        return await process.wait()

    def test_install_refuses_a_Popen_that_is_not_pythons(self):
        class Fake:
            pass

        class Half(subprocess.Popen):
            _posix_spawn = None
        spawn_template.uninstall()
        for fake in Fake, Half, Fake(), unittest.mock.Mock(), unittest.mock.MagicMock():
            with unittest.mock.patch.object(subprocess, "Popen", fake):
                with self.assertRaisesRegex(RuntimeError, "somebody has replaced"):
                    spawn_template.install()
        self.assertEqual(subprocess.call(["true"]), 0)
        self.assertMoved()
        spawn_template.install()
        self.assertEqual(subprocess.call(["true"]), 0)
        self.assertMoved(cold=1)


class Audit(Case):
    """Audit events, in processes of their own because hooks stay for ever."""

    SCRIPT = """
        import subprocess, sys
        import spawn_template
        if sys.argv[1] == "with":
            spawn_template.install()
        sys.addaudithook(lambda name, args: print(name, args) if name in (
            "subprocess.Popen", "os.posix_spawn") and "PATH" not in str(args)
            else name == "subprocess.Popen" and print(name, args[:3]))
        for args, options in [
                (["true"], {}),
                (["/bin/true"], {"env": {"a": "b"}, "cwd": "/"}),
                ("exit 1", {"shell": True}),
                (["/bin/true"], {"close_fds": False, "env": {}}),
                (["/nowhere"], {"close_fds": False, "env": {}}),
                (["/nowhere"], {"cwd": "/"}),
                (["nowhere"], {}),
                (["true"], {"cwd": "/nowhere"}),
                (["true"], {"preexec_fn": print}),
                ([b"true"], {"stdout": subprocess.DEVNULL})]:
            try:
                subprocess.run(args, **options)
            except OSError as error:
                print(repr(error), error.filename)
            sys.stdout.flush()
        if sys.argv[1] == "with":
            print(spawn_template.stats()["cold"], file=sys.stderr)
        """

    def run_script(self, how):
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(self.SCRIPT), how],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)

    def test_audit_events_are_those_of_the_original(self):
        without, with_it = self.run_script("without"), self.run_script("with")
        self.assertEqual(with_it.stdout.decode(), without.stdout.decode())
        self.assertEqual(with_it.stderr, b"5\n")

    def test_an_audit_hook_can_veto(self):
        code = ("import subprocess, sys, spawn_template\n"
                "spawn_template.install()\n"
                "def hook(name, args):\n"
                "    if name == 'subprocess.Popen': raise ZeroDivisionError\n"
                "sys.addaudithook(hook)\n"
                "try: subprocess.run(['touch', %r])\n"
                "except ZeroDivisionError: print('veto')\n"
                % os.path.join(self.dir, "file"))
        out = subprocess.check_output([sys.executable, "-c", code])
        self.assertEqual(out, b"veto\n")
        self.assertEqual(os.listdir(self.dir), [])


class Attributes(Case):
    def same(self, args, **options):
        answer = self.both_ways(lambda: subprocess.run(
            args, stdout=subprocess.PIPE, **options).stdout)
        self.assertIsInstance(answer, bytes)
        self.assertMoved(cold=1)
        return answer

    def test_cwd_is_set(self):
        self.assertEqual(self.same(["pwd"], cwd=self.dir).decode().strip(),
                         os.path.realpath(self.dir))

    def test_env_is_set(self):
        self.assertEqual(self.same(["env"], env={"A": "1", "B": ""}),
                         b"A=1\nB=\n")

    def test_env_may_have_bytes(self):
        self.assertEqual(self.same(["/usr/bin/env"], env={b"A": b"\xff"}),
                         b"A=\xff\n")

    def test_env_may_be_another_mapping(self):
        env = types.MappingProxyType({"A": "1"})
        self.assertEqual(self.same(["/usr/bin/env"], env=env), b"A=1\n")

    def test_too_many_descriptors_are_left_to_the_original(self):
        fds = [os.dup(0) for _ in range(600)]
        try:
            code = subprocess.call(["true"], pass_fds=fds)
        finally:
            for fd in fds:
                os.close(fd)
        self.assertEqual(code, 0)
        self.assertMoved(**{"launch: E2BIG": 1})

    def test_the_environment_is_that_of_the_moment(self):
        os.environ["SPAWN_TEMPLATE_TEST"] = "x"
        self.addCleanup(os.environ.pop, "SPAWN_TEMPLATE_TEST")
        self.assertIn(b"SPAWN_TEMPLATE_TEST=x\n", self.same(["env"]))

    def test_umask_is_set(self):
        self.assertEqual(self.same(["sh", "-c", "umask"], umask=0o27), b"0027\n")

    @unittest.skipIf(os.getuid(), "not root")
    def test_ids_and_groups_are_set(self):
        show = ["grep", "-E", "^(Uid|Gid|Groups)", "/proc/self/status"]
        out = self.same(show, user=65534, group=65533, extra_groups=[7, 8])
        self.assertEqual(out.split(), (
            b"Uid: 65534 65534 65534 65534 Gid: 65533 65533 65533 65533 "
            b"Groups: 7 8").split())

    @unittest.skipIf(os.getuid(), "not root")
    def test_extra_groups_may_be_empty(self):
        self.assertEqual(self.same(["grep", "^Groups", "/proc/self/status"],
                                   extra_groups=[]).split(), [b"Groups:"])

    def session(self, **options):
        out = subprocess.check_output(
            ["sh", "-c", "cut -d' ' -f 1,5,6 /proc/$$/stat"], **options)
        return [int(word) for word in out.split()]

    def test_start_new_session_makes_a_session(self):
        pid, group, session = self.session(start_new_session=True)
        self.assertEqual((group, session), (pid, pid))
        self.assertMoved(cold=1)

    @unittest.skipIf(sys.version_info < (3, 11), "Popen has no such parameter")
    def test_process_group_0_makes_a_group(self):
        pid, group, session = self.session(process_group=0)
        self.assertEqual((group, session), (pid, os.getsid(0)))
        self.assertMoved(cold=1)

    def test_signals_are_restored(self):
        ignored = self.same(SHOW_SIGNALS)
        self.assertFalse(int(ignored.split()[3], 16)
                         & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1))

    def test_signals_are_not_restored_unless_asked_for(self):
        ignored = self.same(SHOW_SIGNALS, restore_signals=False)
        self.assertTrue(int(ignored.split()[3], 16) & 1 << signal.SIGPIPE - 1)

    def test_the_signal_mask_is_inherited(self):
        old = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        self.addCleanup(signal.pthread_sigmask, signal.SIG_SETMASK, old)
        blocked = self.same(SHOW_SIGNALS)
        self.assertTrue(int(blocked.split()[1], 16) & 1 << signal.SIGUSR1 - 1)

    def test_limits_are_inherited(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_CORE, (soft, hard))
        self.assertEqual(self.same(["sh", "-c", "ulimit -c"]), b"0\n")


class Descriptors(Case):
    LIST = ["sh", "-c", "ls /proc/$$/fd"]

    def fds(self, **options):
        out = subprocess.check_output(self.LIST, **options)
        return {int(word) for word in out.split()}

    def inheritable(self):
        fd = os.open("/dev/null", os.O_RDONLY)
        self.addCleanup(os.close, fd)
        os.set_inheritable(fd, True)
        return fd

    def test_all_descriptors_are_closed(self):
        self.inheritable()
        self.assertEqual(self.fds(), {0, 1, 2})
        self.assertMoved(cold=1)

    def test_inheritable_descriptors_stay_without_close_fds(self):
        fd = self.inheritable()
        fds = self.both_ways(lambda: self.fds(close_fds=False))
        self.assertIn(fd, fds)
        self.assertMoved(cold=1)

    def test_pass_fds_keeps_a_descriptor(self):
        fd = self.inheritable()
        other = os.dup(fd)  # not inheritable
        self.addCleanup(os.close, other)
        self.assertEqual(self.fds(pass_fds=[other]), {0, 1, 2, other})
        self.assertFalse(os.get_inheritable(other))
        self.assertMoved(cold=1)

    def test_streams_are_files_pipes_or_each_other(self):
        with tempfile.TemporaryFile() as file:
            subprocess.run(["sh", "-c", "cat; echo err >&2"], input=b"in\n",
                           stdout=file, stderr=subprocess.STDOUT, check=True)
            file.seek(0)
            self.assertEqual(file.read(), b"in\nerr\n")
        out = subprocess.run("cat; echo out; echo err >&2", shell=True,
                             stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual((out.stdout, out.stderr), (b"out\n", b"err\n"))
        self.assertMoved(cold=2)


class Asyncio(Case):
    def run_loop(self, coroutine):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return asyncio.run(coroutine)

    def test_no_thread_waits_for_a_child(self):
        async def main():
            process = await asyncio.create_subprocess_exec(
                "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            threads = threading.active_count()
            out, _ = await process.communicate(b"x")
            return threads, out, process.returncode

        self.assertEqual(self.run_loop(main()), (1, b"x", 0))
        self.assertMoved(cold=1)

    def test_many_shells_may_run_at_once(self):
        async def one(i):
            process = await asyncio.create_subprocess_shell(
                "echo %d; kill -9 $$" % i, stdout=subprocess.PIPE)
            out, _ = await process.communicate()
            return int(out), process.returncode

        async def main():
            return await asyncio.gather(*map(one, range(20)))

        self.assertEqual(self.run_loop(main()), [(i, -9) for i in range(20)])
        self.assertMoved(cold=20)

    def test_loops_of_threads_launch(self):
        codes = []

        async def main():
            process = await asyncio.create_subprocess_shell("exit 5")
            codes.append(await process.wait())

        threads = [threading.Thread(target=asyncio.run, args=(main(),))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(codes, [5] * 4)
        self.assertMoved(cold=4)

    def test_no_thread_waits_for_a_fallback(self):
        async def main():
            process = await asyncio.create_subprocess_exec(
                "sh", "-c", "exit 6", preexec_fn=lambda: None)
            return threading.active_count(), await process.wait()

        self.assertEqual(self.run_loop(main()), (1, 6))
        self.assertMoved(preexec_fn=1)

    def test_kill_works_after_a_cancelled_wait(self):
        async def main():
            process = await asyncio.create_subprocess_exec("sleep", "100")
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), 0.05)
            process.kill()
            return await process.wait()

        self.assertEqual(self.run_loop(main()), -signal.SIGKILL)

    def test_a_child_reaped_by_others_gets_status_255(self):
        async def main():
            process = await asyncio.create_subprocess_exec("sleep", "0.1")
            os.waitid(os.P_PID, process.pid, os.WEXITED)
            with self.assertLogs("asyncio", "WARNING"):
                return await process.wait()

        self.assertEqual(self.run_loop(main()), 255)

    def test_a_loop_that_ends_early_kills_its_child(self):
        async def main():
            return await asyncio.create_subprocess_exec("sleep", "100")

        subprocess.run(["true"], check=True)
        before = os.listdir("/proc/self/fd")
        process = asyncio.run(main())
        pid = process.pid
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del process
            gc.collect()  # kills it with its transport
        with self.assertRaises(ChildProcessError):
            while True:  # reaped by then, or by the next Popen
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
                subprocess.run(["true"], check=True)
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    def test_a_launch_may_contain_another(self):
        class Popen(subprocess.Popen):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                subprocess.Popen = plain
                subprocess.run(["true"], check=True)  # a signal handler, say
                subprocess.Popen = Popen

        async def main():
            process = await asyncio.create_subprocess_exec("sh", "-c", "exit 9")
            return await process.wait()

        self.run_loop(self.run_some())
        before = os.listdir("/proc/self/fd")
        plain, subprocess.Popen = subprocess.Popen, Popen
        try:
            self.assertEqual(self.run_loop(main()), 9)
        finally:
            subprocess.Popen = plain
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    run_some = staticmethod(Install.run_some)

    def test_a_thread_waits_if_no_pidfd_can_be_had(self):
        async def main():
            with unittest.mock.patch(
                    "spawn_template.dropin_asyncio.Pending") as pending:
                pending.open.return_value = None
                process = await asyncio.create_subprocess_exec(
                    "true", preexec_fn=lambda: None)
            return await process.wait()

        self.assertEqual(self.run_loop(main()), 0)

    def test_a_missing_program_raises_FileNotFoundError(self):
        async def main():
            with self.assertRaises(FileNotFoundError) as caught:
                await asyncio.create_subprocess_exec("no-such-program")
            return caught.exception.filename

        self.assertEqual(self.run_loop(main()), "no-such-program")

    @unittest.skipIf(sys.version_info >= (3, 12), "setting one is deprecated")
    def test_a_watcher_that_was_set_stays_in_force(self):
        class Watcher(asyncio.ThreadedChildWatcher):
            pids = []

            def add_child_handler(self, pid, callback, *args):
                self.pids.append(pid)
                super().add_child_handler(pid, callback, *args)

        async def main():
            process = await asyncio.create_subprocess_exec("true")
            await process.wait()
            return process.pid

        asyncio.set_child_watcher(Watcher())
        self.addCleanup(asyncio.set_child_watcher, None)
        self.assertEqual([self.run_loop(main())], Watcher.pids)
        self.assertMoved(cold=1)


if __name__ == "__main__":
    unittest.main()
