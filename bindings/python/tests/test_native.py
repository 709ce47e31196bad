# SPDX-License-Identifier: BSD-2-Clause
"""The extension module: templates, launches, runs, rings, threads and forks."""
import errno
import gc
import os
import pathlib
import re
import resource
import select
import signal
import threading
import time
import unittest
import weakref

import support
from spawn_template import _native
from support import SH


def status(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Spawn(support.TestCase):
    """Launches of children that the caller waits for."""

    def setUp(self):
        super().setUp()
        self.sh = _native.Template("sh")
        self.addCleanup(self.sh.close)

    def spawn(self, script, env=None, **kwargs):
        """Launch a shell, and return its output."""
        reader, writer = os.pipe()
        try:
            pid, pidfd = self.sh.spawn(SH + [script], env, stdout=writer,
                                       **kwargs)
            self.assertFalse(os.get_inheritable(pidfd))
            os.close(pidfd)
            os.close(writer)
            writer = -1
            with open(reader, "rb", closefd=False) as file:
                out = file.read()
            self.assertEqual(status(pid), 0)
            return out
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)

    def error(self, *args, **kwargs):
        with self.assertRaises(OSError) as caught:
            pid, pidfd = self.sh.spawn(*args, **kwargs)
            os.close(pidfd)
            status(pid)
        return caught.exception

    def test_argv_takes_strings_bytes_and_paths(self):
        class Path:
            def __fspath__(self):
                return b"path"
        reader, writer = os.pipe()
        pid, pidfd = self.sh.spawn(
            (b"sh", "-c", 'printf "%s." "$@"', "-", Path(), "\udcff", "é"),
            stdout=writer)
        os.close(writer)
        with open(reader, "rb") as file:
            self.assertEqual(file.read(), b"path.\xff.\xc3\xa9.")
        os.close(pidfd)
        self.assertEqual(status(pid), 0)

    def test_wrong_argv_is_refused(self):
        for argv in ("sh", b"sh", 5, None, [1], [None]):
            with self.assertRaises(TypeError, msg=argv):
                self.sh.spawn(argv)
        for argv in ([], (), ["a\0b"], [b"\0"]):
            with self.assertRaises(ValueError, msg=argv):
                self.sh.spawn(argv)

    def test_spawn_takes_the_environment_of_the_moment(self):
        os.environ["ST_TEST"] = "set"
        self.addCleanup(os.environ.pop, "ST_TEST", None)
        self.assertEqual(self.spawn("echo $ST_TEST"), b"set\n")
        del os.environ["ST_TEST"]
        self.assertEqual(self.spawn("echo $ST_TEST"), b"\n")

    def test_the_environment_is_the_one_given(self):
        script = "echo $A,$HOME"
        for env in ({"A": "1"}, {b"A": b"1"}, {"A": b"1"}, [b"A=1"],
                    (b"A=1",)):
            self.assertEqual(self.spawn(script, env), b"1,\n", env)
        self.assertEqual(self.spawn(script, {}), b",\n")
        self.assertEqual(self.spawn("echo ${A-unset}", {"=A": "1"}),
                         b"unset\n")

    def test_wrong_environments_are_refused(self):
        for env in ({"A=B": "1"}, {"": "1"}, {"A": "1\0"}, {"A\0": "1"},
                    [b"A=\0"]):
            with self.assertRaises(ValueError, msg=env):
                self.sh.spawn(["sh"], env)
        for env in ({"A": 1}, {1: "A"}, ["A=1"], 5, "A=1"):
            with self.assertRaises((TypeError, AttributeError), msg=env):
                self.sh.spawn(["sh"], env)

    def test_cwd_takes_strings_bytes_and_paths(self):
        for cwd in (self.dir, str(self.dir), os.fsencode(self.dir)):
            self.assertEqual(self.spawn("pwd", cwd=cwd).strip(),
                             os.fsencode(os.path.realpath(self.dir)))

    def test_standard_streams_may_change_places(self):
        """The caller's 0, 1 and 2 become the child's in any combination."""
        out = support.python("""
            import itertools, os, subprocess, sys
            from spawn_template import _native
            readlink = _native.Template("readlink")
            names = [os.path.join(sys.argv[1], n) for n in "abc"]
            say = os.dup(1)
            for fd in range(3):
                opened = os.open(names[fd], os.O_RDWR | os.O_CREAT)
                os.dup2(opened, fd, inheritable=False)
                os.close(opened)
            for std in itertools.product((0, 1, 2, -1), repeat=3):
                # -1 with close-on-exec is closed: look at the others only
                fds = [fd for fd in (0, 1, 2) if std[fd] >= 0]
                if 1 not in fds:
                    continue
                file = std[1]
                os.ftruncate(file, 0)
                os.lseek(file, 0, os.SEEK_SET)
                pid, pidfd = readlink.spawn(
                    ["readlink"] + [f"/proc/self/fd/{fd}" for fd in fds],
                    stdin=std[0], stdout=std[1], stderr=std[2])
                os.close(pidfd)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                got = os.pread(file, 4096, 0).decode().split()
                want = [names[std[fd]] for fd in fds]
                if got != want or code:
                    os.write(say, f"{std}: {code} {got} {want}\\n".encode())
            os.write(say, b"done\\n")
            """, str(self.dir))
        self.assertEqual(out, "done\n")

    def test_only_passed_descriptors_are_inherited(self):
        reader, writer = os.pipe()
        keep = os.dup(reader)
        self.addCleanup(os.close, keep)
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        os.set_inheritable(writer, True)
        # list those of the three that the shell has
        script = (f"for fd in {reader} {writer} {keep}; do "
                  "[ -e /proc/$$/fd/$fd ] && echo $fd; done; true")
        self.assertEqual(self.spawn(script), b"")
        self.assertEqual(self.spawn(script, pass_fds=[keep]),
                         b"%d\n" % keep)
        self.assertEqual(self.spawn(script, close_fds=False),
                         b"%d\n" % writer)
        self.assertFalse(os.get_inheritable(keep))

    def test_sigpipe_and_sigxfsz_are_restored_unless_told_not_to(self):
        read = "sed -n 's/^SigIgn:\t//p' /proc/self/status"
        both = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
        self.assertEqual(int(self.spawn(read), 16) & both, 0)
        self.assertEqual(
            int(self.spawn(read, restore_signals=False), 16) & both, both)

    def test_session_group_and_umask_are_set(self):
        fields = "cut -d' ' -f1,5,6 /proc/self/stat"
        pid, group, session = self.spawn("exec " + fields,
                                         start_new_session=True).split()
        self.assertEqual((pid, pid), (group, session))
        pid, group, session = self.spawn("exec " + fields,
                                         process_group=0).split()
        self.assertEqual(pid, group)
        self.assertEqual(int(session), os.getsid(0))
        self.assertEqual(int(self.spawn("umask", umask=0o27), 8), 0o27)

    @unittest.skipIf(os.getuid(), "not root")
    def test_ids_and_groups_are_set(self):
        out = self.spawn("id -u; id -g; id -G", uid=1234, gid=2345,
                         groups=[3456, 4567])
        self.assertEqual(out.split(), [b"1234", b"2345", b"2345", b"3456",
                                       b"4567"])
        out = self.spawn("id -G", gid=7, groups=())
        self.assertEqual(out, b"7\n")

    def test_spawn_errors_tell_stage_action_and_filename(self):
        e = self.error(["sh"], cwd=self.dir / "none")
        self.assertIsInstance(e, FileNotFoundError)
        self.assertEqual((e.stage, e.action, e.filename),
                         (_native.STAGE_ACTION, "chdir", self.dir / "none"))
        e = self.error(["sh"], stdin=999)
        self.assertEqual((e.errno, e.stage, e.action, e.filename),
                         (errno.EBADF, _native.STAGE_ACTION, "dup2", None))
        e = self.error(["sh"], pass_fds=[999])
        self.assertEqual((e.errno, e.stage, e.action),
                         (errno.EBADF, _native.STAGE_ACTION, "keep"))
        e = self.error(["sh", "x" * (1 << 20)] * 3)
        self.assertEqual((e.errno, e.stage, e.action, e.filename),
                         (errno.E2BIG, _native.STAGE_EXEC, None,
                          self.sh.path))
        e = self.error(["sh"], pass_fds=range(300))
        self.assertEqual(e.errno, errno.E2BIG)
        if os.getuid() == 0:
            e = self.error(["sh"], process_group=1 << 22)
            self.assertEqual(e.stage, _native.STAGE_ATTR)

    def test_errors_have_the_sentence_of_the_library(self):
        e = self.error(["sh"], cwd="/nowhere", stdin=0)
        self.assertEqual(e.strerror, "action 1 failed: No such file or directory; "
                                     "check the path that it names")
        self.assertTrue(str(e).endswith("names: '/nowhere'"), str(e))
        e = self.error(["sh", "x" * (1 << 20)])
        self.assertRegex(e.strerror, "^exec failed: Argument list too long; .*128 KiB")
        with self.assertRaises(FileNotFoundError) as caught:
            _native.Template("nosuch")
        self.assertRegex(caught.exception.strerror,
                         "^cannot be launched: No such file or directory; check ")
        ring = _native.Ring(1)
        self.addCleanup(ring.close)
        ring.run(self.sh, 1, ["sh", "-c", "exit 0"], cwd="/nowhere")
        _, error, _ = ring.wait()
        self.assertRegex(error.strerror, "^action [0-9] failed: No such file")

    def test_other_errors_have_the_words_of_the_system(self):
        ring = _native.Ring(1)
        self.addCleanup(ring.close)
        ring.run(self.sh, 1, ["sh", "-c", "exit 0"])
        with self.assertRaises(BlockingIOError) as caught:
            ring.run(self.sh, 2, ["sh", "-c", "exit 0"])
        self.assertEqual(caught.exception.strerror, os.strerror(errno.EAGAIN))
        with self.assertRaises(OSError) as caught:
            _native.Ring(1 << 20)
        self.assertEqual(caught.exception.strerror, os.strerror(errno.EINVAL))

    def test_spawn_refuses_wrong_values(self):
        for kwargs in (dict(pass_fds=[-1]), dict(pass_fds=[1 << 40])):
            with self.assertRaises(ValueError, msg=kwargs):
                self.sh.spawn(["sh"], **kwargs)
        for kwargs in (dict(uid=-1), dict(gid=1 << 32), dict(groups=[-1])):
            with self.assertRaises(OverflowError, msg=kwargs):
                self.sh.spawn(["sh"], **kwargs)
        for kwargs in (dict(pass_fds=5), dict(groups="a"), dict(stdin="a"),
                       dict(uid="root"), dict(cwd=5), dict(nonsense=1)):
            with self.assertRaises(TypeError, msg=kwargs):
                self.sh.spawn(["sh"], **kwargs)


class Template(support.TestCase):
    """Templates: names, changes, stat() and close()."""

    def test_a_template_is_found_by_name_path_and_search_path(self):
        for name in ("true", b"true", "/bin/true"):
            with _native.Template(name) as t:
                self.assertTrue(t.path.endswith("/true"))
                self.assertGreater(t.fd, 2)
                self.assertFalse(os.get_inheritable(t.fd))
        self.program("a-name")
        with _native.Template("a-name", search_path=self.dir) as t:
            self.assertEqual(t.path, str(self.dir / "a-name"))
        with self.assertRaises(FileNotFoundError) as caught:
            _native.Template("a-name")
        self.assertEqual(caught.exception.filename, "a-name")
        self.assertEqual(caught.exception.stage, _native.STAGE_ARGS)

    def test_scripts_need_a_flag(self):
        path = self.dir / "script"
        path.write_text("#!/bin/sh\nexit 7\n")
        path.chmod(0o755)
        with self.assertRaises(OSError) as caught:
            _native.Template(path)
        self.assertEqual(caught.exception.errno, errno.ENOEXEC)
        with _native.Template(path, flags=_native.CREATE_SCRIPT) as t:
            self.assertEqual(t.run(["script"]).code, 7)

    def test_a_replaced_file_is_stale_until_refresh(self):
        path = self.program()
        with _native.Template(path) as t:
            self.assertEqual(t.run(["x"]).code, 0)
            t.check()
            self.program("new", "/bin/false").rename(path)
            for call in (t.check, lambda: t.spawn(["x"]),
                         lambda: t.run(["x"])):
                with self.assertRaises(OSError) as caught:
                    call()
                self.assertEqual(caught.exception.errno, errno.ESTALE)
            stat = t.stat()
            self.assertEqual((stat["state"], stat["stale_reason"]),
                             ("stale", "path replaced"))
            t.refresh()
            self.assertEqual(t.run(["x"]).code, 1)
            self.assertEqual(t.stat()["launches"]["stale"], 2)

    def test_stat_tells_key_state_and_launches(self):
        with _native.Template("true") as t:
            for _ in range(3):
                t.run(["true"])
            stat = t.stat()
        real = os.stat(stat["path"])
        self.assertEqual(stat["key"]["ino"], real.st_ino)
        self.assertEqual(stat["key"]["mtime_ns"], real.st_mtime_ns)
        self.assertEqual(stat["launches"],
                         dict(cold=3, warm=0, stale=0, refused=0, failed=0))
        self.assertEqual((stat["state"], stat["stale_reason"],
                          stat["format"]), ("fresh", None, "elf"))

    def test_stat_tells_why_it_launches_by_path(self):
        path = self.program()
        os.link(path, self.dir / "other")
        with _native.Template(path) as t:
            self.assertEqual((t.stat()["launch_by"], t.stat()["by_path_reason"]),
                             ("path", "hard_link"))

    def test_every_word_of_stat_is_the_commands(self):
        top = pathlib.Path(__file__).resolve().parents[3]
        words = [re.findall(r'\[(SPAWN_TEMPLATE_\w+|0)\] = "(.*?)"',
                            (top / path).read_text())
                 for path in ("bindings/python/native/template_stat.c",
                              "src/cli/stat_names.h")]
        self.assertGreater(len(words[0]), 20)
        self.assertEqual(*words)

    def test_close_waits_for_those_who_use_it(self):
        t = _native.Template("cat")
        fd = t.fd
        results = []
        os.mkfifo(self.dir / "fifo")
        thread = threading.Thread(
            target=lambda: results.append(t.run(["cat", self.dir / "fifo"])))
        thread.start()
        self.assertTrue(support.eventually(
            lambda: t.stat()["launches"]["cold"]))
        t.close()
        self.assertEqual(t.fd, -1)
        self.assertIn(fd, support.fds())
        for call in (t.check, t.stat, t.refresh, lambda: t.spawn(["a"])):
            with self.assertRaises(ValueError):
                call()
        (self.dir / "fifo").write_text("x")
        thread.join()
        self.assertEqual((results[0].code, results[0].out), (0, b"x"))
        self.assertNotIn(fd, support.fds())
        t.close()

    def test_a_template_without_references_is_closed(self):
        t = _native.Template("true")
        fd = t.fd
        del t
        self.assertNotIn(fd, support.fds())


class Popen:
    """A stand-in for subprocess.Popen, which a launch gives its pid."""

    def wait(self):
        return status(self.pid)


class Cache(support.TestCase):
    """Launches for a Popen through the cache of templates."""

    def setUp(self):
        super().setUp()
        self.cache = _native.Cache(2, negative=60)

    @staticmethod
    def how(stdin=-1, cwd=None):
        """Return the rest of the arguments."""
        return (stdin, -1, -1, (), True, cwd, -1, None, None, None, False, -1, True)

    def launch(self, *names, event=None, **kwargs):
        popen = Popen()
        outcome = self.cache.launch(names, event, popen, (), None, ["name"], {},
                                    *self.how(**kwargs))
        if outcome is None:
            return popen.wait()
        self.assertNotIn("pid", popen.__dict__)
        return outcome

    def test_the_first_name_that_exists_decides(self):
        false = os.fsencode(self.program("false", "/bin/false"))
        text = self.dir / "text"
        text.write_text("no program")
        names = [b"/none/a", b"\0", os.fsencode(self.dir) + b"/none", false, b"/bin/true"]
        self.assertEqual(self.launch(*names), 1)
        self.assertEqual(self.launch(os.fsencode(text), *names), errno.EACCES)
        text.chmod(0o755)
        self.assertEqual(self.launch(os.fsencode(text), *names), errno.ENOEXEC)
        self.assertEqual(self.launch(b"/none/a"), "executable not found")
        self.assertEqual(self.launch(b"x" * 5000), "executable not found")
        self.assertEqual(self.launch(), "executable not found")
        self.assertEqual(self.launch(os.fsencode(text)), errno.ENOEXEC)
        self.assertEqual(self.cache.stat()["refused"], 1)

    def test_a_relative_name_counts_from_the_cwd_of_the_child(self):
        self.program("program", "/bin/false")
        (self.dir / "script").write_text("#!/bin/sh\nexit 3\n")
        (self.dir / "script").chmod(0o755)
        self.assertEqual(self.launch(b"./program", cwd=self.dir), 1)
        self.assertEqual(self.launch(b"program", cwd=os.path.relpath(self.dir)), 1)
        self.assertEqual(self.launch(os.fsencode(os.path.relpath(self.dir / "program"))), 1)
        self.assertEqual(self.launch(b"script", cwd=self.dir), "script by relative path")
        self.assertEqual(self.launch(os.fsencode(self.dir / "script")), 3)
        self.assertEqual(self.launch(b"x" * 3000, cwd="/" + "y" * 2000),
                         "executable not found")
        self.assertEqual(self.cache.stat()["out"], 0)

    def test_a_file_that_changes_is_counted(self):
        program = self.program()
        self.assertEqual(self.launch(os.fsencode(program)), 0)
        program.unlink()
        self.program(source="/bin/false")
        self.assertEqual(self.launch(os.fsencode(program)), 1)
        stat = self.cache.stat()
        self.assertEqual((stat["made"], stat["changed"], stat["known"]), (2, 1, 1))

    def test_a_failed_launch_is_an_error_with_the_path(self):
        error = self.launch(b"/bin/true", cwd="/none")
        self.assertEqual((error.errno, error.filename, error.stage, error.action),
                         (errno.ENOENT, "/none", _native.STAGE_ACTION, "chdir"))
        error = self.launch(b"/bin/true", stdin=999)
        self.assertEqual((error.errno, error.stage), (errno.EBADF, _native.STAGE_ACTION))
        self.assertEqual(self.cache.stat()["out"], 0)

    def test_a_launch_is_begun_without_waiting(self):
        popen = Popen()
        pending = self.cache.begin((b"/none", b"/bin/false"), None, popen, (), None,
                                   ["false"], None, *self.how())
        select.select([pending], [], [], 10)
        self.assertIsNone(pending.end())
        self.assertEqual(status(pending.pid), 1)
        self.assertEqual(
            self.cache.begin((b"/none",), None, popen, (), None, ["x"], None,
                             *self.how()), "executable not found")
        self.assertEqual(self.cache.stat()["out"], 0)

    def test_a_finalizer_may_drop_a_launch_that_ends(self):
        class Owner:
            def __init__(self, pending):
                self.pending, self.me = pending, self

            def __del__(self):
                self.pending.drop()
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        for threshold in range(1, 12):
            pending = self.cache.begin((b"/bin/true",), None, Popen(), (), None, ["x"],
                                       None, *self.how(cwd="/none"))
            select.select([pending], [], [], 10)
            gc.collect()
            gc.disable()
            gc.set_threshold(threshold, 1, 1)
            Owner(pending)
            gc.enable()
            try:
                self.assertEqual(pending.end().filename, "/none")
            except ValueError as error:
                self.assertEqual(str(error), "the launch is over")
            gc.set_threshold(0)

    def test_a_cache_refuses_wrong_values(self):
        for args in ((), (5000,), ("a",)):
            with self.assertRaises((TypeError, OSError)):
                _native.Cache(*args)
        for names in ([b"/bin/true"], ("/bin/true",), None, (None,)):
            with self.assertRaises(TypeError):
                self.cache.launch(names, None, Popen(), (), None, ["true"], None,
                                  *self.how())
        error = self.cache.launch((b"/bin/true",), None, Popen(), (), None, ["true"])
        self.assertIsInstance(error, TypeError)

    def test_an_audit_event_comes_between_template_and_launch(self):
        out = support.python("""
            import sys
            from spawn_template import _native

            class Popen:
                pass

            def hook(event, args):
                if event == "of.ours":
                    print(event, *args, cache.stat()["out"])
                    if args[0]:
                        raise KeyError(args[0])

            def launch(name, *event):
                try:
                    return cache.launch(
                        (name,), event, Popen(), (), None, ["true"], None, -1, -1, -1,
                        (), True, None, -1, None, None, None, False, -1, True)
                except KeyError as error:
                    return error

            cache = _native.Cache(2)
            sys.addaudithook(hook)
            print(launch(b"/none", "of.ours", 1))
            print(launch(b"/bin/true", "of.ours", 0))
            print(launch(b"/bin/true", "of.ours", 2))
            print(cache.stat()["out"])
            """)
        self.assertEqual(out, "executable not found\nof.ours 0 1\nNone\n"
                         "of.ours 2 1\n2\n0\n")


class Result(support.TestCase):
    """The results of runs."""

    def setUp(self):
        super().setUp()
        self.sh = _native.Template("sh")
        self.addCleanup(self.sh.close)

    def test_a_result_tells_code_output_and_usage(self):
        r = self.sh.run(SH + ["cat; echo err >&2; exit 3"], None,
                        b"in\0put\xff")
        self.assertEqual((r.code, r.signal, r.returncode, r.out, r.err),
                         (3, -1, 3, b"in\0put\xff", b"err\n"))
        self.assertEqual((r.timed_out, r.out_truncated, r.err_truncated,
                          r.tree_killed, r.pipe_held, r.status_lost,
                          r.cgroup, r.not_killed, r.unseen), (False,) * 9)
        self.assertGreater(r.spawn_ns, 0)
        self.assertGreater(r.total_ns, r.spawn_ns)
        self.assertIsInstance(r.usage, resource.struct_rusage)
        self.assertGreater(r.usage.ru_maxrss, 0)
        self.assertGreater(r.usage.ru_minflt, 0)
        self.assertIn("code=3", repr(r))

    def test_usage_tells_the_processor_time_of_a_run(self):
        r = self.sh.run(SH + ["i=0; while [ $i -lt 100000 ]; do i=$((i+1)); "
                              "done"])
        cpu = r.usage.ru_utime + r.usage.ru_stime
        self.assertGreater(cpu, 0.01)
        self.assertLess(cpu, r.total_ns / 1e9 + 0.1)
        self.assertEqual(len(r.usage), 16)

    def test_a_result_tells_the_signal(self):
        r = self.sh.run(SH + ["kill -9 $$"])
        self.assertEqual((r.code, r.signal, r.returncode), (-1, 9, -9))

    def test_a_timeout_ends_a_run(self):
        r = self.sh.run(SH + ["echo begun; sleep 60"], timeout=0.2)
        self.assertTrue(r.timed_out and r.tree_killed)
        self.assertEqual((r.out, r.signal), (b"begun\n", 9))
        r = self.sh.run(SH + ["trap 'exit 5' TERM; sleep 60 & wait"],
                        timeout=0.2, grace=10)
        self.assertEqual((r.timed_out, r.tree_killed, r.code),
                         (True, False, 5))
        for none_left in (0, -1, 1e-12):
            self.assertTrue(self.sh.run(SH + ["sleep 60"],
                                        timeout=none_left).timed_out)
        self.assertEqual(self.sh.run(SH + ["exit"], timeout=1e300).code, 0)

    def test_max_output_limits_each_stream(self):
        r = self.sh.run(SH + ["printf 123456; printf 12345 >&2"],
                        max_output=5)
        self.assertEqual((r.out, r.out_truncated, r.err, r.err_truncated),
                         (b"12345", True, b"12345", False))

    def test_output_is_merged_or_not_captured(self):
        r = self.sh.run(SH + ["echo 1; echo 2 >&2; echo 3"],
                        merge_stderr=True)
        self.assertEqual((r.out, r.err), (b"1\n2\n3\n", b""))
        r = self.sh.run(SH + [":"], capture=False)
        self.assertEqual((r.out, r.err), (None, None))
        self.assertIn("out=0", repr(r))

    def test_input_takes_bytes_bytearray_and_memoryview(self):
        for data in (b"abc", bytearray(b"abc"), memoryview(b"xabcx")[1:4]):
            self.assertEqual(self.sh.run(SH + ["cat"], input=data).out,
                             b"abc")
        big = os.urandom(3 << 20)
        self.assertEqual(self.sh.run(SH + ["cat"], input=big).out, big)
        self.assertEqual(self.sh.run(SH + ["cat"]).out, b"")
        for data in ("abc", 5, [1, 2]):
            with self.assertRaises(TypeError):
                self.sh.run(["sh"], input=data)

    def test_run_refuses_wrong_values(self):
        for kwargs in (dict(max_output=0), dict(timeout=float("nan"))):
            with self.assertRaises(ValueError):
                self.sh.run(["sh"], **kwargs)
        with self.assertRaises(OverflowError):
            self.sh.run(["sh"], max_output=-1)
        with self.assertRaises(TypeError):
            self.sh.run(["sh"], timeout="1")
        with self.assertRaises(TypeError):
            _native.Result()

    def test_a_result_cannot_be_changed(self):
        r = self.sh.run(SH + [":"])
        for name in ("code", "out", "timed_out", "returncode"):
            with self.assertRaises(AttributeError):
                setattr(r, name, 1)


class Ring(support.TestCase):
    """Rings: many runs and launches at a time."""

    def setUp(self):
        super().setUp()
        self.ring = _native.Ring(8)
        self.sh = _native.Template("sh")
        self.addCleanup(self.sh.close)
        self.addCleanup(self.ring.close)
        self.thresholds = gc.get_threshold()

    def finish(self, n):
        done = []
        while len(done) < n:
            one = self.ring.wait()
            if one:
                done.append(one)
        return done

    def test_runs_complete_with_their_tokens(self):
        tokens = [object() for _ in range(8)]
        for i, token in enumerate(tokens):
            self.ring.run(self.sh, token, SH + [f"echo {i}; exit {i}"])
        self.assertEqual(self.ring.submit(), 8)
        done = {token: (error, result)
                for token, error, result in self.finish(8)}
        for i, token in enumerate(tokens):
            error, result = done[token]
            self.assertIsNone(error)
            self.assertEqual((result.code, result.out),
                             (i, b"%d\n" % i))

    def test_a_spawn_completes_with_pid_and_pidfd(self):
        reader, writer = os.pipe()
        self.ring.spawn(self.sh, "a", SH + ["echo hi"], stdout=writer)
        ((token, error, (pid, pidfd)),) = self.finish(1)
        os.close(writer)
        with open(reader, "rb") as file:
            self.assertEqual(file.read(), b"hi\n")
        self.assertEqual((token, error, status(pid)), ("a", None, 0))
        os.close(pidfd)

    def test_errors_come_as_completions(self):
        self.ring.run(self.sh, 1, ["sh"], cwd="/none")
        self.ring.spawn(self.sh, 2, ["sh"], stdin=999)
        done = {token: (error, value) for token, error, value
                in self.finish(2)}
        error, value = done[1]
        self.assertIsInstance(error, FileNotFoundError)
        self.assertEqual((error.filename, error.action, value),
                         ("/none", "chdir", None))
        error, value = done[2]
        self.assertEqual((error.errno, error.action, error.stage, value),
                         (errno.EBADF, "dup2", _native.STAGE_ACTION, None))

    def test_a_full_ring_raises_BlockingIOError(self):
        for i in range(8):
            self.ring.run(self.sh, i, SH + [":"])
        with self.assertRaises(BlockingIOError):
            self.ring.run(self.sh, 9, SH + [":"])
        self.finish(8)
        self.ring.run(self.sh, 9, SH + [":"])
        self.finish(1)

    def test_reap_takes_as_many_as_asked_for(self):
        for i in range(8):
            self.ring.run(self.sh, i, SH + [":"])
        self.ring.submit()
        self.assertEqual(self.ring.reap(0), [])
        done = []
        while len(done) < 8:
            some = self.ring.reap(1)
            self.assertLessEqual(len(some), 1)
            done += some
            time.sleep(0.01)
        self.assertEqual(self.ring.reap(), [])

    def test_cancel_ends_all_runs_of_a_token(self):
        token = object()
        self.assertEqual(self.ring.cancel(token), 0)
        for _ in range(2):
            self.ring.run(self.sh, token, SH + ["echo $$; exec sleep 60"])
        self.ring.run(self.sh, "other", SH + ["sleep 0.3"])
        self.ring.submit()
        self.assertTrue(support.eventually(
            lambda: self.sh.stat()["launches"]["cold"] == 3))
        self.assertEqual(self.ring.cancel(token), 2)
        for found, error, result in self.finish(2):
            self.assertIs(found, token)
            self.assertEqual(error.errno, errno.ECANCELED)
            self.assertEqual(result.signal, signal.SIGKILL)
        ((found, error, result),) = self.finish(1)
        self.assertEqual((found, error, result.code), ("other", None, 0))

    def test_a_forgotten_token_is_released_at_once(self):
        class Token:
            pass
        token = Token()
        alive = weakref.ref(token)
        self.ring.run(self.sh, token, SH + ["sleep 60"])
        self.assertEqual(self.ring.cancel(token, True), 1)
        del token
        self.assertIsNone(alive())
        ((found, error, result),) = self.finish(1)
        self.assertEqual((found, error.errno, result),
                         (None, errno.ECANCELED, None))

    def test_close_kills_programs_in_flight(self):
        self.ring.run(self.sh, None, SH + [f"echo $$ >{self.dir}/pid; "
                                           "sleep 60"])
        self.ring.submit()
        path = self.dir / "pid"
        self.assertTrue(support.eventually(
            lambda: path.exists() and path.read_text()))
        self.ring.close()
        self.assertFalse(support.is_alive(int(path.read_text())))
        for call in (self.ring.fileno, self.ring.submit, self.ring.reap,
                     self.ring.wait, lambda: self.ring.cancel(1),
                     lambda: self.ring.run(self.sh, 1, ["sh"])):
            with self.assertRaises(ValueError):
                call()
        self.ring.close()

    def test_close_returns_tokens_in_flight(self):
        for token in "a", "b":
            self.ring.run(self.sh, token, SH + ["sleep 60"])
        self.assertEqual(sorted(self.ring.close()), ["a", "b"])
        self.assertEqual(self.ring.close(), [])

    def test_cancel_and_forget_leaves_a_complete_run(self):
        self.ring.run(self.sh, "x", SH + [":"])
        self.ring.submit()
        select.select([self.ring], [], [], 10)
        self.assertEqual(self.ring.cancel("x", True), 0)
        ((token, error, _),) = self.finish(1)
        self.assertEqual((token, error), ("x", None))

    def test_a_conversion_may_change_the_environment(self):
        """A conversion of cwd changes os.environ, which then has another address."""
        names = ["ST_%d" % i for i in range(3000)]

        class Path:
            def __fspath__(self):
                for name in names:
                    os.environ[name] = "x" * 50
                return "/"
        try:
            self.ring.run(self.sh, 1, SH + ["echo $ST_2999"], cwd=Path())
        finally:
            for name in names:
                os.environ.pop(name, None)
        ((_, error, result),) = self.finish(1)
        self.assertEqual((error, result.out), (None, b"x" * 50 + b"\n"))

    def test_many_threads_may_close_a_ring(self):
        for _ in range(20):
            ring = _native.Ring(4)
            left = []
            for i in range(4):
                ring.run(self.sh, i, SH + ["sleep 60"])
            ring.submit()
            threads = [threading.Thread(target=lambda: left.append(ring.close()))
                       for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(left), 4)
            self.assertEqual(sorted(sum(left, [])), [0, 1, 2, 3])

    def test_close_is_refused_while_another_thread_waits(self):
        seen = []
        thread = threading.Thread(
            target=lambda: seen.append(self.ring.wait()))
        self.ring.run(self.sh, "x", SH + ["sleep 0.3"])
        thread.start()
        time.sleep(0.1)
        with self.assertRaises(RuntimeError):
            self.ring.close()
        thread.join()
        self.assertEqual(seen[0][0], "x")

    def test_wait_takes_a_timeout(self):
        start = time.monotonic()
        self.assertIsNone(self.ring.wait(100))
        self.assertGreater(time.monotonic() - start, 0.09)
        self.assertIsNone(self.ring.wait(0))

    def test_template_is_kept_while_in_flight(self):
        t = _native.Template("sleep")
        fd = t.fd
        self.ring.run(t, 1, ["sleep", "0.2"])
        t.close()
        del t
        self.assertIn(fd, support.fds())
        ((_, error, result),) = self.finish(1)
        self.assertEqual((error, result.code), (None, 0))
        self.assertNotIn(fd, support.fds())

    def test_a_cycle_through_a_token_is_collected(self):
        class Token:
            pass
        token = Token()
        token.ring = _native.Ring(1)
        token.ring.run(self.sh, token, SH + ["sleep 60"])
        token.ring.submit()
        alive = weakref.ref(token)
        del token
        gc.collect()
        self.assertIsNone(alive())

    def test_a_finalizer_may_close_the_ring_at_every_allocation(self):
        """Before Python 3.12, garbage is collected inside of C code that allocates."""
        for how in "launch", "error", "close":
            for threshold in range(1, 24):
                with self.subTest(how=how, threshold=threshold):
                    self.assertEqual(self.closed_by_garbage(how, threshold), 8)

    def closed_by_garbage(self, how, threshold):
        """Return how many tokens came back, by completions or by close()."""
        class Owner:
            def __init__(self, ring):
                self.ring, self.me = ring, self

            def __del__(self):
                back.extend(self.ring.close())
        ring, back = _native.Ring(8), []
        for i in range(8):
            if how == "error":
                ring.run(self.sh, i, ["sh"], cwd="/none")
            else:
                ring.spawn(self.sh, i, SH + [":"])
        ring.submit()
        done = [ring.wait()] if how != "close" else []
        gc.collect()
        gc.disable()
        gc.set_threshold(threshold, 1, 1)
        Owner(ring)
        gc.enable()
        try:
            if how == "close":
                back.extend(ring.close())
            else:
                done += ring.reap()
        except ValueError as error:
            self.assertEqual(str(error), "the ring is closed")
        finally:
            gc.set_threshold(*self.thresholds)
        gc.collect()
        for _, error, value in done:
            self.assertEqual(bool(error), how == "error")
            if value:
                os.close(value[1])
        with self.assertRaises(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        return len(done) + len(back)

    def test_a_ring_refuses_wrong_values(self):
        for entries in (0, _native.RING_ENTRIES_MAX + 1):
            with self.assertRaises(OSError):
                _native.Ring(entries)
        with self.assertRaises(TypeError):
            self.ring.run("sh", None, ["sh"])
        t = _native.Template("true")
        t.close()
        with self.assertRaises(ValueError):
            self.ring.run(t, None, ["true"])


class Threads(support.TestCase):
    """Threads go on while one waits: the GIL is not held."""

    def test_another_thread_goes_on_during_a_run(self):
        with _native.Template("sleep") as t:
            self.assertGreater(
                support.turns_during(lambda: t.run(["sleep", "0.5"])), 20)

    def test_another_thread_goes_on_during_wait(self):
        ring = _native.Ring(2)
        self.assertGreater(
            support.turns_during(lambda: ring.wait(500)), 20)
        with _native.Template("sleep") as t:
            ring.run(t, None, ["sleep", "60"])
        ring.close()

    def test_many_threads_launch(self):
        errors = []

        def work(t):
            try:
                for _ in range(20):
                    pid, pidfd = t.spawn(["true"])
                    os.close(pidfd)
                    if status(pid):
                        raise RuntimeError("exit")
            except BaseException as e:
                errors.append(e)
        with _native.Template("true") as t:
            threads = [threading.Thread(target=work, args=(t,))
                       for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])


class Process(support.TestCase):
    """Forked children, and interpreters beside the main one."""

    @support.forks
    def test_a_forked_child_needs_templates_and_rings_of_its_own(self):
        t = _native.Template("true")
        ring = _native.Ring(2)
        ring.run(t, None, ["true"])
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                for call in (t.check, lambda: t.run(["true"]), ring.submit,
                             ring.fileno):
                    try:
                        call()
                        os._exit(2)
                    except PermissionError:
                        pass
                t.close()
                ring.close()
                with _native.Template("true") as own:
                    mine = _native.Ring(2)
                    mine.run(own, "mine", ["true"])
                    code = mine.wait()[2].code
                    mine.close()
            finally:
                os._exit(code)
        self.assertEqual(status(pid), 0)
        self.assertEqual(ring.wait()[2].code, 0)
        ring.close()
        t.close()

    def test_every_failed_allocation_is_survived(self):
        try:
            import _testcapi    # noqa: F401
        except ImportError:
            self.skipTest("this Python has nothing that takes memory away")
        script = pathlib.Path(__file__).with_name("no_memory.py")
        self.assertEqual(support.python(script.read_text()), "done\n")

    def test_subinterpreters_are_refused(self):
        out = support.python("""
            try:
                import _interpreters as interpreters
            except ImportError:
                import _xxsubinterpreters as interpreters
            try:
                one = interpreters.create("legacy")
            except TypeError:
                one = interpreters.create()
            code = "import sys; sys.path[:] = %r\\n" % __import__("sys").path
            code += '''if 1:
                try:
                    import spawn_template
                except ImportError as e:
                    print(e, flush=True)
            '''
            failed = interpreters.run_string(one, code)
            if failed:
                print(failed)
            """)
        self.assertIn("subinterpreters", out)


if __name__ == "__main__":
    unittest.main()
