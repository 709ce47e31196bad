# SPDX-License-Identifier: BSD-2-Clause
"""Common parts of the tests."""
import gc
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

SH = ["sh", "-c"]

# A thread may hold a lock of AddressSanitizer's allocator (in gcc 12, for example)
# when another one forks; the child then waits for the lock.
forks = unittest.skipIf("libasan" in os.environ.get("LD_PRELOAD", ""),
                        "AddressSanitizer and threads do not survive fork")


def fds():
    """Return the descriptors of this process with their targets."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink("/proc/self/fd/" + name)
        except FileNotFoundError:
            pass    # the listing's own has been closed
    return found


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def eventually(condition, seconds=10):
    """Wait until the condition is true, and tell whether it has become so."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def turns_during(wait):
    """Return how far another thread comes during the call."""
    turns = 0
    stop = threading.Event()

    def count():
        nonlocal turns
        while not stop.is_set():
            turns += 1
            time.sleep(0.001)
    thread = threading.Thread(target=count)
    thread.start()
    turns = 0
    wait()
    seen = turns
    stop.set()
    thread.join()
    return seen


def python(code, *args, check=True, **kwargs):
    """Run code in another interpreter, and return its output."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=60, **kwargs)
    if check and done.returncode:
        raise AssertionError(f"exit {done.returncode}: {done.stdout}")
    return done.stdout


class TestCase(unittest.TestCase):
    """A test that may leave no descriptor and no child.

    kept: how the names of files begin that may stay open
    """

    kept = ()

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.dir)
        gc.collect()
        self._fds = fds()
        self.addCleanup(self._check_left)

    def _check_left(self):
        gc.collect()
        left = {}

        def clean():
            left.clear()
            left.update((fd, name) for fd, name in fds().items()
                        if fd not in self._fds
                        and not name.startswith(self.kept))
            return not left
        if not eventually(clean, 2):
            raise AssertionError(f"descriptors left open: {left}")
        with self.assertRaises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    def program(self, name="program", source="/bin/true"):
        """Copy a program that a test may change."""
        path = self.dir / name
        shutil.copy(source, path)
        return path
